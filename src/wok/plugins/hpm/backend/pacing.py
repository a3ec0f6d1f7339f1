"""Doing dear things in small portions: a thread that never takes more than a part of one CPU."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

from ..errors import HypervisorUnreachable

log = logging.getLogger(__name__)

#: The part of one CPU that a background sampler may take.
DUTY = 0.01


class Background:
    """A thread that makes passes: `work()` yields after each portion what that cost (seconds of CPU).

    After a portion it rests until the portion is `DUTY` of the time; after a pass until `period` seconds have passed
    since it began. So a pass takes as long as it must, and nothing comes in a burst. An error ends the pass, not the
    thread.
    """

    def __init__(self, name: str, period: float, work: Callable[[], Iterator[float]], clock: Callable[[], int]) -> None:
        self.period = period
        self._work = work
        self._clock = clock
        self._ending = threading.Event()
        self._wake = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin with the first pass."""
        self._thread.start()

    def hurry(self) -> None:
        """Begin the next pass as soon as this one is over: there is something new."""
        self._wake.set()

    def close(self) -> None:
        """End, at the latest after the portion under way."""
        self._ending.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(10.0)

    def _run(self) -> None:
        while not self._ending.is_set():
            begin = self._clock()
            self._wake.clear()
            try:
                self._pass()
            except HypervisorUnreachable as error:    # the inventory tells, once; here it would be told by each thread
                log.debug("%s: %s", self._thread.name, error)
            except Exception as error:    # a thread that ended would be missed by nobody until figures are old
                (log.debug if self._failing else log.warning)("%s: %s", self._thread.name, error)
                self._failing = True
            else:
                self._failing = False
            self._wake.wait(max(0.05, self.period - (self._clock() - begin) / 1e9))

    def _pass(self) -> None:
        for cost in self._work():
            if self._ending.wait(cost * (1 / DUTY - 1)):
                return
