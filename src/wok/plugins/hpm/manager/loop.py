"""The loop's thread: when to look and when to decide."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Literal, Protocol, TypeAlias

from ..errors import HpmError, StoreDamaged

log = logging.getLogger(__name__)

#: Nanoseconds between two plans out of turn: however fast reasons come, weights are not rewritten in a storm.
PLANS_APART = 1_000_000_000
#: Nanoseconds between two looks when servers start and stop in numbers.
LOOKS_APART = 200_000_000
#: Nanoseconds between two glances.
GLANCES_APART = 250_000_000
#: On large hosts, and where memory is slow, plans out of turn and glances are rarer: each takes a hundredth of a CPU
#: at most, or a little less.
PLANS_DUTY = 100
GLANCES_DUTY = 125

Deed: TypeAlias = Literal["cycle", "look", "glance"]


class Timetable:
    """What the loop does next, and when. All times are monotonic nanoseconds, and those of CPU for what something
    cost; who asks says what is to be known, so this can be tried in any time.

    Cycles come at fixed times, an interval apart; one that is wanted out of turn comes in between, or takes the place
    of the next one, if that would follow within a second. One that is wanted from some moment on waits for it.
    """

    def __init__(self, now: int, interval: int) -> None:
        #: When the next regular cycle is due.
        self.due = now + min(PLANS_APART, interval)
        self._interval = interval
        self._planned = self._looked = self._glanced = now
        self._apart, self._pause = PLANS_APART, GLANCES_APART

    def next(self, wanted: int | None, *, changed: bool, glances: bool) -> tuple[int, Deed]:
        """When to do what: the cycle that is due, or `wanted` from then on; a look, because servers have `changed`;
        or a glance, if `glances` are wanted at all."""
        cycle_at = self.due if wanted is None else max(wanted, min(self.due, self._planned + self._apart))
        look_at = self._looked + LOOKS_APART if changed else cycle_at
        glance_at = self._glanced + self._pause if glances else cycle_at
        if cycle_at <= min(look_at, glance_at):
            return cycle_at, "cycle"
        return (look_at, "look") if look_at <= glance_at else (glance_at, "glance")

    def done(self, deed: Deed, ended: int, cost: int) -> None:
        """That ended then, and cost so much CPU."""
        if deed == "glance":
            self._glanced, self._pause = ended, max(GLANCES_APART, GLANCES_DUTY * cost)
            return
        self._looked = ended
        if deed == "cycle":
            self._planned = self._glanced = ended
            self._apart = max(PLANS_APART, PLANS_DUTY * cost)
            while self.due < ended + min(PLANS_APART, self._interval // 2):
                self.due += self._interval


class Loop:
    """Calls `cycle` once an interval, and sooner when `wanted()` says from when on a plan is wanted out of turn (None:
    it is not); calls `look` when servers change, and in between `glance`, if `glances()`. `clock` gives monotonic
    nanoseconds, `cpu` those that this thread has used. `took` is told of each cycle how many seconds it took."""

    def __init__(
        self,
        interval: float,
        clock: Callable[[], int],
        manager: Work,
        cpu: Callable[[], int] = time.thread_time_ns,
        took: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        #: Cycles so far, those that took longer than the interval, and the time and the CPU time (ns) of all.
        self.cycles = self.overruns = self.took_ns = self.cost_ns = 0
        #: Those that were completed, and those lost for a reason that is known; the rest is lost by a fault of ours.
        self.completed = self.lost = 0
        #: The time (ns) of the last one.
        self.last_ns = 0
        self.interval = interval
        self._well = clock()
        self._clock = clock
        self._cpu, self._took = cpu, took
        self._work = manager
        self._timetable = Timetable(clock(), int(interval * 1e9))
        self._wake = threading.Event()
        self._changed = threading.Event()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="hpm-loop")

    def start(self) -> None:
        """Begin."""
        self._well = self._clock()
        self.set_interval(self.interval)
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

    def until_cycle(self) -> float:
        """Seconds until the next cycle is due; negative while one that was due is under way."""
        timetable = self._timetable
        when, _ = timetable.next(self._work.wanted(), changed=False, glances=False)
        return (when - self._clock()) / 1e9

    def set_interval(self, seconds: float, *, soon: bool = True) -> None:
        """Have cycles so far apart from now on; the first one `soon`, or an interval from now."""
        self.interval = seconds
        timetable = Timetable(self._clock(), int(seconds * 1e9))
        if not soon:
            timetable.due = self._clock() + int(seconds * 1e9)
        self._timetable = timetable
        self._wake.set()

    def _run(self) -> None:
        deeds: dict[Deed, Callable[[], None]] = {
            "cycle": self._work.cycle, "look": self._work.look, "glance": self._work.glance,
        }  # fmt: skip
        while not self._ending:
            timetable = self._timetable
            when, deed = timetable.next(
                self._work.wanted(), changed=self._changed.is_set(), glances=self._work.glances()
            )
            if self._wake.wait(max(0, when - self._clock()) / 1e9):
                self._wake.clear()
                continue    # something is new: it may be time sooner
            began, before = self._clock(), self._cpu()
            if deed != "glance":
                self._changed.clear()
            well = self._do(deeds[deed])
            ended, cost = self._clock(), self._cpu() - before
            timetable.done(deed, ended, cost)
            if deed == "cycle":
                self._count(ended - began, cost, well)
                self._well = self._well if well is None else ended
                self._took((ended - began) / 1e9)

    def since_well(self) -> float:
        """Seconds since a cycle was completed, or lost for a reason that is known; or since the beginning."""
        return (self._clock() - self._well) / 1e9

    def _count(self, took: int, cost: int, well: bool | None) -> None:
        self.cycles += 1
        self.completed += well is True
        self.lost += well is False
        self.last_ns = took
        self.took_ns += took
        self.cost_ns += cost
        if took > self.interval * 1e9:
            self.overruns += 1
            log.warning("a cycle took longer than the interval of %g s", self.interval)

    @staticmethod
    def _do(work: Callable[[], None]) -> bool | None:
        """Gives whether it was completed; None: it was lost for a reason against which another start may help."""
        try:
            work()
        except StoreDamaged as error:    # by the backup that it uses
            log.error("this cycle is lost: %s", error)
            return None
        except HpmError as error:
            log.error("this cycle is lost: %s", error)
            return False
        except Exception:
            log.exception("this cycle is lost")
            return None
        return True


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
