"""What is learned from a plan that did not come true: one number per server that multiplies its weight."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from ..policy.goals import IMPORTANCES
from .demand import Demand
from .judging import STEP, came_true, dead_band
from .learned import Learned
from .plan import Candidate
from .weights import HIGHEST

#: Steps back are short: somebody who was faster than planned may have been so because others slept.
STEP_BACK = 0.8
#: Limit of the correction, and of the exponent that steps to and fro make smaller.
CORRECTION = 30.0
LEAST_GAIN = 1 / 16
#: The limit for work that is always runnable. Half a step (the root of it) is made at a time, because most of what a
#: window shows is chance. It is smaller still among equals, whose velocities follow the cores they happen to be on.
SPINNING = 2.0
SPINNING_EQUAL = 1.25
#: Velocity below which a server was planned nothing, so that nothing can be learned from what it got.
NOTHING = 0.02


def corrections(
    busy: Sequence[Candidate], learned: Mapping[str, Learned], demands: Mapping[str, Demand],
    lagging: Collection[str], equals: Collection[str], always: Collection[str], *, rivals: bool,
) -> dict[str, Learned]:
    """What is learned of the servers that work, whose correction changes: from what the plan in force promised, and
    what came of it. `lagging`: who is behind it; `equals`: members of the level that falls short; `always`: those
    that are always runnable; `rivals`: others compete with the managed ones.

    A capacity that shrank is nobody's fault. Who does not lag needs no more than it has. Who got more than planned
    does not pay for somebody less important, and who is less important and spins does not take it from one who
    missed its goal of late and has less than was promised.
    """  # fmt: skip
    first = _foremost([c for c in busy if c.uuid in lagging], 0)
    behind = _foremost([c for c in busy if c.goal and _behind(learned[c.uuid])], len(IMPORTANCES))
    planned = {c.uuid: velocity for c in busy if (velocity := learned[c.uuid].planned) is not None}
    whole = came_true(planned, learned, demands)
    level = min(1.0, came_true({uuid: planned[uuid] for uuid in equals if uuid in planned}, learned, demands))
    better: dict[str, Learned] = {}
    for c in busy:
        known, spinning, equal = learned[c.uuid], c.uuid in always, c.uuid in equals
        wanted = known.planned
        if wanted is None or wanted < NOTHING or not (c.goal or c.assignment.cpu_reserve):
            continue
        wanted *= level if equal else whole if spinning else 1.0
        new = corrected(known, wanted, spinning=spinning, equal=equal)
        more, rank = new.correction - known.correction, IMPORTANCES.index(c.importance)
        if more < 0.0 and rank < first:
            continue
        if more > 0.0:
            if c.uuid not in lagging and not equal:
                continue
            if rivals and (c.shares or 0) >= HIGHEST:
                continue    # it would only take from those who share its limits
            if rank > behind and spinning:
                continue
        better[c.uuid] = new
    return better


def corrected(learned: Learned, wanted: float, *, spinning: bool, equal: bool) -> Learned:
    """With the correction with which a server would have had the velocity `wanted` in place of its mean.

    Work that is always runnable follows its weight in proportion, but for how its threads happen to be placed, so
    little is learned from it. Work that sleeps follows in odds, as a share of the CPU that it finds when it wakes;
    it never needs less than its computed weight, unless its `equal`s are to have as much. Where steps go to and fro
    the load follows its weight more steeply than that: they are halved, until two go the same way.
    """
    mean = learned.velocity
    if mean is None or abs(mean - wanted) <= dead_band(wanted):
        return learned
    step: float = wanted / max(mean, 0.01) if spinning else _odds(wanted) / _odds(mean)
    if spinning:
        most = SPINNING_EQUAL if equal else SPINNING
        step, least = math.sqrt(step), 1.0 / most
    elif equal:
        step, least, most = math.sqrt(step), 1.0 / CORRECTION, CORRECTION
    else:
        least, most = 1.0, CORRECTION
    turned = (step - 1.0) * (learned.step - 1.0) < 0.0
    gain = max(LEAST_GAIN, learned.gain / 2.0) if turned else min(1.0, learned.gain * 2.0)
    correction = max(least, min(most, learned.correction * max(STEP_BACK, min(STEP, step)) ** gain))
    if correction == learned.correction:
        return learned
    return msgspec.structs.replace(learned, correction=correction, step=correction / learned.correction, gain=gain)


def _foremost(servers: Iterable[Candidate], otherwise: int) -> int:
    """The place of the most important of some servers in the order of importance."""
    return min((IMPORTANCES.index(c.importance) for c in servers), default=otherwise)


def _behind(learned: Learned) -> bool:
    """Whether a server that missed its goal of late has less than the plan in force promised, be it by chance."""
    if learned.planned is None or learned.velocity is None or not learned.missed:
        return False
    return learned.velocity < learned.planned - dead_band(learned.planned)


def _odds(velocity: float) -> float:
    kept = min(0.99, max(0.01, velocity))
    return kept / (1.0 - kept)
