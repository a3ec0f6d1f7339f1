"""Things that have a history, and their numbers in the file.

A thing is a kind and a key, as ``server`` and its UUID. New ones get the next number of their kind; a block of
numbers (`file.BLOCK`) is of one kind alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .file import BLOCK, BLOCK_BITS
from .levels import DAY

#: Keys that one query names.
_AT_ONCE = 500


class Keys:
    """The keys of a frame's columns, in their order; kept over frames as long as they are the same."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = tuple(keys)
        self.places = {key: place for place, key in enumerate(self.keys)}

    def same(self, keys: Sequence[str]) -> bool:
        """Whether these are the keys."""
        return keys is self.keys or tuple(keys) == self.keys


class Things:
    """The numbers of the things that are there now, for the one who writes a file."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Keys, NDArray[np.int32], int]] = {}

    def numbers(self, connection: sqlite3.Connection, kind: str, keys: Keys, time: float) -> NDArray[np.int32]:
        """The numbers of all keys, within a transaction; made where there were none."""
        day = int(time // DAY)
        known = self._known.get(kind)
        if known is not None and known[0] is keys and known[2] == day:
            return known[1]
        old: dict[str, int] = {}
        if known is not None and known[2] == day:
            old = dict(zip(known[0].keys, known[1].tolist(), strict=True))
        there = {key: old.get(key) or _seen(connection, kind, key, day) for key in keys.keys}
        made = _make(connection, kind, [key for key, number in there.items() if number is None], day)
        numbers = [there[key] or made[key] for key in keys.keys]
        self._known[kind] = (keys, np.array(numbers, dtype=np.int32), day)
        return self._known[kind][1]

    def forget(self) -> None:
        """Ask the file again: what it was told did not come to stay, or it is another file."""
        self._known.clear()


def find_thing(connection: sqlite3.Connection, kind: str, key: str) -> int | None:
    """The number of a thing, if it ever had one."""
    found = connection.execute("SELECT id FROM things WHERE kind = ? AND key = ?", (kind, key)).fetchone()
    return int(found[0]) if found else None


def find_things(connection: sqlite3.Connection, kind: str, keys: Sequence[str]) -> NDArray[np.int64]:
    """The numbers of several; -1: it never had one."""
    found: dict[str, int] = {}
    for begin in range(0, len(keys), _AT_ONCE):
        some = keys[begin : begin + _AT_ONCE]
        query = f"SELECT key, id FROM things WHERE kind = ? AND key IN ({','.join('?' * len(some))})"
        found.update((str(key), int(number)) for key, number in connection.execute(query, (kind, *some)))
    return np.array([found.get(key, -1) for key in keys], dtype=np.int64)


def _seen(connection: sqlite3.Connection, kind: str, key: str, day: int) -> int | None:
    """The number of a thing that is there on that day, if it has one already."""
    number = find_thing(connection, kind, key)
    connection.execute("UPDATE things SET seen = ? WHERE id = ? AND seen <> ?", (day, number, day))
    return number


def _make(connection: sqlite3.Connection, kind: str, keys: Sequence[str], day: int) -> dict[str, int]:
    """Numbers for new things, behind the last one of their kind."""
    if not keys:
        return {}
    number, highest = connection.execute(
        "SELECT coalesce((SELECT max(id) FROM things WHERE kind = ?), -1), coalesce(max(id), 0) FROM things", (kind,)
    ).fetchone()
    made: dict[str, int] = {}
    for key in keys:
        number += 1
        if number % BLOCK == 0:    # the block is full, or there was none
            number = ((highest >> BLOCK_BITS) + 1) << BLOCK_BITS
        highest = max(highest, number)
        made[key] = number
    rows = [(number, kind, key, day) for key, number in made.items()]
    connection.executemany("INSERT INTO things (id, kind, key, seen) VALUES (?, ?, ?, ?)", rows)
    return made
