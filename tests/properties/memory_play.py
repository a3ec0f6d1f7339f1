"""A host and its guests' memory as a fluid, played through the planner.

A balloon moves towards its target at a speed of its own, and not below what its driver gives. A guest uses what it
wants, as far as it has it, and fills a cache with the rest; the host holds what it has ever touched, until its balloon
takes it. Reports come late. None of that is the planner's own reckoning.
"""

from __future__ import annotations

import msgspec
from hypothesis import strategies as st

from hpm.memory.plan import MemoryMemory, MemoryPlan
from hpm.memory.planner import plan
from hpm.memory.state import GuestMemory, HostMemory, MemoryHeld, MemoryView
from hpm.policy.goals import IMPORTANCES, Importance

MIB, GIB = 2**20, 2**30
SECONDS = 10.0
HELD: tuple[MemoryHeld, ...] = ("excluded", "no-balloon", "pinned-memory", "migrating", "unreachable")


class Guest(msgspec.Struct, frozen=True):
    """One guest. `want` is what its programs use, `files` what its cache would hold; `speed` bytes a second of its
    balloon, `lag` how many intervals old its reports are, `least` what its driver leaves at least."""

    name: str
    importance: Importance
    maximum: int
    minimum: int
    original: int
    want: int
    files: int
    speed: int = 4 * GIB
    lag: int = 0
    least: int = 0
    held: MemoryHeld | None = None
    tells_resident: bool = True


class Host(msgspec.Struct, frozen=True):
    """A host of `total` bytes, of which its own programs use `base`."""

    total: int
    base: int
    guests: tuple[Guest, ...]


class Held(msgspec.Struct):
    """What one guest has at the moment; `reports` are (time, used, pages swapped in) of the newest intervals."""

    current: int
    target: int
    resident: int
    reports: list[tuple[int, int, float]]


class Play:
    """A host in the course of time. `base` and `want` may be set in between."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.base = host.base
        self.want = {g.name: g.want for g in host.guests}
        self.have = {g.name: Held(g.original, g.original, 0, []) for g in host.guests}
        self.now = 10**12
        self.memory = MemoryMemory()
        self.plans: list[tuple[MemoryView, MemoryPlan]] = []
        self._flow()

    @property
    def available(self) -> int:
        """What the host has left."""
        return max(0, self.host.total - self.base - sum(h.resident for h in self.have.values()))

    def step(self, intervals: int = 1) -> list[MemoryPlan]:
        """Let time pass, with a plan at the end of each interval."""
        made = []
        for _ in range(intervals):
            self.now += int(SECONDS * 1e9)
            self._flow()
            view = self.view()
            planned = plan(view, self.memory)
            self.memory = planned.memory
            self.plans.append((view, planned))
            for change in planned.changes:
                self.have[change.uuid].target = change.target
            made.append(planned)
        return made

    def _flow(self) -> None:
        for guest in self.host.guests:
            have, want = self.have[guest.name], self.want[guest.name]
            most = int(guest.speed * SECONDS)
            aim = max(have.target, guest.least) if have.target < have.current else have.target
            have.current += max(-most, min(aim - have.current, most))
            used = min(want, have.current)
            touched = min(used + guest.files, have.current)
            have.resident = min(have.current, max(have.resident, touched))
            have.reports.append((self.now, used, float(max(0, want - have.current))))
            del have.reports[: -1 - guest.lag]

    def view(self) -> MemoryView:
        """What hpm sees."""
        guests = {}
        for guest in self.host.guests:
            have = self.have[guest.name]
            told, used, swapped = have.reports[0]
            guests[guest.name] = GuestMemory(
                guest.name, "1", guest.name, guest.importance, have.current, guest.maximum, guest.minimum, used, told,
                swap_in=swapped, held=guest.held, resident=have.resident if guest.tells_resident else None,
            )  # fmt: skip
        return MemoryView(self.now, SECONDS, HostMemory(self.host.total, self.available, 0.0, 0.0), guests)


@st.composite
def memory_hosts(draw: st.DrawFn, *, crowded: float = 1.0) -> Host:
    """A host from 2 GiB to 4 TiB, and 1 to 24 guests that may all together have up to twice that, `crowded` times."""
    total = draw(st.sampled_from((2, 8, 64, 512, 4096))) * GIB
    number = draw(st.integers(1, 24))
    room = total * draw(st.integers(50, 200)) / 100 * crowded
    parts = [draw(st.integers(1, 20)) for _ in range(number)]
    guests = []
    for n, part in enumerate(parts):
        maximum = max(64 * MIB, int(room * part / sum(parts)) // MIB * MIB)
        original = maximum * draw(st.sampled_from((100, 100, 100, 80, 50))) // 100
        want = original * draw(st.integers(15, 75)) // 100
        guests.append(Guest(
            f"g{n}", draw(st.sampled_from(IMPORTANCES)), maximum, maximum * draw(st.sampled_from((0, 10, 30))) // 100,
            original, want, original * draw(st.sampled_from((0, 10, 30, 100))) // 100,
            speed=max(8 * MIB, total // draw(st.sampled_from((10, 50, 200)))), lag=draw(st.integers(0, 2)),
            least=draw(st.sampled_from((0, 0, 0, original * 9 // 10))),
            held=draw(st.sampled_from((None,) * 6 + (draw(st.sampled_from(HELD)),))),
            tells_resident=draw(st.booleans()),
        ))  # fmt: skip
    return Host(total, total * draw(st.integers(2, 10)) // 100, tuple(guests))
