"""What no plan of memory may do, and what each must bring about, whatever the host."""

from __future__ import annotations

from typing import TypeAlias

from hypothesis import assume
from hypothesis import strategies as st

from hpm.memory.plan import MemoryMemory, MemoryPlan, Remembered
from hpm.memory.pressure import watermarks
from hpm.memory.standing import GUEST_PART, IDLE_PART, RANK, SOON, dead_band, reserve
from hpm.memory.state import GuestMemory, MemoryView
from tests.properties.hosts import for_all, sizes
from tests.properties.memory_play import SECONDS, Guest, Host, Play, memory_hosts

#: What a host goes through: parts of its memory that its own programs use, and each guest's use as a part of its
#: original, for so many intervals each.
Course: TypeAlias = "list[tuple[float, list[float], int]]"

#: Intervals in which everything comes to rest under constant load, and those in which nothing changes then.
SETTLING, STEADY = 150, 50


@st.composite
def courses(draw: st.DrawFn) -> tuple[Host, Course]:
    host = draw(memory_hosts())
    phases = []
    for _ in range(draw(st.integers(1, 4))):
        uses = [draw(st.integers(5, 120)) / 100 for _ in host.guests]
        phases.append((draw(st.integers(0, 60)) / 100, uses, draw(st.integers(1, 8))))
    return host, phases


def run(play: Play, course: Course) -> None:
    for base, uses, intervals in course:
        play.base = int(base * play.host.total)
        for guest, use in zip(play.host.guests, uses, strict=True):
            play.want[guest.name] = int(use * guest.original)
        play.step(intervals)


# -- limits


def limits_hold(given: tuple[Host, Course]) -> None:
    host, course = given
    play = Play(host)
    run(play, course)
    for view, plan in play.plans:
        targets_are_allowed(view, plan)
        takings_are_limited(view, plan)
        order_is_kept(view, plan)


def targets_are_allowed(view: MemoryView, plan: MemoryPlan) -> None:
    """Held guests stay; nobody gets more than the maximum, or gives what it uses, its reserve or its minimum."""
    assert len({c.uuid for c in plan.changes}) == len(plan.changes)
    for change in plan.changes:
        guest = view.guests[change.uuid]
        assert guest.held is None and guest.used is not None
        assert change.target <= guest.maximum
        floor = max(guest.minimum, guest.used + reserve(guest.used, guest.maximum))
        assert change.target >= min(floor, guest.current), f"{change} of {guest}"
        assert plan.floors[change.uuid] >= floor    # more, where it used more lately


def takings_are_limited(view: MemoryView, plan: MemoryPlan) -> None:
    taken = 0
    for change in plan.changes:
        guest = view.guests[change.uuid]
        gives = guest.current - change.target
        if change.why in ("host-pressure", "for-distress"):
            assert gives >= dead_band(guest.maximum)
            assert gives <= max(guest.maximum // GUEST_PART, dead_band(guest.maximum))
            assert guest.used is not None and gives <= (guest.current - guest.used) // IDLE_PART
            taken += gives
    assert taken == plan.taken <= plan.limit <= 0.1 * view.host.total


def order_is_kept(view: MemoryView, plan: MemoryPlan) -> None:
    """Who gives while a less important one keeps idle memory: only if that one may not give it now."""
    given = {c.uuid: c.current - c.target for c in plan.changes if c.why in ("host-pressure", "for-distress")}
    if not given:
        return
    highest = min(RANK[view.guests[uuid].importance] for uuid in given)
    for uuid, guest in view.guests.items():
        if guest.held is None and RANK[guest.importance] > highest:
            givers = [(u, view.guests[u].importance, g) for u, g in given.items()]
            why = f"{guest} kept memory, beside {givers}: {plan.blocked}"
            assert gave_what_it_may(view, guest, plan, given.get(uuid, 0)), why


def gave_what_it_may(view: MemoryView, guest: GuestMemory, plan: MemoryPlan, gives: int) -> bool:
    band, floor = dead_band(guest.maximum), plan.floors[guest.uuid]
    known = plan.memory.guests[guest.uuid]
    if view.time_ns < known.needs_ns:    # it got that in distress, and keeps it for a while
        floor = max(floor, known.needs)
    if gives:
        return gives + band > min((guest.current - floor) // IDLE_PART, guest.maximum // GUEST_PART)
    at_floor = guest.current - floor < IDLE_PART * band
    waits = known.asked_ns and (guest.told_ns <= known.asked_ns or abs(known.target - guest.current) > band)
    return at_floor or bool(waits) or known.stuck_ns > 0 or in_distress(guest, known)


def in_distress(guest: GuestMemory, known: Remembered | None = None) -> bool:
    """It is short of memory, or will be if the use of one that hpm took from grows on as it did."""
    assert guest.used is not None
    soon = guest.used + (known.growth * SOON if known is not None and known.lean else 0.0)
    return guest.swap_in > 0 or 2 * (guest.current - soon) < reserve(guest.used, guest.maximum)


@sizes(120, 10_000)
def test_limits_always_hold(number: int) -> None:
    for_all(number, limits_hold, courses())


# -- rest


def comes_to_rest(given: tuple[Host, Course]) -> None:
    """Nothing changes any more. (Who swapped keeps what it got for a while, and is asked again then: that is waited
    for.) Only where the host does not know what guests have touched, they may still be getting back what they had, each
    time as much as seems to be left."""
    host, course = given
    play = Play(host)
    run(play, course)
    slowest = max((guest.original / (guest.speed * SECONDS) for guest in host.guests), default=0.0)
    play.step(SETTLING + int(slowest))    # a balloon of terabytes moves for an hour
    for _ in range(100):
        if not asked_again(play):
            break
        play.step(STEADY)
    late = [change for plan in play.step(STEADY) for change in plan.changes]
    slowly = not all(guest.tells_resident for guest in host.guests)
    assert all(slowly and change.why == "pressure-over" for change in late), f"{late} at {play.plans[-1][1]}"


def asked_again(play: Play) -> bool:
    """Whether some guest keeps what it got when it swapped, and will be asked again meanwhile, or was so lately."""
    last, next_ = play.now - int(SETTLING * SECONDS * 1e9), play.now + int(STEADY * SECONDS * 1e9)
    return any(last < known.needs_ns <= next_ for known in play.memory.guests.values())


@sizes(100, 10_000)
def test_constant_load_comes_to_rest(number: int) -> None:
    for_all(number, comes_to_rest, courses())


# -- after pressure


@st.composite
def spikes(draw: st.DrawFn) -> tuple[Host, int, int]:
    """A host with room for all of its guests, how much its own programs use for a while, and for how many intervals."""
    host = draw(memory_hosts(crowded=0.35))
    return host, host.total * draw(st.integers(50, 97)) // 100, draw(st.integers(2, 30))


def comes_back(given: tuple[Host, int, int]) -> None:
    """What a spike took comes back; and pressure does not."""
    host, base, intervals = given
    play = Play(host)
    play.step(10)
    marks = watermarks(host.total)
    assume(play.available >= marks.aim)
    play.base = base
    play.step(intervals)
    play.base = host.base
    after = play.step(SETTLING)
    for guest in host.guests:
        have = play.have[guest.name]
        assert have.current >= guest.original, f"{guest} has {have}"
    assert all(plan.state == "relaxed" for plan in after[3:])


@sizes(100)
def test_after_pressure_everything_comes_back(number: int) -> None:
    for_all(number, comes_back, spikes())


def nobody_is_fed(host: Host) -> None:
    """Without pressure and distress nothing changes: nobody is ballooned up without need."""
    play = Play(host)
    assume(play.available >= watermarks(host.total).end)
    play.step(10)
    for view, plan in play.plans:
        assert all(in_distress(view.guests[change.uuid]) for change in plan.changes)


@sizes(50)
def test_nobody_gets_memory_without_need(number: int) -> None:
    for_all(number, nobody_is_fed, memory_hosts(crowded=0.35))


# -- distress

@st.composite
def needs(draw: st.DrawFn) -> tuple[Host, int]:
    """A host that is short of memory; an important guest, "poor", from which half was taken and that will use so much
    of it; less important ones with idle memory, and any others."""
    some = draw(memory_hosts())
    eighth = some.total // 8
    poor = Guest(
        "poor", draw(st.sampled_from(("highest", "high", "medium"))), eighth, 0, eighth // 2, eighth // 5, 0,
        speed=some.total, lag=draw(st.integers(0, 1)), tells_resident=draw(st.booleans()),
    )  # fmt: skip
    rich = [
        Guest(f"rich{n}", draw(st.sampled_from(("low", "lowest"))), 2 * eighth, 0, 2 * eighth, eighth // 5, 2 * eighth,
              speed=some.total)
        for n in range(3)
    ]  # fmt: skip
    others = [g for g in some.guests if g.importance == "highest" and g.want * 2 < g.original < eighth][:4]
    guests = (poor, *rich, *others)
    held = eighth // 2 + 6 * eighth + sum(g.original for g in others)
    assume(held < 0.95 * some.total)
    available = some.total * draw(st.integers(1, 12)) // 100
    return Host(some.total, some.total - held - available, guests), eighth * draw(st.integers(55, 85)) // 100


def is_helped(given: tuple[Host, int]) -> None:
    """A guest whose use grows while it is ballooned has its memory within two intervals of its report, while less
    important ones have some to give."""
    host, use = given
    play = Play(host)
    poor = host.guests[0]
    play.memory = MemoryMemory({"poor": Remembered("1", poor.maximum, poor.original, 1)})
    play.want["poor"] = use
    play.step(3 + poor.lag)
    view, _ = play.plans[poor.lag]
    assert in_distress(view.guests["poor"])
    assert play.have["poor"].target >= use + reserve(use, poor.maximum) // 2, play.plans[-1]


@sizes(50)
def test_who_needs_memory_is_helped_within_two_intervals(number: int) -> None:
    for_all(number, is_helped, needs())
