"""Virtual servers."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ..errors import InvalidValue
from ..manager.manager import Manager
from ..policy.classification import compile_pattern
from ..policy.goals import TemporaryGoal
from ..wire.metrics import ServersMetricsQuery
from ..wire.servers import (
    Explanation,
    ServerDetail,
    ServerDetailList,
    ServerList,
    ServerQuery,
    ServerUpdate,
)
from ..wire.times import rfc3339
from .explain import explain
from .explain_starts import explain_starts
from .pages import page
from .references import group_id, present_server
from .times import utc_time
from .views import Views

_SETTINGS = ("excluded", "cpu_reserve", "cpu_cap", "memory_minimum_mib", "attributes", "temporary_goal", "partition")


class Servers:
    """Requests on virtual servers. `base` is the base path of the request."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def list(self, base: str, query: ServerQuery) -> ServerList:
        """Virtual servers, in short, by name. Raises `InvalidValue`, `NotFound` for an unknown group."""
        views = self._views(base)
        uuids, following = server_page(views, query, f"{base}/virtual-servers")
        return ServerList([views.server_summary(uuid) for uuid in uuids], views.taken, views.problem, following)

    def details(self, base: str, query: ServerQuery) -> ServerDetailList:
        """Virtual servers, whole, by name. Raises as `list`."""
        views = self._views(base)
        uuids, following = server_page(views, query, f"{base}/virtual-servers/detail")
        return ServerDetailList([views.server_detail(uuid) for uuid in uuids], views.taken, views.problem, following)

    def get(self, base: str, reference: str) -> ServerDetail:
        """One virtual server. Raises `NotFound`."""
        views = self._views(base)
        return views.server_detail(present_server(views.snapshot, reference))

    def explain(self, base: str, reference: str) -> Explanation:
        """Why a virtual server is where it is. Raises `NotFound`."""
        views = self._views(base)
        uuid = present_server(views.snapshot, reference)
        starts = explain_starts(self._manager.starting, views.snapshot, uuid)
        return Explanation(views.server_detail(uuid), [*explain(views, uuid), *starts])

    def update(
        self, base: str, reference: str, who: str, wanted: ServerUpdate, check: Callable[[ServerDetail], None]
    ) -> ServerDetail:
        """Change what is said of a virtual server; `check` is called with its state before, under the lock,
        and may raise. `who` is the user who asks. Raises `NotFound`, `Conflict`, `InvalidValue`."""
        boost = self._temporary_goal(wanted)
        with self._manager.change(who) as change:
            snapshot, catalog = self._manager.snapshot, change.catalog
            uuid = present_server(snapshot, reference)
            check(self.get(base, uuid))
            if wanted.workload_resource_group is not msgspec.UNSET:
                target = group_id(snapshot, wanted.workload_resource_group, "workload-resource-group")
                catalog = catalog.with_members(target, [uuid], move=wanted.move)
            settings = catalog.settings(uuid)
            changes = {f: v for f in _SETTINGS if (v := getattr(wanted, f)) is not msgspec.UNSET}
            if boost is not None:
                changes["temporary_goal"] = boost
            if changes:
                catalog = catalog.with_settings(uuid, msgspec.structs.replace(settings, **changes))
            if wanted.persist:
                change.deeds.append(self._persist(uuid, wanted))
            if wanted.release:    # it raises if there is nothing to release; then nothing is changed
                change.deeds.append(lambda: self._manager.release(uuid))
            change.catalog = catalog
        return self.get(base, uuid)

    def _persist(self, uuid: str, wanted: ServerUpdate) -> Callable[[], Callable[[], object]]:
        """What writes a partition into a server's lasting definition, and gives what puts it back; raises `Conflict`.
        Raises `InvalidValue`."""
        partition = wanted.partition
        if isinstance(partition, msgspec.UnsetType):
            raise InvalidValue("persist is about the partition, and there is none here; give it, too", "persist")
        define = self._manager.partitions.define_server

        def write() -> Callable[[], object]:
            before = define(uuid, partition)
            return lambda: define(uuid, before)

        return write

    def _temporary_goal(self, wanted: ServerUpdate) -> TemporaryGoal | None:
        """The temporary goal that is wanted, if any. Raises `InvalidValue` for a time that does not lie ahead."""
        if not isinstance(wanted.temporary_goal, TemporaryGoal):
            return None
        until = utc_time(wanted.temporary_goal.until, "temporary-goal.until")
        now = rfc3339(self._manager.now())
        if until <= now:
            raise InvalidValue(f"{until} does not lie ahead: it is {now} on this host", "temporary-goal.until")
        return msgspec.structs.replace(wanted.temporary_goal, until=until)

    def _views(self, base: str) -> Views:
        return Views(self._manager.snapshot, base)


def server_page(
    views: Views, query: ServerQuery | ServersMetricsQuery, uri: str
) -> tuple[list[str], str | None]:
    """UUIDs of the servers that a query wants, by name, and the URI of the rest. Raises `InvalidValue`, `NotFound`."""
    infos = views.snapshot.sample.infos
    return page(_matching(views, query), lambda uuid: (0, infos[uuid].name, uuid), query, uri)


def _matching(views: Views, query: ServerQuery | ServersMetricsQuery) -> list[str]:
    """UUIDs of the servers that a query wants."""
    snapshot = views.snapshot
    name = None if query.name is None else compile_pattern(query.name)
    reference = query.workload_resource_group
    group = None if reference is None else group_id(snapshot, reference, "workload-resource-group")

    def wanted(uuid: str) -> bool:
        info, assignment = snapshot.sample.infos[uuid], snapshot.assignments[uuid]
        return (
            (name is None or name.fullmatch(info.name) is not None)
            and group in (None, assignment.group)
            and query.service_class in (None, assignment.service_class)
            and query.status in (None, info.status)
            and query.goal_status in (None, snapshot.status(uuid))
            and query.management in (None, "unmanaged" if uuid in snapshot.held else "managed")
        )

    return [uuid for uuid in snapshot.sample.infos if wanted(uuid)]
