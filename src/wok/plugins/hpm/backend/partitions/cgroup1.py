"""Partitions as directories of cgroup v1, where each controller has a tree of its own.

libvirt wants a partition's directory in every tree that it uses, and which those are depends on the host (on a hybrid
one, that of cgroup v2 is among them); so it is made in all trees that libvirt knows. An empty one harms nobody.

Format: Documentation/admin-guide/cgroup-v1 and Documentation/scheduler/sched-bwc.rst of the kernel.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ...errors import Conflict, HypervisorError, InvalidValue
from ...policy.partitions import (
    ROOT,
    USUAL_PERIOD_US,
    BlkioParameters,
    CpuParameters,
    DeviceLimits,
    MemoryParameters,
    NumaParameters,
    PartitionParameters,
    parent_of,
)
from ..cgroups import mounts
from .devices import Devices
from .files import below, make, number_in, read_number, read_text, remove, unmake, write
from .host import PartitionState, refuse_lacking
from .names import from_plain, plain_directory

#: The controllers of cgroup v1 in whose trees libvirt may put a guest.
LIBVIRT = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "net_cls", "perf_event")
#: What the kernel tells of no limit of memory, and a little less (it is rounded to pages).
_NO_LIMIT = 1 << 62
_MIB = 1 << 20
_THROTTLE = {
    "read_bytes_sec": "blkio.throttle.read_bps_device", "write_bytes_sec": "blkio.throttle.write_bps_device",
    "read_iops_sec": "blkio.throttle.read_iops_device", "write_iops_sec": "blkio.throttle.write_iops_device",
}  # fmt: skip


class CgroupV1Partitions:
    """`PartitionHost` on the trees that are mounted below `root`."""

    how = "a directory in the tree of each controller (cgroup v1)"
    default_shares = 1024

    def __init__(self, root: Path) -> None:
        self._trees: dict[str, Path] = {}
        self._places: list[Path] = []
        self._devices = Devices(root)
        for fields in mounts(root):
            place, options = root / fields[1].lstrip("/"), fields[3].split(",")
            known = [name for name in LIBVIRT if name in options] if fields[2] == "cgroup" else []
            if fields[2] == "cgroup2" or known:
                self._places.append(place)
                self._trees.update(dict.fromkeys(known, place))

    @property
    def lacking(self) -> Mapping[str, str]:
        """See `PartitionHost`."""
        found = {
            group: f"the controller {controller} of cgroup v1 is not mounted here"
            for group, controller in (("cpu", "cpu"), ("blkio", "blkio"), ("memory", "memory"), ("numa", "cpuset"))
            if controller not in self._trees
        }
        if "blkio" in self._trees and self._place("blkio", ROOT).exists() and self._weight_file(ROOT) is None:
            found["blkio.weight"] = "the kernel shares disks by weight with the I/O scheduler bfq alone, and has none"
        machine = None if "memory" not in self._trees else self._place("memory", ROOT)
        if machine is not None and not (machine / "memory.memsw.limit_in_bytes").exists() and machine.exists():
            found["memory.swap-limit-mib"] = "the kernel does not count swap here (start it with swapaccount=1)"
        return found

    def states(self) -> Mapping[str, PartitionState]:
        """See `PartitionHost`."""
        tree = self._trees.get("cpu") or (self._places[0] if self._places else None)
        paths = () if tree is None else below(tree, plain_directory, from_plain)
        return {path: self._state(path) for path in (ROOT, *paths)}

    def device_name(self, device: str) -> str:
        """See `PartitionHost`."""
        return self._devices.name(self._devices.numbers(device))

    def create(self, path: str) -> None:
        """See `PartitionHost`."""
        made: list[Path] = []
        try:
            for tree in self._places:
                for part in (ROOT, path):    # nobody may have started a server yet
                    place = tree / plain_directory(part)
                    make(place, made)
                    if tree == self._trees.get("cpuset"):
                        self._fill(place)
        except (Conflict, HypervisorError):
            unmake(made)
            raise

    @staticmethod
    def _fill(place: Path) -> None:
        """A new cpuset has nothing, and nobody can be put into it."""
        for name in ("cpuset.cpus", "cpuset.mems"):
            if not read_text(place / name):
                write(place / name, read_text(place.parent / name) or "0", name)

    def configure(self, path: str, wanted: PartitionParameters) -> None:
        """See `PartitionHost`."""
        refuse_lacking(wanted, self.lacking)
        now = self._state(path).parameters
        limits = {self._devices.numbers(one.device): one for one in wanted.blkio.devices}
        if "cpu" in self._trees:
            self._set_cpu(path, wanted.cpu, now.cpu)
        if "memory" in self._trees:
            self._set_memory(path, wanted.memory, now.memory)
        if "cpuset" in self._trees:
            self._set_numa(path, wanted.numa, now.numa)
        if "blkio" in self._trees:
            self._set_blkio(path, wanted.blkio, now.blkio, limits)

    def destroy(self, path: str) -> None:
        """See `PartitionHost`."""
        if path == ROOT:
            raise InvalidValue(f"{ROOT} always exists")
        for tree in self._places:    # first look: then it is gone everywhere, or nowhere
            place = tree / plain_directory(path)
            inside = [entry.name for entry in place.iterdir() if entry.is_dir()] if place.is_dir() else []
            if inside or (read_text(place / "cgroup.procs") or ""):
                raise Conflict(f"there is still something in the cgroup {place}, so it stays: {', '.join(inside)}")
        try:
            for tree in self._places:
                remove(tree / plain_directory(path))
        except (Conflict, HypervisorError):    # somebody came in between
            self.create(path)
            raise

    # -- reading

    def _place(self, controller: str, path: str) -> Path:
        return self._trees[controller] / plain_directory(path)

    def _state(self, path: str) -> PartitionState:
        memory = None if "memory" not in self._trees else self._place("memory", path)
        return PartitionState(
            PartitionParameters(
                self._cpu(path), self._blkio(path),
                MemoryParameters() if memory is None else MemoryParameters(
                    _limit(memory / "memory.limit_in_bytes"), _limit(memory / "memory.soft_limit_in_bytes"),
                    _limit(memory / "memory.memsw.limit_in_bytes"),
                ),
                self._numa(path),
            ),
            None if memory is None else read_number(memory / "memory.usage_in_bytes"),
        )  # fmt: skip

    def _cpu(self, path: str) -> CpuParameters:
        if "cpu" not in self._trees:
            return CpuParameters()
        place = self._place("cpu", path)
        quota = read_number(place / "cpu.cfs_quota_us")
        return CpuParameters(
            read_number(place / "cpu.shares"), None if quota is None or quota <= 0 else quota,
            read_number(place / "cpu.cfs_period_us"),
        )  # fmt: skip

    def _numa(self, path: str) -> NumaParameters:
        if "cpuset" not in self._trees:
            return NumaParameters()
        place = self._place("cpuset", path)
        return NumaParameters(read_text(place / "cpuset.cpus") or None, read_text(place / "cpuset.mems") or None)

    def _weight_file(self, path: str) -> Path | None:
        for name in ("blkio.bfq.weight", "blkio.weight"):
            file = self._place("blkio", path) / name
            if file.exists():
                return file
        return None

    def _blkio(self, path: str) -> BlkioParameters:
        if "blkio" not in self._trees:
            return BlkioParameters()
        file, limits = self._weight_file(path), self._limits(path)
        weight = None if file is None else read_number(file)
        return BlkioParameters(
            weight, tuple(DeviceLimits(self._devices.name(numbers), **limits[numbers]) for numbers in sorted(limits))
        )

    def _limits(self, path: str) -> dict[str, dict[str, int]]:
        """Limits of disks by the numbers of these, which may be gone by now."""
        found: dict[str, dict[str, int]] = {}
        for field, name in _THROTTLE.items():
            for line in (read_text(self._place("blkio", path) / name) or "").splitlines():
                numbers, _, value = line.partition(" ")
                if (limit := number_in(value)) is not None:
                    found.setdefault(numbers, {})[field] = limit
        return found

    # -- writing

    def _set_cpu(self, path: str, wanted: CpuParameters, now: CpuParameters) -> None:
        place, of = self._place("cpu", path), f"of {path}"
        shares, period = wanted.shares or self.default_shares, wanted.period_us or USUAL_PERIOD_US
        if shares != now.shares:
            write(place / "cpu.shares", str(shares), f"shares {of}")
        if (wanted.quota_us, period) != (now.quota_us, now.period_us):
            # The kernel looks at quota and period together at each write, so there is none in between.
            if period != now.period_us:
                if now.quota_us is not None:
                    write(place / "cpu.cfs_quota_us", "-1", f"quota {of}")
                write(place / "cpu.cfs_period_us", str(period), f"period {of}")
            write(place / "cpu.cfs_quota_us", str(wanted.quota_us or -1), f"quota {of}")

    def _set_memory(self, path: str, wanted: MemoryParameters, now: MemoryParameters) -> None:
        place, of = self._place("memory", path), f"of {path}"
        hard = (wanted.hard_limit_mib, wanted.swap_limit_mib)
        if hard != (now.hard_limit_mib, now.swap_limit_mib):
            # That of memory and swap is never the lower one, so it makes way first.
            if now.swap_limit_mib is not None:
                write(place / "memory.memsw.limit_in_bytes", "-1", f"swap limit {of}")
            write(place / "memory.limit_in_bytes", _bytes(wanted.hard_limit_mib), f"hard limit {of}")
            if wanted.swap_limit_mib is not None:
                write(place / "memory.memsw.limit_in_bytes", _bytes(wanted.swap_limit_mib), f"swap limit {of}")
        if wanted.soft_limit_mib != now.soft_limit_mib:
            write(place / "memory.soft_limit_in_bytes", _bytes(wanted.soft_limit_mib), f"soft limit {of}")

    def _set_numa(self, path: str, wanted: NumaParameters, now: NumaParameters) -> None:
        place, above = self._place("cpuset", path), self._numa(parent_of(path) or ROOT)
        for name in ("cpus", "mems"):
            value = getattr(wanted, name) or getattr(above, name)
            if value is not None and value != getattr(now, name) and path != ROOT:
                write(place / f"cpuset.{name}", value, f"{name} of {path}")

    def _set_blkio(
        self, path: str, wanted: BlkioParameters, now: BlkioParameters, limits: Mapping[str, DeviceLimits]
    ) -> None:
        place, file = self._place("blkio", path), self._weight_file(path)
        if file is not None and (wanted.weight or 100) != now.weight:
            write(file, str(wanted.weight or 100), f"weight of block I/O of {path}")
        before, nothing = self._limits(path), DeviceLimits("0:0")
        for numbers in {**before, **limits}:
            for field, name in _THROTTLE.items():
                value = getattr(limits.get(numbers, nothing), field)
                if value != before.get(numbers, {}).get(field):
                    write(place / name, f"{numbers} {value or 0}", f"limit of {numbers} of {path}")


def _limit(file: Path) -> int | None:
    value = read_number(file)
    return None if value is None or value >= _NO_LIMIT else max(1, round(value / _MIB))


def _bytes(mebibytes: int | None) -> str:
    return "-1" if mebibytes is None else str(mebibytes * _MIB)
