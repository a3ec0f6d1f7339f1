"""Goals are met across partitions whose weight nobody has said: in order of importance, whoever stands where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from hpm.backend.simulated import Load, Periodic, ServerSpec, Spin, uuid_of
from hpm.engine.bounds import Bound
from hpm.errors import StoreError
from hpm.manager.actuator import Actuator
from hpm.manager.foresight import candidates
from hpm.manager.partition_weights import compete
from hpm.model.partitions import PartitionRequests
from hpm.policy.partitions import CpuParameters, Group, NumaParameters, Partition, PartitionParameters, partition_id
from hpm.store.adjustments import AdjustmentFilter
from hpm.store.journal import Journal
from hpm.wire.partitions import (
    Affect,
    BlkioChanges,
    CpuChanges,
    MemoryChanges,
    NumaChanges,
    ParameterChanges,
)

from .api_host import GROUPS, SERVERS, ApiHost
from .builders import House, Wish
from .test_api_partitions import GOLD, cleaned, define, member, uri  # noqa: F401

SILVER = "/machine/silver"
WISHES: dict[str, Wish] = {"gold1": (90, "highest"), "gold2": None, **{f"s{n}": None for n in range(4)}}


class Apart(House):
    """Two CPUs for a partition with two servers and another one with four. They spin, or have these `loads`."""

    def __init__(self, directory: Path, loads: Mapping[str, Load] = MappingProxyType({})) -> None:
        def server(name: str, parent: str) -> ServerSpec:
            return ServerSpec(name=name, load=loads.get(name, Spin()), parent=parent)

        super().__init__(directory, [
            *(server(name, "machine/gold.partition") for name in ("gold1", "gold2")),
            *(server(f"s{n}", "machine/silver.partition") for n in range(4)),
        ])  # fmt: skip

    def define(self, path: str, shares: int | None = None, **more: Any) -> None:
        """Define a partition, and have that in force, too."""
        parameters = PartitionParameters(cpu=CpuParameters(shares=shares, **more))
        with self.manager.partitions.change("ann") as changing:
            changing.change.catalog = changing.change.catalog.with_partition(Partition(path, parameters=parameters))
            if path in changing.states:
                changing.configure(path, parameters)
            else:
                changing.create(path, parameters)

    def used(self, *names: str) -> float:
        """CPUs of these servers together in the last window."""
        window = self.manager.snapshot.window
        assert window is not None
        return sum(window.servers[uuid_of(name)].using for name in names)

    def weight(self, path: str) -> int | None:
        return self.host.partitions.states()[path].parameters.cpu.shares


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Apart]:
    apart = Apart(tmp_path)
    apart.define(GOLD)
    apart.define(SILVER)
    yield apart
    apart.manager.stop()


def test_the_most_important_takes_from_discretionary_work_in_another_partition(house: Apart) -> None:
    house.wish(WISHES)
    house.step(3)
    assert house.used("gold1") < 0.6    # the partitions have a CPU each
    house.on()
    house.step(2)
    assert house.status("gold1") == "met" and house.used("gold1") >= 0.85
    assert house.used("gold2") == pytest.approx(house.used("s0"), abs=0.08)
    assert house.manager.snapshot.weighed == {GOLD, SILVER}
    assert house.manager.snapshot.original_partitions.keys() <= {GOLD, SILVER}
    *_, record = house.manager.adjustments.find(AdjustmentFilter())    # the first one
    assert "gold1" in [one.name for one in record.receivers]
    assert {"s0", "s1", "s2", "s3"} >= {one.name for one in record.donors} - {"gold2"}
    assert record.detail is not None and "as a whole: shares 1024 →" in record.detail and "goals" in record.detail
    before = (house.shares(), house.weight(GOLD), house.weight(SILVER))
    house.step(8)
    assert (house.shares(), house.weight(GOLD), house.weight(SILVER)) == before    # steady load, steady weights
    house.manager.set_level("off")
    assert (house.weight(GOLD), house.weight(SILVER)) == (1024, 1024)
    assert set(house.shares().values()) == {1024}
    assert house.manager.snapshot.weighed == frozenset()


def test_a_weight_that_was_said_is_kept(house: Apart) -> None:
    house.define(SILVER, 1024)
    house.manage(WISHES)
    house.step(4)
    assert house.manager.snapshot.weighed == {GOLD}
    assert house.weight(SILVER) == 1024
    assert house.used("s0", "s1", "s2", "s3") == pytest.approx(1.0, abs=0.12)    # nobody in it gives anything
    house.define(GOLD, 1024)
    house.step(3)
    assert house.manager.snapshot.weighed == frozenset() and house.weight(GOLD) == 1024


def test_it_can_be_said_and_left_to_hpm_again_while_it_is_planned(house: Apart) -> None:
    house.manage(WISHES)
    house.step(3)
    planned = house.weight(GOLD)
    assert planned is not None and planned > 1100
    house.define(GOLD, 700)
    house.step(3)
    assert house.weight(GOLD) == 700 and GOLD not in house.manager.snapshot.original_partitions
    house.define(GOLD, None)
    house.step(4)
    with house.manager.change() as change:    # said for the definition alone: what was in force before is so again
        said = Partition(GOLD, parameters=PartitionParameters(cpu=CpuParameters(shares=3000)))
        change.catalog = change.catalog.with_partition(said)
    house.step(2)
    assert house.weight(GOLD) == 1024 and not house.manager.snapshot.original_partitions.keys() & {GOLD}
    house.define(GOLD, None)
    house.step(4)
    assert house.status("gold1") == "met" and GOLD in house.manager.snapshot.original_partitions
    house.manager.stop()
    assert (house.weight(GOLD), house.weight(SILVER)) == (1024, 1024)


@pytest.mark.parametrize(("group", "changes", "affect"), [
    ("cpu", CpuChanges(quota_us=190000), None), ("memory", MemoryChanges(hard_limit_mib=4096), "live"),
    ("blkio", BlkioChanges(weight=300), "both"), ("numa", NumaChanges(cpus="0-1"), "live"),
])  # fmt: skip
def test_other_parameters_can_be_changed_while_its_weight_is_planned(
    house: Apart, group: Group, changes: ParameterChanges, affect: Affect | None
) -> None:
    house.manage(WISHES)
    house.step(3)
    planned = house.weight(GOLD)
    assert planned is not None and planned > 1100
    requests = PartitionRequests(house.manager)
    requests.set_parameters("", partition_id(GOLD), group, "ann", changes, affect, lambda _: None)
    assert house.weight(GOLD) == planned and house.manager.snapshot.original_partitions[GOLD] == 1024
    house.step(3)
    assert GOLD in house.manager.snapshot.weighed and house.status("gold1") == "met"
    house.manager.set_level("off")
    assert house.weight(GOLD) == 1024
    house.manager.set_level("on")
    house.step(3)
    requests.set_parameters("", partition_id(GOLD), "cpu", "ann", CpuChanges(shares=700), "live", lambda _: None)
    house.manager.set_level("off")
    assert house.weight(GOLD) == 700    # that was said, and is nothing to put back


def test_a_change_that_is_refused_leaves_what_is_to_be_put_back(
    house: Apart, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object) -> None:
        raise StoreError("the disk is full")

    house.manage(WISHES)
    house.step(3)
    planned = house.weight(GOLD)
    with monkeypatch.context() as broken:
        broken.setattr("hpm.manager.manager.save_catalog", fails)
        with pytest.raises(StoreError):
            house.define(GOLD, 700)
    assert house.weight(GOLD) == planned != 1024
    house.step(3)
    assert GOLD in house.manager.snapshot.weighed
    house.manager.set_level("off")
    assert house.weight(GOLD) == 1024


def test_it_survives_a_crash_and_goes_where_nobody_in_it_has_a_goal_any_more(house: Apart) -> None:
    house.manage(WISHES)
    house.step(3)
    planned = house.weight(GOLD)
    house.crash()
    house.step(3)
    assert house.status("gold1") == "met" and house.weight(GOLD) == planned
    house.wish({"gold1": None, "gold2": None}, "none")
    with house.manager.change() as change:
        change.catalog = change.catalog.without_group("none")
    house.step(3)
    assert house.weight(GOLD) == 1024 and GOLD not in house.manager.snapshot.original_partitions


def test_what_somebody_else_sets_is_left_alone_until_it_is_said_anew(house: Apart) -> None:
    house.manage(WISHES)
    house.step(3)
    state = house.host.partitions.states()[GOLD].parameters
    house.host.partitions.configure(GOLD, msgspec.structs.replace(state, cpu=CpuParameters(shares=300)))
    house.step(3)
    assert house.weight(GOLD) == 300 and GOLD not in house.manager.snapshot.weighed
    house.define(GOLD)
    house.step(3)
    assert house.status("gold1") == "met" and GOLD in house.manager.snapshot.weighed


def test_work_that_sleeps_is_at_its_goal_and_what_it_leaves_does_not_starve_others(tmp_path: Path) -> None:
    loads = {"gold1": Periodic(2, 8)}
    house = Apart(tmp_path, loads)
    house.define(GOLD)
    house.define(SILVER)
    house.manage({**WISHES, "gold1": (75, "highest"), "s0": (60, "medium"), "s3": None})
    met = {"gold1": 0, "s0": 0}
    changes, before = 0, None
    for _ in range(20):
        house.step()
        for name in met:
            met[name] += house.status(name) == "met"
        now = (house.shares(), house.weight(GOLD), house.weight(SILVER))
        changes += before is not None and now != before
        before = now
    house.manager.stop()
    assert met["gold1"] >= 19 and met["s0"] >= 18 and changes <= 2


def test_advice_is_given_and_nothing_is_changed(house: Apart) -> None:
    house.wish(WISHES)
    house.step(2)
    house.manager.set_level("advise")
    house.step(2)
    *_, record = house.manager.adjustments.find(AdjustmentFilter())
    assert record.outcome == "advised" and record.detail is not None and GOLD in record.detail
    assert (house.weight(GOLD), house.weight(SILVER)) == (1024, 1024)
    assert house.manager.snapshot.weighed == frozenset()
    house.on()
    house.step(2)
    assert house.manager.snapshot.weighed == {GOLD, SILVER}
    house.manager.set_level("advise")
    for _ in range(3):
        assert house.manager.snapshot.weighed == frozenset()
        assert (house.weight(GOLD), house.weight(SILVER)) == (1024, 1024)
        house.step()


def test_servers_that_have_no_policy_keep_what_they_have(house: Apart) -> None:
    """Two of those in silver are nobody's."""
    house.wish({name: wish for name, wish in WISHES.items() if name not in ("s0", "s1")})
    house.step(3)
    before = house.used("s0", "s1")
    house.on()
    house.step(4)
    assert house.used("s0", "s1") == pytest.approx(before, abs=0.08)
    assert house.share("s0") == 1024 and house.used("gold1") > 0.8


def test_who_competes_with_whom_in_a_hierarchy(tmp_path: Path) -> None:
    """A partition in one of unsaid weight, and one of said weight there; a cap, a reserve, and a CPU of its own."""
    db, said = f"{GOLD}/db", f"{GOLD}/said"
    places = {"a": "gold.partition", "b": "gold.partition/db.partition", "c": "gold.partition/said.partition",
              "d": "silver.partition", "e": ""}    # fmt: skip
    house = House(tmp_path, [
        ServerSpec(name=name, load=Spin(), parent=f"machine/{place}".rstrip("/")) for name, place in places.items()
    ])  # fmt: skip
    parameters = {
        GOLD: PartitionParameters(cpu=CpuParameters(quota_us=150000)), db: PartitionParameters(),
        said: PartitionParameters(cpu=CpuParameters(shares=500)),
        SILVER: PartitionParameters(numa=NumaParameters("1")),
    }  # fmt: skip
    with house.manager.partitions.change("ann") as changing:
        for path, wanted in parameters.items():
            reserve = 0.4 if path == db else None
            changing.change.catalog = changing.change.catalog.with_partition(Partition(path, "", True, reserve, wanted))
            changing.configure(path, wanted)
    house.wish(dict.fromkeys(("a", "b", "c", "d"), (50, "high")))
    house.step(2)
    snapshot = house.manager.snapshot
    assert snapshot.window is not None
    actuator = Actuator(house.host, Journal(house.database))
    servers = candidates(
        snapshot.sample, snapshot.window, snapshot.assignments, snapshot.held, snapshot.originals, actuator
    )
    field = compete(
        servers, snapshot.catalog, snapshot.sample, snapshot.window, snapshot.partitions, actuator, 1024
    )
    found = {name: field.candidates[uuid_of(name)] for name in places}
    assert {name: (one.parent, one.inside) for name, one in found.items()} == {
        "a": ("machine", (GOLD,)), "b": ("machine", (db, GOLD)), "c": ("machine/gold.partition/said.partition", ()),
        "d": ("machine", (SILVER,)), "e": ("machine", ()),
    }  # fmt: skip
    whole = field.candidates[said]
    assert (whole.parent, whole.inside, whole.held, whole.shares) == ("machine", (GOLD,), "no-policy", 500)
    assert found["d"].cpus == {1} and found["a"].cpus is None
    assert field.nests.keys() == {GOLD, db, SILVER}
    assert field.nests[GOLD].bound == Bound(frozenset((uuid_of("a"), uuid_of("b"), said)), 0.0, 1.5)
    assert field.nests[db].bound == Bound(frozenset((uuid_of("b"),)), 0.4)
    assert (field.nests[db].inside, field.nests[SILVER].bound) == ((GOLD,), None)
    house.manager.stop()


def test_the_api_says_that_hpm_plans_it_and_why_a_server_is_where_it_is(api: ApiHost) -> None:
    define(api, GOLD, create=True)
    define(api, SILVER, create=True)
    important = member(api, "important", GOLD)
    many = [member(api, f"many{number}", SILVER) for number in range(4)]
    assert api.get(uri(GOLD))["shares-planned"] is False
    group = api.post(GROUPS, {"name": "Both", "perf-policies": [{
        "name": "all", "importance": "highest", "service-classes": [
            {"name": "first", "goal": {"type": "velocity", "velocity": 90}, "classification": {
                "type": "filter", "filter-type": "virtual-server-name", "operation": "string-match",
                "value": "part-important"}},
            {"name": "rest", "goal": {"type": "discretionary"}}]}]})    # fmt: skip
    servers = {"action": "add-virtual-servers", "virtual-servers": [important, *many]}
    api.post(f"{GROUPS}/{group['object-id']}/actions", servers)
    api.post("/mgmt-levels", {"cpu-mgmt": "on"})
    for _ in range(4):
        api.cycle()
    silver = api.get(uri(SILVER))
    assert silver["shares-planned"] is True and silver["drift"] == []
    assert silver["shares-original"] == 1024 and silver["live"]["cpu"]["shares"] != 1024
    said = " ".join(api.get(f"{SERVERS}/{important}/explain")["sentences"])
    assert f"Nobody has said shares for {GOLD}" in said and "all in /machine" in said
    for level in ("advise", "off"):
        api.post("/mgmt-levels", {"cpu-mgmt": level})
        for _ in range(2):
            silver = api.get(uri(SILVER))
            assert silver["shares-planned"] is False and silver["live"]["cpu"]["shares"] == 1024
            assert "hpm plans" not in " ".join(api.get(f"{SERVERS}/{important}/explain")["sentences"])
            api.cycle()
