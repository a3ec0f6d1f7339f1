"""Who shall get how many CPUs: needs in order of importance, then the rest.

1. Floors come first: administrators' reserves; then 2 % of a CPU for lowest and discretionary work; then a tenth more
   of each reserve.
2. Level by level, each server with a goal gets what its target velocity needs. Velocities vary from window to
   window, so the mean has to be higher for a goal to be met steadily. If a level cannot be satisfied, the levels
   above it get that first: they do not miss their goals, now and then, for its sake. What remains for it is split
   so that its members' performance indexes are equal.
3. If all can be satisfied, a part of what is left goes, level by level, to meeting goals steadily.
4. The rest goes to all in proportion to their demand after goals.

The result is a target; weights bring it about (`planner`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import numpy as np

from ..policy.goals import IMPORTANCES, Goal, Importance, VelocityGoal
from .demand import Demand, Demands, Numbers
from .index import MET

#: CPUs below which a difference is one of arithmetic.
ROUNDING = 1e-9
#: CPUs that lowest and discretionary work keeps, and the part of capacity all floors may take.
FLOOR = 0.02
FLOORS_OF_CAPACITY = 0.10
#: A reserve is planned this much larger, if there is room, as goals are: it has to hold in every interval.
RESERVE_MARGIN = 1.1
#: Part of what is left after all goals that may be spent on meeting them steadily; how far above the goal that may
#: aim; and how many standard deviations the mean is to be above what meets the goal.
STEADY_OF_REST = 0.75
STEADY_ABOVE = 1.4
STEADILY = 3.0
#: How many least weights an active vCPU with a goal of 100 keeps that is allocated nothing.
CRUMBS = 2.5


class Claim(msgspec.Struct, frozen=True, gc=False):
    """One server that wants CPU. `target` is the velocity to plan for (0…1), None: no goal; `steady` is the one
    with which it would meet its goal in nearly all windows, where that is more. `reserve` and what it is `entitled` to,
    because nobody named it, in CPUs. `reach` is the velocity that it can have while it runs, if a quota stops it
    later: all its vCPUs want to run until then."""

    uuid: str
    importance: Importance
    target: float | None
    demand: Demand
    reserve: float = 0.0
    steady: float = 0.0
    entitled: float = 0.0
    reach: float = 1.0

    def velocity(self, cpus: float) -> float:
        """Velocity (0…1) at which it uses that many CPUs. One that its quota stops uses the quota up in any case; how
        fast it runs until then costs nobody any CPU, so it is to run as its goal says, and steadily."""
        velocity = self.demand.velocity(cpus)
        if not self.stopped(cpus):
            return velocity
        return max(velocity, min(max(self.target or 0.0, self.steady), self.reach))

    def stopped(self, cpus: float) -> bool:
        """Whether with so many CPUs it would use up its quota."""
        return self.demand.stopped and cpus >= self.demand.limit - ROUNDING

    def crumbs(self, least: float) -> float:
        """The weight that it keeps if it is allocated nothing: by its goal, so that those of one importance fare
        equally ill, and not more than a floor. `least`: of one without a goal."""
        return least if self.target is None else min(FLOOR, CRUMBS * least * self.target * self.demand.active)


class Allocation(msgspec.Struct, frozen=True):
    """CPUs by server; the importance level that could not be satisfied, if any; and the part of its demand after
    goals that each server got of the rest (0…1). `levels` has the CPUs that each level with goals could have, and
    those that its goals need; `free` what all levels could share."""

    cpus: Mapping[str, float]
    short: Importance | None
    rest: float
    levels: Mapping[Importance, tuple[float, float]]
    free: float

    def velocities(self, claims: Iterable[Claim]) -> dict[str, float]:
        """The velocity (0…1) of each claim with what it is given."""
        return {claim.uuid: claim.velocity(self.cpus[claim.uuid]) for claim in claims}

    def beside(self, other: Allocation) -> Allocation:
        """This one and one of other servers, on other CPUs, as one."""
        levels: dict[Importance, tuple[float, float]] = dict(self.levels)
        for importance, (available, needed) in other.levels.items():
            before = levels.get(importance, (0.0, 0.0))
            levels[importance] = (before[0] + available, before[1] + needed)
        short = min((a.short for a in (self, other) if a.short is not None), key=IMPORTANCES.index, default=None)
        return Allocation(
            {**self.cpus, **other.cpus}, short, min(self.rest, other.rest), levels, self.free + other.free
        )


def target_velocity(goal: Goal | None) -> float | None:
    """The velocity to plan for: 5 % above the goal (near 100 half way there); None for no goal."""
    if not isinstance(goal, VelocityGoal):
        return None
    wanted = goal.percent / 100.0
    return min(wanted * MET, (1.0 + wanted) / 2.0)


def steady_velocity(goal: Goal | None, spread: float) -> float:
    """The mean velocity that keeps a goal met (PI up to 1.05) in all but one window of 700, if velocities
    are scattered around it normally with a standard deviation of `spread` (0…1). 0 for no goal."""
    if not isinstance(goal, VelocityGoal):
        return 0.0
    wanted = goal.percent / 100.0
    return min(wanted / MET + STEADILY * spread, wanted * STEADY_ABOVE, (1.0 + wanted) / 2.0)


def allocate(claims: Sequence[Claim], capacity: float) -> Allocation:
    """Share `capacity` CPUs out among the claims."""
    most = {c.uuid: c.demand.most for c in claims}
    cpus = _floors(claims, most, capacity)
    left = free = max(0.0, capacity - sum(cpus.values()))
    served: dict[Importance, tuple[float, float]] = {}
    levels: dict[Importance, list[Claim]] = {}
    for claim in claims:
        if claim.target is not None:
            levels.setdefault(claim.importance, []).append(claim)
    for importance in IMPORTANCES:
        level = levels.get(importance)
        if level is None:
            continue
        more = _more(level, cpus)
        served[importance] = left, sum(more.values())
        if sum(more.values()) > left + ROUNDING:
            left -= _steady([levels[i] for i in served if i != importance], cpus, left)
            cpus.update(_equal_index(level, cpus, left + sum(cpus[c.uuid] for c in level)))
            return Allocation(cpus, importance, 0.0, served, free)
        _give(cpus, more)
        left = max(0.0, left - sum(more.values()))
    left -= _steady([levels[importance] for importance in served], cpus, STEADY_OF_REST * left)
    unmet = {c.uuid: max(0.0, most[c.uuid] - cpus[c.uuid]) for c in claims}
    total = sum(unmet.values())
    rest = min(1.0, left / total) if total > 0.0 else 1.0
    for uuid, wanted in unmet.items():
        cpus[uuid] += rest * wanted
    return Allocation(cpus, None, rest, served, free)


def at_common_factor(claims: Sequence[Claim], velocities: Mapping[str, float], cpus: float) -> dict[str, float]:
    """What servers get whose weights were made for `velocities` among more or fewer others: all of them by the same
    factor faster or slower, none above 1, such that together they use `cpus`, or all that they can."""

    demands, wanted = Demands(c.demand for c in claims), np.array([velocities[c.uuid] for c in claims])
    least = wanted.min(where=wanted > 0.0, initial=1.0)
    factor = _largest(lambda factor: demands.need(np.minimum(1.0, wanted * factor)).sum() <= cpus, 1.0 / least)
    return dict(zip((c.uuid for c in claims), np.minimum(1.0, wanted * factor).tolist(), strict=True))


def _more(level: Sequence[Claim], cpus: Mapping[str, float]) -> dict[str, float]:
    """What the targets of a level need beyond what its members have."""
    return {c.uuid: max(0.0, c.demand.need(c.target or 0.0) - cpus[c.uuid]) for c in level}


def _give(cpus: dict[str, float], more: Mapping[str, float], part: float = 1.0) -> None:
    for uuid, wanted in more.items():
        cpus[uuid] += part * wanted


def _steady(levels: Iterable[Sequence[Claim]], cpus: dict[str, float], left: float) -> float:
    """Raise `cpus` towards what meets goals steadily, level by level, spending up to `left`; gives what was spent."""
    spent = 0.0
    for level in levels:
        more = {c.uuid: max(0.0, c.demand.need(c.steady) - cpus[c.uuid]) for c in level}
        total = sum(more.values())
        part = min(1.0, (left - spent) / total) if total > 0.0 else 0.0
        _give(cpus, more, part)
        spent += part * total
    return spent


def _floors(claims: Sequence[Claim], most: Mapping[str, float], capacity: float) -> dict[str, float]:
    """Reserves first; then the floors of work that is served last; then what makes reserves hold in each window, and
    what servers are entitled to. Nobody gets more than the `most` it can use."""
    cpus = {c.uuid: min(c.reserve, most[c.uuid]) for c in claims}
    total = sum(cpus.values())
    if total > capacity:    # reserves beyond what the host has: all are cut alike
        return {uuid: reserve * capacity / total for uuid, reserve in cpus.items()}
    last = {c.uuid: min(FLOOR, most[c.uuid]) for c in claims if c.target is None or c.importance == "lowest"}
    part = min(1.0, FLOORS_OF_CAPACITY * capacity / sum(last.values())) if last else 1.0
    floors = {uuid: part * floor for uuid, floor in last.items()}
    steady = {c.uuid: max(RESERVE_MARGIN * c.reserve, c.entitled) for c in claims if c.reserve or c.entitled}
    for least in (floors, steady):
        more = {uuid: max(0.0, min(wanted, most[uuid]) - cpus[uuid]) for uuid, wanted in least.items()}
        left, total = max(0.0, capacity - sum(cpus.values())), sum(more.values())
        _give(cpus, more, min(1.0, left / total) if total > 0.0 else 1.0)
    return cpus


def _equal_index(level: Sequence[Claim], floors: Mapping[str, float], cpus: float) -> dict[str, float]:
    """Split `cpus` so that target/velocity is the same for all of a level, floors kept. The sum of needs falls
    steadily as the common index grows."""

    demands, targets = Demands(c.demand for c in level), np.array([c.target or 0.0 for c in level])
    least = np.array([floors[c.uuid] for c in level])

    def given(scale: float) -> Numbers:
        parts: Numbers = np.maximum(least, demands.need(targets * scale))
        return parts

    found = given(_largest(lambda scale: given(scale).sum() <= cpus, 1.0))
    return dict(zip((c.uuid for c in level), found.tolist(), strict=True))


def _largest(fits: Callable[[float], bool], most: float) -> float:
    """The largest number up to `most` that fits, found by bisection; 0 if none does."""
    if fits(most):
        return most
    low, high = 0.0, most
    for _ in range(28):
        middle = (low + high) / 2.0
        if fits(middle):
            low = middle
        else:
            high = middle
    return low
