"""What work costs, told so that it means the same on a slow machine: bounds in seconds were set where a step of Python
took `STEP`; lines of Python are the same everywhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")

#: Seconds of a turn of the loop below, on the machine on which the bounds were set.
STEP = 65e-9
_STEPS = 100_000
_TRIES = 5


def least_cpu(attempt: Callable[[], T], bound: float) -> tuple[float, T]:
    """The CPU time of `attempt`, in seconds of a machine as that one, and what it gave at last.

    That is the time of all threads of this process: with a server in it, of both sides. It is the least of five times
    (whatever else runs here may take a slice, or the caches), or the first below `bound`. This machine's speed is
    looked at right after each, because it changes from second to second.
    """
    least = math.inf
    for _ in range(_TRIES):
        began = time.process_time()
        given = attempt()
        least = min(least, (time.process_time() - began) / max(1.0, _step() / STEP))
        if least < bound:
            break
    return least, given


def _step() -> float:
    began, total = time.thread_time(), 0
    for number in range(_STEPS):
        total += number * number % 7
    return (time.thread_time() - began) / _STEPS


def lines_run(work: Callable[[], T]) -> tuple[T, int]:
    """What `work` gives, and how many lines of Python it took: the same on each machine and each time."""
    lines = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> Callable[..., Any]:
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        given = work()
        return given, lines
    finally:
        sys.settrace(before)
