"""The planner: goals, importance and what was measured in; new CPU shares with reasons out.

For each parent cgroup (only siblings compete): what every busy server needs is computed from its
demand (`demand`), CPUs are allocated in order of importance (`allocation`), and weights in proportion
bring the allocation about in one step, because sharing by weight is proportional and work-conserving.
A sleeping load is weighted by what it competes for when it wakes (`parts`), and a correction, learned per server,
makes up for what the model does not know: wake-up latency above all.

Nothing is changed while nobody misses a goal, or is about to, that could be helped: steady load, steady weights.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence

import msgspec

from ..policy.goals import IMPORTANCES
from .allocation import (
    ROUNDING,
    Allocation,
    Claim,
    at_common_factor,
    steady_velocity,
    target_velocity,
)
from .bounds import Bound, for_claims, together, within
from .correcting import SPINNING, corrections
from .demand import SPINS, Demand, demand_if, demand_of
from .index import MET
from .judging import came_true, lacking_together, lacks_reserve, lags, lags_behind_equals, unsteady
from .learned import PAST, Basis, Contest, Learned, Memory, learn, smoothed
from .parts import REACH, parts_of
from .pin_sets import Confines, Pool, pools
from .plan import Candidate, Decision, Forecast, Plan, ServerChange
from .pool_bounds import divided
from .stake import Competitor, Stake, scale_of, stake
from .waking import for_everybody, if_it_woke
from .weights import HIGHEST, RATIO, settle, share_by_weight, to_shares
from .windows import CONTENDED, HostWindow

#: Part of the capacity by which it varies from window to window; servers that want less than that, all together, may
#: come and go without a new plan.
NOISE = 0.05
#: Part by which the weight of all managed servers may differ from what they may have, before it is planned anew:
#: of those that are always runnable, of all, and where others work than before.
MISWEIGHED = 0.15
MISWEIGHED_ALL = 0.3
MISWEIGHED_NOW = 0.05
#: Part of the largest share there may be, from which on it is reached.
NEARLY = 0.95
#: Windows that a goal must be missed (met) before a standing reason is reported (withdrawn).
PATIENCE = 3


def plan(
    host: HostWindow, candidates: Sequence[Candidate], memory: Memory, generation: int, bounds: Sequence[Bound] = ()
) -> Plan:
    """Plan all parents of a host. `generation` is the catalog's: another one means other wishes."""
    families: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        families.setdefault(candidate.parent, []).append(candidate)
    above = {parent[:place] for parent in families for place, letter in enumerate(parent) if letter == "/"}
    decisions: list[Decision] = []
    forecasts: dict[str, Forecast] = {}
    servers: dict[str, Learned] = {}
    parents: dict[str, Basis] = {}
    contests: dict[str, Contest] = {}
    found = pools(families, host)
    for pool, parts in zip(found, divided(bounds, found, memory.servers, host), strict=True):
        nested = pool.parent in above and not any(c.partition for c in pool.servers)    # else these compete here, too
        work = _Parent(pool, memory, generation, host, bounds, parts, nested=nested)
        decision = work.decide()
        if decision is not None:
            decisions.append(decision)
        forecasts.update(work.forecasts)
        servers.update(work.learned)
        contests[pool.key] = work.contest
        if work.basis is not None:
            parents[pool.key] = work.basis
    return Plan(tuple(decisions), forecasts, Memory(servers, parents, contests))


def _wanting(servers: Sequence[Candidate]) -> dict[str, float]:
    """CPUs that each of these servers used or waited for."""
    return {c.uuid: c.window.using + c.window.delay for c in servers if c.window is not None}


def _delay(family: Sequence[Candidate]) -> float:
    return sum(c.window.delay for c in family if c.window is not None)


class _Parent:
    """The servers of one parent cgroup that compete with each other, while a plan is made for them."""

    def __init__(
        self, pool: Pool, memory: Memory, generation: int, host: HostWindow, said: Sequence[Bound],
        bounds: Sequence[Bound], *, nested: bool,
    ) -> None:  # fmt: skip
        self.parent, family = pool.parent, pool.servers
        self.bounds = bounds
        #: The same, whole: what each pool has of them varies with what those in them want, which is no new wish.
        concerned = {bound.members for bound in bounds}
        self.said = tuple(bound for bound in said if bound.members in concerned)
        self.generation = generation
        self.managed = [c for c in family if c.wanted and c.held is None and c.shares is not None]
        named = {c.uuid for c in self.managed}
        self.unmanaged = [c for c in family if c.uuid not in named]
        self.others = [c for c in self.unmanaged if c.working]
        self.busy = [c for c in self.managed if c.working]
        self.basis = memory.parents.get(pool.key)
        # A group of servers below this parent competes as one of its children, with a weight that is not ours.
        self.alone = len(self.managed) == len(family) and not nested
        self.rivals = bool(self.others) or nested
        self.contended = _delay(family) > CONTENDED
        using = sum(c.window.using for c in (*self.busy, *self.others) if c.window is not None)
        self.capacity = min(pool.most(host), pool.idle + using)
        self.working = _wanting(self.busy)
        #: Whether the servers that work are those for which the plan in force was made.
        self.same = self.basis is not None and self._alike(self.basis.busy, self.working)
        before, competing = memory.contests.get(pool.key), {**self.working, **_wanting(self.others)}
        anew = before is not None and not self._alike(before.competing, competing)
        self.learned = self._learn(memory.servers, host.seconds, anew=anew)
        if before is not None and not anew and abs(self.capacity - before.capacity) <= NOISE * self.capacity:
            self.capacity = PAST * before.capacity + (1.0 - PAST) * self.capacity
        self.contest = Contest(competing, self.capacity)
        self.confines = Confines(pool, host, self.capacity)
        #: What the managed servers which work may have together.
        self.stake = Stake(self.capacity)
        self.forecasts: dict[str, Forecast] = {}
        self.demands: dict[str, Demand] = {}
        self.claims: dict[str, Claim] = {}
        #: Those that are always runnable, and members of the level that falls short.
        self.always: set[str] = set()
        self.equals: set[str] = set()

    def _learn(self, known: Mapping[str, Learned], seconds: float, *, anew: bool) -> dict[str, Learned]:
        """What is known of the managed servers with this window. `anew`: others compete with them than before."""
        learned = {
            c.uuid: learn(known.get(c.uuid), c.start, c.window if c.working else None, seconds, anew=anew)
            for c in self.managed
        }
        for c in self.busy:
            learned[c.uuid] = learned[c.uuid].reckoned(c.goal)
        for c in self.unmanaged:    # one that is paused for a moment is the same when it comes back
            if c.uuid in known and known[c.uuid].start == c.start:
                learned[c.uuid] = known[c.uuid].unplanned()
        return learned

    def _alike(self, before: Mapping[str, float], now: Mapping[str, float]) -> bool:
        """Whether the same servers work, but for some that want next to nothing: an idle one has timers and daemons."""
        differ = before.keys() ^ now.keys()
        return not differ or sum(before.get(u, 0.0) + now.get(u, 0.0) for u in differ) <= NOISE * self.capacity

    def decide(self) -> Decision | None:
        """Plan; None if nothing is to be done and nothing new is to be said."""
        if not self.busy or not self.contended or self.capacity <= ROUNDING:
            return None
        wishes = self._new_wishes()
        allocation = self._allocate(fresh=wishes)
        velocities: Mapping[str, float] = allocation.velocities(self.claims.values())
        if not wishes and self._misweighed(allocation, velocities):
            wishes, allocation = True, self._allocate(fresh=True)
            velocities = allocation.velocities(self.claims.values())
        self.equals = {
            c.uuid for c in self.busy if allocation.short == c.importance and 0.0 < velocities[c.uuid] < c.goal / MET
        }
        lagging = self._lagging(allocation, velocities)
        changes: tuple[ServerChange, ...] = ()
        at_limit = {c.uuid for c in self.busy if self.rivals and (c.shares or 0) >= HIGHEST}
        if wishes or lagging - at_limit or (lagging and not self.same):
            if wishes:
                self.learned = {uuid: learned.fresh() for uuid, learned in self.learned.items()}
            elif self.same:    # with others away, everybody is faster than planned
                self.learned |= corrections(
                    self.busy, self.learned, self.demands, lagging, self.equals, self.always, rivals=self.rivals)
            shares, velocities = self._shares(allocation, velocities)
            changes = self._changes(shares, velocities)
        self._forecast(allocation, velocities, bool(lagging) and not changes)
        # If nothing is to be changed, it is in force already; also for who works otherwise than it was planned for.
        if changes or wishes or (lagging and not self.same) or any(self.learned[u].planned is None for u in lagging):
            self._in_force(velocities)
        if changes:
            return Decision(self.parent, changes, {})
        return self._blocked()

    def _allocate(self, *, fresh: bool) -> Allocation:
        entitled: dict[str, float] = {}
        for c in self.busy:
            assert c.window is not None
            seen = c.window if fresh else smoothed(self.learned[c.uuid], c.window)
            self.demands[c.uuid] = demand_of(seen, c.limit)
        self.stake = self._stake()
        ours = self.stake.cpus
        if any(c.assignment.goal is None for c in self.busy):
            entries = [(float(c.original), self.demands[c.uuid].most) for c in self.busy]
            fair = share_by_weight(entries, ours)
            entitled = {c.uuid: part for c, part in zip(self.busy, fair, strict=True) if c.assignment.goal is None}
        for c in self.busy:
            self.claims[c.uuid] = self._claim(c, self.demands[c.uuid], entitled.get(c.uuid, 0.0))
        others = dict(zip((c.uuid for c in self.others), self.stake.theirs, strict=False))
        claims = list(self.claims.values())
        allocation = within(
            claims, ours, for_claims(self.bounds, claims, ours, others) if self.bounds else (),
            lambda claims, cpus: self.confines.allocate(claims, cpus, others),
        )  # fmt: skip
        # After a quota stopped it, a server comes back as if it had slept.
        self.always = {
            uuid for uuid, claim in self.claims.items()
            if claim.demand.sleep < SPINS and not claim.stopped(allocation.cpus[uuid])
        }  # fmt: skip
        return allocation

    def _claim(self, c: Candidate, demand: Demand, entitled: float) -> Claim:
        """What a server wants. One without a policy that is managed for its reserve keeps what it is `entitled`
        to: nobody is squeezed who was not named."""
        goal, learned = c.assignment.goal, self.learned[c.uuid]
        target, steady = target_velocity(goal), steady_velocity(goal, learned.margin or learned.spread(c.goal))
        reach = REACH * self.capacity / demand.active
        return Claim(c.uuid, c.importance, target, demand, c.assignment.cpu_reserve or 0.0, steady, entitled, reach)

    def _asleep(self) -> list[Claim]:
        """What managed servers that do not work now will want when they do: as when they last worked; all their
        vCPUs, all the time, if they were never seen working."""
        claims: list[Claim] = []
        for c in self.managed:
            if c.uuid in self.claims:
                continue
            learned, vcpus = self.learned[c.uuid], c.window.vcpus if c.window is not None else 1
            demand = demand_if(learned.active or max(1, vcpus), learned.sleep, c.limit)
            entitled = self._own_part(c, demand) if c.assignment.goal is None else 0.0
            claims.append(self._claim(c, demand, entitled))
        return claims

    def _own_part(self, sleeper: Candidate, demand: Demand) -> float:
        """CPUs that a server which sleeps would have by its own weight among the managed ones, if it woke."""
        entries = [(float(c.original), self.demands[c.uuid].most) for c in self.busy]
        return share_by_weight([(float(sleeper.original), demand.most), *entries], self.capacity)[0]

    def _stake(self) -> Stake:
        """What the managed servers that work may have together."""
        ours, others = {}, []
        for c in self.busy:
            most, reserve = self.demands[c.uuid].most, c.assignment.cpu_reserve or 0.0
            ours[c.uuid] = Competitor(max(1.0, float(c.original)), most, min(reserve, most))
        for c in self.others:
            assert c.window is not None
            most = min(demand_of(c.window, c.limit).most, self.confines.reach(c.uuid))
            others.append(Competitor(max(1.0, float(c.original or c.shares or 0)), most))
        return stake(together(ours, self.bounds), others, self.capacity)

    def _new_wishes(self) -> bool:
        """Whether something else is wanted than the plan in force was made for."""
        if self.basis is None or self.basis.bounds != self.said:
            return True
        before = self.basis.wishes
        if self.basis.generation == self.generation and len(self.managed) == len(before):
            return any(c.uuid not in before or before[c.uuid][0] != c.start for c in self.managed)
        wishes = {c.uuid: c.wish for c in self.managed}
        if any(before.get(uuid) != wish for uuid, wish in wishes.items()):
            return True
        # Who is not managed any more is new when it comes back.
        self.basis = msgspec.structs.replace(self.basis, generation=self.generation, wishes=wishes)
        return False

    def _misweighed(self, allocation: Allocation, velocities: Mapping[str, float]) -> bool:
        """Whether the managed servers weigh clearly more together than they may, or less: one woke with the weight its
        goal needs, or fell asleep, or works otherwise than before, and who was not named pays for it, or gains."""
        if not self.rivals:
            return False
        due, counted = self._due(allocation, velocities)
        weights = {c.uuid: c.shares or 0 for c in self.busy}
        more = sum(weights[uuid] - due[uuid] for uuid in counted)
        if not self.same:
            return abs(more) > MISWEIGHED_NOW * sum(due[uuid] for uuid in counted) + len(counted)
        return (
            more > MISWEIGHED * sum(due[uuid] for uuid in counted) + len(counted)
            or sum(weights.values()) > (1.0 + MISWEIGHED_ALL) * sum(due.values()) + len(due)
        )

    def _due(
        self, allocation: Allocation, velocities: Mapping[str, float]
    ) -> tuple[Mapping[str, int], Collection[str]]:
        """The shares that busy servers would have by a new plan, and those whose sum is looked at."""
        pure = parts_of(self.claims.values(), velocities, allocation, self.capacity)[0]
        parts = self._corrected(pure)
        counted, scale = self._scale(pure, parts)
        return to_shares(parts, parts, scale, alone=False), counted

    def _scale(self, pure: Mapping[str, float], parts: Mapping[str, float]) -> tuple[Collection[str], float]:
        own = float(sum(c.original for c in self.busy))
        return scale_of(pure, parts, self.always, self.stake.unit, own)

    def _corrected(self, parts: Mapping[str, float]) -> dict[str, float]:
        return {uuid: part * self._correction(uuid) for uuid, part in parts.items()}

    def _correction(self, uuid: str) -> float:
        """What the weight of a server is multiplied by. What it learned when it slept is too much if it never does."""
        learned = self.learned[uuid].correction
        return min(learned, SPINNING) if uuid in self.always else learned

    def _lagging(self, allocation: Allocation, velocities: Mapping[str, float]) -> set[str]:
        """Servers that miss their goal, or will soon, or lack a part of their reserve, and would be better off if this
        plan came true."""
        lagging: set[str] = set()
        equals = {uuid: velocities[uuid] for uuid in self.equals}
        part = min(1.0, came_true(equals, self.learned, self.demands)) if self.same else 1.0
        for c in self.busy:
            assert c.window is not None
            learned, wanted = self.learned[c.uuid], velocities[c.uuid]
            now = c.window.using / (c.window.using + c.window.delay)
            lacks = lacks_reserve(c, learned, c.window.using, allocation.cpus[c.uuid])
            if now >= c.goal / MET and not lacks:
                self.learned[c.uuid] = learned.calmed()
                steady = steady_velocity(c.assignment.goal, learned.spread(c.goal))
                if self.same and c.uuid not in self.always and unsteady(learned, min(steady, wanted)):
                    lagging.add(c.uuid)
                continue
            self.learned[c.uuid] = msgspec.structs.replace(learned, missed=min(learned.missed, PATIENCE) + 1)
            if c.uuid in self.equals:
                late = lags_behind_equals(learned, now, wanted, part)
            else:
                late = lags(learned, now, wanted, reserve=lacks)
            if late:
                lagging.add(c.uuid)
        if self.bounds:
            lagging |= lacking_together(self.bounds, self.busy, self.learned, allocation.cpus)
        return lagging | self.equals if self.equals and self._lesser_weigh_more(allocation, velocities) else lagging

    def _lesser_weigh_more(self, allocation: Allocation, velocities: Mapping[str, float]) -> bool:
        """Whether some of those below the level that falls short weigh clearly more, as a part of all, than they are
        to: their weights are of a time when others worked."""
        due, _ = self._due(allocation, velocities)
        weight = sum(c.shares or 0 for c in self.busy)
        scale = weight / sum(due.values())    # it may be free
        more = [(c.shares or 0) - scale * due[c.uuid] - 1 for c in self.busy if self._below(c, allocation)]
        return sum(part for part in more if part > 0.0) > NOISE * weight

    def _below(self, c: Candidate, allocation: Allocation) -> bool:
        """Whether a server is served after the level that falls short: it is down to its floor."""
        if allocation.short is None:
            return False
        return IMPORTANCES.index(c.importance) > IMPORTANCES.index(allocation.short) or c.goal == 0.0

    def _shares(
        self, allocation: Allocation, velocities: Mapping[str, float]
    ) -> tuple[dict[str, int], Mapping[str, float]]:
        """Shares for all managed servers, and the velocities of those who work that these shares are to bring."""
        busy, asleep = list(self.claims.values()), self._asleep()
        everybody = None
        if asleep and not self.rivals and not self.confines and not self.bounds:
            everybody = for_everybody(busy, asleep, velocities, self.capacity)
        if everybody is not None:
            claims = [*busy, *asleep]
            aims: Mapping[str, float] = everybody.velocities(claims)
            pure, _ = parts_of(claims, aims, everybody, self.capacity)
            parts = self._corrected(pure)
            pure = {uuid: pure[uuid] for uuid in self.claims}
        else:
            pure, least = parts_of(busy, velocities, allocation, self.capacity)
            parts = self._corrected(pure)
            weight = sum(parts.values())
            for c in asleep:
                part = max(if_it_woke(c, allocation, weight), c.crumbs(least))
                parts[c.uuid] = part * self._correction(c.uuid)
        counted, scale = self._scale(pure, {uuid: parts[uuid] for uuid in pure})
        if self.basis is not None:
            in_force = statistics.median((c.shares or 0) / parts[c.uuid] for c in self.busy if c.uuid in counted)
            if self.alone or (self.same and abs(in_force - scale) <= MISWEIGHED_NOW * scale):
                scale = in_force    # it changes the fewest weights, and if nobody else competes any scale will do
        shares = to_shares(parts, self.claims, scale, alone=self.alone)
        return shares, velocities if everybody is None else at_common_factor(busy, aims, self.capacity)

    def _changes(
        self, shares: Mapping[str, int], velocities: Mapping[str, float]
    ) -> tuple[ServerChange, ...]:
        changes: list[ServerChange] = []
        settled = settle({c.uuid: c.shares or 0 for c in self.managed}, shares, self.working)
        for c in self.managed:
            assert c.shares is not None
            wanted = settled[c.uuid]
            if wanted == c.shares:
                continue
            using, cpus, velocity = 0.0, 0.0, None
            if c.uuid in velocities and c.window is not None:
                using, cpus = c.window.using, self.claims[c.uuid].demand.need(velocities[c.uuid])
                velocity = c.window.using / (c.window.using + c.window.delay)
            changes.append(ServerChange(c.uuid, c.shares, wanted, using, cpus, velocity, velocities.get(c.uuid)))
        return tuple(changes)

    def _forecast(self, allocation: Allocation, velocities: Mapping[str, float], stuck: bool) -> None:
        squeezed = any(self._below(c, allocation) for c in self.busy)
        for c in self.busy:
            goal, velocity = c.goal, velocities[c.uuid]
            reason: str | None = None
            learned = self.learned[c.uuid]
            if goal > 0.0 and (velocity < goal / MET or (learned.missed and allocation.short == c.importance)):
                reason = "at-floor" if squeezed else "at-capacity"
            elif stuck and learned.missed:
                limit = (c.shares or 0) >= NEARLY * min(HIGHEST, RATIO * min(x.shares or 0 for x in self.busy))
                reason = "ratio-limit" if limit else "no-gain"
            self.forecasts[c.uuid] = Forecast(allocation.cpus[c.uuid], velocity, reason)

    def _in_force(self, velocities: Mapping[str, float]) -> None:
        """This plan is the one in force from now on: sums start anew."""
        self.basis = Basis(self.generation, {c.uuid: c.wish for c in self.managed}, self.working, self.said)
        for uuid, learned in self.learned.items():
            self.learned[uuid] = learned.begun(velocities[uuid]) if uuid in velocities else learned.unplanned()

    def _blocked(self) -> Decision | None:
        """Say once why goals stay missed, when that is known to last or when the reason changes."""
        news: dict[str, str] = {}
        for c in self.busy:
            learned, reason = self.learned[c.uuid], self.forecasts[c.uuid].reason
            if reason is not None and learned.missed >= PATIENCE and learned.reported != reason:
                news[c.uuid] = reason
                self.learned[c.uuid] = msgspec.structs.replace(learned, reported=reason)
        return Decision(self.parent, (), news) if news else None
