"""Goals for guests of the host inside: management is switched on, and what the guests get is recorded."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.lab.errors import wait_until
from tests.system.goals import MET, Wish, policy

from .guest import HostGuest
from .host import Host
from .manager import HostManager
from .record import Interval, Reading, Record, interval

#: Twice the interval of the first laboratory: on emulated CPUs a cycle of hpm, libvirt and systemd takes about a second
#: of CPU, which would be a sixth of the host.
SECONDS = 6.0
GROUP = "Lab"
BEFORE = 3  # intervals without management
SETTLED = 1.5  # seconds without a change after the first: libvirt sets one weight after another, and takes its time


@dataclass(frozen=True)
class Trial:
    """Intervals before management was switched on, and from the moment on at which the first plan was in force."""

    wishes: Sequence[Wish]
    before: list[Interval]
    after: list[Interval]
    readings: tuple[Reading, ...]  # from that moment on
    services: dict[str, float]  # CPUs that each used from that moment on
    outside: float  # velocity of the machine's own CPUs from that moment on; below about 90, little can be said

    def met(self, number: int, skip: int = 0) -> float:
        """Share of the intervals after the first `skip` in which a guest's goal was met."""
        counted = [interval.velocities[number] for interval in self.after[skip:]]
        goal = self.wishes[number][0] or 0
        return sum(velocity >= goal / MET for velocity in counted) / len(counted)

    def whole(self, skip: int) -> Interval:
        """All intervals after the first `skip` as one."""
        begin = self.readings[0].time + sum(interval.seconds for interval in self.after[:skip])
        first = next(reading for reading in self.readings if reading.time >= begin - 0.01)
        return interval(first, self.readings[-1])

    def changes(self, number: int) -> int:
        """How often the weight of a guest was changed after the first plan."""
        weights = [reading.weights[number] for reading in self.readings]
        return sum(a != b for a, b in pairwise(weights))

    def table(self) -> str:
        """The figures, a line for each guest."""
        lines = [f"{len(self.before)} intervals before, {len(self.after)} after; weights at the end"]
        for number, (goal, importance) in enumerate(self.wishes):
            before = " ".join(f"{i.velocities[number]:3.0f}" for i in self.before)
            after = " ".join(f"{i.velocities[number]:3.0f}" for i in self.after)
            lines.append(
                f"{goal or '-':>3} {importance:8} {before} | {after} | met {self.met(number):4.0%}"
                f" weight {self.readings[-1].weights[number]} after {self.changes(number)} changes"
            )
        lines.append("CPUs: " + ", ".join(f"{name} {used:.2f}" for name, used in self.services.items()))
        lines.append("others    " + " ".join(f"{i.others:.2f}" for i in (*self.before, *self.after)))
        lines.append(f"velocity of the machine itself, which is emulated: {self.outside:.0f}")
        return "\n".join(lines)


def give_goals(manager: HostManager, guests: Sequence[HostGuest], wishes: Sequence[Wish]) -> None:
    """Put the guests into a group with that policy. Guests are seen some tenths of a second after they start."""
    wanted = {guest.name for guest in guests}
    wait_until(lambda: wanted <= set(servers(manager)), 30, "guests are seen", 0.2)
    manager.hpm("wrg-create", GROUP)
    # `goals.policy` takes whatever has a name.
    manager.hpm("policy-create", GROUP, "--file", "-", stdin=json.dumps(policy(guests, wishes)))  # type: ignore[arg-type]
    manager.hpm("wrg-add-vs", GROUP, *sorted(wanted))


def servers(manager: HostManager) -> dict[str, dict[str, object]]:
    """What hpm shows of each server, by name."""
    return {server["name"]: server for server in manager.json("vs-list")["virtual-servers"]}


def run(
    host: Host, manager: HostManager, guests: Sequence[HostGuest], wishes: Sequence[Wish], intervals: int
) -> Trial:
    """Give goals, switch management on, and let so many intervals pass. Management is on when this returns."""
    give_goals(manager, guests, wishes)
    with host.recording(guests) as recording:
        begin = recording.readings()[0]
        recording.until(BEFORE * SECONDS, begin.time)
        called = recording.readings()[-1]
        manager.hpm("config", "--cpu-mgmt", "on")
        start = wait_until(lambda: in_force(recording.readings(), begin), 30, "the first plan is in force", 0.2)
        used, (using, delay) = host.services(), host.outside()
        record = recording.until((intervals + 0.5) * SECONDS, start.time)
        more, (using_then, delay_then) = host.services(), host.outside()
    seconds = record.readings[-1].time - start.time
    return Trial(
        wishes,
        Record(tuple(r for r in record.readings if r.time <= called.time)).intervals(begin.time, SECONDS, BEFORE),
        record.intervals(start.time, SECONDS, intervals),
        tuple(r for r in record.readings if r.time >= start.time),
        {name: (more[name] - used.get(name, 0.0)) / seconds for name in more},
        100.0 * (using_then - using) / max(1e-9, using_then - using + delay_then - delay),
    )


def in_force(readings: Sequence[Reading], begin: Reading) -> Reading | None:
    """The reading from which on the first plan is in force; None: not yet."""
    since: Reading | None = None
    for reading in readings:
        if reading.weights != begin.weights and (since is None or reading.weights != since.weights):
            since = reading
        elif since is not None and reading.time - since.time >= SETTLED:
            return since
    return None


@contextlib.contextmanager
def only(guests: Sequence[HostGuest], awake: int) -> Iterator[list[HostGuest]]:
    """The first `awake` of the guests; the others are paused meanwhile."""
    for guest in guests[awake:]:
        guest.suspend()
    try:
        yield list(guests[:awake])
    finally:
        for guest in guests[awake:]:
            guest.resume()
