"""What always holds of servers that may run on some CPUs only."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from hpm.engine.cpu_sharing import Sharer, crowded, share_on_sets
from hpm.engine.learned import Memory
from hpm.engine.plan import Candidate
from hpm.engine.planner import plan
from hpm.engine.weights import share_by_weight
from hpm.engine.windows import HostWindow, ServerWindow
from hpm.policy.assignment import Assignment
from hpm.policy.goals import IMPORTANCES, DiscretionaryGoal, VelocityGoal
from tests.properties.hosts import for_all, sizes

NEAR = 1e-6
CPUS = 6

sets = st.frozensets(st.integers(0, CPUS - 1), min_size=1)
sharers = st.builds(
    Sharer, st.sampled_from((1.0, 2.0, 500.0)) | st.floats(0.01, 100), st.floats(0.01, 4.0), sets,
)  # fmt: skip
rooms = st.lists(st.sampled_from((1.0, 1.0, 0.5, 0.0)), min_size=CPUS, max_size=CPUS).map(lambda r: dict(enumerate(r)))


def sharing_is_fair(drawn: tuple[list[Sharer], dict[int, float]]) -> None:
    """It fits; nothing is left that somebody could use; and who has less for its weight than another one cannot be
    helped by that one: no CPU of its own is used by somebody with more."""
    found, room = drawn
    given = share_on_sets(found, room)
    wanted: dict[frozenset[int], float] = {}
    for one, cpus in zip(found, given, strict=True):
        assert -NEAR <= cpus <= one.most + NEAR
        wanted[one.cpus] = wanted.get(one.cpus, 0.0) + max(0.0, cpus - NEAR)
    assert not crowded(wanted, room)
    for place, one in enumerate(found):
        if given[place] >= one.most - NEAR:
            continue
        # A little more for it is possible only if somebody loses who has no more for its weight than it has.
        level = given[place] / one.weight
        lesser: dict[frozenset[int], float] = {one.cpus: 10 * CPUS * NEAR}
        for other, cpus in zip(found, given, strict=True):
            if cpus / other.weight <= level * (1.0 + NEAR) + NEAR:
                lesser[other.cpus] = lesser.get(other.cpus, 0.0) + cpus
        assert crowded(lesser, room)


def one_set_is_sharing_by_weight(found: list[tuple[float, float]]) -> None:
    everywhere = frozenset(range(CPUS))
    given = share_on_sets([Sharer(weight, most, everywhere) for weight, most in found], dict.fromkeys(everywhere, 1.0))
    assert given == pytest.approx(share_by_weight(found, CPUS), abs=NEAR)


@st.composite
def pinned_hosts(draw: st.DrawFn) -> tuple[list[Candidate], HostWindow]:
    """Up to a dozen busy servers, most of them pinned, on a host of six CPUs."""
    servers: list[Candidate] = []
    for number in range(draw(st.integers(1, 12))):
        vcpus, cpus = draw(st.integers(1, 4)), draw(st.none() | sets)
        using = draw(st.floats(0.02, 1.0)) * min(vcpus, CPUS if cpus is None else len(cpus))
        delay = draw(st.floats(0.0, 1.0)) * (vcpus - using)
        goal = draw(st.none() | st.integers(1, 99).map(VelocityGoal) | st.just(DiscretionaryGoal()))
        importance = None if goal is None else draw(st.sampled_from(IMPORTANCES))
        servers.append(Candidate(
            f"s{number}", "1", "machine", draw(st.integers(2, 10000)), 1024,
            ServerWindow(f"s{number}", "busy", vcpus, float(vcpus), using, delay, 0.0),
            Assignment("g", False, None, None, "p", "c", importance, goal), None if goal is not None else "no-policy",
            None, cpus,
        ))  # fmt: skip
    idle = {cpu: draw(st.sampled_from((0.0, 0.0, 0.3))) for cpu in range(CPUS)}
    windows = {c.uuid: c.window for c in servers if c.window is not None}
    return servers, HostWindow(3.0, CPUS, sum(idle.values()), 0.0, windows, idle)


def plans_keep_to_the_sets(drawn: tuple[list[Candidate], HostWindow]) -> None:
    """What is planned for the managed servers fits on the CPUs that they may run on, and nobody's pinning is lost."""
    servers, host = drawn
    made = plan(host, servers, Memory(), 1)
    wanted: dict[frozenset[int], float] = {}
    for server in servers:
        forecast = made.forecasts.get(server.uuid)
        if forecast is not None:
            own = server.cpus or frozenset(range(CPUS))
            wanted[own] = wanted.get(own, 0.0) + max(0.0, forecast.cpus - NEAR)
    assert not crowded(wanted, dict.fromkeys(range(CPUS), 1.0))
    for decision in made.decisions:
        for change in decision.changes:
            assert 2 <= change.shares_after <= 10000


@sizes(150)
def test_sharing_on_sets_is_fair(number: int) -> None:
    for_all(number, sharing_is_fair, st.tuples(st.lists(sharers, min_size=1, max_size=10), rooms))


@sizes(100)
def test_with_one_set_for_all_it_is_sharing_by_weight(number: int) -> None:
    for_all(
        number, one_set_is_sharing_by_weight,
        st.lists(st.tuples(st.floats(0.01, 100), st.floats(0.01, 4.0)), min_size=1, max_size=12),
    )  # fmt: skip


@sizes(150)
def test_plans_keep_to_the_sets(number: int) -> None:
    for_all(number, plans_keep_to_the_sets, pinned_hosts())
