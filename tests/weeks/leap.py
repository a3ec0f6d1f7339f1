"""Hours of a simulated host in the time of a moment.

A piece of time is scheduled as always, slice by slice; the rest of the hours is taken to have been like it. All that
is counted grows in proportion, and all that is due is due so much later. So what a window over those hours shows is
what the scheduler made of the weights in force, and it costs what the piece costs.
"""

from __future__ import annotations

from collections.abc import Sequence

from hpm.backend.simulated.loads import FOREVER
from hpm.backend.simulated.scheduler import Scheduler
from hpm.backend.simulated.threads import Thread

#: Nanoseconds that are scheduled.
PIECE = 1_000_000_000


def leap(scheduler: Scheduler, threads: Sequence[Thread], nanoseconds: int) -> None:
    """Let that much virtual time pass. `threads` are all that there are."""
    if nanoseconds <= 2 * PIECE:
        scheduler.run_until(scheduler.now + nanoseconds)
        return
    scheduler.settle()
    groups = {id(one.group): one.group for one in threads}.values()
    counted = [(one.run_ns, one.delay_ns) for one in threads]
    throttled = [group.throttled_ns for group in groups]
    busy, steal = [core.busy for core in scheduler.cores], scheduler.steal_ns
    scheduler.run_until(scheduler.now + PIECE)
    rest = nanoseconds - PIECE
    times = rest / PIECE
    for thread, (run, delay) in zip(threads, counted, strict=True):
        ran = thread.run_ns - run
        thread.run_ns += int(ran * times)
        # What was waited for before that piece may have been credited in it.
        thread.delay_ns += int(min(thread.delay_ns - delay, PIECE - ran) * times)
    for group, was in zip(groups, throttled, strict=True):
        group.throttled_ns += int((group.throttled_ns - was) * times)
    for core, had in zip(scheduler.cores, busy, strict=True):
        core.busy += int((core.busy - had) * times)
    scheduler.steal_ns += int((scheduler.steal_ns - steal) * times)
    later(scheduler, threads, rest)


def stand_still(scheduler: Scheduler, threads: Sequence[Thread], nanoseconds: int) -> None:
    """Let that much virtual time pass in which nothing runs and nothing is counted: whoever runs the host as a guest of
    its own had stopped it."""
    scheduler.settle()
    scheduler.started += nanoseconds    # idle time is what is left of the time since then
    later(scheduler, threads, nanoseconds)


def later(scheduler: Scheduler, threads: Sequence[Thread], nanoseconds: int) -> None:
    """All that is due is due so much later, and what waits began to wait so much later."""
    scheduler.now += nanoseconds
    for thread in threads:
        thread.since += nanoseconds
        thread.wake_at += nanoseconds
    for group in {id(one.group): one.group for one in threads}.values():
        group.period_end += nanoseconds
    for core in scheduler.cores:
        core.since += nanoseconds
        core.picked += nanoseconds
        core.slice_end += nanoseconds
        if core.end < FOREVER:
            core.end += nanoseconds
    scheduler.events = [(time + nanoseconds, order, what) for time, order, what in scheduler.events]
