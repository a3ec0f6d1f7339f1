"""Nested guests' counters and weights, read inside the machine without hpm, and what they say about an interval."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """What guests did between two readings: CPUs used, and velocities (0 of one that neither ran nor waited). `others`
    is what everything else in the machine used, in CPUs."""

    seconds: float
    cpus: tuple[float, ...]
    velocities: tuple[float, ...]
    others: float

    @property
    def work(self) -> float:
        """CPUs used by all these guests together."""
        return sum(self.cpus)


@dataclass(frozen=True)
class Reading:
    """At `time` (seconds, the machine's CLOCK_MONOTONIC): CPU used and waited for since the start, in seconds, and
    cpu.weight, of each guest; and the CPU that everything in the machine together has used."""

    time: float
    using: tuple[float, ...]
    delay: tuple[float, ...]
    weights: tuple[int, ...]
    busy: float

    @classmethod
    def of(cls, line: str, names: Sequence[str]) -> Reading:
        """From a line of the recorder."""
        raw = json.loads(line)
        guests = [raw["guests"][name] for name in names]
        return cls(
            raw["time"], tuple(g["using"] for g in guests), tuple(g["delay"] for g in guests),
            tuple(g["weight"] for g in guests), raw["busy"],
        )  # fmt: skip


def interval(first: Reading, last: Reading) -> Interval:
    """What happened between two readings."""
    seconds = last.time - first.time
    using = [b - a for a, b in zip(first.using, last.using, strict=True)]
    delay = [b - a for a, b in zip(first.delay, last.delay, strict=True)]
    cpus = tuple(used / seconds for used in using)
    return Interval(
        seconds,
        cpus,
        tuple(100.0 * used / max(1e-9, used + waited) for used, waited in zip(using, delay, strict=True)),
        (last.busy - first.busy) / seconds - sum(cpus),
    )


@dataclass(frozen=True)
class Record:
    """Readings in order of time."""

    readings: tuple[Reading, ...]

    def intervals(self, since: float, seconds: float, count: int | None = None) -> list[Interval]:
        """Intervals of that length from a time on, so many or as many as there are."""
        times = [reading.time for reading in self.readings]
        found: list[Interval] = []
        begin = bisect_left(times, since)
        while count is None or len(found) < count:
            # A reading late by a hundredth belongs to this interval.
            end = bisect_left(times, times[begin] + seconds - 0.01) if begin < len(times) else len(times)
            if end >= len(times):
                break
            found.append(interval(self.readings[begin], self.readings[end]))
            begin = end
        return found
