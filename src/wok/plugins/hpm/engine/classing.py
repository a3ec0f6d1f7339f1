"""Service classes for a group that has none: one for all, or one for each family of names, where that explains what was
reached."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..policy.classification import Filter
from ..policy.name_families import Family
from .reached import Reached, together
from .suggesting import suggest

#: Velocities (percent) of servers that differ by no more are alike.
ALIKE = 15.0
#: Name of the class that takes all that are left.
CATCH_ALL = "rest"

#: Why there is one class, or are several. ``alike``: what the servers reached is. ``names``: it differs, and names tell
#: how. ``no-names``: it differs, and they do not.
Grounds: TypeAlias = Literal["alike", "names", "no-names"]


@dataclass(frozen=True)
class Draft:
    """A service class without a goal, and what its servers reached. `rule` None: it takes all that are left."""

    name: str
    rule: Filter | None
    reached: Reached


@dataclass(frozen=True)
class Drafts:
    """Service classes in order. `slowest` and `fastest` are what servers reached (percent; NaN: of nobody is that
    known)."""

    classes: tuple[Draft, ...]
    grounds: Grounds
    slowest: float
    fastest: float


def draft_classes(
    whole: Reached, each: Mapping[str, Reached], families: Iterable[Family], needed: float
) -> Drafts:
    """Classes for servers of a group that reached `whole` together, and some of them `each`, by name."""
    slowest, fastest = _span(each.values(), needed)
    if not fastest - slowest > ALIKE:
        return Drafts((Draft(CATCH_ALL, None, whole),), "alike", slowest, fastest)
    drafts = [Draft(family.stem, family.rule, _of(each, family.names, whole)) for family in families]
    taken = {name for family in families for name in family.names}
    rest = Draft(free_name(CATCH_ALL, [draft.name for draft in drafts]), None, _of(each, each.keys() - taken, whole))
    low, high = _span((draft.reached for draft in (*drafts, rest)), needed)
    if drafts and high - low > ALIKE:
        return Drafts((*drafts, rest), "names", slowest, fastest)
    # A goal is each server's own, so one for all must be what each of them had.
    return Drafts((Draft(CATCH_ALL, None, together(list(each.values()))),), "no-names", slowest, fastest)


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """That name, or the first of ``name-2``, ``name-3`` … that nobody has."""
    known, number, name = set(taken), 1, wanted
    while name in known:
        number += 1
        name = f"{wanted}-{number}"
    return name


def _span(parts: Iterable[Reached], needed: float) -> tuple[float, float]:
    """The lowest and the highest of what they reached; NaN where nothing is known."""
    velocities = [suggest(part, None, needed).velocity for part in parts]
    known = [velocity for velocity in velocities if not math.isnan(velocity)]
    return min(known, default=math.nan), max(known, default=math.nan)


def _of(each: Mapping[str, Reached], names: Iterable[str], whole: Reached) -> Reached:
    parts = [each[name] for name in sorted(names) if name in each]
    return together(parts) if parts else whole.nothing()
