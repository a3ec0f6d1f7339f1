"""Somebody sets the clock while jobs are under way: they have the time that they were given, neither more nor less."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from hpm.backend.simulated import uuid_of
from hpm.policy.start_policies import StartPolicy

from .start_house import PORT, StartHouse, needs, off

STEPS = [timedelta(days=365), timedelta(hours=-1)]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("crash", [False, True])
def test_who_shuts_down_has_his_grace_and_no_more_of_it(tmp_path: Path, step: timedelta, crash: bool) -> None:
    house = StartHouse(tmp_path, {"a": True})
    house.host.faults.deaf.add(uuid_of("a"))
    job = house.end("a", force=True, grace_seconds=20)
    house.wait(10)
    house.ahead = step
    house.wait(1)
    if crash:
        house.crash()
    house.wait(7)
    assert house.running() == {"a"}    # to end it takes what it has not written yet
    house.wait(4)
    assert house.running() == set() and house.phases(job) == {"a": "stopped"}


@pytest.mark.parametrize("step", STEPS)
def test_who_starts_has_his_time_and_no_more_of_it(tmp_path: Path, step: timedelta) -> None:
    policies = {"db": StartPolicy(ready=PORT, timeout_seconds=20), "web": needs("db", timeout_seconds=20)}
    house = StartHouse(tmp_path, off("db", "web"), **policies)
    house.host.faults.unready[uuid_of("db")] = "its port 5432 does not answer"
    job = house.begin("web")
    house.wait(10)
    house.ahead = step    # the host has found out what time it is
    house.wait(8)
    assert house.phases(job) == {"db": "started", "web": "waiting"}
    house.wait(8)
    assert house.phases(job) == {"db": "failed", "web": "failed"}


def test_a_clock_that_is_set_back_while_hpm_does_not_run_gives_nobody_more_than_his_whole_time(tmp_path: Path) -> None:
    policies = {"db": StartPolicy(ready=PORT, timeout_seconds=20), "web": needs("db", timeout_seconds=20)}
    house = StartHouse(tmp_path, off("db", "web"), **policies)
    house.host.faults.unready[uuid_of("db")] = "its port 5432 does not answer"
    job = house.begin("web")
    house.wait(10)
    house.ahead = timedelta(days=-3650)    # the host starts without a clock of its own
    house.crash()
    house.wait(5)
    house.ahead = timedelta()    # and finds out what time it is
    house.wait(10)
    assert house.phases(job) == {"db": "started", "web": "waiting"}
    house.wait(10)
    assert house.phases(job) == {"db": "failed", "web": "failed"}
