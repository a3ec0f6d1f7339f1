"""Summing up: an hour's packs to points of a minute, a day's minutes to points of 10 minutes and of an hour.

It is done in slices, each a transaction of its own of some milliseconds: a block of things, or a few of them. The
table ``due`` says what is to be done and how far it came. Every slice may be done again at any time, as after a
crash or when the clock went back into an hour that was summed up already: of each point the one that knows
more samples stays.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

import numpy as np

from .file import BLOCK, BLOCK_BITS, Form, HistoryFile, forms_of
from .levels import DAY, HOUR, HOURS, MINUTES, TENS, Level
from .packing import Damaged, decode_each, decode_pack, decode_points, encode_points, grown, length
from .points import Floats, Points, fuller, gather, nothing, of_values

#: Things of one slice of a day.
DAY_SLICE = 4
_DAY_HOURS = DAY // HOUR


def hour_due(connection: sqlite3.Connection, now: float) -> int | None:
    """The oldest hour that is over and has packs to be summed up."""
    row = connection.execute("SELECT min(hour) FROM due WHERE stage = 0 AND hour < ?", (int(now // HOUR),)).fetchone()
    return None if row[0] is None else int(row[0])


def day_due(connection: sqlite3.Connection, now: float) -> int | None:
    """The oldest day that is over, with minutes to be summed up and no packs that are still to become minutes."""
    row = connection.execute(
        "SELECT min(hour / 24) FROM due WHERE stage = 1 AND hour < ?"
        " AND hour / 24 NOT IN (SELECT hour / 24 FROM due WHERE stage = 0)",
        (int(now // DAY) * _DAY_HOURS,),
    ).fetchone()
    return None if row[0] is None else int(row[0])


def roll_hour(file: HistoryFile, hour: int) -> int:
    """One slice: sum up the next block of things of an hour. Gives how many packs were damaged, and left out.

    Raises `sqlite3.Error`.
    """
    with file.transaction() as connection:
        done = connection.execute("SELECT done FROM due WHERE stage = 0 AND hour = ?", (hour,)).fetchone()[0]
        block = connection.execute(
            "SELECT min(block) FROM packs WHERE hour = ? AND block > ?", (hour, done)
        ).fetchone()[0]
        if block is None:
            connection.execute("DELETE FROM due WHERE stage = 0 AND hour = ?", (hour,))
            return 0
        rows = connection.execute(
            "SELECT form, data FROM packs WHERE hour = ? AND block = ? ORDER BY id", (hour, block)
        ).fetchall()
        form, points, damaged = _minutes(forms_of(connection), hour, rows)
        if points is not None:
            ids = [int(block) << BLOCK_BITS | place for place in np.flatnonzero(points.count.any(axis=(1, 2))).tolist()]
            damaged += _store(connection, MINUTES, hour, ids, form, points[[number % BLOCK for number in ids]])
        connection.execute("UPDATE due SET done = ? WHERE stage = 0 AND hour = ?", (block, hour))
        connection.execute("INSERT OR REPLACE INTO due VALUES (1, ?, -1)", (hour,))
    return damaged


def roll_day(file: HistoryFile, day: int) -> int:
    """One slice: sum up the minutes of the next few things of a day. Gives how many rows were damaged, and left out.

    Raises `sqlite3.Error`.
    """
    first = day * _DAY_HOURS
    within = (first, first + _DAY_HOURS - 1)
    with file.transaction() as connection:
        query = "SELECT hour, done FROM due WHERE stage = 1 AND hour BETWEEN ? AND ?"
        hours = {int(hour): int(done) for hour, done in connection.execute(query, within)}
        ids = _next_things(connection, hours, min(hours.values()))
        if not ids:
            connection.execute("DELETE FROM due WHERE stage = 1 AND hour BETWEEN ? AND ?", within)
            return 0
        forms = forms_of(connection)
        form, points, damaged = _day(connection, forms, hours, first, ids)
        if points is not None:
            for level in (TENS, HOURS):
                places = np.arange(DAY // MINUTES.seconds) // (level.seconds // MINUTES.seconds)
                damaged += _store(connection, level, day, ids, form, gather(points, places, level.times))
        connection.execute("UPDATE due SET done = ? WHERE stage = 1 AND hour BETWEEN ? AND ?", (ids[-1], *within))
    return damaged


def row_id(span: int, thing: int) -> int:
    """Where the row of a thing for a span stands in the table of its level."""
    return span << 32 | thing


def columns(wanted: Sequence[str], there: Sequence[str]) -> tuple[list[int], list[int]]:
    """(places in `wanted`, places in `there`) of the metrics that are in both."""
    places = {name: place for place, name in enumerate(there)}
    both = [(place, places[name]) for place, name in enumerate(wanted) if name in places]
    return [place for place, _ in both], [place for _, place in both]


def _next_things(connection: sqlite3.Connection, hours: Iterable[int], after: int) -> list[int]:
    """The next few things, in order, that have minutes in one of the hours: of one block, and so of one kind, with the
    same metrics."""
    found: set[int] = set()
    query = "SELECT id & 0xFFFFFFFF FROM minutes WHERE id > ? AND id < ? ORDER BY id LIMIT ?"
    for hour in hours:
        bounds = (row_id(hour, max(after, 0)), row_id(hour + 1, 0), DAY_SLICE)
        found.update(int(row[0]) for row in connection.execute(query, bounds))
    block = min(found, default=0) >> BLOCK_BITS
    return sorted(thing for thing in found if thing >> BLOCK_BITS == block)[:DAY_SLICE]


def _minutes(
    forms: dict[int, Form], hour: int, rows: Sequence[tuple[int, bytes]]
) -> tuple[int, Points | None, int]:
    """(form, points of shape (BLOCK, metrics, minutes), packs left out) of the packs of one block in one hour."""
    form = rows[-1][0]
    metrics = forms[form][1]
    lengths = [length(data) for _, data in rows]
    ends = np.cumsum(lengths)
    # in one piece, which the heap has no part in: a hundred small ones would leave it larger
    values = np.full((BLOCK, len(metrics), ends[-1]), np.nan, dtype=np.float32)
    index, damaged = np.full(ends[-1], -1, dtype=np.int64), 0    # of what is left out, none
    for (other, data), many, end in zip(rows, lengths, ends.tolist(), strict=True):
        there = forms[other][1]
        try:
            pack = decode_pack(data, len(there))
        except Damaged:
            damaged += 1
            continue
        into, of = columns(metrics, there)
        place = slice(end - many, end)
        where = np.ix_(pack.places.astype(np.intp), np.array(into, dtype=np.intp))
        values[..., place][where] = grown(pack.whole)[:, of].transpose(2, 1, 0)
        index[place] = (pack.times - hour * HOUR) // MINUTES.seconds
    points = gather(of_values(values), index, MINUTES.times) if damaged < len(rows) else None
    return form, points, damaged


def _day(
    connection: sqlite3.Connection, forms: dict[int, Form], hours: Iterable[int], first: int, ids: Sequence[int]
) -> tuple[int, Points | None, int]:
    """(form, points of shape (things, metrics, minutes of the day), rows left out)."""
    rows: dict[int, list[tuple[int, int, bytes]]] = {}
    newest = 0
    for hour in sorted(hours):
        for place, thing in enumerate(ids):
            row = _row(connection, MINUTES, hour, thing)
            if row is not None:
                newest = row[0]
                rows.setdefault(newest, []).append((place, (hour - first) * MINUTES.times, row[1]))
    if not rows:
        return 0, None, 0
    metrics = forms[newest][1]
    day = nothing((len(ids), len(metrics), DAY // MINUTES.seconds))
    damaged = 0
    for form, found in rows.items():
        there = forms[form][1]
        into, of = columns(metrics, there)
        every = decode_each([data for _, _, data in found], len(there), MINUTES.times)
        for (place, begin, _), points in zip(found, every, strict=True):
            if points is None:
                damaged += 1
                continue
            for whole, part in zip(_arrays(day), _arrays(points), strict=True):
                whole[place, into, begin : begin + MINUTES.times] = part[of]
    return newest, day, damaged


def _store(
    connection: sqlite3.Connection, level: Level, span: int, ids: Sequence[int], form: int, points: Points
) -> int:
    """Write rows of points, shape (things, metrics, times), together with what the level has of them already.
    Gives how many old rows were damaged, and are replaced."""
    damaged = 0
    metrics = points.count.shape[1]
    for place, thing in enumerate(ids):
        row = _row(connection, level, span, thing)
        if row is None:
            continue
        try:
            old = _old(connection, row, form, metrics, level)
        except Damaged:
            damaged += 1
            continue
        merged = fuller(old, points[place])
        for whole, part in zip(_arrays(points), _arrays(merged), strict=True):
            whole[place] = part
    rows = zip(ids, encode_points(points), strict=True)
    connection.executemany(
        f"INSERT OR REPLACE INTO {level.table} (id, form, data) VALUES (?, ?, ?)",
        [(row_id(span, thing), form, data) for thing, data in rows],
    )
    return damaged


def _old(connection: sqlite3.Connection, row: tuple[int, bytes], form: int, metrics: int, level: Level) -> Points:
    """A row's points as another form has them. Raises `Damaged`."""
    if row[0] == form:
        return decode_points([row[1]], metrics, level.times)[0]
    forms = forms_of(connection)
    there = forms[row[0]][1]
    points = decode_points([row[1]], len(there), level.times)[0]
    into, of = columns(forms[form][1], there)
    result = nothing((metrics, level.times))
    for whole, part in zip(_arrays(result), _arrays(points), strict=True):
        whole[into] = part[of]
    return result


def _row(connection: sqlite3.Connection, level: Level, span: int, thing: int) -> tuple[int, bytes] | None:
    query = f"SELECT form, data FROM {level.table} WHERE id = ?"
    row = connection.execute(query, (row_id(span, thing),)).fetchone()
    return None if row is None else (int(row[0]), bytes(row[1]))


def _arrays(points: Points) -> tuple[Floats, ...]:
    return points.count, points.total, points.low, points.high
