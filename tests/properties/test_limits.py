"""What no plan may do, whatever the host and whatever was measured."""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import strategies as st

from hpm.engine.learned import Memory
from hpm.engine.plan import Candidate
from hpm.engine.planner import NOISE, plan
from hpm.engine.windows import HostWindow, ServerWindow
from hpm.policy.assignment import Assignment
from hpm.policy.goals import IMPORTANCES, DiscretionaryGoal, VelocityGoal
from tests.properties.fluid import Host, Server
from tests.properties.hosts import for_all, goals, hosts, sizes
from tests.properties.play import Interval, Play

NEAR = 1e-6


@st.composite
def days(draw: st.DrawFn) -> tuple[Host, ...]:
    """A host, and the same host twice more with other goals and other work."""
    host = draw(hosts())
    later = []
    for _ in range(2):
        servers = tuple(
            msgspec.structs.replace(
                s, working=draw(st.sampled_from((s.working, 0, s.vcpus))),
                goal=s.goal if s.goal is None else draw(st.just(s.goal) | goals),
            )
            for s in host.servers
        )  # fmt: skip
        later.append(msgspec.structs.replace(host, servers=servers))
    return (host, *later)


def limits_hold(hosts_: tuple[Host, ...]) -> None:
    for host, interval, before, _ in played(hosts_):
        changes_are_allowed(host, interval, before)
        forecasts_are_possible(host, interval)


def ratio_holds(hosts_: tuple[Host, ...]) -> None:
    for host, interval, _, after in played(hosts_):
        shares_are_within_ratio(host, interval, after)


def played(hosts_: tuple[Host, ...]) -> Iterator[tuple[Host, Interval, dict[str, int], dict[str, int]]]:
    """Three intervals of each host, with the shares in force before and after."""
    play = Play(hosts_[0])
    for host in hosts_:
        if [s.goal for s in host.servers] != [s.goal for s in play.host.servers]:
            play.generation += 1
        play.host = host
        for _ in range(3):
            before = dict(play.shares)
            (interval,) = play.step()
            yield host, interval, before, dict(play.shares)


def changes_are_allowed(host: Host, interval: Interval, before: dict[str, int]) -> None:
    """Changes are for managed servers alone, start from what is in force, and each is made once."""
    managed = {s.name: s for s in host.servers if s.managed}
    changes = [(d.parent, c) for d in interval.plan.decisions for c in d.changes]
    assert len({c.uuid for _, c in changes}) == len(changes)
    for parent, change in changes:
        assert managed[change.uuid].parent == parent
        assert change.shares_before == before[change.uuid] != change.shares_after
        assert 2 <= change.shares_after <= 10000
    for decision in interval.plan.decisions:
        assert set(decision.blocked) <= set(managed)


def shares_are_within_ratio(host: Host, interval: Interval, shares: dict[str, int]) -> None:
    """Wherever something was changed, no two shares are further apart than 1:500."""
    for parent in {d.parent for d in interval.plan.decisions if d.changes}:
        ours = [shares[s.name] for s in host.servers if s.managed and s.parent == parent]
        assert max(ours) <= 500 * min(ours), f"shares of {parent}: {sorted(ours)}"


def forecasts_are_possible(host: Host, interval: Interval) -> None:
    """Forecasts are for busy managed servers, finite, and within caps, vCPUs and what the parent can have."""
    sums: dict[str, float] = {}
    known = {s.name: s for s in host.servers}
    for name, forecast in interval.plan.forecasts.items():
        server = known[name]
        assert server.managed and interval.seen.servers[name].activity == "busy"
        assert 0.0 <= forecast.velocity <= 1.0 + NEAR
        assert 0.0 <= forecast.cpus <= min(server.quota, server.vcpus) + NEAR
        sums[server.parent] = sums.get(server.parent, 0.0) + forecast.cpus
    for parent, cpus in sums.items():
        used = sum(interval.seen.servers[s.name].using for s in host.servers if s.parent == parent)
        # Capacity is a running mean, as long as it does not jump.
        assert cpus <= (used + interval.seen.idle) * (1.0 + NOISE) + NEAR


@sizes(30)
def test_limits_always_hold(number: int) -> None:
    for_all(number, limits_hold, days())


#: The shares of `kept` are within 4 % of what is wanted, so they stay; the least ones were made for what is wanted.
NOT_WORTH_WRITING = Host(10, (
    Server("poor"), Server("poor too"), Server("unmanaged", goal=None),
    Server("kept", vcpus=10, working=10, reserve=1.1, cap=1.1, shares=3501),
    *(Server(f"fast{n}", vcpus=2, working=2, goal=75, shares=100) for n in range(5)),
))  # fmt: skip


@sizes(30)
def test_no_two_shares_are_further_apart_than_the_ratio(number: int) -> None:
    for_all(number, ratio_holds, days(), [(NOT_WORTH_WRITING,)])


# -- any numbers at all

amounts = st.sampled_from((0.0, 5e-324, 1e-12, 0.01, 1.0, 1e6, 1e300)) | st.floats(0, 1e6)


@st.composite
def anything(draw: st.DrawFn) -> tuple[HostWindow, list[Candidate]]:
    """Candidates with any finite numbers in their windows, but for what cannot be: busy work without an active
    vCPU, or that neither ran nor waited."""
    candidates = []
    for number in range(draw(st.integers(1, 6))):
        vcpus = draw(st.sampled_from((1, 2, 64, 10**6)) | st.integers(1, 512))
        activity = draw(st.sampled_from(("busy", "busy", "busy", "idle", "paused", None)))
        using, delay = draw(amounts), draw(amounts)
        active = draw(st.integers(1, vcpus)) if activity == "busy" else 0
        if using + delay == 0.0:
            delay = 0.011
        seen = None if activity is None else ServerWindow(
            f"s{number}", activity, vcpus, active, using, delay, draw(amounts))  # fmt: skip
        percent = draw(goals)
        goal = VelocityGoal(percent) if percent else DiscretionaryGoal()
        limits = [draw(st.none() | st.floats(0.001, 1e4)) for _ in "rc"]
        assignment = Assignment("app", False, *limits, "day", "class", draw(st.sampled_from(IMPORTANCES)), goal)
        if draw(st.integers(0, 4)) == 4:
            assignment = Assignment("default", False, *limits)
        candidates.append(Candidate(
            f"s{number}", "1", draw(st.sampled_from("pq")), draw(st.none() | st.integers(1, 262144)),
            draw(st.integers(1, 262144)), seen, assignment, draw(st.sampled_from((None, None, None, "excluded"))),
        ))  # fmt: skip
    return HostWindow(draw(st.floats(1e-3, 1e4)), 4, draw(amounts), draw(amounts), {}), candidates


def nothing_is_raised(given: tuple[HostWindow, list[Candidate]]) -> None:
    host, candidates = given
    memory = Memory()
    for _ in range(3):
        made = plan(host, candidates, memory, 1)
        memory = made.memory
        for decision in made.decisions:
            assert all(2 <= c.shares_after <= 10000 for c in decision.changes)
            assert all(math.isfinite(c.cpus_after) for c in decision.changes)
        for forecast in made.forecasts.values():
            assert math.isfinite(forecast.cpus) and math.isfinite(forecast.velocity)


@sizes(30)
def test_no_numbers_make_the_planner_raise(number: int) -> None:
    first = (HostWindow(3.0, 1, 0.0, 0.0, {}), [spinner("a", 50, 0.0), spinner("b", 0, 1.0)])
    for_all(number, nothing_is_raised, anything(), [first])


def test_who_starves_after_a_plan_can_be_planned_for() -> None:
    """All that it waits is pending delay, so it has using 0."""
    host = HostWindow(3.0, 1, 0.0, 0.0, {})
    made = plan(host, [spinner("a", 50, 0.5), spinner("b", 0, 0.5)], Memory(), 1)
    assert made.decisions
    plan(host, [spinner("a", 50, 0.0), spinner("b", 0, 1.0)], made.memory, 1)


def spinner(name: str, percent: int, using: float) -> Candidate:
    """A server with one vCPU that is always runnable and uses that much of a CPU."""
    seen = ServerWindow(name, "busy", 1, 1, using, 1.0 - using, 0.0)
    goal = VelocityGoal(percent) if percent else DiscretionaryGoal()
    assignment = Assignment("app", False, None, None, "day", "class", "high", goal)
    return Candidate(name, "1", "machine", 1000, 1000, seen, assignment, None)


@pytest.mark.parametrize(("active", "using", "delay"), [(0, 1.0, 1.0), (1, 0.0, 0.0), (0, 0.0, 0.0)])
def test_not_even_numbers_that_cannot_be(active: int, using: float, delay: float) -> None:
    """Busy work without an active vCPU, or that neither ran nor waited."""
    other = spinner("other", 50, 0.5)
    odd = msgspec.structs.replace(other, uuid="odd", window=ServerWindow("odd", "busy", 2, active, using, delay, 0.0))
    nothing_is_raised((HostWindow(3.0, 2, 0.0, 0.0, {}), [other, odd]))
