"""CPU time that means the same on a slow machine: bounds in seconds were set where a step of Python took `STEP`."""

from __future__ import annotations

import time

#: Seconds of a turn of the loop below, on the machine on which the bounds were set.
STEP = 65e-9
_STEPS = 100_000


def cpu(seconds: float) -> float:
    """So many seconds of CPU of a machine as that one, in seconds of this one as it is now; never fewer."""
    return seconds * max(1.0, min(_step() for _ in range(3)) / STEP)


def _step() -> float:
    began, total = time.thread_time(), 0
    for number in range(_STEPS):
        total += number * number % 7
    return (time.thread_time() - began) / _STEPS
