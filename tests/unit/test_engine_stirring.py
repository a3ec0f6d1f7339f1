"""Between two decisions: who begins to work while others wait."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hpm.engine.counters import Counters, Layout, Started
from hpm.engine.samples import Glance
from hpm.engine.stirring import ASLEEP, Stirring, stir

QUARTER = 250_000_000


class Host:
    """Servers of one vCPU whose counters a test moves; tells what each glance brings."""

    def __init__(self, *names: str) -> None:
        self.run = dict.fromkeys(names, 0)
        self.delay = dict.fromkeys(names, 0)
        self.now = 0
        self.known: Stirring | None = None

    def glance(self, run: Mapping[str, float], delay: Mapping[str, float], seconds: float = 0.25) -> bool:
        """Let time pass, in which servers ran and waited for so many seconds; whether that is news."""
        self.now += int(seconds * 1e9)
        for name in self.run:
            self.run[name] += int(run.get(name, 0.0) * 1e9)
            self.delay[name] += int(delay.get(name, 0.0) * 1e9)
        layout = Layout(Started(name, "1", (number,)) for number, name in enumerate(self.run))
        run_ns, delay_ns = (np.array(list(column.values()), dtype=np.int64) for column in (self.run, self.delay))
        none = np.zeros(len(self.run), dtype=np.bool_)
        self.known, news = stir(self.known, Glance(self.now, Counters(layout, run_ns, delay_ns, none, {})))
        return news

    def until_asleep(self, run: Mapping[str, float], delay: Mapping[str, float]) -> None:
        """Glance until whoever does not work counts as asleep."""
        for _ in range(ASLEEP // QUARTER + 1):
            assert not self.glance(run, delay)


def test_who_wakes_while_others_wait_is_news_once() -> None:
    host = Host("a", "b", "c")
    assert not host.glance({}, {})    # nothing is known yet
    host.until_asleep({"a": 0.2}, {"b": 0.2})
    assert host.glance({"a": 0.1, "c": 0.1}, {"b": 0.2})
    assert not host.glance({"a": 0.1, "c": 0.1}, {"b": 0.2})


def test_who_sleeps_for_less_than_a_second_has_not_slept() -> None:
    host = Host("a", "b")
    host.glance({}, {})
    for _ in range(6):
        assert not host.glance({"a": 0.2}, {"b": 0.1})
        assert not host.glance({"a": 0.2}, {})
        assert not host.glance({"a": 0.2}, {})


def test_where_nobody_waits_nobody_needs_a_plan() -> None:
    host = Host("a", "b")
    host.glance({}, {})
    host.until_asleep({"a": 0.25}, {})
    assert not host.glance({"a": 0.25, "b": 0.25}, {})


def test_a_server_that_was_not_there_is_news_when_it_works() -> None:
    host = Host("a")
    host.glance({}, {})
    host.until_asleep({"a": 0.2}, {"a": 0.05})
    host.run["b"] = host.delay["b"] = 0
    assert not host.glance({"a": 0.2}, {"a": 0.05})    # just there, and nothing counted yet
    assert host.glance({"a": 0.1, "b": 0.1}, {"a": 0.1})


def test_falling_asleep_is_no_news() -> None:
    host = Host("a", "b", "c")
    host.glance({}, {})
    assert not host.glance({"a": 0.1, "b": 0.1}, {"c": 0.2})
    host.until_asleep({"a": 0.2}, {"c": 0.2})
