"""What a query gives, and the buckets in which it is gathered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidValue
from .points import Floats, Points, added, gather, nothing, of_values

#: More buckets than this are not made.
MOST_BUCKETS = 100_000
#: Samples so many usual distances apart have a gap between them.
_GAP = 1.5


@dataclass(frozen=True, eq=False)
class Series:
    """Figures of one thing over time, in buckets.

    `times` are the buckets' beginnings, multiples of `step` (seconds UTC). `minimum`, `mean`, `maximum` have the shape
    (metrics, times) and are NaN where nothing is known; `count` says how many samples each stands for, so that a mean
    over several buckets can be weighted: broken where a coarser point was spread over several buckets, and 0 where
    a bucket between two samples shows the later one, which its own bucket counts.
    """

    step: float
    metrics: tuple[str, ...]
    times: NDArray[np.float64]
    minimum: Floats
    mean: Floats
    maximum: Floats
    count: Floats


class Buckets:
    """Gathers what is known into buckets of `step` seconds that begin within [start, end).

    Raises `InvalidValue` for a range or step that cannot be.
    """

    def __init__(self, metrics: Sequence[str], start: float, end: float, step: float) -> None:
        if not (math.isfinite(start) and math.isfinite(end) and end >= start >= 0.0):
            raise InvalidValue(f"the range from {start} to {end} must be seconds since 1970, the earlier first")
        if not (math.isfinite(step) and step > 0.0):
            raise InvalidValue(f"must be seconds, more than 0, not {step}", "step")
        if (end - start) / step > MOST_BUCKETS:
            raise InvalidValue(f"must be at least {(end - start) / MOST_BUCKETS:.3g} seconds for this range", "step")
        self.metrics = tuple(metrics)
        self.step = step
        self._first = math.ceil(start / step)
        self.size = math.ceil(end / step) - self._first
        self.start = self._first * step
        self.end = self.start + self.size * step
        self._sum = nothing((len(self.metrics), self.size))
        self._samples: list[tuple[NDArray[np.float64], Floats]] = []

    def put_samples(self, times: NDArray[np.float64], values: Floats) -> None:
        """Samples at full resolution, shape (metrics, times)."""
        index = np.floor(times / self.step).astype(np.int64) - self._first
        self._sum = added(self._sum, gather(of_values(values), index, self.size))
        self._samples.append((times, values))

    def put_points(self, times: NDArray[np.float64], seconds: float, points: Points) -> None:
        """Points of so many seconds that begin at these times, shape (metrics, times)."""
        if seconds <= self.step:
            index = np.floor(times / self.step).astype(np.int64) - self._first
        else:
            begin = np.ceil(times / self.step).astype(np.int64) - self._first
            end = np.ceil((times + seconds) / self.step).astype(np.int64) - self._first
            near = np.flatnonzero((end > 0) & (begin < self.size))
            begin, lengths = begin[near], (end - begin)[near]
            offsets = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            index, points = np.repeat(begin, lengths) + offsets, points[..., near].spread(lengths)
        self._sum = added(self._sum, gather(points, index, self.size))

    def series(self) -> Series:
        """What was gathered."""
        low, high, mean = self._sum.low.astype(np.float64), self._sum.high.astype(np.float64), self._sum.mean()
        if self._samples:
            filled, values = self._between_samples()
            low[:, filled] = high[:, filled] = mean[:, filled] = values
        times = (self._first + np.arange(self.size)).astype(np.float64) * self.step
        return Series(self.step, self.metrics, times, low, mean, high, self._sum.count)

    def _between_samples(self) -> tuple[NDArray[np.int64], Floats]:
        """Buckets without a sample that are no gap, and what holds there: a sample tells of the time before it, back
        to the one before. So buckets as short as the interval do not look broken because the loop's clock
        trembles."""
        times = np.concatenate([times for times, _ in self._samples])
        values = np.concatenate([values for _, values in self._samples], axis=1)
        order = np.argsort(times, kind="stable")
        times, values = times[order], values[:, order]
        distance = np.diff(times, prepend=np.inf)
        usual = float(np.median(distance[1:])) if len(times) > 1 else 0.0
        empty = np.flatnonzero(~self._sum.count.any(axis=0))
        begins = (self._first + empty) * float(self.step)
        later = np.searchsorted(times, begins)
        inside = np.flatnonzero((later > 0) & (later < len(times)))
        inside = inside[distance[later[inside]] <= _GAP * usual]
        return empty[inside], values[:, later[inside]]
