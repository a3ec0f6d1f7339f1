"""Run windows, autostart, and who waits for the hook: what the calendar and the host's boot bring about."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import pairwise
from pathlib import Path

import pytest

from hpm.backend.simulated import uuid_of
from hpm.errors import StoreError
from hpm.policy.start_policies import RunWindow, StartPolicy
from hpm.store.catalog_store import save_setting

from .start_house import StartHouse, changed, needs, off

#: The house's virtual time begins on a Tuesday at 00:00 UTC.
DAY = StartPolicy(windows=(RunWindow(("tue", "wed"), "00:10", "00:20"),))


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")


def minutes(house: StartHouse, number: float) -> None:
    """Let minutes pass, with a look each ten seconds."""
    for _ in range(round(number * 6)):
        house.host.advance(10)
        house.look()


def test_servers_run_in_their_hours_and_keep_what_an_administrator_does(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, {"a": False, "b": True}, a=DAY, b=changed(DAY, outside="suspend"))
    minutes(house, 1)
    assert house.running() == set() and house.paused() == {"b"}
    minutes(house, 10)
    assert house.running() == {"a", "b"}
    minutes(house, 10)
    assert house.running() == set() and house.paused() == {"b"}
    house.host.start(uuid_of("a"))    # out of its hours, by hand
    minutes(house, 5)
    assert "a" in house.running()
    house.crash()    # a restart of hpm is no edge
    minutes(house, 2)
    assert "a" in house.running()


@pytest.mark.parametrize("windows", [("02:30", "10:00"), ("22:00", "02:30"), ("02:15", "02:45")])
def test_an_hour_that_comes_twice_starts_and_stops_nobody_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, windows: tuple[str, str]
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    begin, end = windows
    policy = StartPolicy(windows=(RunWindow(("sat", "sun"), begin, end),))
    house = StartHouse(tmp_path, {"a": begin == "22:00"})
    # 02:00 on the night in which the clock is put back from 03:00 to 02:00
    house.ahead += datetime(2026, 10, 25, 0, 0, tzinfo=timezone.utc) - house.manager.now()
    house.say_start("a", policy)
    ran = []
    for _ in range(100):    # every two minutes for more than three hours
        house.host.advance(120)
        house.look()
        ran.append(house.running() == {"a"})
    edges = sum(one is not other for one, other in pairwise(ran))
    assert edges == {"02:30": 1, "22:00": 1, "02:15": 2}[begin]


def test_what_an_administrator_did_before_a_restart_of_hpm_stays(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, {"a": False}, a=DAY)    # as it is to be, from the first look on
    minutes(house, 1)
    house.host.start(uuid_of("a"))
    house.crash()
    minutes(house, 3)
    assert house.running() == {"a"}


def test_an_edge_that_the_disk_did_not_take_is_kept_as_soon_as_it_does(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, {"a": False}, a=DAY)
    minutes(house, 11)
    house.host.stop(uuid_of("a"))
    minutes(house, 8)
    house.database._connection.execute("PRAGMA query_only=ON")
    with pytest.raises(StoreError):    # its hours end, and it is as it is to be
        minutes(house, 2)
    house.database._connection.execute("PRAGMA query_only=OFF")
    minutes(house, 2)
    house.host.start(uuid_of("a"))
    house.crash()    # a restart of hpm is no edge
    minutes(house, 3)
    assert house.running() == {"a"}


def test_a_window_that_ends_takes_along_those_that_say_so(tmp_path: Path) -> None:
    house = StartHouse(
        tmp_path, off("db", "app", "web"), db=DAY, app=needs("db", when_it_stops="stop"), web=needs("db")
    )
    minutes(house, 11)
    house.begin("app", "web")
    minutes(house, 1)
    assert house.running() == {"db", "app", "web"}
    minutes(house, 10)
    assert house.running() == {"web"}


def test_what_starts_with_the_host_is_started_once_a_boot(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, off("db", "web", "other"), web=needs("db", autostart=True))
    house.manager.starting.autostart()
    house.wait(3)
    assert house.started() == ["db", "web"]
    assert house.manager.starting.jobs()[0].by == "hpm (autostart)"
    house.host.stop(uuid_of("web"))
    house.crash()
    house.manager.starting.autostart()
    house.wait(3)
    assert "web" not in house.running()
    save_setting(house.database, "autostarted-boot", "another boot")
    house.manager.starting.autostart()
    house.wait(3)
    assert "web" in house.running()


def test_who_cannot_start_with_the_host_hinders_no_other_and_is_tried_again(tmp_path: Path) -> None:
    policies = {"db": StartPolicy(autostart=True), "web": needs("gone", autostart=True)}
    house = StartHouse(tmp_path, off("gone", "db", "web"), **policies)
    house.host.delete(uuid_of("gone"))
    house.look()
    house.manager.starting.autostart()
    house.wait(2)
    assert house.started() == ["db"]
    house.host.stop(uuid_of("db"))
    house.crash()
    house.manager.starting.autostart()
    house.wait(2)
    assert house.started() == ["db"]    # stopped by hand
    house.say_start("web", StartPolicy(autostart=True))
    house.wait(2)
    assert house.started() == ["db", "web"]
    house.host.stop(uuid_of("web"))
    house.wait(2)
    assert house.started() == ["db", "web"]


def test_who_cannot_start_in_its_hours_hinders_no_other(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, off("gone", "a", "b"), a=DAY, b=changed(needs("gone"), windows=DAY.windows))
    house.host.delete(uuid_of("gone"))
    minutes(house, 11)
    assert house.running() == {"a"}


def test_who_is_outside_of_its_hours_starts_with_them_and_not_with_the_host(tmp_path: Path) -> None:
    always = changed(DAY, windows=(RunWindow(("tue",), "00:00", "00:20"),), autostart=True)
    house = StartHouse(tmp_path, off("a", "b"), a=changed(DAY, autostart=True), b=always)
    house.manager.starting.autostart()
    minutes(house, 1)
    assert house.running() == {"b"}
    minutes(house, 10)
    assert house.running() == {"a", "b"}


def test_sentences_say_what_a_server_waits_for(tmp_path: Path) -> None:
    from hpm.model.explain_starts import explain_starts

    house = StartHouse(tmp_path, off("db", "web"), web=needs("db", autostart=True), db=DAY)
    said = explain_starts(house.manager.starting, house.manager.snapshot, uuid_of("web"))
    assert said == [
        "It waits for db, which is not ready: it does not run. It goes on when that stops, and it is told.",
        "hpm starts it after the host has started.",
    ]
    house.begin("web")
    said = explain_starts(house.manager.starting, house.manager.snapshot, uuid_of("db"))
    assert said == [
        "web needs it; it is not ready for that: it does not run.",
        "It runs at these hours: tue, wed 00:10 to 00:20. Outside of them hpm stops it.",
        "Job 1 of ann starts it: waiting.",
    ]
