"""A bound whose servers fall into several pools: each pool has its part of the floor and of the cap.

Pools are planned by themselves, so a bound that held whole in each would hold as often as there are pools. Its CPUs
are divided by what its servers would use in each if nothing were in their way. What is reserved for some of
them, or for a server itself, comes first, where these are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

from .bounds import Bound, from_within
from .demand import demand_of
from .learned import Learned, smoothed
from .pin_sets import Pool
from .plan import Candidate
from .windows import HostWindow


def divided(
    bounds: Sequence[Bound], pools: Sequence[Pool], known: Mapping[str, Learned], host: HostWindow
) -> list[tuple[Bound, ...]]:
    """The bounds for each pool; those that nobody in it stands in are left out. `known`: what was learned of servers,
    for what they use varies from window to window."""
    names = [frozenset(c.uuid for c in pool.servers) if bounds else frozenset[str]() for pool in pools]
    concerned = [index for index, here in enumerate(names) if any(bound.members & here for bound in bounds)]
    found: list[list[Bound]] = [[] for _ in pools]
    wanted: list[dict[str, float]] = [{} for _ in pools]
    #: What is reserved in each pool: for a server, or by one of its members for a bound, which takes their place.
    kept: dict[str, list[float]] = {}
    for index in concerned:
        for c in pools[index].servers:
            if c.working:
                wanted[index][c.uuid] = want = _wanted(c, known)
                if c.assignment.cpu_reserve:
                    kept[c.uuid] = [0.0] * len(pools)
                    kept[c.uuid][index] = min(c.assignment.cpu_reserve, want)
    for bound in from_within(bounds):
        wants = [
            min(pool.most(host), sum(want[uuid] for uuid in bound.members & want.keys())) if want else 0.0
            for pool, want in zip(pools, wanted, strict=True)
        ]  # fmt: skip
        inside = [kept.pop(uuid) for uuid in bound.members & kept.keys()]
        floors = [min(want, sum(parts)) for want, *parts in zip(wants, *inside, strict=True)]
        least = _parts(bound.least, floors, wants)
        floors = [min(want, max(one, part)) for want, one, part in zip(wants, floors, least, strict=True)]
        most = _parts(bound.most, floors, wants)
        if any(floors):
            kept[min(bound.members)] = floors
        for index in concerned:
            if bound.members & names[index]:
                found[index].append(bound._replace(least=least[index] if bound.least else 0.0, most=most[index]))
    return [tuple(these) for these in found]


def _wanted(c: Candidate, known: Mapping[str, Learned]) -> float:
    """CPUs that a server which works would use if nothing were in its way."""
    assert c.window is not None
    learned = known.get(c.uuid)
    same = learned is not None and learned.start == c.start
    return demand_of(smoothed(learned, c.window) if learned is not None and same else c.window, c.limit).most


def _parts(cpus: float, floors: Sequence[float], wants: Sequence[float]) -> list[float]:
    """So many CPUs by pool: the floors, and the rest by what is wanted beyond them."""
    rest, more = cpus - sum(floors), [want - floor for want, floor in zip(wants, floors, strict=True)]
    total = sum(more)
    if rest == inf:
        return [inf] * len(floors)
    if rest <= 0.0 or total <= 0.0:    # all that is wanted is reserved
        return [floor + max(0.0, rest) for floor in floors]
    return [floor + rest * part / total for floor, part in zip(floors, more, strict=True)]
