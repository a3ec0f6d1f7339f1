"""What the second laboratory needs of this machine, told as one reason when something is missing."""

from __future__ import annotations

import os
import platform

from tests.lab.errors import LabError
from tests.lab.linuximage import newest_cloud_kernel
from tests.lab.requirements import find_program

PROGRAMS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "setpriv": "util-linux",
    "gcc": "gcc",
}


def missing() -> str | None:
    """Why no machine with systemd can be built and run here, in one line, or None if one can."""
    if platform.machine() != "x86_64":
        return f"the systemd host is an x86_64 machine, and this is {platform.machine()}"
    for program, package in PROGRAMS.items():
        if find_program(program) is None:
            return f"the systemd host needs {program} (Debian package {package})"
    try:
        newest_cloud_kernel()
    except LabError as error:
        return f"the systemd host needs a kernel: {error}"
    if os.geteuid() != 0:
        return "the systemd host needs root: its image is built with the owners that files have in Debian"
    return None


def program(name: str) -> str:
    """The path of a program; raises LabError if it is missing."""
    path = find_program(name)
    if path is None:
        raise LabError(f"{name} is not there; `contrib/bootstrap --print check-long` tells what is missing")
    return path
