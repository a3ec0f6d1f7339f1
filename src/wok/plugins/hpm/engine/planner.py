"""The planner: goals, importance and what was measured in; new CPU shares with reasons out.

For each parent cgroup (only siblings compete): what every busy server needs is computed from its
demand (`demand`), CPUs are allocated in order of importance (`allocation`), and weights in proportion
bring the allocation about in one step, because sharing by weight is proportional and work-conserving.
A sleeping load is weighted as if its vCPUs, while active, were always runnable, and a correction in
odds, learned per server, makes up for what wake-up latency takes.

Nothing is changed while nobody misses a goal that could be helped: steady load, steady weights.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

import msgspec

from ..policy.goals import IMPORTANCES, Importance
from .allocation import FLOOR, Allocation, Claim, allocate, steady_velocity, target_velocity
from .demand import Demand, demand_of
from .index import MET
from .memory import Basis, Learned, Memory, learn, smoothed
from .plan import Candidate, Decision, Forecast, Plan, ServerChange
from .weights import RATIO, share_by_weight, to_shares, worth_writing
from .windows import HostWindow

#: Delay in CPUs below which nobody waits for anybody.
CONTENDED = 0.02
#: Velocities this near to the plan (absolute, and relative for slow goals) are as planned.
DEAD_BAND = 0.03
DEAD_BAND_RELATIVE = 0.07
#: Limits of one step of the learned correction, and of the correction.
STEP = 3.0
CORRECTION = 30.0
#: Work that sleeps less than this (seconds per second of work) is always runnable, and its correction small.
SPINS = 0.05
SPINNING = 1.25
#: Part by which the managed servers' weight may exceed what they had, before it is planned anew.
OVERWEIGHT = 0.05
#: Windows that a goal must be missed (met) before a standing reason is reported (withdrawn).
PATIENCE = 3


def plan(host: HostWindow, candidates: Sequence[Candidate], memory: Memory, generation: int) -> Plan:
    """Plan all parents of a host. `generation` is the catalog's: another one means other wishes."""
    families: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        families.setdefault(candidate.parent, []).append(candidate)
    waiting = {parent: _delay(family) for parent, family in families.items()}
    total = sum(waiting.values())
    decisions: list[Decision] = []
    forecasts: dict[str, Forecast] = {}
    servers: dict[str, Learned] = {}
    parents: dict[str, Basis] = {}
    for parent, family in families.items():
        idle = host.idle * waiting[parent] / total if total > 0.0 else host.idle
        work = _Parent(parent, family, memory, generation, host.seconds, idle)
        decision = work.decide()
        if decision is not None:
            decisions.append(decision)
        forecasts.update(work.forecasts)
        servers.update(work.learned)
        if work.basis is not None:
            parents[parent] = work.basis
    return Plan(tuple(decisions), forecasts, Memory(servers, parents))


def _delay(family: Sequence[Candidate]) -> float:
    return sum(c.window.delay for c in family if c.window is not None)


class _Parent:
    """The servers of one parent cgroup while a plan is made for them."""

    def __init__(
        self, parent: str, family: Sequence[Candidate], memory: Memory, generation: int, seconds: float, idle: float
    ) -> None:
        self.parent = parent
        self.generation = generation
        self.managed = [
            c for c in family if c.assignment.goal is not None and c.held is None and c.shares is not None
        ]
        named = {c.uuid for c in self.managed}
        self.others = [
            c for c in family if c.uuid not in named and c.window is not None and c.window.activity == "busy"
        ]
        self.busy = [c for c in self.managed if c.window is not None and c.window.activity == "busy"]
        self.basis = memory.parents.get(parent)
        self.learned = {
            c.uuid: learn(memory.servers.get(c.uuid), c.start, c.window, seconds) for c in self.managed
        }
        self.alone = len(self.managed) == len(family)
        self.capacity = idle + sum(c.window.using for c in (*self.busy, *self.others) if c.window is not None)
        self.contended = _delay(family) > CONTENDED
        self.forecasts: dict[str, Forecast] = {}
        self.demands: dict[str, Demand] = {}

    def decide(self) -> Decision | None:
        """Plan; None if nothing is to be done and nothing new is to be said."""
        if not self.busy or not self.contended:
            return None
        wishes = self.basis is None or (
            self.basis.generation != self.generation
            or self.basis.managed != frozenset(c.uuid for c in self.managed)
        )
        wishes = wishes or self._overweight()
        allocation = self._allocate(fresh=wishes)
        velocities = {
            c.uuid: self.demands[c.uuid].velocity(allocation.cpus[c.uuid]) for c in self.busy
        }
        lagging = self._lagging(velocities)
        changes: tuple[ServerChange, ...] = ()
        if wishes or lagging:
            if not wishes:
                self._correct()
            shares = self._shares(allocation, velocities)
            changes = self._changes(shares, allocation, velocities)
        self._forecast(allocation, velocities, bool(lagging) and not changes)
        if changes or wishes:
            self._in_force(velocities)
        if changes:
            return Decision(self.parent, changes, {})
        return self._blocked()

    def _allocate(self, *, fresh: bool) -> Allocation:
        claims: list[Claim] = []
        for c in self.busy:
            assert c.window is not None and c.assignment.goal is not None and c.assignment.importance is not None
            seen = c.window if fresh else smoothed(self.learned[c.uuid], c.window)
            demand = self.demands[c.uuid] = demand_of(seen, c.assignment.cpu_cap)
            claims.append(
                Claim(
                    c.uuid, c.assignment.importance, target_velocity(c.assignment.goal), demand,
                    c.assignment.cpu_reserve or 0.0, steady_velocity(c.assignment.goal, self.learned[c.uuid].spread),
                )
            )  # fmt: skip
        return allocate(claims, self._ours(claims))

    def _ours(self, claims: Sequence[Claim]) -> float:
        """Capacity that the managed servers can have without squeezing the others."""
        if not self.others:
            return self.capacity
        entries = [(float(sum(c.original for c in self.busy)), sum(claim.demand.most for claim in claims))]
        for c in self.others:
            assert c.window is not None
            entries.append((float(c.shares or c.original), demand_of(c.window, None).most))
        return share_by_weight(entries, self.capacity)[0]

    def _overweight(self) -> bool:
        """Whether the managed servers that work now weigh more than they did together before hpm came, because
        one woke up with the weight its goal needs; and somebody who was not named pays for it."""
        if not self.others:
            return False
        return sum(c.shares or 0 for c in self.busy) > (1.0 + OVERWEIGHT) * sum(c.original for c in self.busy)

    def _lagging(self, velocities: Mapping[str, float]) -> list[str]:
        """Servers that miss their goal and would be clearly faster if this plan came true."""
        lagging: list[str] = []
        for c in self.busy:
            assert c.window is not None
            learned, wanted = self.learned[c.uuid], velocities[c.uuid]
            now = c.window.using / (c.window.using + c.window.delay)
            if now >= goal_velocity(c) / MET:
                self.learned[c.uuid] = _calmed(learned)
                continue
            self.learned[c.uuid] = msgspec.structs.replace(learned, missed=min(learned.missed, PATIENCE) + 1)
            mean = now if learned.velocity is None else learned.velocity
            if min(now, mean) < wanted - _dead_band(wanted):
                lagging.append(c.uuid)
        return lagging

    def _correct(self) -> None:
        """Learn from what the plan in force promised and what came of it.

        Only while its servers are the ones that compete now: with others away, everybody is faster than
        planned. Work that is always runnable follows its weight in proportion, but for how its threads
        happen to be placed, so little is learned from it; and a capacity that shrank is nobody's fault.
        Work that sleeps follows in odds, as a share of the CPU that it finds when it wakes.
        """
        if self.basis is None or self.basis.busy != frozenset(c.uuid for c in self.busy):
            return
        seen = planned = 0.0
        for c in self.busy:
            learned = self.learned[c.uuid]
            if learned.planned is not None and learned.seconds > 0.0:
                seen += learned.using / learned.seconds
                planned += self.demands[c.uuid].need(learned.planned)
        for c in self.busy:
            learned = self.learned[c.uuid]
            mean = learned.velocity
            if mean is None or learned.planned is None or goal_velocity(c) == 0.0:
                continue
            spins = self.demands[c.uuid].sleep < SPINS
            wanted = learned.planned * seen / planned if spins else learned.planned
            if abs(mean - wanted) <= _dead_band(wanted):
                continue
            step, limit = (wanted / mean, SPINNING) if spins else (_odds(wanted) / _odds(mean), CORRECTION)
            step = max(1.0 / STEP, min(STEP, step))
            correction = max(1.0 / limit, min(limit, learned.correction * step))
            self.learned[c.uuid] = msgspec.structs.replace(learned, correction=correction)

    def _shares(self, allocation: Allocation, velocities: Mapping[str, float]) -> dict[str, int]:
        parts: dict[str, float] = {}
        for c in self.managed:
            learned = self.learned[c.uuid]
            if c.uuid in velocities:
                active = self.demands[c.uuid].active
                parts[c.uuid] = max(velocities[c.uuid] * active, FLOOR / 4) * learned.correction
            else:
                parts[c.uuid] = self._idle_part(c, allocation)
        busy = [c.uuid for c in self.busy]
        total = float(sum(c.original for c in self.busy))
        if self.basis is not None and self.alone:
            # Nobody else competes, so the scale is free: the one in force changes the fewest weights.
            scale = statistics.median((c.shares or 0) / parts[c.uuid] for c in self.managed)
            total = scale * sum(parts[uuid] for uuid in busy)
        return to_shares(parts, busy, total, alone=self.alone)

    def _idle_part(self, candidate: Candidate, allocation: Allocation) -> float:
        """An idle server's weight costs nobody anything, so it has what it will need when it wakes."""
        learned = self.learned[candidate.uuid]
        vcpus = candidate.window.vcpus if candidate.window is not None else 1
        active = learned.active or vcpus
        assert candidate.assignment.goal is not None
        target = target_velocity(candidate.assignment.goal)
        if target is None:
            return max(FLOOR, allocation.rest * active)
        return target * active * learned.correction

    def _changes(
        self, shares: Mapping[str, int], allocation: Allocation, velocities: Mapping[str, float]
    ) -> tuple[ServerChange, ...]:
        changes: list[ServerChange] = []
        for c in self.managed:
            assert c.shares is not None
            wanted = shares[c.uuid]
            if not worth_writing(c.shares, wanted):
                continue
            using, velocity = 0.0, None
            if c.uuid in velocities and c.window is not None:
                using = c.window.using
                velocity = c.window.using / (c.window.using + c.window.delay)
            changes.append(
                ServerChange(
                    c.uuid, c.shares, wanted, using, allocation.cpus.get(c.uuid, 0.0), velocity,
                    velocities.get(c.uuid),
                )
            )  # fmt: skip
        return tuple(changes)

    def _forecast(self, allocation: Allocation, velocities: Mapping[str, float], stuck: bool) -> None:
        squeezed = any(_ranks_below(c, allocation.short) for c in self.busy)
        for c in self.busy:
            goal = goal_velocity(c)
            velocity = velocities[c.uuid]
            reason: str | None = None
            if goal > 0.0 and velocity < goal / MET:
                reason = "at-floor" if squeezed else "at-capacity"
            elif stuck and self.learned[c.uuid].missed:
                limit = max(x.shares or 0 for x in self.managed) >= (c.shares or 0) * RATIO * 0.95
                reason = "ratio-limit" if limit else "no-gain"
            self.forecasts[c.uuid] = Forecast(allocation.cpus[c.uuid], velocity, reason)

    def _in_force(self, velocities: Mapping[str, float]) -> None:
        """This plan is the one in force from now on: sums start anew."""
        self.basis = Basis(
            self.generation,
            frozenset(c.uuid for c in self.managed),
            frozenset(c.uuid for c in self.busy),
        )
        for uuid, learned in self.learned.items():
            self.learned[uuid] = msgspec.structs.replace(
                learned, using=0.0, delay=0.0, seconds=0.0, planned=velocities.get(uuid)
            )

    def _blocked(self) -> Decision | None:
        """Say once why goals stay missed, when that is known to last or when the reason changes."""
        blocked: dict[str, str] = {}
        news = False
        for c in self.busy:
            learned, reason = self.learned[c.uuid], self.forecasts[c.uuid].reason
            if reason is None or learned.missed < PATIENCE:
                continue
            blocked[c.uuid] = reason
            if learned.reported != reason:
                news = True
                self.learned[c.uuid] = msgspec.structs.replace(learned, reported=reason)
        return Decision(self.parent, (), blocked) if news else None


def goal_velocity(candidate: Candidate) -> float:
    """The goal itself as velocity (0…1); 0 for discretionary work."""
    goal = candidate.assignment.goal
    percent = getattr(goal, "percent", 0)
    return float(percent) / 100.0


def _ranks_below(candidate: Candidate, level: Importance | None) -> bool:
    """Whether a server is served after that level: it is down to its floor when the level is short."""
    if level is None or candidate.assignment.importance is None:
        return False
    below = IMPORTANCES.index(candidate.assignment.importance) > IMPORTANCES.index(level)
    return below or goal_velocity(candidate) == 0.0


def _calmed(learned: Learned) -> Learned:
    if learned.missed == 0:
        return learned
    missed = learned.missed - 1
    return msgspec.structs.replace(learned, missed=missed, reported=learned.reported if missed else None)


def _dead_band(velocity: float) -> float:
    return min(DEAD_BAND, DEAD_BAND_RELATIVE * velocity)


def _odds(velocity: float) -> float:
    kept = min(0.99, max(0.01, velocity))
    return kept / (1.0 - kept)
