"""Steady load, steady shares: how soon a plan is final, and that it stays so."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from hpm.engine.learned import Memory
from hpm.engine.plan import Plan
from hpm.engine.planner import plan
from hpm.engine.windows import ServerWindow
from tests.properties.fluid import Host, Server
from tests.properties.hosts import STEEP, for_all, hosts, sizes
from tests.properties.play import Interval, Play, at_limit, at_ratio

#: Intervals after which shares stay as they are: loads that spin, and loads that sleep (most settle in three; a
#: difference that chance could explain is waited for).
SPINNING = 5
SLEEPING = 16
#: Factor within which shares may go to and fro; and how often they may turn beyond that, until they have settled.
SLIGHT = 1.2
TURNS = 2
#: Changes in 30 intervals of noisy measurements: of most servers, and of those below this velocity. What is left for
#: them is as uncertain as what all others together do.
FEW, MANY, LITTLE = 6, 20, 10.0
#: At most one change of a server's shares in that many intervals of steady load.
STEADY = 10


def written(intervals: Sequence[Interval]) -> dict[str, list[int]]:
    """How often each server's shares were written, as the intervals' numbers."""
    changes: dict[str, list[int]] = {}
    for number, interval in enumerate(intervals):
        for name in interval.changes:
            changes.setdefault(name, []).append(number)
    return changes


def spinning_settles(host: Host) -> None:
    play = Play(host)
    later = play.step(SPINNING + 2 * STEADY)[SPINNING:]
    assume(not at_ratio(play))    # where all are at the limits, they follow the largest one
    assert all(len(at) <= 1 for at in written(later).values()), written(later)


#: The reserve needs more weight, beside the unmanaged one, than there is.
HEAVY = Host(2, (
    Server("a"), Server("b"), Server("unmanaged", goal=None, shares=2048),
    Server("reserve", vcpus=2, working=2, goal=75, reserve=1.5, cap=1.5),
), taken=0.1)  # fmt: skip


@sizes(30)
def test_spinning_loads_settle_within_five_intervals(number: int) -> None:
    for_all(number, spinning_settles, hosts(spin=True), [HEAVY])


def sleeping_settles(host: Host) -> None:
    later = Play(host).step(SLEEPING + 2 * STEADY)[SLEEPING:]
    assert all(len(at) <= 1 for at in written(later).values()), written(later)


@sizes(30)
def test_sleeping_loads_settle_within_sixteen_intervals(number: int) -> None:
    for_all(number, sleeping_settles, hosts(), [STEEP])


def changes_are_rare(host: Host) -> None:
    later = Play(host).step(SLEEPING + 3 * STEADY)[SLEEPING:]
    for name, at in written(later).items():
        for one, next_ in pairwise(at):
            assert next_ - one >= STEADY, f"{name} at {at}"


@sizes(20)
def test_steady_load_has_one_change_in_ten_intervals_at_most(number: int) -> None:
    for_all(number, changes_are_rare, hosts(), [STEEP])


def nothing_oscillates(host: Host) -> None:
    play = Play(host)
    seen = {s.name: [s.shares] for s in host.servers}
    for _ in range(24):
        (interval,) = play.step()
        for name, value in interval.changes.items():
            seen[name].append(value)
    for name, values in seen.items():
        felt = [pair for pair in pairwise(values) if max(pair) > SLIGHT * min(pair)]
        steps = [after > before for before, after in felt]
        turns = sum(one != other for one, other in pairwise(steps))
        assert turns <= TURNS, f"shares of {name} went {values}"


@sizes(20)
def test_no_shares_swing(number: int) -> None:
    for_all(number, nothing_oscillates, hosts(), [STEEP])


@sizes(20)
def test_no_shares_of_spinning_loads_swing(number: int) -> None:
    for_all(number, nothing_oscillates, hosts(spin=True))


# -- a plan of a plan


def a_plan_is_final(host: Host) -> None:
    play = Play(host)
    first, second = play.step(2)
    assume(not at_ratio(play) and not at_limit(play))
    assert not second.changes, f"{first.changes}, then {second.changes}"


#: Its parent has 0.06 CPU. `slow` is allocated nothing, but its least weight takes 8 % of that.
SMALL = Host(1, (
    Server("fast", goal=75, parent="small"), Server("slow", goal=90, importance="medium", parent="small"),
    Server("other", parent="large"),
), weights={"small": 256, "large": 4096})  # fmt: skip


#: Reserves take all that there is, and many others are left with what the least weights give them.
RESERVED = Host(1, (
    *(Server(f"reserve{n}", reserve=0.2) for n in range(5)), *(Server(f"rest{n}") for n in range(8)),
    *(Server(f"goal{n}", vcpus=3, working=3, goal=90) for n in range(5)),
))  # fmt: skip
#: Both vCPUs cannot run at the velocity of the goal while the quota lets them.
CAPPED = Host(1, (Server("a"), Server("b"), Server("capped", vcpus=2, working=2, goal=75, cap=0.1)))


@sizes(20)
def test_what_comes_of_a_plan_for_spinning_loads_asks_for_no_other_plan(number: int) -> None:
    for_all(number, a_plan_is_final, hosts(spin=True), [SMALL, RESERVED, CAPPED])


@st.composite
def shuffled(draw: st.DrawFn) -> tuple[Host, int]:
    """A host, and a seed for orders and names."""
    return draw(hosts()), draw(st.integers(0, 2**16))


def plans_are_reproducible(given: tuple[Host, int]) -> None:
    """The same input: the same plan. In another order or with other names: the same shares, but for rounding."""
    host, seed = given
    play = Play(host)
    memory, before = play.memory, dict(play.shares)
    for interval in play.step(4):
        made = interval.plan
        assert plan(interval.seen, interval.candidates, memory, 1) == made
        other = list(interval.candidates)
        random.Random(seed).shuffle(other)
        again = plan(interval.seen, other, memory, 1)
        assert_same_shares({**before, **shares_of(again)}, {**before, **shares_of(made)})
        memory = made.memory
        before.update(interval.changes)
    first = play.intervals[0]
    names = {c.uuid: f"{random.Random(f'{seed} {c.uuid}').random()}" for c in first.candidates}
    renamed = [msgspec.structs.replace(c, uuid=names[c.uuid]) for c in first.candidates]
    again = plan(first.seen, renamed, Memory(), 1)
    assert_same_shares(shares_of(again), {names[name]: value for name, value in first.changes.items()})


def assert_same_shares(one: dict[str, int], other: dict[str, int]) -> None:
    """Sums in another order may round to the next share; and one that is just worth writing may not be so then."""
    for name in one.keys() | other.keys():
        assert one.get(name) == pytest.approx(other.get(name), rel=0.05, abs=1), name


def shares_of(made: Plan) -> dict[str, int]:
    """New shares by server."""
    return {c.uuid: c.shares_after for d in made.decisions for c in d.changes}


@sizes(20)
def test_neither_order_nor_names_matter(number: int) -> None:
    for_all(number, plans_are_reproducible, shuffled())


# -- nothing to do, and noise


def idle_is_left_alone(host: Host) -> None:
    idle = msgspec.structs.replace(
        host, servers=tuple(msgspec.structs.replace(s, working=0) for s in host.servers))
    play = Play(idle)
    assert not any(interval.plan.decisions for interval in play.step(3))
    # Also when it has worked before.
    play = Play(host)
    play.step(2)
    play.host = idle
    assert not any(interval.plan.decisions for interval in play.step(3))


@sizes(10)
def test_an_idle_host_is_left_alone(number: int) -> None:
    for_all(number, idle_is_left_alone, hosts())


@st.composite
def noisy(draw: st.DrawFn, *, spin: bool) -> tuple[Host, int, float]:
    """A host, a seed, and the part by which what is measured may be off."""
    return draw(hosts(spin=spin)), draw(st.integers(0, 2**16)), draw(st.sampled_from((0.005, 0.01, 0.03)))


def noise_is_borne(given: tuple[Host, int, float]) -> None:
    host, seed, amount = given
    source = random.Random(seed)

    def disturb(seen: ServerWindow) -> ServerWindow:
        if seen.activity != "busy":
            return seen
        runnable = seen.using + seen.delay
        using = max(0.0, min(runnable, seen.using * (1.0 + source.uniform(-amount, amount))))
        return msgspec.structs.replace(seen, using=using, delay=runnable - using)

    play = Play(host, disturb)
    later = play.step(SLEEPING + 3 * STEADY)[SLEEPING:]
    for name, at in written(later).items():
        seen = later[-1].seen.servers[name].velocity
        assert len(at) <= (FEW if seen is None or seen >= LITTLE else MANY), f"{name} at {at}"


@sizes(20)
def test_noise_changes_little_for_spinning_loads(number: int) -> None:
    for_all(number, noise_is_borne, noisy(spin=True))


@sizes(20)
def test_noise_changes_little(number: int) -> None:
    for_all(number, noise_is_borne, noisy(spin=False), [(STEEP, 0, 0.01)])
