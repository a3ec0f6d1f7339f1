"""Where vCPUs run: once in a long while it is looked whether some would be better placed, and they are moved.

Moved are only servers whose guest policy says how they are to stand, and not on which CPUs: spread, packed, or
anywhere.
The level of CPU management governs: `advise` reports what would be done, `on` does it.

On a large host it takes some tenths of a second to find out what is better. So with the manager's lock held all is put
together that it depends on, which nobody changes any more (`work`); it is computed without the lock; and what is found
is done only if it still holds (`settle`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Protocol, TypeAlias

import msgspec

from ..backend.hypervisor import Hypervisor
from ..engine.accounting import Accounted
from ..engine.index import performance_index
from ..engine.placement import Manner, Move, Placed, Proposal, propose
from ..engine.samples import HostSample
from ..engine.topology import Topology
from ..engine.vcpu_use import VcpuUse, vcpu_use
from ..errors import HypervisorError
from ..policy.assignment import Assignment
from ..policy.cpu_sets import format_cpus, parse_cpus
from ..policy.goals import VelocityGoal
from ..policy.guest_policies import Anywhere, Pack, Spread
from ..store.adjustments import AdjustmentFilter, AdjustmentRecord, ServerRecord
from ..store.catalog_store import load_setting, save_setting
from ..store.database import Database
from ..wire.management import Outcome
from ..wire.times import moment_of, rfc3339
from .actuator import Actuator
from .adjusting import AdjustmentLog
from .change import Busy
from .controls import changing, pins_text
from .foresight import own_quota
from .snapshot import Snapshot

log = logging.getLogger(__name__)

#: Seconds between two decisions, where nobody says another time.
USUAL_INTERVAL = 60.0
#: Long intervals for which a server that was moved stays where it is.
COOL_DOWN = 10
#: Weight of a server whose shares cannot be read.
UNKNOWN_WEIGHT = 1024
#: What such a decision is called in adjustments.
CAUSE = "placement"
#: Differences of velocity (0…1) by which a server has gained.
GAINED = 0.01

Pins: TypeAlias = "tuple[frozenset[int] | None, ...]"


class Writer(Protocol):
    """Who has the lock, and the newest snapshot."""

    @property
    def snapshot(self) -> Snapshot:
        """The newest."""
        ...

    def writing(self) -> AbstractContextManager[None]:
        """Hold the lock. Raises `Busy`."""
        ...


class _Question(msgspec.Struct, frozen=True):
    """All that a decision depends on, as it was at one moment."""

    snapshot: Snapshot
    uses: Mapping[str, tuple[VcpuUse, ...]]
    servers: Sequence[Placed]
    room: Mapping[int, float]
    free: frozenset[int]
    resting: frozenset[str]
    seconds: float


class PlacementManagement:
    """Decides where vCPUs run. `interval`: seconds between two decisions; `time` gives the time in RFC 3339. But for
    `settle`, the manager's lock is held."""

    def __init__(
        self, hypervisor: Hypervisor, actuator: Actuator, adjustments: AdjustmentLog, topology: Topology,
        database: Database, time: Callable[[], str], writer: Writer,
    ) -> None:  # fmt: skip
        self.interval = float(load_setting(database, "placement-interval") or USUAL_INTERVAL)
        self._hypervisor, self._actuator, self._adjustments = hypervisor, actuator, adjustments
        self._topology, self._database, self._time, self._writer = topology, database, time, writer
        self._base: Accounted | None = None
        self._moved: dict[tuple[str, str], int] | None = None    # UUID and start, and when (ns); None: look it up
        self._advised: tuple[Move, ...] = ()
        self._question: _Question | None = None

    def set_interval(self, seconds: float) -> None:
        """Set the seconds between two decisions (5 to 86400), now and for later starts. Raises `StoreError`."""
        save_setting(self._database, "placement-interval", repr(seconds))
        self.interval = seconds

    def level_changed(self) -> None:
        """Another level is in force: the long window begins now, advice is given again, and who was moved before has
        been put back, or may be moved again."""
        self._base, self._advised, self._moved, self._question = None, (), {}, None

    def work(self, snapshot: Snapshot, now: Accounted) -> None:
        """Put together what a decision depends on, if it is time for one. `now` is the newest observation, and that of
        the snapshot."""
        if self._base is None:
            self._base = now
        seconds = (now.time_ns - self._base.time_ns) / 1e9
        if seconds < self.interval:
            return
        base, self._base = self._base, now
        rest = COOL_DOWN * self.interval * 1e9
        known = self._moved_before(snapshot.sample) if self._moved is None else self._moved
        self._moved = {key: when for key, when in known.items() if now.time_ns - when < rest}
        if not any(manner_of(assignment) for assignment in snapshot.assignments.values()):
            return    # nobody may be moved, so nothing is computed
        uses = vcpu_use(base, now)
        each = _room(base, now, uses)
        room = dict.fromkeys(now.sample.idle_by_cpu or self._topology.cpus, each)
        resting = frozenset(uuid for uuid, start in self._moved if _starts(snapshot, uuid) == start)
        taken = taken_alone(snapshot)
        free = self._free(snapshot.sample, taken)
        servers = self._placed(snapshot, uses, taken, free)
        self._question = _Question(snapshot, uses, servers, room, free, resting, seconds)

    def settle(self) -> bool:
        """Find out what would be better, and do or report it, if there is a question and its answer still holds; gives
        whether servers were moved. The lock is not held. Raises `StoreError`."""
        asked, self._question = self._question, None
        if asked is None:
            return False
        proposal = propose(self._with_memory(asked), self._topology, asked.room, asked.resting)
        try:
            with self._writer.writing():
                return self._act(proposal, asked)
        except Busy as error:
            log.warning("nobody was moved to other CPUs: %s", error)
            return False

    def _act(self, proposal: Proposal | None, asked: _Question) -> bool:
        if proposal is None:
            self._advised = ()
        elif not self._holds(proposal, asked):
            log.info("nobody is moved to other CPUs, something changed meanwhile; next look in %g s", self.interval)
        elif asked.snapshot.levels.cpu_mgmt == "on":
            self._move(proposal, asked.snapshot, asked.uses, asked.seconds)
            return True
        elif proposal.moves != self._advised:
            self._advised = proposal.moves
            self._adjustments.add(self._record(proposal, asked.snapshot, asked.uses, asked.seconds, "advised", {}))
        return False

    def _holds(self, proposal: Proposal, asked: _Question) -> bool:
        """Whether all is as it was that decides whether these servers may be moved, and where to."""
        then, now = asked.snapshot, self._writer.snapshot
        if then.catalog.generation != now.catalog.generation or then.levels.cpu_mgmt != now.levels.cpu_mgmt:
            return False
        if self._free(now.sample, taken_alone(now)) != asked.free:
            return False
        for move in proposal.moves:
            server, info = now.sample.samples.get(move.uuid), now.sample.infos.get(move.uuid)
            if server is None or info is None or server.start != _starts(then, move.uuid) or info.status != "running":
                return False
            pins = sets_of(info.tuning.vcpu_pins, len(move.before))
            if pins != move.before or self._actuator.held(server, "vcpu-pins"):
                return False
        return True

    def _free(self, sample: HostSample, taken: Mapping[str, frozenset[int]]) -> frozenset[int]:
        """The CPUs that nobody has for himself alone; of those that have gone offline since hpm started none."""
        online = sample.idle_by_cpu.keys() or self._topology.numbers
        return self._topology.numbers.intersection(online).difference(*taken.values())

    def _moved_before(self, sample: HostSample) -> dict[tuple[str, str], int]:
        """Servers that were moved before hpm was started anew, and that are still where it moved them to: UUID and
        start, and when (ns). Raises `StoreError`."""
        found: dict[tuple[str, str], int] = {}
        now = moment_of(self._time())
        since = rfc3339(now - timedelta(seconds=COOL_DOWN * self.interval))
        for record in self._adjustments.find(AdjustmentFilter(time_from=since, outcome="applied", cause=CAUSE)):
            age = max(0, int((now - moment_of(record.time)).total_seconds() * 1e9))    # clocks are set back, too
            for moved in record.receivers:
                server, when = sample.samples.get(moved.uuid), sample.time_ns - age
                if moved.pins_after is None or server is None or when < server.started_ns:
                    continue    # it is a receiver that was not moved, or was started anew
                there = sets_of(sample.infos[moved.uuid].tuning.vcpu_pins, len(moved.pins_after))
                if _lists(there) == list(moved.pins_after):
                    found.setdefault((server.uuid, server.start), when)
        return found

    def _with_memory(self, asked: _Question) -> Sequence[Placed]:
        """The servers, with where the memory of those is that may be moved. Of hugetlbfs nothing is told but what the
        emulator has beside it."""
        if len(self._topology.nodes) < 2:
            return asked.servers
        infos = asked.snapshot.sample.infos
        told = self._hypervisor.memory_nodes([
            one.uuid for one in asked.servers
            if one.manner is not None and any(one.pins) and not infos[one.uuid].memory.huge_pages
        ])  # fmt: skip
        memory = {
            uuid: {node: amount / sum(nodes.values()) for node, amount in nodes.items()} for uuid, nodes in told.items()
        }
        return [msgspec.structs.replace(one, memory=memory.get(one.uuid, {})) for one in asked.servers]

    def _placed(
        self, snapshot: Snapshot, uses: Mapping[str, tuple[VcpuUse, ...]], taken: Mapping[str, frozenset[int]],
        free: frozenset[int],
    ) -> list[Placed]:  # fmt: skip
        """All running servers as the engine sees them. `taken`: CPUs that some have for themselves alone."""
        sample = snapshot.sample
        pins = {uuid: sets_of(sample.infos[uuid].tuning.vcpu_pins, len(uses[uuid])) for uuid in uses}
        found: list[Placed] = []
        for uuid, used in uses.items():
            server, info, assignment = sample.samples[uuid], sample.infos[uuid], snapshot.assignments[uuid]
            movable = info.status == "running" and uuid not in taken and not self._actuator.held(server, "vcpu-pins")
            goal = assignment.goal
            found.append(Placed(
                uuid, info.name, float(server.shares or UNKNOWN_WEIGHT), used, pins[uuid],
                manner_of(assignment) if movable else None, free,
                goal.percent / 100.0 if isinstance(goal, VelocityGoal) else 0.0, {},
                None if server.quota_us is None else own_quota(server, self._actuator),
            ))  # fmt: skip
        return found

    def _move(
        self, proposal: Proposal, snapshot: Snapshot, uses: Mapping[str, tuple[VcpuUse, ...]], seconds: float
    ) -> None:
        sample = snapshot.sample
        errors = self._actuator.apply([
            changing(sample, move.uuid, "vcpu-pins", pins_text(_lists(move.after)))
            for move in proposal.moves
        ])  # fmt: skip
        moved = {(move.uuid, sample.samples[move.uuid].start): sample.time_ns for move in proposal.moves}
        self._moved = {**(self._moved or {}), **moved}
        made = self._record(proposal, snapshot, uses, seconds, "applied", errors)
        self._adjustments.add(made, measure=made.outcome == "applied")

    def _record(
        self, proposal: Proposal, snapshot: Snapshot, uses: Mapping[str, tuple[VcpuUse, ...]], seconds: float,
        outcome: Outcome, errors: Mapping[str, HypervisorError],
    ) -> AdjustmentRecord:  # fmt: skip
        """The decision with what was measured before, and what is projected: by as much more, or less, as the
        projection says that it makes."""
        moves = {move.uuid: move for move in proposal.moves}
        receivers: list[ServerRecord] = []
        donors: list[ServerRecord] = []
        for uuid in [*moves, *(uuid for uuid in proposal.before if uuid not in moves)]:
            gains = uuid in moves or proposal.after[uuid] > proposal.before[uuid] + GAINED
            (receivers if gains else donors).append(self._server(uuid, moves.get(uuid), proposal, snapshot, uses))
        before = _total(uses, proposal.before)
        projected = min(100.0, max(0.0, before + 100.0 * (proposal.total_after - proposal.total_before)))
        detail = "; ".join(move.reason for move in proposal.moves)
        reason = None
        if errors:
            detail = "; ".join(f"{snapshot.sample.infos[uuid].name}: {error}" for uuid, error in errors.items())
            if len(errors) == len(moves):
                outcome, reason = "failed", "unreachable"
        return AdjustmentRecord(
            0, self._time(), outcome, reason, detail, seconds, tuple(receivers), tuple(donors), cause=CAUSE,
            total_before=before, total_projected=projected,
        )  # fmt: skip

    def _server(
        self, uuid: str, move: Move | None, proposal: Proposal, snapshot: Snapshot,
        uses: Mapping[str, tuple[VcpuUse, ...]],
    ) -> ServerRecord:  # fmt: skip
        assignment, server = snapshot.assignments[uuid], snapshot.sample.samples[uuid]
        before, after = _total(uses, (uuid,)), 100.0 * proposal.after[uuid]
        goal = assignment.goal
        return ServerRecord(
            uuid, snapshot.sample.infos[uuid].name, assignment.group, assignment.service_class, assignment.importance,
            server.shares, server.shares,
            performance_index(goal, before, 100.0 - before), performance_index(goal, after, 100.0 - after),
            sum(use.using for use in uses[uuid]), proposal.cpus[uuid],
            goal=goal.percent if isinstance(goal, VelocityGoal) else None,
            velocity_before=before, velocity_projected=after,
            pins_before=None if move is None else tuple(_lists(move.before)),
            pins_after=None if move is None else tuple(_lists(move.after)),
        )  # fmt: skip


def manner_of(assignment: Assignment) -> Manner | None:
    """How hpm may move a server: as its guest policy has it stand. None: it says on which CPUs, or nothing at all."""
    placement = assignment.guest.policy.placement
    if assignment.excluded:
        return None
    if isinstance(placement, Spread):
        return "spread"
    if isinstance(placement, Pack):
        return "pack"
    return "anywhere" if isinstance(placement, Anywhere) else None


def taken_alone(snapshot: Snapshot) -> dict[str, frozenset[int]]:
    """The CPUs that running servers have for themselves alone, by UUID."""
    taken: dict[str, frozenset[int]] = {}
    for uuid, server in snapshot.sample.samples.items():
        placement = snapshot.assignments[uuid].guest.policy.placement
        if placement is not None and not isinstance(placement, Anywhere) and placement.exclusive:
            pins = sets_of(snapshot.sample.infos[uuid].tuning.vcpu_pins, len(server.threads))
            taken[uuid] = frozenset().union(*(cpus for cpus in pins if cpus))
    return taken


def sets_of(lists: tuple[str, ...], vcpus: int) -> Pins:
    """Where each vCPU may run, by `Tuning.vcpu_pins`; None: on any CPU."""
    found = [parse_cpus(one) if one else None for one in lists[:vcpus]]
    return (*found, *[None] * (vcpus - len(found)))


def _lists(pins: Pins) -> list[str]:
    return ["" if cpus is None else format_cpus(cpus) for cpus in pins]


def _room(base: Accounted, now: Accounted, uses: Mapping[str, tuple[VcpuUse, ...]]) -> float:
    """What each CPU had to give to servers, in the mean: what these used, and what nobody did."""
    idle = max(0, now.sample.idle_ns - base.sample.idle_ns) / (now.time_ns - base.time_ns)
    using = sum(use.using for used in uses.values() for use in used)
    return min(1.0, (idle + using) / max(1, now.sample.cpus))


def _total(uses: Mapping[str, tuple[VcpuUse, ...]], uuids: Mapping[str, float] | tuple[str, ...]) -> float:
    """The velocity of the sums over some servers, in percent."""
    using = sum(use.using for uuid in uuids for use in uses[uuid])
    busy = using + sum(use.delay for uuid in uuids for use in uses[uuid])
    return 100.0 * using / busy if busy > 0.0 else 0.0


def _starts(snapshot: Snapshot, uuid: str) -> str | None:
    server = snapshot.sample.samples.get(uuid)
    return None if server is None else server.start
