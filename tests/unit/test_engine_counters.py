"""Columns of counters: whose row is whose, when guests and vCPUs come and go."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hpm.engine.counters import NO_COUNTERS, Counters, Layout, ServerCounters, Started, moved

started = st.builds(
    lambda uuid, start, threads: Started(uuid, start, tuple(threads)),
    st.sampled_from("abcdef"), st.sampled_from("12"), st.lists(st.integers(1, 9), unique=True, max_size=4),
)  # fmt: skip
layouts = st.lists(started, unique_by=lambda s: s.uuid, max_size=6).map(Layout)


def threads(layout: Layout) -> list[tuple[str, str, int]]:
    return [(s.uuid, s.start, thread) for s in layout.servers for thread in s.threads]


@settings(deadline=None)
@given(layouts, layouts)
def test_each_thread_takes_its_number_along(old: Layout, new: Layout) -> None:
    values = np.arange(100, 100 + old.rows)
    found = moved(values, new.rows_in(old), -7)
    known = dict(zip(threads(old), values.tolist(), strict=True))
    assert found.tolist() == [known.get(thread, -7) for thread in threads(new)]


@settings(deadline=None)
@given(layouts)
def test_the_same_servers_are_at_the_same_place(layout: Layout) -> None:
    assert layout.rows_in(layout) is None
    assert Layout(layout.servers).rows_in(layout) is None


@settings(deadline=None)
@given(layouts, st.integers(0, 2**40))
def test_sums_are_those_of_each_server_also_of_one_without_vcpus(layout: Layout, base: int) -> None:
    column = base + np.arange(layout.rows)
    sums = layout.sums(column)
    assert sums == [int(column[layout.rows_of(server.uuid)].sum()) for server in layout.servers]


def test_counters_are_also_a_mapping_by_server() -> None:
    one = Started("a", "1", (5, 6)), ServerCounters((1, 2), (3, 4), (False, True), 9)
    other = Started("b", "1", ()), ServerCounters((), (), ())
    counters: Counters = NO_COUNTERS.with_more([one, other])
    assert dict(counters) == {"a": one[1], "b": other[1]}
    assert counters.layout.rows == 2
