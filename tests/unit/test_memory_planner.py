"""How memory moves between guests, case by case."""

from __future__ import annotations

from functools import partial

import msgspec
import pytest

from hpm.memory.plan import HostMind, MemoryMemory, Remembered, as_made
from hpm.memory.planner import plan
from hpm.memory.pressure import watermarks
from hpm.memory.standing import dead_band, reserve
from hpm.memory.state import GuestMemory, HostMemory, MemoryHeld, MemoryView
from hpm.policy.goals import IMPORTANCES
from tests.unit.memory_views import (
    GIB,
    MARKS,
    MIB,
    PLENTY,
    SECOND,
    SHORT,
    START,
    World,
    guest,
    moves,
    pressed,
    view,
    whys,
)  # fmt: skip
from tests.yardstick import lines_run

# -- the host


def test_marks_suit_small_and_large_hosts() -> None:
    small, large = watermarks(2 * GIB), watermarks(4096 * GIB)
    assert 200 * MIB < small.begin < 210 * MIB and small.critical > 60 * MIB
    assert large.begin == 32 * GIB and large.end == 48 * GIB
    assert watermarks(256 * MIB).begin == 64 * MIB
    for marks in (small, large, MARKS):
        assert marks.critical < marks.begin < marks.end < marks.aim < marks.ample


def test_pressure_begins_below_one_mark_and_ends_above_a_higher_one() -> None:
    world = World(guest("a", used=None), available=MARKS.begin + MIB)
    assert world.step().state == "relaxed"
    world.available = MARKS.begin - MIB
    assert world.step().state == "pressure"
    world.available = MARKS.end - MIB
    assert world.step().state == "pressure"
    world.available = MARKS.end
    assert world.step().state == "relaxed"
    world.available = MARKS.critical - MIB
    assert world.step().state == "critical"
    world.available = MARKS.critical + MIB
    assert world.step().state == "critical"
    world.available = MARKS.begin - MIB
    assert world.step().state == "pressure"


def test_tasks_that_wait_for_memory_are_pressure_if_they_go_on() -> None:
    world = World(guest("a", current=20 * GIB), available=12 * GIB)
    world.some = 30.0
    assert world.step().state == "relaxed"
    made = world.step()
    assert made.state == "pressure" and whys(made) == {"a": "host-pressure"}
    world.some = 10.0
    assert world.step().state == "pressure"
    world.some = 1.0
    assert world.step().state == "relaxed"


def test_tasks_that_wait_where_memory_is_ample_wait_for_something_else() -> None:
    world = World(guest("a"), available=MARKS.ample)
    world.some = 90.0
    assert [world.step().state for _ in range(4)] == ["relaxed"] * 4


def test_what_was_given_while_tasks_waited_does_not_bring_that_back() -> None:
    """They waited with 12 GiB available, so more than that is kept for an hour."""
    world = World(guest("a", current=20 * GIB), available=12 * GIB)
    world.some = 30.0
    world.step()
    taken = -moves(world.step())["a"]
    world.some = 0.0
    assert not any(moves(world.step()) for _ in range(50))
    for _ in range(400):
        world.step()
    assert taken > 1000 and world.guests["a"].current == 20 * GIB


# -- giving


def test_the_least_important_give_first() -> None:
    world = World(*(guest(name, name) for name in IMPORTANCES), available=SHORT)
    first = world.step()
    assert whys(first) == {"lowest": "host-pressure"}
    plans = (first, *world.until_quiet())
    givers = [name for made in plans for name, why in whys(made).items() if why == "host-pressure"]
    assert givers == sorted(givers, key=IMPORTANCES.index, reverse=True)
    assert set(givers) >= {"lowest", "low"} and "highest" not in givers


def test_more_important_guests_wait_for_less_important_ones_unless_it_is_critical() -> None:
    """The one of lowest importance may only give an eighth of itself at once."""
    guests = guest("low", "lowest"), guest("high", "highest")
    assert set(moves(plan(view(*guests, available=SHORT), MemoryMemory()))) == {"low"}
    assert set(moves(plan(view(*guests, available=GIB), MemoryMemory()))) == {"low", "high"}


def test_among_equals_who_has_most_idle_memory_gives_first() -> None:
    guests = guest("a", used=2 * GIB), guest("b", used=GIB), guest("c", used=3 * GIB)
    made = plan(view(*guests, available=MARKS.begin - MIB, seconds=0.7), MemoryMemory())
    assert set(moves(made)) == {"b"}


def test_nobody_gives_what_it_uses_or_its_reserve_or_its_minimum() -> None:
    kept = guest("kept", minimum=3 * GIB)
    world = World(guest("a"), kept, available=GIB)
    made = world.until_quiet()[-1]
    assert made.floors == {"a": GIB + reserve(GIB, 4 * GIB), "kept": 3 * GIB}
    for name, floor in made.floors.items():
        assert floor <= world.guests[name].current < floor + 2 * 4 * GIB // 200
        assert made.blocked[name] == "at-floor"


def test_a_small_guest_gives_its_idle_memory_too() -> None:
    world = World(guest("small", current=192 * MIB, used=60 * MIB), available=100 * MIB, total=2 * GIB)
    world.until_quiet()
    assert 60 * MIB + 32 * MIB <= world.guests["small"].current <= 110 * MIB


def test_a_guest_gives_half_of_its_idle_memory_at_once_at_most_and_an_eighth_of_itself() -> None:
    made = plan(view(guest("a", used=3 * GIB), guest("b", used=GIB), available=GIB), MemoryMemory())
    idle = GIB - reserve(3 * GIB, 4 * GIB)
    assert moves(made) == {"a": -(idle // 2 // MIB), "b": -512}


def test_in_one_interval_only_so_much_is_taken() -> None:
    guests = [guest(f"g{n}") for n in range(40)]
    made = plan(view(*guests, available=GIB, seconds=10.0), MemoryMemory())
    assert 0.9 * made.limit < made.taken <= made.limit == 64 * GIB // 10
    assert "rate-limit" in made.blocked.values()
    made = plan(view(*guests, available=GIB, seconds=1.0), MemoryMemory())
    assert made.taken <= made.limit == 64 * GIB // 100
    assert plan(view(*guests, available=GIB, seconds=1000.0), MemoryMemory()).limit == 64 * GIB // 10


def test_who_is_held_or_does_not_report_is_left_alone_and_named() -> None:
    held: tuple[MemoryHeld, ...] = ("excluded", "no-balloon", "booting", "migrating", "paused", "unreachable")
    guests = [guest(why, held=why) for why in held]
    made = plan(view(*guests, guest("silent", used=None), available=GIB), MemoryMemory())
    assert not made.changes
    assert made.blocked == {**{why: why for why in held}, "silent": "no-report"}


def test_nobody_gives_again_before_it_has_reported() -> None:
    world = World(guest("a"), available=GIB)
    assert moves(world.step())
    world.mute = {"a"}
    for _ in range(3):
        made = world.step()
        assert not made.changes and made.blocked == {"a": "settling"}
    for _ in range(4):
        made = world.step()
    assert made.blocked == {"a": "no-report"}
    world.mute = set()
    assert moves(world.step())


def test_an_old_report_says_nothing() -> None:
    made = plan(view(guest("a", told=START - 61 * SECOND), available=GIB), MemoryMemory())
    assert not made.changes and made.blocked == {"a": "no-report"}


def test_what_is_on_its_way_is_not_taken_twice() -> None:
    """The balloons of the slow ones have not moved yet. Nobody else gives for that, critical as it is."""
    slow = [guest(f"slow{n}", "lowest", current=40 * GIB) for n in range(2)]
    world = World(*slow, guest("other"), available=MARKS.critical + 2 * GIB)
    world.memory = MemoryMemory({}, HostMind("critical"))
    world.deaf = {"slow0", "slow1"}
    made = world.step()
    assert made.state == "critical"
    assert made.taken == pytest.approx(MARKS.aim - world.available, abs=200 * MIB)
    made = world.step()
    assert made.state == "critical" and not made.changes


def test_a_driver_that_gives_no_more_is_not_asked_again() -> None:
    world = World(guest("deaf", "lowest"), guest("other"), available=SHORT)
    world.deaf = {"deaf"}
    assert set(moves(world.step())) == {"deaf"}
    later = [world.step() for _ in range(40)]
    assert not any("deaf" in moves(made) for made in later)
    assert later[-1].blocked["deaf"] == "no-gain" and world.guests["other"].current < 4 * GIB
    # Its target is raised all the same, or it would give when nobody wants it any more.
    world.available = PLENTY
    world.step()
    whys_later = [whys(world.step()) for _ in range(10)]
    assert {"deaf": "pressure-over", "other": "pressure-over"} in whys_later
    assert world.memory.guests["deaf"].target == 4 * GIB


def test_a_target_is_never_raised_to_less_than_a_guest_uses() -> None:
    """Its driver gave nothing, and what it was asked for would be too little by now."""
    world = World(guest("deaf", current=8 * GIB, used=5 * GIB), available=GIB)
    world.deaf = {"deaf"}
    for _ in range(6):
        world.step()
    world.set("deaf", used=7 * GIB)
    world.available = MARKS.aim + 200 * MIB    # it has its memory: that costs nothing
    changes = [change for _ in range(10) for change in world.step().changes]
    assert [change.target for change in changes] == [8 * GIB]


def test_a_guest_that_took_more_by_itself_is_left_with_it() -> None:
    """Its driver let go of memory, as some do when a guest runs out of it."""
    world = World(guest("a", current=5 * GIB, maximum=8 * GIB), available=PLENTY)
    world.memory = MemoryMemory({"a": Remembered("1", 4 * GIB, 2 * GIB, 1, None, 2 * GIB, 1)})
    changes = [change for _ in range(10) for change in world.step().changes]
    assert [change.target for change in changes] == [5 * GIB]


# -- giving back


def test_after_pressure_all_come_back_in_order_slowly_and_exactly() -> None:
    world = pressed(guest("a", "low"), guest("b", "highest"), guest("c", "medium"))
    plans = [world.step() for _ in range(40)]
    assert not any(made.changes for made in plans[:3])    # until it has been calm for a while
    givings = [name for made in plans for name in moves(made)]
    assert list(dict.fromkeys(givings)) == ["b", "c", "a"]
    assert all(sum(moves(made).values()) <= 0.05 * 64 * 1024 for made in plans)
    assert all(g.current == 4 * GIB for g in world.guests.values())
    assert not world.step().changes and not world.step().blocked


def test_what_is_given_back_does_not_bring_pressure_back() -> None:
    world = pressed(*(guest(f"g{n}", IMPORTANCES[n]) for n in range(5)))
    world.available = MARKS.aim + 3 * GIB
    plans = [world.step() for _ in range(100)]
    assert world.available >= MARKS.aim
    assert world.available < MARKS.aim + 100 * MIB
    assert not plans[-1].changes and "host-pressure" in plans[-1].blocked.values()


def test_what_a_guest_will_touch_again_counts_already() -> None:
    """Nobody has touched yet what it got back: it is reckoned with, until it has."""
    full = {"current": 4 * GIB, "resident": 4 * GIB}
    world = pressed(*(guest(f"g{n}", **full) for n in range(5)))    # type: ignore[arg-type]
    for name, one in world.guests.items():
        world.set(name, resident=one.current)
    gave = sum(4 * GIB - g.current for g in world.guests.values())
    world.available = MARKS.aim + gave // 2
    available = world.available
    for _ in range(60):
        world.step()
        world.available = available    # they touch nothing
    back = gave - sum(4 * GIB - g.current for g in world.guests.values())
    assert gave // 2 - 100 * MIB < back <= gave // 2


def test_what_a_guest_had_never_touched_costs_nothing() -> None:
    world = pressed(guest("a", resident=GIB + GIB // 2, current=4 * GIB))
    world.available = available = MARKS.aim + 300 * MIB    # enough for the 1.5 GiB that were in use before
    for _ in range(40):
        world.step()
        world.available = available
    assert world.guests["a"].current == 4 * GIB


def test_pressure_that_comes_back_soon_is_waited_for_longer() -> None:
    world = pressed(guest("a"))
    waits = []
    for _ in range(3):
        count = 0
        while not world.step().changes:
            count += 1
        waits.append(count)
        world.available = SHORT
        world.step()
        world.available = PLENTY
    assert waits[1] >= 2 * waits[0] - 2 and waits[2] >= 2 * waits[1] - 3 and waits[2] > 8


def test_nobody_gets_more_than_it_had() -> None:
    """An administrator had ballooned it down, and it is content."""
    world = World(guest("a", current=2 * GIB, maximum=8 * GIB), available=50 * GIB)
    assert not any(world.step().changes for _ in range(20))
    world.available = GIB
    world.until_quiet()
    world.available = 50 * GIB
    for _ in range(60):
        world.step()
    assert world.guests["a"].current == 2 * GIB


def test_what_is_known_after_a_restart_is_enough_to_give_back() -> None:
    world = World(guest("a", current=2 * GIB, maximum=4 * GIB), available=PLENTY)
    world.memory = MemoryMemory({"a": Remembered("1", 4 * GIB, 2 * GIB, 1)})
    world.until_quiet()
    assert world.guests["a"].current == 4 * GIB


def test_another_start_of_a_guest_is_another_guest() -> None:
    world = pressed(guest("a"))
    world.set("a", start="2")
    assert not any(world.step().changes for _ in range(20))
    assert world.memory.guests["a"].original == world.guests["a"].current


def test_what_an_administrator_sets_is_what_it_had() -> None:
    world = pressed(guest("a"))
    world.set("a", current=3 * GIB, held="changed-by-administrator")
    world.step()
    world.set("a", held=None)
    assert not any(world.step().changes for _ in range(20))
    assert world.memory.guests["a"].original == 3 * GIB


def test_who_is_unreachable_for_a_while_gets_its_memory_later() -> None:
    world = pressed(guest("a"))
    world.set("a", held="unreachable")
    assert not any(world.step().changes for _ in range(20))
    world.set("a", held=None)
    world.until_quiet()
    assert world.guests["a"].current == 4 * GIB


# -- what was planned but not made, odd numbers, cost


def test_a_change_that_failed_was_never_asked_for() -> None:
    now = view(guest("a", "lowest"), guest("b", "low"), available=GIB)
    made = plan(now, MemoryMemory())
    assert set(moves(made)) == {"a", "b"}
    memory = as_made(made, MemoryMemory(), frozenset({"a"}))
    assert memory.guests["a"] == Remembered("1", 4 * GIB, 4 * GIB)
    assert memory.guests["b"] == made.memory.guests["b"]
    later = msgspec.structs.replace(now, time_ns=START + SECOND // 2)
    assert "a" in moves(plan(later, memory)) and "b" not in moves(plan(later, memory))


@pytest.mark.parametrize("total", [0, 1, 64 * GIB])
@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e9])
def test_no_numbers_make_the_planner_raise(total: int, seconds: float) -> None:
    odd = [
        guest("nothing", current=0, used=0, maximum=0), guest("too much", used=9 * GIB), guest("above", maximum=GIB),
        guest("below", minimum=8 * GIB), guest("future", told=START + 10**12), guest("negative", used=-GIB),
    ]  # fmt: skip
    memory = MemoryMemory()
    for available in (0, -GIB, GIB, 99 * GIB):
        made = plan(view(*odd, available=available, total=total, seconds=seconds), memory)
        memory = made.memory
        assert all(c.target <= max(made_maximum(odd, c.uuid), c.current) for c in made.changes)


def made_maximum(guests: list[GuestMemory], name: str) -> int:
    return next(g.maximum for g in guests if g.uuid == name)


def test_ten_times_as_many_guests_cost_ten_times_as_much() -> None:
    """In lines of Python that are run; how much that is in time, bench/memory_cost.py tells."""
    guests = {
        f"g{n}": guest(f"g{n}", IMPORTANCES[n % 5], used=GIB + n * 100 * 1024, resident=3 * GIB) for n in range(10_000)
    }
    few = dict(list(guests.items())[::10])
    host = view(available=1000 * GIB, total=50_000 * GIB).host
    for available in (3 * GIB, 20 * GIB, 1000 * GIB):
        now = msgspec.structs.replace(host, available=available)
        steps = {}
        for known in (few, guests):
            seen = MemoryView(START, 10.0, now, known)
            made, steps[len(known)] = lines_run(partial(plan, seen, MemoryMemory()))
            assert len(made.floors) == len(known) and (made.state == "relaxed") == (available == 1000 * GIB)
        assert 5 * 1_000 < steps[1_000] < steps[10_000] < 11 * steps[1_000], steps


def test_who_gave_a_little_less_than_asked_is_not_asked_for_the_same_again() -> None:
    """A driver that gives nothing more, just within the dead band of what it was asked for."""
    band = dead_band(960 * MIB)
    has = 420 * MIB + 2 * band    # two bands beyond its floor: the least that is worth asking for
    asked = has - band
    memory = MemoryMemory({"a": Remembered("1", 480 * MIB, asked, asked_ns=1, nearest=asked, nearest_ns=1)})
    one = GuestMemory("a", "1", "a", "low", has, 960 * MIB, 0, 300 * MIB, 100 * SECOND)
    plan_ = plan(MemoryView(100 * SECOND, 10.0, HostMemory(2 * GIB, 203 * MIB), {"a": one}), memory)
    assert plan_.state == "pressure"
    assert not plan_.changes
    assert plan_.blocked["a"] in ("no-gain", "at-floor")


def test_what_a_guest_used_lately_is_not_taken_from_it() -> None:
    """Its use comes and goes by turns: it keeps what it needs at the height of it, until it has not for a while."""
    world = World(guest("a", used=3 * GIB), available=PLENTY)
    world.step()
    world.set("a", used=GIB)
    world.available = 2 * GIB    # hopelessly few: all that it may give, it gives
    for _ in range(20):
        world.step()
    assert world.guests["a"].current > 3 * GIB
    for _ in range(80):
        world.step()
    assert GIB < world.guests["a"].current < 2 * GIB
