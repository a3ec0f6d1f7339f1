"""Metrics through the API and at the shell: they are those of the snapshot, described, and say what is not known."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hpm.backend.simulated import uuid_of
from hpm.cli.main import cli
from hpm.cli.session import Session
from hpm.engine.metrics import groups, host, servers
from hpm.wire import errors as reasons

from .api_host import GROUPS, SERVERS, ApiHost, policy

KINDS = ("raw", "calculated")
HYPERVISOR = "/metrics/{}/hypervisor"
OF_GROUPS = "/metrics/{}/workload-resource-groups"
OF_SERVERS = "/metrics/{}/virtual-servers"


@pytest.fixture
def gold(api: ApiHost) -> str:
    """A group whose servers are watched for two intervals."""
    made = api.group("Gold", policy(), servers=("db1", "db2"))
    api.cycle()
    api.cycle()
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_every_scope_has_all_its_metrics(api: ApiHost, gold: str, kind: str) -> None:
    tables = {"raw": (host.RAW, groups.RAW, servers.RAW), "calculated": (
        host.CALCULATED, groups.CALCULATED, servers.CALCULATED)}[kind]  # fmt: skip
    of_host, of_groups, of_servers = ([metric.name for metric in table] for table in tables)
    assert list(api.get(HYPERVISOR.format(kind))["metrics"]) == of_host
    listed = api.get(OF_GROUPS.format(kind))["workload-resource-groups"]
    assert [one["name"] for one in listed] == ["Gold", "default"]
    assert listed[0] == api.get(f"{OF_GROUPS.format(kind)}/{gold}") and list(listed[0]["metrics"]) == of_groups
    assert listed[1] == api.get(f"{OF_GROUPS.format(kind)}/default")
    assert [one["name"] for one in listed[0]["service-classes"]] == ["db", "rest"]
    found = api.get(OF_SERVERS.format(kind))["virtual-servers"]
    assert [one["name"] for one in found] == [one["name"] for one in api.get(SERVERS)["virtual-servers"]]
    for one in found:
        assert one == api.get(f"{OF_SERVERS.format(kind)}/{one['object-id']}")
        assert list(one["metrics"]) == of_servers


def test_they_say_what_the_other_answers_say(api: ApiHost, gold: str) -> None:
    for one in api.get(OF_SERVERS.format("calculated"))["virtual-servers"]:
        server = api.get(f"{SERVERS}/{one['object-id']}")
        for name in ("velocity", "performance-index", "cpu-using", "cpu-delay"):
            assert one["metrics"][name] == server[name], (one["name"], name)
        raw = api.get(f"{OF_SERVERS.format('raw')}/{one['object-id']}")["metrics"]
        assert raw["cpu-shares"] == server["cpu-shares"] and raw["memory-size"] == server["memory-mib"] * 2**20
        assert isinstance(raw["memory-size"], int)
    classes = api.get(f"{OF_GROUPS.format('calculated')}/{gold}")["service-classes"]
    for one, state in zip(classes, api.get(f"{GROUPS}/{gold}/service-classes")["service-classes"], strict=True):
        assert one["name"] == state["name"]
        for name in ("velocity", "performance-index"):
            assert one["metrics"][name] == state[name]


def test_what_is_not_known_is_null_and_never_not_a_number(api: ApiHost) -> None:
    off = api.get(f"{OF_SERVERS.format('calculated')}/{uuid_of('off1')}")["metrics"]
    assert off["velocity"] is None and off["cpu-using"] is None and off["goal-judged"] == 0
    assert api.get(f"{OF_SERVERS.format('raw')}/{uuid_of('off1')}")["metrics"]["cpu-time"] is None
    assert api.get(HYPERVISOR.format("raw"))["metrics"]["memory-size"] is None    # a simulated host has none
    for path in (HYPERVISOR, OF_GROUPS, OF_SERVERS):
        for kind in KINDS:
            assert b"NaN" not in api.send("GET", path.format(kind)).content


def test_lists_are_filtered_and_paged_as_elsewhere(api: ApiHost, gold: str) -> None:
    path = OF_SERVERS.format("raw")
    assert [s["name"] for s in api.get(f"{path}?workload-resource-group={gold}")["virtual-servers"]] == ["db1", "db2"]
    assert [s["name"] for s in api.get(f"{path}?name=web*")["virtual-servers"]] == ["web1"]
    page = api.get(f"{path}?limit=2")
    assert "/metrics/raw/virtual-servers?limit=2&after=" in page["next"]
    rest = api.get(page["next"])
    whole = api.get(path)["virtual-servers"]
    assert page["virtual-servers"] + rest["virtual-servers"] == whole[: len(rest["virtual-servers"]) + 2]
    first = api.get(f"{OF_GROUPS.format('raw')}?limit=1")
    assert [g["name"] for g in api.get(first["next"])["workload-resource-groups"]] == ["default"]
    assert [g["name"] for g in api.get(f"{OF_GROUPS.format('raw')}?name=G*")["workload-resource-groups"]] == ["Gold"]


def test_what_is_wrong_with_the_host_is_said(api: ApiHost) -> None:
    api.hypervisor.faults.problem = "libvirt is away"
    api.cycle()
    for path in (HYPERVISOR, OF_GROUPS, OF_SERVERS):
        assert api.get(path.format("raw"))["problem"] == "libvirt is away"
    error = api.refused("GET", f"{OF_SERVERS.format('raw')}/{uuid_of('nobody')}")
    assert error["http-status"] == 503 and "libvirt is away" in error["message"]    # it may have come meanwhile
    api.hypervisor.faults.problem = None
    api.cycle()


def test_what_is_not_there_is_refused(api: ApiHost) -> None:
    for path in ("/metrics/cooked/hypervisor", f"{OF_GROUPS.format('raw')}/{uuid_of('x')}",
                 f"{OF_SERVERS.format('raw')}/{uuid_of('nobody')}", f"{OF_SERVERS.format('raw')}/db1"):  # fmt: skip
        error = api.refused("GET", path)
        assert (error["http-status"], error["reason"]) == (404, reasons.NOTHING_THERE), path
    assert "raw and calculated" in api.refused("GET", "/metrics/cooked/virtual-servers")["message"]
    for path in (OF_GROUPS, OF_SERVERS):
        assert api.refused("GET", path.format("raw") + "?nothing=1")["reason"] == reasons.UNKNOWN_QUERY_PARAMETER


def test_each_is_described_in_the_document(api: ApiHost) -> None:
    schemas = api.get("/openapi.json")["components"]["schemas"]
    described = schemas["ServerMetrics"]["properties"]["metrics"]["properties"]
    assert described["velocity"]["x-unit"] == "%" and described["velocity"]["x-metric"] == "calculated"
    assert described["cpu-time"]["description"].endswith("In seconds.") and described["cpu-time"]["x-kind"] == "counter"


def shell(api: ApiHost, *words: str) -> Result:
    session = Session(socket=api.socket)
    try:
        return CliRunner(env={"COLUMNS": "200"}).invoke(cli, words, obj=session)
    finally:
        session.client.close()


@pytest.mark.own_server("the command line is at hpm's own socket")
def test_at_the_shell(api: ApiHost, gold: str) -> None:
    one = shell(api, "metrics-hypervisor")
    assert one.exit_code == 0 and "cpu-utilization" in one.stdout and "Used of its CPUs" in one.stdout
    wide = shell(api, "metrics-wrg")
    assert [line.split()[0] for line in wide.stdout.splitlines()[3:]] == ["Gold", "db", "rest", "default"]
    group = shell(api, "metrics-wrg", "Gold", "--kind", "raw")
    assert "virtual-servers" in group.stdout and "Class" in group.stdout
    table = shell(api, "metrics-vs", "--wrg", "Gold")
    assert [line.split()[0] for line in table.stdout.splitlines()[3:]] == ["db1", "db2"]
    server = shell(api, "metrics-vs", "db1", "--kind", "raw")
    assert "cpu-delay-time" in server.stdout and "0.000" not in server.stdout
    exact = json.loads(shell(api, "metrics-vs", "db1", "--json").stdout)
    assert exact == api.get(f"{OF_SERVERS.format('calculated')}/{uuid_of('db1')}")
    wrong = shell(api, "metrics-vs", "db1", "--wrg", "Gold")
    assert wrong.exit_code == 2 and "exclude each other" in wrong.stderr


@pytest.mark.own_server("the command line is at hpm's own socket")
def test_following_prints_what_is_new(api: ApiHost, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[Callable[[], Any]] = [lambda: None, api.cycle, lambda: None, api.cycle]

    def sleep(_seconds: float) -> None:
        if not steps:
            raise KeyboardInterrupt
        steps.pop(0)()

    monkeypatch.setattr("hpm.cli.following.time.sleep", sleep)
    result = shell(api, "metrics-vs", "db1", "--kind", "raw", "--follow", "--json")
    assert result.exit_code == 130
    ran = [json.loads(line)["metrics"]["cpu-time"] for line in result.stdout.splitlines()]
    assert len(ran) == 3 and ran == sorted(ran)
