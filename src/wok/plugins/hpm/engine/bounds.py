"""Servers that have a floor or a cap in common: those of a partition that is planned with what stands around it.

An allocation is made as if there were none. Where a sum is out of its bound, it is set to the bound: those in it
share that by the same rules, and the others share the rest; so on until all hold. Which of several is set first, and
may be wrong later, is decided as browsers do for flexible boxes (CSS Flexible Box Layout, 9.7):
where more is lacking than is too much, a floor; else a cap.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
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


def for_claims(
    bounds: Sequence[Bound], claims: Sequence[Claim], cpus: float, others: Mapping[str, float]
) -> list[Bound]:
    """The bounds for those who share `cpus`, where `others` have so many CPUs. As reserves of servers are, floors are a
    little higher than was said, if there is room, and all are cut alike if there is not enough for all."""
    found: list[Bound] = []
    inside: set[str] = set()
    reserved = 0.0
    for bound in sorted(bounds, key=lambda one: -len(one.members)):    # the outer ones first
        there = bound.members & others.keys()
        found.append(bound.without(there, sum(others[uuid] for uuid in there)) if there else bound)
        if not bound.members & inside:
            inside |= bound.members
            reserved += found[-1].least
    if reserved <= 0.0:
        return found
    reserved += sum(c.reserve for c in claims if c.uuid not in inside)
    factor = min(RESERVE_MARGIN, cpus / reserved)
    return [bound._replace(least=min(bound.most, factor * bound.least)) for bound in found]


def together(competitors: Mapping[str, Competitor], bounds: Sequence[Bound]) -> list[Competitor]:
    """Those of one bound as one competitor, for what they get of what others want, too."""
    rest, found = dict(competitors), list[Competitor]()
    for bound in sorted(bounds, key=lambda one: -len(one.members)):    # the outer ones first
        inside = [rest.pop(uuid) for uuid in bound.members & rest.keys()]
        if inside:
            most = min(bound.most, sum(one.most for one in inside))
            reserve = min(most, max(bound.least, sum(one.reserve for one in inside)))
            found.append(Competitor(sum(one.weight for one in inside), most, reserve))
    return [*rest.values(), *found]


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
