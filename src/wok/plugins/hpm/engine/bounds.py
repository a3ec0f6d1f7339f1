"""Servers that have a floor or a cap in common: those of a partition that is planned with what stands around it.

An allocation is made as if there were none. Where a sum is out of its bound, it is set to the bound: those in it
share that by the same rules, and the others share the rest; so on until all hold. Which of several is set first, and
may be wrong later, is decided as browsers do for flexible boxes (CSS Flexible Box Layout, 9.7):
where more is lacking than is too much, a floor; else a cap.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import inf
from typing import NamedTuple, TypeAlias

from .allocation import RESERVE_MARGIN, ROUNDING, Allocation, Claim
from .stake import Competitor

Allocate: TypeAlias = "Callable[[Sequence[Claim], float], Allocation]"


class Bound(NamedTuple):
    """CPUs that these servers have together at `least`, if they want so many, and at `most`."""

    members: frozenset[str]
    least: float = 0.0
    most: float = inf

    def without(self, members: Collection[str], cpus: float) -> Bound:
        """For the others, where some of them have so many CPUs."""
        return Bound(self.members.difference(members), max(0.0, self.least - cpus), max(0.0, self.most - cpus))


def from_within(bounds: Iterable[Bound]) -> list[Bound]:
    """The inner ones first."""
    return sorted(bounds, key=lambda one: len(one.members))


def for_claims(
    bounds: Sequence[Bound], claims: Sequence[Claim], cpus: float, others: Mapping[str, float]
) -> list[Bound]:
    """The bounds for those who share `cpus`, where `others` have so many CPUs. As reserves of servers are, floors are a
    little higher than was said, if there is room, and all are cut alike if there is not enough for all. What is
    reserved within a bound counts once, as a part of that bound's floor, and is no more than its cap has room for."""
    wanted = {c.uuid: c.demand.most for c in claims}
    # What is reserved for each server, or for all in a bound, by one of its members: it takes the place of those in it.
    reserved = {c.uuid: min(c.reserve, wanted[c.uuid]) for c in claims if c.reserve}
    floors: list[tuple[Bound, float, float]] = []
    for bound in from_within(bounds):
        there = bound.members & others.keys()
        mine = bound.without(there, sum(others[uuid] for uuid in there)) if there else bound
        inside = sum(reserved.pop(uuid) for uuid in mine.members & reserved.keys())
        least = min(max(mine.least, inside), mine.most, sum(wanted.get(uuid, 0.0) for uuid in mine.members))
        if least > 0.0:
            reserved[min(mine.members)] = least
        floors.append((mine, least, inside))
    total = sum(reserved.values())
    whole = min(RESERVE_MARGIN, cpus / total) if total > 0.0 else 1.0
    around: list[tuple[frozenset[str], float]] = []
    found: list[Bound] = []
    for bound, least, inside in reversed(floors):    # a cap leaves so much to those in it
        factor = next((factor for members, factor in reversed(around) if bound.members <= members), whole)
        found.append(bound._replace(least=min(bound.most, factor * least)))
        if inside > 0.0:
            around.append((bound.members, min(factor, bound.most / inside)))
    return found


def together(competitors: Mapping[str, Competitor], bounds: Sequence[Bound]) -> list[Competitor]:
    """Those of one bound as one competitor, for what they get of what others want, too."""
    found = dict(competitors)
    for bound in from_within(bounds):
        inside = [found.pop(uuid) for uuid in bound.members & found.keys()]
        if inside:    # by one of its members, for the bounds around it
            most = min(bound.most, sum(one.most for one in inside))
            reserve = min(most, max(bound.least, sum(one.reserve for one in inside)))
            found[min(bound.members)] = Competitor(sum(one.weight for one in inside), most, reserve)
    return [*found.values()]


def within(claims: Sequence[Claim], cpus: float, bounds: Sequence[Bound], allocate: Allocate) -> Allocation:
    """Share `cpus` out as `allocate` does, within the bounds."""
    allocation = allocate(claims, cpus)
    found = _worst(claims, cpus, allocation, bounds)
    if found is None:
        return allocation
    bound, value = found
    inside = [c for c in claims if c.uuid in bound.members]
    outside = [c for c in claims if c.uuid not in bound.members]
    others = [one for one in bounds if one is not bound]
    inner = [one for one in others if one.members <= bound.members]
    if not outside:
        return within(inside, value, inner, allocate)
    outer = [
        one.without(bound.members, value) if one.members > bound.members else one
        for one in others if not one.members <= bound.members
    ]  # fmt: skip
    return within(inside, value, inner, allocate).beside(
        within(outside, max(0.0, cpus - value), outer, allocate)
    )


def _worst(
    claims: Sequence[Claim], cpus: float, allocation: Allocation, bounds: Sequence[Bound]
) -> tuple[Bound, float] | None:
    """The bound to hold next, and the CPUs that those in it are to have; None: all hold."""
    lacking: list[tuple[float, Bound, float]] = []
    beyond: list[tuple[float, Bound, float]] = []
    for bound in bounds:
        inside = [c for c in claims if c.uuid in bound.members]
        if not inside:
            continue
        had = sum(allocation.cpus[c.uuid] for c in inside)
        least = min(bound.least, cpus, sum(c.demand.most for c in inside))
        if had < least - ROUNDING:
            lacking.append((least - had, bound, least))
        elif had > bound.most + ROUNDING:
            beyond.append((had - bound.most, bound, bound.most))
    short, much = sum(one[0] for one in lacking), sum(one[0] for one in beyond)
    wrong = lacking if lacking and short >= much else beyond
    if not wrong:
        return None
    _, bound, value = max(wrong, key=lambda one: one[0])
    return bound, value
