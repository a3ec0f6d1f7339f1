"""The recorder's thread keeps out of the loop's way."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from hpm.manager.events import Events
from hpm.manager.loop import Loop
from hpm.manager.notify.notifier import Notifier
from hpm.manager.recorder import HANGS, RESPECT, Recorder
from hpm.store.database import Database
from tests.lab.errors import wait_until

from .history_play import HOUR, Play


class Work:
    """Nothing to do; a plan is `wanted` from some moment on."""

    def __init__(self) -> None:
        self.when: int | None = None

    def wanted(self) -> int | None:
        return self.when

    def glances(self) -> bool:
        return True

    def cycle(self) -> None: ...

    look = glance = cycle


def test_the_loop_says_when_its_next_cycle_is_due() -> None:
    now, work = 0, Work()
    loop = Loop(10.0, lambda: now, work)
    assert loop.until_cycle() == 1.0    # the first one comes soon
    now = 400_000_000
    assert loop.until_cycle() == pytest.approx(0.6)
    now = 1_300_000_000
    assert loop.until_cycle() == pytest.approx(-0.3)    # it should be under way
    now, work.when = 500_000_000, 700_000_000
    assert loop.until_cycle() == pytest.approx(0.5)    # two plans are at least a second apart


def recorder_of(tmp_path: Path, play: Play, until_cycle: Callable[[], float]) -> tuple[Recorder, Database]:
    database = Database(tmp_path / "hpm.db")
    notifier = Notifier(database, time.monotonic_ns, _wall, None)
    return Recorder(play.history, database, Events(_wall), notifier, until_cycle), database


def _wall() -> datetime:
    return datetime.now(timezone.utc)


@pytest.mark.parametrize("until", [RESPECT / 2, -0.05])
def test_upkeep_waits_until_a_cycle_has_ended(tmp_path: Path, until: float) -> None:
    with Play(tmp_path / "history.db") as play:
        play.walk(3 * HOUR)
        times: list[float] = []

        def until_cycle() -> float:
            times.append(until)
            return until

        recorder, database = recorder_of(tmp_path, play, until_cycle)
        recorder.start()
        try:
            recorder.tell()    # something to do, after which it looks what is due
            wait_until(lambda: len(times) > 2, 10, "it looks again and again", 0.05)
            assert _summed_up(play) is None
            until = 5.0
            wait_until(lambda: _summed_up(play) is not None, 10, "what is due is summed up", 0.05)
        finally:
            recorder.stop()
            database.close()


def test_a_cycle_that_hangs_does_not_hold_up_upkeep(tmp_path: Path) -> None:
    with Play(tmp_path / "history.db") as play:
        play.walk(3 * HOUR)
        recorder, database = recorder_of(tmp_path, play, lambda: -HANGS - 1.0)
        recorder.start()
        try:
            recorder.tell()
            wait_until(lambda: _summed_up(play) is not None, 10, "what is due is summed up", 0.05)
        finally:
            recorder.stop()
            database.close()


def _summed_up(play: Play) -> float | None:
    """Since when there are points a minute."""
    return next(level.oldest for level in play.history.status().levels if level.seconds == 60)
