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
from ..store.journal import HOST, Control, JournalEntry
from ..wire.management import Outcome, Resource
from .controls import CPU_CONTROLS, MEMORY_CONTROLS
from .disk_limits import left_disks
from .snapshot import Snapshot

#: How KSM that an administrator changed is managed again.
KSM_RELEASED = "the setting manage-ksm, switched off and on again, releases it"


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
        if change.uuid not in infos:
            continue
        assignment = candidates[change.uuid].assignment
        record = _server(change, assignment, infos[change.uuid].name)
        gains = change.shares_after > change.shares_before if change.gains is None else change.gains
        (receivers if gains else donors).append(record)
    if decision.blocked:
        outcome, reason = "failed", next(iter(decision.blocked.values()))
        receivers = [
            blocked_server(uuid, candidates[uuid], infos[uuid].name) for uuid in decision.blocked if uuid in infos
        ]
        detail = "; ".join(f"{_name(infos, uuid)}: {why}" for uuid, why in decision.blocked.items())
    partitions = [change for change in decision.changes if change.uuid not in infos]
    if partitions:
        detail = "; ".join(
            f"the partition {one.uuid} as a whole: shares {one.shares_before} → {one.shares_after}, for"
            f" {'the CPUs that are reserved' if one.uuid in candidates else 'the goals of those in it'}"
            for one in partitions
        )  # fmt: skip
    if errors:
        detail = "; ".join(f"{_name(infos, uuid)}: {error}" for uuid, error in errors.items())
        if len(errors) == len(decision.changes):
            outcome, reason = "failed", "unreachable"
    cause = "partition" if partitions and not receivers and not donors else None
    return AdjustmentRecord(0, time, outcome, reason, detail, seconds, tuple(receivers), tuple(donors), cause=cause)


def records_held(
    taken: Sequence[JournalEntry], reason: str, time: str, seconds: float, infos: Mapping[str, ServerInfo],
    assignments: Mapping[str, Assignment],
) -> list[AdjustmentRecord]:  # fmt: skip
    """What is left alone from now on, because somebody else changed it: servers' CPU, their memory, the host's KSM."""
    found: list[AdjustmentRecord] = []
    levels: tuple[tuple[Resource, frozenset[Control]], ...] = (("cpu", CPU_CONTROLS), ("memory", MEMORY_CONTROLS))
    for resource, controls in levels:
        uuids = list(dict.fromkeys(entry.uuid for entry in taken if entry.control in controls))
        servers = tuple(bystander(uuid, infos[uuid].name, assignments[uuid]) for uuid in uuids if uuid in infos)
        if uuids:
            disks = {entry.uuid: sorted(left_disks(entry.intended)) for entry in taken if entry.control == "io-tune"}
            names = ", ".join(
                "the host's KSM" if uuid == HOST else _name(infos, uuid)
                + (f" (disk {' '.join(disks[uuid])})" if resource == "memory" and disks.get(uuid) else "")
                for uuid in uuids
            )
            how = f" ({KSM_RELEASED})" if HOST in uuids else ""
            found.append(AdjustmentRecord(
                0, time, "failed", reason, f"left alone until released: {names}{how}", seconds, servers, (), resource
            ))  # fmt: skip
    return found


def bystander(uuid: str, name: str, assignment: Assignment) -> ServerRecord:
    """A server of which nothing is known but that it is concerned."""
    return ServerRecord(
        uuid, name, assignment.group, assignment.service_class, assignment.importance, None, None, None, None
    )


def _name(infos: Mapping[str, ServerInfo], uuid: str) -> str:
    return infos[uuid].name if uuid in infos else f"the partition {uuid}"


def measured(record: AdjustmentRecord, snapshot: Snapshot) -> AdjustmentRecord:
    """The record with what the window after it shows."""

    fill_in = _with_measured if record.resource == "cpu" else _with_memory

    def fill(servers: tuple[ServerRecord, ...]) -> tuple[ServerRecord, ...]:
        return tuple(fill_in(server, snapshot) for server in servers)

    found = msgspec.structs.replace(record, receivers=fill(record.receivers), donors=fill(record.donors))
    if record.total_projected is None:
        return found
    return msgspec.structs.replace(found, total_measured=_total(found, snapshot))


def _total(record: AdjustmentRecord, snapshot: Snapshot) -> float | None:
    """The velocity of the sums over all servers of a record; None: none of them works."""
    windows = [snapshot.server_window(server.uuid) for server in (*record.receivers, *record.donors)]
    using = sum(w.using for w in windows if w is not None)
    busy = using + sum(w.delay for w in windows if w is not None)
    return 100.0 * using / busy if busy > 0.0 else None


def _with_measured(server: ServerRecord, snapshot: Snapshot) -> ServerRecord:
    window = snapshot.server_window(server.uuid)
    if window is None or server.uuid not in snapshot.assignments:
        return server    # it has ended meanwhile
    return msgspec.structs.replace(
        server, pi_measured=snapshot.index(server.uuid), velocity_measured=window.velocity, cpus_measured=window.using
    )


def _with_memory(server: ServerRecord, snapshot: Snapshot) -> ServerRecord:
    sample = snapshot.sample.samples.get(server.uuid)
    return server if sample is None else msgspec.structs.replace(server, memory_measured=sample.memory_bytes)


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
