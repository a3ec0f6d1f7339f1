"""The commands for partitions against a real manager on a simulated host."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from .api_host import ApiHost, policy, running
from .test_api_partitions import clean, member
from .test_cli_real import done, run


@pytest.fixture(scope="module")
def host() -> Iterator[ApiHost]:
    with running(kind=ApiHost) as api:
        yield api


@pytest.fixture
def api(host: ApiHost) -> Iterator[ApiHost]:
    yield host
    host.reset()
    clean(host)


def row(text: str, first: str) -> list[str]:
    """The words of the line that begins so."""
    return next(line.split() for line in text.splitlines() if line.strip().startswith(first))


def test_the_life_of_a_partition_at_the_shell(api: ApiHost) -> None:
    words = ["--shares", "3000", "--cap", "1.5", "--hard-limit", "2G", "--cpus", "0-1", "--reserve", "1"]
    device = "/dev/vda,read-bytes-sec=1000,write-iops-sec=5"
    told = done(api, "partition-define", "/machine/gold", *words, "--device", device, "--description", "Orders")
    assert told == "Defined partition /machine/gold.\n"
    assert done(api, "partition-create", "/machine/gold") == "Created partition /machine/gold.\n"
    done(api, "partition-define", "/machine/gold/db", "--create")
    member(api, "db1", "/machine/gold/db")
    listed = done(api, "partition-list")
    assert [line.split()[0] for line in listed.splitlines() if "active" in line] == ["/machine", "gold", "db"]
    # four servers of 1024 stand beside it in the root
    assert row(listed, "gold")[1:7] == ["active", "0", "3000", "42", "1.5", "1"]
    assert row(listed, "db")[5] == "1.5"    # the cap of the one around it
    shown = done(api, "partition-show", "/machine/gold/db")
    assert "part-db1" in shown and "1.5 (of /machine/gold)" in shown and "2048 (of /machine/gold)" in shown
    shown = done(api, "partition-show", "/machine/gold")
    assert row(shown, "cpu.quota-us") == ["cpu.quota-us", "150000", "(1.5", "CPUs)", "150000", "(1.5", "CPUs)"]
    assert "read-bytes-sec 1000, write-iops-sec 5" in shown and "Orders" in shown
    refused = run(api, "partition-destroy", "/machine/gold/db")
    assert refused.exit_code == 1 and "part-db1" in refused.stderr
    clean_server = next(u for u, info in api.hypervisor.observe().infos.items() if info.name == "part-db1")
    api.hypervisor.delete(clean_server)
    api.cycle()
    assert done(api, "partition-destroy", "/machine/gold/db") == "Destroyed partition /machine/gold/db.\n"
    done(api, "partition-undefine", "/machine/gold/db")
    assert "as a transient one" in done(api, "partition-undefine", "/machine/gold")
    assert row(done(api, "partition-list"), "gold")[1] == "transient"


def test_live_and_configured_values(api: ApiHost) -> None:
    done(api, "partition-define", "/machine/gold", "--create", "--no-autostart")
    done(api, "partition-update", "/machine/gold", "--shares", "50", "--live")
    shown = done(api, "partition-show", "/machine/gold")
    assert "*" not in shown    # nothing was defined that it could differ from
    done(api, "partition-update", "/machine/gold", "--shares", "70", "--config", "--autostart", "--reserve", "0.5")
    shown = done(api, "partition-show", "/machine/gold")
    assert row(shown, "cpu.shares") == ["cpu.shares", "*", "50", "70"]
    assert "created when hpm starts" in shown and "somebody else changed" in shown
    done(api, "partition-update", "/machine/gold", "--shares", "70", "--io-weight", "20", "--soft-limit", "9", "--mems",
         "0", "--quota", "5000", "--period", "10000", "--reserve", "none", "--description", "x")  # fmt: skip
    found = json.loads(done(api, "partition-show", "/machine/gold", "--json"))
    assert found["drift"] == []
    assert found["live"] == {
        "cpu": {"shares": 70, "quota-us": 5000, "period-us": 10000}, "blkio": {"weight": 20},
        "memory": {"soft-limit-mib": 9}, "numa": {"cpus": "0-1", "mems": "0"},
    }  # fmt: skip
    done(api, "partition-update", "/machine/gold", "--cap", "none", "--soft-limit", "none", "--device", "none")
    assert "quota-us" not in json.loads(done(api, "partition-show", "/machine/gold", "--json"))["config"]["cpu"]
    both = run(api, "partition-update", "/machine", "--shares", "5")
    assert both.exit_code == 1 and "not hpm's to change" in both.stderr


@pytest.mark.parametrize(("words", "why"), [
    (["partition-update", "/machine"], "nothing to change"),
    (["partition-define", "/machine/x", "--cap", "1", "--quota", "5000"], "--cap and --quota"),
    (["partition-define", "/machine/x", "--shares", "1"], "2 to 10000"),
    (["partition-define", "/machine/x", "--device", "/dev/vda,speed=fast"], "no limit of a disk"),
    (["partition-create", "/machine", "--cap", "1"], "--transient"),
    (["vs-update", "db1", "--persist"], "give --partition too"),
])  # fmt: skip
def test_what_cannot_be_meant_is_a_usage_error(api: ApiHost, words: list[str], why: str) -> None:
    result = run(api, *words)
    assert result.exit_code == 2 and why in result.stderr


def test_who_mistypes_is_helped(api: ApiHost) -> None:
    done(api, "partition-create", "/machine/gold", "--transient", "--cap", "0.5")
    result = run(api, "partition-show", "/machine/glod")
    assert result.exit_code == 1 and "/machine/gold" in result.stderr
    result = run(api, "partition-define", "/machine/a-b")
    assert result.exit_code == 1 and "systemd makes levels" in result.stderr


def test_a_server_and_a_group_in_a_partition(api: ApiHost) -> None:
    done(api, "partition-define", "/machine/gold", "--create")
    told = done(api, "vs-update", "db1", "--partition", "/machine/gold")
    assert "It stands in /machine now, and in /machine/gold from its next start on." in told
    assert row(done(api, "vs-show", "db1"), "At its start")[3:] == ["/machine/gold", "(said", "of", "itself)"]
    api.group("Gold", policy(), servers=("db1",))
    done(api, "wrg-update", "Gold", "--partition", "/machine/gold")
    assert "/machine/gold; db1 stand elsewhere until their next start" in done(api, "wrg-show", "Gold")
    done(api, "vs-update", "db1", "--partition", "none")
    assert row(done(api, "vs-show", "db1"), "At its start")[3:] == ["/machine/gold", "(said", "of", "its", "group)"]
    done(api, "wrg-update", "Gold", "--partition", "none")
    assert "At its start" not in done(api, "vs-show", "db1")
