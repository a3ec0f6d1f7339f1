"""A guest that hpm has taken from, and whose use grows: it is helped before it has run out, and before that is due."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hpm.backend.simulated import uuid_of
from hpm.memory.plan import Remembered
from hpm.memory.standing import SOON, grown, is_low, reserve

from .builders import House
from .memory_house import balloons, four, has, records
from .memory_views import GIB, MIB, SECOND, World, guest, moves, pressed, whys
from .test_manager_mom import HALVE, decided_by

TIN = uuid_of("tin")


# -- planning


def lean() -> World:
    """A guest at its floor; the host has plenty again, but nothing is given back yet."""
    world = pressed(guest("a", used=GIB))
    floor = GIB + reserve(GIB, 4 * GIB)
    assert world.guests["a"].current == pytest.approx(floor, abs=30 * MIB)
    return world


def test_growth_that_would_take_half_of_the_reserve_is_distress() -> None:
    world, kept = lean(), reserve(GIB, 4 * GIB)
    left = world.guests["a"].current - GIB - kept // 2    # until it has hardly any left
    more = left * 6 // 10
    world.set("a", used=GIB + more)    # it will have, with the next report
    made = world.step(5.0)
    assert whys(made) == {"a": "distress"}
    assert moves(made)["a"] > (kept + more) // MIB    # with what it will need until it is there


def test_a_little_growth_is_none() -> None:
    world = lean()
    world.set("a", used=GIB + 20 * MIB)
    assert not world.step(5.0).distressed


def test_a_guest_that_has_all_that_it_had_may_grow_as_it_likes() -> None:
    world = World(guest("a", used=GIB, current=2 * GIB, maximum=4 * GIB), available=40 * GIB)
    world.step()
    world.set("a", used=GIB + 700 * MIB)
    assert not world.step(5.0).distressed


def test_growth_is_told_by_reports_after_the_balloon_was_moved() -> None:
    known = Remembered("1", 4 * GIB, 2 * GIB, asked_ns=10 * SECOND, used=GIB, told_ns=20 * SECOND)
    assert grown(known, GIB + 100 * MIB, 30 * SECOND) == 10 * MIB
    assert grown(known, GIB - MIB, 30 * SECOND) == 0.0
    assert grown(known, GIB + 10 * MIB, 21 * SECOND) == 5 * MIB    # reports tell whole seconds
    before = msgspec.structs.replace(known, told_ns=9 * SECOND)
    assert grown(before, 2 * GIB, 30 * SECOND) == 0.0
    same = msgspec.structs.replace(known, growth=7.0)
    assert grown(same, GIB, 20 * SECOND) == 7.0    # the same report


def test_low_is_half_of_the_reserve_now_or_soon() -> None:
    kept = reserve(GIB, 4 * GIB)
    assert not is_low(GIB + kept // 2, GIB, 4 * GIB)
    assert is_low(GIB + kept // 2 - 1, GIB, 4 * GIB)
    assert is_low(GIB + kept, GIB, 4 * GIB, kept / 2 / SOON + 1)
    assert not is_low(GIB + kept, GIB, 4 * GIB, kept / 2 / SOON)


def test_what_may_be_too_much_by_a_moving_balloon_is_no_distress() -> None:
    """It reported while its balloon moved: what it had then is not known, nor what it used."""
    world = lean()
    world.set("a", used=GIB + 400 * MIB, blurred=400 * MIB)
    made = world.step(5.0)
    assert not made.distressed
    assert made.memory.guests["a"].growth == 0.0
    world.set("a", used=GIB + 400 * MIB, blurred=0)
    assert world.step(5.0).distressed == ("a",)


# -- at work


@pytest.fixture
def house(tmp_path: Path) -> House:
    """An interval of 30 s, and guests that have given."""
    house = four(tmp_path, interval=30.0)
    house.manager.set_memory_level("on")
    house.step(8)
    assert has(house, "tin") < 3500
    return house


def asked_after(house: House, since_ns: int) -> list[float]:
    """Seconds after which the guest's balloon was asked to give some back."""
    was, found = 0, []
    for write in house.host.writes:
        if (write.uuid, write.control) == (TIN, "balloon"):
            if write.time_ns > since_ns and (write.value or 0) > was:
                found.append((write.time_ns - since_ns) / 1e9)
            was = write.value or 0
    return found


def test_help_comes_within_seconds_whatever_the_interval(house: House) -> None:
    cycles = len(records(house))
    begin = house.host.now_ns
    house.host.set_memory_need(TIN, has(house, "tin") - 100)    # nearly all that it has
    house.step()
    assert asked_after(house, begin)[0] < 5.0
    assert has(house, "tin") > 1500
    assert records(house)[cycles].cause == "distress"


def test_one_whose_use_does_not_grow_is_let_alone(house: House) -> None:
    begin = house.host.now_ns
    house.step(3)
    assert not asked_after(house, begin)


def test_nobody_is_helped_out_of_turn_where_policies_decide(house: House) -> None:
    decided_by(house, "mom", HALVE)
    house.step(2)
    begin = house.host.now_ns
    house.host.set_memory_need(TIN, 1990)
    house.step()
    assert [seconds for seconds in asked_after(house, begin) if seconds < 29] == []


def test_a_guest_that_a_policy_decides_on_is_left_to_it(house: House) -> None:
    decided_by(house, "goals-and-mom", HALVE)
    house.step(2)
    begin = house.host.now_ns
    house.host.set_memory_need(TIN, 1990)
    house.step()
    assert [seconds for seconds in asked_after(house, begin) if seconds < 29] == []


def test_glances_are_taken_only_while_somebody_has_given(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.host.set_host_memory(64 * 1024)
    house.manager.set_memory_level("on")
    house.step(3)
    assert not house.manager.glances()
    house.host.set_host_memory(11 * 1024)
    house.step(6)
    assert balloons(house, "tin")
    assert house.manager.glances()
    house.manager.set_memory_level("off")
    assert not house.manager.glances()
