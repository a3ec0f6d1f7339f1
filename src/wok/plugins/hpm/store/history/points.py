"""Figures summed up: how many samples, their sum, the smallest and the largest.

A mean of means is exact only if each is weighted by its samples, so a point keeps sum and count, and the mean is
made when somebody asks for it. All arrays of one `Points` have the same shape, (…, metrics, times); where `count` is
0 nothing is known, `total` is 0, and `low` and `high` are NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Indexes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Points:
    """Summed-up figures; `count` and `total` are float64 (a point that is spread over buckets has broken counts)."""

    count: Floats
    total: Floats
    low: Floats
    high: Floats

    def __getitem__(self, where: Any) -> Points:
        """The same part of all four arrays."""
        return Points(self.count[where], self.total[where], self.low[where], self.high[where])

    def where(self, known: NDArray[np.bool_]) -> Points:
        """Only those that are `known`; of the others nothing is."""
        if known.all():
            return self
        return Points(
            np.where(known, self.count, 0.0), np.where(known, self.total, 0.0), np.where(known, self.low, np.nan),
            np.where(known, self.high, np.nan),
        )  # fmt: skip

    def put(self, rows: Indexes, other: Points) -> None:
        """Add those of `rows` to what stands there, where both are about different samples. Changes the arrays."""
        self.count[rows] += other.count
        self.total[rows] += other.total
        self.low[rows] = np.fmin(self.low[rows], other.low)
        self.high[rows] = np.fmax(self.high[rows], other.high)

    def mean(self) -> Floats:
        """Means, NaN where nothing is known."""
        means = np.full(self.count.shape, np.nan)
        np.divide(self.total, self.count, out=means, where=self.count > 0)
        return means

    def spread(self, times: Indexes) -> Points:
        """Each point as so many equal ones one after another, which together weigh what it did."""
        return Points(
            np.repeat(self.count / np.maximum(times, 1), times, axis=-1),
            np.repeat(self.total / np.maximum(times, 1), times, axis=-1),
            np.repeat(self.low, times, axis=-1),
            np.repeat(self.high, times, axis=-1),
        )


def nothing(shape: tuple[int, ...]) -> Points:
    """Points of which nothing is known."""
    unknown = np.full(shape, np.nan, dtype=np.float32)
    return Points(np.zeros(shape), np.zeros(shape), unknown, unknown.copy())


def of_values(values: Floats) -> Points:
    """Each value as a point of one sample; NaN as none."""
    known = ~np.isnan(values)
    return Points(known.astype(np.float64), np.where(known, values, 0.0).astype(np.float64), values, values)


def gather(points: Points, index: Indexes, size: int) -> Points:
    """Sum up along the last axis: what stands at time i goes to place `index[i]` of `size`, or nowhere if that is
    outside. `index` need not be sorted: a clock may have gone backwards."""
    result = nothing((*points.count.shape[:-1], size))
    wanted = np.flatnonzero((index >= 0) & (index < size))
    if not wanted.size:
        return result
    wanted = wanted[np.argsort(index[wanted], kind="stable")]
    places = index[wanted]
    as_it_is = wanted.size == index.size and bool((wanted[1:] > wanted[:-1]).all())
    starts = np.flatnonzero(np.diff(places, prepend=-1))
    at = places[starts]
    taken = points if as_it_is else points[..., wanted]
    result.count[..., at] = np.add.reduceat(taken.count, starts, axis=-1)
    result.total[..., at] = np.add.reduceat(taken.total, starts, axis=-1)
    result.low[..., at] = np.fmin.reduceat(taken.low, starts, axis=-1)
    result.high[..., at] = np.fmax.reduceat(taken.high, starts, axis=-1)
    return result


def fuller(one: Points, other: Points) -> Points:
    """Of each point the one that knows more samples, where both are about the same ones; `other` if they are even."""
    better = other.count >= one.count
    return Points(
        np.where(better, other.count, one.count),
        np.where(better, other.total, one.total),
        np.where(better, other.low, one.low),
        np.where(better, other.high, one.high),
    )
