"""What wishes would do if they were in force: the planner's answer, server by server."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from ..engine.index import performance_index, server_index
from ..manager.foresight import Foresight
from ..manager.manager import Manager
from ..policy.catalog import Catalog
from ..policy.groups import WorkloadResourceGroup
from ..policy.policies import PerformancePolicy, check_policy
from ..wire.policies import GroupPreview, Preview, PreviewedClass, PreviewedServer
from .references import group_id, server_id
from .views import Views, rounded

#: A group that does not exist yet. Nothing that is shown of a preview names it.
_NEW = WorkloadResourceGroup("new", "new")


class Previews:
    """Requests on what would be. None of them changes anything."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def policy(self, base: str, group_id: str, policy: PerformancePolicy) -> Preview:
        """A policy, which need not be there, as the active one of a group. Raises `NotFound`, `InvalidValue`,
        `NotUnique`."""
        check_policy(policy)
        snapshot = self._manager.snapshot
        catalog = with_active(snapshot.catalog, snapshot.catalog.group(group_id), policy)
        return self._preview(Views(snapshot, base), catalog, group_id, policy)

    def group(self, base: str, wanted: GroupPreview) -> Preview:
        """A group, which need not be there, with other servers and another policy. Raises `NotFound`,
        `InvalidValue`, `NotUnique`, `Conflict`, `HypervisorUnreachable`."""
        snapshot, policy = self._manager.snapshot, wanted.perf_policy
        if policy is not None:
            check_policy(policy, "perf-policy")
        group = _NEW
        if wanted.workload_resource_group is not None:
            group = snapshot.catalog.group(
                group_id(snapshot, wanted.workload_resource_group, "workload-resource-group")
            )
        views, catalog = Views(snapshot, base), with_active(snapshot.catalog, group, policy)
        if wanted.virtual_servers is not msgspec.UNSET:
            uuids = [
                server_id(snapshot, reference, f"virtual-servers[{index}]")
                for index, reference in enumerate(wanted.virtual_servers)
            ]
            catalog = _with_exactly(views, catalog, group, uuids)
        return self._preview(views, catalog, group.id, policy)

    def _preview(self, views: Views, catalog: Catalog, group_id: str, policy: PerformancePolicy | None) -> Preview:
        servers, rest = _servers(views, self._manager.foresee(catalog), group_id)
        members: dict[str | None, list[str]] = {}
        for server in servers:
            members.setdefault(server.service_class, []).append(server.virtual_server)
        classes = [] if policy is None else [
            PreviewedClass(c.name, policy.importance_of(c), c.goal, members.get(c.name, []))
            for c in policy.service_classes
        ]  # fmt: skip
        return Preview(classes, servers, rest)


def with_active(catalog: Catalog, group: WorkloadResourceGroup, policy: PerformancePolicy | None) -> Catalog:
    """The catalog with a group, and with a policy as its active one (None: none is); neither need be there."""
    policies = group.perf_policies
    if policy is not None:
        policies = (*(p for p in policies if p.name != policy.name), policy)
    active = None if policy is None else policy.name
    wished = replace(group, perf_policies=policies, active_policy=active, schedule=(), otherwise=None)
    return replace(catalog, groups={**catalog.groups, group.id: wished})


def _with_exactly(views: Views, catalog: Catalog, group: WorkloadResourceGroup, uuids: Sequence[str]) -> Catalog:
    """The catalog with these servers in a group, and no others. Raises `Conflict` if any would leave `default`
    without a group to go to."""
    before = views.members(group.id) if group.is_default else catalog.members(group.id)
    gone = set(before).difference(uuids)
    if gone:
        catalog = catalog.without_members(group.id, gone)
    return catalog.with_members(group.id, uuids, move=True)


def _servers(
    views: Views, foreseen: Foresight, group_id: str
) -> tuple[list[PreviewedServer], list[PreviewedServer]]:
    """The servers of a group, and the managed ones of all other groups, by name."""
    inside: list[PreviewedServer] = []
    others: list[PreviewedServer] = []
    for uuid in views.by_name(foreseen.assignments):
        if foreseen.assignments[uuid].group == group_id:
            inside.append(_server(views, foreseen, uuid))
        elif uuid not in foreseen.held:
            others.append(_server(views, foreseen, uuid))
    return inside, others


def _server(views: Views, foreseen: Foresight, uuid: str) -> PreviewedServer:
    snapshot, assignment = views.snapshot, foreseen.assignments[uuid]
    sample = snapshot.sample.samples.get(uuid)
    shares = None if sample is None else sample.shares
    forecast, velocity = foreseen.forecasts.get(uuid), foreseen.velocities.get(uuid)
    if velocity is None and forecast is not None:
        velocity = forecast.velocity
    projected = None if velocity is None else performance_index(assignment.goal, velocity, 1.0 - velocity)
    return PreviewedServer(
        virtual_server=views.server_uri(uuid),
        name=snapshot.sample.infos[uuid].name,
        service_class=assignment.service_class,
        importance=assignment.importance,
        goal=assignment.goal,
        performance_index=rounded(server_index(assignment.goal, snapshot.server_window(uuid)), 2),
        pi_projected=rounded(projected, 2),
        cpu_shares=shares,
        shares_projected=foreseen.shares.get(uuid, None if uuid in foreseen.held else shares),
        reason=foreseen.held.get(uuid) or (None if forecast is None else forecast.reason),
    )
