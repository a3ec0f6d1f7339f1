"""The parts of a simulated host: cores, threads, the groups they belong to, and the groups' parents."""

from __future__ import annotations

from typing import Final

from .loads import FOREVER, MS, Program

#: The cores of a thread that may run on any: a mask with all bits.
ANYWHERE: Final = -1

# What a thread does. Plain integers: they are compared millions of times.
SLEEPING: Final = 0
QUEUED: Final = 1
RUNNING: Final = 2
PARKED: Final = 3  # runnable, but its group has used up its quota
STOPPED: Final = 4  # paused


class Parent:
    """A cgroup whose children compete with each other, and which competes with the other parents.

    `total` is the sum of the shares of its groups that have something to run; `factor` turns a group's
    shares into a weight on the host. Without a `weight` it is the root: its groups compete with the
    other parents themselves, as processes of the host do.
    """

    __slots__ = ("factor", "name", "total", "weight")

    def __init__(self, name: str, weight: float | None) -> None:
        self.name = name
        self.weight = weight
        self.total = 0
        self.factor = 1.0


class Group:
    """The threads of one virtual server, with one weight and perhaps one quota for all of them.

    `runnable` counts threads that want to run. `each` is the weight of one of them: the group's shares
    follow its runnable threads to their cores, so each has its part.
    """

    __slots__ = (
        "active", "budget", "each", "parent", "period", "period_end", "quota", "runnable", "shares",
        "threads", "throttled", "throttled_ns",
    )  # fmt: skip

    def __init__(self, parent: Parent, shares: int) -> None:
        self.parent = parent
        self.shares = shares
        self.threads: list[Thread] = []
        self.runnable = 0
        self.each = float(shares)
        self.active = False
        self.quota: int | None = None
        self.period = 100 * MS
        self.period_end = 0
        self.budget = 0
        self.throttled = False
        self.throttled_ns = 0


class Thread:
    """One vCPU, or a process of the host itself.

    `vruntime` is CPU time over weight, in the frame of `core`. `left` is what remains of the piece of
    work. `run_ns` and `delay_ns` are as in the kernel's schedstat; `since` is when waiting began. `allowed` has a bit
    for each core that it may run on.
    """

    __slots__ = ("allowed", "core", "delay_ns", "group", "left", "program", "run_ns", "since", "state", "tid",
                 "vruntime", "wake_at")  # fmt: skip

    def __init__(self, group: Group, core: Core, program: Program, tid: int) -> None:
        self.group = group
        self.core = core
        self.program = program
        self.tid = tid
        self.state = SLEEPING
        self.vruntime = 0.0
        self.left = 0
        self.run_ns = 0
        self.delay_ns = 0
        self.since = 0
        self.wake_at = 0
        self.allowed = ANYWHERE


class Core:
    """One CPU of the host: the thread it runs, since when, until when, and the queue of those that wait.

    The queue is a heap of (deadline, order, thread). `least` is the smallest vruntime here, and never
    goes back. `picked` is when the thread began to run, `end` when it must be looked at again.
    """

    __slots__ = ("busy", "current", "end", "index", "least", "load", "picked", "queue", "since", "slice_end")

    def __init__(self, index: int) -> None:
        self.index = index
        self.current: Thread | None = None
        self.queue: list[tuple[float, int, Thread]] = []
        self.least = 0.0
        self.since = 0
        self.picked = 0
        self.slice_end = 0
        self.end = FOREVER
        self.busy = 0
        self.load = 0.0
