"""Load balancing between cores, as the fair scheduler does it: by weighted load, a thread at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .threads import Core, Thread

if TYPE_CHECKING:
    from .dispatcher import Dispatcher

#: Loads that differ by less than this part are left alone.
TOLERANCE: Final = 0.06

#: How much of a core's load is the newest look at it; the rest is the mean before.
NEWEST: Final = 0.4


class Balancer:
    """State of balancing: its interval, whether it is due, and how often in a row nothing could be moved."""

    __slots__ = ("armed", "failed", "interval")

    def __init__(self, interval: int) -> None:
        self.interval = interval
        self.armed = False
        self.failed = 0


def pull(dispatcher: Dispatcher, core: Core, now: int) -> None:
    """Take a waiting thread from the core with the longest queue, for a core that has nothing to do."""
    if dispatcher.pinned:
        _pull_allowed(dispatcher, core, now)
        return
    source = max(dispatcher.cores, key=lambda other: len(other.queue))
    if source.queue:
        dispatcher.migrate(source.queue[0][2], core, now)


def _pull_allowed(dispatcher: Dispatcher, core: Core, now: int) -> None:
    """The same where some threads may not go everywhere: the first that may come, from the longest queue with one."""
    for source in sorted(dispatcher.cores, key=lambda other: -len(other.queue)):
        for _, _, thread in sorted(source.queue):
            if thread.allowed >> core.index & 1:
                dispatcher.migrate(thread, core, now)
                return


def balance(dispatcher: Dispatcher, now: int) -> None:
    """Move threads from loaded to less loaded cores, at most one per pair of cores."""
    balancer = dispatcher.balancer
    if not dispatcher.waiting or len(dispatcher.cores) == 1:
        balancer.armed = False
        return
    dispatcher.at(now + int(balancer.interval * (0.75 + 0.5 * dispatcher.chance())), None)
    for core in dispatcher.cores:
        core.load += (_load(core) - core.load) * NEWEST
    cores = sorted(dispatcher.cores, key=_by_load)
    moved = _balance_allowed(dispatcher, cores, now) if dispatcher.pinned else False
    for low, high in () if dispatcher.pinned else zip(cores[: len(cores) // 2], reversed(cores), strict=False):
        if high.load <= low.load * (1 + TOLERANCE):
            break
        moved |= _move(dispatcher, high, low, now)
    balancer.failed = 0 if moved else balancer.failed + 1


def _balance_allowed(dispatcher: Dispatcher, cores: list[Core], now: int) -> bool:
    """The same where some threads may not go everywhere: each core looks for the most loaded one that it can relieve,
    as the kernel does when all tasks of the busiest one are pinned (LBF_ALL_PINNED). `cores` by load, least first."""
    moved: set[int] = set()
    for low in cores:
        for high in reversed(cores):
            if high.load <= low.load * (1 + TOLERANCE):
                break
            if high.index not in moved and _move(dispatcher, high, low, now):
                moved |= {low.index, high.index}
                break
    return bool(moved)


def _by_load(core: Core) -> float:
    return core.load


def _move(dispatcher: Dispatcher, high: Core, low: Core, now: int) -> bool:
    """Move the heaviest waiting thread that does not turn the imbalance round. After failures heavier
    ones may go as well, so that on the whole time is shared even where threads cannot be divided."""
    allowed = (high.load - low.load) / 2
    failed = min(dispatcher.balancer.failed, 8)
    chosen: Thread | None = None
    heaviest = 0.0
    for _, _, thread in high.queue:
        weight = thread.group.each * thread.group.parent.factor
        if weight / (1 << failed) <= allowed and weight > heaviest and thread.allowed >> low.index & 1:
            chosen, heaviest = thread, weight
    if chosen is None:
        return False
    dispatcher.migrate(chosen, low, now)
    high.load -= heaviest
    low.load += heaviest
    return True


def _load(core: Core) -> float:
    running = core.current
    load = 0.0 if running is None else running.group.each * running.group.parent.factor
    for _, _, thread in core.queue:
        load += thread.group.each * thread.group.parent.factor
    return load
