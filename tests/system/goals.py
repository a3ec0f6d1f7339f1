"""Real guests with goals of their own, and what they get: shared by the tests of the main job."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from hpm.client.rest import Client
from tests.lab import Guest, Lab
from tests.lab.errors import wait_until

#: A goal and its importance; None: discretionary.
Wish = tuple[int | None, str]

SIX: tuple[Wish, ...] = ((70, "highest"), (45, "high"), (25, "high"), (15, "low"), (None, "low"), (None, "low"))

#: Shares that nobody would have chosen for these six: putting them back cannot pass by accident.
SIX_SHARES = (1024, 1000, 333, 2048, 1024, 777)

#: CPUs of this host, and ticks of /proc/stat in a second.
CPUS = os.sysconf("SC_NPROCESSORS_ONLN")
TICKS = os.sysconf("SC_CLK_TCK")

#: A goal is met up to this performance index.
MET = 1.05


def start_six(lab: Lab, vcpus: int, shares: Sequence[int] = SIX_SHARES) -> list[Guest]:
    """Six guests that spin, the fifth of them with so many vCPUs."""
    return [
        lab.tiny(f"six{number}", vcpus=vcpus if number == 4 else 1, load="spin", shares=value)
        for number, value in enumerate(shares)
    ]


def put_in_a_group(client: Client, name: str, importance: str, guest: Guest) -> None:
    """A group of its own, with a policy of that importance."""
    made = client.create_group({
        "name": name, "active-policy": "day", "perf-policies": [{
            "name": "day", "importance": importance,
            "service-classes": [{"name": "all", "goal": {"type": "velocity", "velocity": 50}}],
        }],
    })  # fmt: skip
    client.add_servers(made.value.object_id, [guest.uuid])


def used(guests: Sequence[Guest], seconds: float) -> list[float]:
    """CPUs that the vCPUs of each guest use in a window (time that they run, not a wait for a state). Each guest has
    its own: who reads may himself have to wait for a CPU between one guest and the next."""

    def now(guest: Guest) -> tuple[int, int]:
        return sum(ran for ran, _, _ in guest.schedstat()), time.monotonic_ns()

    before = [now(guest) for guest in guests]
    time.sleep(seconds)
    after = [now(guest) for guest in guests]
    return [(ran - had) / (end - begin) for (had, begin), (ran, end) in zip(before, after, strict=True)]


def shares_of(guests: Sequence[Guest]) -> list[int]:
    """The shares in force, as the kernel has them."""
    return [guest.cpu_shares() for guest in guests]


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
    """A group of these guests with that policy; gives its id. Guests are seen some tenths of a second after they
    start."""
    wanted = {guest.uuid for guest in guests}
    wait_until(lambda: wanted <= {s.object_id for s in client.servers().value.virtual_servers}, 5, "guests are seen")
    group = client.create_group({"name": "Lab", "perf-policies": [policy(guests, wishes)]}).value
    client.add_servers(group.object_id, [guest.uuid for guest in guests])
    return group.object_id


class Interval(msgspec.Struct, frozen=True):
    """What guests did between two readings of their own schedstat files, without hpm: CPUs used, velocities
    (None of a guest that neither ran nor waited for 1 % of a CPU), and how long they waited each time, in ms.

    `others` is what all other processes of the host used, in CPUs; `steal` what the host's own hypervisor took.
    """

    seconds: float
    cpus: tuple[float, ...]
    velocities: tuple[float | None, ...]
    waits_ms: tuple[float, ...]
    others: float
    steal: float

    @property
    def work(self) -> float:
        """CPUs used by all together."""
        return sum(self.cpus)

    @property
    def disturbed(self) -> bool:
        """Whether somebody else took so much of the host that goals may not have been possible to meet. (QEMU's own
        threads are among the others, and use up to 5 % of a small host for a TCG guest of four vCPUs.)"""
        return self.others + self.steal > 0.10 * CPUS

    def met(self, wishes: Sequence[Wish]) -> list[bool]:
        """Which goals were met; a guest that did nothing has none to miss."""
        pairs = zip(self.velocities, wishes, strict=True)
        return [goal is None or v is None or v >= goal / MET for v, (goal, _) in pairs]


class Watch:
    """Reads guests' counters, interval after interval. None in place of a guest: it is not there now."""

    def __init__(self, guests: Sequence[Guest | None]) -> None:
        self._guests = guests
        self._read()

    def interval(self, seconds: float) -> Interval:
        """Let `seconds` pass since the last reading (this is time that guests run, not a wait for a state)."""
        time.sleep(max(0.0, self._time + seconds - time.monotonic()))
        then, before, busy, stolen = self._time, self._counters, self._busy, self._stolen
        throttled = self._throttled
        self._read()
        elapsed = self._time - then
        passed = [
            (now[0] - was[0], max(0, now[1] - was[1] - (took - before_that)), now[2] - was[2])
            for now, was, took, before_that in zip(self._counters, before, self._throttled, throttled, strict=True)
        ]
        cpus = tuple(using / 1e9 / elapsed for using, _, _ in passed)
        return Interval(
            elapsed,
            cpus,
            tuple(
                100.0 * using / (using + delay) if using + delay > 0.01e9 * elapsed else None
                for using, delay, _ in passed
            ),
            tuple(delay / 1e6 / max(1, turns) for _, delay, turns in passed),
            (self._busy - busy) / TICKS / elapsed - sum(cpus),
            (self._stolen - stolen) / TICKS / elapsed,
        )

    def _read(self) -> None:
        vcpus = [[(0, 0, 0)] if guest is None else guest.schedstat() for guest in self._guests]
        self._counters = [tuple(map(sum, zip(*counters, strict=True))) for counters in vcpus]
        # What a quota takes is no delay that anybody could cure.
        self._throttled = [0 if guest is None else guest.throttled() for guest in self._guests]
        # cpu, user, nice, system, idle, iowait, irq, softirq, steal (proc(5))
        ticks = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        self._busy, self._stolen = sum(ticks[:3]) + sum(ticks[5:7]), ticks[7]
        self._time = time.monotonic()
