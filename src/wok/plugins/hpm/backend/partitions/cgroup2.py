"""Partitions in the one tree of cgroup v2: reading them, and, where no systemd runs, making and changing them.

Format: Documentation/admin-guide/cgroup-v2.rst of the kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
)
from .devices import Devices
from .files import below, make, number_in, read_number, read_text, remove, unmake, write
from .host import PartitionState, refuse_lacking
from .names import from_plain, plain_directory

_MIB = 1 << 20
_LIMITS = {"rbps": "read_bytes_sec", "wbps": "write_bytes_sec", "riops": "read_iops_sec", "wiops": "write_iops_sec"}
_CONTROLLERS = {"cpu": "cpu", "blkio": "io", "memory": "memory", "numa": "cpuset"}
_NO_WEIGHT = "the kernel shares disks by weight with the I/O scheduler bfq or the controller of I/O cost, and has none"


class V2Tree:
    """Reads partitions of the tree mounted at `mount`. `directory` and `partition` translate names (see `names`)."""

    def __init__(
        self, root: Path, mount: Path, directory: Callable[[str], str], partition: Callable[[str], str | None]
    ) -> None:
        self.devices = Devices(root)
        self._mount = mount
        self._directory, self._partition = directory, partition

    def place(self, path: str) -> Path:
        """The directory of a partition."""
        return self._mount / self._directory(path)

    @property
    def lacking(self) -> Mapping[str, str]:
        """See `PartitionHost`."""
        known = (read_text(self._mount / "cgroup.controllers") or "").split()
        found = {
            group: f"the controller {controller} of cgroup v2 is not there"
            for group, controller in _CONTROLLERS.items() if controller not in known
        }  # fmt: skip
        machine = self.place(ROOT)
        if "memory" in known and (machine / "memory.max").exists() and not (machine / "memory.swap.max").exists():
            found["memory.swap-limit-mib"] = "the kernel does not count swap here"
        if "io" in known and (machine / "io.max").exists() and self.weight_file(ROOT) is None:
            found["blkio.weight"] = _NO_WEIGHT
        return found

    def states(self) -> Mapping[str, PartitionState]:
        """See `PartitionHost`."""
        return {path: self.state(path) for path in (ROOT, *below(self._mount, self._directory, self._partition))}

    def state(self, path: str) -> PartitionState:
        """One of them."""
        place = self.place(path)
        quota, _, period = (read_text(place / "cpu.max") or "").partition(" ")
        hard, swap = _mebibytes(place / "memory.max"), _mebibytes(place / "memory.swap.max", least=0)
        return PartitionState(
            PartitionParameters(
                CpuParameters(
                    read_number(place / "cpu.weight"), number_in(quota), number_in(period),
                ),
                self._blkio(path),
                MemoryParameters(
                    hard, _mebibytes(place / "memory.high"), None if hard is None or swap is None else hard + swap
                ),
                # Empty: wherever its parent may be.
                NumaParameters(read_text(place / "cpuset.cpus") or None, read_text(place / "cpuset.mems") or None),
            ),
            read_number(place / "memory.current"),
        )  # fmt: skip

    def weight_file(self, path: str) -> Path | None:
        """The file that has the weight of block I/O, if there is one; libvirt takes the same."""
        for name in ("io.bfq.weight", "io.weight"):
            file = self.place(path) / name
            if file.exists():
                return file
        return None

    def _blkio(self, path: str) -> BlkioParameters:
        limits = self.limits(path)
        file = self.weight_file(path)
        said = None if file is None else (read_text(file) or "").splitlines()
        weight = said[0].removeprefix("default ") if said else ""
        return BlkioParameters(
            number_in(weight),
            tuple(DeviceLimits(self.devices.name(numbers), **limits[numbers]) for numbers in sorted(limits)),
        )

    def limits(self, path: str) -> dict[str, dict[str, int]]:
        """Limits of disks by the numbers of these, which may be gone by now."""
        found: dict[str, dict[str, int]] = {}
        for line in (read_text(self.place(path) / "io.max") or "").splitlines():
            numbers, _, words = line.partition(" ")
            values = {key: number_in(value) for key, _, value in (word.partition("=") for word in words.split())}
            known = {field: value for key, field in _LIMITS.items() if (value := values.get(key)) is not None}
            if known:
                found[numbers] = known
        return found


class OnV2Tree:
    """What is the same of `PartitionHost` whoever makes the partitions of a tree."""

    default_shares = 100

    def __init__(self, tree: V2Tree) -> None:
        self._tree = tree

    @property
    def lacking(self) -> Mapping[str, str]:
        """See `PartitionHost`."""
        return self._tree.lacking

    def states(self) -> Mapping[str, PartitionState]:
        """See `PartitionHost`."""
        return self._tree.states()

    def device_name(self, device: str) -> str:
        """See `PartitionHost`."""
        return self._tree.devices.name(self._tree.devices.numbers(device))


class CgroupV2Partitions(OnV2Tree):
    """`PartitionHost` on cgroup v2 without systemd: directories of the tree mounted at `mount`."""

    how = "a directory of cgroup v2"

    def __init__(self, root: Path, mount: Path) -> None:
        super().__init__(V2Tree(root, mount, plain_directory, from_plain))
        self._mount = mount

    def create(self, path: str) -> None:
        """See `PartitionHost`."""
        made: list[Path] = []
        try:
            self._hand_down(self._mount)
            place = self._mount
            for step in plain_directory(path).split("/"):
                place = place / step
                if place == self._tree.place(ROOT) or place == self._tree.place(path):
                    make(place, made)
                self._hand_down(place)
        except (Conflict, HypervisorError):
            unmake(made)
            raise

    @staticmethod
    def _hand_down(place: Path) -> None:
        """Have the children of a directory get the controllers that it has itself."""
        has = (read_text(place / "cgroup.controllers") or "").split()
        given = (read_text(place / "cgroup.subtree_control") or "").split()
        for controller in _CONTROLLERS.values():
            if controller in has and controller not in given:
                write(place / "cgroup.subtree_control", f"+{controller}", f"the controllers of what is in {place}")

    def configure(self, path: str, wanted: PartitionParameters) -> None:
        """See `PartitionHost`."""
        refuse_lacking(wanted, self.lacking)
        now, place, of = self._tree.state(path).parameters, self._tree.place(path), f"of {path}"
        limits = {self._tree.devices.numbers(one.device): one for one in wanted.blkio.devices}
        period = wanted.cpu.period_us or USUAL_PERIOD_US
        if now.cpu.shares not in (None, wanted.cpu.shares or self.default_shares):
            write(place / "cpu.weight", str(wanted.cpu.shares or self.default_shares), f"shares {of}")
        if now.cpu.period_us is not None and (wanted.cpu.quota_us, period) != (now.cpu.quota_us, now.cpu.period_us):
            write(place / "cpu.max", f"{wanted.cpu.quota_us or 'max'} {period}", f"quota {of}")
        self._set_memory(place, wanted.memory, now.memory, of)
        for name in ("cpus", "mems"):
            value = getattr(wanted.numa, name)
            if value != getattr(now.numa, name):
                write(place / f"cpuset.{name}", value or "\n", f"{name} {of}")
        file = self._tree.weight_file(path)
        if file is not None and (wanted.blkio.weight or 100) != now.blkio.weight:
            write(file, str(wanted.blkio.weight or 100), f"weight of block I/O {of}")
        for numbers in sorted(self._tree.limits(path).keys() | limits.keys()):
            one = limits.get(numbers, DeviceLimits("0:0"))
            words = [f"{key}={getattr(one, field) or 'max'}" for key, field in _LIMITS.items()]
            write(place / "io.max", " ".join((numbers, *words)), f"limits of {numbers} {of}")

    @staticmethod
    def _set_memory(place: Path, wanted: MemoryParameters, now: MemoryParameters, of: str) -> None:
        if wanted.hard_limit_mib != now.hard_limit_mib:
            write(place / "memory.max", bytes_of(wanted.hard_limit_mib), f"hard limit {of}")
        if wanted.soft_limit_mib != now.soft_limit_mib:
            write(place / "memory.high", bytes_of(wanted.soft_limit_mib), f"soft limit {of}")
        if swap_of(wanted) != swap_of(now):
            write(place / "memory.swap.max", bytes_of(swap_of(wanted)), f"swap limit {of}")

    def destroy(self, path: str) -> None:
        """See `PartitionHost`."""
        if path == ROOT:
            raise InvalidValue(f"{ROOT} always exists")
        remove(self._tree.place(path))


def swap_of(memory: MemoryParameters) -> int | None:
    """Swap alone, in MiB, which is what cgroup v2 limits; None: no limit."""
    if memory.swap_limit_mib is None or memory.hard_limit_mib is None:
        return None
    return memory.swap_limit_mib - memory.hard_limit_mib


def bytes_of(mebibytes: int | None) -> str:
    """As cgroup v2 takes a limit."""
    return "max" if mebibytes is None else str(mebibytes * _MIB)


def _mebibytes(file: Path, least: int = 1) -> int | None:
    value = read_number(file)
    return None if value is None else max(least, round(value / _MIB))
