"""On which NUMA nodes the memory of guests is, from the kernel's account of each guest's cgroup.

Formats: `memory.numa_stat` in Documentation/admin-guide/cgroup-v1/memory.rst (pages, of the cgroup and, with
``hierarchical_`` before the name, of all below it) and in Documentation/admin-guide/cgroup-v2.rst (bytes, since kernel
5.10). Reading it costs some microseconds, however large a guest is; `/proc/PID/numa_maps` walks through all its pages.
Memory of hugetlbfs is not in there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from .cgroups import GuestCgroup, find_controller, own_directory

#: Lines with what is a guest's memory: private, locked, or shared with other processes (v1 counts the latter among the
#: first two). What QEMU read of files is no guest's.
_V1 = ("hierarchical_anon", "hierarchical_unevictable")
_V2 = ("anon", "shmem")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class MemoryNodes:
    """Reads below `root`. `version` is that of the cgroups that guests stand in."""

    def __init__(self, root: Path, version: int) -> None:
        self._root = root
        self._mount = find_controller(root, "memory") if version == 1 else None

    def read(self, pid: int, cgroup: GuestCgroup) -> Mapping[int, int]:
        """Bytes of the guest on each node that has any, by its number; empty: not known."""
        try:
            if cgroup.version == 2:
                return _nodes((cgroup.scope / "memory.numa_stat").read_text(), _V2, 1)
            own = None if self._mount is None else own_directory(self._root, self._mount, "memory", pid)
            return {} if own is None else _nodes((own / "memory.numa_stat").read_text(), _V1, _PAGE)
        except (OSError, ValueError):    # the guest has ended, or an old kernel
            return {}


def _nodes(text: str, wanted: tuple[str, ...], unit: int) -> Mapping[int, int]:
    """The sums of the wanted lines by node. A line is ``anon N0=1 N1=2``, in v1 ``anon=3 N0=1 N1=2``."""
    found: dict[int, int] = {}
    for line in text.splitlines():
        name, *fields = line.split()
        if name.partition("=")[0] in wanted:
            for field in fields:
                node, _, amount = field.partition("=")
                found[int(node[1:])] = found.get(int(node[1:]), 0) + int(amount) * unit
    return {node: amount for node, amount in found.items() if amount > 0}
