"""How a simulated host fared: servers, classes and groups, what could not be met and why, and what hpm did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from ...engine.index import MET, performance_index
from ...policy.goals import IMPORTANCES, DiscretionaryGoal, Goal, VelocityGoal
from ...policy.groups import WorkloadResourceGroup
from ...store.adjustments import AdjustmentRecord, ServerRecord
from ...wire.simulations import (
    Side,
    SimulatedAdjustment,
    SimulatedClass,
    SimulatedGroup,
    SimulatedServer,
    SimulatedShares,
    SimulatedSide,
    UnmetGoal,
)
from ...wire.times import moment_of
from ..explain import explain
from ..views import Views, rounded
from .play import Played, Point

#: So many unmet goals are explained in sentences; of all others the reason is told.
EXPLAINED = 100


class Span(NamedTuple):
    """The intervals: seconds of each, and the first that counts (from 1)."""

    seconds: float
    counted_from: int


class Tally(NamedTuple):
    """A series of intervals in short."""

    using: float
    delay: float
    velocity: float | None
    pi: float | None
    status: str
    busy: int
    met: int
    met_after: float | None


def side_of(name: Side, played: Played, order: Sequence[str], span: Span) -> SimulatedSide:
    """One side, its servers in the order of these UUIDs."""
    tallies = {uuid: _server_tally(played, uuid, span) for uuid in order}
    groups = sorted(played.snapshot.catalog.groups.values(), key=lambda group: (group.is_default, group.name))
    return SimulatedSide(
        side=name,
        cpu_using=rounded(sum(tally.using for tally in tallies.values()), 3) or 0.0,
        virtual_servers=[_server(played, uuid, tallies[uuid]) for uuid in order],
        workload_resource_groups=[_group(played, group, order, span) for group in groups],
        unmet=[] if name == "unmanaged" else _unmet(played, tallies),
        adjustments=[_adjustment(record, played.begin) for record in played.records],
    )


def _tally(goal: Goal | None, points: Sequence[tuple[float, float, bool]], span: Span) -> Tally:
    """Sums over the counted intervals; `points` are using, delay, and whether anybody worked."""
    indexes = [performance_index(goal, using, delay) if busy else None for using, delay, busy in points]
    counted = list(zip(points, indexes, strict=True))[span.counted_from - 1 :]
    busy = [(using, delay, index) for (using, delay, works), index in counted if works]
    using, delay = sum(u for u, _, _ in busy), sum(d for _, d, _ in busy)
    index = performance_index(goal, using, delay) if busy else None
    first = None
    if isinstance(goal, VelocityGoal):
        first = next((number for number, i in enumerate(indexes, 1) if i is not None and i <= MET), None)
    return Tally(
        using=sum(u for (u, _, _), _ in counted) / len(counted),
        delay=sum(d for (_, d, _), _ in counted) / len(counted),
        velocity=100.0 * using / (using + delay) if busy else None,
        pi=index,
        status=_status(goal, index, working=bool(busy)),
        busy=len(busy),
        met=sum(i is not None and i <= MET for _, _, i in busy),
        met_after=None if first is None else rounded(first * span.seconds, 3),
    )


def _status(goal: Goal | None, index: float | None, *, working: bool) -> str:
    if goal is None:
        return "unmanaged"
    if not working or index is None:
        return "idle"
    if isinstance(goal, DiscretionaryGoal):
        return "discretionary"
    return "met" if index <= MET else "missed"


def _server_tally(played: Played, uuid: str, span: Span) -> Tally:
    points = [(point.using, point.delay, point.busy) for point in played.points[uuid]]
    return _tally(played.snapshot.assignments[uuid].goal, points, span)


def _server(played: Played, uuid: str, tally: Tally) -> SimulatedServer:
    snapshot, points = played.snapshot, played.points[uuid]
    info, assignment, held = snapshot.sample.infos[uuid], snapshot.assignments[uuid], snapshot.held.get(uuid)
    paused = info.status == "paused" and assignment.goal is not None
    return SimulatedServer(
        name=info.name,
        object_id=uuid,
        workload_resource_group=snapshot.catalog.groups[assignment.group].name,
        service_class=assignment.service_class,
        importance=assignment.importance,
        goal=assignment.goal,
        management="managed" if held is None else "unmanaged",
        management_reason=held,
        vcpus=info.vcpus,
        cpu_shares=points[-1].shares,
        cpu_using=rounded(tally.using, 3),
        cpu_delay=rounded(tally.delay, 3),
        velocity=rounded(tally.velocity, 1),
        performance_index=rounded(tally.pi, 2),
        goal_status="paused" if paused else tally.status,
        intervals_busy=tally.busy,
        intervals_met=tally.met,
        met_after_seconds=tally.met_after,
        velocities=[rounded(_velocity(point), 1) for point in points],
        performance_indexes=[
            rounded(performance_index(assignment.goal, p.using, p.delay) if p.busy else None, 2) for p in points
        ],
        goal_statuses=[point.status for point in points],
        cpus=[rounded(point.using, 3) for point in points],
        shares=[point.shares for point in points],
    )


def _velocity(point: Point) -> float | None:
    return 100.0 * point.using / (point.using + point.delay) if point.busy else None


def _group(played: Played, group: WorkloadResourceGroup, order: Sequence[str], span: Span) -> SimulatedGroup:
    """A group: in an interval it meets its goals if none of its classes misses one."""
    assignments = played.snapshot.assignments
    uuids = [uuid for uuid in order if assignments[uuid].group == group.id]
    classes = () if group.policy is None else group.policy.service_classes
    sums = {c.name: _sums(played, [u for u in uuids if assignments[u].service_class == c.name]) for c in classes}
    tallies = {c.name: _tally(c.goal, sums[c.name], span) for c in classes}
    goals = [c for c in classes if isinstance(c.goal, VelocityGoal)]
    number = len(next(iter(sums.values()), ()))
    states = [_met([performance_index(c.goal, *sums[c.name][i][:2]) if sums[c.name][i][2] else None for c in goals])
              for i in range(number)]  # fmt: skip
    counted = [state for state in states[span.counted_from - 1 :] if state is not None]
    first = next((index for index, state in enumerate(states, 1) if state), None)
    indexes = [tally.pi for tally in tallies.values() if tally.pi is not None]
    return SimulatedGroup(
        name=group.name,
        active_policy=group.active_policy,
        importance=None if group.policy is None else group.policy.importance,
        virtual_server_count=len(uuids),
        performance_index=rounded(max(indexes), 2) if indexes else None,
        goal_status=_worst([tally.status for tally in tallies.values()]) if group.policy else "unmanaged",
        intervals_busy=len(counted),
        intervals_met=sum(counted),
        met_after_seconds=None if first is None else rounded(first * span.seconds, 3),
        service_classes=[
            SimulatedClass(
                name=c.name,
                importance=group.policy.importance_of(c) if group.policy else "lowest",
                goal=c.goal,
                virtual_server_count=sum(assignments[u].service_class == c.name for u in uuids),
                velocity=rounded(tallies[c.name].velocity, 1),
                performance_index=rounded(tallies[c.name].pi, 2),
                goal_status=tallies[c.name].status,
                intervals_busy=tallies[c.name].busy,
                intervals_met=tallies[c.name].met,
                met_after_seconds=tallies[c.name].met_after,
            )
            for c in classes
        ],
    )


def _sums(played: Played, uuids: Sequence[str]) -> list[tuple[float, float, bool]]:
    """Using and delay of those that worked, together, by interval."""
    number = len(next(iter(played.points.values())))
    found: list[tuple[float, float, bool]] = []
    for index in range(number):
        busy = [point for uuid in uuids if (point := played.points[uuid][index]).busy]
        found.append((sum(p.using for p in busy), sum(p.delay for p in busy), bool(busy)))
    return found


def _met(indexes: Iterable[float | None]) -> bool | None:
    """Whether all goals of those that worked were met; None: nobody worked."""
    working = [index for index in indexes if index is not None]
    return all(index <= MET for index in working) if working else None


def _worst(statuses: Iterable[str]) -> str:
    found = set(statuses)
    return next((status for status in ("missed", "met", "discretionary") if status in found), "idle")


def _unmet(played: Played, tallies: Mapping[str, Tally]) -> list[UnmetGoal]:
    """Goals missed over the counted time, or in most of its intervals; the most important first."""
    assignments = played.snapshot.assignments
    found = [
        uuid for uuid, tally in tallies.items()
        if uuid in played.missed and (tally.status == "missed" or 2 * tally.met < tally.busy)
    ]  # fmt: skip
    found.sort(key=lambda uuid: (IMPORTANCES.index(assignments[uuid].importance or "lowest"),
                                 -(tallies[uuid].pi or 0.0)))  # fmt: skip
    unmet: list[UnmetGoal] = []
    for number, uuid in enumerate(found):
        snapshot, assignment = played.missed[uuid], assignments[uuid]
        assert assignment.goal is not None
        said = played.reasons.get(uuid)
        unmet.append(UnmetGoal(
            virtual_server=snapshot.sample.infos[uuid].name,
            workload_resource_group=snapshot.catalog.groups[assignment.group].name,
            service_class=assignment.service_class,
            importance=assignment.importance,
            goal=assignment.goal,
            performance_index=rounded(tallies[uuid].pi, 2),
            reason=said.most_common(1)[0][0] if said else None,
            sentences=explain(Views(snapshot, ""), uuid) if number < EXPLAINED else [],
        ))  # fmt: skip
    return unmet


def _adjustment(record: AdjustmentRecord, begin: datetime) -> SimulatedAdjustment:
    return SimulatedAdjustment(
        after_seconds=round((moment_of(record.time) - begin).total_seconds(), 3),
        outcome=record.outcome,
        reason=record.reason,
        detail=record.detail,
        receivers=[_shares(server) for server in record.receivers],
        donors=[_shares(server) for server in record.donors],
    )


def _shares(server: ServerRecord) -> SimulatedShares:
    return SimulatedShares(
        name=server.name,
        service_class=server.service_class,
        importance=server.importance,
        shares_before=server.shares_before,
        shares_after=server.shares_after,
        pi_before=rounded(server.pi_before, 2),
        pi_projected=rounded(server.pi_projected, 2),
        pi_measured=rounded(server.pi_measured, 2),
    )
