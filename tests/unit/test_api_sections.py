"""The sections of virtual servers through the API: whose, when sampled, and what one that does not answer gives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from hpm.backend.simulated import ServerSpec, uuid_of
from hpm.errors import HypervisorUnreachable
from hpm.model.sections import SectionReader
from hpm.policy.catalog import empty_catalog

from .api_host import BASES, NOBODY, SERVERS, ApiHost, running, whole_error

DB1, DB2, OFF1 = (uuid_of(name) for name in ("db1", "db2", "off1"))
SECTIONS = ("status", "configuration", "devices", "guest-details")


@pytest.fixture
def api() -> Iterator[ApiHost]:
    with running() as host:
        yield host
        host.hypervisor.faults.unreachable_until = 0


def section(api: ApiHost, name: str, uuid: str) -> Any:
    """One section of one server, with when it was sampled."""
    (found,) = api.get(f"{SERVERS}/{name}?ids={uuid}")["virtual-servers"]
    assert (found["object-id"], found["object-uri"]) == (uuid, f"{api.bases[0]}{SERVERS}/{uuid}")
    return found


def test_status(api: ApiHost) -> None:
    agent = section(api, "status", DB1)
    assert agent["sampled"] is not None
    assert agent["status"]["monitor-response"] == 0
    assert (agent["status"]["session"], agent["status"]["username"]) == ("logged-on", "root")
    assert len(agent["status"]["guest-ips"]) == 1 and agent["status"]["client-ip"]
    none = section(api, "status", DB2)["status"]
    assert (none["session"], none["guest-ips"], none["pause-code"]) == (None, None, None)
    api.hypervisor.pause(DB2)
    api.cycle()
    assert section(api, "status", DB2)["status"]["pause-code"] == "NOERR"
    off = section(api, "status", OFF1)
    assert (off["sampled"], off["status"]["monitor-response"]) == (None, None)


def test_configuration_has_what_administrators_said(api: ApiHost) -> None:
    found = section(api, "configuration", DB1)["configuration"]
    assert (found["vcpus"], found["memory"], found["vm-type"], found["kvm-enable"]) == (2, 1024, "kvm", True)
    assert found["group"] == f"{api.bases[0]}/workload-resource-groups/default"
    assert (found["class"], found["goal"]) == (None, None)
    group = api.group("Gold", {"name": "p", "importance": "high", "service-classes": [
        {"name": "fast", "goal": {"type": "velocity", "velocity": "fast"}},
    ]}, servers=("db1",))  # fmt: skip
    found = section(api, "configuration", DB1)["configuration"]
    assert found["group"].endswith(group)
    assert (found["class"], found["goal"]) == ("fast", {"type": "velocity", "velocity": "fast"})
    off = section(api, "configuration", OFF1)["configuration"]
    assert (off["pid"], off["started"], off["display-port"]) == (None, None, None)


def test_a_start_is_told_as_a_time_that_stays(api: ApiHost) -> None:
    def started(uuid: str) -> Any:
        shown = api.get(f"{SERVERS}/{uuid}")["started"]
        assert section(api, "configuration", uuid)["configuration"]["started"] == shown
        return shown

    first = started(DB1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", first) and started(OFF1) is None
    for _ in range(3):
        api.cycle()
        api.hypervisor.rename(DB1, "db9")
        api.hypervisor.rename(DB1, "db1")
        assert started(DB1) == first
    api.hypervisor.pause(DB1)
    api.cycle()
    assert started(DB1) == first
    api.hypervisor.restart(DB1)
    api.cycle()
    assert started(DB1) > first
    api.hypervisor.stop(DB1)
    api.cycle()
    assert started(DB1) is None


def test_devices_and_their_interval(api: ApiHost) -> None:
    first = section(api, "devices", DB1)
    disk = first["devices"]["disks"][0]
    assert disk["read-bytes-per-second"] is None
    api.cycle(30.0)
    assert section(api, "devices", DB1) == first
    assert api.post("/settings", {"devices-interval-seconds": 20})["devices-interval-seconds"] == 20
    api.cycle()
    later = section(api, "devices", DB1)
    assert later["sampled"] > first["sampled"]
    moved = later["devices"]["disks"][0]["read-bytes"] - disk["read-bytes"]
    assert later["devices"]["disks"][0]["read-bytes-per-second"] == pytest.approx(moved / 36, rel=0.2)
    assert later["devices"]["network"][0]["rx-bytes-per-second"] > 0
    assert later["devices"]["disks-usage"][0]["used-bytes"] <= later["devices"]["disks-usage"][0]["total-bytes"]
    assert later["devices"]["balloon-info"]["current-bytes"] == 1 << 30
    assert section(api, "devices", DB2)["devices"]["disks-usage"] is None
    assert section(api, "devices", OFF1)["devices"]["disks"] is None


def test_guest_details(api: ApiHost) -> None:
    found = section(api, "guest-details", DB1)
    assert found["sampled"] is not None
    assert found["guest-details"]["apps-list"]
    assert found["guest-details"]["net-ifaces"][0]["inet"] == section(api, "status", DB1)["status"]["guest-ips"]
    assert section(api, "guest-details", DB2)["guest-details"] == {"apps-list": None, "net-ifaces": None}


def test_of_one_that_does_not_answer_all_stays_as_it_was_and_others_are_fresh(api: ApiHost) -> None:
    api.post("/settings", {"devices-interval-seconds": 10})
    before = {name: section(api, name, DB1) for name in SECTIONS}
    other = {name: section(api, name, DB2)["sampled"] for name in ("status", "devices")}
    api.hypervisor.faults.hanging = {DB1}
    api.cycle(60.0)
    after = {name: section(api, name, DB1) for name in SECTIONS}
    assert after["status"]["status"] == {**before["status"]["status"], "monitor-response": -1}
    assert [after[name]["sampled"] for name in SECTIONS if name != "configuration"] == [
        before[name]["sampled"] for name in SECTIONS if name != "configuration"
    ]
    assert after["devices"] == before["devices"]
    assert all(section(api, name, DB2)["sampled"] > was for name, was in other.items())
    api.hypervisor.faults.hanging = set()
    api.cycle()
    assert section(api, "status", DB1)["status"]["monitor-response"] == 0


@pytest.mark.parametrize("name", SECTIONS)
def test_whose_sections(api: ApiHost, name: str) -> None:
    path = f"{SERVERS}/{name}"
    whole = api.get(path)
    assert [one["name"] for one in whole["virtual-servers"]] == ["db1", "db2", "idle1", "off1", "web1"]
    assert whole["snapshot-time"] and whole["next"] is None
    page = api.get(f"{path}?limit=3")
    rest = api.get(page["next"])
    assert [*page["virtual-servers"], *rest["virtual-servers"]] == whole["virtual-servers"]
    named = api.get(f"{path}?ids={OFF1},{DB1.upper()},{OFF1}")
    assert [one["name"] for one in named["virtual-servers"]] == ["db1", "off1"]
    elsewhere = api.get(f"{BASES[1]}{path}?ids={DB1}")["virtual-servers"][0]
    assert elsewhere["object-uri"] == f"{BASES[1]}{SERVERS}/{DB1}"
    error = api.refused("GET", f"{path}?ids={DB1},{NOBODY}")
    assert (error["http-status"], error["reason"]) == (404, 1) and NOBODY in error["message"]
    for wrong in ("ids=x", f"ids={DB1},", "ids=", "ids=" + ",".join([DB1] * 257), "limit=0", "after=x"):
        error = api.refused("GET", f"{path}?{wrong}")
        assert (error["http-status"], error["reason"]) == (400, 7), wrong
    api.hypervisor.unreachable_for(3600)
    with suppress(HypervisorUnreachable):
        api.cycle()
    assert api.get(f"{path}?ids={DB1}")["problem"]
    assert whole_error(api.send("GET", f"{path}?ids={NOBODY}"), "GET")["http-status"] == 503


def test_the_version_says_why_not(api: ApiHost) -> None:
    told = api.get("/version")["statistics"]
    assert told["net-ifaces"]["works"] and told["net-ifaces"]["how"]
    assert not told["cpu-pressure"]["works"] and told["cpu-pressure"]["why-not"]


def test_the_same_objects_are_given_until_something_changes(api: ApiHost) -> None:
    reader, manager = SectionReader(), api.manager

    def read(uuid: str) -> Any:
        return reader.read(manager.snapshot, BASES[0], uuid)

    before, others = read(DB1), read(DB2)
    api.cycle()
    assert all(now is then for now, then in zip(read(DB1), before, strict=True))
    with manager.change() as change:
        gold = msgspec.structs.replace(empty_catalog().groups["default"], id="gold", name="gold")
        change.catalog = change.catalog.with_group(gold).with_members("gold", [DB1], move=True)
    after = read(DB1)
    assert after.configuration is not before.configuration and after.configuration.group.endswith("gold")
    assert (after.status is before.status, after.devices is before.devices) == (True, True)
    api.hypervisor.faults.hanging = {DB1}
    api.cycle()
    assert read(DB1).status.monitor_response == -1
    assert all(now is then for now, then in zip(read(DB2), others, strict=True))
    new = api.hypervisor.add_server(ServerSpec(name="new1"))
    assert read(new) is None
    api.cycle()
    assert read(new).configuration.vcpus == 1
