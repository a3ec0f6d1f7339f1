"""The parts of a release, as the two lock files name them: Python packages, and the JavaScript of the pages.

`contrib/release/requirements.txt` is what `make locks` writes: pip's requirements file with hashes, for every release
of Python that hpm runs on (https://pip.pypa.io/en/stable/topics/secure-installs/). `ui/package-lock.json` is npm's
(https://docs.npmjs.com/cli/configuring-npm/package-lock-json, version 3).
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PYTHON_LOCK = ROOT / "contrib/release/requirements.txt"
NODE_LOCK = ROOT / "ui/package-lock.json"

#: What asks for a part where it is hpm itself.
HPM = "hpm"


@dataclass(frozen=True)
class Part:
    """One package at one version."""

    #: "pypi" or "npm".
    registry: str
    #: As the registry spells it; Python's normalised (PEP 503).
    name: str
    version: str
    #: Whether users get it: all Python packages of the lock, and what is built into the pages. The rest builds them.
    shipped: bool
    #: For which Python and which system (PEP 508); "" for all.
    marker: str
    #: (algorithm in hashlib's spelling, hexadecimal digest) of each file that may be installed.
    hashes: tuple[tuple[str, str], ...]
    #: Names of the parts that need it, or HPM.
    needed_by: tuple[str, ...]
    #: An SPDX expression where the lock has one (npm's does), else "".
    licence: str = ""


def python_parts(lock: Path = PYTHON_LOCK) -> list[Part]:
    """The Python packages of a release. One can be there twice, for different releases of Python.

    Raises ValueError for a line that is neither a pinned version, nor a hash, nor a comment."""
    parts = []
    for text in re.split(r"^(?=[a-z0-9])", _joined(lock.read_text()), flags=re.MULTILINE)[1:]:
        pin, *rest = text.splitlines()
        head, *hashes = pin.split(" --hash=")
        wanted = Requirement(head)
        exact = re.fullmatch(r"==([^*]+)", str(wanted.specifier))
        if not exact or wanted.url:
            raise ValueError(f"{lock}: {head!r} does not name one version")
        parts.append(Part(
            registry="pypi", name=canonicalize_name(wanted.name), version=exact[1], shipped=True,
            marker=str(wanted.marker or ""), hashes=tuple(_hash(text) for text in hashes),
            needed_by=tuple(_asking(rest))))
    return parts


def node_parts(lock: Path = NODE_LOCK) -> list[Part]:
    """The packages of Node.js that the pages are built of, and those that build and test them."""
    packages = json.loads(lock.read_text())["packages"]
    asking: dict[str, list[str]] = {}
    for path, package in packages.items():
        for kind in ("dependencies", "devDependencies", "optionalDependencies"):
            for name in package.get(kind, {}):
                asking.setdefault(name, []).append(_node_name(path) or HPM)
    return [
        Part(registry="npm", name=_node_name(path), version=package["version"],
             shipped=not package.get("dev", False), marker="", hashes=_integrity(package.get("integrity", "")),
             needed_by=tuple(sorted(set(asking.get(_node_name(path), ())))), licence=package.get("license", ""))
        for path, package in packages.items() if path]


def _joined(text: str) -> str:
    """The file with its continued lines made one, and single spaces."""
    return re.sub(r"[ \t]*\\\n[ \t]*", " ", text)


def _hash(text: str) -> tuple[str, str]:
    algorithm, _, digest = text.strip().partition(":")
    return algorithm, digest


def _asking(comments: list[str]) -> list[str]:
    """Who needs a package, from the comment "# via" below it."""
    words = (line.strip().removeprefix("#").strip().removeprefix("via").strip() for line in comments)
    return sorted({HPM if word.startswith("hpm ") else word for word in words if word})


def _node_name(path: str) -> str:
    """"@lit/reactive-element" of "node_modules/@lit/reactive-element"; also of one within another's folder."""
    return path.rpartition("node_modules/")[2]


def _integrity(text: str) -> tuple[tuple[str, str], ...]:
    """Of "sha512-BASE64 …", the form of https://www.w3.org/TR/sri/."""
    return tuple((algorithm, base64.b64decode(digest).hex())
                 for algorithm, _, digest in (word.partition("-") for word in text.split()))
