"""What the managed servers of a parent may share out among themselves, when others compete with them.

Who was not named keeps its weight, and has what it would have if all others had their own weights, too. A reserve
holds against everybody: it is taken off the capacity before, where the server's own weight would give less.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from .allocation import FLOOR, FLOORS_OF_CAPACITY, ROUNDING
from .weights import HIGHEST, share_by_weight


class Competitor(NamedTuple):
    """One working server: its own weight (positive), the CPUs that it can use, and those reserved for it."""

    weight: float
    most: float
    reserve: float = 0.0


class Stake(NamedTuple):
    """CPUs that the managed servers may have together. `unit`: the weight that gives one CPU beside those others who
    want more than they get; None if there are none. `theirs`: what each of the others has."""

    cpus: float
    unit: float | None = None
    theirs: Sequence[float] = ()


def stake(managed: Sequence[Competitor], others: Sequence[Competitor], capacity: float) -> Stake:
    """Share `capacity` CPUs between the managed servers and the others."""
    if not others:
        return Stake(capacity)
    left, rest = capacity, list(managed)
    reserved = 0.0
    while short := _short(rest, others, left):
        reserved += sum(c.reserve for c in short)
        rest = [c for c in rest if c not in short]
        # Not even a reserve takes everything from those who were not named.
        left = max(min(FLOOR * len(others), FLOORS_OF_CAPACITY * capacity), capacity - reserved)
    theirs = share_by_weight([c[:2] for c in (*rest, *others)], left)[len(rest) :]
    hungry = [c.weight / part for c, part in zip(others, theirs, strict=True) if ROUNDING < part < c.most - ROUNDING]
    return Stake(capacity - sum(theirs), max(hungry, default=None), theirs)


def scale_of(
    pure: Mapping[str, float], parts: Mapping[str, float], always: Collection[str], unit: float | None, own: float
) -> tuple[Collection[str], float]:
    """The weight for a part of 1, and the servers which it is reckoned with. `pure`: parts of all managed servers that
    work, in CPUs; `parts`: the same, corrected; `always`: who is always runnable; `own`: what all weigh by themselves.

    Beside others who want more than they get, whose weights are as they are, a CPU takes a certain weight, the `unit`.
    Work that is always runnable shares that out, and nothing that is learned makes it more. Work that sleeps,
    or that a quota stops, has its weight on top: it uses its part of the CPUs with any weight that lets it. If
    there are no such others, their own weight is shared out.
    """
    counted: Collection[str] = parts.keys()
    if unit is None:
        scale = own / sum(parts.values())
    elif always:
        counted = always
        scale = unit * sum(pure[uuid] for uuid in counted) / sum(parts[uuid] for uuid in counted)
    else:
        scale = unit
    # If one of them would have too much, all have less: the order of importance is kept.
    return counted, min(scale, HIGHEST / max(parts[uuid] for uuid in counted))


def _short(managed: Sequence[Competitor], others: Sequence[Competitor], cpus: float) -> list[Competitor]:
    """Those for whom their own weight gives less of that many CPUs than is reserved for them."""
    if not any(c.reserve for c in managed):
        return []
    parts = share_by_weight([c[:2] for c in (*managed, *others)], cpus)
    return [c for c, part in zip(managed, parts, strict=False) if part < c.reserve]
