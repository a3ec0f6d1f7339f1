"""Sharing CPUs of which each server may use some: who can have how much, and where it is too tight.

What can be given to servers that are each confined to a set of CPUs is a flow from sets to CPUs. If the flow does not
carry all that is wanted, its smallest cut names the CPUs that are wanted more than there is of them, by servers that
can go nowhere else (L. R. Ford, D. R. Fulkerson, *Maximal flow through a network*, 1956). CPUs that the same sets
contain are one *cell*, so the flow is small however many CPUs there are.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

#: CPUs below which a difference is one of arithmetic.
ROUNDING = 1e-9
#: A weight's unit that is more than anybody can use.
PLENTY = 1e9


class Sharer(NamedTuple):
    """One that competes: its weight (positive), the CPUs it can use, and the CPUs that it may run on."""

    weight: float
    most: float
    cpus: frozenset[int]


def crowded(wanted: Mapping[frozenset[int], float], room: Mapping[int, float]) -> frozenset[int]:
    """The CPUs that are wanted more than there is of them, by those who may run on no others; empty if everybody can
    have what is `wanted`, CPUs by set. `room` is what each CPU has to give (0…1); a CPU that is not there has
    nothing."""
    sets = [one for one in wanted if one]
    inside_of: dict[int, list[int]] = {}
    for index, one in enumerate(sets):
        for cpu in one:
            inside_of.setdefault(cpu, []).append(index)
    cells: dict[tuple[int, ...], list[int]] = {}
    for cpu, places in inside_of.items():
        cells.setdefault(tuple(places), []).append(cpu)
    members, groups = list(cells), list(cells.values())
    left = [sum(room.get(cpu, 0.0) for cpu in cpus) for cpus in groups]
    reach: list[list[int]] = [[] for _ in sets]
    for cell, inside in enumerate(members):
        for index in inside:
            reach[index].append(cell)
    flow: list[dict[int, float]] = [{} for _ in groups]    # by cell: what each set has there
    for index in sorted(range(len(sets)), key=lambda index: len(reach[index])):    # who has least choice comes first
        want = wanted[sets[index]]
        for cell in reach[index]:
            amount = min(want, left[cell])
            if amount > 0.0:
                flow[cell][index] = amount
                left[cell] -= amount
                want -= amount
        while want > ROUNDING:
            path, seen = _path(index, reach, flow, left)
            if path is None:
                return frozenset(cpu for cell in seen for cpu in groups[cell])
            want -= _push(path, want, flow, left)
    return frozenset()


def _path(
    start: int, reach: Sequence[Sequence[int]], flow: Sequence[Mapping[int, float]], left: Sequence[float]
) -> tuple[list[tuple[int, int]] | None, set[int]]:
    """The shortest way from a set to a cell that has something left, over what others could give up there: pairs of
    set and cell, the start first. Without one, None and the cells that were seen."""
    came: dict[int, tuple[int, int] | None] = {}    # cell → the set it was reached from, and that set's own cell
    ways: list[tuple[int, int | None]] = [(start, None)]
    known = {start}
    for index, before in ways:
        for cell in reach[index]:
            if cell in came:
                continue
            came[cell] = None if before is None else (before, index)
            if left[cell] > ROUNDING:
                return _back(start, cell, came), set(came)
            for other, given in flow[cell].items():
                if given > ROUNDING and other not in known:
                    known.add(other)
                    ways.append((other, cell))
    return None, set(came)


def _back(start: int, cell: int, came: Mapping[int, tuple[int, int] | None]) -> list[tuple[int, int]]:
    path: list[tuple[int, int]] = []
    step = came[cell]
    while step is not None:
        before, index = step
        path.append((index, cell))
        cell, step = before, came[before]
    return [(start, cell), *reversed(path)]


def _push(path: Sequence[tuple[int, int]], want: float, flow: list[dict[int, float]], left: list[float]) -> float:
    """Send as much as `want` along a path; gives how much that was."""
    amount = min(want, left[path[-1][1]])
    for (_, cell), (index, _) in pairwise(path):
        amount = min(amount, flow[cell][index])
    for place, (index, cell) in enumerate(path):
        flow[cell][index] = flow[cell].get(index, 0.0) + amount
        if place + 1 < len(path):
            flow[cell][path[place + 1][0]] -= amount
    left[path[-1][1]] -= amount
    return amount


def share_on_sets(sharers: Sequence[Sharer], room: Mapping[int, float]) -> list[float]:
    """CPUs for each: weighted max-min fairness, by progressive filling. All rise in proportion to their weights until
    they have all that they can use, or the CPUs that they are confined to are given away.

    With one set for all it is `weights.share_by_weight`.
    """
    given = [0.0] * len(sharers)
    for members in _meeting([one.cpus for one in sharers]):
        same = len({sharers[i].cpus for i in members}) == 1
        fill = _fill_one_set if same else _fill
        fill(sharers, members, room, given)
    return given


def _meeting(sets: Sequence[frozenset[int]]) -> list[list[int]]:
    """The places of sets that overlap, directly or over others."""
    found: list[tuple[frozenset[int], list[frozenset[int]]]] = []
    places: dict[frozenset[int], list[int]] = {}
    for place, one in enumerate(sets):
        places.setdefault(one, []).append(place)
    for one in places:
        meeting = [pool for pool in found if pool[0] & one]
        found = [pool for pool in found if not pool[0] & one]
        found.append((one.union(*(pool[0] for pool in meeting)), [one, *(s for pool in meeting for s in pool[1])]))
    return [[place for one in members for place in places[one]] for _, members in found]


def _fill_one_set(
    sharers: Sequence[Sharer], members: Sequence[int], room: Mapping[int, float], given: list[float]
) -> None:
    cpus = sum(room.get(cpu, 0.0) for cpu in sharers[members[0]].cpus)
    unit = _unit([sharers[i] for i in members], cpus)
    for i in members:
        given[i] = min(sharers[i].most, sharers[i].weight * unit)


class _Rising:
    """Those that still rise on the same CPUs: their `places`, and what they want together at any unit."""

    def __init__(self, sharers: Sequence[Sharer], places: Sequence[int]) -> None:
        self.places = sorted(places, key=lambda i: sharers[i].most / sharers[i].weight)
        own = self.sharers = [sharers[i] for i in self.places]
        self._full_at = [one.most / one.weight for one in own]    # the unit from which on each has all it can use
        self._most = [0.0, *accumulate(one.most for one in own)]
        self._weight = [0.0, *accumulate(one.weight for one in reversed(own))]

    def wanted(self, unit: float) -> float:
        """CPUs that they want when each has its weight times the unit, and no more than it can use."""
        full = bisect_right(self._full_at, unit)
        return self._most[full] + unit * self._weight[len(self.places) - full]


def _fill(sharers: Sequence[Sharer], members: Sequence[int], room: Mapping[int, float], given: list[float]) -> None:
    left = dict(room)
    later: dict[frozenset[int], list[int]] = {}    # who still rises, by the CPUs that are left of its own
    for i in members:
        later.setdefault(sharers[i].cpus.intersection(left), []).append(i)
    later.pop(frozenset(), None)
    rising = {cpus: _Rising(sharers, places) for cpus, places in later.items()}
    while rising:
        unit, tight = PLENTY, frozenset[int]()
        while True:
            found = crowded({cpus: group.wanted(unit) for cpus, group in rising.items()}, left)
            if not found:
                break
            tight = found    # the last cut is the one that holds the unit down
            confined = [one for cpus, group in rising.items() if cpus <= tight for one in group.sharers]
            lower = _unit(confined, sum(left[cpu] for cpu in tight))
            if lower >= unit * (1.0 - ROUNDING):
                break
            unit = lower
        merged: dict[frozenset[int], list[_Rising]] = {}
        for cpus, group in rising.items():
            if not tight or cpus <= tight:
                for i in group.places:
                    given[i] = min(sharers[i].most, sharers[i].weight * unit)
            else:
                merged.setdefault(cpus - tight, []).append(group)
        rising = {
            cpus: groups[0] if len(groups) == 1 else _Rising(sharers, [i for one in groups for i in one.places])
            for cpus, groups in merged.items()
        }
        for cpu in tight:
            del left[cpu]


def _unit(sharers: Sequence[Sharer], cpus: float) -> float:
    """The CPUs for a weight of 1 with which these use just that many."""
    left, weight = cpus, sum(one.weight for one in sharers)
    for one in sorted(sharers, key=lambda one: one.most / one.weight):
        if one.most * weight > one.weight * left:
            break
        left -= one.most
        weight -= one.weight
    return max(0.0, left) / weight if weight > ROUNDING else PLENTY
