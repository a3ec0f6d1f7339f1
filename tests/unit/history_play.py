"""A history in simulated time, and what it should say: a straightforward computation over all that was added."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from hpm.store.history import Frame, History, Retention, Series
from hpm.store.history.packing import cut, grown

#: Midnight, UTC.
START = 1_764_201_600.0
HOUR, DAY = 3600.0, 86400.0
METRICS = ("cpu", "memory", "met")


class Play:
    """A history whose clock is `now`, and everything that was added to it."""

    def __init__(self, path: Path, retention: Retention | None = None, metrics: Sequence[str] = METRICS) -> None:
        self.path = path
        self.retention = retention or Retention()
        self.now = START
        self.metrics = tuple(metrics)
        self.added: dict[str, list[tuple[float, np.ndarray]]] = {}
        self._opened: list[History] = []
        self.history = self.again()

    def __enter__(self) -> Play:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for history in self._opened:
            history.close()

    def again(self, metrics: Sequence[str] | None = None) -> History:
        """Open the file once more, as a process that follows one which was killed."""
        self.metrics = self.metrics if metrics is None else tuple(metrics)
        kinds = {"server": self.metrics, "group": ("cpu",)}
        self.history = History(self.path, kinds, self.retention, wall=lambda: self.now)
        self._opened.append(self.history)
        return self.history

    def add(self, values: Mapping[str, Sequence[float]], time: float | None = None) -> None:
        """Add a frame of servers, now or at a time that becomes now."""
        self.now = self.now if time is None else time
        columns = np.array(list(values.values()), dtype=float).reshape(len(values), len(self.metrics)).T
        self.history.add(self.now, {"server": Frame(tuple(values), columns)})
        for place, key in enumerate(values):
            self.added.setdefault(key, []).append((self.now, grown(cut(columns[:, place]))))

    def walk(self, seconds: float, interval: float = 10.0, keys: Sequence[str] = ("a", "b")) -> None:
        """Add a frame at each interval for so long; figures that are different at each time, for each key."""
        end = self.now + seconds
        while self.now < end:
            beat = round((self.now - START) / interval)
            self.add({k: (50 + beat % 40 + p, 1e9 + 1e7 * p + beat, (beat + p) % 3 == 0) for p, k in enumerate(keys)})
            self.now += interval

    def settle(self) -> int:
        """Do all work that is due; gives how many steps it took."""
        steps = 0
        while self.history.work(0.0):
            steps += 1
            assert steps < 100_000, "work never ends"
        return steps

    def query(self, key: str, start: float, end: float, step: float, metrics: Sequence[str] | None = None) -> Series:
        return self.history.query("server", key, self.metrics if metrics is None else metrics, start, end, step)

    def expected(self, key: str, start: float, end: float, step: float) -> tuple[np.ndarray, ...]:
        """(times, count, minimum, mean, maximum) of what was added, one bucket after another."""
        first, last = math.ceil(start / step), math.ceil(end / step)
        times = np.arange(first, last) * step
        shape = (len(self.metrics), len(times))
        count, low, mean, high = np.zeros(shape), *(np.full(shape, np.nan) for _ in range(3))
        buckets: dict[int, list[np.ndarray]] = {}
        for time, values in self.added.get(key, []):
            buckets.setdefault(math.floor(time / step) - first, []).append(values)
        for place, rows in buckets.items():
            if not 0 <= place < len(times):
                continue
            for metric, column in enumerate(np.array(rows, dtype=float).T):
                known = column[~np.isnan(column)]
                if known.size:
                    count[metric, place] = known.size
                    low[metric, place], high[metric, place] = known.min(), known.max()
                    mean[metric, place] = known.mean()
        return times, count, low, mean, high

    def check(self, key: str, start: float, end: float, step: float, tolerance: float = 3e-4) -> Series:
        """The history says what was added: counts, minima and maxima exactly, means but for the rounding of sums."""
        found = self.query(key, start, end, step)
        times, count, low, mean, high = self.expected(key, start, end, step)
        np.testing.assert_array_equal(found.times, times)
        np.testing.assert_array_equal(found.count, count)
        np.testing.assert_array_equal(found.minimum, low)
        np.testing.assert_array_equal(found.maximum, high)
        np.testing.assert_allclose(found.mean, mean, rtol=tolerance)
        assert not (found.mean < found.minimum).any()
        assert not (found.mean > found.maximum).any()
        return found
