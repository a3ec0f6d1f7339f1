"""What weights are to be in proportion to for an allocation to come about: for how many CPUs each server competes."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .allocation import FLOOR, Allocation, Claim

#: Part of the capacity that the least weight is for, where a quarter of a floor is more.
LEAST_OF_CAPACITY = 0.002
#: Part of the capacity that those may take together who are allocated nothing.
CRUMBS_OF_CAPACITY = 0.02
#: Part of the CPUs that one server may take while it runs, until its quota stops it.
REACH = 0.96


def parts_of(
    claims: Collection[Claim], velocities: Mapping[str, float], allocation: Allocation, capacity: float
) -> tuple[dict[str, float], float]:
    """For how many CPUs each server competes that is to have a velocity (0…1), and at least as much as keeps it going;
    and the least that one without a goal has. `capacity` is in CPUs."""
    least = min(FLOOR / 4, LEAST_OF_CAPACITY * capacity)
    crumbs = sum(c.crumbs(least) for c in claims if c.demand.pull(velocities[c.uuid]) < c.crumbs(least))
    least *= min(1.0, CRUMBS_OF_CAPACITY * capacity / crumbs) if crumbs > 0.0 else 1.0
    parts = {
        c.uuid: max(_pull(c, velocities[c.uuid], allocation.cpus[c.uuid], capacity), c.crumbs(least)) for c in claims
    }
    return parts, least


def _pull(claim: Claim, velocity: float, cpus: float, capacity: float) -> float:
    """For how many CPUs a server competes while it may run. The others have less then than in the mean, if a quota
    stops it later: so much more weight takes its velocity. Less of what: of the whole capacity, if the kernel
    spread weights evenly at once, and of as many CPUs as it has vCPUs, if not at all; half way between, here."""
    pull = claim.demand.pull(velocity)
    if not claim.stopped(cpus):
        return pull
    room = (capacity + min(capacity, claim.demand.active)) / 2.0
    most = min(pull, REACH * room)
    return most * (room - cpus) / (room - most) if most > cpus else pull
