"""What a file of history needs from time to time, one small step after another.

A step is a transaction of some milliseconds, so that neither the disk nor Python's lock is held for long: sum up a
block of things, drop a batch of rows, give back a few pages. The order is: room first if the file is about to
exceed its bound, then summing up, then what is too old.

The bound is kept by what is *used*: beyond 98 % of it rows are dropped until 95 % are left, oldest first of the
finest level first. Their pages are used again, so a file in its steady state neither grows nor shrinks. Only where
the file itself is too large (the bound was lowered), or a quarter of it is free (retention was), are pages given
back to the disk.

A clock that jumps ahead makes everything old. So for an hour after a jump of a day or more nothing is dropped for its
age: time to set the clock right.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from .file import PAGE, HistoryFile, keep_state, state
from .levels import DAY, HOUR, HOURS, MINUTES, TENS, Level, Retention
from .rolling import day_due, hour_due, roll_day, roll_hour

#: How much one step drops.
_BLOCKS, _ROWS, _PAGES, _THINGS = 8, 200, 64, 500
_BEGIN, _ENOUGH = 0.98, 0.95
_FREE = 512    # pages that may always be free: 8 MB


@dataclass
class Upkeep:
    """The state of it: `damaged` rows were left out, `lost` packs were dropped before they could be summed up."""

    damaged: int = 0
    lost: int = 0
    _trimming: bool = False
    _last: float | None = None
    _patient: float = 0.0

    def step(self, file: HistoryFile, retention: Retention, now: float) -> bool:
        """Do the next thing that is due; False if nothing was. Raises `sqlite3.Error`."""
        if self._short_of_room(file, retention.size) and self._trim(file):
            return True
        connection = file.connection
        hour = hour_due(connection, now)
        if hour is not None:
            self.damaged += roll_hour(file, hour)
            return True
        day = day_due(connection, now)
        if day is not None:
            self.damaged += roll_day(file, day)
            return True
        if self._trusts_clock(connection, now) and (_drop_old(file, retention, now) or _sweep(file, retention, now)):
            return True
        return _give_back(file, retention.size)

    def _trusts_clock(self, connection: sqlite3.Connection, now: float) -> bool:
        if self._last is None:
            newest = connection.execute("SELECT max(hour) FROM packs").fetchone()[0]
            self._last = now if newest is None else float(newest * HOUR)
        if now - self._last >= DAY:
            self._patient = now + HOUR
        elif now < self._last:
            self._patient = 0.0
        self._last = now
        return now >= self._patient

    def _short_of_room(self, file: HistoryFile, bound: int) -> bool:
        log = file.size() - file.pragma("page_count") * PAGE
        used = (file.pragma("page_count") - file.pragma("freelist_count")) * PAGE + max(0, log)
        self._trimming = used > bound * (_ENOUGH if self._trimming else _BEGIN)
        return self._trimming

    def _trim(self, file: HistoryFile) -> bool:
        """Drop some of the oldest of the finest level, however new; False if nothing is left."""
        if _drop_packs(file, None) or _drop_rows(file, MINUTES, None):
            return True
        row = file.connection.execute("SELECT min(hour / 24) FROM due WHERE stage = 1").fetchone()
        if row[0] is not None:    # a day that is not over, but its minutes take too much room
            self.damaged += roll_day(file, int(row[0]))
            return True
        if _drop_rows(file, TENS, None) or _drop_rows(file, HOURS, None):
            return True
        lost = _drop_packs(file, None, summed_up=False)
        self.lost += lost
        return lost > 0


def _drop_old(file: HistoryFile, retention: Retention, now: float) -> bool:
    """Drop some of what is older than the retention."""
    if _drop_packs(file, int((now - retention.full) // HOUR)):
        return True
    kept = ((MINUTES, retention.minutes), (TENS, retention.tens), (HOURS, retention.hours))
    return any(_drop_rows(file, level, int((now - seconds) // level.span)) for level, seconds in kept)


def _drop_packs(file: HistoryFile, before: int | None, *, summed_up: bool = True) -> int:
    """Drop some blocks of the oldest hour before that one; all packs of a block at once, so that no reader sees half
    of its hour."""
    connection = file.connection
    hour = connection.execute("SELECT min(hour) FROM packs").fetchone()[0]
    if hour is None or (before is not None and hour >= before) or (summed_up and _is_due(connection, 0, hour)):
        return 0
    with file.transaction():
        dropped = connection.execute(
            "DELETE FROM packs WHERE hour = ? AND block IN"
            " (SELECT DISTINCT block FROM packs WHERE hour = ? ORDER BY block LIMIT ?)",
            (hour, hour, _BLOCKS),
        )
    return dropped.rowcount


def _drop_rows(file: HistoryFile, level: Level, before: int | None) -> bool:
    """Drop some rows of the oldest span before that one, unless they are still to be summed up."""
    connection = file.connection
    oldest = connection.execute(f"SELECT min(id) FROM {level.table}").fetchone()[0]
    if oldest is None:
        return False
    span = int(oldest) >> 32
    if (before is not None and span >= before) or (level is MINUTES and _is_due(connection, 1, span)):
        return False
    with file.transaction():
        connection.execute(
            f"DELETE FROM {level.table} WHERE id IN"
            f" (SELECT id FROM {level.table} WHERE id < ? ORDER BY id LIMIT ?)",
            ((span + 1) << 32, _ROWS),
        )
    return True


def _is_due(connection: sqlite3.Connection, stage: int, hour: int) -> bool:
    row = connection.execute("SELECT 1 FROM due WHERE stage = ? AND hour = ?", (stage, hour)).fetchone()
    return row is not None


def _give_back(file: HistoryFile, bound: int) -> bool:
    """Give some free pages back to the disk, if the file is larger than it may be or much of it is free."""
    free, pages = file.pragma("freelist_count"), file.pragma("page_count")
    if not free or (file.size() <= bound and free <= max(_FREE, pages // 4)):
        return False
    file.connection.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
    file.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()    # only then the file is shorter
    return file.pragma("page_count") < pages


def _sweep(file: HistoryFile, retention: Retention, now: float) -> bool:
    """Once a day, forget things of which nothing is left."""
    today = int(now // DAY)
    if state(file.connection, "swept") == today:
        return False
    with file.transaction() as connection:
        swept = connection.execute(
            "DELETE FROM things WHERE id IN (SELECT id FROM things WHERE seen < ? LIMIT ?)",
            (today - int(retention.longest // DAY) - 2, _THINGS),
        )
        if swept.rowcount < _THINGS:
            keep_state(connection, "swept", today)
    return True
