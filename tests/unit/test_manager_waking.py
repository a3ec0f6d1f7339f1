"""Servers that wake, start and change while others compete: what the loop does between two intervals' ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpm.backend.simulated import BusyIdle, Idle, Periodic, uuid_of

from .builders import SPIN, House, Wish, guest

#: Goals that can all be met when everybody works.
WISHES: dict[str, Wish] = {"u": (75, "highest"), "s": (25, "medium"), "a": None, "b": None, "c": None}
NANOSECONDS = 1_000_000_000


def velocity(house: House, name: str, seconds: float) -> float:
    """Velocity in percent from now on, without a look of hpm's."""
    before = house.host.glance().counters[uuid_of(name)]
    house.host.advance(seconds)
    after = house.host.glance().counters[uuid_of(name)]
    using, delay = sum(after.run_ns) - sum(before.run_ns), sum(after.delay_ns) - sum(before.delay_ns)
    return 100.0 * using / max(1, using + delay)


def with_a_sleeper(directory: Path) -> House:
    """`u` sleeps, was seen working before, and the others spin."""
    house = House(directory, [guest("u"), *(guest(name) for name in "sabc")])
    house.manage(WISHES)
    house.step(3)
    house.host.set_load(uuid_of("u"), Idle())
    house.step(6)
    return house


def test_a_server_that_was_seen_working_is_at_its_goal_in_its_first_second(tmp_path: Path) -> None:
    house = with_a_sleeper(tmp_path)
    begin = house.host.now_ns
    for _ in range(5):
        house.host.set_load(uuid_of("u"), SPIN)
        assert velocity(house, "u", 1.0) >= 75 / 1.05
        house.step(2)
        assert house.status("u") == house.status("s") == "met"
        house.host.set_load(uuid_of("u"), Idle())
        house.step(2)
    assert not house.writes(since_ns=begin), "everybody's weight holds whether it sleeps or not"


def test_one_that_was_never_seen_is_taken_to_need_all_its_vcpus(tmp_path: Path) -> None:
    house = House(tmp_path, [guest("u", load=Idle()), *(guest(name) for name in "sabc")])
    house.manage(WISHES)
    house.step(2)
    house.host.set_load(uuid_of("u"), SPIN)
    assert velocity(house, "u", 1.0) >= 75 / 1.05


def test_where_not_all_can_be_awake_the_more_important_one_wakes_at_its_goal(tmp_path: Path) -> None:
    wishes: dict[str, Wish] = {"u": (75, "highest"), "v": (90, "medium"), "w": (90, "medium"), "x": None}
    house = House(tmp_path, [guest("u", load=Idle()), *(guest(name) for name in "vwx")])
    house.manage(wishes)
    house.step(3)
    assert house.status("v") == house.status("w") == "met"
    house.host.set_load(uuid_of("u"), SPIN)
    assert velocity(house, "u", 1.0) >= 75 / 1.05


def test_a_plan_follows_a_second_after_a_server_woke_and_not_at_the_interval_s_end(tmp_path: Path) -> None:
    wishes: dict[str, Wish] = {"a": (75, "highest"), "b": None, "c": None, "u": None}
    house = House(tmp_path, [*(guest(name, 100) for name in "abc"), guest("u", 10000, Idle())], interval=10.0)
    with house.manager.change() as change:
        change.catalog = change.catalog.with_settings(uuid_of("u"), change.catalog.settings(uuid_of("u")))
    house.manage({name: wishes[name] for name in "abc"})
    house.step(2)
    begin = house.host.now_ns
    house.host.set_load(uuid_of("u"), SPIN)    # not ours to squeeze, so the three share what they had
    house.step()
    times = [(time - begin) / NANOSECONDS for time, _, _ in house.writes(since_ns=begin)]
    assert not times or min(times) <= 3.0


def test_a_server_that_starts_is_at_its_goal_within_three_seconds(tmp_path: Path) -> None:
    house = House(tmp_path, [guest("u", status="shut-off"), *(guest(name) for name in "sabc")], interval=10.0)
    house.manage(WISHES)
    house.step(2)
    house.host.start(uuid_of("u"))
    begin = house.host.now_ns
    house.step()
    assert house.writes(since_ns=begin)
    assert min(time for time, _, _ in house.writes(since_ns=begin)) - begin <= 3 * NANOSECONDS
    house.step()
    assert house.status("u") == house.status("s") == "met"


def test_bursts_bring_no_storm_of_writes(tmp_path: Path) -> None:
    bursts = [guest("u", load=BusyIdle(busy_s=1.93, idle_s=2.37)), guest("s", load=BusyIdle(busy_s=3.11, idle_s=2.93))]
    house = House(tmp_path, [*bursts, *(guest(name) for name in "abc")])
    house.manage(WISHES)
    house.step(5)
    begin = house.host.now_ns
    house.step(40)
    assert len(house.writes(since_ns=begin)) <= 40 * 5 / 10


def test_a_new_kind_of_load_is_served_within_two_intervals(tmp_path: Path) -> None:
    house = House(tmp_path, [guest("u"), *(guest(name) for name in "sabc")])
    house.manage(WISHES)
    house.step(4)
    for load in (Periodic(on_ms=2, off_ms=8), SPIN, Periodic(on_ms=50, off_ms=50), SPIN):
        house.host.set_load(uuid_of("u"), load)
        house.step(2)
        seen = []
        for _ in range(4):
            house.step()
            seen.append(house.status("u"))
        assert seen.count("met") >= 3, load


# -- reserves


@pytest.mark.parametrize("wish", [(10, "lowest"), None], ids=["lowest", "discretionary"])
def test_a_reserve_holds_whatever_the_goals_say(tmp_path: Path, wish: Wish) -> None:
    house = House(tmp_path, [guest(name) for name in "rabc"])
    house.say("r", cpu_reserve=0.5)
    house.manage({"r": wish, "a": (99, "highest"), "b": (99, "highest"), "c": (99, "highest")})
    house.step(2)
    for _ in range(10):
        house.step()
        assert house.seen("r").using >= 0.5


def test_a_reserve_holds_again_when_others_wake(tmp_path: Path) -> None:
    house = House(tmp_path, [guest("r"), *(guest(name, load=Idle()) for name in "abcd")])
    house.say("r", cpu_reserve=0.6)
    house.manage({"r": None, **dict.fromkeys("abcd", (60, "highest"))})
    house.step(2)
    for name in "abcd":
        house.host.set_load(uuid_of(name), SPIN)
    house.step(2)
    for _ in range(10):
        house.step()
        assert house.seen("r").using >= 0.98 * 0.6


def test_a_server_without_a_policy_has_its_reserve_and_is_not_squeezed(tmp_path: Path) -> None:
    house = House(tmp_path, [guest("r", 200), guest("fair", 2000), guest("a"), guest("b")])
    house.say("r", cpu_reserve=0.5)
    house.say("fair", cpu_reserve=0.1)
    house.step(4)
    before = house.seen("fair").using
    house.manage({"a": (90, "highest"), "b": (90, "highest")})
    house.step(3)
    for _ in range(5):
        house.step()
        assert house.seen("r").using >= 0.5
        assert house.seen("fair").using >= 0.85 * before
    assert house.status("r") == "unmanaged"
    house.say("r", cpu_reserve=None)
    house.step(2)
    assert house.share("r") == 200
