"""Reserves and caps of partitions hold once: over all CPUs that those in them are pinned to, and one within another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpm.engine.allocation import Claim, allocate
from hpm.engine.bounds import Bound, for_claims, together, within
from hpm.engine.demand import Demand
from hpm.engine.learned import Memory
from hpm.engine.nesting import plan_nested
from hpm.engine.plan import Candidate, Plan
from hpm.engine.stake import Competitor
from hpm.engine.windows import HostWindow
from hpm.policy.assignment import Assignment
from hpm.policy.goals import Importance, VelocityGoal

from .test_nesting import DB, GOLD, NEAR, SILVER, nest, server

INF = float("inf")


def pinned(c: Candidate, cpu: int, using: float) -> Candidate:
    """On this CPU alone, and waiting for what it does not get of it."""
    assert c.window is not None
    window = msgspec.structs.replace(c.window, using=using, delay=c.window.active - using)
    return msgspec.structs.replace(c, cpus=frozenset((cpu,)), window=window)


def planned(servers: Sequence[Candidate], *bounds: Bound, memory: Memory | None = None) -> Plan:
    """A plan for two CPUs, with bounds for gold and, if there are two, for a partition in it; what is not in these is
    in silver."""
    nests = {SILVER: nest(SILVER), GOLD: nest(GOLD, bound=bounds[0])}
    if len(bounds) > 1:
        nests[DB] = nest(DB, (GOLD,), bound=bounds[1])
    return plan_nested(HostWindow(3.0, 2, 0.0, 0.0, {}, {0: 0.0, 1: 0.0}), servers, nests, memory or Memory(), 1)


def gold_on_both(
    inside_b: tuple[str, ...] = (GOLD,), beside: tuple[int, Importance] | None = (95, "highest")
) -> list[Candidate]:
    """One server of gold on each CPU, beside one that is more important."""
    return [
        pinned(server("a", None, (GOLD,)), 0, 0.5), pinned(server("s0", beside, (SILVER,)), 0, 0.5),
        pinned(server("b", None, inside_b), 1, 0.5), pinned(server("s1", beside, (SILVER,)), 1, 0.5),
    ]  # fmt: skip


def cpus(made: Plan, *names: str) -> list[float]:
    return [made.forecasts[name].cpus for name in names]


# -- over several CPUs


def test_a_reserve_is_kept_once_for_servers_that_are_pinned_apart() -> None:
    made = planned(gold_on_both(), Bound(frozenset("ab"), 0.8))
    assert cpus(made, "a", "b") == pytest.approx([0.44, 0.44])    # a tenth more than is reserved
    assert cpus(made, "s0", "s1") == pytest.approx([0.56, 0.56])


def test_a_cap_is_given_once_to_servers_that_are_pinned_apart() -> None:
    servers = [msgspec.structs.replace(c, assignment=_highest(c.assignment)) for c in gold_on_both()]
    made = planned(servers, Bound(frozenset("ab"), 0.0, 0.5))
    assert sum(cpus(made, "a", "b")) == pytest.approx(0.5)
    assert sum(cpus(made, "s0", "s1")) == pytest.approx(1.5)


def _highest(assignment: Assignment) -> Assignment:
    return msgspec.structs.replace(assignment, goal=VelocityGoal(90), importance="highest")


def test_it_is_divided_by_what_those_in_it_want_and_can_have() -> None:
    servers = gold_on_both()
    asleep = [_slept(c, 0.1) if c.uuid == "a" else c for c in servers]    # a wants a tenth of a CPU
    made = planned(asleep, Bound(frozenset("ab"), 0.66))
    assert cpus(made, "b") == pytest.approx([0.66], abs=0.02)    # ten elevenths of it, and a tenth more
    more = [pinned(server(f"c{n}", None, (GOLD,)), 0, 0.2) for n in range(3)]    # they have one CPU of time for all
    made = planned([*servers, *more], Bound(frozenset(("a", "b", "c0", "c1", "c2")), 0.8))
    assert sum(cpus(made, "a", "c0", "c1", "c2")) == pytest.approx(0.44) and cpus(made, "b") == pytest.approx([0.44])


def _slept(c: Candidate, cpus: float) -> Candidate:
    assert c.window is not None
    return msgspec.structs.replace(c, window=msgspec.structs.replace(c.window, using=cpus, delay=0.0))


def test_what_is_reserved_within_it_comes_first() -> None:
    """Of gold's reserve, most is that of a partition in it, or of a server itself."""
    servers = gold_on_both((DB, GOLD))
    made = planned(servers, Bound(frozenset("ab"), 0.74), Bound(frozenset("b"), 0.6))
    first = pytest.approx([1.1 * 0.1, 1.1 * 0.64])    # and the rest by what each wants beyond that: 1.0 and 0.4
    assert cpus(made, "a", "b") == first
    made = planned(servers, Bound(frozenset("ab"), 0.0, 0.8), Bound(frozenset("b"), 0.6))
    assert cpus(made, "b")[0] >= 0.6 and sum(cpus(made, "a", "b")) <= 0.8 + NEAR
    own = [
        msgspec.structs.replace(c, assignment=msgspec.structs.replace(c.assignment, cpu_reserve=0.6))
        if c.uuid == "b" else c for c in gold_on_both()
    ]  # fmt: skip
    assert cpus(planned(own, Bound(frozenset("ab"), 0.74)), "a", "b") == first


def test_demands_that_vary_are_no_new_wishes() -> None:
    """What each CPU's part of a reserve is varies with them; that alone is no reason to plan anew."""
    bound = Bound(frozenset("ab"), 1.4)
    servers = gold_on_both(beside=None)
    made = planned(servers, bound)
    assert cpus(made, "a", "b") == pytest.approx([0.77, 0.77])
    shares = {change.uuid: change.shares_after for decision in made.decisions for change in decision.changes}
    after = [
        pinned(msgspec.structs.replace(c, shares=shares.get(c.uuid, c.shares)), min(c.cpus or ()), *cpus(made, c.uuid))
        for c in servers
    ]  # fmt: skip
    after[0] = msgspec.structs.replace(after[0], window=msgspec.structs.replace(after[0].window, delay=0.2))
    again = planned(after, bound, memory=made.memory)
    assert not any(decision.changes for decision in again.decisions)
    assert all(basis is made.memory.parents[key] for key, basis in again.memory.parents.items())    # it is in force


# -- one within another


def spins(uuid: str, vcpus: int = 2, reserve: float = 0.0) -> Claim:
    return Claim(uuid, "low", None, Demand(vcpus, 0.0, float(vcpus)), reserve)


def floors(bounds: Sequence[Bound], claims: Sequence[Claim], cpus: float) -> dict[frozenset[str], float]:
    return {bound.members: bound.least for bound in for_claims(bounds, claims, cpus, {})}


def test_a_cap_around_reserves_hides_none_of_them() -> None:
    gold, db, silver = frozenset("ab"), frozenset("a"), frozenset("c")
    claims = [spins("a"), spins("b"), spins("c")]
    for cap in (INF, 1.9):
        bounds = [Bound(db, 1.2), Bound(silver, 1.2), Bound(gold, 0.0, cap)]
        found = floors(bounds, claims, 2.0)
        assert found[db] == pytest.approx(1.0) and found[silver] == pytest.approx(1.0)    # both cut alike
        assert floors([Bound(db, 0.7), Bound(gold, 0.0, cap)], claims, 2.0)[db] == pytest.approx(0.77)
    # a server's own, too, and the larger one of what is said for the whole and within
    claims = [spins("a", reserve=1.2), spins("b"), spins("c")]
    assert floors([Bound(gold, 0.0, 1.9), Bound(silver, 1.2)], claims, 2.0)[silver] == pytest.approx(1.0)
    assert floors([Bound(gold, 0.8), Bound(silver, 0.8)], claims, 2.0)[silver] == pytest.approx(0.8)
    assert floors([Bound(gold, 1.6), Bound(silver, 0.9)], claims, 2.0)[gold] == pytest.approx(1.28)


def test_reserves_within_a_cap_are_no_larger_than_it_lets_all_of_them_be() -> None:
    gold, db, other = frozenset("ab"), frozenset("a"), frozenset("b")
    found = floors([Bound(db, 0.5), Bound(other, 0.5), Bound(gold, 0.0, 1.02)], [spins("a"), spins("b")], 4.0)
    assert found[db] == pytest.approx(0.51) and found[other] == pytest.approx(0.51)


def test_a_reserve_that_is_not_wanted_takes_nothing_from_others() -> None:
    """Both together are more than there is, but one does next to nothing."""
    claims = [Claim("a", "low", None, Demand(1, 9.0, 1.0)), spins("b")]    # a wants a tenth of a CPU
    found = floors([Bound(frozenset("a"), 1.0), Bound(frozenset("b"), 1.2)], claims, 2.0)
    assert found[frozenset("b")] >= 1.2


def test_a_reserve_in_a_capped_partition_holds_against_those_who_were_not_named() -> None:
    competitors = {uuid: Competitor(10.0, 1.0, reserve) for uuid, reserve in (("a", 0.0), ("b", 0.0), ("c", 0.3))}
    bounds = [Bound(frozenset("abc"), 0.0, 1.5), Bound(frozenset("ab"), 0.8)]
    for order in (bounds, bounds[::-1]):
        (whole,) = together(competitors, order)
        assert (whole.weight, whole.most) == (30.0, 1.5) and whole.reserve == pytest.approx(1.1)


# -- properties


@st.composite
def nested(draw: st.DrawFn) -> tuple[list[Claim], list[Bound], float]:
    """Reserves that fit into each other and into the host, as they are let in, but for caps that may be narrower."""
    claims = [spins(f"g{n}", draw(st.integers(1, 2)), draw(st.sampled_from((0.0, 0.1)))) for n in range(6)]
    names = [c.uuid for c in claims]
    inner = [Bound(frozenset(part), draw(st.floats(0.2, 0.5))) for part in (names[:2], names[2:4])]
    cap = draw(st.floats(1.0, 3.0) | st.just(INF))
    outer = Bound(frozenset(names[:5]), draw(st.floats(0.0, 1.0)), cap)
    return claims, draw(st.permutations([*inner, outer])), draw(st.floats(1.4, 5.0))


@settings(deadline=None)
@given(nested())
def test_what_is_reserved_is_had_wherever_it_is_said(drawn: tuple[list[Claim], list[Bound], float]) -> None:
    claims, bounds, cpus = drawn
    given_: Mapping[str, float] = within(claims, cpus, for_claims(bounds, claims, cpus, {}), allocate).cpus
    assert sum(given_.values()) <= cpus + NEAR
    scarce = min(1.0, cpus / (1.1 + 0.6))
    for bound in bounds:
        had = sum(given_[uuid] for uuid in bound.members)
        assert bound.least * scarce - NEAR <= had <= bound.most + NEAR
