"""Hosts on which the planner once went wrong in ways that random hosts seldom show."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from hpm.engine.learned import Memory
from hpm.engine.plan import Candidate
from hpm.engine.planner import plan
from hpm.engine.windows import HostWindow, ServerWindow
from hpm.policy.assignment import Assignment
from hpm.policy.goals import VelocityGoal
from tests.properties.fluid import Host, Load, Server, Used
from tests.properties.play import Play

#: It needs a correction: its latency after each wake-up is no matter of weight alone.
DB = Server("db", load=Load(0.002, 0.008, 0.002), goal=75, importance="high")
WEB = Server("web", goal=50, importance="medium")
SPINNERS = tuple(Server(f"rest{number}") for number in range(3))


def ticking(turn: int) -> Host:
    """Six idle guests, one of whom uses a little more than 1 % of a CPU, each time another one."""
    idle = tuple(
        Server(f"idle{n}", load=Load(0.0011, 0.0989), working=int(n == turn % 6), goal=30, importance="low")
        for n in range(6)
    )
    return Host(2, (DB, WEB, *SPINNERS, *idle))


def test_who_is_all_but_idle_does_not_end_learning() -> None:
    play = Play(ticking(0))
    for turn in range(20):
        play.host = ticking(turn)
        play.step()
    assert (play.velocity("db") or 0.0) >= 0.75 / 1.05
    assert (play.velocity("web") or 0.0) >= 0.50 / 1.05


def test_a_sleeper_squeezes_nobody_for_unmanaged_ones() -> None:
    """Its weight would be above what shares can be; the others are not scaled down for that."""
    busy = (Server("g", vcpus=2, working=2, goal=60, importance="high"), *(Server(f"d{n}") for n in range(9)))
    unmanaged = Server("u", vcpus=2, working=2, goal=None)
    sleeper = Server("sleeper", vcpus=16, working=0, goal=90)
    velocities = []
    for servers in ((*busy, unmanaged), (*busy, unmanaged, sleeper)):
        play = Play(Host(2, servers))
        play.step(6)
        velocities.append(play.velocity("g") or 0.0)
    assert velocities[1] >= velocities[0] - 0.02
    assert velocities[1] >= 0.60 / 1.05


def test_who_was_left_alone_for_a_while_is_new() -> None:
    def host(*, working: int, held: str | None) -> Host:
        sleeper = Server("sleeper", working=working, goal=90, held=held, shares=100)
        return Host(1, (sleeper, Server("a", goal=30, importance="low"), *SPINNERS))

    play = Play(host(working=0, held=None))
    play.step(4)
    assert play.shares["sleeper"] > 1000
    play.host = host(working=0, held="excluded")
    play.shares["sleeper"] = 100    # given back
    play.step(2)
    play.host = host(working=0, held=None)
    play.step(2)
    play.host = host(working=1, held=None)
    assert (play.velocity("sleeper") or 0.0) >= 0.90 / 1.05


def test_a_parent_without_capacity_spoils_no_other_parents_plan() -> None:
    def candidate(name: str, parent: str, using: float, goal: int) -> Candidate:
        said, delay = Assignment("app", False, None, None, "day", name, "high", VelocityGoal(goal)), 1.0 - using
        window = ServerWindow(name, "busy", 1, 1, using, delay, 0.0)
        return Candidate(name, "1", parent, 1024, 1024, window, said, None)

    servers = [
        candidate("a", "starved", 0.0, 60), candidate("b", "starved", 0.0, 60),
        candidate("c", "fed", 0.5, 70), candidate("d", "fed", 0.5, 20),
    ]  # fmt: skip
    made = plan(HostWindow(1.0, 1, 0.0, 0.0, {}), servers, Memory(), 1)
    assert [decision.parent for decision in made.decisions] == ["fed"]
    assert "starved" not in made.memory.parents, "it is still to be planned"


def test_reserves_that_fit_are_planned_whole() -> None:
    reserves = (Server("one", reserve=1.0), Server("two", vcpus=2, working=2, reserve=0.95))
    play = Play(Host(2, (*reserves, *SPINNERS)))
    play.step(12)
    used = play.used()
    assert used["one"].using >= 0.97
    assert used["two"].using >= 0.92


def test_a_reserve_holds_against_unmanaged_servers() -> None:
    """Who is not named keeps its weight, and so a part of the rest; the reserve is taken off before."""
    unmanaged = tuple(Server(f"u{n}", goal=None) for n in range(9))
    for goals in ((), (Server("app", goal=50, importance="high"),)):
        play = Play(Host(2, (Server("r", goal=None, reserve=1.0), *goals, *unmanaged)))
        play.step(4)
        used = play.used()
        assert used["r"].using >= 0.97
        assert all(used[f"u{n}"].using >= 0.08 for n in range(9)), used
        assert all(play.shares[f"u{n}"] == 1024 for n in range(9))


def test_who_is_left_when_an_important_one_falls_asleep_has_the_weight_it_had() -> None:
    def host(working: int) -> Host:
        important = Server("important", goal=90, importance="high", working=working)
        return Host(1, (important, Server("discretionary"), Server("unmanaged", goal=None)))

    play = Play(host(1))
    play.step(3)
    assert play.shares["discretionary"] < 200
    play.host = host(0)
    play.step(2)
    assert play.used()["discretionary"].using >= 0.45
    play.host = host(1)
    play.step(2)
    assert play.used()["unmanaged"].using >= 0.30


def test_who_has_a_reserve_alone_is_not_squeezed_when_it_wakes() -> None:
    def host(working: int) -> Host:
        reserved = Server("r", goal=None, reserve=0.1, working=working)
        return Host(1, (reserved, Server("a", goal=30, importance="high"), Server("d")))

    awake, woken = Play(host(1)), Play(host(0))
    awake.step(3)
    woken.step(3)
    woken.host = host(1)
    woken.step(1)
    assert woken.used()["r"].using >= awake.used()["r"].using - 0.05


def test_who_was_paused_is_still_known() -> None:
    def host(held: str | None) -> Host:
        return Host(2, (msgspec.structs.replace(DB, held=held), WEB, *SPINNERS))

    play = Play(host(None))
    play.step(8)
    learned = play.memory.servers["db"].correction
    assert learned > 1.2
    play.host = host("paused")
    play.step(1)
    play.host = host(None)
    play.step(1)
    assert play.memory.servers["db"].correction == learned


def test_a_promise_of_an_earlier_plan_is_not_kept_for_who_sleeps() -> None:
    def host(working: int) -> Host:
        return Host(2, (Server("a", goal=90, working=working), Server("b", goal=60, importance="low"), *SPINNERS))

    play = Play(host(1))
    play.step(3)
    assert play.memory.servers["a"].planned is not None
    play.host = host(0)
    play.generation = 2
    play.host = msgspec.structs.replace(
        play.host, servers=tuple(msgspec.structs.replace(s, goal=50) if s.name == "b" else s for s in play.host.servers)
    )
    play.step(2)
    assert play.memory.servers["a"].planned is None


def test_a_server_of_unknown_weight_spoils_no_plan() -> None:
    app = Assignment("app", False, None, None, "day", "a", "high", VelocityGoal(20))
    window = ServerWindow("a", "busy", 1, 1, 0.15, 0.3, 0.0)
    unknown = ServerWindow("u", "busy", 1, 1, 0.5, 0.4, 0.0)
    servers = [
        Candidate("a", "1", "machine", 1024, 1024, window, app, None, 0.2),
        Candidate("u", "1", "machine", None, 0, unknown, Assignment("default", False, None, None), "no-policy"),
    ]
    assert plan(HostWindow(1.0, 4, 3.0, 0.0, {}), servers, Memory(), 1).forecasts["a"].cpus > 0.1


def before_and_after(host: Host, intervals: int) -> tuple[dict[str, Used], dict[str, Used]]:
    """What servers did with the shares they had, and what they do some intervals later."""
    play = Play(host)
    before = play.used()
    play.step(intervals)
    return before, play.used()


def test_what_a_capped_server_leaves_of_its_weight_is_not_lost() -> None:
    """It needs much weight for a tenth of the time; in the rest of it the others have what they had."""
    others = tuple(Server(f"d{n}") for n in range(3))
    host = Host(1, (*others, Server("unmanaged", goal=None), Server("capped", goal=60, cap=0.1)))
    before, after = before_and_after(host, 1)
    assert after["capped"].using / (after["capped"].using + after["capped"].delay) >= 0.60
    for name in ("d0", "d1", "d2", "unmanaged"):
        assert after[name].using == pytest.approx(before[name].using, rel=0.01)


def test_who_was_not_named_has_the_same_beside_sleepers() -> None:
    """A sleeper wins with its weight when it wakes, and it is not the others' loss, nor anybody's gain."""
    sleeper = Server("db", vcpus=2, working=2, load=Load(0.002, 0.018), goal=75)
    host = Host(2, (sleeper, Server("app"), Server("batch"), Server("unmanaged", goal=None, shares=2048)))
    before, after = before_and_after(host, 1)
    assert after["db"].using / (after["db"].using + after["db"].delay) >= 0.75
    assert after["unmanaged"].using == pytest.approx(before["unmanaged"].using, rel=0.03)


def test_a_reserve_that_is_its_own_cap_is_not_missed_by_a_hair() -> None:
    """It cannot be planned larger, and what is measured varies."""
    reserved = Server("r", reserve=0.2, cap=0.2)
    host = Host(4, (reserved, Server("a", vcpus=4, working=4, goal=75), *SPINNERS, Server("unmanaged", goal=None)))
    source = random.Random(1)

    def disturb(seen: ServerWindow) -> ServerWindow:
        return msgspec.structs.replace(seen, using=seen.using * source.uniform(0.97, 1.0))

    play = Play(host, disturb)
    play.step(3)
    assert not any(interval.changes for interval in play.step(20))


def test_who_cannot_be_given_more_weight_is_no_reason_for_plans() -> None:
    """The reserves are at the largest shares there are; the others' weights stay, and it is said why."""
    unmanaged = tuple(Server(f"u{n}", vcpus=2, working=2, goal=None, shares=9886) for n in range(5))
    reserves = tuple(Server(f"r{n}", vcpus=3, working=3, reserve=2.7) for n in range(4))
    play = Play(Host(20, (*unmanaged, *reserves, Server("app", goal=10), Server("rest", vcpus=8, working=8))))
    assert max(play.step(4)[0].changes.values()) == 10000
    later = play.step(10)
    assert not any(interval.changes for interval in later)
    assert later[-1].plan.forecasts["r0"].reason == "ratio-limit"


def test_a_wide_sleeper_gets_what_was_planned_and_not_more() -> None:
    """Its vCPUs share its weight with those that are runnable just then, and that are seldom all of them."""
    wide = tuple(Server(f"wide{n}", vcpus=8, working=8, load=Load(0.005, 0.015), goal=60) for n in range(3))
    play = Play(Host(8, (*wide, Server("app", vcpus=2, working=2, goal=50, importance="low"), *SPINNERS)))
    (interval,) = play.step()
    for name in ("wide0", "app", "rest0"):
        assert play.velocity(name) == pytest.approx(interval.plan.forecasts[name].velocity, abs=0.03), name


def test_equals_that_all_have_less_than_planned_are_left_alone() -> None:
    """What the level lacks as a whole is nobody's fault. It is measured in velocities: what sleepers use varies less
    than these."""
    wide = tuple(
        Server(f"wide{n}", vcpus=8, working=8, load=Load(0.009, 0.016, 0.002), goal=75) for n in range(5)
    )
    unmanaged = tuple(Server(f"u{n}", vcpus=2, working=2, goal=None, shares=2048) for n in range(5))
    play = Play(Host(21, (*wide, *unmanaged, *SPINNERS)))
    play.step(6)
    assert not any(interval.changes for interval in play.step(20))


def test_what_was_promised_to_other_work_is_no_reason_to_learn() -> None:
    """A second vCPU begins to work. It is planned for, and nobody is corrected for what the first one was promised."""
    def host(working: int) -> Host:
        app = Server("app", vcpus=2, working=working, goal=75, importance="lowest")
        wide = tuple(Server(f"wide{n}", vcpus=11, working=11, goal=30, importance="lowest") for n in range(5))
        return Host(3, (app, *wide))

    play = Play(host(1))
    play.step(8)
    play.host = host(2)
    play.step(8)
    assert play.memory.servers["app"].correction == 1.0
    index = [0.75 / (play.velocity("app") or 1.0), 0.30 / (play.velocity("wide0") or 1.0)]
    assert max(index) <= 1.10 * min(index)


def test_less_important_work_does_not_keep_a_weight_of_other_times() -> None:
    """Its weight was made for when the important ones slept; they fall short equally, and none is behind the others."""
    def host(*, awake: bool) -> Host:
        high = tuple(Server(f"high{n}", working=int(awake), goal=63, importance="high") for n in range(3))
        rest = tuple(Server(f"d{n}", vcpus=16, working=16) for n in range(2 if awake else 5))
        return Host(1, (*high, Server("low", vcpus=2, working=2, goal=63, importance="lowest"), *rest))

    play = Play(host(awake=False))
    play.step(8)
    play.host = host(awake=True)
    play.shares = {s.name: play.shares.get(s.name, s.shares) for s in play.host.servers}
    play.step(8)
    assert play.used()["low"].using <= 0.06


def alone(name: str, vcpus: int = 1, goal: int | None = 0, **more: Any) -> Server:
    """A server whose vCPUs all work."""
    return Server(name, vcpus=vcpus, working=vcpus, goal=goal, **more)


def test_who_sleeps_a_little_is_not_held_to_the_least_weights() -> None:
    """The others are at their floors beside an unmanaged server: their weights are no measure for its own."""
    important = alone("a", 8, 75, load=Load(0.008, 0.002))
    low = (alone("b", 8, 50, importance="high"), alone("m", 1, 50, importance="low"))
    host = Host(8, (important, *low, alone("u", 8, None)))
    before, after = before_and_after(host, 3)
    assert after["a"].using / (after["a"].using + after["a"].delay) >= 0.75 / 1.05
    assert after["u"].using == pytest.approx(before["u"].using, rel=0.10)


def test_where_one_needs_more_weight_than_there_is_less_important_ones_have_less() -> None:
    unmanaged = tuple(Server(f"u{n}", goal=None) for n in range(10))
    rest = tuple(Server(f"d{n}") for n in range(29))
    play = Play(Host(8, (alone("h", 4, 75), *rest, *unmanaged)))
    play.step(4)
    assert (play.velocity("h") or 0.0) >= 0.75 / 1.05
    assert not any(interval.changes for interval in play.step(10))


@pytest.mark.parametrize("goal", [55, 90])
def test_small_weights_are_no_reason_for_a_plan_in_each_interval(goal: int) -> None:
    """With weights of 100 a floor comes to less than the least share there is."""
    sleeper = alone("a", 8, goal, load=Load(0.008, 0.002, 0.003), shares=100)
    play = Play(Host(8, (sleeper, Server("d", shares=100), alone("u", 8, None, shares=100))))
    play.step(8)
    assert not any(interval.changes for interval in play.step(10))
    assert play.memory.servers["a"].windows > 5.0, "it is known how its velocity varies"


def test_a_reserve_as_large_as_its_cap_is_held() -> None:
    play = Play(Host(1, (Server("r", reserve=0.95, cap=0.95), Server("d"))))
    play.step(3)
    assert play.used()["r"].using >= 0.94


def test_a_capped_server_is_at_its_goal_when_it_wakes() -> None:
    def host(working: int) -> Host:
        return Host(1, (Server("s", goal=60, cap=0.1, working=working), *SPINNERS))

    play = Play(host(0))
    play.step(2)
    play.host = host(1)
    assert (play.velocity("s") or 0.0) >= 0.60 / 1.05


@pytest.mark.parametrize(("cores", "vcpus", "cap", "goal"), [(1, 1, 0.1, 95), (2, 4, 0.5, 48)])
def test_a_goal_that_a_capped_server_can_reach_is_planned(cores: int, vcpus: int, cap: float, goal: int) -> None:
    play = Play(Host(cores, (alone("s", vcpus, goal, cap=cap), Server("d"))))
    play.step(3)
    assert (play.velocity("s") or 0.0) >= goal / 100.0 / 1.05


def test_a_reserve_without_a_goal_is_corrected() -> None:
    """Less comes of it than was planned: the host has less for the weight than the model says."""
    def disturb(seen: ServerWindow) -> ServerWindow:
        return msgspec.structs.replace(seen, using=0.75 * seen.using, delay=seen.delay + 0.25 * seen.using) \
            if seen.uuid == "r" else seen

    play = Play(Host(4, (alone("r", 2, None, reserve=1.5), *(Server(f"d{n}") for n in range(6)))), disturb)
    play.step(6)
    assert play.memory.servers["r"].correction > 1.05


def test_a_sleeper_that_begins_to_spin_does_not_squeeze_who_was_not_named() -> None:
    def host(load: Load) -> Host:
        return Host(1, (Server("a", load=load, goal=75), Server("u", goal=None)))

    play = Play(host(Load(0.002, 0.008, 0.002)))
    play.step(8)
    play.host = host(Load(1.0))
    play.step(6)
    assert play.used()["u"].using >= 0.45


def test_who_is_excluded_is_planned_with_what_it_gets_back() -> None:
    def host(held: str | None) -> Host:
        return Host(2, (alone("e", 2, 90, held=held), alone("a", 1, 75), alone("d", 2)))

    play = Play(host(None))
    play.step(3)
    play.host = host("excluded")
    play.step(1)    # its own shares come back with this plan
    play.shares["e"] = 1024
    play.step(1)
    assert play.used()["d"].using >= 0.2
