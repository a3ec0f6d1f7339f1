"""The short words of a scenario: loads, goals, ranges of intervals, and bounds."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import get_args

from hpm.backend.simulated import BusyIdle, Curve, Idle, Load, Periodic, Spin, Wave, Web
from hpm.policy.goals import IMPORTANCES, DiscretionaryGoal, Goal, Importance, VelocityGoal, VelocityLevel
from hpm.policy.guest_policies import Anywhere, OnCpus, Pack, Placement, Spread

from .form import Bounds, Guest, Interval

_N = r"(\d+(?:\.\d+)?)"


#: How a guest is to stand, in one word; other words are CPUs.
_PLACEMENTS: dict[str, Placement] = {
    "spread": Spread(), "pack": Pack(), "anywhere": Anywhere(), "spread exclusive": Spread(exclusive=True),
}  # fmt: skip


def placement(text: str) -> Placement:
    """``spread``, ``pack``, ``anywhere``, ``spread exclusive``, or CPUs."""
    return _PLACEMENTS.get(text) or OnCpus(text)


def _optional(text: str | None, default: float) -> float:
    return default if text is None else float(text)


#: Forms of loads: pattern, and what makes a load of its groups. README.md tells them too.
_LOADS: tuple[tuple[str, Callable[..., Load]], ...] = (
    (r"spin", Spin),
    (r"idle", Idle),
    (rf"periodic {_N}/{_N}(?: jitter {_N})?",
     lambda on, off, jitter: Periodic(on_ms=float(on), off_ms=float(off), jitter=_optional(jitter, 0.05))),
    (rf"busy {_N} idle {_N}(?: after {_N})?",
     lambda busy, idle, after: BusyIdle(busy_s=float(busy), idle_s=float(idle), offset_s=_optional(after, 0.0))),
    (rf"wave {_N} to {_N} every {_N}(?: from {_N})?",
     lambda low, high, every, phase: Wave(
         low=float(low), high=float(high), period_s=float(every), phase=_optional(phase, 0.0))),
    (rf"curve((?: {_N}:{_N})+)( repeat)?",
     lambda points, _s, _d, repeat: Curve(
         points=tuple((float(s), float(d)) for s, d in (p.split(":") for p in points.split())),
         repeat=repeat is not None)),
    (rf"requests {_N}(?: of {_N} ms)?(?: swing {_N} over {_N})?",
     lambda demand, work, swing, over: Web(
         demand=float(demand), work_ms=_optional(work, 8.0), swing=_optional(swing, 0.0),
         period_s=_optional(over, 300.0))),
)  # fmt: skip


def load(text: str) -> Load:
    """The load of one vCPU. Raises `ValueError`."""
    for pattern, make in _LOADS:
        match = re.fullmatch(pattern, text.strip())
        if match:
            return make(*match.groups())
    raise ValueError(f"{text!r} is no load; say spin, idle, periodic 2/8, busy 5 idle 10 or another of README.md")


def loads(said: str | list[str]) -> Load | tuple[Load, ...]:
    """One load for all vCPUs, or one for each. Raises `ValueError`."""
    return load(said) if isinstance(said, str) else tuple(load(text) for text in said)


def steady(guest_load: Load | tuple[Load, ...]) -> bool:
    """Whether a load is the same in every interval."""
    every = guest_load if isinstance(guest_load, tuple) else (guest_load,)
    return all(isinstance(one, (Spin, Idle, Periodic)) for one in every)


def spins(guest: Guest) -> bool:
    """Whether all vCPUs of a guest always want to run."""
    return guest.load == "spin"


def goal(text: str) -> tuple[Goal, Importance | None]:
    """``75 high``, ``fast high``, ``discretionary``, ``discretionary low``. Raises `ValueError`."""
    what, _, importance = text.partition(" ")
    if importance not in (*IMPORTANCES, *([""] if what == "discretionary" else [])):
        raise ValueError(f"{text!r} is no goal: an importance is missing, like in 75 high")
    rank: Importance | None = next((i for i in IMPORTANCES if i == importance), None)
    if what == "discretionary":
        return DiscretionaryGoal(), rank
    if what.isdigit() and 1 <= int(what) <= 99:
        return VelocityGoal(int(what)), rank
    for level in get_args(VelocityLevel):
        if what == level:
            return VelocityGoal(level), rank
    raise ValueError(f"{text!r} is no goal; say 75 high, fast high or discretionary")


def span(said: Interval, last: int) -> range:
    """``4``, ``4-9`` or ``4-`` as a range of intervals. Raises `ValueError`."""
    match = re.fullmatch(r"(\d+)(-(\d+)?)?", str(said))
    if match is None:
        raise ValueError(f"{said!r} is no range of intervals; say 4, 4-9 or 4-")
    begin = int(match[1])
    end = begin if match[2] is None else last if match[3] is None else int(match[3])
    if not 1 <= begin <= end <= last:
        raise ValueError(f"the intervals {said} are not all within 1 to {last}")
    return range(begin, end + 1)


def within(value: float, bounds: Bounds) -> bool:
    """Whether a value keeps to ``>= 70``, ``<= 5``, ``10 to 15``, or is that number. Raises `ValueError`."""
    if isinstance(bounds, (int, float)):
        return value == bounds
    match = re.fullmatch(rf"(?:(>=|<=) ?{_N}|{_N} to {_N})", bounds.strip())
    if match is None:
        raise ValueError(f"{bounds!r} are no bounds; say >= 70, <= 5 or 10 to 15")
    sign, bound, low, high = match.groups()
    if sign is None:
        return float(low) <= value <= float(high)
    return value >= float(bound) if sign == ">=" else value <= float(bound)
