"""Real guests with goals of their own, and what they get: shared by the tests of the main job."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from hpm.client.rest import Client
from tests.lab import Guest

#: A goal and its importance; None: discretionary.
Wish = tuple[int | None, str]

SIX: tuple[Wish, ...] = ((70, "highest"), (45, "high"), (25, "high"), (15, "low"), (None, "low"), (None, "low"))

#: A goal is met up to this performance index.
MET = 1.05


def policy(guests: Sequence[Guest], wishes: Sequence[Wish]) -> dict[str, Any]:
    """A policy with a service class for each guest."""
    classes: list[dict[str, Any]] = [
        {
            "name": f"class-{number}",
            "importance": importance,
            "goal": {"type": "discretionary"} if goal is None else {"type": "velocity", "velocity": goal},
            "classification": {
                "type": "filter", "filter-type": "virtual-server-name", "operation": "string-match",
                "value": guest.name,
            },
        }
        for number, (guest, (goal, importance)) in enumerate(zip(guests, wishes, strict=True))
    ]  # fmt: skip
    classes.append({"name": "rest", "goal": {"type": "discretionary"}})
    return {"name": "each", "importance": "medium", "service-classes": classes}


def group_of(client: Client, guests: Sequence[Guest], wishes: Sequence[Wish]) -> str:
    """A group of these guests with that policy; gives its id."""
    group = client.create_group({"name": "Lab", "perf-policies": [policy(guests, wishes)]}).value
    client.add_servers(group.object_id, [guest.uuid for guest in guests])
    return group.object_id


class Interval(msgspec.Struct, frozen=True):
    """What guests did between two readings of their own schedstat files, without hpm: CPUs used, velocities."""

    seconds: float
    cpus: tuple[float, ...]
    velocities: tuple[float, ...]

    @property
    def work(self) -> float:
        """CPUs used by all together."""
        return sum(self.cpus)

    def met(self, wishes: Sequence[Wish]) -> list[bool]:
        """Which goals were met."""
        return [goal is None or v >= goal / MET for v, (goal, _) in zip(self.velocities, wishes, strict=True)]


class Watch:
    """Reads guests' counters, interval after interval."""

    def __init__(self, guests: Sequence[Guest]) -> None:
        self._guests = guests
        self._time, self._counters = self._read()

    def interval(self, seconds: float) -> Interval:
        """Let `seconds` pass since the last reading (this is time that guests run, not a wait for a state)."""
        time.sleep(max(0.0, self._time + seconds - time.monotonic()))
        now, counters = self._read()
        elapsed = now - self._time
        pairs = [(a[0] - b[0], a[1] - b[1]) for a, b in zip(counters, self._counters, strict=True)]
        self._time, self._counters = now, counters
        return Interval(
            elapsed,
            tuple(using / 1e9 / elapsed for using, _ in pairs),
            tuple(100.0 * using / max(1, using + delay) for using, delay in pairs),
        )

    def _read(self) -> tuple[float, list[tuple[int, int]]]:
        counters = []
        for guest in self._guests:
            pairs = guest.schedstat()
            counters.append((sum(using for using, _ in pairs), sum(delay for _, delay in pairs)))
        return time.monotonic(), counters
