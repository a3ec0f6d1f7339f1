"""From the planner's decisions to adjustment records, and from records to what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ..engine.index import performance_index
from ..engine.plan import Candidate, Decision, ServerChange
from ..engine.samples import ServerInfo
from ..errors import HypervisorError
from ..policy.assignment import Assignment
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
    """The record with the PIs that the window after it shows."""

    def fill(servers: tuple[ServerRecord, ...]) -> tuple[ServerRecord, ...]:
        return tuple(
            msgspec.structs.replace(s, pi_measured=snapshot.index(s.uuid) if s.uuid in snapshot.assignments else None)
            for s in servers
        )

    return msgspec.structs.replace(record, receivers=fill(record.receivers), donors=fill(record.donors))


def blocked_server(uuid: str, candidate: Candidate, name: str) -> ServerRecord:
    """A server that misses its goal and cannot be helped."""
    window, assignment = candidate.window, candidate.assignment
    velocity = None if window is None or window.velocity is None else window.velocity / 100.0
    return ServerRecord(
        uuid, name, assignment.group, assignment.service_class, assignment.importance,
        candidate.shares, candidate.shares, _index(assignment, velocity), None,
    )  # fmt: skip


def _server(change: ServerChange, assignment: Assignment, name: str) -> ServerRecord:
    return ServerRecord(
        change.uuid, name, assignment.group, assignment.service_class, assignment.importance,
        change.shares_before, change.shares_after,
        _index(assignment, change.velocity_before), _index(assignment, change.velocity_after),
        change.cpus_before, change.cpus_after,
    )  # fmt: skip


def _index(assignment: Assignment, velocity: float | None) -> float | None:
    return None if velocity is None else performance_index(assignment.goal, velocity, 1.0 - velocity)
