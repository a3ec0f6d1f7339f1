"""From the planner's decisions to adjustment records, and from records to what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ..engine.index import performance_index
from ..engine.plan import Candidate, Decision, ServerChange
from ..engine.samples import ServerInfo
from ..errors import HypervisorError
from ..policy.assignment import Assignment
from ..policy.goals import VelocityGoal
from ..store.adjustments import AdjustmentRecord, ServerRecord
from ..wire.management import Outcome
from .snapshot import Snapshot


def record_decision(
    decision: Decision,
    time: str,
    seconds: float,
    outcome: Outcome,
    infos: Mapping[str, ServerInfo],
    candidates: Mapping[str, Candidate],
    errors: Mapping[str, HypervisorError],
) -> AdjustmentRecord:
    """One decision as a record (its id comes from the store)."""
    receivers: list[ServerRecord] = []
    donors: list[ServerRecord] = []
    reason = detail = None
    for change in decision.changes:
        assignment = candidates[change.uuid].assignment
        record = _server(change, assignment, infos[change.uuid].name)
        (receivers if change.shares_after > change.shares_before else donors).append(record)
    if decision.blocked:
        outcome, reason = "failed", next(iter(decision.blocked.values()))
        receivers = [
            blocked_server(uuid, candidates[uuid], infos[uuid].name) for uuid in decision.blocked
        ]
        detail = "; ".join(f"{infos[uuid].name}: {why}" for uuid, why in decision.blocked.items())
    if errors:
        detail = "; ".join(f"{infos[uuid].name}: {error}" for uuid, error in errors.items())
        if len(errors) == len(decision.changes):
            outcome, reason = "failed", "unreachable"
    return AdjustmentRecord(0, time, outcome, reason, detail, seconds, tuple(receivers), tuple(donors))


def record_held(
    uuids: Sequence[str], reason: str, time: str, seconds: float, infos: Mapping[str, ServerInfo],
    assignments: Mapping[str, Assignment],
) -> AdjustmentRecord:  # fmt: skip
    """Servers that are left alone from now on."""
    servers = tuple(
        ServerRecord(
            uuid, infos[uuid].name, assignments[uuid].group, assignments[uuid].service_class,
            assignments[uuid].importance, None, None, None, None,
        )
        for uuid in uuids
    )  # fmt: skip
    detail = ", ".join(infos[uuid].name for uuid in uuids)
    return AdjustmentRecord(0, time, "failed", reason, f"left alone until released: {detail}", seconds, servers, ())


def measured(record: AdjustmentRecord, snapshot: Snapshot) -> AdjustmentRecord:
    """The record with what the window after it shows."""

    def fill(servers: tuple[ServerRecord, ...]) -> tuple[ServerRecord, ...]:
        return tuple(_with_measured(server, snapshot) for server in servers)

    return msgspec.structs.replace(record, receivers=fill(record.receivers), donors=fill(record.donors))


def _with_measured(server: ServerRecord, snapshot: Snapshot) -> ServerRecord:
    window = snapshot.server_window(server.uuid)
    if window is None or server.uuid not in snapshot.assignments:
        return server    # it has ended meanwhile
    return msgspec.structs.replace(
        server, pi_measured=snapshot.index(server.uuid), velocity_measured=window.velocity, cpus_measured=window.using
    )


def blocked_server(uuid: str, candidate: Candidate, name: str) -> ServerRecord:
    """A server that misses its goal and cannot be helped."""
    window, assignment = candidate.window, candidate.assignment
    velocity = None if window is None else window.velocity
    return ServerRecord(
        uuid, name, assignment.group, assignment.service_class, assignment.importance,
        candidate.shares, candidate.shares, _index(assignment, velocity), None,
        None if window is None else window.using, None, None,
        _goal(assignment), velocity,
    )  # fmt: skip


def _server(change: ServerChange, assignment: Assignment, name: str) -> ServerRecord:
    before, after = _percent(change.velocity_before), _percent(change.velocity_after)
    return ServerRecord(
        change.uuid, name, assignment.group, assignment.service_class, assignment.importance,
        change.shares_before, change.shares_after, _index(assignment, before), _index(assignment, after),
        # of one that sleeps nothing is expected, neither much nor little
        None if before is None else change.cpus_before, None if after is None else change.cpus_after, None,
        _goal(assignment), before, after,
    )  # fmt: skip


def _percent(velocity: float | None) -> float | None:
    return None if velocity is None else 100.0 * velocity


def _goal(assignment: Assignment) -> int | None:
    return assignment.goal.percent if isinstance(assignment.goal, VelocityGoal) else None


def _index(assignment: Assignment, velocity: float | None) -> float | None:
    return None if velocity is None else performance_index(assignment.goal, velocity, 100.0 - velocity)
