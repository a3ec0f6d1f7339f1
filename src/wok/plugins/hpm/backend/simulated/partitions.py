"""Partitions of a simulated host. Shares of those directly below the root are scheduled by; other parameters, and those
of partitions that stand deeper, are kept and shown."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import msgspec

from ...errors import Conflict, InvalidValue, NotUnique
from ...policy.partitions import (
    ROOT,
    USUAL_PERIOD_US,
    CpuParameters,
    NumaParameters,
    PartitionParameters,
    children_of,
    parent_of,
)
from ..partitions.host import PartitionState, refuse_lacking
from ..partitions.names import from_plain, plain_directory

if TYPE_CHECKING:
    from collections.abc import Callable

    from .scheduler import Scheduler

DISKS = ("/dev/vda", "/dev/vdb")


class SimulatedPartitions:
    """`PartitionHost` of a simulated machine. `call` enters it (whatever faults there are); `standing` gives the
    parents of its servers that run. `lacking` is for tests."""

    how = "simulated"
    default_shares = 1024

    def __init__(
        self, call: Callable[[], AbstractContextManager[Scheduler]], standing: Callable[[], list[str]], cores: int
    ) -> None:
        self._call, self._standing = call, standing
        self.lacking: Mapping[str, str] = {}
        usual = PartitionParameters(
            CpuParameters(self.default_shares, None, USUAL_PERIOD_US), numa=NumaParameters(f"0-{cores - 1}", "0")
        )
        self._there: dict[str, PartitionParameters] = {ROOT: usual}

    def states(self) -> Mapping[str, PartitionState]:
        """See `PartitionHost`."""
        with self._call():
            for parent in self._standing():    # a scenario's parents are there by themselves
                path = from_plain(parent)
                if path is not None and path not in self._there:
                    self._there[path] = self._there[ROOT]
            return {path: PartitionState(self._seen(one), 1 << 30) for path, one in self._there.items()}

    def _seen(self, parameters: PartitionParameters) -> PartitionParameters:
        """Without what the host lacks."""
        nothing = PartitionParameters()
        for name in self.lacking:
            group, _, field = name.partition(".")
            of = getattr(nothing, group)
            if field:
                at = of.__struct_fields__[of.__struct_encode_fields__.index(field)]
                of = msgspec.structs.replace(getattr(parameters, group), **{at: getattr(of, at)})
            parameters = msgspec.structs.replace(parameters, **{group: of})
        return parameters

    def device_name(self, device: str) -> str:
        """See `PartitionHost`."""
        if device not in DISKS:
            raise InvalidValue(f"this host has no disk {device}; it has {', '.join(DISKS)}", "blkio.devices")
        return device

    def create(self, path: str) -> None:
        """See `PartitionHost`."""
        with self._call() as scheduler:
            if path in self._there:
                raise NotUnique(f"there is a partition {path} already", "path")
            self._there[path] = self._there[ROOT]
            self._schedule(scheduler, path)

    def configure(self, path: str, wanted: PartitionParameters) -> None:
        """See `PartitionHost`."""
        refuse_lacking(wanted, self.lacking)
        for limits in wanted.blkio.devices:
            self.device_name(limits.device)
        cpu, numa, above = wanted.cpu, wanted.numa, self._there[parent_of(path) or ROOT].numa
        with self._call() as scheduler:
            self._there[path] = msgspec.structs.replace(
                wanted,
                cpu=CpuParameters(cpu.shares or self.default_shares, cpu.quota_us, cpu.period_us or USUAL_PERIOD_US),
                numa=NumaParameters(numa.cpus or above.cpus, numa.mems or above.mems),
            )
            self._schedule(scheduler, path)

    def destroy(self, path: str) -> None:
        """See `PartitionHost`."""
        with self._call():
            if path == ROOT:
                raise InvalidValue(f"{ROOT} always exists")
            if plain_directory(path) in self._standing() or children_of(path, self._there):
                raise Conflict(f"there is still something in {path}, so it stays")
            del self._there[path]

    def _schedule(self, scheduler: Scheduler, path: str) -> None:
        if parent_of(path) == ROOT:
            parent = scheduler.parent(plain_directory(path))
            parent.weight = float(self._there[path].cpu.shares or self.default_shares)
            scheduler.weigh(parent)
