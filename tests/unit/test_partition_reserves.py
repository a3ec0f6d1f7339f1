"""What is reserved for a partition is kept by its weight, beside servers and other partitions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from hpm.backend.simulated import ServerSpec, Spin
from hpm.policy.partitions import CpuParameters, Partition, PartitionParameters
from hpm.store.adjustments import AdjustmentFilter

from .api_host import GROUPS, SERVERS, ApiHost
from .builders import House
from .test_api_partitions import GOLD, PARTITIONS, cleaned, define, member, uri  # noqa: F401

SILVER = "/machine/silver"


class Shared(House):
    """Two CPUs for a partition with one server, another with three, and two servers beside them; all spin."""

    def __init__(self, directory: Path) -> None:
        def server(name: str, parent: str) -> ServerSpec:
            return ServerSpec(name=name, load=Spin(), parent=parent)

        super().__init__(directory, [
            server("gold1", "machine/gold.partition"), *(server(f"s{n}", "machine/silver.partition") for n in range(3)),
            server("a", "machine"), server("b", "machine"),
        ])  # fmt: skip

    def define(self, path: str, shares: int, reserve: float | None = None) -> None:
        parameters = PartitionParameters(cpu=CpuParameters(shares=shares))
        with self.manager.partitions.change("ann") as changing:
            partition = Partition(path, reserve=reserve, parameters=parameters)
            changing.change.catalog = changing.change.catalog.with_partition(partition)
            if path in changing.states:
                changing.configure(path, parameters)
            else:
                changing.create(path, parameters)

    def used(self) -> dict[str, float]:
        """CPUs of each partition, and of each server beside them, in the last window."""
        snapshot = self.manager.snapshot
        assert snapshot.window is not None
        found: dict[str, float] = {}
        for uuid, server in snapshot.sample.samples.items():
            place = server.parent.partition("/")[2].removesuffix(".partition") or snapshot.sample.infos[uuid].name
            found[place] = found.get(place, 0.0) + snapshot.window.servers[uuid].using
        return found

    def partition_shares(self) -> dict[str, int | None]:
        states = self.host.partitions.states()
        return {path: states[path].parameters.cpu.shares for path in (GOLD, SILVER)}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Shared]:
    shared = Shared(tmp_path)
    shared.define(GOLD, 100, reserve=0.6)
    shared.define(SILVER, 2000)
    yield shared
    shared.manager.stop()


def test_a_reserve_is_kept_beside_servers_and_other_partitions(house: Shared) -> None:
    house.step(3)
    assert house.used()["gold"] < 0.15    # by its weight alone
    house.on()
    house.step(6)
    used = house.used()
    assert 0.57 <= used["gold"] <= 0.85
    assert house.partition_shares()[SILVER] == 2000 and house.shares()["a"] == 1024    # nobody else was named
    assert used["silver"] > used["a"] > 0.2
    *_, record = house.manager.adjustments.find(AdjustmentFilter())    # the first one
    assert record.detail is not None and "/machine/gold as a whole: shares 100 →" in record.detail
    house.manager.set_level("off")
    assert house.partition_shares() == {GOLD: 100, SILVER: 2000}


def test_what_hpm_raised_is_put_back_after_a_crash_and_where_nothing_is_reserved_any_more(house: Shared) -> None:
    house.step(2)
    house.on()
    house.step(3)
    raised = house.partition_shares()[GOLD]
    assert raised is not None and raised > 300
    house.crash()
    house.step(2)
    assert house.used()["gold"] >= 0.57
    house.define(GOLD, 100, reserve=None)
    house.step(2)
    assert house.partition_shares()[GOLD] == 100
    house.define(GOLD, 100, reserve=0.6)
    house.step(3)
    assert house.manager.snapshot.original_partitions == {GOLD: 100}
    house.manager.stop()
    assert house.partition_shares()[GOLD] == 100


def test_shares_that_somebody_else_sets_are_left_alone_until_they_are_said_anew(house: Shared) -> None:
    house.step(2)
    house.on()
    house.step(2)
    state = house.host.partitions.states()[GOLD].parameters
    by_hand = msgspec.structs.replace(state, cpu=CpuParameters(shares=150))
    house.host.partitions.configure(GOLD, by_hand)
    house.step(3)
    assert house.partition_shares()[GOLD] == 150
    house.define(GOLD, 120, reserve=0.6)
    house.step(3)
    assert (house.partition_shares()[GOLD] or 0) > 300
    house.manager.set_level("off")
    assert house.partition_shares()[GOLD] == 120


def test_the_api_says_what_the_shares_were(api: ApiHost) -> None:
    define(api, GOLD, create=True, reserve=0.5, parameters={"cpu": {"shares": 50}})
    for number in range(3):
        member(api, f"beside{number}", None)
    member(api, "gold", GOLD)
    assert api.get(uri(GOLD))["shares-original"] is None
    api.post("/mgmt-levels", {"cpu-mgmt": "on"})
    for _ in range(4):
        api.cycle()
    found = api.get(uri(GOLD))
    assert found["shares-original"] == 50 and found["live"]["cpu"]["shares"] > 50 and found["drift"] == []
    api.post("/mgmt-levels", {"cpu-mgmt": "off"})
    assert api.get(uri(GOLD))["live"]["cpu"]["shares"] == 50
    assert api.get(PARTITIONS)["partitions"]


def test_a_reserve_that_breaks_what_running_servers_are_entitled_to_is_refused(api: ApiHost) -> None:
    beside, inside = member(api, "beside", None), member(api, "inside", GOLD)
    stopped = member(api, "stopped", None, status="shut-off")
    api.post(f"{SERVERS}/{beside}", {"cpu-reserve": 1.25})
    api.post(f"{SERVERS}/{stopped}", {"cpu-reserve": 2})    # it does not run
    error = api.refused("POST", PARTITIONS, {"path": GOLD, "reserve": 1})
    assert error["error-details"]["path"] == "reserve" and error["http-status"] == 400
    for said in ("this host has 2 CPUs", "2.25 reserved", "part-beside 1.25, the partition /machine/gold 1", "0.25 CP"):
        assert said in error["message"], said
    define(api, GOLD, reserve=0.75)
    # what a server in it is entitled to comes out of its reserve
    api.post(f"{SERVERS}/{inside}/guest-policy", {"cpu-reserve": 0.5})
    error = api.refused("POST", f"{SERVERS}/{inside}/guest-policy", {"cpu-reserve": 1})
    assert error["error-details"]["path"] == "cpu-reserve"
    assert "the partition /machine/gold has a reserve of 0.75 CPUs" in error["message"]
    assert "part-inside 1; 0.25 CPUs too many" in error["message"]
    assert "/machine/gold has a reserve of 0.25" in api.refused("POST", uri(GOLD), {"reserve": 0.25})["message"]
    # nor does a class or a group say more than there is
    refused = api.refused("POST", f"{GROUPS}/default", {"guest-policy": {"cpu-reserve": 0.5}})
    assert "CPUs too many" in refused["message"]
    file = {"workload-resource-groups": [], "virtual-servers": [{"uuid": beside, "cpu-reserve": 1.5}]}
    for query in ("", "?dry-run=true"):
        assert "CPUs too many" in api.refused("POST", f"{GROUPS}/import{query}", file)["message"]
    assert api.get(uri(GOLD))["reserve"] == 0.75 and api.get(f"{SERVERS}/{inside}")["cpu-reserve"] == 0.5
    # what is too much already may become less, and holds up nothing else
    api.hypervisor.start(stopped)
    api.cycle()
    api.post(f"{SERVERS}/{stopped}", {"cpu-reserve": 1.5})
    api.post(f"{SERVERS}/{inside}", {"cpu-cap": 1})
    assert "1.75 CPUs too many" in api.refused("POST", f"{SERVERS}/{stopped}", {"cpu-reserve": 1.75})["message"]
