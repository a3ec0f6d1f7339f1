"""What the lab needs of the machine, told as one reason when something is missing."""

from __future__ import annotations

import os
import shutil

from .virt import libvirt

PROGRAMS = {
    "libvirtd": "libvirt-daemon",
    "virtlogd": "libvirt-daemon",
    "qemu-system-x86_64": "qemu-system-x86",
}


def find_program(name: str) -> str | None:
    """The path of a program; /usr/sbin is looked at even where PATH leaves it out."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def missing() -> str | None:
    """Why no lab can run here, in one line, or None if one can."""
    if libvirt is None:
        return "the lab needs the Python package libvirt-python"
    for program, package in PROGRAMS.items():
        if find_program(program) is None:
            return f"the lab needs {program} (Debian package {package})"
    if os.geteuid() != 0:
        return "the lab needs root: it starts libvirtd and writes cgroups"
    return None
