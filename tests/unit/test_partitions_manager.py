"""Partitions over the life of hpm: what is defined is there again after the host was started anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpm.backend.simulated import uuid_of
from hpm.policy.groups import WorkloadResourceGroup
from hpm.policy.partitions import CpuParameters, Partition, PartitionParameters
from hpm.store.catalog_store import save_setting

from .api_host import ApiHost, running
from .start_house import StartHouse
from .test_api_partitions import DB, GOLD, act, define, uri


def test_what_is_defined_is_created_again_when_hpm_starts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running(kind=ApiHost, directory=tmp_path) as api:
        define(api, GOLD, create=True, parameters={"cpu": {"shares": 77}}, description="Orders", reserve=0.5)
        define(api, DB, create=True)
        define(api, "/machine/later", autostart=False)
        define(api, "/machine/gone", parameters={"blkio": {"devices": [{"device": "/dev/vda", "read-iops-sec": 9}]}})
        before = api.get("/partitions")["partitions"]
        act(api, "/machine/gone", "create")
    # The simulated host is a new one each time: nothing but the store is left, and one disk fewer.
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("hpm.backend.simulated.partitions.DISKS", ("/dev/vdb",))
        with running(kind=ApiHost, directory=tmp_path) as api:
            after = {one["path"]: one for one in api.get("/partitions")["partitions"]}
            assert {path: one["state"] for path, one in after.items()} == {
                "/machine": "active", GOLD: "active", DB: "active", "/machine/gone": "inactive",
                "/machine/later": "inactive",
            }  # fmt: skip
            gold = next(one for one in before if one["path"] == GOLD)
            for field in ("object-id", "description", "reserve", "config", "live", "drift"):
                assert after[GOLD][field] == gold[field]
            assert "/machine/gone could not be created: blkio.devices: this host has no disk /dev/vda" in caplog.text
            assert api.refused("POST", f"{uri('/machine/gone')}/actions", {"action": "create"})["http-status"] == 400
            assert api.get(uri("/machine/gone"))["state"] == "inactive"


def test_after_a_boot_what_is_there_before_hpm_is_set_as_it_is_defined(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, {"db": False})
    wanted = PartitionParameters(cpu=CpuParameters(shares=77))
    with house.manager.change() as change:
        change.catalog = change.catalog.with_partition(Partition(GOLD, parameters=wanted, autostart=False))
    house.host.partitions.create(GOLD)    # as systemd does where a guest that libvirt starts is to stand there

    def shares() -> int | None:
        return house.host.partitions.states()[GOLD].parameters.cpu.shares

    house.crash()
    assert shares() != 77    # whoever changes it while the host runs keeps it
    save_setting(house.database, "partitions-boot", "another boot")
    house.crash()
    assert shares() == 77 and house.manager.snapshot.partitions[GOLD].parameters.cpu.shares == 77


def test_a_server_starts_in_its_own_or_its_groups_partition_which_is_created(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, {"db": False, "web": False, "other": False})
    with house.manager.change() as change:
        catalog = change.catalog.with_partition(Partition(GOLD, autostart=False)).with_partition(Partition(DB))
        catalog = catalog.with_group(WorkloadResourceGroup("g1", "Orders", partition=GOLD))
        change.catalog = catalog.with_members("g1", [uuid_of("db"), uuid_of("web")], move=False)
    house.say("db", partition=DB)
    assert not {GOLD, DB} & house.host.partitions.states().keys()
    house.begin("db", "web", "other")
    house.wait()
    stands = {name: xml.partition("<partition>")[2].partition("<")[0] for name, xml in house.host.started}
    assert stands == {"db": DB, "web": GOLD, "other": ""}
    assert {GOLD, DB} <= house.host.partitions.states().keys()
    assert {GOLD, DB} <= house.manager.snapshot.partitions.keys()
