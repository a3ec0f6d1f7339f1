"""What the loop does next, and when."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import pytest

from hpm.manager.loop import GLANCES_APART, GLANCES_DUTY, LOOKS_APART, PLANS_APART, PLANS_DUTY, Deed, Timetable

SECOND = 1_000_000_000
INTERVAL = 10 * SECOND
TICK = SECOND // 20


def course(
    until: int, *, wanted: Mapping[int, int] = {}, changed: int | None = None, glances: bool = False,
    costs: Mapping[Deed, int] = {}, interval: int = INTERVAL,
) -> list[tuple[int, Deed]]:  # fmt: skip
    """What is done until then. `wanted`: at which moments a plan becomes wanted, and from when on; `changed`: when
    servers change."""
    timetable, done = Timetable(0, interval), list[tuple[int, Deed]]()
    since, news = None, False
    for now in range(0, until, TICK):
        since, news = wanted.get(now, since), news or now == changed
        when, deed = timetable.next(since, changed=news, glances=glances)
        if when <= now:
            done.append((now, deed))
            timetable.done(deed, now, costs.get(deed, 0))
            since, news = None if deed == "cycle" else since, news and deed == "glance"
    return done


def test_the_first_cycle_comes_soon_and_the_others_an_interval_apart() -> None:
    assert course(35 * SECOND) == [(s * SECOND, "cycle") for s in (1, 11, 21, 31)]


def test_a_cycle_out_of_turn_leaves_the_others_where_they_are() -> None:
    done = course(25 * SECOND, wanted={14 * SECOND: 0})
    assert done == [(s * SECOND, "cycle") for s in (1, 11, 14, 21)]


def test_a_cycle_out_of_turn_takes_the_place_of_one_that_would_follow_at_once() -> None:
    moment = 20 * SECOND + SECOND // 2
    assert course(35 * SECOND, wanted={moment: 0}) == [
        (1 * SECOND, "cycle"), (11 * SECOND, "cycle"), (moment, "cycle"), (31 * SECOND, "cycle")
    ]  # fmt: skip


def test_cycles_out_of_turn_are_a_second_apart() -> None:
    done = course(25 * SECOND, wanted={14 * SECOND: 0, 14 * SECOND + TICK: 0})
    assert done[2:4] == [(14 * SECOND, "cycle"), (14 * SECOND + PLANS_APART, "cycle")]


def test_a_regular_cycle_waits_for_a_plan_that_is_wanted_a_moment_later() -> None:
    """Half a window would be planned for otherwise."""
    later = 21 * SECOND + SECOND // 2
    assert course(25 * SECOND, wanted={20 * SECOND: later})[2:] == [(later, "cycle")]


def test_costly_cycles_out_of_turn_are_rarer() -> None:
    cost = SECOND // 20
    done = course(30 * SECOND, wanted={12 * SECOND: 0}, costs={"cycle": cost})
    assert (11 * SECOND + PLANS_DUTY * cost, "cycle") in done
    assert (12 * SECOND, "cycle") not in done


def test_a_look_follows_a_change_but_not_in_a_storm() -> None:
    assert course(9 * SECOND, changed=3 * SECOND) == [(1 * SECOND, "cycle"), (3 * SECOND, "look")]
    assert course(9 * SECOND, changed=SECOND + TICK)[1] == (SECOND + LOOKS_APART, "look")


@pytest.mark.parametrize("cost, apart", [(0, GLANCES_APART), (SECOND // 100, GLANCES_DUTY * SECOND // 100)])
def test_glances_come_in_between_the_rarer_the_costlier(cost: int, apart: int) -> None:
    done = course(11 * SECOND, glances=True, costs={"glance": cost})
    times = [when for when, deed in done if deed == "glance" and when > SECOND]
    assert times[0] == SECOND + apart
    assert {after - before for before, after in pairwise(times)} == {apart}


def test_no_glance_takes_the_place_of_a_cycle() -> None:
    assert (11 * SECOND, "cycle") in course(12 * SECOND, glances=True)


def test_intervals_that_were_slept_through_are_left_out() -> None:
    timetable = Timetable(0, INTERVAL)
    timetable.done("cycle", 57 * SECOND, 0)
    assert timetable.next(None, changed=False, glances=False) == (61 * SECOND, "cycle")


def test_every_interval_of_a_second_has_its_cycle() -> None:
    assert len(course(20 * SECOND, interval=SECOND)) == 19


def test_the_next_plan_out_of_turn_comes_a_second_after_the_last_one_ended() -> None:
    """It looks at the time since then, and a shorter window tells nothing."""
    timetable = Timetable(0, 10 * SECOND)
    timetable.done("cycle", 3 * SECOND + SECOND // 2, 0)    # begun at 3 s
    assert timetable.next(0, changed=False, glances=False) == (4 * SECOND + SECOND // 2, "cycle")
