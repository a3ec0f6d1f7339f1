"""Partitions whose weight nobody has said: what is planned across them comes about by weights of the tree."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpm.engine.allocation import Claim, allocate, target_velocity
from hpm.engine.bounds import Bound, for_claims, within
from hpm.engine.demand import Demand
from hpm.engine.learned import Memory
from hpm.engine.nesting import Nest, gathered, plan_nested
from hpm.engine.plan import Candidate, Plan
from hpm.engine.weights import share_by_weight
from hpm.engine.windows import HostWindow, ServerWindow
from hpm.policy.assignment import Assignment
from hpm.policy.goals import IMPORTANCES, DiscretionaryGoal, Importance, VelocityGoal

NEAR = 1e-6
NOTHING = Memory()
GOLD, DB, SILVER = "/machine/gold", "/machine/gold/db", "/machine/silver"


class Tree:
    """A host on which all spin. Shares CPUs out as the kernel does: by weight in each cgroup, no more than a cap."""

    def __init__(self, cpus: float, nests: Sequence[Nest], servers: Sequence[Candidate]) -> None:
        self.cpus = cpus
        self.nests = {nest.path: nest for nest in nests}
        self.servers = {c.uuid: c for c in servers}

    def shared(self) -> dict[str, float]:
        """CPUs of each server that works."""
        found: dict[str, float] = {}
        self._share("machine", self.cpus, found)
        return found

    def _inside(self, level: str) -> tuple[list[Candidate], list[Nest]]:
        servers = [
            c for c in self.servers.values()
            if (c.inside[0] if c.inside else c.parent) == level and (c.window is None or c.window.activity == "busy")
        ]  # fmt: skip
        return servers, [nest for nest in self.nests.values() if nest.level == level]

    def _most(self, nest: Nest) -> float:
        servers, nests = self._inside(nest.path)
        wanted = sum(_most(c) for c in servers) + sum(self._most(one) for one in nests)
        return wanted if nest.bound is None else min(wanted, nest.bound.most)

    def _share(self, level: str, cpus: float, found: dict[str, float]) -> None:
        servers, nests = self._inside(level)
        entries = [(float(c.shares or 0), _most(c)) for c in servers]
        parts = share_by_weight([*entries, *((float(one.shares), self._most(one)) for one in nests)], cpus)
        for c, part in zip(servers, parts, strict=False):
            found[c.uuid] = part
        for nest, part in zip(nests, parts[len(servers) :], strict=True):
            self._share(nest.path, part, found)

    def seen(self) -> None:
        """Give each server the window that shows what it has now."""
        parts = self.shared()
        for uuid, c in self.servers.items():
            window = c.window
            assert window is not None
            if window.activity == "busy":
                using = parts[uuid]
                window = msgspec.structs.replace(window, using=using, delay=window.active - using)
            self.servers[uuid] = msgspec.structs.replace(c, window=window)

    def plan(self, memory: Memory = NOTHING) -> Plan:
        self.seen()
        idle = self.cpus - sum(c.window.using for c in self.servers.values() if c.window is not None)
        host = HostWindow(3.0, int(self.cpus), max(0.0, idle), 0.0, {})
        return plan_nested(host, list(self.servers.values()), self.nests, memory, 1)

    def carry_out(self, made: Plan) -> None:
        for change in (change for decision in made.decisions for change in decision.changes):
            assert 2 <= change.shares_after <= 10000
            if change.uuid in self.nests:
                assert self.nests[change.uuid].shares == change.shares_before
                nest = msgspec.structs.replace(self.nests[change.uuid], shares=change.shares_after)
                self.nests[change.uuid] = nest
            else:
                assert self.servers[change.uuid].shares == change.shares_before
                server = msgspec.structs.replace(self.servers[change.uuid], shares=change.shares_after)
                self.servers[change.uuid] = server


def _most(c: Candidate) -> float:
    return 1.0 if c.window is None else c.window.active


def server(
    name: str, wish: tuple[int, Importance] | None, inside: tuple[str, ...] = (), *, shares: int = 1024,
    held: str | None = None, busy: bool = True, vcpus: int = 1,
) -> Candidate:  # fmt: skip
    goal = DiscretionaryGoal() if wish is None else VelocityGoal(wish[0])
    assigned = Assignment("app", False, None, None, goal=goal, importance="medium" if wish is None else wish[1])
    active = float(vcpus) if busy else 0.0
    window = ServerWindow(name, "busy" if busy else "idle", vcpus, active, 0.0, active, 0.0)
    return Candidate(name, "1", "machine", shares, shares, window, assigned, held, inside=inside)


def nest(path: str, inside: tuple[str, ...] = (), shares: int = 1024, bound: Bound | None = None) -> Nest:
    return Nest(path, "machine", inside, shares, shares, bound)


def test_an_important_goal_in_one_partition_takes_from_many_in_another() -> None:
    tree = Tree(2.0, [nest(GOLD), nest(SILVER)], [
        server("a", (90, "highest"), (GOLD,)), server("b", None, (GOLD,)),
        *(server(f"s{n}", None, (SILVER,)) for n in range(4)),
    ])  # fmt: skip
    assert tree.shared()["a"] == 0.5
    made = tree.plan()
    tree.carry_out(made)
    parts = tree.shared()
    assert parts["a"] == pytest.approx(made.forecasts["a"].cpus, rel=0.05) and parts["a"] >= 0.9
    assert parts["b"] == pytest.approx(parts["s0"], rel=0.1)    # as if they stood beside each other
    tree.carry_out(tree.plan(made.memory))
    assert not tree.plan(made.memory).decisions    # steady load, steady weights


def test_it_holds_for_partitions_in_partitions_and_what_stands_beside_them() -> None:
    tree = Tree(2.0, [nest(GOLD), nest(DB, (GOLD,)), nest(SILVER, shares=100)], [
        server("a", (60, "high"), (DB, GOLD)), server("b", None, (DB, GOLD), shares=200), server("c", None, (GOLD,)),
        server("d", (50, "high"), (SILVER,), shares=3000), server("e", None), server("f", (30, "low")),
    ])  # fmt: skip
    made = tree.plan()
    tree.carry_out(made)
    parts = tree.shared()
    assert parts["a"] >= 0.6 and parts["d"] >= 0.5 and parts["f"] >= 0.3
    for uuid, part in parts.items():
        assert part == pytest.approx(made.forecasts[uuid].cpus, rel=0.05, abs=0.01)


def test_who_was_not_named_keeps_its_weight_and_what_that_gave_it() -> None:
    """Two without a policy, one of them in a partition, and a partition of said weight as a whole."""
    whole = msgspec.structs.replace(
        server("/machine/gold/said", None, (GOLD,), shares=2048, held="no-policy", vcpus=2),
        assignment=Assignment("default", False, None, None),
    )  # fmt: skip
    tree = Tree(2.0, [nest(GOLD), nest(SILVER)], [
        server("a", (45, "highest"), (GOLD,)), server("u", None, (GOLD,), held="no-policy"), whole,
        server("v", None, held="no-policy"), server("b", None, (SILVER,)), server("c", None, (SILVER,)),
    ])  # fmt: skip
    before = tree.shared()
    made = tree.plan()
    tree.carry_out(made)
    after = tree.shared()
    assert tree.servers["u"].shares == tree.servers["v"].shares == 1024
    assert tree.servers[whole.uuid].shares == 2048
    for uuid in ("u", "v", whole.uuid):
        assert after[uuid] == pytest.approx(before[uuid], rel=0.06)
    assert after["a"] > 2 * before["a"] and after["a"] == pytest.approx(made.forecasts["a"].cpus, rel=0.06)


def test_a_cap_of_a_partition_limits_what_goals_in_it_are_given_and_leaves_the_rest_to_others() -> None:
    members = frozenset(("a", "b"))
    capped = nest(GOLD, bound=Bound(members, 0.0, 0.5))
    tree = Tree(2.0, [capped, nest(SILVER)], [
        server("a", (80, "highest"), (GOLD,)), server("b", None, (GOLD,)),
        server("c", (80, "medium"), (SILVER,)), server("d", None, (SILVER,)),
    ])  # fmt: skip
    made = tree.plan()
    tree.carry_out(made)
    parts = tree.shared()
    assert made.forecasts["a"].cpus + made.forecasts["b"].cpus == pytest.approx(0.5)
    assert parts["a"] > 0.45 and parts["c"] >= 0.8
    assert sum(parts.values()) == pytest.approx(2.0)


def test_a_reserve_of_a_partition_holds_against_more_important_ones() -> None:
    members = frozenset(("a", "b"))
    tree = Tree(2.0, [nest(GOLD, shares=50, bound=Bound(members, 0.7)), nest(SILVER)], [
        server("a", (50, "low"), (GOLD,)), server("b", None, (GOLD,)),
        *(server(f"s{n}", (95, "highest"), (SILVER,)) for n in range(3)),
    ])  # fmt: skip
    made = tree.plan()
    tree.carry_out(made)
    parts = tree.shared()
    assert parts["a"] + parts["b"] >= 0.68 and parts["a"] >= 0.5


def test_a_reserve_is_looked_after_where_nobody_misses_a_goal() -> None:
    """All are discretionary, and some wake that slept."""
    members = frozenset(("a", "b"))
    tree = Tree(2.0, [nest(GOLD, bound=Bound(members, 0.9)), nest(SILVER)], [
        server("a", None, (GOLD,)), server("b", None, (GOLD,)),
        *(server(f"s{n}", None, (SILVER,), busy=n < 2) for n in range(8)),
    ])  # fmt: skip
    made = tree.plan()
    tree.carry_out(made)
    assert sum(tree.shared()[uuid] for uuid in members) >= 0.95
    for n in range(2, 8):
        awake = ServerWindow(f"s{n}", "busy", 1, 1.0, 0.0, 1.0, 0.0)
        tree.servers[f"s{n}"] = msgspec.structs.replace(tree.servers[f"s{n}"], window=awake)
    tree.nests[SILVER] = msgspec.structs.replace(tree.nests[SILVER], shares=8000)
    assert sum(tree.shared()[uuid] for uuid in members) < 0.6
    made = tree.plan(made.memory)
    tree.carry_out(made)
    assert sum(tree.shared()[uuid] for uuid in members) >= 0.89


def test_reserves_beyond_what_there_is_are_cut_alike() -> None:
    bounds = [Bound(frozenset("a"), 1.0), Bound(frozenset("bx"), 1.0)]
    claims = [Claim(name, "low", None, Demand(2, 0.0, 2.0)) for name in "abc"]
    found = {min(bound.members): bound.least for bound in for_claims(bounds, claims, 1.6, {})}
    assert found == pytest.approx({"a": 0.8, "b": 0.8})
    found = {min(bound.members): bound.least for bound in for_claims(bounds, claims, 4.0, {"x": 0.4})}
    assert found == pytest.approx({"a": 1.1, "b": 0.66})    # a little more than was said, less what others there have


def test_a_partition_weighs_what_its_members_need_when_they_wake() -> None:
    assert gathered([(300, 1.0), (200, 1.0)]) == 500
    assert gathered([(100, 0.2)] * 5) == pytest.approx(140)    # the mean, and half of what one that wakes lacks then
    assert gathered([(300, None), (200, 1.0)]) == 200    # who sleeps for long costs nobody anything
    assert gathered([(300, None), (200, None)]) == 300
    assert gathered([]) == 0


def test_one_that_sleeps_gives_its_partition_no_weight_until_it_wakes() -> None:
    servers = [
        server("a", (80, "highest"), (GOLD,), busy=False), server("b", None, (GOLD,)),
        server("c", (80, "medium"), (SILVER,)), server("d", None, (SILVER,)), server("e", None, (SILVER,)),
    ]
    tree = Tree(2.0, [nest(GOLD), nest(SILVER)], servers)
    made = tree.plan()
    tree.carry_out(made)
    assert tree.shared()["c"] >= 0.8
    a = tree.servers["a"]
    assert a.window is not None
    tree.servers["a"] = msgspec.structs.replace(
        a, window=ServerWindow("a", "busy", 1, 1.0, 0.0, 1.0, 0.0)
    )
    tree.carry_out(tree.plan(made.memory))
    assert tree.shared()["a"] >= 0.8


# -- properties


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    nests = [nest(GOLD), nest(DB, (GOLD,)), nest(SILVER)]
    places: list[tuple[str, ...]] = [(GOLD,), (DB, GOLD), (SILVER,), ()]
    wishes = st.none() | st.tuples(st.integers(5, 95), st.sampled_from(IMPORTANCES))
    servers = [
        server(f"g{n}", draw(wishes), draw(st.sampled_from(places)), shares=draw(st.integers(50, 4000)),
               vcpus=draw(st.integers(1, 2)))
        for n in range(draw(st.integers(3, 10)))
    ]  # fmt: skip
    return Tree(float(draw(st.integers(2, 4))), nests, servers)


@settings(deadline=None, max_examples=80)
@given(trees())
def test_what_is_planned_comes_about(tree: Tree) -> None:
    """Unless some would have too large a weight, or too small a one beside the largest."""
    made = tree.plan()
    if not made.decisions or not made.decisions[0].changes:
        return
    tree.carry_out(made)
    parts = tree.shared()
    for uuid, forecast in made.forecasts.items():
        assert parts[uuid] == pytest.approx(forecast.cpus, rel=0.08, abs=0.03)


demands = st.builds(lambda active, sleep: Demand(active, sleep, float(active)), st.integers(1, 4), st.floats(0, 5))


@st.composite
def bounded(draw: st.DrawFn) -> tuple[list[Claim], list[Bound], float]:
    claims = [
        Claim(f"g{n}", draw(st.sampled_from(IMPORTANCES)), draw(st.none() | st.just(target_velocity(VelocityGoal(50)))),
              draw(demands))
        for n in range(draw(st.integers(1, 8)))
    ]  # fmt: skip
    cpus = draw(st.floats(0.5, 8))
    bounds: list[Bound] = []
    left = cpus
    for first in (0, 3, 6):
        members = frozenset(c.uuid for c in claims[first : first + 3])
        least = draw(st.floats(0, 1)) * left / 2
        left -= least
        bounds.append(Bound(members, least, draw(st.floats(least, 8))))
    return claims, bounds, cpus


@settings(deadline=None)
@given(bounded())
def test_bounds_hold_and_nothing_is_left_lying(drawn: tuple[list[Claim], list[Bound], float]) -> None:
    claims, bounds, cpus = drawn
    given_ = within(claims, cpus, bounds, allocate).cpus
    assert set(given_) == {c.uuid for c in claims} and sum(given_.values()) <= cpus + NEAR
    most = {c.uuid: c.demand.most for c in claims}
    for bound in bounds:
        had = sum(given_[uuid] for uuid in bound.members)
        wanted = sum(most[uuid] for uuid in bound.members)
        assert had <= bound.most + NEAR
        assert had >= min(bound.least, wanted) - NEAR
    able = sum(min(bound.most, sum(most[uuid] for uuid in bound.members)) for bound in bounds)
    assert sum(given_.values()) == pytest.approx(min(cpus, able), abs=1e-5)
