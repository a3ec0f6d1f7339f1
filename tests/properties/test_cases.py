"""Hosts on which the planner once went wrong in ways that random hosts seldom show."""

from __future__ import annotations

from hpm.engine.memory import Memory
from hpm.engine.plan import Candidate
from hpm.engine.planner import plan
from hpm.engine.windows import HostWindow, ServerWindow
from hpm.policy.assignment import Assignment
from hpm.policy.goals import VelocityGoal
from tests.properties.fluid import Host, Load, Server
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
