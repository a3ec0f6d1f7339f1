"""`make sbom`: what a release is made of, as a bill of materials: CycloneDX 1.6 in JSON (https://cyclonedx.org/specification/).

    python -m contrib.release.sbom FILE

The same tree gives the same bytes: it has no date, and its serial number follows from what it says.
"""

from __future__ import annotations

import sys
import uuid
from pathlib import Path

from cyclonedx.contrib.hash.factories import HashTypeFactory
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from hpm.version import VERSION

from .licences import licence_of
from .parts import HPM, Part, node_parts, python_parts

#: So that serial numbers of ours are nobody else's.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:hpm:sbom")


def sbom(version: str, parts: list[Part]) -> str:
    """The document, as JSON text. A part that only builds or tests the pages has the scope `excluded`."""
    licences, hashes = LicenseFactory(), HashTypeFactory()
    bom = Bom(serial_number=uuid.uuid5(_NAMESPACE, repr((version, parts))))
    hpm = Component(name=HPM, version=version, type=ComponentType.APPLICATION, bom_ref=HPM,
                    licenses=[licences.make_with_expression("LGPL-2.1-or-later")])
    bom.metadata.component = hpm
    bom.metadata.timestamp = None
    made: dict[tuple[str, str], list[Component]] = {}
    for part in parts:
        component = Component(
            name=part.name, version=part.version, type=ComponentType.LIBRARY, bom_ref=_purl(part).to_string(),
            purl=_purl(part), scope=ComponentScope.REQUIRED if part.shipped else ComponentScope.EXCLUDED,
            licenses=[licences.make_with_expression(licence_of(part))],
            properties=[Property(name="hpm:python-marker", value=part.marker)] if part.marker else (),
            # One package is many files, of which one is installed; a component's own hashes are of one thing.
            external_references=[ExternalReference(
                type=ExternalReferenceType.DISTRIBUTION, url=XsUri(f"{_purl(part).to_string()}#{digest[:16]}"),
                hashes=[hashes.from_hashlib_alg(algorithm, digest)]) for algorithm, digest in part.hashes])
        made.setdefault((part.registry, part.name), []).append(component)
        bom.components.add(component)
    for part in parts:
        for name in part.needed_by:
            for needing in [hpm] if name == HPM else made[part.registry, name]:
                bom.register_dependency(needing, made[part.registry, part.name])
    document = JsonV1Dot6(bom)
    document.generate()
    return str(document.output_as_string(indent=1)) + "\n"


def _purl(part: Part) -> PackageURL:
    namespace, _, name = part.name.rpartition("/")
    return PackageURL(part.registry, namespace or None, name, part.version)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(sbom(VERSION, python_parts() + node_parts()))
