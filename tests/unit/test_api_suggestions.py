"""Goals suggested from history, through the API and at the shell: what they come from, what they would cost, and that
they can be stored as they are. The history is written here, so that it is known what is right."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from hpm.backend.simulated import uuid_of
from hpm.client.connection import connect
from hpm.engine.index import MET
from hpm.host.peer import PeerDoor
from hpm.manager.recorder import KINDS
from hpm.store.history import Frame
from hpm.wire.suggestions import SuggestionQuery
from hpm.wire.times import moment_of

from .api_host import FILTER, GROUPS, NOBODY, ApiHost, policy, running, service_class
from .test_api_history import BEGIN, Time, at, shell

#: Hours and minutes that were watched; in the last ones the host is as it is now.
HOURS, MINUTES = 26, 26 * 60
NAN = math.nan
DB = {"type": "velocity", "velocity": "moderate"}


def frame(kind: str, figures: dict[str, tuple[float, float | None]]) -> Frame:
    """What was known at a time: of each key its velocity (NaN: idle), and its goal."""
    columns = {name: np.full(len(figures), NAN) for name in KINDS[kind]}
    had = np.array([velocity for velocity, _ in figures.values()])
    goal = np.array([NAN if wanted is None else wanted for _, wanted in figures.values()])
    columns["velocity"] = had
    columns["virtual-servers"] = columns["cpu-using"] = np.ones(len(figures))
    columns["goal-judged"] = (~np.isnan(goal)).astype(float)
    columns["goal-met"] = columns["goal-judged"] * ~(np.nan_to_num(had, nan=100.0) < goal / MET)
    return Frame(tuple(figures), np.array([columns[name] for name in KINDS[kind]]))


@pytest.fixture(scope="module")
def watched() -> Iterator[tuple[ApiHost, Time]]:
    """Gold has two classes: `db` reached 63, but for one minute in 40; `rest` never worked. Silver has one class, which
    reached 95. The servers of default, without a policy, reached 90 and 40. Bronze is new."""
    time = Time()
    with running(PeerDoor(), wall=time) as api:
        db = service_class("db", goal=DB, classification=FILTER, importance="low")
        gold = api.group("Gold", policy("weekday", db, service_class()), servers=("db1",))
        silver = api.group("Silver", policy("base", service_class(goal={"type": "velocity", "velocity": 40}),
                                            importance="medium"), servers=("db2",))  # fmt: skip
        api.group("Bronze", policy("base", service_class(goal=DB)))
        api.group("Empty")
        history = api.manager.recorder.history
        assert history is not None
        for minute in range(MINUTES):
            time.now += timedelta(minutes=1)
            had = 20.0 if minute % 40 == 39 else 63.0
            history.add(time.now.timestamp(), {
                "class": frame("class", {f"{gold}/db": (had, 50), f"{gold}/rest": (NAN, None)}),
                "group": frame("group", {silver: (95.0, 40), "default": (70.0, None)}),
                "server": frame("server", {uuid_of("idle1"): (90.0, None), uuid_of("off1"): (40.0, None)}),
            })  # fmt: skip
        time.now += timedelta(seconds=3)
        api.cycle()
        yield api, time


@pytest.fixture
def api(watched: tuple[ApiHost, Time]) -> ApiHost:
    return watched[0]


def path(api: ApiHost, name: str) -> str:
    """The path of a group's suggestion."""
    found = api.get(f"{GROUPS}?name={name}")["workload-resource-groups"]
    return f"{GROUPS}/{found[0]['object-id']}/suggestion"


def test_the_classes_of_the_policy_get_the_goals_that_they_reached(api: ApiHost) -> None:
    state = api.state()
    told = api.get(path(api, "Gold"))
    assert api.state() == state
    assert told["class"] == "suggestion"
    assert told["workload-resource-group"].endswith(path(api, "Gold").removesuffix("/suggestion"))
    assert BEGIN - timedelta(hours=1) <= moment_of(told["from"]) <= BEGIN + timedelta(hours=1)    # no more there is
    assert told["policy"] == {
        "name": "suggested", "importance": "high", "service-classes": [
            {"name": "db", "goal": {"type": "velocity", "velocity": 60}, "classification": FILTER, "importance": "low"},
            {"name": "rest", "goal": {"type": "discretionary"}},
        ],
        "description": f"Suggested from what was reached from {told['from']} to {told['to']}.",
    }  # fmt: skip
    db, rest = told["classes"]
    assert (db["name"], db["importance"], db["virtual-server-count"]) == ("db", "low", 1)
    assert (db["goal"], db["suggested-goal"]) == (DB, told["policy"]["service-classes"][0]["goal"])
    assert db["history-hours"] == pytest.approx(HOURS, abs=0.1) and db["active-percent"] == 100.0
    assert (db["velocity-low"], db["velocity-median"]) == (63.0, 63.0)
    assert db["attainment"] == db["attainment-now"] == pytest.approx(97.5, abs=0.1)
    assert db["pi-projected"] > 0
    assert "missed in 2.5 % of its active time, which is left out" in db["reason"] and "60" in db["reason"]
    assert (rest["velocity-low"], rest["velocity-median"], rest["attainment"], rest["pi-projected"]) == (None,) * 4
    assert rest["active-percent"] == 0.0 and "active in 0.00 of 26" in rest["reason"]


def test_what_others_would_lose_is_told(api: ApiHost) -> None:
    told = api.get(f"{path(api, 'Silver')}?importance=highest&name=hard")
    assert (told["policy"]["name"], told["policy"]["importance"]) == ("hard", "highest")
    (own,) = told["classes"]
    assert (own["suggested-goal"], own["attainment"]) == ({"type": "velocity", "velocity": "fastest"}, 100.0)
    (gold,) = told["effects"]    # of Bronze nobody works, default is unmanaged
    assert gold["workload-resource-group"].endswith(path(api, "Gold").removesuffix("/suggestion"))
    assert (gold["name"], gold["service-class"], gold["importance"], gold["goal"]) == ("Gold", "db", "low", DB)
    assert gold["velocity-before"] > gold["velocity-after"] > 0 and gold["pi-before"] < gold["pi-after"]
    assert (gold["goal-status-before"], gold["goal-status-after"]) == ("met", "missed")
    assert any("'db' of the group 'Gold' would miss its goal" in note for note in told["notes"])
    assert any("CPU management is off" in note for note in told["notes"])
    seen = api.post(f"{path(api, 'Silver').removesuffix('suggestion')}preview", told["policy"])
    (server,) = seen["virtual-servers"]
    assert server["pi-projected"] == pytest.approx(own["pi-projected"], abs=0.05)    # the preview says the same


def test_a_group_without_a_policy_is_suggested_classes(api: ApiHost) -> None:
    told = api.get(f"{GROUPS}/default/suggestion")
    (own,) = told["classes"]
    assert told["policy"]["importance"] == "medium"
    assert (own["name"], own["goal"], own["attainment-now"]) == ("rest", None, None)
    assert own["suggested-goal"] == {"type": "velocity", "velocity": 38}    # each of them reached that
    assert own["history-hours"] == pytest.approx(2 * HOURS, abs=1)
    assert own["virtual-server-count"] == 3
    assert "from 40 to 90, but names do not tell" in told["notes"][0]


def test_many_servers_are_read_in_part(api: ApiHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpm.model.suggestions.MOST_SERVERS", 2)
    told = api.get(f"{GROUPS}/default/suggestion")
    assert any("Of the group's 3 virtual servers the history of 2 was read" in note for note in told["notes"])


def test_only_the_range_that_is_asked_for_counts(api: ApiHost) -> None:
    bad = BEGIN + timedelta(minutes=40)
    told = api.get(f"{path(api, 'Gold')}?from={at(bad)}&to={at(bad + timedelta(hours=1))}")
    assert (told["from"], told["to"]) == ("2030-03-01T10:40:00.000Z", "2030-03-01T11:40:00.000Z")
    assert told["classes"][0]["history-hours"] == pytest.approx(1.0, abs=0.05)
    quiet = api.get(f"{path(api, 'Gold')}?from={at(bad + timedelta(minutes=1))}&to={at(bad + timedelta(minutes=38))}")
    assert quiet["classes"][0]["attainment"] == 100.0
    assert quiet["classes"][0]["reason"].startswith("It reached 63 or more in nine tenths")


def test_the_policy_can_be_sent_on_as_it_is(api: ApiHost) -> None:
    where = path(api, "Gold")
    group = where.removesuffix("/suggestion")
    made = api.send("POST", f"{group}/policies", api.get(where)["policy"])
    assert made.status_code == 201 and made.json()["active"] is False
    assert api.get(where)["policy"]["name"] == "suggested-2"
    assert api.refused("POST", f"{group}/policies", api.get(f"{where}?name=suggested")["policy"])["reason"] == 8
    assert api.send("DELETE", f"{group}/policies/suggested").status_code == 204


def test_too_little_history_is_said_with_how_much_there_is_and_how_much_is_needed(api: ApiHost) -> None:
    for group, query, said in (
        ("Bronze", "", "more than 0.00 of them, of which 0.5 are needed"),
        ("Empty", "", "0.00 hours of history of the group 'Empty'"),
        ("Gold", f"?from={at(BEGIN)}&to={at(BEGIN + timedelta(minutes=20))}", "there are 0.32 hours"),
    ):  # fmt: skip
        error = api.refused("GET", path(api, group) + query)
        assert (error["http-status"], error["reason"]) == (409, 2)
        assert said in error["message"], error["message"]


def test_what_cannot_be_asked_is_refused(api: ApiHost) -> None:
    where = path(api, "Gold")
    for query, reason, said in (
        ("from=yesterday", 7, "from: 'yesterday' is no RFC 3339 time"), ("to=2031-01-01T00:00:00Z", 7, "future"),
        ("from=2030-03-01T12:00:00Z&to=2030-03-01T11:00:00Z", 7, "from: must be earlier than to"),
        ("to=1970-01-02T00:00:00Z", 7, "1970"), ("importance=huge", 7, "importance"), ("name=a%2Fb", 7, "name"),
        ("goal=1", 1, "goal"),
    ):  # fmt: skip
        error = api.refused("GET", f"{where}?{query}")
        assert (error["http-status"], error["reason"]) == (400, reason), error
        assert said in error["message"], error["message"]
    assert api.refused("GET", f"{GROUPS}/{NOBODY}/suggestion")["http-status"] == 404


def test_who_cannot_wait_for_the_manager_is_told_to_try_again(api: ApiHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpm.manager.cycles.PATIENCE", 0.05)
    with api.manager._work.lock:
        error = api.refused("GET", path(api, "Gold"))
    assert (error["http-status"], error["reason"]) == (409, 1)


def test_the_client_asks_for_it(api: ApiHost) -> None:
    with connect(api.socket) as client:
        group = path(api, "Gold").split("/")[-2]
        found = client.suggestion(group, SuggestionQuery(importance="lowest", name="x")).value
        assert (found.policy.name, found.policy.importance) == ("x", "lowest")
        assert client.suggestion(group).value.classes[0].velocity_low == 63.0


def test_at_the_shell(api: ApiHost) -> None:
    told = shell(api, "policy-suggest", "Silver", "--importance", "highest")
    assert told.exit_code == 0, told.stderr
    assert told.stdout.startswith("Policy 'suggested', importance highest, from history of 2030-03-01")
    row = next(line for line in told.stdout.splitlines() if line.startswith("rest "))
    assert row.split()[:5] == ["rest", "40", "fastest", "(90)", "1"]
    assert "• rest: It reached 95 or more" in told.stdout
    assert "Classes of other groups" in told.stdout and "▲ missed" in told.stdout
    assert "would miss its goal" in told.stdout
    whole = json.loads(shell(api, "policy-suggest", "Gold", "--policy-name", "x", "--json").stdout)
    assert whole["policy"]["name"] == "x" and len(whole["classes"]) == 2
    span = ("--from", "2030-03-01T10:40:00Z", "--to", "2030-03-01T11:40:00Z")
    assert "2030-03-01 10:40:00 to 2030-03-01 11:40:00" in shell(api, "policy-suggest", "Gold", *span).stdout
    wrong = shell(api, "policy-suggest", "Bronze")
    assert wrong.exit_code == 1 and "of which 0.5 are needed" in wrong.stderr
    assert "name: " in shell(api, "policy-suggest", "Gold", "a/b").stderr


def test_at_the_shell_it_is_created_and_activated_where_that_is_wanted(api: ApiHost) -> None:
    group = path(api, "Gold").removesuffix("/suggestion")
    made = shell(api, "policy-suggest", "Gold", "--create")
    assert made.exit_code == 0, made.stderr
    assert made.stdout.endswith("Created policy 'suggested' for group 'Gold'.\nActive is still 'weekday';"
                                " 'hpm policy-activate' changes that.\n")  # fmt: skip
    again = shell(api, "policy-suggest", "Gold", "suggested", "--create")
    assert again.exit_code == 1 and "named 'suggested' already" in again.stderr
    active: Any = json.loads(shell(api, "policy-suggest", "Gold", "x", "--activate", "--json").stdout)
    assert (active["class"], active["name"], active["active"]) == ("performance-policy", "x", True)
    assert api.get(group)["active-policy"] == "x"
    api.post(f"{group}/actions", {"action": "activate-policy", "policy": "weekday"})
    for name in ("suggested", "x"):
        assert api.send("DELETE", f"{group}/policies/{name}").status_code == 204


def test_what_is_suggested_from_a_simulated_host_is_met_when_it_is_activated() -> None:
    """Nobody is managed for half an hour; then all are, with the goals that they had reached."""
    time = Time()
    with running(PeerDoor(), wall=time) as host:
        for _ in range(33):
            time.now += timedelta(minutes=1)
            host.cycle(60.0)
        told = host.get(f"{GROUPS}/default/suggestion?name=found")
        assert [one["name"] for one in told["classes"]] == ["db", "rest"]    # db1 and db2 were slower than web1
        assert "a class for each name" in told["notes"][0]
        for one in told["classes"]:
            assert one["suggested-goal"]["type"] == "velocity"
            assert one["attainment"] >= 90.0 and one["pi-projected"] <= 1.05
        assert shell(host, "policy-suggest", "default", "found", "--activate").exit_code == 0
        assert host.get(f"{GROUPS}/default")["active-policy"] == "found"
        host.post("/mgmt-levels", {"cpu-mgmt": "on"})
        met = []
        for _ in range(14):
            time.now += timedelta(seconds=10)
            host.cycle(10.0)
            states = host.get(f"{GROUPS}/default/service-classes")["service-classes"]
            met.append({one["name"]: one["goal-status"] for one in states})
        assert met[4:] == [{"db": "met", "rest": "met"}] * 10
