"""The loop's thread: when to look and when to decide."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from ..errors import HpmError

log = logging.getLogger(__name__)

#: Nanoseconds between two plans out of turn: however fast reasons come, weights are not rewritten in a storm.
PLANS_APART = 1_000_000_000
#: Nanoseconds between two looks when servers start and stop in numbers.
LOOKS_APART = 200_000_000
#: Nanoseconds between two glances.
GLANCES_APART = 250_000_000
#: On large hosts plans out of turn and glances are rarer: they take one hundredth, and one sixtieth, of a CPU.
PLANS_DUTY = 100
GLANCES_DUTY = 60


class Loop:
    """Calls `cycle` once an interval, and sooner when `wanted()` says from when on a plan is wanted out of turn (None:
    it is not); calls `look` when servers change, and in between `glance`, if `glances()`. `clock` gives monotonic
    nanoseconds, `cpu` those that this thread has used."""

    def __init__(
        self,
        interval: float,
        clock: Callable[[], int],
        manager: Work,
        cpu: Callable[[], int] = time.thread_time_ns,
    ) -> None:
        self.overruns = 0
        self._interval_ns = int(interval * 1e9)
        self._clock = clock
        self._cpu = cpu
        self._work = manager
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
        planned = looked = glanced = self._clock()
        due = planned + min(PLANS_APART, self._interval_ns)
        apart, pause = PLANS_APART, GLANCES_APART
        while not self._ending:
            wanted = self._work.wanted()
            cycle_at = due if wanted is None else max(wanted, min(due, planned + apart))
            look_at = looked + LOOKS_APART if self._changed.is_set() else cycle_at
            glance_at = glanced + pause if self._work.glances() else cycle_at
            if self._wake.wait(max(0, min(cycle_at, look_at, glance_at) - self._clock()) / 1e9):
                self._wake.clear()
                continue    # something is new: it may be time sooner
            now, began = self._clock(), self._cpu()
            if now >= cycle_at:
                planned = looked = glanced = now
                due = now + self._interval_ns
                self._changed.clear()
                self._do(self._work.cycle)
                apart = max(PLANS_APART, PLANS_DUTY * (self._cpu() - began))
            elif now >= look_at:
                looked = now
                self._changed.clear()
                self._do(self._work.look)
            else:
                glanced = now
                self._do(self._work.glance)
                pause = max(GLANCES_APART, GLANCES_DUTY * (self._cpu() - began))
            if self._clock() > due:
                self.overruns += 1
                log.warning("a cycle took longer than the interval of %g s", self._interval_ns / 1e9)

    @staticmethod
    def _do(work: Callable[[], None]) -> None:
        try:
            work()
        except HpmError as error:
            log.error("this cycle is lost: %s", error)
        except Exception:
            log.exception("this cycle is lost")


class Work(Protocol):
    """What the loop does, and asks."""

    def wanted(self) -> int | None:
        """From when on (monotonic ns) a plan is wanted out of turn; None: it is not."""

    def glances(self) -> bool:
        """Whether to glance at the host between two decisions."""

    def cycle(self) -> None:
        """Observe, plan, apply, record."""

    def look(self) -> None:
        """Observe and show, without deciding anything."""

    def glance(self) -> None:
        """Notice, at little cost, whether a plan is wanted out of turn."""
