"""Views of memory for tests: a host and its guests, and a small world in which balloons do as they are told."""

from __future__ import annotations

from typing import Any

import msgspec

from hpm.memory.plan import MemoryMemory, MemoryPlan
from hpm.memory.planner import plan
from hpm.memory.pressure import watermarks
from hpm.memory.state import GuestMemory, HostMemory, KsmState, MemoryView
from hpm.policy.goals import Importance

MIB, GIB = 2**20, 2**30
SECOND = 10**9
START = 1000 * SECOND
#: Of a host of 64 GiB.
MARKS = watermarks(64 * GIB)    # begin 6.4 GiB, end 9.6 GiB
SHORT = 5 * GIB
PLENTY = 30 * GIB


def guest(
    name: str, importance: Importance = "medium", *, current: int = 4 * GIB, used: int | None = GIB,
    maximum: int | None = None, minimum: int = 0, told: int = START, **more: Any,
) -> GuestMemory:  # fmt: skip
    """A guest of 4 GiB that uses one of them."""
    top = current if maximum is None else maximum
    return GuestMemory(name, "1", name, importance, current, top, minimum, used, told, **more)


def view(
    *guests: GuestMemory, available: int, total: int = 64 * GIB, now: int = START, seconds: float = 10.0,
    some: float | None = 0.0, full: float | None = 0.0, ksm: KsmState | None = None, nodes: int = 1,
) -> MemoryView:  # fmt: skip
    """A host of 64 GiB with these guests."""
    host = HostMemory(total, available, some, full)
    return MemoryView(now, seconds, host, {g.uuid: g for g in guests}, ksm, nodes)


class World:
    """Guests whose balloons follow at once, and that report in each interval (unless `deaf` or `mute`); what they give
    is available to the host."""

    def __init__(self, *guests: GuestMemory, available: int, total: int = 64 * GIB) -> None:
        self.guests = {g.uuid: g for g in guests}
        self.available, self.total = available, total
        self.memory = MemoryMemory()
        self.now = START
        self.some = 0.0
        self.deaf: set[str] = set()    # balloons that do not move
        self.mute: set[str] = set()    # guests whose report stays the same

    def set(self, name: str, **values: Any) -> None:
        """Change a guest."""
        self.guests[name] = msgspec.structs.replace(self.guests[name], **values)

    def step(self, seconds: float = 10.0) -> MemoryPlan:
        """Let an interval pass, plan, and do it."""
        self.now += int(seconds * SECOND)
        for name in self.guests.keys() - self.mute:
            self.set(name, told_ns=self.now - SECOND)
        now = view(*self.guests.values(), available=self.available, total=self.total, now=self.now, seconds=seconds,
                   some=self.some)  # fmt: skip
        made = plan(now, self.memory)
        self.memory = made.memory
        for change in made.changes:
            if change.uuid not in self.deaf:
                self.available += change.current - change.target
                self.set(change.uuid, current=change.target)
        return made

    def until_quiet(self, most: int = 100) -> list[MemoryPlan]:
        """Step until nothing changes and nothing is waited for."""
        plans = []
        for _ in range(most):
            plans.append(self.step())
            if not plans[-1].changes and "settling" not in plans[-1].blocked.values():
                return plans
        raise AssertionError(f"no rest after {most} intervals: {plans[-1]}")


def moves(made: MemoryPlan) -> dict[str, int]:
    """MiB by which each guest's memory changes."""
    return {c.uuid: (c.target - c.current) // MIB for c in made.changes}


def whys(made: MemoryPlan) -> dict[str, str]:
    return {c.uuid: c.why for c in made.changes}


def pressed(*guests: GuestMemory) -> World:
    """Guests that had to give, and a host that has plenty again."""
    world = World(*guests, available=GIB)
    world.until_quiet()
    world.available = PLENTY
    return world
