"""Guests that swap or have hardly any memory left, case by case."""

from __future__ import annotations

import pytest

from hpm.memory.plan import MemoryMemory, Remembered
from hpm.memory.planner import plan
from hpm.memory.standing import reserve
from hpm.policy.goals import IMPORTANCES
from tests.unit.memory_views import GIB, MARKS, MIB, PLENTY, SECOND, START, World, guest, moves, pressed, view, whys


def test_who_has_hardly_any_left_gets_its_memory_at_once() -> None:
    world = pressed(guest("a"), guest("b"))
    world.set("a", used=world.guests["a"].current - 50 * MIB)
    made = world.step()
    assert whys(made) == {"a": "distress"} and world.guests["a"].current == 4 * GIB


def test_use_that_was_never_ballooned_gets_more_than_it_had_in_distress() -> None:
    world = World(guest("a", current=2 * GIB, maximum=8 * GIB, used=2 * GIB - 50 * MIB), available=50 * GIB)
    assert whys(world.step()) == {"a": "distress"}
    one = world.guests["a"]
    assert one.used is not None and one.current >= one.used + reserve(one.used, one.maximum)
    assert not any(world.step().changes for _ in range(10))


def test_distress_is_helped_at_the_cost_of_less_important_guests() -> None:
    poor = guest("poor", "medium", current=2 * GIB, maximum=8 * GIB, used=2 * GIB)
    others = [guest(name, importance) for name, importance in zip("abc", ("high", "lowest", "medium"), strict=True)]
    made = plan(view(poor, *others, available=MARKS.critical - MIB), MemoryMemory())
    reasons = whys(made)
    assert reasons["poor"] == "distress" and reasons["b"] == "for-distress"
    assert reasons.get("a") != "for-distress"


def test_what_others_gave_for_distress_is_not_kept_by_the_host() -> None:
    """The host has hardly any itself, and would keep all that guests give; they give no more before they report."""
    poor = guest("poor", "high", current=4 * GIB, maximum=6 * GIB, used=4 * GIB - MIB)
    rich = [guest(f"rich{n}", "low", current=8 * GIB) for n in range(2)]
    world = World(poor, *rich, available=100 * MIB)
    first = world.step()
    world.mute = {"rich0", "rich1"}
    second = world.step()
    assert "for-distress" in whys(first).values() and first.blocked["poor"] == "settling"
    assert world.guests["poor"].current >= 5 * GIB - 100 * MIB and whys(second)["poor"] == "distress"


def test_the_most_important_in_distress_is_helped_first() -> None:
    poor = [guest(i, i, current=2 * GIB, maximum=8 * GIB, used=2 * GIB) for i in reversed(IMPORTANCES)]
    made = plan(view(*poor, available=MARKS.critical + 600 * MIB), MemoryMemory())
    assert [c.uuid for c in made.changes] == ["highest", "high"]
    assert made.blocked == dict.fromkeys(IMPORTANCES[1:], "host-pressure")


def test_equals_give_for_distress_if_they_are_idle() -> None:
    poor = guest("poor", current=2 * GIB, maximum=8 * GIB, used=2 * GIB)
    made = plan(view(poor, guest("equal"), guest("more", "high"), available=MARKS.critical), MemoryMemory())
    assert whys(made)["poor"] == "distress" and whys(made)["equal"] == "for-distress"


def test_without_anybody_to_give_distress_is_told() -> None:
    poor = guest("poor", "lowest", current=2 * GIB, maximum=8 * GIB, used=2 * GIB)
    made = plan(view(poor, guest("more", "high", used=3 * GIB + 600 * MIB), available=MARKS.critical), MemoryMemory())
    assert not made.changes and made.blocked["poor"] == "host-pressure"


def test_who_has_its_maximum_gets_no_more() -> None:
    made = plan(view(guest("a", used=4 * GIB), available=PLENTY), MemoryMemory())
    assert not made.changes and made.blocked == {"a": "at-maximum"}


def test_who_is_in_distress_while_it_still_gives_gives_no_more() -> None:
    """Its balloon is on its way down, and there is nothing to give it."""
    poor = guest("poor", current=3 * GIB, maximum=4 * GIB, used=3 * GIB - MIB)
    known = MemoryMemory({"poor": Remembered("1", 4 * GIB, 2 * GIB, START - SECOND, 4 * GIB, 3 * GIB, START - SECOND)})
    made = plan(view(poor, available=MIB), known)
    assert moves(made) == {"poor": 0} and whys(made) == {"poor": "distress"}


@pytest.mark.parametrize("sign", [{"swap_in": 1e6}, {"swap_out": 2e6}, {"major_faults": 500.0}])
def test_who_swaps_gets_back_what_was_taken_and_keeps_it(sign: dict[str, float]) -> None:
    world = pressed(guest("a"), guest("b"))
    world.set("a", **sign)
    assert whys(world.step()) == {"a": "distress"} and world.guests["a"].current == 4 * GIB
    world.set("a", **dict.fromkeys(sign, 0.0))
    world.available = GIB
    assert not any("a" in moves(world.step()) for _ in range(59))
    assert "a" in [name for _ in range(5) for name in moves(world.step())]


def test_who_swaps_again_soon_keeps_its_memory_for_longer() -> None:
    world = pressed(guest("a"), guest("b"))
    kept = []
    for _ in range(2):
        world.available = PLENTY
        world.set("a", swap_in=1e6)
        assert whys(world.step())["a"] == "distress"
        world.set("a", swap_in=0.0)
        world.available = GIB
        kept.append(0)
        while "a" not in moves(world.step()):
            kept[-1] += 1
    assert kept == [59, 119]


def test_faults_of_a_guest_with_much_usable_memory_are_no_distress() -> None:
    world = World(guest("a", major_faults=500.0, swap_in=1e6, maximum=8 * GIB), available=50 * GIB)
    assert not any(world.step().changes for _ in range(5))


def test_half_a_reserve_is_enough() -> None:
    """At its floor a guest may use a little more without being in distress at once."""
    world = pressed(guest("a"))
    world.available = GIB
    used = GIB + reserve(GIB, 4 * GIB) // 3
    world.set("a", used=used)
    assert not any(world.step().changes for _ in range(10))
