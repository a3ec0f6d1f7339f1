"""What the managed servers of a parent may share out among themselves, when others compete with them.

Who was not named keeps its weight, and the managed ones have together what they had by theirs. A reserve holds
against everybody: it is taken off the capacity before, where the server's own weight would give less.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .allocation import FLOOR, FLOORS_OF_CAPACITY
from .weights import HIGHEST, share_by_weight


class Competitor(NamedTuple):
    """One working server: its own weight (positive), the CPUs that it can use, and those reserved for it."""

    weight: float
    most: float
    reserve: float = 0.0


class Stake(NamedTuple):
    """CPUs that the managed servers may have together, and the weight that gives them these."""

    cpus: float
    weight: float


def stake(managed: Sequence[Competitor], others: Sequence[Competitor], capacity: float) -> Stake:
    """Share `capacity` CPUs between the managed servers and the others."""
    weight = sum(c.weight for c in managed)
    if not others:
        return Stake(capacity, weight)
    reserved, left = 0.0, capacity
    rest = list(managed)
    while short := _short(rest, others, left):
        reserved += sum(c.reserve for c in short)
        rest = [c for c in rest if c not in short]
        # Not even a reserve takes everything from those who were not named.
        left = max(min(FLOOR * len(others), FLOORS_OF_CAPACITY * capacity), capacity - reserved)
    together = [(sum(c.weight for c in rest), sum(c.most for c in rest))] if rest else []
    theirs = share_by_weight([*together, *(c[:2] for c in others)], left)[len(together) :]
    cpus = capacity - sum(theirs)
    if reserved:
        unit = min((part / c.weight for part, c in zip(theirs, others, strict=True) if part < c.most), default=0.0)
        weight = min(cpus / unit, float(HIGHEST * len(managed))) if unit > 0.0 else weight
    return Stake(cpus, weight)


def _short(managed: Sequence[Competitor], others: Sequence[Competitor], cpus: float) -> list[Competitor]:
    """Those for whom their own weight gives less of that many CPUs than is reserved for them."""
    if not any(c.reserve for c in managed):
        return []
    parts = share_by_weight([c[:2] for c in (*managed, *others)], cpus)
    return [c for c, part in zip(managed, parts, strict=False) if part < c.reserve]
