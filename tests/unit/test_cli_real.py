"""Commands against a real manager on a simulated host: what the user sees, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hpm.backend.simulated import uuid_of
from hpm.cli.main import cli
from hpm.cli.session import Session
from hpm.cli.words import parse_time
from hpm.wire.times import moment_of

from .api_host import GROUPS, SERVERS, ApiHost, policy, running, service_class

DB1 = f"{SERVERS}/{uuid_of('db1')}"


@pytest.fixture(scope="module")
def host() -> Iterator[ApiHost]:
    with running(kind=ApiHost) as api:
        yield api


@pytest.fixture
def api(host: ApiHost) -> Iterator[ApiHost]:
    host.reset()
    yield host


def run(api: ApiHost, *args: str) -> Result:
    session = Session(socket=api.socket)
    result = CliRunner(env={"COLUMNS": "200"}).invoke(cli, args, obj=session)
    if "client" in vars(session):
        session.client.close()
    return result


def done(api: ApiHost, *args: str) -> str:
    result = run(api, *args)
    assert result.exit_code == 0, result.output
    return result.output


# -- schedules


def test_policy_schedule_sets_shows_and_clears(api: ApiHost) -> None:
    one = f"{GROUPS}/{api.group('Gold', policy('weekday'), policy('night'))}"
    assert "has no schedule; active is policy 'weekday'" in done(api, "policy-schedule", "Gold")
    entry = "night fri,sat-mon 22:00-06:00"
    text = done(api, "policy-schedule", "Gold", "--entry", entry, "--entry", "night daily 12:00-13:00",
                "--otherwise", "weekday")  # fmt: skip
    assert text.splitlines()[2].split("  ")[0] == "night"
    assert "mon, fri, sat, sun" in text and "daily" in text and "Otherwise: policy 'weekday'." in text
    shown = done(api, "wrg-show", "Gold")
    assert "mon, fri, sat, sun" in shown and "Otherwise: policy 'weekday'." in shown
    assert api.get(one)["schedule"][0] == {
        "policy": "night", "days": ["fri", "sat", "sun", "mon"], "from": "22:00", "to": "06:00",
    }  # fmt: skip
    done(api, "policy-schedule", "Gold", "--clear")
    assert "schedule" not in api.get(one)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("night", "is not of the form"), ("night mon 22:00", "is not of the form"),
        ("night someday 22:00-06:00", "are no days"), ("night mon 25:00-06:00", "from: "),
    ],
)  # fmt: skip
def test_policy_schedule_explains_what_is_wrong(api: ApiHost, entry: str, message: str) -> None:
    result = run(api, "policy-schedule", "Gold", "--entry", entry)
    assert result.exit_code == 2 and message in result.stderr


def test_a_schedule_of_an_unknown_policy_is_refused(api: ApiHost) -> None:
    api.group("Gold", policy("weekday"))
    result = run(api, "policy-schedule", "Gold", "--entry", "night mon 22:00-06:00")
    assert result.exit_code == 1 and "no policy named 'night' (it has: weekday)" in result.stderr


# -- temporary goals


def test_vs_boost_gives_a_goal_for_a_while(api: ApiHost) -> None:
    api.group("Gold", policy(), servers=("db1",))
    text = done(api, "vs-boost", "db1", "--velocity", "fastest", "--for", "90m")
    assert "has the goal fastest (90) until 20" in text and "with importance high" in text
    until = moment_of(api.get(DB1)["temporary-goal"]["until"])
    assert 5390 < (until - datetime.now(timezone.utc)).total_seconds() <= 5400
    assert "(vs-boost)" in done(api, "vs-show", "db1")
    done(api, "vs-boost", "db1", "--end")
    assert "temporary-goal" not in api.get(DB1)
    assert run(api, "vs-boost", "db1").exit_code == 2


def test_times_ahead() -> None:
    now = datetime(2026, 2, 3, 12, 0, tzinfo=timezone.utc)
    assert parse_time("90m", now, ahead=True) == "2026-02-03T13:30:00Z"
    assert parse_time("90m", now) == "2026-02-03T10:30:00Z"


# -- revisions and previews


def test_a_policy_is_brought_back(api: ApiHost) -> None:
    api.group("Gold", policy())
    done(api, "policy-update", "Gold", "weekday", "--importance", "lowest")
    rows = done(api, "policy-revisions", "Gold", "weekday").splitlines()[2:]
    assert [row.split()[0] for row in rows] == ["2", "1"]
    assert "lowest: db fast (75), rest discretionary" in rows[0]
    assert "It is the active one." in done(api, "policy-restore", "Gold", "weekday", "--revision", "1")
    assert json.loads(done(api, "policy-show", "Gold", "weekday", "--json"))["importance"] == "high"
    assert run(api, "policy-restore", "Gold", "weekday", "--revision", "7").exit_code == 1
    done(api, "policy-restore", "Gold", "weekday", "2")
    assert json.loads(done(api, "policy-show", "Gold", "weekday", "--json"))["importance"] == "lowest"
    for words in ([], ["x"], ["0"], ["1", "2"]):
        assert run(api, "policy-restore", "Gold", "weekday", *words).exit_code == 2


def test_a_preview_shows_what_would_become_of_whom(api: ApiHost, tmp_path: Path) -> None:
    api.group("Gold", policy("night", service_class()), servers=("db1",))
    api.post(f"{GROUPS}/default", {"perf-policies": [policy("others", service_class(), importance="low")]})
    api.cycle()
    assert "db1   rest   high" in done(api, "policy-preview", "Gold", "night")
    (tmp_path / "wish.json").write_text(json.dumps(policy("wish")))
    text = done(api, "policy-preview", "Gold", "--file", str(tmp_path / "wish.json"))
    assert "Servers of Gold" in text and "Managed servers of other groups" in text
    assert next(line for line in text.splitlines() if line.startswith("db1")).split()[:4] == ["db1", "db", "high", "75"]
    other = done(api, "policy-preview", "Gold", "night", "--vs", "db2")
    assert "db2   rest   high" in other and "db1   rest   high" not in other
    assert run(api, "policy-preview", "Gold").exit_code == 2


# -- lists and settings


def test_vs_list_filters_where_the_servers_are(api: ApiHost) -> None:
    assert [line.split()[0] for line in done(api, "vs-list", "--name", "db*").splitlines()[-2:]] == ["db1", "db2"]
    result = run(api, "vs-list", "--goal-status", "good")
    assert result.exit_code == 2 and "missed" in result.stderr
    for options in (("--status", "running"), ("--goal-status", "unmanaged"), ("--management", "unmanaged")):
        assert "db1" in done(api, "vs-list", *options), options
    for options in (("--status", "crashed"), ("--goal-status", "met"), ("--management", "managed"), ("--class", "x")):
        assert "that fit" in done(api, "vs-list", *options), options


def test_settings(api: ApiHost) -> None:
    assert "5" in done(api, "settings", "--interval", "5")
    assert api.get("/version")["interval-seconds"] == 5.0
    done(api, "settings", "--interval", "3")
    assert "60" in done(api, "settings", "--devices-interval", "60")
    found = api.get("/settings")
    assert (found["interval-seconds"], found["devices-interval-seconds"]) == (3.0, 60.0)
    done(api, "settings", "--devices-interval", "300")
    assert "90" in done(api, "settings", "--placement-interval", "90")
    assert api.get("/settings")["placement-interval-seconds"] == 90.0
    done(api, "settings", "--placement-interval", "60")
    assert "stopped ones too" in done(api, "settings", "--admission", "all")
    assert api.get("/settings")["admission"] == "all"
    assert "servers that run" in done(api, "settings", "--admission", "running")
    assert run(api, "settings", "--devices-interval", "1").exit_code == 2
    assert "KSM is not managed" not in done(api, "config", "--memory-mgmt", "advise")
    assert "not managed by hpm" in done(api, "settings", "--no-manage-ksm")
    assert api.get("/settings")["manage-ksm"] is False
    assert "KSM is not managed" in done(api, "config")
    assert "not managed by hpm" not in done(api, "settings", "--manage-ksm")
    assert api.get("/settings")["manage-ksm"] is True
    done(api, "config", "--memory-mgmt", "off")


def test_vs_details(api: ApiHost) -> None:
    text = done(api, "vs-details", "db1")
    for part in ("status (read 20", "QEMU answers", "configuration (read", "Started", "spice", "devices (read", "vda",
                 "ext4", "guest-details (read", "eth0"):  # fmt: skip
        assert part in text, text
    assert "vda" not in done(api, "vs-details", "db1", "--section", "status")
    one = json.loads(done(api, "--json", "vs-details", "db2", "--section", "guest-details"))
    assert one["virtual-servers"][0]["guest-details"] == {"apps-list": None, "net-ifaces": None}
    several = json.loads(done(api, "--json", "vs-details", "off1"))
    assert several["status"]["virtual-servers"][0]["sampled"] is None
    assert "not read yet" in done(api, "vs-details", "off1")
    assert run(api, "vs-details", "nobody").exit_code == 1
