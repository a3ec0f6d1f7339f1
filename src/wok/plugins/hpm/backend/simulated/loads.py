"""What the vCPUs of simulated guests do.

A load is data (`wire.loads`, part of a scenario). For each vCPU it starts a *program*: a function that is asked, when
a vCPU has finished a piece of work, when the next one comes and how long it is. A program whose next piece
is due already goes on without sleeping. All times are nanoseconds of virtual time.

`stretch` slows the alternation of work and sleep on coarsely simulated hosts, where scheduling slices are
longer by the same factor; shares of time and velocities stay the same. What happens over minutes (curves,
busy and idle seconds) is not stretched.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from functools import singledispatch
from random import Random
from typing import Final, NamedTuple, TypeAlias

from ...wire.loads import BusyIdle, Curve, Idle, Load, Periodic, Spin, Wave, Web

__all__ = ["BusyIdle", "Curve", "Idle", "Load", "Periodic", "Program", "Spin", "Vcpu", "Wave", "Web", "program_of"]

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


class Vcpu(NamedTuple):
    """What a program may know of the vCPU that it runs on: chance, the host's `stretch`, and the time."""

    random: Random
    stretch: float
    now: int


@singledispatch
def program_of(load: Load, vcpu: Vcpu) -> Program:
    """The program of one vCPU with this load."""
    raise TypeError(f"{load!r} is no load")


@program_of.register
def _spin(load: Spin, vcpu: Vcpu) -> Program:
    del vcpu
    return lambda at: (at, FOREVER)


@program_of.register
def _idle(load: Idle, vcpu: Vcpu) -> Program:
    uniform = vcpu.random.uniform
    shortest, longest = 0.7 * IDLE_PERIOD, 1.3 * IDLE_PERIOD

    def program(at: int) -> tuple[int, int]:
        return at + int(uniform(shortest, longest)), IDLE_WORK

    return program


@program_of.register
def _periodic(load: Periodic, vcpu: Vcpu) -> Program:
    # vCPUs begin at different points of the cycle
    on = max(1, int(load.on_ms * MS * vcpu.stretch))
    off = load.off_ms * MS * vcpu.stretch
    uniform = vcpu.random.uniform
    shortest, longest = off * (1 - load.jitter), off * (1 + load.jitter)
    first = [vcpu.now + int(uniform(0, on + off))]

    def program(at: int) -> tuple[int, int]:
        return (first.pop() if first else at + int(uniform(shortest, longest))), on

    return program


@program_of.register
def _busy_idle(load: BusyIdle, vcpu: Vcpu) -> Program:
    busy, cycle = int(load.busy_s * SECOND), int((load.busy_s + load.idle_s) * SECOND)
    begin = vcpu.now + int(load.offset_s * SECOND)

    def program(at: int) -> tuple[int, int]:
        if at < begin:
            return begin, min(busy, CHUNK)
        within = (at - begin) % cycle
        if within < busy:
            return at, min(busy - within, CHUNK)
        return at + cycle - within, min(busy, CHUNK)

    return program


@program_of.register
def _wave(load: Wave, vcpu: Vcpu) -> Program:
    middle, swing = (load.low + load.high) / 2, (load.high - load.low) / 2
    turn = 2 * math.pi / (load.period_s * SECOND)
    offset = 2 * math.pi * load.phase

    def demand(at: int) -> float:
        return middle - swing * math.cos(turn * (at - vcpu.now) + offset)

    return _by_demand(demand, vcpu, load.grain_ms)


@program_of.register
def _curve(load: Curve, vcpu: Vcpu) -> Program:
    points = sorted(load.points)
    times = [int(seconds * SECOND) for seconds, _ in points]
    values = [value for _, value in points]

    def demand(at: int) -> float:
        passed = at - vcpu.now
        if load.repeat and times[-1] > 0:
            passed %= times[-1]
        index = bisect_right(times, passed)
        if index == 0:
            return values[0]
        if index == len(times):
            return values[-1]
        before, after = times[index - 1], times[index]
        part = (passed - before) / (after - before)
        return values[index - 1] + part * (values[index] - values[index - 1])

    return _by_demand(demand, vcpu, load.grain_ms)


@program_of.register
def _web(load: Web, vcpu: Vcpu) -> Program:
    work = load.work_ms * MS * vcpu.stretch
    gap = work / load.demand
    exponential = vcpu.random.expovariate
    turn, swing = 2 * math.pi / (load.period_s * SECOND), load.swing
    offset = vcpu.random.uniform(0, 2 * math.pi)
    arrival = float(vcpu.now)

    def program(at: int) -> tuple[int, int]:
        nonlocal arrival
        mean = gap / max(0.05, 1 + swing * math.sin(turn * at + offset)) if swing else gap
        arrival = max(arrival, at - PATIENCE) + exponential(1.0) * mean
        return int(arrival), 1 + int(exponential(1.0) * work)

    return program


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
