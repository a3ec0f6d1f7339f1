"""What time alone changes: schedules activate policies, temporary goals end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from hpm.backend.simulated import uuid_of
from hpm.cli import words
from hpm.manager.calendar import LONGEST, local_time, seconds_until

from .api_host import GROUPS, SERVERS, ApiHost, policy, running, service_class

DB1 = f"{SERVERS}/{uuid_of('db1')}"
#: A Monday, 12:00 in Berlin.
NOON = datetime(2026, 11, 23, 11, 0, tzinfo=timezone.utc)
NIGHT = {"policy": "night", "days": ["mon", "tue", "wed", "thu", "fri"], "from": "22:00", "to": "06:00"}


class Clock:
    """The wall clock, which can be set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api(clock: Clock) -> Iterator[ApiHost]:
    with running(wall=clock) as host:
        yield host


def at(api: ApiHost, clock: Clock, moment: datetime) -> None:
    clock.now = moment
    api.manager.keep_time()


def test_a_time_zone_of_a_day_or_more_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has none, and hpm did not start."""
    monkeypatch.setenv("TZ", "XXX-99:99")
    assert local_time(NOON) == NOON and local_time(NOON).hour == NOON.hour
    with running(wall=Clock()) as host:
        assert host.manager.snapshot.taken == NOON
    assert words.local_time("2026-02-03T14:05:10.000Z") == "2026-02-03 14:05:10"


# -- schedules


def scheduled_group(api: ApiHost) -> str:
    group = api.group("Gold", policy("weekday"), policy("night", importance="lowest"), servers=("db1",))
    api.post(f"{GROUPS}/{group}", {"schedule": [NIGHT], "otherwise": "weekday"})
    return f"{GROUPS}/{group}"


def test_a_schedule_acts_at_its_hours_in_the_time_of_the_host(api: ApiHost, clock: Clock) -> None:
    one = scheduled_group(api)
    evening = datetime(2026, 11, 23, 20, 59, 59, tzinfo=timezone.utc)    # 21:59:59 in Berlin
    for moment, active in (
        (evening, "weekday"), (evening + timedelta(seconds=1), "night"), (evening + timedelta(hours=8), "night"),
        (evening + timedelta(hours=8, seconds=1), "weekday"),
    ):  # fmt: skip
        at(api, clock, moment)
        assert api.get(one)["active-policy"] == active
        assert api.get(DB1)["importance"] == {"weekday": "high", "night": "lowest"}[active]


def test_a_schedule_acts_at_once_and_what_is_activated_by_hand_holds_until_it_acts_again(
    api: ApiHost, clock: Clock
) -> None:
    clock.now = datetime(2026, 11, 23, 22, 0, tzinfo=timezone.utc)
    one = scheduled_group(api)
    assert api.get(one)["active-policy"] == "night"
    assert "its active policy night (activated by its schedule)" in api.get(f"{DB1}/explain")["sentences"][0]
    api.post(f"{one}/actions", {"action": "activate-policy", "policy": "weekday"})
    at(api, clock, clock.now + timedelta(hours=1))
    assert api.get(one)["active-policy"] == "weekday"
    assert "its active policy weekday (activated by hand" in api.get(f"{DB1}/explain")["sentences"][0]
    at(api, clock, clock.now + timedelta(hours=8))    # the morning, for which weekday is scheduled
    at(api, clock, clock.now + timedelta(hours=16))
    assert api.get(one)["active-policy"] == "night"


def test_without_otherwise_a_group_is_unmanaged_in_between(api: ApiHost, clock: Clock) -> None:
    group = api.group("Gold", policy("night"), servers=("db1",))
    one = f"{GROUPS}/{group}"
    answer = api.post(one, {"schedule": [NIGHT]})
    assert (answer["active-policy"], answer["otherwise"]) == (None, None)
    assert api.get(DB1)["management-reason"] == "no-policy"
    why = f"{DB1}/explain"
    assert "has no active policy (as its schedule wants)" in api.get(why)["sentences"][0]
    api.post(f"{one}/actions", {"action": "activate-policy", "policy": "night"})
    assert "active policy night (activated by hand" in api.get(why)["sentences"][0]
    at(api, clock, NOON + timedelta(hours=12))
    api.post(f"{one}/actions", {"action": "activate-policy", "policy": None})
    assert "has no active policy (by hand" in api.get(why)["sentences"][0]
    at(api, clock, NOON + timedelta(hours=20))
    at(api, clock, NOON + timedelta(hours=12))
    assert api.get(one)["active-policy"] == "night"


def test_a_schedule_can_be_taken_back_and_is_shown_where_there_is_one(api: ApiHost, clock: Clock) -> None:
    one = scheduled_group(api)
    assert api.get(one)["schedule"] == [NIGHT]
    answer = api.post(one, {"schedule": []})
    assert "schedule" not in answer and "otherwise" not in answer
    assert answer["active-policy"] == "weekday"
    at(api, clock, NOON + timedelta(hours=12))
    assert api.get(one)["active-policy"] == "weekday"


def test_a_clock_that_is_set_takes_effect(api: ApiHost, clock: Clock) -> None:
    one = scheduled_group(api)
    at(api, clock, NOON + timedelta(hours=12))
    assert api.get(one)["active-policy"] == "night"
    at(api, clock, NOON)    # and back again
    assert api.get(one)["active-policy"] == "weekday"


@pytest.mark.parametrize(("day", "hours"), [(datetime(2026, 3, 29), 23), (datetime(2026, 10, 25), 25)])
def test_an_hour_that_is_left_out_or_comes_twice(api: ApiHost, clock: Clock, day: datetime, hours: int) -> None:
    """The clock is put forward from 02:00 to 03:00 in March, and back in October."""
    group = api.group("Gold", policy("weekday"), policy("early"))
    entry = {"policy": "early", "days": ["sun"], "from": "02:30", "to": "04:00"}
    api.post(f"{GROUPS}/{group}", {"schedule": [entry], "otherwise": "weekday"})
    midnight = day.astimezone().astimezone(timezone.utc)
    early = 0
    for minute in range(0, hours * 60, 30):
        at(api, clock, midnight + timedelta(minutes=minute))
        early += api.get(f"{GROUPS}/{group}")["active-policy"] == "early"
    # 03:00 to 04:00 in March; 02:30 to 03:00, and then 02:30 to 04:00 in October
    assert early * 30 == {23: 60, 25: 120}[hours]


def test_a_schedule_survives_a_restart_and_acts_for_the_time_between(tmp_path: Path, clock: Clock) -> None:
    with running(wall=clock, directory=tmp_path) as api:
        one = scheduled_group(api)
    clock.now = NOON + timedelta(hours=12)
    with running(wall=clock, directory=tmp_path) as api:
        assert api.get(one)["active-policy"] == "night"


def test_the_calendar_sleeps_until_something_is_due(api: ApiHost, clock: Clock) -> None:
    def wait(moment: datetime) -> float:
        return seconds_until(api.manager.snapshot.catalog, moment)

    assert wait(NOON) == LONGEST
    scheduled_group(api)
    assert wait(NOON + timedelta(seconds=59.5)) == pytest.approx(0.5)
    api.post(DB1, {"temporary-goal": {"velocity": 90, "until": "2026-11-23T11:00:20Z"}})
    assert wait(NOON) == pytest.approx(20.0)


def test_a_schedule_that_is_sent_again_unchanged_leaves_what_was_activated_by_hand(api: ApiHost, clock: Clock) -> None:
    clock.now = datetime(2026, 11, 23, 22, 0, tzinfo=timezone.utc)
    one = scheduled_group(api)
    api.post(f"{one}/actions", {"action": "activate-policy", "policy": "weekday"})
    assert api.post(one, {"schedule": [NIGHT], "otherwise": "weekday"})["active-policy"] == "weekday"
    assert api.post(one, {"schedule": [{**NIGHT, "from": "21:00"}]})["active-policy"] == "night"


# -- temporary goals


def test_a_temporary_goal_is_the_goal_until_its_time(api: ApiHost, clock: Clock) -> None:
    api.group("Gold", policy("weekday"), servers=("db1",))
    answer = api.post(DB1, {"temporary-goal": {"velocity": "fastest", "until": "2026-11-23T13:00:00+01:00"}})
    assert answer["temporary-goal"] == {"velocity": "fastest", "until": "2026-11-23T12:00:00.000Z"}
    assert answer["goal"] == {"type": "velocity", "velocity": "fastest"}
    assert (answer["service-class"], answer["importance"]) == ("db", "high")
    assert "Until 12:00 UTC on 2026-11-23 it has a temporary goal" in api.get(f"{DB1}/explain")["sentences"][0]
    at(api, clock, NOON + timedelta(minutes=59, seconds=59))
    assert api.get(DB1)["goal"]["velocity"] == "fastest"
    at(api, clock, NOON + timedelta(hours=1))
    ended = api.get(DB1)
    assert ended["goal"]["velocity"] == "fast" and "temporary-goal" not in ended


def test_an_excluded_server_is_told_what_becomes_of_its_shares(api: ApiHost) -> None:
    api.group("Gold", policy("weekday"), servers=("db1",))
    api.post(f"{GROUPS}/default", {"perf-policies": [policy("others", service_class(), importance="low")]})
    api.post("/mgmt-levels", {"cpu-mgmt": "on"})
    for _ in range(3):
        api.cycle()
    before = api.get(DB1)
    assert before["cpu-shares"] != before["cpu-shares-original"]
    api.post(DB1, {"excluded": True})
    assert "in the next interval it gets back the 1024 that hpm found" in api.get(f"{DB1}/explain")["sentences"][-1]
    for _ in range(2):
        api.cycle()
    assert "Its CPU shares are 1024, as hpm found them." in api.get(f"{DB1}/explain")["sentences"][-1]


def test_a_temporary_goal_makes_a_server_faster_at_once(api: ApiHost) -> None:
    api.post(f"{GROUPS}/default", {"perf-policies": [policy("others", service_class(), importance="low")]})
    api.post("/mgmt-levels", {"cpu-mgmt": "on"})
    api.cycle()
    api.cycle()
    before = api.get(DB1)["velocity"]
    api.post(DB1, {"temporary-goal": {"velocity": 90, "until": "2026-11-24T00:00:00Z", "importance": "highest"}})
    api.cycle()
    api.cycle()
    boosted = api.get(DB1)
    assert boosted["goal-status"] == "met" and boosted["velocity"] > before + 10


def test_a_temporary_goal_manages_a_server_whose_group_has_no_policy(api: ApiHost) -> None:
    answer = api.post(DB1, {"temporary-goal": {"velocity": 80, "until": "2026-11-24T00:00:00Z"}})
    assert (answer["management"], answer["importance"], answer["service-class"]) == ("managed", "high", None)
    assert api.post(DB1, {"temporary-goal": None})["management-reason"] == "no-policy"


@pytest.mark.parametrize(
    ("goal", "path"),
    [
        ({"velocity": 80, "until": "2026-11-23T10:59:59Z"}, "temporary-goal.until"),
        ({"velocity": 80, "until": "tomorrow"}, "temporary-goal.until"),
        ({"velocity": 80, "until": "2026-11-24T00:00:00"}, "temporary-goal.until"),
        ({"velocity": 80, "until": "2026-W48-5T00:00:00Z"}, "temporary-goal.until"),
        ({"velocity": 80, "until": "20261124T000000Z"}, "temporary-goal.until"),
        ({"velocity": 80, "until": "2026-11-31T00:00:00Z"}, "temporary-goal.until"),
        ({"velocity": 100, "until": "2026-11-24T00:00:00Z"}, "temporary-goal.velocity"),
        ({"velocity": 80}, "temporary-goal.until"),
    ],
)
def test_a_temporary_goal_is_checked(api: ApiHost, goal: dict[str, object], path: str) -> None:
    assert path in api.refused("POST", DB1, {"temporary-goal": goal})["message"]
