"""Which vCPU threads are asked for their state, and what is made of it."""

from __future__ import annotations

import numpy as np
import pytest

from hpm.backend import starving
from hpm.backend.starving import Starvation
from hpm.engine.counters import Layout, Started

SECOND = 1_000_000_000
SOON = int(starving.SOON * SECOND)
LAYOUT = Layout([Started("guest", "1", (101, 102))])


class Threads:
    """Two threads; those of `runnable` are so when they are asked, and `asked` are those that were."""

    def __init__(self) -> None:
        self.run, self.delay = np.zeros(2, dtype=np.int64), np.zeros(2, dtype=np.int64)
        self.runnable: set[int] = set()
        self.asked: list[int] = []
        self._now = 10_000 * SECOND    # the host has been up for a while
        self._starvation = Starvation()

    def judge(self, elapsed: int) -> list[bool]:
        self.asked.clear()
        self._now += elapsed
        found: list[bool] = self._starvation.judge(
            LAYOUT, self.run.copy(), self.delay.copy(), self._now, self._is_runnable
        ).tolist()
        return found

    def _is_runnable(self, row: int) -> bool:
        self.asked.append(row)
        return row in self.runnable


@pytest.fixture
def threads() -> Threads:
    """Both have worked, and the second is asleep since."""
    threads = Threads()
    threads.judge(SECOND)
    threads.run += SECOND // 2
    threads.judge(SECOND)
    threads.run[0] += SECOND // 2
    threads.judge(SECOND)
    return threads


def test_who_waits_and_has_not_run_since_is_not_asked_again(threads: Threads) -> None:
    threads.runnable = {0}
    assert threads.judge(SECOND) == [True, False]
    assert threads.asked == [0, 1]
    assert threads.judge(SECOND) == [True, False]
    assert threads.asked == [1]
    threads.run[0] += 1000    # a crumb: it may sleep now
    threads.runnable = set()
    assert threads.judge(SECOND) == [False, False]
    assert threads.asked == [0, 1]


def test_a_second_look_soon_after_asks_nobody_who_stands_still(threads: Threads) -> None:
    threads.runnable = {0}
    threads.judge(SECOND)
    assert threads.judge(SOON - 1) == [True, False]
    assert threads.asked == []
    threads.judge(SOON)
    assert threads.asked == [1]


def test_a_second_look_soon_after_makes_nobody_pass_for_idle(threads: Threads) -> None:
    """Who worked until then and stands still at the second look may be waiting: from then on, it counts at once."""
    threads.run[0] += SECOND // 2
    threads.judge(SECOND)
    threads.judge(SOON - 1)
    threads.runnable = {0, 1}
    assert threads.judge(SECOND) == [True, False]    # the second was idle, and may just have woken


def test_who_runs_a_little_between_two_looks_is_asked(threads: Threads) -> None:
    threads.runnable = {0}
    threads.judge(SECOND)
    threads.run[0] += 1000
    threads.judge(SOON - 1)
    assert threads.asked == [0]
