"""What the vCPUs of simulated guests do.

A load is data (part of a scenario). For each vCPU it starts a *program*: a function that is asked, when a
vCPU has finished a piece of work, when the next one comes and how long it is. A program whose next piece
is due already goes on without sleeping. All times are nanoseconds of virtual time.

`stretch` slows the alternation of work and sleep on coarsely simulated hosts, where scheduling slices are
longer by the same factor; shares of time and velocities stay the same. What happens over minutes (curves,
busy and idle seconds) is not stretched.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from random import Random
from typing import Annotated, Final, NamedTuple, TypeAlias

import msgspec

#: Asked at a time, answers with the time at which the next work comes and its length.
Program: TypeAlias = Callable[[int], tuple[int, int]]

MS: Final = 1_000_000
SECOND: Final = 1_000_000_000

#: Work that never ends.
FOREVER: Final = 1 << 62

#: Length of one piece of work of a load that is busy for seconds.
CHUNK: Final = 50 * MS

#: An idle vCPU does `IDLE_WORK` about every `IDLE_PERIOD`.
IDLE_WORK: Final = MS // 4
IDLE_PERIOD: Final = SECOND

#: Requests that a server cannot serve within this time are given up by who asked.
PATIENCE: Final = 2 * SECOND

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Vcpu(NamedTuple):
    """What a program may know of the vCPU that it runs on: chance, the host's `stretch`, and the time."""

    random: Random
    stretch: float
    now: int


class Spin(msgspec.Struct, frozen=True, tag="spin", tag_field="kind", forbid_unknown_fields=True):
    """Always runnable."""

    def start(self, vcpu: Vcpu) -> Program:
        """The program of one vCPU."""
        del vcpu
        return lambda at: (at, FOREVER)


class Idle(msgspec.Struct, frozen=True, tag="idle", tag_field="kind", forbid_unknown_fields=True):
    """Hardly anything: a quarter of a millisecond about once a second."""

    def start(self, vcpu: Vcpu) -> Program:
        """The program of one vCPU."""
        uniform = vcpu.random.uniform
        shortest, longest = 0.7 * IDLE_PERIOD, 1.3 * IDLE_PERIOD

        def program(at: int) -> tuple[int, int]:
            return at + int(uniform(shortest, longest)), IDLE_WORK

        return program


class Periodic(msgspec.Struct, frozen=True, tag="periodic", tag_field="kind", rename="kebab",
               forbid_unknown_fields=True):  # fmt: skip
    """`on_ms` of CPU work, then `off_ms` of sleep, and again. Sleep varies by `jitter` of its length."""

    on_ms: Positive
    off_ms: Positive
    jitter: Fraction = 0.05

    def start(self, vcpu: Vcpu) -> Program:
        """The program of one vCPU; vCPUs begin at different points of the cycle."""
        on = max(1, int(self.on_ms * MS * vcpu.stretch))
        off = self.off_ms * MS * vcpu.stretch
        uniform = vcpu.random.uniform
        shortest, longest = off * (1 - self.jitter), off * (1 + self.jitter)
        first = [vcpu.now + int(uniform(0, on + off))]

        def program(at: int) -> tuple[int, int]:
            return (first.pop() if first else at + int(uniform(shortest, longest))), on

        return program


class BusyIdle(msgspec.Struct, frozen=True, tag="busy-idle", tag_field="kind", rename="kebab",
               forbid_unknown_fields=True):  # fmt: skip
    """Spins for `busy_s` by the clock, does nothing for `idle_s`, and again; begins `offset_s` later."""

    busy_s: Positive
    idle_s: Positive
    offset_s: NotNegative = 0.0

    def start(self, vcpu: Vcpu) -> Program:
        """The program of one vCPU."""
        busy, cycle = int(self.busy_s * SECOND), int((self.busy_s + self.idle_s) * SECOND)
        begin = vcpu.now + int(self.offset_s * SECOND)

        def program(at: int) -> tuple[int, int]:
            if at < begin:
                return begin, min(busy, CHUNK)
            within = (at - begin) % cycle
            if within < busy:
                return at, min(busy - within, CHUNK)
            return at + cycle - within, min(busy, CHUNK)

        return program


class Wave(msgspec.Struct, frozen=True, tag="wave", tag_field="kind", rename="kebab",
           forbid_unknown_fields=True):  # fmt: skip
    """Demand that swings between `low` and `high` of each vCPU once in `period_s`, as days do.

    `phase` is the part of the period after the lowest point at which it begins. Work comes in pieces,
    one every `grain_ms`.
    """

    low: Fraction
    high: Fraction
    period_s: Positive
    phase: Fraction = 0.0
    grain_ms: Positive = 40.0

    def start(self, vcpu: Vcpu) -> Program:
        """The program of one vCPU."""
        middle, swing = (self.low + self.high) / 2, (self.high - self.low) / 2
        turn = 2 * math.pi / (self.period_s * SECOND)
        offset = 2 * math.pi * self.phase

        def demand(at: int) -> float:
            return middle - swing * math.cos(turn * (at - vcpu.now) + offset)

        return _by_demand(demand, vcpu, self.grain_ms)


class Curve(msgspec.Struct, frozen=True, tag="curve", tag_field="kind", rename="kebab",
            forbid_unknown_fields=True):  # fmt: skip
    """Demand of each vCPU over time: `points` of (seconds, demand), straight lines between them.

    Before the first point and after the last the demand is theirs; with `repeat` the curve begins again
    after its last point.
    """

    points: Annotated[tuple[tuple[NotNegative, Fraction], ...], msgspec.Meta(min_length=1)]
    repeat: bool = False
    grain_ms: Positive = 40.0

    def start(self, vcpu: Vcpu) -> Program:
        """The program of one vCPU."""
        points = sorted(self.points)
        times = [int(seconds * SECOND) for seconds, _ in points]
        values = [value for _, value in points]

        def demand(at: int) -> float:
            passed = at - vcpu.now
            if self.repeat and times[-1] > 0:
                passed %= times[-1]
            index = bisect_right(times, passed)
            if index == 0:
                return values[0]
            if index == len(times):
                return values[-1]
            before, after = times[index - 1], times[index]
            part = (passed - before) / (after - before)
            return values[index - 1] + part * (values[index] - values[index - 1])

        return _by_demand(demand, vcpu, self.grain_ms)


class Web(msgspec.Struct, frozen=True, tag="web", tag_field="kind", rename="kebab",
          forbid_unknown_fields=True):  # fmt: skip
    """Requests at random: `demand` of each vCPU on average, each request `work_ms` on average.

    Arrivals are a Poisson process and work is exponential. The mean swings by `swing` of itself over
    `period_s`. Requests queue up when the vCPU gets too little, and are given up after two seconds.
    """

    demand: Annotated[float, msgspec.Meta(gt=0, le=1)]
    work_ms: Positive = 8.0
    swing: Fraction = 0.0
    period_s: Positive = 300.0

    def start(self, vcpu: Vcpu) -> Program:
        """The program of one vCPU."""
        work = self.work_ms * MS * vcpu.stretch
        gap = work / self.demand
        exponential = vcpu.random.expovariate
        turn, swing = 2 * math.pi / (self.period_s * SECOND), self.swing
        offset = vcpu.random.uniform(0, 2 * math.pi)
        arrival = float(vcpu.now)

        def program(at: int) -> tuple[int, int]:
            nonlocal arrival
            mean = gap / max(0.05, 1 + swing * math.sin(turn * at + offset)) if swing else gap
            arrival = max(arrival, at - PATIENCE) + exponential(1.0) * mean
            return int(arrival), 1 + int(exponential(1.0) * work)

        return program


Load: TypeAlias = Spin | Idle | Periodic | BusyIdle | Wave | Curve | Web


def _by_demand(demand: Callable[[int], float], vcpu: Vcpu, grain_ms: float) -> Program:
    """Work of `demand` × the grain once in a grain; what was not done in time is not made up for."""
    step = int(grain_ms * MS * vcpu.stretch)
    due = vcpu.now + int(vcpu.random.uniform(0, step))
    least = MS // 10

    def program(at: int) -> tuple[int, int]:
        nonlocal due
        due += step
        if due < at:
            due = at
        wanted = int(demand(due) * step)
        if wanted < least:  # too little to wake for: look again ten steps later
            due += 9 * step
            wanted = least
        return due, wanted

    return program
