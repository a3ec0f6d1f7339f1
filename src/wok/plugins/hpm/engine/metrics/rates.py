"""Rates of counters that are sampled at a pace of their own (`engine.table`)."""

from __future__ import annotations

import numpy as np

from ..table import Table

#: Seconds after which a report that is still the same says that nothing was counted.
SILENT = 10.0


class Rates:
    """Turns a counter's table into one of rates per second. Not thread-safe.

    `reported` names the column that says when a server told its counters, where it does so at a pace of its own: while
    that stays the same, for up to `SILENT` seconds, nothing new is known. (Else a counter that is told every two
    seconds and looked at twice a second would seem to stand still, and then to grow four times as fast.)
    """

    def __init__(self, reported: str | None = None) -> None:
        self._reported = reported
        self._last: Table | None = None
        self._before: Table | None = None    # each row as it was when last told anew
        self._rates: Table | None = None

    def of(self, now: Table) -> Table:
        """How fast each counter grew between the two last samples of a row, with the time of the last one; NaN where
        there is one sample only, or the counter began anew. A row that was not sampled since keeps its rates. The same
        table until `now` is another one."""
        if self._rates is None or self._last is not now:
            self._rates, self._before = self._between(self._before, now)
            self._last = now
        return self._rates

    def _between(self, before: Table | None, now: Table) -> tuple[Table, Table]:
        """The rates, and what the next ones are to be told from."""
        if before is None or self._rates is None:
            unknown = {name: np.full(len(now), np.nan) for name in now.columns}
            return Table(now.uuids, unknown, now.taken_ns), now
        then, known = before.aligned(now.uuids), self._rates.aligned(now.uuids)
        passed = (now.taken_ns - then.taken_ns) / 1e9
        passed[then.taken_ns == 0] = np.nan
        same = passed == 0
        if self._reported is not None:
            same |= (now.columns[self._reported] == then.columns[self._reported]) & (passed < SILENT)
        columns = {}
        for name, column in now.columns.items():
            grown = column - then.columns[name]
            with np.errstate(invalid="ignore", divide="ignore"):
                rate = np.where(grown >= 0, grown / passed, np.nan)
            columns[name] = np.where(same, known.columns[name], rate)
        told = now
        if same.any():
            kept = {name: np.where(same, then.columns[name], column) for name, column in now.columns.items()}
            told = Table(now.uuids, kept, np.where(same, then.taken_ns, now.taken_ns))
        return Table(now.uuids, columns, now.taken_ns), told
