"""The loop's thread: when to look and when to decide."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ..errors import HpmError

log = logging.getLogger(__name__)

#: Nanoseconds between two plans for new wishes: however fast they come, weights are not rewritten in a storm.
PLANS_APART = 1_000_000_000
#: Nanoseconds between two looks when servers start and stop in numbers.
LOOKS_APART = 200_000_000


class Loop:
    """Calls `cycle` once an interval, and sooner when `wishes()` says that something new is wanted; calls `look`
    when servers change. `clock` gives monotonic nanoseconds."""

    def __init__(
        self,
        interval: float,
        clock: Callable[[], int],
        wishes: Callable[[], bool],
        cycle: Callable[[], None],
        look: Callable[[], None],
    ) -> None:
        self.overruns = 0
        self._interval_ns = int(interval * 1e9)
        self._clock = clock
        self._wishes = wishes
        self._cycle = cycle
        self._look = look
        self._wake = threading.Event()
        self._changed = threading.Event()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="hpm-loop")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after the cycle that is under way."""
        self._ending = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def wake(self) -> None:
        """Something new may be wanted."""
        self._wake.set()

    def servers_changed(self) -> None:
        """A server started, stopped, paused or was changed."""
        self._changed.set()
        self._wake.set()

    def _run(self) -> None:
        planned = looked = self._clock()
        due = planned + min(PLANS_APART, self._interval_ns)
        while not self._ending:
            when = min(due, planned + PLANS_APART) if self._wishes() else due
            if self._changed.is_set():
                when = min(when, looked + LOOKS_APART)
            if self._wake.wait(max(0, when - self._clock()) / 1e9):
                self._wake.clear()
                continue    # something is new: `when` may be sooner
            looked = now = self._clock()
            self._changed.clear()
            try:
                if now >= due or self._wishes():
                    planned, due = now, now + self._interval_ns
                    self._cycle()
                else:
                    self._look()
            except HpmError as error:
                log.error("this cycle is lost: %s", error)
            except Exception:
                log.exception("this cycle is lost")
            if self._clock() > due:
                self.overruns += 1
                log.warning("a cycle took longer than the interval of %g s", self._interval_ns / 1e9)
