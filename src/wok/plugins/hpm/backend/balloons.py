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
        self._starts: Mapping[str, object] = {}
        self.background = Background("libvirt-balloons", period, self._sample, clock)

    def _sample(self) -> Iterator[float]:
        active = self._active()
        self._rows = {
            uuid: row for uuid, row in self._rows.items() if uuid in active and active[uuid] == self._starts.get(uuid)
        }
        self._starts = active
        self._monitors.keep(active)
        self._monitors.connect()
        uuids = list(active)
        for begin in range(0, len(uuids), PORTION):
            portion = uuids[begin : begin + PORTION]
            before = self._clock()
            answers = self._monitors.ask(portion, 0)
            now, sampled = self._clock(), self._wall()
            for uuid, statistics in answers.items():
                self._rows[uuid] = now, (*_row(statistics), sampled)
            yield min((now - before) / 1e9, MOST_COST * len(portion))
        before_cpu = time.thread_time()
        self.table = of_rows(BALLOON, self._rows)
        yield time.thread_time() - before_cpu


def _row(statistics: Statistics) -> tuple[float, ...]:
    return tuple([
        _NAN if (value := statistics.get(f"balloon.{name}")) is None else float(value * unit) for name, unit in _FIELDS
    ])
