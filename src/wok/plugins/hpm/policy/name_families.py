"""Families of virtual servers that their names tell: ``db1``, ``db2`` and ``web-01``, ``web-02``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from .classification import Filter
from .names import Name

#: A number at the end of a name, and what sets it off.
_NUMBER = re.compile(r"[-_. ]*[0-9]+\Z")
#: A family has so many members at least, and a stem of so many letters.
_LEAST_MEMBERS, _LEAST_LETTERS = 2, 2
#: More families than this are no pattern that people see.
MOST_FAMILIES = 8


class Family(NamedTuple):
    """Names that are one stem and a number. `rule` takes them."""

    stem: str
    names: frozenset[str]

    @property
    def rule(self) -> Filter:
        """What takes them, after the families before."""
        return Filter("virtual-server-name", "string-match", re.sub(r"([*?\\])", r"\\\1", self.stem) + "*")


def families(names: Iterable[str]) -> list[Family]:
    """The families among these names, in an order in which the rule of each takes its own names and no others of these.
    None if that cannot be had for all of them, or if they are too many to be evident."""
    left = set(names)
    by_stem: dict[str, set[str]] = {}
    for name in left:
        by_stem.setdefault(_NUMBER.sub("", name), set()).add(name)
    evident = {stem: own for stem, own in by_stem.items() if len(own) >= _LEAST_MEMBERS and _usable(stem)}
    if len(evident) > MOST_FAMILIES:
        return []
    found: list[Family] = []
    for stem, own in sorted(evident.items(), key=lambda item: (-len(item[0]), item[0])):    # dbproxy* before db*
        if {name for name in left if name.startswith(stem)} != own:
            return []
        left -= own
        found.append(Family(stem, frozenset(own)))
    return found


def _usable(stem: str) -> bool:
    """Whether it can be the name of a service class."""
    try:
        msgspec.convert(stem, Name)
    except msgspec.ValidationError:
        return False
    return len(stem) >= _LEAST_LETTERS
