"""Which vCPUs starve: the rule, for real and simulated hosts alike.

A thread that waits and does not run is credited nothing until it next runs, and would pass for idle. Its state
tells the difference (R: runnable), but asking costs more than reading its counters, so few are asked.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..engine.counters import Column, Flags, Layout, moved
from ..engine.windows import IDLE_SHARE

#: Part of the time between two samples after which a thread whose counters stand still is judged anew: before, also if
#: it woke since, it has not waited long. The manager looks twice in one cycle where applying a plan took long.
SOON = 0.1


class Starvation:
    """Remembers the last counters, and judges the next ones by them."""

    def __init__(self) -> None:
        none: Column = np.zeros(0, dtype=np.int64)
        self._layout = Layout(())
        self._run, self._delay, self._idle, self._waiting = none, none, none, none
        self._time_ns: int | None = None
        self._apart = 0    # nanoseconds between the last two samples that were not soon after another

    def judge(
        self, layout: Layout, run: Column, delay: Column, now_ns: int, runnable: Callable[[int], bool]
    ) -> Flags:
        """Which vCPUs hardly ran although their thread is runnable: they would pass for idle, or for having
        waited only as long as the kernel has credited so far. `runnable` tells it of the thread in a row.

        Of one that was idle before and has not waited long, R may mean that it woke up this microsecond: it does
        not count yet, and where it ran a little it is not even asked. If it waits from now on, the next sample tells.
        Who was waiting and has not run since still does.
        """
        rows = layout.rows_in(self._layout)
        elapsed = 0 if self._time_ns is None else now_ns - self._time_ns
        little, long = IDLE_SHARE * elapsed, elapsed // 2
        ran = run - moved(self._run, rows, run)
        waited = delay - moved(self._delay, rows, delay)
        idle = moved(self._idle, rows) != 0
        # A thread that was not there before cannot be compared.
        known: Flags = np.ones(layout.rows, dtype=np.bool_) if rows is None else rows >= 0
        still = known & (ran == 0) & (waited == 0)
        waiting: Flags = still & (moved(self._waiting, rows) != 0)
        asked = known & (ran < little) & ((ran == 0) | (waited >= long) | ~idle) & ~waiting
        soon = elapsed < SOON * self._apart
        as_before: Flags = still & soon
        for row in np.flatnonzero(asked & ~as_before).tolist():
            waiting[row] = runnable(row)
        self._idle = np.where(as_before, idle, known & (ran + waited < little) & ~waiting).astype(np.int64)
        self._waiting = waiting.astype(np.int64)
        self._apart = self._apart if soon else elapsed
        self._layout, self._run, self._delay, self._time_ns = layout, run, delay, now_ns
        starving: Flags = waiting & ~(idle & (waited < long))
        return starving
