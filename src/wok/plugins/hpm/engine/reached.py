"""Velocities that were reached over time, from points of the history.

A point knows the lowest, mean and highest velocity of the samples that it stands for. How they were spread in between
is not known: what is below the mean is taken to be spread evenly from the lowest to the mean, and what is above it from
the mean to the highest, in the parts that give this mean. At full resolution all three are the same, and nothing is
assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from .index import MET
from .metrics.metric import FloatColumn

#: Steps of bisection: 100 / 2^14 is far finer than what is shown.
_STEPS = 14
_HOUR = 3600.0


@dataclass(frozen=True, eq=False)
class Reached:
    """Columns with a row for each point of `seconds`, of one or of several things.

    `lowest`, `mean`, `highest` are velocities in percent, NaN where it never worked. Counts of samples: `watched` ones,
    those of them in which it was `active`, and those of these in which the goal that was in force then was `missed`.
    """

    seconds: float
    lowest: FloatColumn
    mean: FloatColumn
    highest: FloatColumn
    watched: FloatColumn
    active: FloatColumn
    missed: FloatColumn

    @property
    def hours(self) -> float:
        """Hours of history, summed over the things."""
        return float(np.count_nonzero(self.watched > 0)) * self.seconds / _HOUR

    @property
    def active_hours(self) -> float:
        """Those in which it was active."""
        known = self.watched > 0
        return float((self.active[known] / self.watched[known]).sum()) * self.seconds / _HOUR

    @property
    def missed_share(self) -> float:
        """Share of the active time in which the goal was missed (0…1)."""
        active = float(self.active.sum())
        return float(self.missed.sum()) / active if active > 0 else 0.0

    def share(self, velocity: float, *, quiet: bool = False) -> float:
        """Share of the active time (0…1) in which that velocity was reached or exceeded; with `quiet`, of the time in
        which the goal was not missed. NaN without any.

        A goal is missed by the slowest samples of a point.
        """
        spread = self._spread
        missed = spread.missed if quiet else 0.0
        left = float(np.maximum(spread.active - missed, 0.0).sum())
        below = float(np.maximum(spread.below(velocity) - missed, 0.0).sum())
        return 1.0 - below / left if left > 0 else float("nan")

    def attained(self, goal: float) -> float:
        """Share of the active time (0…1) in which a goal (percent) would have been met."""
        return self.share(goal / MET)

    def velocity(self, share: float, *, quiet: bool = False) -> float:
        """The velocity that was reached or exceeded in that share (0…1) of the active time; with `quiet`, of the time
        in which the goal was not missed. NaN without any."""
        if np.isnan(self.share(0.0, quiet=quiet)):
            return float("nan")
        low, high = 0.0, 100.0
        for _ in range(_STEPS):
            middle = (low + high) / 2
            if self.share(middle, quiet=quiet) >= share:
                low = middle
            else:
                high = middle
        return round(high, 1)

    def nothing(self) -> Reached:
        """That of what was never there."""
        columns = (getattr(self, name)[:0] for name in _COLUMNS)
        return Reached(self.seconds, *columns)

    @cached_property
    def _spread(self) -> _Spread:
        worked = self.active > 0
        columns = (self.lowest, self.mean, self.highest, self.active, self.missed)
        return _Spread(*(column[worked] for column in columns))


class _Spread:
    """How the active samples of points are taken to be spread; a row for each point that has any."""

    def __init__(
        self, lowest: FloatColumn, mean: FloatColumn, highest: FloatColumn, active: FloatColumn, missed: FloatColumn
    ) -> None:
        self.active, self.missed = active, missed
        self._lowest, self._mean = lowest, mean
        self._under, self._over = np.maximum(mean - lowest, 0.0), np.maximum(highest - mean, 0.0)
        width = self._under + self._over
        self._alike = width == 0.0
        self._slow = self._over / np.where(self._alike, 1.0, width)    # the part below the mean

    def below(self, velocity: float) -> FloatColumn:
        """Active samples of each point below a velocity."""
        # What is divided by where nothing is spread does not matter: its part is 0.
        first = np.clip((velocity - self._lowest) / np.maximum(self._under, 1e-9), 0.0, 1.0)
        rest = np.clip((velocity - self._mean) / np.maximum(self._over, 1e-9), 0.0, 1.0)
        part = np.where(self._alike, velocity > self._mean, self._slow * first + (1.0 - self._slow) * rest)
        below: FloatColumn = self.active * part
        return below


def together(parts: Sequence[Reached]) -> Reached:
    """Several things as one: each of their samples counts alike. Raises `ValueError` where points differ in length."""
    if len({part.seconds for part in parts}) != 1:
        raise ValueError("points of one length are needed")
    columns = (np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS)
    return Reached(parts[0].seconds, *columns)


_COLUMNS = tuple(field.name for field in fields(Reached) if field.name != "seconds")
