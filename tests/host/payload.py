"""What a run brings into the machine: hpm as it is now, the laboratory's code, and what nested guests boot."""

from __future__ import annotations

import tarfile
from pathlib import Path

from tests.lab import bootsector
from tests.lab.linuximage import linux_image

from .image import ROOT

PARTS = ("src/wok/plugins/hpm", "tests/__init__.py", "tests/lab", "tests/host/inside", "contrib")
#: Packages of hpm, if they are built (`make deb`); a test of theirs takes that for granted.
PACKAGES = "build/packages"
GUESTS = "guests"  # below the place where it is unpacked
SPIN, SPIN_ALL, HALT = "spin.img", "spin-all.img", "halt.img"
KERNEL, INITRD = "vmlinuz", "initrd"


def write(target: Path, work: Path) -> None:
    """Write the tar file `target`; `work` is an empty directory. Raises LabError if a Debian package is missing."""
    image = linux_image(agent=False)
    boots = {SPIN: bootsector.spin(), SPIN_ALL: bootsector.spin_all(), HALT: bootsector.halt()}
    with tarfile.open(target, "w") as tar:
        for part in PARTS:
            tar.add(ROOT / part, part, filter=_wanted)
        for package in sorted((ROOT / PACKAGES).glob("*.deb")):
            tar.add(package, f"packages/{package.name}")
        for name, content in boots.items():
            (work / name).write_bytes(content)
            tar.add(work / name, f"{GUESTS}/{name}")
        tar.add(image.kernel, f"{GUESTS}/{KERNEL}")
        tar.add(image.initrd, f"{GUESTS}/{INITRD}")


def _wanted(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if entry.name.endswith("__pycache__") else entry
