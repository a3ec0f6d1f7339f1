"""From a snapshot to the API's objects."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from msgspec import UNSET

from ..engine.index import MET, performance_index
from ..manager.claims import server_partition
from ..manager.snapshot import Snapshot
from ..policy.assignment import facts_of
from ..policy.groups import WorkloadResourceGroup
from ..policy.guest_policies import NO_POLICY
from ..policy.policies import ServiceClass
from ..store.adjustments import AdjustmentRecord, ServerRecord
from ..wire.groups import GroupDetail, GroupSummary, ServiceClassState
from ..wire.management import AdjustedServer, Adjustment
from ..wire.servers import ServerDetail, ServerSummary
from ..wire.times import rfc3339
from ..wire.words import GoalStatus
from .places import elsewhere


class Views:
    """Makes objects whose URIs stand below `base` (such as ``/zhpm/wsapi/v1``), out of one snapshot."""

    def __init__(self, snapshot: Snapshot, base: str) -> None:
        self.snapshot = snapshot
        self.base = base
        self._members: dict[str, list[str]] | None = None

    @property
    def taken(self) -> str:
        """When the snapshot was taken."""
        return rfc3339(self.snapshot.taken)

    @property
    def problem(self) -> str | None:
        """Why the figures are not fresher."""
        return self.snapshot.problem

    def group_uri(self, group_id: str) -> str:
        """The URI of a group."""
        return f"{self.base}/workload-resource-groups/{group_id}"

    def server_uri(self, uuid: str) -> str:
        """The URI of a virtual server."""
        return f"{self.base}/virtual-servers/{uuid}"

    def members(self, group_id: str) -> list[str]:
        """UUIDs of a group's servers that the host has, in order of name."""
        if self._members is None:
            found: dict[str, list[str]] = {}
            for uuid in self.by_name(self.snapshot.sample.infos):
                found.setdefault(self.snapshot.assignments[uuid].group, []).append(uuid)
            self._members = found
        return self._members.get(group_id, [])

    def by_name(self, uuids: Iterable[str]) -> list[str]:
        """Sorted by the servers' names."""
        infos = self.snapshot.sample.infos
        return sorted(uuids, key=lambda uuid: (infos[uuid].name, uuid))

    def group_summary(self, group: WorkloadResourceGroup) -> GroupSummary:
        """A group in a list. Its PI is that of its worst service class: a group is as well as its worst."""
        states = [self.service_class(group, c) for c in group.policy.service_classes] if group.policy else []
        indexes = [s.performance_index for s in states if s.performance_index is not None]
        return GroupSummary(
            object_id=group.id,
            object_uri=self.group_uri(group.id),
            name=group.name,
            description=group.description,
            is_default=group.is_default,
            active_policy=group.active_policy,
            importance=None if group.policy is None else group.policy.importance,
            virtual_server_count=len(self.members(group.id)),
            performance_index=rounded(max(indexes), 2) if indexes else None,
            goal_status=_worst([s.goal_status for s in states]) if group.policy else "unmanaged",
        )

    def group_detail(self, group: WorkloadResourceGroup) -> GroupDetail:
        """A group, whole. Servers that were put into it and that the host does not have now are listed too."""
        listed = self.members(group.id)
        away = [uuid for uuid in self.snapshot.catalog.members(group.id) if uuid not in self.snapshot.sample.infos]
        return GroupDetail(
            object_id=group.id,
            object_uri=self.group_uri(group.id),
            name=group.name,
            description=group.description,
            is_default=group.is_default,
            virtual_servers=[self.server_uri(uuid) for uuid in (*listed, *away)],
            active_policy=group.active_policy,
            perf_policies=group.perf_policies,
            schedule=group.schedule or UNSET,
            otherwise=group.otherwise if group.schedule else UNSET,
            partition=group.partition or UNSET,
            virtual_servers_elsewhere=UNSET if group.partition is None else [
                self.server_uri(uuid) for uuid in elsewhere(self.snapshot, group.partition, listed)
            ],
            guest_policy=UNSET if group.guest_policy == NO_POLICY else group.guest_policy,
        )

    def service_class(self, group: WorkloadResourceGroup, service_class: ServiceClass) -> ServiceClassState:
        """A service class of the active policy, with velocity and PI from the sums of its busy members."""
        assert group.policy is not None
        uuids = [
            uuid
            for uuid in self.members(group.id)
            if self.snapshot.assignments[uuid].service_class == service_class.name
        ]
        windows = [w for w in map(self.snapshot.server_window, uuids) if w is not None and w.activity == "busy"]
        using, delay = sum(w.using for w in windows), sum(w.delay for w in windows)
        index = performance_index(service_class.goal, using, delay)
        status: GoalStatus
        if index is None:
            status = "idle"
        elif service_class.goal.__struct_config__.tag == "discretionary":
            status = "discretionary"
        else:
            status = "met" if index <= MET else "missed"
        return ServiceClassState(
            name=service_class.name,
            object_uri=f"{self.group_uri(group.id)}/service-classes/{quote(service_class.name, safe='')}",
            policy=group.policy.name,
            importance=group.policy.importance_of(service_class),
            goal=service_class.goal,
            virtual_servers=[self.server_uri(uuid) for uuid in uuids],
            velocity=rounded(100.0 * using / (using + delay), 1) if index is not None else None,
            performance_index=rounded(index, 2),
            goal_status=status,
        )

    def server_summary(self, uuid: str) -> ServerSummary:
        """A virtual server in a list."""
        info, assignment = self.snapshot.sample.infos[uuid], self.snapshot.assignments[uuid]
        return ServerSummary(
            object_id=uuid,
            object_uri=self.server_uri(uuid),
            name=info.name,
            status=info.status,
            workload_resource_group=self.group_uri(assignment.group),
            service_class=assignment.service_class,
            goal_status=self.snapshot.status(uuid),
            performance_index=rounded(self.snapshot.index(uuid), 2),
        )

    def server_detail(self, uuid: str) -> ServerDetail:
        """A virtual server, whole."""
        snapshot = self.snapshot
        info, assignment = snapshot.sample.infos[uuid], snapshot.assignments[uuid]
        sample, window = snapshot.sample.samples.get(uuid), snapshot.server_window(uuid)
        held, sections = snapshot.held.get(uuid), snapshot.extras.sections.get(uuid)
        facts = facts_of(snapshot.catalog, uuid, info.facts)
        shown = {k: v for k, v in facts.items() if k not in ("virtual-server-name", "virtual-server-uuid")}
        return ServerDetail(
            object_id=uuid,
            object_uri=self.server_uri(uuid),
            name=info.name,
            status=info.status,
            started=None if sections is None else sections.configuration.started,
            vcpus=len(sample.threads) if sample is not None else info.vcpus,
            memory_mib=info.memory_mib,
            **self._memory(uuid),
            workload_resource_group=self.group_uri(assignment.group),
            service_class=assignment.service_class,
            importance=assignment.importance,
            goal=assignment.goal,
            management="managed" if held is None else "unmanaged",
            management_reason=held,
            cpu_shares=None if sample is None else sample.shares,
            cpu_shares_original=snapshot.originals.get(uuid),
            cpu_reserve=assignment.cpu_reserve,
            cpu_cap=assignment.cpu_cap,
            excluded=assignment.excluded,
            cpu_using=None if window is None else rounded(window.using, 3),
            cpu_delay=None if window is None else rounded(window.delay, 3),
            velocity=None if window is None else rounded(window.velocity, 1),
            performance_index=rounded(snapshot.index(uuid), 2),
            goal_status=snapshot.status(uuid),
            attributes=dict(sorted(shown.items())),
            temporary_goal=snapshot.catalog.settings(uuid).temporary_goal or UNSET,
            partition=server_partition(snapshot, uuid),
            partition_at_start=(at_start := snapshot.catalog.partition_at_start(uuid)),
            partition_at_start_origin=None if at_start is None else
            "workload-resource-group" if snapshot.catalog.settings(uuid).partition is None else "virtual-server",
            stale_since=self.stale_since(uuid),
        )

    def stale_since(self, uuid: str) -> str | None:
        """Since when the hypervisor, although it answers, tells nothing of a server; None: it does."""
        since = self.snapshot.sample.stale.get(uuid)
        return None if since is None else rfc3339(datetime.fromtimestamp(since, timezone.utc))

    def _memory(self, uuid: str) -> dict[str, Any]:
        """What is known of a server's memory, by field of `ServerDetail`."""
        snapshot = self.snapshot
        sample, balloon, standing = snapshot.sample.samples.get(uuid), snapshot.extras.balloon, snapshot.memory
        usable, current = balloon.value(uuid, "usable_bytes"), balloon.value(uuid, "current_bytes")
        original = standing.originals.get(uuid)
        held = standing.held.get(uuid)
        managed = standing.view is not None and uuid in standing.view.guests
        return {
            "memory_current_mib": None if sample is None else _mebibytes(sample.memory_bytes),
            "memory_used_mib": None if usable is None or current is None else _mebibytes(max(0.0, current - usable)),
            "memory_original_mib": None if original is None else _mebibytes(original),
            "memory_minimum_mib": snapshot.assignments[uuid].memory_minimum_mib,
            "memory_management": None if not managed else "managed" if held is None else "unmanaged",
            "memory_management_reason": held,
        }

    def adjustment(self, record: AdjustmentRecord) -> Adjustment:
        """A dynamic resource adjustment."""
        return Adjustment(
            object_id=record.id,
            time=record.time,
            outcome=record.outcome,
            reason=record.reason,
            interval_seconds=rounded(record.interval_seconds, 3) or 0.0,
            receivers=[self._adjusted(server) for server in record.receivers],
            donors=[self._adjusted(server) for server in record.donors],
            detail=record.detail,
            resource=record.resource,
            cause=record.cause,
            total_velocity_before=rounded(record.total_before, 1),
            total_velocity_projected=rounded(record.total_projected, 1),
            total_velocity_measured=rounded(record.total_measured, 1),
        )

    def _adjusted(self, server: ServerRecord) -> AdjustedServer:
        return AdjustedServer(
            virtual_server=self.server_uri(server.uuid),
            name=server.name,
            service_class=server.service_class,
            importance=server.importance,
            shares_before=server.shares_before,
            shares_after=server.shares_after,
            pi_before=rounded(server.pi_before, 2),
            pi_projected=rounded(server.pi_projected, 2),
            pi_measured=rounded(server.pi_measured, 2),
            goal=server.goal,
            velocity_before=rounded(server.velocity_before, 1),
            velocity_projected=rounded(server.velocity_projected, 1),
            velocity_measured=rounded(server.velocity_measured, 1),
            cpu_before=rounded(server.cpus_before, 3),
            cpu_projected=rounded(server.cpus_projected, 3),
            cpu_measured=rounded(server.cpus_measured, 3),
            memory_before_mib=_mebibytes(server.memory_before),
            memory_after_mib=_mebibytes(server.memory_after),
            memory_measured_mib=_mebibytes(server.memory_measured),
            memory_used_mib=_mebibytes(server.memory_used),
            pinned_before=None if server.pins_before is None else list(server.pins_before),
            pinned_after=None if server.pins_after is None else list(server.pins_after),
        )


def rounded(value: float | None, digits: int) -> float | None:
    """A figure with as many digits as it is worth."""
    return None if value is None else round(value, digits)


def _worst(statuses: list[GoalStatus]) -> GoalStatus:
    order: tuple[GoalStatus, ...] = ("missed", "met", "discretionary")
    for status in order:
        if status in statuses:
            return status
    return "idle"


def _mebibytes(size: float | None) -> int | None:
    return None if size is None else round(size / (1 << 20))
