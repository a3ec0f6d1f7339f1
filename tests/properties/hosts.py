"""Random hosts, and how many of them a test plays."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, example, given, seed, settings
from hypothesis import strategies as st

from hpm.policy.goals import IMPORTANCES
from tests.properties.fluid import SPIN, Host, Load, Server

T = TypeVar("T")

#: How many times as many hosts `make check-long` plays as `make check`.
LONG = 20
MOST_SERVERS = 40
#: A number here draws other hosts: those that nobody has seen yet.
HOSTS = os.environ.get("HOSTS")


def sizes(number: int, many: int | None = None) -> pytest.MarkDecorator:
    """A test gets `number` hosts in `make check`, and many more in `make check-long`."""
    return pytest.mark.parametrize("number", [number, pytest.param(many or LONG * number, marks=pytest.mark.long)])


def for_all(
    number: int, body: Callable[..., None], inputs: st.SearchStrategy[T], first: Sequence[T] = ()
) -> None:
    """Play `body` with `number` random inputs, the same ones each time; before them, with those named in `first`."""
    test = given(inputs)(body)
    if HOSTS is not None:
        test = seed(int(HOSTS))(test)
    for one in first:
        test = example(one)(test)
    profile = settings(
        max_examples=number, derandomize=HOSTS is None, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )  # fmt: skip
    profile(test)()


# Milliseconds, so that what is found reads well.
sleeping = st.builds(
    lambda work, sleep, latency: Load(work / 1e3, sleep / 1e3, latency / 1e4),
    st.integers(1, 50), st.integers(1, 100), st.integers(0, 30),
).filter(lambda load: load.work / (load.work + load.sleep) > 0.03)  # fmt: skip

goals = st.just(0) | st.sampled_from([10, 30, 50, 75, 90]) | st.integers(1, 99)
shares_ = st.just(1024) | st.sampled_from([2, 100, 512, 2048, 10000]) | st.integers(2, 10000)
HELD = ("excluded", "changed-by-administrator", "own-quota", "paused")


@st.composite
def servers(draw: st.DrawFn, *, spin: bool, alone: bool, limits: bool) -> Server:
    """One server, without a name. `alone`: it is managed; `limits`: it may have a reserve or a cap."""
    vcpus = draw(st.integers(1, 4) | st.integers(1, 16))
    working = draw(st.sampled_from(("all", "all", "all", "some", "none")))
    held, goal = None, draw(goals)
    if not alone and draw(st.integers(0, 5)) == 5:
        held = draw(st.sampled_from((None, *HELD)))
        goal = goal if held else None
    reserve = cap = None
    if limits and draw(st.integers(0, 3)) == 3:
        reserve = draw(st.none() | st.integers(1, 40).map(lambda tenths: tenths / 10.0))
        cap = draw(st.none() | st.integers(1, 40).map(lambda tenths: tenths / 10.0))
        if reserve is not None and cap is not None:
            reserve = min(reserve, cap)
    return Server(
        "", vcpus, {"all": vcpus, "some": (vcpus + 1) // 2, "none": 0}[working],
        SPIN if spin else draw(st.just(SPIN) | sleeping), goal, draw(st.sampled_from(IMPORTANCES)),
        reserve, cap, held, draw(shares_),
    )  # fmt: skip


@st.composite
def hosts(
    draw: st.DrawFn, *, spin: bool = False, alone: bool = False, limits: bool = True, parents: int = 3
) -> Host:
    """A host of 1 to 64 cores and 1 to 40 servers. `spin`: no load sleeps; `alone`: all are managed;
    `limits`: some have a reserve or a cap."""
    cores = draw(st.integers(1, 8) | st.integers(1, 64))
    drawn: list[Server] = []
    kinds = draw(st.lists(servers(spin=spin, alone=alone, limits=limits), min_size=1, max_size=14))
    for kind in kinds:
        drawn += [kind] * draw(st.sampled_from((1, 1, 1, 2, 5)))
    places = draw(st.integers(1, parents))
    named = tuple(
        msgspec.structs.replace(s, name=f"s{n}", parent="machine" if places == 1 else f"p{n % places}")
        for n, s in enumerate(drawn[:MOST_SERVERS])
    )
    weights = {f"p{n}": draw(st.sampled_from((1024, 256, 4096))) for n in range(places)} if places > 1 else {}
    return Host(cores, named, draw(st.sampled_from((0.0, 0.0, 0.1, 0.5))), weights)


#: Three vCPUs that sleep three quarters of their time, with a goal of 50, beside a spinning goal of 30. Both goals can
#: be met together (0.95 of the CPU). The fewer of its own vCPUs wait at the same time, the faster each is, so its
#: velocity follows its weight more steeply than in odds.
STEEP = Host(1, (
    Server("sleeps", vcpus=3, working=3, load=Load(0.001, 0.003), goal=50), Server("spins", goal=30), Server("rest"),
))  # fmt: skip
