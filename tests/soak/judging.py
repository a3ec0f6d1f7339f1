"""What becomes of figures over a long run. Pure: samples in, verdicts out."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec

#: What is measured is compared by medians of so many windows of equal length, the first with the last.
WINDOWS = 6
#: A window has to have so many samples, or it is too short to be judged.
LEAST = 3
#: Seconds until a manager has all that it keeps: caches, a tail of history, threads of its pools.
SETTLING = 600.0
#: The part of a run that is shorter than that which is left out instead.
SETTLING_PART = 1 / 3


class Verdict(msgspec.Struct, frozen=True, rename="kebab"):
    """`first` and `last` are what was measured (medians of windows, where it is about growth), `found` is what is
    compared with `bound`, both in `unit`. `good` None: the run was too short to say."""

    name: str
    unit: str
    first: float | None
    last: float | None
    found: float | None
    bound: float
    good: bool | None
    medians: tuple[float, ...] = ()


class Series(msgspec.Struct, frozen=True):
    """Values over time; seconds since the begin, rising."""

    times: tuple[float, ...]
    values: tuple[float, ...]

    def medians(self, windows: int = WINDOWS) -> list[float] | None:
        """The median of each window, after what is left out at the begin; None: too few samples."""
        if not self.times:
            return None
        begin = settled_at(self.times[-1])
        length = (self.times[-1] - begin) / windows
        found: list[list[float]] = [[] for _ in range(windows)]
        for time, value in zip(self.times, self.values, strict=True):
            if time >= begin and length > 0:
                found[min(windows - 1, int((time - begin) / length))].append(value)
        if min(len(window) for window in found) < LEAST:
            return None
        return [statistics.median(window) for window in found]


def settled_at(seconds: float) -> float:
    """From which moment of a run of so many seconds on its figures are compared."""
    return min(SETTLING, seconds * SETTLING_PART)


def growth(name: str, series: Series, bound: float) -> Verdict:
    """Whether something grew by no more than `bound` percent."""
    medians = series.medians()
    if medians is None:
        return Verdict(name, "%", None, None, None, bound, None)
    found = 100.0 * (medians[-1] / medians[0] - 1.0) if medians[0] else 0.0
    return Verdict(name, "%", medians[0], medians[-1], round(found, 2), bound, found <= bound, tuple(medians))


def more(name: str, series: Series, bound: float) -> Verdict:
    """Whether there came to be no more than so many more of something."""
    medians = series.medians()
    if medians is None:
        return Verdict(name, "more", None, None, None, bound, None)
    found = medians[-1] - medians[0]
    return Verdict(name, "more", medians[0], medians[-1], found, bound, found <= bound, tuple(medians))


def most(name: str, unit: str, values: Sequence[float], bound: float) -> Verdict:
    """Whether nothing was ever above a bound."""
    if not values:
        return Verdict(name, unit, None, None, None, bound, None)
    found = max(values)
    return Verdict(name, unit, values[0], values[-1], round(found, 3), bound, found <= bound)


def least(name: str, unit: str, found: float, bound: float) -> Verdict:
    """Whether there was as much of something as there has to be, for the others to say anything."""
    return Verdict(name, unit, None, found, found, bound, found >= bound)


def rows(verdicts: Sequence[Verdict]) -> list[tuple[object, ...]]:
    """Cells of a table (see `HEAD`)."""
    words = {True: "yes", False: "NO", None: "too short"}
    return [
        (one.name, _short(one.first), _short(one.last), f"{_short(one.found)} {one.unit}", _short(one.bound),
         words[one.good])
        for one in verdicts
    ]  # fmt: skip


HEAD = ("what", "first", "last", "found", "bound", "held")


def _short(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value / 2**20:.1f} Mi" if abs(value) >= 2**20 else f"{value:g}"
