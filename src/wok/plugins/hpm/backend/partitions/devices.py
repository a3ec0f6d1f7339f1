"""Disks of the host: their names and numbers (major:minor), as cgroups know them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ...errors import InvalidValue


class Devices:
    """Those of the host whose file system is below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def numbers(self, device: str) -> str:
        """``8:0`` for ``/dev/sda``. Raises `InvalidValue` if there is no such disk."""
        if not device.startswith("/"):
            if (self._root / "sys/dev/block" / device).exists():
                return device
            raise InvalidValue(f"this host has no disk with the numbers {device}", "blkio.devices")
        try:
            status = (self._root / device[1:]).stat()
        except OSError as error:
            raise InvalidValue(f"this host has no disk {device}: {error.strerror}", "blkio.devices") from None
        if not stat.S_ISBLK(status.st_mode):
            raise InvalidValue(f"{device} is no disk", "blkio.devices")
        return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"

    def name(self, numbers: str) -> str:
        """The kernel's own name: ``/dev/sda`` for ``8:0``; the numbers themselves where they have none."""
        try:
            for line in (self._root / "sys/dev/block" / numbers / "uevent").read_text(errors="replace").splitlines():
                key, _, value = line.partition("=")
                if key == "DEVNAME":
                    return f"/dev/{value}"
        except OSError:
            pass
        return numbers
