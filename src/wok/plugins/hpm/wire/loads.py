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
    """Work and sleep, in turns.

    on-ms: Milliseconds of CPU work.
    off-ms: Milliseconds of sleep after it.
    jitter: Sleep varies by this part of its length.
    """

    on_ms: Milliseconds
    off_ms: Milliseconds
    jitter: Fraction = 0.05


class BusyIdle(msgspec.Struct, frozen=True, tag="busy-idle", rename="kebab", forbid_unknown_fields=True):
    """Spins for a while by the clock, does nothing for a while, and again.

    busy-s: Seconds of spinning.
    idle-s: Seconds of nothing after it.
    offset-s: Seconds after which it begins.
    """

    busy_s: Seconds
    idle_s: Seconds
    offset_s: Offset = 0.0


class Wave(msgspec.Struct, frozen=True, tag="wave", rename="kebab", forbid_unknown_fields=True):
    """Demand that swings once in a period, as days do.

    low: The lowest demand of each vCPU, a part of one host CPU.
    high: The highest demand of each vCPU, a part of one host CPU.
    period-s: Seconds from one lowest point to the next.
    phase: The part of the period after the lowest point at which it begins.
    grain-ms: Work comes in pieces, one every so many milliseconds.
    """

    low: Fraction
    high: Fraction
    period_s: Seconds
    phase: Fraction = 0.0
    grain_ms: Milliseconds = 40.0


class Curve(msgspec.Struct, frozen=True, tag="curve", rename="kebab", forbid_unknown_fields=True):
    """Demand of each vCPU over time: straight lines between points.

    points: Points of (seconds, demand as a part of one host CPU). Before the first and after the last the demand is
        theirs.
    repeat: Begin again after the last point.
    grain-ms: Work comes in pieces, one every so many milliseconds.
    """

    points: Annotated[tuple[tuple[Offset, Fraction], ...], msgspec.Meta(min_length=1, max_length=1000)]
    repeat: bool = False
    grain_ms: Milliseconds = 40.0


class Web(msgspec.Struct, frozen=True, tag="web", rename="kebab", forbid_unknown_fields=True):
    """Requests at random: arrivals are a Poisson process and work is exponential.

    Requests queue up when the vCPU gets too little, and are given up after two seconds.

    demand: Of each vCPU on average, a part of one host CPU.
    work-ms: Milliseconds of CPU work of a request on average.
    swing: The mean swings by this part of itself.
    period-s: Seconds in which it swings once.
    """

    demand: Annotated[float, msgspec.Meta(ge=0.001, le=1)]
    work_ms: Milliseconds = 8.0
    swing: Fraction = 0.0
    period_s: Seconds = 300.0


Load: TypeAlias = Spin | Idle | Periodic | BusyIdle | Wave | Curve | Web
