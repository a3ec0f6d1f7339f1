"""Goal attainment: of the time in which a goal was to be met, the share in which it was. What a service level agreement
tells.

Time is counted in bins, so that what was an hour, a day, or a week ago falls out.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from .metric import FloatColumn, unknown

Span: TypeAlias = Literal["hour", "day", "week"]
SPANS: tuple[Span, ...] = get_args(Span)

#: Seconds of a bin, and how many there are: of an hour by minutes, of a day by quarters of an hour, of a week by hours.
BINS: dict[Span, tuple[int, int]] = {"hour": (60, 60), "day": (900, 96), "week": (3600, 168)}

Counts: TypeAlias = "npt.NDArray[np.float64]"


class Attained(NamedTuple):
    """Attainment as of a time (seconds UTC)."""

    kept: Attainment
    time: float

    def share(self, keys: Sequence[str], span: Span) -> FloatColumn:
        """See `Attainment.share`."""
        return self.kept.share(self.time, keys, span)


class _Bins:
    """Seconds judged and met (rows) of each bin, of one span."""

    def __init__(self, span: Span) -> None:
        self.seconds, self.number = BINS[span]
        self._counts: Counts = np.zeros((2, self.number))
        self._newest = 0

    def add(self, time: float, judged: float, met: float) -> None:
        place = int(time // self.seconds)
        self._forward(place)
        self._counts[:, place % self.number] += (judged, met)

    def share(self, time: float) -> float:
        place, newest = int(time // self.seconds), self._newest
        ages = (newest - np.arange(self.number)) % self.number + max(0, place - newest)
        judged, met = self._counts[:, ages < self.number].sum(axis=1)
        return float(met / judged) if judged > 0 else float("nan")

    def _forward(self, place: int) -> None:
        """Empty the bins of the time that has passed. A clock that was set back a little goes on where it was; one that
        was set back by all bins or more would count nothing until it is there again: so what was counted gets other
        places, and is as old as it was."""
        passed = place - self._newest
        if -self.number < passed <= 0:
            return
        if passed < 0:
            self._counts = np.roll(self._counts, passed, axis=1)
        else:
            empty = [(self._newest + n) % self.number for n in range(1, min(passed, self.number) + 1)]
            self._counts[:, empty] = 0.0
        self._newest = place


class Attainment:
    """Of groups and classes, by a key of each; `time` is seconds UTC. One thread adds, any may ask."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, dict[Span, _Bins]] = {}

    def add(
        self, time: float, keys: Sequence[Hashable], judged: FloatColumn, met: FloatColumn,
        spans: Sequence[Span] = SPANS,
    ) -> None:  # fmt: skip
        """Count so much time (or cycles, as long as they are of one length) in which goals were judged and met."""
        for key, tried, held in zip(keys, judged.tolist(), met.tolist(), strict=True):
            if tried > 0:
                kept = self._kept.get(key) or self._kept.setdefault(key, {span: _Bins(span) for span in SPANS})
                for span in spans:
                    kept[span].add(time, tried, held)

    def share(self, time: float, keys: Sequence[Hashable], span: Span) -> FloatColumn:
        """In percent, of each; NaN: there was no goal."""
        found, kept = unknown(len(keys)), self._kept
        for row, key in enumerate(keys):
            if key in kept:
                found[row] = 100.0 * kept[key][span].share(time)
        return found

    def keep(self, keys: Sequence[Hashable]) -> None:
        """Forget all others: they are gone."""
        if len(self._kept) > len(keys):
            wanted = set(keys)
            self._kept = {key: bins for key, bins in self._kept.items() if key in wanted}
