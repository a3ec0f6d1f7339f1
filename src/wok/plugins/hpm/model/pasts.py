"""What the history says of velocities, as `engine.reached` has it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from ..engine.reached import Reached
from ..store.history import History

#: Points that are read at most of a thing, and where many are read: a week of minutes, and of ten minutes.
FINE_POINTS, COARSE_POINTS = 10_080, 1_008
#: More things than this are many.
FEW = 8
#: Seconds of the points that history has.
_STEPS = (60, 600, 3600)


class Pasts:
    """Reads velocities within [start, end) (seconds UTC). `start` is moved to where history begins. `interval` is
    seconds between two samples: a point is not shorter, or most of them would be empty."""

    def __init__(self, history: History, start: float, end: float, interval: float) -> None:
        self._history = history
        oldest = [level.oldest for level in history.status().levels if level.oldest is not None]
        first = min(oldest, default=start)
        self.start, self._whole = min(max(start, first), end), first >= start
        self.end = end
        self._interval = interval

    def of_group(self, group_id: str) -> Reached:
        """Of a group, from the sums of its servers, while it had any."""
        return self._read("group", group_id, self.end, FINE_POINTS)

    def of_classes(self, keys: Sequence[str]) -> list[Reached]:
        """The same of service classes, by the keys of their history."""
        most = FINE_POINTS if len(keys) <= FEW else COARSE_POINTS
        return [self._read("class", key, self.end, most) for key in keys]

    def of_servers(self, uuids: Sequence[str]) -> list[Reached]:
        """Of servers, while they ran. Of a day or more the hour that has begun is left out: it is kept in full, and
        takes as long to read as all the others together."""
        end = self.end // 3600 * 3600 if self.end - self.start >= 86400 else self.end
        return [self._read("server", uuid, end, COARSE_POINTS) for uuid in uuids]

    def _read(self, kind: Literal["group", "class", "server"], key: str, end: float, most: int) -> Reached:
        step = self._step(most)
        there = "cpu-using" if kind == "server" else "virtual-servers"
        metrics = ("velocity", there, "goal-judged", "goal-met")
        # Where all that there is is wanted, so is the point in which it begins.
        start = self.start // step * step if self._whole else self.start
        series = self._history.query(kind, key, metrics, start, end, step)
        counted = series.count[1] > 0
        if kind != "server":
            counted &= series.maximum[1] > 0
        count, mean = series.count[:, counted], np.nan_to_num(series.mean[:, counted])
        missed = count[2] * mean[2] - count[3] * mean[3]
        active = count[0]
        return Reached(
            step, series.minimum[0, counted], series.mean[0, counted], series.maximum[0, counted],
            count[1], active, np.clip(np.round(missed, 6), 0.0, active),
        )  # fmt: skip

    def _step(self, most: int) -> float:
        least = max(round((self.end - self.start) / most, 3), self._interval)    # a week is a week, also in floats
        return float(next((one for one in _STEPS if one >= least), math.ceil(least / 3600) * 3600))


def spread_evenly(things: Sequence[str], most: int) -> list[str]:
    """At most so many of them, from the first to the last alike."""
    if len(things) <= most:
        return list(things)
    return [things[(2 * place + 1) * len(things) // (2 * most)] for place in range(most)]
