"""Weights that still hold when a sleeping server wakes up.

The weight of a server that sleeps costs nobody anything, so it has the one that its goal will need.

If the goals of all can be met with everybody awake, weights are made for that: whoever sleeps then, the others
share what it leaves in the same proportion, so nobody gets less than planned, and nothing needs to be changed when
somebody wakes or falls asleep. If not, they are made for those who work, and each sleeper has what it would need
if it alone woke among them; the plan made a moment later, when it has, is for the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..policy.goals import IMPORTANCES
from .allocation import FLOOR, RESERVE_MARGIN, Allocation, Claim, allocate, at_common_factor

#: Part of the CPUs that those who work keep among them, at least, when one wakes.
KEPT = 0.15
#: Difference of velocity that is one of arithmetic.
CLOSE = 0.005


def for_everybody(
    busy: Sequence[Claim], asleep: Sequence[Claim], wanted: Mapping[str, float], capacity: float
) -> Allocation | None:
    """What all get, awake at once, if those who work now fare well enough with weights made for that: each gets its
    target at least, or what is `wanted` for it if that is less. None if not."""
    claims = [*busy, *asleep]
    everybody = allocate(claims, capacity)
    velocities = everybody.velocities(busy)
    now = at_common_factor(busy, velocities, capacity)
    for claim in busy:
        if claim.target is not None and now[claim.uuid] < min(claim.target, wanted[claim.uuid]) - CLOSE:
            return None
    return everybody


def if_it_woke(claim: Claim, allocation: Allocation, busy: float) -> float:
    """The weight for a server that sleeps, in the measure in which those who work weigh `busy` together: so much
    that it alone, awake, would have what its importance lets it have."""
    velocity = _velocity_alone(claim, allocation)
    cpus = max(claim.demand.pull(velocity), FLOOR)
    total = sum(allocation.cpus.values())
    kept = max(total - cpus, KEPT * total) or FLOOR    # none of them may have had any CPU
    return cpus * busy / kept


def _velocity_alone(claim: Claim, allocation: Allocation) -> float:
    """Its velocity, if it alone woke: what less important servers have may be taken, and servers of its own
    importance give way until their performance indexes are equal."""
    if claim.target is None:
        due = max(RESERVE_MARGIN * claim.reserve, claim.entitled)
        return max(allocation.rest, claim.velocity(min(due, claim.demand.most)))
    available, needed = allocation.free, 0.0
    for importance in IMPORTANCES[: IMPORTANCES.index(claim.importance) + 1]:
        if importance in allocation.levels:
            available, needed = allocation.levels[importance]
            if importance != claim.importance:
                available, needed = max(0.0, available - needed), 0.0
    need = claim.demand.need(claim.target)
    return claim.target * min(1.0, available / (needed + need)) if need > 0.0 else claim.target
