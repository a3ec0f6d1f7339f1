"""What is read of the history for suggestions, whatever resolution is left of it, against all that was put into it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from hpm.engine.index import MET
from hpm.engine.reached import Reached
from hpm.manager.recorder import KINDS
from hpm.model.pasts import COARSE_POINTS, FEW, Pasts, spread_evenly
from hpm.store.history import Frame, History

#: Midnight, UTC.
START = 1_764_201_600.0
HOUR, DAY = 3600.0, 86400.0
INTERVAL, DAYS, GOAL = 60.0, 4, 60
KEY = "g/db"


def velocities() -> np.ndarray:
    """One for each interval; idle from midnight to six."""
    count = round(DAYS * DAY / INTERVAL)
    had = np.clip(np.random.default_rng(4).normal(75.0, 9.0, count), 1.0, 100.0)
    hour = (np.arange(count) * INTERVAL % DAY) // HOUR
    return np.where(hour < 6, math.nan, had)


@pytest.fixture(scope="module")
def four_days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[History, np.ndarray]]:
    """A history of which only two days are kept by minutes. The servers of the class came on the second day."""
    now = [START]
    history = History(tmp_path_factory.mktemp("pasts") / "history.db", KINDS, wall=lambda: now[0])
    had = velocities()
    names = KINDS["class"]
    for place, velocity in enumerate(had):
        now[0] = START + place * INTERVAL
        there, figures = float(now[0] >= START + DAY), dict.fromkeys(names, math.nan)
        if there:
            figures["velocity"] = velocity
            figures["goal-met"] = float(not velocity < GOAL / MET)
        figures["goal-judged"], figures["virtual-servers"] = there, there
        server = dict.fromkeys(KINDS["server"], math.nan) | {"velocity": velocity, "cpu-using": 0.5}
        history.add(now[0], {
            "class": Frame((KEY,), np.array([[figures[name]] for name in names])),
            "group": Frame(("g",), np.array([[figures[name]] for name in names])),
            "server": Frame(("s",), np.array([[server[name]] for name in KINDS["server"]])),
        })  # fmt: skip
        history.work(0.0)
    while history.work(0.1):
        pass
    yield history, had
    history.close()


def agrees(reached: Reached, had: np.ndarray, *, exactly: bool = False) -> None:
    """It says of these intervals what is so."""
    worked = had[~np.isnan(had)]
    assert reached.hours == pytest.approx(len(had) * INTERVAL / HOUR, abs=0.4)
    assert reached.active_hours == pytest.approx(len(worked) * INTERVAL / HOUR, abs=0.4)
    for goal in (50, 60, 70, 80):
        truth = float((worked >= goal / MET).mean())
        assert reached.attained(goal) == pytest.approx(truth, abs=0.005 if exactly else 0.1)
    low = float(np.quantile(worked, 0.1))
    assert reached.velocity(0.9) == pytest.approx(low, abs=0.3 if exactly else 4.0)
    assert reached.velocity(0.5) == pytest.approx(float(np.median(worked)), abs=0.3 if exactly else 1.5)


def test_of_the_newest_days_each_interval_is_known(four_days: tuple[History, np.ndarray]) -> None:
    history, had = four_days
    end = START + DAYS * DAY
    reached = Pasts(history, end - DAY, end, INTERVAL).of_group("g")
    newest = had[-round(DAY / INTERVAL):]
    agrees(reached, newest, exactly=True)
    missed = float((newest[~np.isnan(newest)] < GOAL / MET).mean())
    assert reached.missed_share == pytest.approx(missed)


def test_what_is_left_of_older_ones_is_told_more_coarsely_and_missed_goals_are_counted_exactly(
    four_days: tuple[History, np.ndarray],
) -> None:
    history, had = four_days
    pasts = Pasts(history, 0.0, START + DAYS * DAY, INTERVAL)
    assert pasts.start == START    # not before there is any history
    (reached,) = pasts.of_classes([KEY])
    later = had[round(DAY / INTERVAL):]    # before, it had no servers
    agrees(reached, later)
    missed = float((later[~np.isnan(later)] < GOAL / MET).mean())
    assert reached.missed_share == pytest.approx(missed, rel=0.01)
    assert pasts.of_classes([KEY] * (FEW + 1))[0].missed_share == pytest.approx(missed, rel=0.01)


def test_of_servers_there_are_fewer_points(four_days: tuple[History, np.ndarray]) -> None:
    history, had = four_days
    pasts = Pasts(history, START, START + DAYS * DAY, INTERVAL)
    reached, nobody = pasts.of_servers(["s", "nobody"])
    assert len(reached.mean) <= COARSE_POINTS
    agrees(reached, had)
    assert nobody.hours == 0.0


def test_points_are_no_shorter_than_the_interval(four_days: tuple[History, np.ndarray]) -> None:
    history, _ = four_days
    assert Pasts(history, START, START + DAY, 300.0).of_group("g").seconds == 600.0
    assert Pasts(history, START, START + 7 * DAY, 10.0).of_group("g").seconds == 60.0
    assert Pasts(history, START, START + 300 * DAY, 10.0).of_group("g").seconds == 3600.0
    assert Pasts(history, START, START + 3000 * DAY, 10.0).of_group("g").seconds % 3600.0 == 0.0


def test_some_of_many_are_chosen_evenly() -> None:
    names = [f"s{number:03}" for number in range(100)]
    assert spread_evenly(names[:3], 4) == names[:3]
    assert spread_evenly(names, 4) == ["s012", "s037", "s062", "s087"]
