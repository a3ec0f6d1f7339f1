"""From a snapshot to partitions of the API."""

from __future__ import annotations

import msgspec

from ..backend.partitions.host import PartitionHost
from ..errors import HpmError
from ..manager.claims import claims, reserves
from ..policy.admission import entitlements
from ..policy.partitions import (
    PartitionParameters,
    children_of,
    differing,
    effective_limits,
    lineage,
    parent_of,
    partition_id,
)
from ..wire.partitions import PartitionDetail, PartitionStatus
from .places import cpu_using, members_by_partition
from .views import Views, rounded

_MIB = 1 << 20


class PartitionViews:
    """Makes partitions whose URIs stand below the base of `views`."""

    def __init__(self, views: Views, host: PartitionHost) -> None:
        self._views, self._host = views, host
        self._snapshot = views.snapshot
        self._members = members_by_partition(self._snapshot)
        self._reserved = entitlements(claims(self._snapshot), reserves(self._snapshot.catalog))
        self.known = sorted({*self._snapshot.partitions, *self._snapshot.catalog.partitions})

    def uri(self, path: str) -> str:
        """The URI of a partition."""
        return f"{self._views.base}/partitions/{partition_id(path)}"

    def all(self) -> list[PartitionDetail]:
        """All of them, in the order of the tree."""
        return [self.detail(path) for path in self.known]

    def detail(self, path: str) -> PartitionDetail:
        """One of them, there or not."""
        snapshot, catalog = self._snapshot, self._snapshot.catalog
        state, defined = snapshot.partitions.get(path), catalog.partitions.get(path)
        config = None if defined is None else defined.parameters
        live = None if state is None else state.parameters
        status: PartitionStatus = "active" if live is not None else "inactive" if config is not None else "gone"
        above = parent_of(path)
        groups = sorted(
            (group for group in catalog.groups.values() if group.partition == path), key=lambda group: group.name
        )
        return PartitionDetail(
            object_id=partition_id(path),
            object_uri=self.uri(path),
            path=path,
            parent=None if above is None else self.uri(above),
            children=[self.uri(child) for child in children_of(path, self.known)],
            virtual_servers=[self._views.server_uri(uuid) for uuid in self._views.by_name(self._members.get(path, ()))],
            workload_resource_groups=[self._views.group_uri(group.id) for group in groups],
            state=status,
            persistent=defined is not None,
            description="" if defined is None else defined.description,
            autostart=defined is not None and defined.autostart,
            reserve=None if defined is None else defined.reserve,
            reserved=round(self._reserved.get(path, 0.0), 3),
            live=live,
            config=config,
            drift=[] if config is None or live is None else self._drift(path, config, live),
            effective=effective_limits(path, {one: self._in_force(one) for one in lineage(path)}),
            shares_original=snapshot.original_partitions.get(path),
            shares_planned=path in snapshot.weighed,
            shares_percent=None if live is None else self._shares_percent(path, live),
            cpu_using=rounded(cpu_using(snapshot, path, self._members), 3),
            memory_used_mib=None if state is None or state.memory_bytes is None else round(state.memory_bytes / _MIB),
        )

    def _drift(self, path: str, config: PartitionParameters, live: PartitionParameters) -> list[str]:
        """Parameters that are otherwise in force, and not because hpm changed them for goals or a reserve."""
        ours = {"cpu.shares"} if path in self._snapshot.original_partitions else set()
        return [name for name in differing(self._plain(config), live) if name not in ours]

    def _in_force(self, path: str) -> PartitionParameters:
        """The parameters of a partition; of one that is not there, those that it would be created with."""
        state, defined = self._snapshot.partitions.get(path), self._snapshot.catalog.partitions.get(path)
        if state is not None:
            return state.parameters
        return PartitionParameters() if defined is None else defined.parameters

    def _plain(self, config: PartitionParameters) -> PartitionParameters:
        """With the kernel's own names of disks, as what is in force has them."""
        devices = []
        for limits in config.blkio.devices:
            try:
                devices.append(msgspec.structs.replace(limits, device=self._host.device_name(limits.device)))
            except HpmError:
                devices.append(limits)    # there is no such disk now, so its limits are not in force
        return msgspec.structs.replace(config, blkio=msgspec.structs.replace(config.blkio, devices=tuple(devices)))

    def _shares_percent(self, path: str, live: PartitionParameters) -> float | None:
        above = parent_of(path)
        if above is None or live.cpu.shares is None:
            return None
        there = self._snapshot.partitions
        beside = [there[one].parameters.cpu.shares or 0 for one in children_of(above, there)]
        samples = self._snapshot.sample.samples
        beside += [samples[uuid].shares or 0 for uuid in self._members.get(above, ())]
        return round(100.0 * live.cpu.shares / sum(beside), 1)
