"""The balloon figures of all guests: how much memory each one has, and what it makes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from ..engine.table import Table, empty, of_rows
from .extras import BALLOON
from .monitors import Monitors, Statistics
from .pacing import Background

#: Guests that are asked for in one call: a millisecond of libvirt's.
PORTION: Final = 50
#: A call's time counts as CPU time up to so much for each guest (s), five times what was measured. What it takes
#: longer, it waits for somebody.
MOST_COST: Final = 0.0001

_NAN: Final = float("nan")

#: libvirt's name of each column of `BALLOON`, and what one of its units is in ours.
_FIELDS: Final = (
    ("current", 1024), ("maximum", 1024), ("unused", 1024), ("available", 1024), ("usable", 1024), ("rss", 1024),
    ("disk_caches", 1024), ("major_fault", 1), ("minor_fault", 1), ("swap_in", 1024), ("swap_out", 1024),
    ("last-update", 1),
)  # fmt: skip
_UPDATED: Final = [name for name, _ in _FIELDS].index("last-update")


class Balloons:
    """Samples the balloons of a host in the background; `table` is replaced after each pass.

    `active()` gives the guests that run, and by what to tell their starts apart; `wall` unix time.
    """

    def __init__(
        self, monitors: Monitors, active: Callable[[], Mapping[str, object]], clock: Callable[[], int],
        wall: Callable[[], float], period: float,
    ) -> None:  # fmt: skip
        self.table: Table = empty(BALLOON)
        self._monitors = monitors
        self._active = active
        self._clock = clock
        self._wall = wall
        self._rows: dict[str, tuple[int, tuple[float, ...]]] = {}
        # Of each guest: its newest report, what the balloon left it then, and how much less that may have been.
        self._reported: dict[str, tuple[float, float, float]] = {}
        self._starts: Mapping[str, object] = {}
        self.background = Background("libvirt-balloons", period, self._sample, clock)

    def _sample(self) -> Iterator[float]:
        active = self._active()
        self._rows = {
            uuid: row for uuid, row in self._rows.items() if uuid in active and active[uuid] == self._starts.get(uuid)
        }
        self._starts = active
        self._reported = {uuid: report for uuid, report in self._reported.items() if uuid in self._rows}
        self._monitors.keep(active)
        self._monitors.connect()
        uuids = list(active)
        for begin in range(0, len(uuids), PORTION):
            portion = uuids[begin : begin + PORTION]
            before = self._clock()
            answers = self._monitors.ask(portion, 0)
            now, sampled = self._clock(), self._wall()
            for uuid, statistics in answers.items():
                row = _row(statistics)
                self._rows[uuid] = now, (*row, sampled, *self._report(uuid, row))    # looks at the row before
            yield min((now - before) / 1e9, MOST_COST * len(portion))
        before_cpu = time.thread_time()
        self.table = of_rows(BALLOON, self._rows)
        yield time.thread_time() - before_cpu


    def _report(self, uuid: str, row: tuple[float, ...]) -> tuple[float, float]:
        """What the balloon left a guest when it told what it tells now. That was between the sample before and the one
        that saw it first: of a balloon that moved meanwhile it is taken that the guest had the more of the two. Also
        how much less it may have been."""
        current, updated = row[0], row[_UPDATED]
        known = self._reported.get(uuid)
        if known is None or known[0] != updated:
            before = self._rows.get(uuid)
            was = current if before is None or before[1][0] != before[1][0] else before[1][0]
            known = self._reported[uuid] = updated, max(current, was), abs(current - was)
        return known[1:]


def _row(statistics: Statistics) -> tuple[float, ...]:
    return tuple([
        _NAN if (value := statistics.get(f"balloon.{name}")) is None else float(value * unit) for name, unit in _FIELDS
    ])
