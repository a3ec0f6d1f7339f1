"""Partitions as slices of systemd, on cgroup v2: read from the tree, made and changed over D-Bus.

systemd owns these cgroups, and undoes what others write there. Its runtime properties survive a daemon-reload and end
with the host; what shall last longer is kept by hpm, which creates defined partitions again when it starts.

Format: systemd.resource-control(5), org.freedesktop.systemd1(5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...errors import Conflict, HypervisorError, InvalidValue
from ...policy.cpu_sets import parse_cpus
from ...policy.partitions import ROOT, USUAL_PERIOD_US, BlkioParameters, PartitionParameters
from .cgroup2 import OnV2Tree, V2Tree, swap_of
from .host import refuse_lacking
from .names import from_slices, slice_directory, slice_unit
from .systemd_bus import Property, SystemdBus

#: What systemd takes for no limit.
_INFINITY = (1 << 64) - 1
_MIB = 1 << 20
_LIMITS = {
    "read_bytes_sec": "IOReadBandwidthMax", "write_bytes_sec": "IOWriteBandwidthMax",
    "read_iops_sec": "IOReadIOPSMax", "write_iops_sec": "IOWriteIOPSMax",
}  # fmt: skip


class SystemdPartitions(OnV2Tree):
    """`PartitionHost` on systemd's slices; `mount` is that of cgroup v2. systemd hands down a controller once a
    property needs it."""

    how = "a slice of systemd"

    def __init__(self, root: Path, mount: Path, bus: SystemdBus) -> None:
        super().__init__(V2Tree(root, mount, slice_directory, from_slices))
        self._bus = bus

    def create(self, path: str) -> None:
        """See `PartitionHost`. Its weight is said at once: else systemd would give it no cgroup of the cpu controller
        until somebody is in it."""
        self._bus.start_slice(slice_unit(path), [("CPUWeight", "t", self.default_shares)])

    def configure(self, path: str, wanted: PartitionParameters) -> None:
        """See `PartitionHost`."""
        refuse_lacking(wanted, self.lacking)
        properties = self._properties(wanted, self._tree.state(path).parameters)
        if properties:
            self._bus.set_properties(slice_unit(path), properties)

    def destroy(self, path: str) -> None:
        """See `PartitionHost`. Stopping a slice ends all that is in it, so that is looked at first."""
        if path == ROOT:
            raise InvalidValue(f"{ROOT} always exists")
        place = self._tree.place(path)
        inside = [entry.name for entry in place.iterdir() if entry.is_dir()] if place.is_dir() else []
        try:
            populated = "populated 1" in (place / "cgroup.events").read_text(errors="replace").splitlines()
        except FileNotFoundError:
            populated = False
        except OSError as error:
            raise HypervisorError(f"whether there is something in {place} cannot be seen: {error.strerror}") from None
        if inside or populated:
            names = ", ".join(inside)
            raise Conflict(f"there is still something in the slice {slice_unit(path)}, so it stays: {names}")
        self._bus.stop_slice(slice_unit(path))

    def _properties(self, wanted: PartitionParameters, now: PartitionParameters) -> Sequence[Property]:
        """Those alone that differ: what is in force may be finer than our units, or have no word in them, as a limit of
        swap alone; who sets something else leaves that as it is."""
        cpu, memory, before = wanted.cpu, wanted.memory, now.memory
        found: list[Property] = []
        shares, period = cpu.shares or self.default_shares, cpu.period_us or USUAL_PERIOD_US
        if shares != now.cpu.shares:
            found.append(("CPUWeight", "t", shares))
        if (cpu.quota_us, period) != (now.cpu.quota_us, now.cpu.period_us or USUAL_PERIOD_US):
            # systemd wants the time per second. Over a daemon-reload it keeps it in whole hundredths of a CPU.
            quota = _INFINITY if cpu.quota_us is None else cpu.quota_us * 1_000_000 // period
            found += [
                ("CPUQuotaPeriodUSec", "t", period if cpu.period_us is not None else _INFINITY),
                ("CPUQuotaPerSecUSec", "t", quota),
            ]
        for name, limit, there in (
            ("MemoryMax", memory.hard_limit_mib, before.hard_limit_mib),
            ("MemoryHigh", memory.soft_limit_mib, before.soft_limit_mib),
            ("MemorySwapMax", swap_of(memory), swap_of(before)),
        ):
            if limit != there:
                found.append((name, "t", _bytes(limit)))
        for name, numbers, those in (
            ("AllowedCPUs", _mask(wanted.numa.cpus), _mask(now.numa.cpus)),
            ("AllowedMemoryNodes", _mask(wanted.numa.mems), _mask(now.numa.mems)),
        ):
            if numbers != those:
                found.append((name, "ay", numbers))
        weight = wanted.blkio.weight
        if now.blkio.weight not in ((None, 100) if weight is None else (weight,)):
            found.append(("IOWeight", "t", weight or _INFINITY))
        return [*found, *self._disks(wanted.blkio, now.blkio)]

    def _disks(self, wanted: BlkioParameters, now: BlkioParameters) -> Iterator[Property]:
        """Limits of disks. systemd changes those of the disks that are listed; an empty list takes all back."""
        if wanted.devices == now.devices:    # a disk may be gone by now
            return
        there = {one.device: one for one in now.devices}
        named = {self.device_name(one.device): one for one in wanted.devices}
        for field, name in _LIMITS.items():
            before, limits = (
                {device: value for device, one in each.items() if (value := getattr(one, field)) is not None}
                for each in (there, named)
            )
            if limits != before:
                changed = [device for device in {**before, **limits} if limits.get(device) != before.get(device)]
                listed: list[Any] = [[device, limits.get(device, _INFINITY)] for device in changed] if limits else []
                yield name, "a(st)", listed


def _bytes(mebibytes: int | None) -> int:
    return _INFINITY if mebibytes is None else mebibytes * _MIB


def _mask(cpus: str | None) -> bytes:
    """The list as bits, the lowest first; none: wherever the parent may be."""
    numbers = parse_cpus(cpus) if cpus is not None else frozenset()
    return sum(1 << number for number in numbers).to_bytes((max(numbers, default=-1) + 8) // 8, "little")
