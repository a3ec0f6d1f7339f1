"""What a query gives, and the buckets in which it is gathered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidValue
from .points import Floats, Indexes, Points, gather, nothing, of_values

#: More buckets than this are not made.
MOST_BUCKETS = 100_000
#: Samples so many usual distances apart have a gap between them.
_GAP = 1.5


@dataclass(frozen=True, eq=False)
class Series:
    """Figures of one thing over time, in buckets; or of several, with an axis of things before the others.

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

    def of(self, place: int) -> Series:
        """That of one of several things."""
        arrays = (array[place] for array in (self.minimum, self.mean, self.maximum, self.count))
        return Series(self.step, self.metrics, self.times, *arrays)


class Samples(NamedTuple):
    """Samples of the things at `rows`: `times` in order, `values` of shape (things, metrics, times), and at which times
    there was one of each thing, shape (things, times)."""

    rows: Indexes
    times: NDArray[np.float64]
    values: Floats
    there: NDArray[np.bool_]


class Buckets:
    """Gathers what is known of so many things into buckets of `step` seconds that begin within [start, end).

    Raises `InvalidValue` for a range or step that cannot be.
    """

    def __init__(self, things: int, metrics: Sequence[str], start: float, end: float, step: float) -> None:
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
        self._sum = nothing((things, len(self.metrics), self.size))
        self._samples: list[Samples] = []

    def put_samples(self, samples: Samples) -> None:
        """Samples at full resolution; all of a thing at once."""
        index = np.floor(samples.times / self.step).astype(np.int64) - self._first
        self._sum.put(samples.rows, gather(of_values(samples.values), index, self.size))
        self._samples.append(samples)

    def put_points(self, rows: Indexes, times: NDArray[np.float64], seconds: float, points: Points) -> None:
        """Points of so many seconds that begin at these times, shape (things, metrics, times)."""
        if seconds <= self.step:
            index = np.floor(times / self.step).astype(np.int64) - self._first
        else:
            begin = np.ceil(times / self.step).astype(np.int64) - self._first
            end = np.ceil((times + seconds) / self.step).astype(np.int64) - self._first
            near = np.flatnonzero((end > 0) & (begin < self.size))
            begin, lengths = begin[near], (end - begin)[near]
            offsets = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            index, points = np.repeat(begin, lengths) + offsets, points[..., near].spread(lengths)
        self._sum.put(rows, gather(points, index, self.size))

    def series(self) -> Series:
        """What was gathered."""
        low, high, mean = self._sum.low.astype(np.float64), self._sum.high.astype(np.float64), self._sum.mean()
        for samples in self._samples:
            self._fill(samples, (low, mean, high))
        times = (self._first + np.arange(self.size)).astype(np.float64) * self.step
        return Series(self.step, self.metrics, times, low, mean, high, self._sum.count)

    def _fill(self, samples: Samples, figures: Sequence[Floats]) -> None:
        """In buckets without a sample that are no gap, show what holds there: a sample tells of the time before it,
        back to the one before. So buckets as short as the interval do not look broken because the loop's clock
        trembles."""
        empty: NDArray[np.bool_] = np.equal(self._sum.count[samples.rows].sum(axis=1), 0)
        if not empty.any():
            return
        patterns, kinds = np.unique(samples.there, axis=0, return_inverse=True)    # nearly always one
        for number, there in enumerate(patterns):
            at = np.flatnonzero(there)
            buckets, later = self._between(samples.times[at])
            of_kind = np.flatnonzero(kinds.reshape(-1) == number)
            wanted = empty[np.ix_(of_kind, buckets)]
            if not wanted.any():
                continue
            shown = samples.values[np.ix_(of_kind, np.arange(len(self.metrics)), at[later])]
            where = np.ix_(samples.rows[of_kind], np.arange(len(self.metrics)), buckets)
            for array in figures:
                array[where] = np.where(wanted[:, None, :], shown, array[where])

    def _between(self, times: NDArray[np.float64]) -> tuple[Indexes, Indexes]:
        """Buckets that begin between two samples that are not far apart, and the place of the later one."""
        distance = np.diff(times, prepend=np.inf)
        usual = float(np.median(distance[1:])) if len(times) > 1 else 0.0
        begins = (self._first + np.arange(self.size)) * float(self.step)
        later = np.searchsorted(times, begins)
        inside = np.flatnonzero((later > 0) & (later < len(times)))
        inside = inside[distance[later[inside]] <= _GAP * usual]
        return inside, later[inside]
