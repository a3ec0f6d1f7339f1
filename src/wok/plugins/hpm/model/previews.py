"""What wishes would do if they were in force: the planner's answer, server by server."""

from __future__ import annotations

from msgspec.structs import replace

from ..engine.index import performance_index, server_index
from ..manager.foresight import Foresight
from ..policy.catalog import Catalog
from ..policy.groups import WorkloadResourceGroup
from ..policy.policies import PerformancePolicy
from ..wire.policies import PreviewedServer
from .views import Views, rounded


def with_active(catalog: Catalog, group: WorkloadResourceGroup, policy: PerformancePolicy) -> Catalog:
    """The catalog with a policy, which need not be there, as the active one of a group."""
    others = tuple(p for p in group.perf_policies if p.name != policy.name)
    wished = replace(group, perf_policies=(*others, policy), active_policy=policy.name, schedule=(), otherwise=None)
    return replace(catalog, groups={**catalog.groups, group.id: wished})


def preview_servers(
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
