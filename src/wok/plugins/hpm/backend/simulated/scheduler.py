"""Threads on cores: an event-driven model of the kernel's fair scheduler.

It is on purpose not the planner's model. Nothing here computes a fair allocation: shares come about as on
a real host, from slices, queues and wake-ups.

- `dispatcher`: cores, queues and slices; `balancing`: which core a thread waits on.
- A group's shares are split over its runnable threads, wherever they are. With several parents, a
  parent's weight is split over its active groups in the same way.
- A thread that wakes goes to its old core, or to an idle one. Where it must queue, it is placed at the
  least vruntime, without credit for its sleep, and stops the running thread when that has run for
  `PROTECTION` and is `GRANULARITY` ahead of it in the waker's virtual time: so heavy threads wait less.
  This is the latency that costs sleeping loads velocity.
- A thread may be pinned to some cores: it wakes, waits and is balanced among these alone.
- A quota parks the threads of its group until the next period; that, too, counts as delay.

`stretch` multiplies all these times and the balancing interval (and, in `loads`, work and sleep): a coarser
grain for large hosts. Velocities depend on ratios of times and stay what they were.

The constants here and in `dispatcher` are calibrated by the lab's figures: tests/unit/test_simulated_lab.py.
"""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from typing import Final

from . import balancing
from .dispatcher import Dispatcher
from .loads import MS, Program
from .threads import ANYWHERE, PARKED, QUEUED, RUNNING, SLEEPING, STOPPED, Core, Group, Parent, Thread

#: How far the running thread must be ahead of one that wakes (CPU time of the latter) to be stopped.
GRANULARITY: Final = MS

#: How long a thread runs before one that wakes may stop it.
PROTECTION: Final = 3 * MS // 2


class Scheduler(Dispatcher):
    """The threads of a host, their sleep and wake-ups, weights and quotas. Not safe for several threads."""

    def __init__(self, cores: int, start: int, stretch: float = 1.0, steal: float = 0.0,
                 seed: int = 1) -> None:  # fmt: skip
        super().__init__(cores, start, stretch, steal, seed)
        self.started = start
        self._granularity = GRANULARITY * stretch
        self._protection = int(PROTECTION * stretch)
        self._tids = count(10_000)

    # -- what there is -------------------------------------------------------------------------------

    def parent(self, name: str, weight: float | None = 1024.0) -> Parent:
        """The parent of this name, made with `weight` if it is not there."""
        if name not in self.parents:
            self.parents[name] = Parent(name, weight)
            for parent in self.parents.values():
                self.weigh(parent)
        return self.parents[name]

    def add_thread(self, group: Group, program: Program, allowed: int = ANYWHERE) -> Thread:
        """A new thread in `group`, asleep until its program has work. `allowed`: the cores that it may run on."""
        core = self.cores[next(self._order) % len(self.cores)]
        thread = Thread(group, core, program, next(self._tids))
        self._allow(thread, allowed)
        group.threads.append(thread)
        self._begin(thread)
        return thread

    def remove_thread(self, thread: Thread) -> None:
        """End a thread."""
        self.stop_thread(thread)
        self._allow(thread, ANYWHERE)
        thread.group.threads.remove(thread)

    def stop_thread(self, thread: Thread) -> None:
        """Take a thread out of scheduling; its counters stay."""
        now, state = self.now, thread.state
        thread.state = STOPPED
        if state == RUNNING:
            core = thread.core
            self.charge(core, now)
            self._count_runnable(thread.group, -1)
            self.run_next(core, now)
        elif state in (QUEUED, PARKED):
            thread.delay_ns += now - thread.since
            if state == QUEUED:
                self.dequeue(thread)
                self.rearm(thread.core, now)
            else:
                thread.group.throttled_ns += now - thread.since
            self._count_runnable(thread.group, -1)

    def resume_thread(self, thread: Thread) -> None:
        """Let a stopped thread go on with the work it had, or wait for its next."""
        if thread.state == STOPPED:
            if thread.wake_at > self.now:
                self._sleep_until(thread, thread.wake_at)
            else:
                thread.state = SLEEPING
                thread.wake_at = self.now
                self._wake(thread, self.now)

    def set_affinity(self, thread: Thread, allowed: int) -> None:
        """Let a thread run on these cores alone from now on (a mask of at least one bit)."""
        now = self.now
        self._allow(thread, allowed)
        core = thread.core
        if allowed >> core.index & 1 and (thread.state != QUEUED or not self.idle_mask & allowed):
            return
        if thread.state == RUNNING:
            self.charge(core, now)
            self.run_next(core, now)
            thread.since = now
            self._place(thread, now)
        elif thread.state == QUEUED:
            self.dequeue(thread)
            self.rearm(core, now)
            self._place(thread, now)

    def _allow(self, thread: Thread, allowed: int) -> None:
        every = (1 << len(self.cores)) - 1
        allowed = ANYWHERE if allowed & every == every else allowed
        self.pinned += (allowed != ANYWHERE) - (thread.allowed != ANYWHERE)
        thread.allowed = allowed

    def set_program(self, thread: Thread, program: Program) -> None:
        """Give a thread another load; what it was working on is dropped."""
        stopped = thread.state == STOPPED
        self.stop_thread(thread)
        thread.program = program
        thread.state = SLEEPING
        if stopped:
            wake_at, thread.left = program(self.now)
            thread.wake_at = max(wake_at, self.now)
            thread.state = STOPPED
        else:
            self._begin(thread)

    def set_shares(self, group: Group, shares: int) -> None:
        """Change a group's weight; what its threads are ahead of others is scaled with it."""
        now = self.now
        self.settle()
        ratio = group.shares / shares
        if group.active:
            group.parent.total += shares - group.shares
        group.shares = shares
        group.each = shares / max(1, group.runnable)
        self.weigh(group.parent)
        for thread in group.threads:
            core = thread.core
            thread.vruntime = core.least + (thread.vruntime - core.least) * ratio
            if thread.state == QUEUED:
                self.dequeue(thread)
                self.enqueue(thread, core)
        for core in {thread.core.index: thread.core for thread in group.threads}.values():
            self.rearm(core, now)

    def set_quota(self, group: Group, quota: int | None, period: int) -> None:
        """Cap a group at `quota` ns per `period` ns, or at nothing."""
        now = self.now
        self.settle()
        group.quota, group.period = quota, period
        group.period_end = now + period
        group.budget = quota or 0
        if group.throttled:
            self._unpark(group, now)
        for thread in group.threads:
            if thread.state == RUNNING:
                self.arm(thread.core, now)

    def set_steal(self, part: float) -> None:
        """From now on lose this part of busy time to whoever runs the host."""
        self.settle()
        self.steal = part
        for core in self.cores:
            self.rearm(core, self.now)

    def idle_by_core(self) -> dict[int, int]:
        """Time in which each core had nothing to do."""
        return {core.index: self.now - self.started - core.busy for core in self.cores}

    def idle_ns(self) -> int:
        """Time, summed over cores, in which a core had nothing to do."""
        return len(self.cores) * (self.now - self.started) - sum(core.busy for core in self.cores)

    # -- time ----------------------------------------------------------------------------------------

    def run_until(self, target: int) -> None:
        """Let virtual time pass; all counters are then as of `target`."""
        events = self.events
        while events and events[0][0] <= target:
            now, _, what = heappop(events)
            self.now = now
            if type(what) is Core:
                if what.end == now:
                    self._finish(what, now)
            elif type(what) is Thread:
                if what.wake_at == now and what.state == SLEEPING:
                    self._wake(what, now)
            elif type(what) is Group:
                if what.throttled and what.period_end == now:
                    self._unpark(what, now)
            else:
                balancing.balance(self, now)
        self.now = max(self.now, target)
        self.settle()

    def _finish(self, core: Core, now: int) -> None:
        """The running thread's work, slice or budget is at its end."""
        thread = core.current
        if thread is None:
            return
        self.charge(core, now)
        group = thread.group
        if group.quota is not None and self._exhausted(group, now):
            self._park(group, now)
            return
        if thread.left <= 0:
            wake_at, work = thread.program(now)
            if wake_at > now:
                self._count_runnable(group, -1)
                self._sleep_until(thread, wake_at)
                thread.left = work
                self.run_next(core, now)
                return
            thread.left = work
        queue = core.queue
        if queue:
            weight = group.each * group.parent.factor
            if queue[0][0] <= thread.vruntime + (self._lead + self._slice / 2) / weight:
                self.switch(core, now)
                return
        self.arm(core, now)

    # -- sleep and wake-up ---------------------------------------------------------------------------

    def _begin(self, thread: Thread) -> None:
        wake_at, thread.left = thread.program(self.now)
        if wake_at > self.now:
            self._sleep_until(thread, wake_at)
        else:
            thread.wake_at = self.now
            self._wake(thread, self.now)

    def _sleep_until(self, thread: Thread, time: int) -> None:
        thread.state = SLEEPING
        thread.wake_at = time
        heappush(self.events, (time, next(self._order), thread))

    def _wake(self, thread: Thread, now: int) -> None:
        group = thread.group
        self._count_runnable(group, 1)
        thread.since = now
        if group.quota is not None and (group.throttled or self._exhausted(group, now)):
            thread.state = PARKED
            if not group.throttled:
                self._park(group, now)
            return
        self._place(thread, now)

    def _place(self, thread: Thread, now: int) -> None:
        """Place a thread that became runnable on a core."""
        core = old = thread.core
        idle, allowed = self.idle_mask & thread.allowed, bool(thread.allowed >> core.index & 1)
        if idle and (core.current is not None or not allowed):
            core = self.cores[(idle & -idle).bit_length() - 1]
        elif not allowed:
            core = min((c for c in self.cores if thread.allowed >> c.index & 1), key=lambda c: len(c.queue))
        vruntime = thread.vruntime + core.least - old.least
        running = core.current
        if running is None:
            self.idle_mask &= ~(1 << core.index)
            thread.vruntime = max(vruntime, core.least)
            self.run(core, thread, now)
            return
        self.charge(core, now)
        thread.vruntime = max(vruntime, core.least)
        self.enqueue(thread, core)
        self._preempt(core, thread, now)

    def _preempt(self, core: Core, thread: Thread, now: int) -> None:
        """Set when the running thread must make way for `thread`, which has just woken up here."""
        running = core.current
        assert running is not None
        weight = running.group.each * running.group.parent.factor
        own = thread.group.each * thread.group.parent.factor
        behind = (thread.vruntime - running.vruntime) * weight
        slice_end = now
        if core.slice_end > now:
            slice_end = core.slice_end
        elif own < weight:  # its slice is over, but it is still first
            slice_end = now + max(0, int(behind + self._lead * (weight / own - 1)))
        end = now + int(behind + self._granularity * weight / own)
        end = min(slice_end, max(end, core.picked + self._protection))
        if end <= now:
            self.switch(core, now)
        elif end < core.end:
            core.end = core.slice_end = end
            heappush(self.events, (end, next(self._order), core))

    def _count_runnable(self, group: Group, change: int) -> None:
        group.runnable += change
        if group.runnable:
            group.each = group.shares / group.runnable
        self._activate(group)

    def _activate(self, group: Group) -> None:
        active = group.runnable > 0 and not group.throttled
        if active != group.active:
            group.active = active
            group.parent.total += group.shares if active else -group.shares
            self.weigh(group.parent)

    # -- quota ---------------------------------------------------------------------------------------

    def _exhausted(self, group: Group, now: int) -> bool:
        """Whether the group has used up its quota; begins a new period where one is due."""
        assert group.quota is not None
        if now >= group.period_end:
            periods = 1 + (now - group.period_end) // group.period
            group.period_end += periods * group.period
            group.budget = min(group.quota, group.budget + periods * group.quota)
        return group.budget <= 0

    def _park(self, group: Group, now: int) -> None:
        """Take all threads of the group from the cores until its period ends."""
        group.throttled = True
        self._activate(group)
        self.at(group.period_end, group)
        for thread in group.threads:
            if thread.state == QUEUED:
                self.dequeue(thread)
                self.rearm(thread.core, now)
                thread.state = PARKED
            elif thread.state == RUNNING:
                self.charge(thread.core, now)
                thread.state = PARKED
                thread.since = now
                self.run_next(thread.core, now)

    def _unpark(self, group: Group, now: int) -> None:
        if group.quota is not None and self._exhausted(group, now):
            self.at(group.period_end, group)
            return
        group.throttled = False
        self._activate(group)
        for thread in group.threads:
            if thread.state == PARKED:
                group.throttled_ns += now - thread.since
                self._place(thread, now)
