"""What is new in a snapshot: compared with the one before, told as events.

Most snapshots differ from the last one in their figures alone, which are no events. The objects of a snapshot are given
again as long as nothing of them changed, so identity is looked at first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from ..engine.index import GoalStatus, goal_status
from ..engine.samples import ServerStatus
from ..policy.groups import WorkloadResourceGroup
from ..store.adjustments import AdjustmentRecord
from ..wire.events import EventKind, GroupChange, ServerChange
from .events import Events
from .snapshot import Snapshot

#: Servers that changed at once and are told one by one. More would drive everything else out of the ring; whoever has
#: most to read anew does it in one go.
MANY = 2000


class ServerNews(msgspec.Struct, frozen=True):
    """A virtual server as it is now, and what of it changed."""

    uuid: str
    name: str
    status: ServerStatus
    group: str
    service_class: str | None
    goal_status: GoalStatus
    index: float | None
    changed: tuple[ServerChange, ...]


class GroupNews(msgspec.Struct, frozen=True):
    """A group as it is now, and what of it changed."""

    id: str
    name: str
    active_policy: str | None
    changed: tuple[GroupChange, ...]


class Gone(msgspec.Struct, frozen=True):
    """A server or group that is no longer there."""

    id: str
    name: str


class LoopNews(NamedTuple):
    """Of an event: the interval that was set and the one in force (seconds); what of the work is cut (None: nothing
    is), and why that changed."""

    interval: float
    in_force: float
    cut: str | None
    reason: str


class News:
    """Tells `events` what is new. Not thread-safe: one thread shows snapshots, in the order in which they were made."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._last: Snapshot | None = None
        self._statuses: dict[str, GoalStatus] = {}

    def see(self, snapshot: Snapshot) -> None:
        """The newest snapshot. The first one is what is known already."""
        self._events.publish_all(self.compare(snapshot))

    def adjusted(self, record: AdjustmentRecord) -> None:
        """An adjustment was recorded, or filled in with what was measured."""
        self._events.publish("dynamic-resource-adjustment", record)

    def compare(self, snapshot: Snapshot) -> list[tuple[EventKind, object]]:
        """What is new in it, groups before the servers in them."""
        last, self._last = self._last, snapshot
        if last is None:
            self._statuses = _statuses(snapshot)
            return []
        found: list[tuple[EventKind, object]] = []
        if snapshot.problem != last.problem:
            found.append(("host", snapshot.problem))
        if snapshot.levels != last.levels:
            found.append(("mgmt-levels", snapshot.levels))
        if snapshot.catalog is not last.catalog:
            found += _groups(last.catalog.groups, snapshot.catalog.groups)
        servers = self._servers(last, snapshot)
        found += servers if len(servers) <= MANY else [("resync", "too-many")]
        if snapshot.catalog is not last.catalog:
            found += [
                ("workload-resource-group-removed", Gone(group.id, group.name))
                for group in last.catalog.groups.values() if group.id not in snapshot.catalog.groups
            ]  # fmt: skip
        return found

    def _servers(self, last: Snapshot, snapshot: Snapshot) -> list[tuple[EventKind, object]]:
        found: list[tuple[EventKind, object]] = []
        infos, before = snapshot.sample.infos, last.sample.infos
        same = infos is before and snapshot.assignments is last.assignments
        if same and snapshot.window is last.window:
            return found
        old = self._statuses
        self._statuses = statuses = _statuses(snapshot)
        if same:
            if statuses != old:
                for uuid, status in statuses.items():
                    if status != old[uuid]:
                        found.append(("virtual-server", _server(snapshot, uuid, status, ("goal-status",))))
            return found
        for uuid, status in statuses.items():
            changed = tuple(_changed(last, snapshot, uuid))
            if changed != ("new",) and status != old.get(uuid):
                changed = (*changed, "goal-status")
            if changed:
                found.append(("virtual-server", _server(snapshot, uuid, status, changed)))
        if infos is not before:
            found += [
                ("virtual-server-removed", Gone(uuid, info.name)) for uuid, info in before.items() if uuid not in infos
            ]
        return found


def _statuses(snapshot: Snapshot) -> dict[str, GoalStatus]:
    """As `Snapshot.status` of each server: half of its time is the way to what it asks."""
    assignments = snapshot.assignments
    windows = {} if snapshot.window is None else snapshot.window.servers
    return {
        uuid: snapshot.status(uuid) if info.status == "paused" else
        goal_status(assignments[uuid].goal, windows.get(uuid))
        for uuid, info in snapshot.sample.infos.items()
    }


def _changed(last: Snapshot, snapshot: Snapshot, uuid: str) -> Iterator[ServerChange]:
    """What of a server is another than before, but for its figures."""
    info, before = snapshot.sample.infos[uuid], last.sample.infos.get(uuid)
    if before is None:
        yield "new"
        return
    if info is not before:
        if info.name != before.name:
            yield "name"
        if info.status != before.status:
            yield "status"
    assigned, was = snapshot.assignments[uuid], last.assignments[uuid]
    if assigned is not was:
        if assigned.group != was.group:
            yield "workload-resource-group"
        if assigned.service_class != was.service_class:
            yield "service-class"


def _server(
    snapshot: Snapshot, uuid: str, status: GoalStatus, changed: tuple[ServerChange, ...]
) -> ServerNews:
    info, assignment = snapshot.sample.infos[uuid], snapshot.assignments[uuid]
    return ServerNews(
        uuid, info.name, info.status, assignment.group, assignment.service_class, status, snapshot.index(uuid), changed
    )


def _groups(
    before: Mapping[str, WorkloadResourceGroup], groups: Mapping[str, WorkloadResourceGroup]
) -> Iterator[tuple[EventKind, object]]:
    """Groups that are new or changed."""
    for group in groups.values():
        old = before.get(group.id)
        if old is group:
            continue
        changed: tuple[GroupChange, ...] = ("new",) if old is None else tuple(_group_changes(old, group))
        if changed:
            yield "workload-resource-group", GroupNews(group.id, group.name, group.active_policy, changed)


def _group_changes(old: WorkloadResourceGroup, group: WorkloadResourceGroup) -> Iterator[GroupChange]:
    if group.name != old.name:
        yield "name"
    if group.description != old.description:
        yield "description"
    if group.perf_policies != old.perf_policies:
        yield "perf-policies"
    if group.active_policy != old.active_policy:
        yield "active-policy"
    if (group.schedule, group.otherwise) != (old.schedule, old.otherwise):
        yield "schedule"
