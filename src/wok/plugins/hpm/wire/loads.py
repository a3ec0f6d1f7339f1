"""What the vCPUs of a described virtual server do: loads as data.

The simulated host (`backend.simulated.loads`) makes programs of them, the API takes them in described hosts. Seconds
and milliseconds are virtual time; demand is a part of one host CPU, for each vCPU.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import msgspec

#: A year in seconds: nothing described is longer.
LONGEST_S: Final = 366 * 86400.0

Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0.01, le=LONGEST_S)]
Offset = Annotated[float, msgspec.Meta(ge=0, le=LONGEST_S)]
#: Shorter pieces of work would cost much to simulate, and show nothing: the kernel looks at a thread so often at most.
Milliseconds = Annotated[float, msgspec.Meta(ge=0.1, le=LONGEST_S * 1000)]


class Spin(msgspec.Struct, frozen=True, tag="spin", forbid_unknown_fields=True):
    """Always runnable."""


class Idle(msgspec.Struct, frozen=True, tag="idle", forbid_unknown_fields=True):
    """Hardly anything: a quarter of a millisecond about once a second."""


class Periodic(msgspec.Struct, frozen=True, tag="periodic", rename="kebab", forbid_unknown_fields=True):
    """`on_ms` of CPU work, then `off_ms` of sleep, and again. Sleep varies by `jitter` of its length."""

    on_ms: Milliseconds
    off_ms: Milliseconds
    jitter: Fraction = 0.05


class BusyIdle(msgspec.Struct, frozen=True, tag="busy-idle", rename="kebab", forbid_unknown_fields=True):
    """Spins for `busy_s` by the clock, does nothing for `idle_s`, and again; begins `offset_s` later."""

    busy_s: Seconds
    idle_s: Seconds
    offset_s: Offset = 0.0


class Wave(msgspec.Struct, frozen=True, tag="wave", rename="kebab", forbid_unknown_fields=True):
    """Demand that swings between `low` and `high` of each vCPU once in `period_s`, as days do.

    `phase` is the part of the period after the lowest point at which it begins. Work comes in pieces,
    one every `grain_ms`.
    """

    low: Fraction
    high: Fraction
    period_s: Seconds
    phase: Fraction = 0.0
    grain_ms: Milliseconds = 40.0


class Curve(msgspec.Struct, frozen=True, tag="curve", rename="kebab", forbid_unknown_fields=True):
    """Demand of each vCPU over time: `points` of (seconds, demand), straight lines between them.

    Before the first point and after the last the demand is theirs; with `repeat` the curve begins again
    after its last point.
    """

    points: Annotated[tuple[tuple[Offset, Fraction], ...], msgspec.Meta(min_length=1, max_length=1000)]
    repeat: bool = False
    grain_ms: Milliseconds = 40.0


class Web(msgspec.Struct, frozen=True, tag="web", rename="kebab", forbid_unknown_fields=True):
    """Requests at random: `demand` of each vCPU on average, each request `work_ms` on average.

    Arrivals are a Poisson process and work is exponential. The mean swings by `swing` of itself over
    `period_s`. Requests queue up when the vCPU gets too little, and are given up after two seconds.
    """

    demand: Annotated[float, msgspec.Meta(ge=0.001, le=1)]
    work_ms: Milliseconds = 8.0
    swing: Fraction = 0.0
    period_s: Seconds = 300.0


Load: TypeAlias = Spin | Idle | Periodic | BusyIdle | Wave | Curve | Web
