"""How much memory all guests together may take, where an administrator has limited that.

libvirt's guests stand below one cgroup: `machine.slice` where systemd runs, `machine` elsewhere. A limit of that one is
what guests run out of before the host does.

Format: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst of the kernel.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ..engine.samples import MemoryLimit

_NAMES = ("machine.slice", "machine")


class _Files(NamedTuple):
    limit: str
    usage: str
    inactive: bytes


_V1 = _Files("memory.limit_in_bytes", "memory.usage_in_bytes", b"total_inactive_file")
_V2 = _Files("memory.max", "memory.current", b"inactive_file")


class MachineSlice:
    """Reads the limit; it may come and go at any time. `root` is the host's file system."""

    def __init__(self, root: Path) -> None:
        mounts = root / "sys/fs/cgroup"
        self._places = [
            (mounts / below / name, files)
            for below, files in (("memory", _V1), ("", _V2), ("unified", _V2))
            for name in _NAMES
        ]

    def read(self, memory_bytes: int | None) -> MemoryLimit | None:
        """The limit and what is left of it; None: there is none, or none below the host's memory."""
        for folder, files in self._places:
            try:
                said = (folder / files.limit).read_text().strip()
                if said == "max" or (memory_bytes is not None and int(said) >= memory_bytes):
                    continue
                limit = int(said)
                usage = int((folder / files.usage).read_text())
                reclaimable = _reclaimable((folder / "memory.stat").read_bytes(), files.inactive)
            except (OSError, ValueError):
                continue    # it is not there, or has gone just now
            return MemoryLimit(limit, max(0, limit - usage + reclaimable))
        return None


def _reclaimable(stat: bytes, name: bytes) -> int:
    """Bytes of files that nobody has used lately: the kernel drops them before anything else."""
    for line in stat.split(b"\n"):
        key, _, value = line.partition(b" ")
        if key == name:
            return int(value)
    return 0
