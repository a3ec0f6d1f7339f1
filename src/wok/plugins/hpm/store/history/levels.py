"""How fine history is kept, and for how long."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import InvalidValue

HOUR = 3600
DAY = 86400

#: The least that the file may be bounded to, in bytes: room for its own pages and a few things.
LEAST_SIZE = 8_000_000


@dataclass(frozen=True)
class Level:
    """Points of so many seconds; one row has those of one thing in a span of so many seconds."""

    name: str
    table: str
    seconds: int
    span: int

    @property
    def times(self) -> int:
        """Points in a row."""
        return self.span // self.seconds


MINUTES = Level("1 min", "minutes", 60, HOUR)
TENS = Level("10 min", "tens", 600, DAY)
HOURS = Level("1 h", "hours", HOUR, DAY)
#: From the finest to the coarsest. Full resolution comes before them, and is not made of points.
LEVELS = (MINUTES, TENS, HOURS)
FULL = "full"


@dataclass(frozen=True)
class Retention:
    """For how many seconds each level is kept at least, and how many bytes the file may have on disk, which wins.

    What is not summed up in the next level yet is kept beyond its time. Raises `InvalidValue`.
    """

    full: float = HOUR
    minutes: float = 2 * DAY
    tens: float = 14 * DAY
    hours: float = 400 * DAY
    size: int = 2_000_000_000

    def __post_init__(self) -> None:
        for name in ("full", "minutes", "tens", "hours"):
            value = getattr(self, name)
            if not math.isfinite(value) or value < 0:
                raise InvalidValue(f"must be seconds, 0 or more, not {value}", name)
        if self.size < LEAST_SIZE:
            raise InvalidValue(f"must be at least {LEAST_SIZE} bytes, not {self.size}", "size")

    @property
    def longest(self) -> float:
        """Seconds after which nothing is left."""
        return max(self.full, self.minutes, self.tens, self.hours)


@dataclass(frozen=True)
class KeptLevel:
    """What is there of a level: `oldest` is a time (seconds UTC) or None; `kept` is what the retention says."""

    name: str
    seconds: int | None
    kept: float
    oldest: float | None


@dataclass(frozen=True)
class HistoryStatus:
    """How history fares.

    `size` is bytes on disk, `bound` what they may be. `waiting` frames are in memory only because they could not be
    written, `lost` ones never were and are gone. `problem` says what is wrong now, `last_problem` what was last.
    """

    path: str
    size: int
    bound: int
    levels: Sequence[KeptLevel]
    waiting: int
    lost: int
    problem: str | None
    last_problem: str | None
