"""Rates of counters that are sampled at a pace of their own (`engine.table`)."""

from __future__ import annotations

import numpy as np

from ..table import Table


class Rates:
    """Turns a counter's table into one of rates per second. Not thread-safe."""

    def __init__(self) -> None:
        self._before: Table | None = None
        self._rates: Table | None = None

    def of(self, now: Table) -> Table:
        """How fast each counter grew between the two last samples of a row, with the time of the last one; NaN where
        there is one sample only, or the counter began anew. A row that was not sampled since keeps its rates. The same
        table until `now` is another one."""
        if self._rates is None or self._before is not now:
            self._rates = self._between(self._before, now)
            self._before = now
        return self._rates

    def _between(self, before: Table | None, now: Table) -> Table:
        if before is None or self._rates is None:
            return Table(now.uuids, {name: np.full(len(now), np.nan) for name in now.columns}, now.taken_ns)
        then, known = before.aligned(now.uuids), self._rates.aligned(now.uuids)
        passed = (now.taken_ns - then.taken_ns) / 1e9
        passed[then.taken_ns == 0] = np.nan
        columns = {}
        for name, column in now.columns.items():
            grown = column - then.columns[name]
            with np.errstate(invalid="ignore", divide="ignore"):
                rate = np.where(grown >= 0, grown / passed, np.nan)
            columns[name] = np.where(passed == 0, known.columns[name], rate)
        return Table(now.uuids, columns, now.taken_ns)
