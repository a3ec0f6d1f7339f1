"""What a domain's XML tells: name, size, facts for classification, constraints on its CPU."""

from __future__ import annotations

from xml.etree import ElementTree

import msgspec

from ..engine.samples import Constraint, ServerInfo, ServerStatus
from .domain_devices import Hardware, hardware

_LIBOSINFO = "{http://libosinfo.org/xmlns/libvirt/domain/1.0}os"
#: Units of memory sizes as libvirt documents them, in bytes.
_BYTES = {"b": 1, "bytes": 1} | {
    name: base**power
    for power, letter in enumerate("KMGT", start=1)
    for name, base in ((f"{letter}B", 1000), (f"{letter}iB", 1024), (letter, 1024), (letter.lower(), 1024))
}
_NOT_LINUX = {"microsoft.com": "windows", "freebsd.org": "bsd", "openbsd.org": "bsd", "netbsd.org": "bsd"}


class DomainXml(msgspec.Struct, frozen=True):
    """The parts of a domain's XML that hpm uses. `facts` by filter type, as `ServerInfo` has them."""

    name: str
    vcpus: int
    memory_mib: int
    facts: dict[str, str | tuple[str, ...]]
    constraint: Constraint | None
    has_agent: bool
    macs: tuple[str, ...]
    hardware: Hardware

    def info(self, uuid: str, status: ServerStatus, found: dict[str, str]) -> ServerInfo:
        """Join with the status and with facts found elsewhere, which rank below those in the XML."""
        facts = {**found, **self.facts, "virtual-server-uuid": uuid}
        return ServerInfo(uuid, self.name, status, self.vcpus, self.memory_mib, facts, self.constraint)


def parse(xml: str, host_cpus: int) -> DomainXml:
    """Read the XML that libvirt gave. `host_cpus`: a pinning to all of them is none."""
    root = ElementTree.fromstring(xml)
    name = root.findtext("name", "")
    vcpu = root.find("vcpu")
    memory = root.find("memory")
    facts: dict[str, str | tuple[str, ...]] = {"virtual-server-name": name}
    title = root.findtext("title")
    if title:
        facts["title"] = title
    metadata = root.find("metadata")
    if metadata is not None:
        facts["metadata"] = tuple(_leaves(metadata))
        facts.update(_operating_system(metadata))
    return DomainXml(
        name=name,
        vcpus=1 if vcpu is None else int(vcpu.get("current") or vcpu.text or 1),
        memory_mib=0 if memory is None else round(int(memory.text or 0) * _BYTES[memory.get("unit", "KiB")] / 2**20),
        facts=facts,
        constraint=_constraint(root, host_cpus),
        has_agent=any(
            target.get("name") == "org.qemu.guest_agent.0" and target.get("state") == "connected"
            for target in root.iterfind("devices/channel/target")
        ),
        macs=tuple(mac.get("address", "") for mac in root.iterfind("devices/interface/mac")),
        hardware=hardware(root, _BYTES),
    )


def _leaves(metadata: ElementTree.Element) -> list[str]:
    """Each element with a text as ``name=text``, each attribute as ``name@attribute=value`` (local names)."""
    texts: list[str] = []
    for element in metadata.iter():
        tag = element.tag.rpartition("}")[2]
        if element is metadata:
            continue
        if element.text and element.text.strip():
            texts.append(f"{tag}={element.text.strip()}")
        texts += [f"{tag}@{key.rpartition('}')[2]}={value}" for key, value in element.attrib.items()]
    return texts


def _operating_system(metadata: ElementTree.Element) -> dict[str, str]:
    """libosinfo's id is like ``http://debian.org/debian/12``: vendor, name, level."""
    for element in metadata.iter(_LIBOSINFO):
        parts = element.get("id", "").split("://", 1)[-1].strip("/").split("/")
        if len(parts) >= 2:
            facts = {"os-type": _NOT_LINUX.get(parts[0], "linux"), "os-name": parts[1]}
            if len(parts) > 2:
                facts["os-level"] = parts[2]
            return facts
    return {}


def _constraint(root: ElementTree.Element, host_cpus: int) -> Constraint | None:
    tune = root.find("cputune")
    if tune is not None:
        if any(s.get("scheduler") in ("fifo", "rr", "deadline") for s in tune.iterfind("vcpusched")):
            return "real-time"
        if any(_cpu_count(pin.get("cpuset", "")) < host_cpus for pin in tune.iterfind("vcpupin")):
            return "pinned"
    vcpu = root.find("vcpu")
    cpuset = None if vcpu is None else vcpu.get("cpuset")
    if cpuset and _cpu_count(cpuset) < host_cpus:
        return "pinned"
    # Of each vCPU. One of the whole guest (`global_quota`) is a limit that can be planned with.
    if tune is not None and int(tune.findtext("quota", "0")) > 0:
        return "own-quota"
    return None


def _cpu_count(cpuset: str) -> int:
    """Number of CPUs in a list like ``0-3,^2,7``."""
    chosen: set[int] = set()
    for part in cpuset.split(","):
        first, _, last = part.strip().lstrip("^").partition("-")
        if first.isdigit():
            cpus = set(range(int(first), int(last or first) + 1))
            chosen = chosen - cpus if part.strip().startswith("^") else chosen | cpus
    return len(chosen)
