"""What comes out of planning memory, and what is remembered from one plan to the next. All sizes are bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from .state import MemoryHeld

#: `relaxed`: there is enough. `pressure`: guests give idle memory, the least important ones first. `critical`: there is
#: hardly any left, so nobody waits for those below to have given all of theirs.
HostState: TypeAlias = Literal["relaxed", "pressure", "critical"]

#: Why the memory of a guest changes. It gives: `host-pressure`, to the host; `for-distress`, to a guest in distress
#: that is at least as important. It gets: `distress`, because it swaps or has hardly any left; `pressure-over`, what
#: it had before.
MemoryWhy: TypeAlias = Literal["host-pressure", "for-distress", "distress", "pressure-over"]

#: Why a guest that should give or get memory could not. `at-floor`: it uses what it has. `at-maximum`: it has all that
#: it can have. `host-pressure`: there is nothing left to give it. `rate-limit`: others were first, and no more is moved
#: in one interval. `settling`: it is on its way, or has not reported since; or pressure is just over. `no-gain`: its
#: driver gave less than it was asked for, and is not asked again until it moves.
MemoryBlocked: TypeAlias = (
    Literal["at-floor", "at-maximum", "host-pressure", "rate-limit", "settling", "no-gain"] | MemoryHeld
)


class MemoryChange(msgspec.Struct, frozen=True, gc=False):
    """One guest's balloon: what it has, and what it is to have."""

    uuid: str
    current: int
    target: int
    why: MemoryWhy


class Watermarks(msgspec.Struct, frozen=True, gc=False):
    """Available memory of the host: below `critical` and `begin` such a state begins, above `end` it is relaxed.
    `aim` is what guests give for, and above what they get back: a little more, so that it ends. `ample`: with so much,
    tasks that wait for memory (PSI) do not wait for what guests could give."""

    critical: int
    begin: int
    end: int
    aim: int
    ample: int


class Remembered(msgspec.Struct, frozen=True, gc=False):
    """What is known of one start of a guest.

    `original` is what it had before hpm changed it, `target` what hpm asked for last, at `asked_ns` (0: never).
    `before` is how much of it the host held when hpm first took from it: so much it will hold again once it has got it
    back (None: as much as the original). `nearest` is how near to the target it has come, at `nearest_ns`; `stuck_ns`
    (0: not) when it was seen to come no nearer.
    `needs` is what it was given when it swapped: until `needs_ns` nobody takes from that; `needs_seconds` is how long
    that was, and doubles if it swaps again.
    `peaks` are the most that it used, in the span of time before and in the one that began at `span_ns`.
    `used` is what it used by its newest report that a plan has seen, of `told_ns`, and `growth` by how many bytes a
    second that had grown.
    """

    start: str
    original: int
    target: int
    asked_ns: int = 0
    before: int | None = None
    nearest: int = 0
    nearest_ns: int = 0
    stuck_ns: int = 0
    needs: int = 0
    needs_ns: int = 0
    needs_seconds: float = 0.0
    peaks: tuple[int, int] = (0, 0)
    span_ns: int = 0
    used: int = 0
    told_ns: int = 0
    growth: float = 0.0

    @property
    def lean(self) -> bool:
        """Whether hpm has taken from it, and not asked it to take all of that back."""
        return self.asked_ns > 0 and self.target < self.original


class HostMind(msgspec.Struct, frozen=True, gc=False):
    """What is known of the host.

    `waits` counts views in a row in which tasks waited for memory. `calm_ns` is when pressure ended, `patience` how
    many seconds later guests begin to get back what they gave, `given_ns` when some did. While tasks waited although
    there was memory, `bar` was so much available that it can be trusted again, and that is believed since `bar_ns`.
    `owed` is what is on its way for guests in distress: it is theirs, whatever else the host lacks.
    """

    state: HostState = "relaxed"
    waits: int = 0
    calm_ns: int = 0
    patience: float = 0.0
    given_ns: int = 0
    bar: int = 0
    bar_ns: int = 0
    owed: int = 0


class MemoryMemory(msgspec.Struct, frozen=True):
    """What the planner of memory remembers: the guests that run by UUID, and the host. After a restart of hpm
    ``Remembered(start, original, target)`` from the journal is enough of a guest."""

    guests: Mapping[str, Remembered] = {}
    host: HostMind = HostMind()


class MemoryPlan(msgspec.Struct, frozen=True):
    """What is to change, and why, in the order in which it is best done: who gives before who gets. `blocked` says, by
    UUID, why a guest could not give or get what it should; who got a part of what it needs stands in both.

    `needed` is what the host lacked, and guests in distress that it cannot help alone; `limit` what may be taken in
    this interval, `taken` what is. `floors`: below that each guest's memory is never brought (guests that report).
    `distressed`: the UUIDs of guests that need more than they have.
    """

    state: HostState
    changes: tuple[MemoryChange, ...]
    blocked: Mapping[str, MemoryBlocked]
    needed: int
    taken: int
    limit: int
    watermarks: Watermarks
    floors: Mapping[str, int]
    distressed: tuple[str, ...]
    memory: MemoryMemory


def as_made(made: MemoryPlan, before: MemoryMemory, failed: frozenset[str]) -> MemoryMemory:
    """What to remember if the changes of the guests `failed` were not made: they were never asked."""
    guests = dict(made.memory.guests)
    for uuid in failed & guests.keys():
        now, old = guests[uuid], before.guests.get(uuid)
        if old is not None and old.start == now.start:
            guests[uuid] = old
        else:
            guests[uuid] = Remembered(now.start, now.original, now.original)
    return MemoryMemory(guests, made.memory.host)
