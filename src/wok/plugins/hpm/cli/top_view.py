"""What `hpm top` is to show, and what a key changes of that. Pure: no terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from . import words
from .top_feed import Row

#: Sort orders: what is worst, or most, comes first; names in order.
ORDERS: dict[str, tuple[Callable[[Row], Any], bool]] = {
    "name": (lambda row: words.in_order(row.name), False),
    "group": (lambda row: words.in_order(row.group), False),
    "pi": (lambda row: row.index, True),
    "velocity": (lambda row: row.velocity, False),
    "cpu": (lambda row: row.using, True),
    "delay": (lambda row: row.delay, True),
}

_SORT_KEYS = {
    "n": "name", "N": "name", "G": "group", "p": "pi", "P": "pi", "v": "velocity", "V": "velocity", "c": "cpu",
    "C": "cpu", "d": "delay", "D": "delay",
}  # fmt: skip


@dataclass(frozen=True)
class View:
    """How the table is shown. `first` is the first row that is seen."""

    sort: str = "pi"
    reverse: bool = False
    pattern: str = ""
    typing: bool = False
    groups: bool = False
    idle: bool = True
    paused: bool = False
    help: bool = False
    quit: bool = False
    first: int = 0


def choose(rows: Sequence[Row], view: View) -> list[Row]:
    """The rows to show, in order. What has no value to sort by comes last, whatever the direction."""
    pattern = view.pattern.casefold()
    chosen = [row for row in rows if (view.idle or row.busy) and (not pattern or pattern in _words(row))]
    value, falling = ORDERS[view.sort]
    chosen.sort(key=ORDERS["name"][0])    # among equals, by name
    known = [row for row in chosen if value(row) is not None]
    known.sort(key=value, reverse=falling != view.reverse)
    return known + [row for row in chosen if value(row) is None]


def press(view: View, key: str, count: int, page: int) -> View:
    """The view after a key, with `count` rows of which `page` are seen. Unknown keys change nothing."""
    if view.help:
        return replace(view, help=False, quit=key == "q")
    if view.typing:
        return _type(view, key)
    if key in _SORT_KEYS:
        return replace(view, sort=_SORT_KEYS[key], reverse=False, first=0)
    steps = {"up": -1, "down": 1, "page-up": -page, "page-down": page, "home": -count, "end": count}
    if key in steps:
        return scroll(view, steps[key], count, page)
    return _SWITCHES[key](view) if key in _SWITCHES else view


def scroll(view: View, by: int, count: int, page: int) -> View:
    """Move by so many rows, as far as there are any."""
    return replace(view, first=max(0, min(view.first + by, count - page)))


_SWITCHES: dict[str, Callable[[View], View]] = {
    "r": lambda v: replace(v, reverse=not v.reverse, first=0),
    "R": lambda v: replace(v, reverse=not v.reverse, first=0),
    "g": lambda v: replace(v, groups=not v.groups, first=0),
    "i": lambda v: replace(v, idle=not v.idle, first=0),
    " ": lambda v: replace(v, paused=not v.paused),
    "h": lambda v: replace(v, help=True),
    "?": lambda v: replace(v, help=True),
    "/": lambda v: replace(v, typing=True, first=0),
    "escape": lambda v: replace(v, pattern="", first=0),
    "q": lambda v: replace(v, quit=True),
}


def _type(view: View, key: str) -> View:
    if key == "enter":
        return replace(view, typing=False)
    if key == "escape":
        return replace(view, typing=False, pattern="")
    if key == "backspace":
        return replace(view, pattern=view.pattern[:-1])
    if key == "erase":
        return replace(view, pattern="")
    return replace(view, pattern=view.pattern + key) if len(key) == 1 and key.isprintable() else view


def _words(row: Row) -> str:
    return "\n".join((row.name, row.group, row.service_class or "", row.status)).casefold()
