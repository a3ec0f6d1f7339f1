"""The host's CPUs as the kernel lists them below /sys/devices/system/cpu.

Formats: Documentation/admin-guide/cputopology.rst and Documentation/ABI/stable/sysfs-devices-system-cpu of the kernel.
"""

from __future__ import annotations

from pathlib import Path

from ..engine.topology import Cpu, Topology, topology
from ..errors import InvalidValue
from ..policy.cpu_sets import parse_cpus


def read_topology(root: Path) -> Topology:
    """The CPUs below `root` that are online. What the kernel does not tell of one (old kernels, some machines) is taken
    to be so that nothing is shared but one cache and node by all. Empty where there are no such files at all."""
    base = root / "sys/devices/system/cpu"
    online = _cpus(base / "online")
    return topology(_cpu(base / f"cpu{number}", number, online) for number in sorted(online))


def _cpu(path: Path, number: int, online: frozenset[int]) -> Cpu:
    """One CPU, whose folder is `path`."""
    siblings = _cpus(path / "topology/core_cpus_list") or _cpus(path / "topology/thread_siblings_list")
    return Cpu(
        number, min(siblings & online, default=number), min(_last_cache(path) & online, default=min(online)),
        _node(path),
    )  # fmt: skip


def _last_cache(path: Path) -> frozenset[int]:
    """The CPUs that share the cache of the highest level; those of its socket where no cache is told."""
    found: dict[int, frozenset[int]] = {}
    for index in (path / "cache").glob("index[0-9]*"):
        try:
            level, kind = int((index / "level").read_text()), (index / "type").read_text().strip()
        except (OSError, ValueError):    # a CPU may go offline while it is read
            continue
        if kind != "Instruction":
            found[level] = _cpus(index / "shared_cpu_list")
    if found and found[max(found)]:
        return found[max(found)]
    return _cpus(path / "topology/package_cpus_list") or _cpus(path / "topology/core_siblings_list")


def _node(path: Path) -> int:
    return min((int(p.name[4:]) for p in path.glob("node[0-9]*") if p.name[4:].isdecimal()), default=0)


def _cpus(file: Path) -> frozenset[int]:
    """The CPUs that a file lists; none if it is not there, or empty."""
    try:
        return parse_cpus(file.read_text().strip())
    except (OSError, ValueError, InvalidValue):
        return frozenset()
