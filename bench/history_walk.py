"""Servers whose figures walk at random, and their history in simulated time, for `bench.history`."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from hpm.manager.recorder import KINDS
from hpm.store.history import Frame, History

METRICS = KINDS["server"]
#: Those of devices move when these are sampled: so many frames apart.
SELDOM = [number for number, name in enumerate(METRICS) if name.startswith(("disk-", "network-"))]
SAMPLED = 30
BEAT = 10.0
#: Midnight, UTC.
BEGIN = 1_764_201_600.0
HOUR, DAY = 3600.0, 86400.0


class Walk:
    """Servers whose figures walk, their history, and its clock."""

    def __init__(self, path: Path, servers: int, begin: float = BEGIN) -> None:
        self.path = path
        self.now = begin
        self.keys = tuple(f"00000000-0000-0000-0000-{number:012d}" for number in range(servers))
        self._values = np.full((len(METRICS), servers), 50.0)
        self._random = np.random.default_rng(1)
        self.adds: list[float] = []
        self.works: list[float] = []
        self.largest = 0
        self.history = self.opened()

    def opened(self) -> History:
        """A history on the file, as a new process has it."""
        self.history = History(self.path, {"server": METRICS}, wall=lambda: self.now)
        return self.history

    def step(self) -> None:
        """One frame."""
        moves = np.exp(self._random.normal(0.0, 0.015, self._values.shape))
        moves[SELDOM] = np.where((np.arange(len(self.keys)) + int(self.now / BEAT)) % SAMPLED, 1.0, moves[SELDOM])
        self._values *= moves
        self.now += BEAT
        frames = {"server": Frame(self.keys, self._values)}
        self.adds.append(_cpu_ms(lambda: self.history.add(self.now, frames)))

    def settle(self, into: list[float]) -> None:
        """Do all that is due, a step at a time, and note the time of each that did something."""
        while True:
            began = time.process_time()
            if not self.history.work(0.0):
                return
            into.append((time.process_time() - began) * 1e3)

    def run(self, seconds: float) -> None:
        """So many seconds of the servers' lives."""
        end = self.now + seconds
        while self.now < end:
            self.step()
            self.settle(self.works)
            if self.now % HOUR < BEAT:
                self.largest = max(self.largest, self.history.status().size)


def _cpu_ms(function: Callable[[], object]) -> float:
    began = time.process_time()
    function()
    return (time.process_time() - began) * 1e3


def summary(times: Sequence[float]) -> dict[str, float]:
    """Median, 99th percentile and maximum."""
    if not times:
        return {"median": 0.0, "p99": 0.0, "max": 0.0}
    ordered = sorted(times)
    place = min(len(ordered) - 1, int(len(ordered) * 0.99))
    figures = {"median": statistics.median(ordered), "p99": ordered[place], "max": ordered[-1]}
    return {name: round(value, 3) for name, value in figures.items()}
