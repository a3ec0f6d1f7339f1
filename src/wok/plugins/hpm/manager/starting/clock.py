"""Whether somebody has set the clock: jobs are in the store with times of day, and last by a clock that nobody sets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

#: Seconds by which it is set at least: little by little it is adjusted all the time.
LEAST = 1.0


class ClockSet:
    """Compares two clocks, from one call to the next. `clock` gives monotonic nanoseconds, `wall` UTC."""

    def __init__(self, clock: Callable[[], int], wall: Callable[[], datetime]) -> None:
        self._clock, self._wall = clock, wall
        self._then = clock(), wall()

    def ahead(self) -> float:
        """By how many seconds it was set forward since the last call; of one that was set back, less than none. (While
        a host sleeps, its monotonic clock stands still: then it was set forward by that, too.)"""
        now, (clock, wall) = (self._clock(), self._wall()), self._then
        self._then = now
        ahead = (now[1] - wall).total_seconds() - (now[0] - clock) / 1e9
        return ahead if abs(ahead) >= LEAST else 0.0
