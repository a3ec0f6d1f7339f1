"""A manager whose cycles take too long says so, does less, and does it all again when it may."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from hpm.backend.simulated.hypervisor import SimulatedHypervisor
from hpm.backend.simulated.machine import Scenario
from hpm.manager.manager import Manager
from hpm.manager.news import LoopNews
from hpm.manager.observer import CLOSELY, Observer
from hpm.manager.relief import STEPS
from hpm.manager.upkeep import OWN
from hpm.memory.standing import STALE
from hpm.model.management import Management
from hpm.store.database import Database
from tests.lab.errors import wait_until

from .builders import guest


class SlowHost(SimulatedHypervisor):
    """Takes its time for each call, and notes how often samples are wanted."""

    def __init__(self) -> None:
        super().__init__(Scenario(cores=2, servers=(guest("one"),)), time.monotonic_ns)
        self.intervals: list[float] = []
        self.balloons: list[float] = []

    def set_interval(self, seconds: float) -> None:
        self.intervals.append(seconds)
        super().set_interval(seconds)

    def set_balloons_interval(self, seconds: float) -> None:
        self.balloons.append(seconds)


@pytest.fixture
def host() -> SlowHost:
    return SlowHost()


@pytest.fixture
def manager(tmp_path: Path, host: SlowHost) -> Iterator[Manager]:
    database = Database(tmp_path / "hpm.db")
    made = Manager(host, database, 0.1, time.monotonic_ns, lambda: datetime.now(timezone.utc))
    made.events.publish("host", "before")
    yield made
    host.faults.slow_s = 0.0
    made.stop()
    database.close()


def own(manager: Manager) -> dict[str, float]:
    return {metric.name: metric.of(manager) for metric in OWN}


def news(manager: Manager) -> list[LoopNews]:
    return [one.data for one in manager.events._ring.values() if isinstance(one.data, LoopNews)]


def test_slow_cycles_cut_work_in_order_and_quick_ones_bring_it_back(manager: Manager, host: SlowHost) -> None:
    manager.set_level("advise")
    assert manager.glances()
    manager.start()
    host.faults.slow_s = 0.15
    wait_until(lambda: manager.relief.number == 4, 30.0, "the interval is four times as long")
    assert manager.interval == 0.1 and manager.relief.interval == pytest.approx(0.4)
    assert not manager.glances()
    assert host.intervals[-1] == pytest.approx(0.1 * STEPS[4].samples)
    told = Management(manager).version()
    assert (told.interval_seconds, told.interval_in_force_seconds) == (0.1, pytest.approx(0.4))
    assert told.overruns > 1 and told.work_cut is not None
    assert "and the interval is four times as long: a cycle took " in told.work_cut
    figures = own(manager)
    assert figures["work-cut"] == 4 and figures["work-cuts"] >= 4 and figures["overruns"] > 1
    assert figures["interval-in-force"] == pytest.approx(0.4)

    host.faults.slow_s = 0.0
    wait_until(lambda: manager.relief.number == 0, 60.0, "all of the work is done again")
    assert manager.glances() and host.intervals[-1] == 0.1
    assert Management(manager).version().work_cut is None
    found = news(manager)
    assert [one.cut for one in found[:4]] == [step.what for step in STEPS[1:5]]
    assert found[-1].cut is None and found[-1].in_force == found[-1].interval == 0.1
    assert all(one.reason for one in found)


def test_an_interval_that_is_set_is_in_force_at_once(manager: Manager, host: SlowHost) -> None:
    manager.start()
    host.faults.slow_s = 0.15
    wait_until(lambda: manager.relief.number == 4, 30.0, "the interval is four times as long")
    host.faults.slow_s = 0.0
    manager.set_interval(5.0)
    assert (manager.interval, manager.relief.interval, manager.relief.number) == (5.0, 5.0, 0)
    assert host.intervals[-1] == 5.0


def test_memory_is_sampled_within_the_minute_for_which_its_figures_count(host: SlowHost) -> None:
    """However much hpm has to do: of guests that do not report, nothing is decided."""
    observer = Observer(host, 10.0, 300.0)
    for step in STEPS:
        observer.set_interval(10.0 * step.longer, 10.0, step.samples)
        observer.watch_memory(closely=True)
        observer.watch_memory(closely=False)
    assert host.intervals == [10.0, 10.0, 40.0, 40.0, 45.0, 45.0, 45.0]
    assert set(host.balloons) == {CLOSELY, 10.0, 40.0, 45.0}
    assert max(host.intervals) < STALE
    observer.set_interval(600.0, 300.0, 8)
    assert host.intervals[-1] == 300.0    # as it was set
