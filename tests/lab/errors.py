"""What the lab raises, and the one way in which it waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class LabError(Exception):
    """The lab cannot do what was asked; the text says what, where, and what would be right."""


class LabTimeoutError(LabError):
    """A state did not come within its deadline."""


class LabBusyError(LabError):
    """Another lab holds the machine, or guests of the shell run on it."""


def wait_until(check: Callable[[], T | None], seconds: float, what: str, interval: float = 0.02) -> T:
    """Call `check` every `interval` seconds until it returns something true, and return that.

    Raises LabTimeoutError naming `what` after `seconds`; what `check` raises passes through.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() >= deadline:
            raise LabTimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(interval)
