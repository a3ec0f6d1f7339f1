"""Metrics over time through the API: in as many points as are asked for, and clear words where that cannot be."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner, Result

from hpm.backend.simulated import uuid_of
from hpm.cli.main import cli
from hpm.cli.session import Session
from hpm.client.connection import connect
from hpm.engine.metrics.figures import GROUP_METRICS, HOST_METRICS, SERVER_METRICS
from hpm.engine.metrics.servers import CALCULATED
from hpm.host.peer import PeerDoor
from hpm.wire.metrics import GroupsMetricsQuery, HistoryQuery, ServersMetricsQuery

from .api_host import GROUPS, SERVERS, ApiHost, policy, running, service_class

BEGIN = datetime(2030, 3, 1, 10, 0, tzinfo=timezone.utc)
INTERVAL = 10


class Time:
    """A wall clock that the tests move."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ApiHost, Time]]:
    """A host that was watched for ten minutes, with a group that has a goal."""
    time = Time()
    with running(PeerDoor(), wall=time, directory=tmp_path_factory.mktemp("history")) as api:
        api.group("Gold", policy(), servers=("db1", "db2"))
        for _ in range(60):
            time.now += timedelta(seconds=INTERVAL)
            api.cycle(INTERVAL)
        yield api, time


@pytest.fixture
def api(watched: tuple[ApiHost, Time]) -> ApiHost:
    return watched[0]


DB1 = f"/metrics/calculated{SERVERS}/{uuid_of('db1')}"
HOST = "/metrics/calculated/hypervisor"


def at(moment: datetime) -> str:
    return quote(moment.strftime("%Y-%m-%dT%H:%M:%SZ"))


def past(api: ApiHost, path: str, begin: float, end: float, step: float) -> Any:
    """What is told of [begin, end) seconds after the first cycle's interval began."""
    times = [at(BEGIN + timedelta(seconds=seconds)) for seconds in (begin, end)]
    return api.get(f"{path}?from={times[0]}&to={times[1]}&step={step}")


def test_every_point_has_the_figures_of_its_time(api: ApiHost) -> None:
    told = past(api, DB1, 300, 600, 60)
    assert told["from"] == "2030-03-01T10:05:00.000Z" and told["step-seconds"] == 60
    using = told["metrics"]["cpu-using"]
    assert {len(column) for column in using.values()} == {5}
    for low, mean, high in zip(using["minimum"], using["mean"], using["maximum"], strict=True):
        assert 0 < low <= mean <= high <= 2
    fine = past(api, DB1, 300, 600, 10)["metrics"]["cpu-using"]["mean"]
    assert len(fine) == 30 and None not in fine
    assert using["mean"][0] == pytest.approx(sum(fine[:6]) / 6, abs=0.002)
    now = api.get(DB1)["metrics"]["cpu-using"]
    last = past(api, DB1, 600, 610, 10)["metrics"]["cpu-using"]["mean"]
    assert last == [pytest.approx(now, rel=0.002)]


@pytest.mark.parametrize(("path", "metrics"), [
    (HOST, HOST_METRICS), (DB1, SERVER_METRICS), (f"/metrics/calculated{GROUPS}/default", GROUP_METRICS),
])  # fmt: skip
def test_those_are_told_whose_history_is_kept(api: ApiHost, path: str, metrics: Any) -> None:
    both = {name for kind in ("raw", "calculated") for name in past(
        api, path.replace("calculated", kind), 0, 600, 60)["metrics"]}  # fmt: skip
    assert both == {metric.name for metric in metrics if metric.kept}
    one = api.get(f"{path}?from={at(BEGIN)}&metrics=cpu-using")
    assert list(one["metrics"]) == ["cpu-using"] and one["service-classes"] == []
    assert "cpu-using" in api.refused("GET", f"{path}?metrics=cpu-uusing")["message"]


def test_a_group_has_its_classes_and_their_attainment(api: ApiHost) -> None:
    group = next(g["object-id"] for g in api.get(GROUPS)["workload-resource-groups"] if g["name"] == "Gold")
    told = past(api, f"/metrics/calculated{GROUPS}/{group}", 0, 600, 600)
    assert [one["name"] for one in told["service-classes"]] == ["db", "rest"]
    met = told["service-classes"][0]["metrics"]["goal-met"]["mean"]
    judged = told["service-classes"][0]["metrics"]["goal-judged"]["mean"]
    assert judged == [1] and 0 <= met[0] <= 1
    now = api.get(f"/metrics/calculated{GROUPS}/{group}")["service-classes"][0]["metrics"]
    for span in ("hour", "day", "week"):
        assert now[f"goal-attainment-{span}"] == pytest.approx(100 * met[0], abs=2)
    rest = api.get(f"/metrics/calculated{GROUPS}/{group}")["service-classes"][1]
    assert rest["metrics"]["goal-attainment-day"] is None    # it has no goal


SPAN = f"from={at(BEGIN)}&to={at(BEGIN + timedelta(minutes=10))}&step=60"


@pytest.mark.parametrize("kind", ["raw", "calculated"])
def test_lists_tell_of_each_what_is_told_of_it_alone(api: ApiHost, kind: str) -> None:
    servers = api.get(f"/metrics/{kind}{SERVERS}?{SPAN}")
    assert (servers["class"], servers["step-seconds"], servers["next"]) == ("virtual-server-histories", 60, None)
    assert servers["from"] == "2030-03-01T10:00:00.000Z"
    listed = [one["name"] for one in api.get(SERVERS)["virtual-servers"]]
    assert [one["name"] for one in servers["virtual-servers"]] == listed
    for one in servers["virtual-servers"]:
        alone = api.get(f"/metrics/{kind}{SERVERS}/{one['object-id']}?{SPAN}")
        assert one["metrics"] == alone["metrics"], one["name"]
        assert one["virtual-server"].endswith(f"{SERVERS}/{one['object-id']}")
    groups = api.get(f"/metrics/{kind}{GROUPS}?{SPAN}")
    assert groups["class"] == "workload-resource-group-histories" and groups["from"] == servers["from"]
    assert [one["name"] for one in groups["workload-resource-groups"]] == ["Gold", "default"]
    for one in groups["workload-resource-groups"]:
        alone = api.get(f"/metrics/{kind}{GROUPS}/{one['object-id']}?{SPAN}")
        assert (one["metrics"], one["service-classes"]) == (alone["metrics"], alone["service-classes"])
        assert one["workload-resource-group"].endswith(f"{GROUPS}/{one['object-id']}")


def test_rates_of_disks_have_a_history_from_their_second_sample_on(api: ApiHost) -> None:
    told = api.get(f"{DB1}?{SPAN}&metrics=disk-read-rate")["metrics"]["disk-read-rate"]["mean"]
    assert told[:4] == [None] * 4 and all(figure > 0 for figure in told[6:])


def test_lists_of_history_have_the_filters_of_lists(api: ApiHost) -> None:
    path = f"/metrics/calculated{SERVERS}"
    gold = next(g["object-id"] for g in api.get(GROUPS)["workload-resource-groups"] if g["name"] == "Gold")
    for wanted in (f"workload-resource-group={gold}", "service-class=db", "status=shut-off", "goal-status=unmanaged",
                   "management=unmanaged", "name=db*"):  # fmt: skip
        told = api.get(f"{path}?{SPAN}&metrics=velocity&{wanted}")["virtual-servers"]
        listed = api.get(f"{SERVERS}?{wanted}")["virtual-servers"]
        assert [one["object-id"] for one in told] == [one["object-id"] for one in listed] and told, wanted
        assert {tuple(one["metrics"]) for one in told} == {("velocity",)}
    assert api.get(f"{path}?{SPAN}&name=nobody")["virtual-servers"] == []
    assert api.refused("GET", f"{path}?{SPAN}&workload-resource-group={uuid_of('x')}")["http-status"] == 404
    groups = api.get(f"/metrics/calculated{GROUPS}?{SPAN}&name=G*")["workload-resource-groups"]
    assert [one["name"] for one in groups] == ["Gold"]


def test_pages_of_history_are_of_the_same_points(watched: tuple[ApiHost, Time]) -> None:
    api, time = watched
    for noun, field in ((SERVERS, "virtual-servers"), (GROUPS, "workload-resource-groups")):
        whole = api.get(f"/metrics/calculated{noun}?metrics=cpu-using")
        found, following = [], f"/metrics/calculated{noun}?metrics=cpu-using&limit=1"
        begun = time.now
        while following is not None:
            page = api.get(following)
            assert (page["from"], page["step-seconds"]) == (whole["from"], whole["step-seconds"])
            found += page[field]
            following = page["next"]
            time.now += timedelta(seconds=45)    # who reads the next page does so later
        time.now = begun
        assert found == whole[field] and len(found) > 1


def test_too_many_figures_at_once_are_refused_with_what_would_be_right(api: ApiHost) -> None:
    many = len(api.get(SERVERS)["virtual-servers"])
    begin = at(BEGIN - timedelta(days=1))
    error = api.refused("GET", f"/metrics/calculated{SERVERS}?from={begin}&step=10")
    assert (error["http-status"], error["reason"]) == (400, 7)
    points = 1_000_000 // (3 * many * sum(metric.kept for metric in CALCULATED))
    assert f"{points} points" in error["message"] and "fewer metrics" in error["message"]
    step = int(re.search(r"must be (\d+) or more", error["message"])[1])    # type: ignore[index]
    assert api.get(f"/metrics/calculated{SERVERS}?from={begin}&step={step}")["step-seconds"] == step
    assert api.get(f"/metrics/calculated{SERVERS}?from={begin}&step=10&metrics=velocity")["step-seconds"] == 10
    assert api.get(f"/metrics/calculated{SERVERS}?from={begin}")["step-seconds"] >= 180


def test_what_was_before_hpm_is_not_known(api: ApiHost) -> None:
    told = past(api, HOST, -3600, 600, 600)
    column = told["metrics"]["cpu-utilization"]["mean"]
    assert column[:6] == [None] * 6 and column[6] is not None


@pytest.mark.parametrize(("query", "said"), [
    ("step=0", "step"), ("step=-1", "step"), ("step=nan", "step"), ("step=31536000", "step"), ("step=x", "step"),
    (f"from={at(BEGIN + timedelta(days=1))}", "future"), (f"to={at(BEGIN + timedelta(days=1))}", "future"),
    (f"from={at(BEGIN + timedelta(minutes=5))}&to={at(BEGIN)}", "earlier"),
    (f"from={at(BEGIN)}&to={at(BEGIN)}", "earlier"),
    ("from=2001-01-01T00:00:00Z&step=1", "points are told at most"), ("from=yesterday", "RFC 3339"),
    ("from=0001-01-01T00:00:00Z", "from"), ("to=9999-12-31T23:59:59Z", "future"), ("metrics=", "metrics"),
    ("from=2030-02-30T00:00:00Z", "RFC 3339"),
])  # fmt: skip
def test_what_cannot_be_is_refused_at_once(api: ApiHost, query: str, said: str) -> None:
    for path in (HOST, DB1, f"/metrics/calculated{SERVERS}", f"/metrics/raw{GROUPS}"):
        error = api.refused("GET", f"{path}?{query}")
        assert (error["http-status"], error["reason"]) == (400, 7), error
        assert said in error["message"], error["message"]


def test_a_long_range_has_as_many_points_as_fit(api: ApiHost) -> None:
    for begin in ("2029-01-01T00:00:00Z", "2030-02-28T00:00:00Z", "2030-03-01T09:50:00Z", "1990-01-01T00:00:00Z"):
        told = api.get(f"{HOST}?from={begin}")
        assert 1 <= len(told["metrics"]["cpu-using"]["mean"]) <= 501
        assert told["step-seconds"] >= 3


def test_of_whom_nobody_knows_there_is_no_history(api: ApiHost) -> None:
    query = f"?from={at(BEGIN)}"
    for path in (f"/metrics/raw{SERVERS}/{uuid_of('nobody')}", f"/metrics/raw{GROUPS}/{uuid_of('x')}",
                 f"/metrics/raw{SERVERS}/db1"):  # fmt: skip
        assert api.refused("GET", path + query)["http-status"] == 404


def test_the_client_asks_for_it(api: ApiHost) -> None:
    query = HistoryQuery(from_=BEGIN.isoformat(), step=60)
    with connect(api.socket) as client:
        told = client.server_history("calculated", uuid_of("db1"), query).value
        assert told.step_seconds == 60 and len(told.metrics["velocity"].mean) == 10
        assert client.hypervisor_history("raw", query).value.metrics
        assert client.group_history("calculated", "default", query).value.service_classes == []
        with pytest.raises(ValueError, match="from when on"):
            client.hypervisor_history("raw", HistoryQuery())
        servers = client.servers_history("calculated", ServersMetricsQuery(step=60, service_class="db")).value
        assert [one.name for one in servers.virtual_servers] == ["db1", "db2"] and servers.next is None
        groups = client.groups_history("raw", GroupsMetricsQuery(metrics="velocity", limit=1)).value
        assert [tuple(one.metrics) for one in groups.workload_resource_groups] == [("velocity",)] and groups.next
        with pytest.raises(ValueError, match="from when on"):
            client.servers_history("raw", ServersMetricsQuery(name="db*"))


def shell(api: ApiHost, *words: str) -> Result:
    session = Session(socket=api.socket)
    try:
        return CliRunner(env={"COLUMNS": "160", "TZ": "UTC"}).invoke(cli, words, obj=session)
    finally:
        session.client.close()


def test_at_the_shell(api: ApiHost) -> None:
    span = ("--from", "2030-03-01T10:00:00Z", "--to", "2030-03-01T10:10:00Z", "--step", "5m")
    rows = shell(api, "metrics-vs", "db1", *span).stdout.splitlines()
    assert [row.split()[0] for row in rows[-2:]] == ["2030-03-01"] * 2 and "Velo" in rows[0]
    assert "Conten" in shell(api, "metrics-hypervisor", *span).stdout
    groups = shell(api, "metrics-wrg", "Gold", *span).stdout
    assert "\ndb\n" in groups and groups.count("2030-03-01") == 6
    every = shell(api, "metrics-wrg", *span).stdout
    assert "Gold:\n" in every and "\ndefault:\n" in every and every.count("2030-03-01") == 8
    servers = shell(api, "metrics-vs", *span, "--wrg", "Gold", "--metric", "velocity").stdout
    assert "db1:\n" in servers and "db2:\n" in servers and "velocity" in servers and "Waited" not in servers
    assert "no history is kept of" in shell(api, "metrics-vs", "--metric", "speed").stderr
    told = json.loads(shell(api, "metrics-vs", "db1", *span, "--json").stdout)
    assert told["step-seconds"] == 300
    for words, said in (
        (("metrics-hypervisor", *span, "--follow"), "--follow"), (("metrics-hypervisor", "--step", "soon"), "30s, 5m"),
    ):  # fmt: skip
        wrong = shell(api, *words)
        assert wrong.exit_code == 2 and said in wrong.stderr, wrong.stderr
    assert "future" in shell(api, "metrics-hypervisor", "--from", "2040-01-01").stderr


@pytest.mark.own_server("the command line is at hpm's own socket")
def test_how_long_it_is_kept_can_be_set_and_its_size_is_shown(tmp_path: Path) -> None:
    with running(PeerDoor(), directory=tmp_path) as api:
        api.cycle()
        assert shell(api, "settings", "--history-hours-days", "30", "--history-size", "100").exit_code == 0
        assert api.get("/settings")["history"] == {
            "minutes-days": 2.0, "ten-minutes-days": 14.0, "hours-days": 30.0, "size-mib": 100,
        }  # fmt: skip
        state = api.get("/metrics/history")
        assert 0 < state["size-bytes"] < state["bound-bytes"] == 100 * 2**20
        assert [level["step-seconds"] for level in state["levels"]] == [None, 60, 600, 3600]
        assert state["levels"][3]["kept-seconds"] == 30 * 86400 and state["levels"][0]["oldest"] is not None
        assert (state["waiting"], state["lost"], state["trouble"]) == (0, 0, None)
        assert "of 100 at most" in shell(api, "metrics-history").stdout
        kept = {"minutes-days": 1, "ten-minutes-days": 7, "hours-days": 30, "size-mib": 50}
        assert api.post("/settings", {"history": kept})["history"] == kept
        assert api.get("/metrics/history")["levels"][1]["kept-seconds"] == 86400
        one = {"minutes-days": 2, "ten-minutes-days": 14, "hours-days": 30, "size-mib": 15}
        for wrong in ({"size-mib": 20}, {**one, "minutes-days": -1}, {**one, "more": 1}, one):
            assert api.refused("POST", "/settings", {"history": wrong})["http-status"] == 400
    with running(PeerDoor(), directory=tmp_path) as again:
        assert again.get("/settings")["history"]["size-mib"] == 50
        assert again.get("/metrics/history")["bound-bytes"] == 50 * 2**20


@pytest.mark.own_server("it has a store of its own")
def test_a_history_that_cannot_be_kept_is_said_and_harms_nothing(tmp_path: Path) -> None:
    with running(PeerDoor(), directory=tmp_path) as api:
        api.cycle()
        with closing(sqlite3.connect(tmp_path / "history.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")    # somebody looks into it, and does not go on
            api.cycle()
            state = api.get("/metrics/history")
            assert "locked" in state["trouble"] and state["last-trouble"] and state["waiting"] >= 1
            other.execute("ROLLBACK")
        api.cycle()
        state = api.get("/metrics/history")
        assert (state["trouble"], state["waiting"], state["lost"]) == (None, 0, 0)
        assert api.get(f"/metrics/raw{SERVERS}/{uuid_of('db1')}")["metrics"]["cpu-shares"] == 1024


def test_it_outlives_a_restart_and_a_server(tmp_path: Path) -> None:
    time = Time()
    with running(PeerDoor(), wall=time, directory=tmp_path) as first:
        group = first.group("Gold", policy(), servers=("db1",))
        for _ in range(6):
            time.now += timedelta(seconds=INTERVAL)
            first.cycle(INTERVAL)
        before = first.get(f"{DB1}?from={at(BEGIN)}&to={at(time.now)}&step=10")
        attained = first.get(f"/metrics/calculated{GROUPS}/{group}")["service-classes"][0]["metrics"]
    with running(PeerDoor(), wall=time, directory=tmp_path) as again:
        again.hypervisor.delete(uuid_of("db1"))
        time.now += timedelta(seconds=INTERVAL)
        again.cycle(INTERVAL)
        assert again.get(f"{DB1}?from={at(BEGIN)}&to={at(time.now - timedelta(seconds=10))}&step=10") == before
        again.cycle(INTERVAL)
        now = again.get(f"/metrics/calculated{GROUPS}/{group}")["service-classes"][0]["metrics"]
        assert attained["goal-attainment-hour"] is not None
        assert now["goal-attainment-hour"] == pytest.approx(attained["goal-attainment-hour"], abs=35)


@pytest.mark.parametrize("year", [1970, 2099])
@pytest.mark.own_server("its clock is set")
def test_attainment_is_what_it_was_when_a_clock_that_was_wrong_is_set_right(tmp_path: Path, year: int) -> None:
    def cycles(api: ApiHost, number: int) -> None:
        for _ in range(number):
            time.now += timedelta(seconds=INTERVAL)
            api.cycle(INTERVAL)

    def attained(api: ApiHost) -> Any:
        metrics = api.get(f"/metrics/calculated{GROUPS}/{group}")["service-classes"][0]["metrics"]
        return [metrics[f"goal-attainment-{span}"] for span in ("hour", "day", "week")]

    time, wrong = Time(), datetime(year, 1, 1, tzinfo=timezone.utc)
    with running(PeerDoor(), wall=time, directory=tmp_path) as first:
        group = first.group("Gold", policy(), servers=("db1",))
        first.post(f"{GROUPS}/default", {"perf-policies": [policy("others", service_class(), importance="low")]})
        cycles(first, 6)
        first.post("/mgmt-levels", {"cpu-mgmt": "on"})
        cycles(first, 6)
        before = attained(first)
        assert 10 < before[0] < 90    # it was missed, and then met
        right, time.now = time.now, wrong
        cycles(first, 1)
        time.now = right
        cycles(first, 1)
        assert attained(first) == pytest.approx(before, abs=12)
    right, time.now = time.now, wrong    # the host starts with that clock
    with running(PeerDoor(), wall=time, directory=tmp_path) as again:
        cycles(again, 1)
        time.now = right
        cycles(again, 1)
        assert attained(again) == pytest.approx(before, abs=20)
