"""Cores and their queues: who runs, until when, and who is next.

- A core's queue is ordered by virtual deadline: vruntime (CPU time over weight) and a part of a slice over
  weight, so that of threads at the same point the heavier is first. A thread runs for a slice, or longer
  while it is behind the first in the queue. Slices vary a little by chance, as ticks and interrupts make
  them do on real hosts; otherwise loads get in step with them.
- A core with nothing in its queue has no slices, and costs no events.
- Delay is credited when a thread gets to run.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush, heapreplace
from itertools import count
from random import Random
from typing import Final, TypeAlias

from . import balancing
from .loads import FOREVER, MS
from .threads import QUEUED, RUNNING, Core, Group, Parent, Thread

#: How long a thread runs while others wait: the tick of the lab's kernel.
SLICE: Final = 4 * MS

#: The part of a slice, over weight, that a deadline is after vruntime.
LEAD: Final = 0.4

BALANCE_INTERVAL: Final = 8 * MS

#: The least that a group with a quota is let run before it is looked at again.
QUOTA_GRAIN: Final = MS // 20

Event: TypeAlias = "tuple[int, int, Core | Thread | Group | None]"


class Dispatcher:
    """The cores of a host at the virtual time `now`.

    `events` is a heap of (time, order, what); `waiting` counts threads in queues; `idle_mask` has a bit
    for each core that runs nothing; `pinned` counts threads that may not run everywhere.
    """

    def __init__(self, cores: int, start: int, stretch: float, steal: float, seed: int) -> None:
        self.now = start
        self.stretch = stretch
        self.steal = steal
        self.steal_ns = 0
        self.cores = [Core(index) for index in range(cores)]
        self.parents: dict[str, Parent] = {}
        self.events: list[Event] = []
        self.waiting = 0
        self.pinned = 0
        self.idle_mask = (1 << cores) - 1
        self.balancer = balancing.Balancer(int(BALANCE_INTERVAL * stretch))
        self.chance = Random(seed).random
        self._slice = int(SLICE * stretch)
        self._lead = LEAD * self._slice
        self._order = count()

    def settle(self) -> None:
        """Charge running threads for the time until now."""
        for core in self.cores:
            if core.current is not None:
                self.charge(core, self.now)

    def at(self, time: int, what: Core | Thread | Group | None) -> None:
        """Make `what` happen at `time`; None is balancing."""
        heappush(self.events, (time, next(self._order), what))

    def charge(self, core: Core, now: int) -> None:
        """Book the time since the last booking on the running thread."""
        thread = core.current
        ran = now - core.since
        if thread is None or ran <= 0:
            return
        core.since = now
        core.busy += ran
        if self.steal:
            stolen = int(ran * self.steal)
            self.steal_ns += stolen
            ran -= stolen
        group = thread.group
        thread.run_ns += ran
        thread.left -= ran
        vruntime = thread.vruntime = thread.vruntime + ran / (group.each * group.parent.factor)
        if group.quota is not None:
            group.budget -= ran
        if core.queue:
            first = core.queue[0][2].vruntime
            if first < vruntime:
                vruntime = first
        if vruntime > core.least:
            core.least = vruntime

    def arm(self, core: Core, now: int) -> None:
        """Set when the running thread must be looked at again."""
        thread = core.current
        assert thread is not None
        group = thread.group
        left = max(1, thread.left)
        end = now + left if not self.steal else now + 1 + int(left / (1 - self.steal))
        slice_end = now + int(self._slice * (0.8 + 0.4 * self.chance()))
        if core.queue:
            weight = group.each * group.parent.factor
            gap = (core.queue[0][0] - thread.vruntime) * weight - self._lead
            if gap > self._slice:
                slice_end = now + int(gap) + 1
            if slice_end < end:
                end = slice_end
        core.slice_end = slice_end
        if group.quota is not None:
            budget = max(QUOTA_GRAIN, group.budget // max(1, group.runnable))
            end = min(end, now + budget, max(group.period_end, now + 1))
        core.end = end
        if end < FOREVER:
            heappush(self.events, (end, next(self._order), core))

    def rearm(self, core: Core, now: int) -> None:
        """Look anew at how long the running thread may run, after a change of the queue or of weights."""
        if core.current is not None:
            self.charge(core, now)
            self.arm(core, now)

    def run(self, core: Core, thread: Thread, now: int) -> None:
        """Let `thread`, which is in no queue, run on a core that runs nothing."""
        thread.state = RUNNING
        thread.delay_ns += now - thread.since
        thread.core = core
        core.current = thread
        core.since = core.picked = now
        self.arm(core, now)

    def switch(self, core: Core, now: int) -> None:
        """Put the running thread back into the queue and let the first of it run."""
        thread = core.current
        assert thread is not None
        thread.state = QUEUED
        thread.since = now
        deadline = self._deadline_of(thread)
        following = heapreplace(core.queue, (deadline, next(self._order), thread))[2]
        self.run(core, following, now)

    def run_next(self, core: Core, now: int) -> None:
        """The running thread has left: let the next one run."""
        core.current = None
        core.end = FOREVER
        if core.queue:
            self.waiting -= 1
            thread = heappop(core.queue)[2]
            self.run(core, thread, now)
            return
        self.idle_mask |= 1 << core.index
        if self.waiting:
            balancing.pull(self, core, now)

    def enqueue(self, thread: Thread, core: Core) -> None:
        """Let a thread wait for a core."""
        thread.state = QUEUED
        thread.core = core
        self.waiting += 1
        deadline = self._deadline_of(thread)
        heappush(core.queue, (deadline, next(self._order), thread))
        if not self.balancer.armed:
            self.balancer.armed = True
            self.at(self.now + self.balancer.interval, None)

    def dequeue(self, thread: Thread) -> None:
        """Take a waiting thread out of its queue."""
        core = thread.core
        core.queue = [entry for entry in core.queue if entry[2] is not thread]
        heapify(core.queue)
        self.waiting -= 1

    def migrate(self, thread: Thread, target: Core, now: int) -> None:
        """Move a queued thread to another core, with what it is ahead or behind."""
        source = thread.core
        self.charge(source, now)
        self.dequeue(thread)
        self.rearm(source, now)
        self.charge(target, now)
        thread.vruntime += target.least - source.least
        if target.current is None:
            self.idle_mask &= ~(1 << target.index)
            self.run(target, thread, now)
        else:
            self.enqueue(thread, target)
            self.rearm(target, now)

    def weigh(self, parent: Parent) -> None:
        """Compute a parent's factor after its total changed. A single parent needs none."""
        if parent.weight is not None and parent.total and len(self.parents) > 1:
            parent.factor = parent.weight / parent.total

    def _deadline_of(self, thread: Thread) -> float:
        """What the queue is ordered by."""
        group = thread.group
        return thread.vruntime + self._lead / (group.each * group.parent.factor)
