"""Guest policies on a simulated host: they come into force, hold, are given back, and give in when they must."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from hpm.backend.simulated import ServerSpec, uuid_of
from hpm.engine.samples import HostSample
from hpm.errors import Conflict, HypervisorError
from hpm.manager.controls import changing
from hpm.manager.drift import CALM
from hpm.manager.guest_policies import with_policy
from hpm.manager.snapshot import Levels
from hpm.manager.upkeep import OWN
from hpm.model.effective import field_state, in_force
from hpm.policy.field_reasons import Reason
from hpm.policy.guest_policies import (
    Anywhere,
    DiskLimits,
    EachOnCpus,
    GuestPolicy,
    OnCpus,
    Pack,
    Placement,
    Spread,
)
from hpm.store.adjustments import AdjustmentFilter
from hpm.store.catalog_store import save_setting
from hpm.store.journal import Journal, JournalEntry
from hpm.wire.management import Level

from .builders import House, guest

A, B, C = (uuid_of(name) for name in "abc")


class Guests(House):
    """Guests a, b and c of two vCPUs each on four CPUs, without goals."""

    def __init__(self, directory: Path, *more: ServerSpec) -> None:
        super().__init__(directory, [*(guest(name, vcpus=2) for name in "abc"), *more], cores=4)
        self.step(1)

    def policy(self, name: str, **fields: object) -> None:
        uuid = uuid_of(name)
        with self.manager.change() as change:
            said = change.catalog.settings(uuid)
            change.catalog = change.catalog.with_settings(uuid, said.with_policy(GuestPolicy(**fields)))  # type: ignore[arg-type]

    def pins(self, name: str) -> tuple[str, ...]:
        return self.host.observe().infos[uuid_of(name)].tuning.vcpu_pins

    def tuning(self, name: str) -> tuple[str, int | None, int | None, int | None]:
        tuning = self.host.observe().infos[uuid_of(name)].tuning
        return tuning.emulator_pin, tuning.blkio_weight, tuning.memory_limit_kib, tuning.swap_limit_kib

    def limits(self, name: str) -> tuple[int, ...]:
        return self.host.observe().infos[uuid_of(name)].tuning.disks[0].limits

    def disks(self, name: str) -> dict[str, tuple[int, ...]]:
        return {disk.name: disk.limits for disk in self.host.observe().infos[uuid_of(name)].tuning.disks}

    def state(self, name: str, field: str) -> tuple[str, str | None]:
        return field_state(self.manager.snapshot, uuid_of(name), field)

    def metrics(self) -> dict[str, float]:
        return {metric.name: metric.of(self.manager) for metric in OWN}

    def details(self) -> list[str]:
        return [str(record.detail) for record in self.manager.adjustments.find(AdjustmentFilter())]

    def writes(self) -> int:
        return len(self.host.writes)


WHOLE = {
    "placement": OnCpus("0-1"), "emulator_cpus": "3", "cpu_weight": 300, "blkio_weight": 500,
    "disk_limits": {"vda": DiskLimits(read_iops_sec=100)}, "memory_swap_limit_mib": 2048,
}  # fmt: skip
READ = (0, 0, 0, 0, 100, 0)


def test_all_that_is_said_comes_into_force_and_off_means_off(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.policy("a", **WHOLE)
    assert house.state("a", "placement") == ("not-managed", "CPU management is off")
    house.on()
    house.manager.set_memory_level("on")
    house.step(2)
    assert house.pins("a") == ("0-1", "0-1")
    assert house.tuning("a") == ("3", 500, 2 << 20, 2 << 20)
    assert house.limits("a") == READ and house.share("a") == 300
    assert house.pins("b") == () and house.share("b") == 1024
    for field in WHOLE:
        assert house.state("a", field) == ("holds", None), field
    before = house.writes()
    house.step(5)
    assert house.writes() == before    # what holds is left alone
    house.manager.set_memory_level("off")
    assert house.tuning("a") == ("3", 500, None, None)
    assert house.limits("a") == READ    # that is CPU management's
    house.manager.set_level("off")
    house.step(1)
    assert house.pins("a") == () and house.tuning("a") == ("", None, None, None)
    assert house.limits("a") == (0,) * 6 and house.share("a") == 1024


def test_what_is_not_said_any_more_is_as_it_was_before(tmp_path: Path) -> None:
    house = Guests(tmp_path, ServerSpec(name="p", vcpus=2, pinned="2-3"))
    house.policy("p", placement=EachOnCpus(("0",)), blkio_weight=100)
    house.on()
    house.step(1)
    assert house.pins("p") == ("0",) and house.state("p", "placement") == ("holds", None)
    house.policy("p", blkio_weight=200)
    house.step(1)
    assert house.pins("p") == ("2-3", "2-3") and house.tuning("p")[1] == 200
    house.say("p", excluded=True)
    house.step(1)
    assert house.tuning("p")[1] is None and house.state("p", "blkio_weight")[0] == "not-managed"


def test_it_holds_again_when_the_guest_or_hpm_starts_anew(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.policy("a", placement=OnCpus("1"), cpu_weight=50)
    house.on()
    house.step(1)
    house.host.restart(A)
    assert house.pins("a") == () and house.share("a") == 1024
    house.step(1)
    assert house.pins("a") == ("1", "1") and house.share("a") == 50
    house.crash()
    house.step(1)
    assert house.pins("a") == ("1", "1") and house.share("a") == 50
    house.manager.stop()
    assert house.pins("a") == () and house.share("a") == 1024


def test_advice_is_shown_and_recorded_once(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.policy("a", placement=OnCpus("1"), cpu_cap=0.5)
    house.manager.set_level("advise")
    house.step(4)
    assert house.pins("a") == () and house.host.writes == []
    assert house.state("a", "placement")[0] == house.state("a", "cpu_cap")[0] == "advised"
    assert [text for text in house.details() if "placement of a" in text] == [
        'guest policy, placement of a: [] would become ["1","1"]'
    ]


def test_a_goal_decides_on_shares_and_not_the_policy(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.policy("a", cpu_weight=50)
    house.manage({"a": (70, "highest"), "b": None})
    house.step(3)
    assert house.state("a", "cpu_weight") == ("overruled", "its goal decides on its shares")
    assert house.share("a") > 1024


def test_what_somebody_changes_is_set_again_three_times_and_then_left(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.policy("a", placement=OnCpus("1"), blkio_weight=100)
    house.on()
    house.step(1)
    for _ in range(3):
        house.host.set_pins_by_hand(A, ["2", "2"])
        house.step(2)
        assert house.pins("a") == ("1", "1")
    assert sum('set to ["1","1"] again' in text for text in house.details()) == 3
    house.host.set_pins_by_hand(A, ["2", "2"])
    house.step(5)
    assert house.pins("a") == ("2", "2")
    state, reason = house.state("a", "placement")
    assert state == "drifts" and reason is not None and "left so until it is released" in reason
    assert house.tuning("a")[1] == 100    # the rest goes on
    assert not any("left alone until released" in text for text in house.details())
    assert house.metrics()["drift-corrections"] == 3 and house.metrics()["drifting-values"] == 1
    house.manager.release(A)
    house.step(1)
    assert house.pins("a") == ("1", "1") and house.state("a", "placement") == ("holds", None)
    assert house.metrics()["drifting-values"] == 0


def test_who_sets_it_again_before_hpm_looks_is_noticed_too(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.host.plug_disk(A, "vdb")
    house.policy("a", blkio_weight=100, disk_limits={"*": DiskLimits(read_iops_sec=100)})
    house.on()
    house.step(1)
    for number in range(5):
        house.host.tune_by_hand(A, blkio_weight=900)
        house.host.plug_disk(A, "vdb", (0, 0, 0, 0, 900, 0))
        house.step(1)
        if number < 3:
            assert house.tuning("a")[1] == 100 and house.disks("a") == {"vda": READ, "vdb": READ}
    assert house.tuning("a")[1] == 900 and house.disks("a") == {"vda": READ, "vdb": (0, 0, 0, 0, 900, 0)}
    assert len(house.records(cause="drift-given-up")) == 2
    assert house.state("a", "blkio_weight")[0] == house.state("a", "disk_limits")[0] == "drifts"


def test_a_change_is_set_again_once_in_an_interval_at_most(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.policy("a", blkio_weight=100)
    house.on()
    house.step(2)
    before = house.writes()
    for weight in (200, 300, 400):
        house.host.tune_by_hand(A, blkio_weight=weight)
        house.manager.look()
    assert house.writes() == before + 1
    house.step(1)
    assert house.tuning("a")[1] == 100


def test_drift_is_only_reported_where_the_policy_says_so(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.policy("a", blkio_weight=100, drift="report")
    house.on()
    house.step(1)
    house.host.tune_by_hand(A, blkio_weight=900)
    house.step(3)
    assert house.tuning("a")[1] == 900
    assert house.state("a", "blkio_weight")[0] == "drifts"
    assert sum("blkio-weight of a" in text for text in house.details()) == 1
    assert in_force(house.manager.snapshot, A, "blkio_weight") == "900"
    house.manager.set_level("off")
    assert house.tuning("a")[1] == 900    # an administrator set it


def test_who_has_cpus_alone_keeps_others_off(tmp_path: Path) -> None:
    house = Guests(tmp_path, ServerSpec(name="p", pinned="0"), ServerSpec(name="x"))
    house.say("x", excluded=True)
    house.policy("a", placement=OnCpus("0-1", exclusive=True))
    house.policy("b", placement=Spread())
    house.on()
    house.step(1)
    assert house.pins("a") == ("0-1", "0-1") and house.pins("c") == ("2-3", "2-3")
    assert sorted(house.pins("b")) == ["2", "3"]
    assert house.pins("p") == ("0",) and house.pins("x") == ()
    state, reason = house.state("a", "placement")
    assert state == "holds" and reason is not None
    assert "p is pinned there by somebody else" in reason and "x may run there" in reason
    house.policy("b", placement=OnCpus("1"))
    house.step(1)
    state, reason = house.state("b", "placement")
    assert state == "impossible" and reason is not None and "belongs to another virtual server alone" in reason
    house.policy("a")
    house.step(2)
    assert house.pins("a") == () and house.pins("c") == () and house.pins("b") == ("1", "1")


@pytest.mark.parametrize("placement", [Spread(), Pack(), Anywhere()])
def test_what_was_chosen_stays_when_others_come_and_after_a_crash(tmp_path: Path, placement: Placement) -> None:
    house = Guests(tmp_path)
    house.policy("b", placement=placement)
    house.on()
    house.step(1)
    chosen = house.pins("b")
    house.policy("a", placement=placement)
    house.step(1)
    assert house.pins("b") == chosen
    house.crash()
    house.step(2)
    assert house.pins("b") == chosen


def test_what_the_host_refuses_is_said_and_asked_again_later(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.policy("a", blkio_weight=100)
    house.host.faults.refusing.add(A)
    house.on()
    house.step(2)
    state, reason = house.state("a", "blkio_weight")
    assert state == "impossible" and reason is not None and "the host refused it" in reason
    house.host.faults.refusing.clear()
    house.step(22)
    assert house.tuning("a")[1] == 100 and house.state("a", "blkio_weight") == ("holds", None)


def test_limits_that_cannot_be_are_not_tried(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.policy("a", memory_swap_limit_mib=512, disk_limits={"vdz": DiskLimits(read_iops_sec=1)}, emulator_cpus="9")
    house.on()
    house.manager.set_memory_level("on")
    house.step(2)
    assert "1024 MiB of memory" in str(house.state("a", "memory_swap_limit_mib"))
    assert house.state("a", "disk_limits") == ("impossible", "it has no disk vdz")
    assert house.state("a", "emulator_cpus") == ("impossible", "this host has no CPU 9; it has 0-3")
    assert house.tuning("a") == ("", None, None, None) and house.limits("a") == (0,) * 6


def test_a_start_by_hpm_gives_it_its_memory(tmp_path: Path) -> None:
    house = Guests(tmp_path, ServerSpec(name="z", status="shut-off"))
    house.policy("z", huge_pages="hugetlbfs", page_sharing=False)
    xml = "<domain><name>z</name></domain>"
    assert with_policy(house.manager.snapshot, uuid_of("z"), xml) == xml    # memory is not managed
    house.manager.set_memory_level("on")
    made = with_policy(house.manager.snapshot, uuid_of("z"), xml)
    assert "<hugepages" in made and "<nosharepages" in made
    assert made in [change(uuid_of("z"), xml) for change in house.manager.starting.at_start]
    house.say("z", excluded=True)
    assert with_policy(house.manager.snapshot, uuid_of("z"), xml) == xml


def test_nobody_has_all_cpus_alone(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.policy("a", placement=OnCpus("0-3", exclusive=True))
    house.on()
    house.step(1)
    state, reason = house.state("a", "placement")
    assert state == "impossible" and reason is not None and "would leave none to others" in reason
    assert house.pins("a") == house.pins("b") == ()


def test_a_weight_that_no_policy_can_say_is_put_back(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.host.tune_by_hand(A, blkio_weight=5000)    # of cgroup v2
    house.policy("a", blkio_weight=100)
    house.on()
    house.step(1)
    assert house.tuning("a")[1] == 100
    house.manager.set_level("off")
    assert house.tuning("a")[1] == 5000


def test_what_cannot_be_put_back_keeps_nothing_else_from_it(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.host.tune_by_hand(A, blkio_weight=20000)    # no hypervisor takes that
    for name in "ab":
        house.policy(name, blkio_weight=100, cpu_weight=50)
    house.on()
    house.step(1)
    assert house.tuning("a")[1] == house.tuning("b")[1] == 100
    house.manager.set_level("off")
    house.step(2)
    assert house.tuning("a")[1] == 100 and house.tuning("b")[1] is None
    assert house.share("a") == house.share("b") == 1024
    house.crash()
    house.step(1)
    assert any("could not be put back" in said for said in house.manager.stop())


def test_a_disk_whose_limits_cannot_be_put_back_keeps_no_other_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = Guests(tmp_path)
    house.host.plug_disk(A, "vdb")
    house.policy("a", disk_limits={"*": DiskLimits(read_iops_sec=100)})
    house.on()
    house.step(1)
    set_limits = house.host.set_io_limits

    def refused(uuid: str, start: str, disk: str, limits: Mapping[str, int]) -> None:
        if disk == "vda":
            raise HypervisorError("the host refused")
        set_limits(uuid, start, disk, limits)

    with monkeypatch.context() as refusing:
        refusing.setattr(house.host, "set_io_limits", refused)
        assert "could not be put back" in house.manager.set_level("off")[0]
        assert [limits[4] for limits in house.disks("a").values()] == [100, 0]
        house.step(2)
    house.step(1)
    assert [limits[4] for limits in house.disks("a").values()] == [0, 0]
    assert not Journal(house.database).entries


def test_who_cannot_be_where_its_policy_says_is_kept_off_all_the_same(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.policy("b", placement=OnCpus("0-2"))
    house.on()
    house.step(1)
    house.policy("a", placement=OnCpus("2-3", exclusive=True))
    house.step(2)
    assert house.pins("a") == ("2-3", "2-3") and house.pins("b") == ("0-1", "0-1")
    state, reason = house.state("b", "placement")
    assert state == "impossible" and reason is not None and "belongs to another virtual server alone" in reason
    assert house.state("a", "placement") == ("holds", None)
    house.policy("a")
    house.step(2)
    assert house.pins("b") == ("0-2", "0-2") and house.state("b", "placement") == ("holds", None)


@pytest.mark.parametrize("placement", [OnCpus("0-1", exclusive=True), Spread(exclusive=True)])
@pytest.mark.parametrize("anew", [False, True])
def test_who_starts_does_not_drive_away_who_has_cpus_alone(tmp_path: Path, placement: Placement, anew: bool) -> None:
    house = Guests(tmp_path, ServerSpec(name="0", vcpus=2, status="shut-off"))
    for name in "0a":
        house.policy(name, placement=placement)
    house.on()
    house.step(1)
    pins = house.pins("a")
    assert pins and house.state("a", "placement") == ("holds", None)
    house.host.start(uuid_of("0"))
    if anew:
        house.crash()
    house.step(2)
    assert house.pins("a") == pins and house.state("a", "placement") == ("holds", None)
    assert house.state("0", "placement")[0] == "impossible"


def test_who_is_told_its_cpus_comes_before_who_is_spread(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.policy("a", placement=Pack(exclusive=True))
    house.policy("b", placement=OnCpus("0", exclusive=True))
    house.on()
    house.step(1)
    assert house.pins("b") == ("0", "0") and house.pins("a") == ("1-2", "1-2")


def test_who_was_kept_off_is_spread_when_that_is_said(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.policy("a", placement=OnCpus("0", exclusive=True))
    house.on()
    house.step(1)
    assert house.pins("b") == house.pins("c") == ("1-3", "1-3")
    house.policy("b", placement=Spread())
    house.policy("c", placement=Pack(exclusive=True))
    house.step(1)
    assert house.pins("c") == ("1-2", "1-2") and house.pins("b") == ("3", "3")


def test_giving_in_is_for_good(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.policy("a", blkio_weight=100)
    house.on()
    house.step(1)
    for _ in range(4):
        house.host.tune_by_hand(A, blkio_weight=900)
        house.step(2)
    assert house.tuning("a")[1] == 900
    house.step(int(CALM / house.interval) + 5)
    assert house.tuning("a")[1] == 900 and house.state("a", "blkio_weight")[0] == "drifts"


def test_disks_that_are_plugged_in_and_out_are_limited_and_put_back(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.policy("a", disk_limits={"*": DiskLimits(read_iops_sec=100)})

    house.on()
    house.step(1)
    own = (0, 0, 0, 0, 0, 7)
    house.host.plug_disk(A, "vdb", own)
    house.host.plug_disk(A, "vdc")
    house.step(2)
    assert house.disks("a") == {"vda": READ, "vdb": READ, "vdc": READ}
    assert house.state("a", "disk_limits") == ("holds", None)
    assert not any("somebody set" in text for text in house.details())
    house.host.plug_disk(A, "vdc", None)
    house.step(2)
    assert house.state("a", "disk_limits") == ("holds", None)
    house.manager.set_level("off")
    assert house.disks("a") == {"vda": (0,) * 6, "vdb": own}


@pytest.mark.parametrize("drift", ["correct", "report"])
def test_another_disk_that_comes_by_the_name_of_one_that_went_has_its_own_limits(tmp_path: Path, drift: str) -> None:
    house = Guests(tmp_path)
    house.host.plug_disk(A, "vdb", (0, 0, 0, 0, 500, 0))
    house.policy("a", disk_limits={"vdb": DiskLimits(read_iops_sec=100)}, drift=drift)
    house.on()
    house.step(1)
    house.host.plug_disk(A, "vdb", None)
    house.step(1)
    house.host.plug_disk(A, "vdb", (0, 0, 0, 0, 700, 0))
    house.step(2)
    assert house.disks("a")["vdb"] == READ and not any("somebody set" in text for text in house.details())
    house.manager.set_level("off")
    assert house.disks("a")["vdb"] == (0, 0, 0, 0, 700, 0)
    house.step(1)
    assert not Journal(house.database).entries


@pytest.mark.parametrize("then", ["off", "crash"])
def test_limits_of_one_disk_that_somebody_changes_keep_nobody_from_the_others(tmp_path: Path, then: str) -> None:
    house = Guests(tmp_path)
    house.host.plug_disk(A, "vdb", (0, 0, 0, 0, 0, 7))
    house.policy("a", disk_limits={"*": DiskLimits(read_iops_sec=100)}, drift="report")
    house.on()
    house.step(1)
    by_hand = (0, 0, 0, 0, 900, 0)
    house.host.plug_disk(A, "vdb", by_hand)
    house.step(3)
    state, reason = house.state("a", "disk_limits")
    assert state == "drifts" and reason is not None and "vdb" in reason and "vda" not in reason
    assert len(house.records(cause="drift-reported")) == 1
    house.policy("a", disk_limits={"*": DiskLimits(read_iops_sec=200)}, drift="report")
    house.step(2)
    assert house.disks("a") == {"vda": (0, 0, 0, 0, 200, 0), "vdb": by_hand}
    assert house.state("a", "disk_limits")[0] == "drifts"
    if then == "crash":
        house.crash()
        house.step(2)
        assert house.disks("a") == {"vda": (0, 0, 0, 0, 200, 0), "vdb": by_hand}
    house.manager.set_level("off")
    assert house.disks("a") == {"vda": (0,) * 6, "vdb": by_hand}


def test_one_disk_is_released_or_set_back_while_another_one_is_left(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    for disk in ("vdb", "vdc"):
        house.host.plug_disk(A, disk)
    house.policy("a", disk_limits={"*": DiskLimits(read_iops_sec=100)}, drift="report")
    house.on()
    house.step(1)
    by_hand = (0, 0, 0, 0, 900, 0)
    for disk in ("vdb", "vdc"):
        house.host.plug_disk(A, disk, by_hand)
        house.step(1)
    _, reason = house.state("a", "disk_limits")
    assert isinstance(reason, Reason) and reason.id == "drift-is-reported"    # one for both
    assert '{"vdb":[0,0,0,0,900,0],"vdc":[0,0,0,0,900,0]}' in reason
    house.host.plug_disk(A, "vdb", READ)    # what the policy says: it is hpm's again
    house.step(2)
    assert house.disks("a") == {"vda": READ, "vdb": READ, "vdc": by_hand}
    house.manager.set_level("off")
    assert house.disks("a") == {"vda": (0,) * 6, "vdb": (0,) * 6, "vdc": by_hand}
    house.on()
    house.step(1)
    assert house.disks("a") == {"vda": READ, "vdb": READ, "vdc": READ}    # `off` forgets who changed what
    house.host.plug_disk(A, "vdb", by_hand)
    house.step(1)
    house.manager.release(A)
    house.step(1)
    assert house.disks("a") == {"vda": READ, "vdb": READ, "vdc": READ}
    house.manager.set_level("off")
    assert house.disks("a") == {"vda": (0,) * 6, "vdb": by_hand, "vdc": by_hand}    # as it was when it was released


def test_a_disk_that_no_policy_names_is_not_hpms(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.host.plug_disk(A, "vdb")
    house.policy("a", disk_limits={"vda": DiskLimits(read_iops_sec=100)})
    house.on()
    house.step(1)
    own = (0, 0, 0, 0, 0, 9)
    house.host.plug_disk(A, "vdb", own)
    house.step(2)
    assert house.disks("a") == {"vda": READ, "vdb": own} and house.state("a", "disk_limits") == ("holds", None)
    assert not any("somebody set" in text or "left alone" in text for text in house.details())
    house.policy("a", disk_limits={"vdb": DiskLimits(read_iops_sec=100)})
    house.step(2)
    assert house.disks("a") == {"vda": (0,) * 6, "vdb": READ}
    house.manager.set_level("off")
    assert house.disks("a") == {"vda": (0,) * 6, "vdb": own}


@pytest.mark.parametrize("when", ["after", "before", "crash"])
def test_a_disk_that_a_policy_names_no_more_is_not_hpms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    house = Guests(tmp_path)
    house.host.plug_disk(A, "vdb")
    both, by_hand = {disk: DiskLimits(read_iops_sec=100) for disk in ("vda", "vdb")}, (0, 0, 0, 0, 900, 0)
    house.policy("a", disk_limits=both, drift="report")
    house.on()
    house.step(1)
    if when == "before":
        house.host.plug_disk(A, "vdb", by_hand)
        house.step(1)
    house.policy("a", disk_limits={"vda": both["vda"]}, drift="report")
    house.step(2)
    if when != "before":
        assert house.disks("a") == {"vda": READ, "vdb": (0,) * 6}
        if when == "crash":
            house.crash()
            house.step(1)
        house.host.plug_disk(A, "vdb", by_hand)
        house.step(1)
        with pytest.raises(Conflict, match="nothing to release"):
            house.manager.release(A)
    written: list[JournalEntry] = []
    put = Journal.put

    def watched(journal: Journal, entries: Sequence[JournalEntry]) -> None:
        written.extend(entries)
        put(journal, entries)

    monkeypatch.setattr(Journal, "put", watched)
    house.step(5)
    assert written == []    # what stays as it is, is not written again and again
    assert house.disks("a") == {"vda": READ, "vdb": by_hand} and house.state("a", "disk_limits") == ("holds", None)
    house.manager.set_level("off")
    assert house.disks("a") == {"vda": (0,) * 6, "vdb": by_hand} and house.journal() == []


def test_giving_in_outlasts_a_restart_of_hpm(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.host.plug_disk(A, "vdb")
    house.policy("a", disk_limits={"*": DiskLimits(read_iops_sec=100)}, blkio_weight=100)
    house.on()
    house.step(1)
    by_hand = (0, 0, 0, 0, 900, 0)
    for round_ in range(4):
        house.host.plug_disk(A, "vdb", by_hand)
        if round_ == 1:
            house.crash()    # what was counted before counts
        house.step(2)
        assert (house.disks("a")["vdb"] == READ) is (round_ < 3)
    assert house.disks("a") == {"vda": READ, "vdb": by_hand}
    assert len(house.records(cause="drift-corrected")) == 3 and len(house.records(cause="drift-given-up")) == 1
    house.crash()
    house.step(3)
    assert house.disks("a") == {"vda": READ, "vdb": by_hand} and house.state("a", "disk_limits")[0] == "drifts"
    assert len(house.records(cause="drift-given-up")) == 1    # that is told once
    house.host.plug_disk(A, "vdb", (0, 0, 0, 0, 800, 0))
    house.step(2)
    assert len(house.records(cause="drift-given-up")) == 2    # of another value anew
    house.host.tune_by_hand(A, blkio_weight=900)    # others are counted by themselves
    house.step(2)
    assert house.tuning("a")[1] == 100
    house.manager.release(A)
    house.step(1)
    assert house.disks("a")["vdb"] == READ


@pytest.mark.parametrize("memory", ["off", "on"])
def test_limits_are_put_back_after_a_crash_in_the_middle_of_off(tmp_path: Path, memory: Level) -> None:
    house = Guests(tmp_path)
    house.policy("a", disk_limits={"vda": DiskLimits(read_iops_sec=100)})
    house.on()
    house.manager.set_memory_level(memory)
    house.step(1)
    save_setting(house.database, "levels", msgspec.json.encode(Levels("off", memory)).decode())
    house.host.faults.refusing.add(A)    # nor does it work when hpm starts
    house.crash()
    assert house.limits("a") == READ
    house.host.faults.refusing.clear()
    house.step(1)
    assert house.limits("a") == (0,) * 6 and house.journal() == []


def test_what_cannot_be_put_back_is_told_once_and_tried_now_and_then(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    house = Guests(tmp_path)
    house.policy("a", disk_limits={"vda": DiskLimits(read_iops_sec=100)}, blkio_weight=100)
    house.on()
    house.step(1)
    house.host.faults.refusing.add(A)
    house.policy("a")
    house.step(10)
    assert caplog.text.count("io-tune could not be put back") == caplog.text.count("weight could not be put back") == 1
    house.host.faults.refusing.clear()
    house.step(22)
    assert house.limits("a") == (0,) * 6 and house.tuning("a")[1] is None and house.journal() == []


def test_a_disk_is_plugged_out_just_before_all_is_put_back(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.policy("a", disk_limits={"vda": DiskLimits(read_iops_sec=100)})
    house.host.plug_disk(A, "vdb", (0, 0, 0, 0, 0, 7))
    house.on()
    house.step(1)
    house.host.plug_disk(A, "vdb", None)
    said = house.manager.stop()
    assert not any("administrator" in text or "could not" in text for text in said)
    assert house.limits("a") == (0,) * 6


def test_vcpus_that_are_plugged_out_change_no_pins(tmp_path: Path) -> None:
    house = Guests(tmp_path, ServerSpec(name="w", vcpus=4))
    house.policy("w", placement=EachOnCpus(("0", "1", "2", "3")))
    house.on()
    house.step(1)
    assert house.pins("w") == ("0", "1", "2", "3")
    house.host.set_vcpus(uuid_of("w"), 2)
    house.step(2)
    assert house.state("w", "placement") == ("holds", None)
    assert not any("somebody set" in text for text in house.details())
    house.manager.set_level("off")
    assert house.pins("w") == ()


def test_what_somebody_sets_back_himself_is_put_back_with_all_else(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.policy("a", blkio_weight=100, drift="report")
    house.on()
    house.step(1)
    for weight in (900, 100):
        house.host.tune_by_hand(A, blkio_weight=weight)
        house.step(2)
    assert house.state("a", "blkio_weight") == ("holds", None)
    house.manager.set_level("off")
    assert house.tuning("a")[1] is None


@pytest.mark.parametrize("placement", [Spread(exclusive=True), Pack(exclusive=True)])
def test_who_has_cpus_alone_is_brought_back_when_somebody_moves_it(tmp_path: Path, placement: Placement) -> None:
    house = Guests(tmp_path)
    house.policy("a", placement=placement)
    house.on()
    house.step(1)
    pins = house.pins("a")
    assert any(pins)
    house.host.set_pins_by_hand(A, ["2", "3"])
    house.step(2)
    assert house.pins("a") == pins and house.state("a", "placement") == ("holds", None)
    assert sum("somebody set" in text for text in house.details()) == 1


def test_what_is_as_said_from_the_start_is_set_again_too(tmp_path: Path) -> None:
    house = Guests(tmp_path, ServerSpec(name="p", vcpus=2, pinned="1"))
    house.host.tune_by_hand(A, blkio_weight=100)
    house.policy("a", blkio_weight=100, cpu_weight=1024)
    house.policy("p", placement=OnCpus("1"))
    house.on()
    house.step(1)
    assert house.host.writes == []
    house.host.tune_by_hand(A, blkio_weight=900)
    house.host.set_shares_by_hand(A, 50)
    house.host.set_pins_by_hand(uuid_of("p"), ["2", "2"])
    house.step(2)
    assert house.tuning("a")[1] == 100 and house.pins("p") == ("1", "1") and house.share("a") == 1024
    assert sum("somebody set" in text for text in house.details()) == 3
    house.manager.set_level("off")
    assert house.tuning("a")[1] == 100 and house.pins("p") == ("1", "1") and house.journal() == []


def test_who_is_pinned_in_part_may_run_on_cpus_that_others_have_alone(tmp_path: Path) -> None:
    house = Guests(tmp_path, ServerSpec(name="p", vcpus=2, pinned=("0", "")))
    house.policy("a", placement=OnCpus("2-3", exclusive=True))
    house.on()
    house.step(1)
    assert house.state("a", "placement") == ("holds", "not alone: p is pinned there by somebody else")


@pytest.mark.parametrize("placement", [Spread(), Pack(), Anywhere()])
def test_who_was_pinned_anew_is_said_to_stay_until_it_is_released(tmp_path: Path, placement: Placement) -> None:
    house = Guests(tmp_path)
    house.policy("a", placement=placement, cpu_weight=300)
    house.policy("b", placement=OnCpus("0", exclusive=True))
    house.on()
    house.step(1)
    house.host.set_pins_by_hand(A, ["3", "3"])
    house.step(2)
    assert house.pins("a") == ("3", "3")
    assert "leaves it there until it is released" in str(house.state("a", "placement"))


def test_limits_of_disks_stay_over_a_crash_while_cpu_is_managed(tmp_path: Path) -> None:
    house = Guests(tmp_path)
    house.policy("a", disk_limits={"vda": DiskLimits(read_iops_sec=100)})
    house.on()
    house.step(1)
    before = len(house.host.writes)
    house.crash()
    assert house.limits("a") == READ
    house.step(2)
    assert house.limits("a") == READ and len(house.host.writes) == before
    house.policy("a")
    house.crash()
    house.step(1)
    assert house.limits("a") == (0,) * 6


@pytest.mark.parametrize("vda", [DiskLimits(read_iops_sec=100), DiskLimits(read_iops_sec=200)])
def test_what_was_put_back_is_the_original_before_libvirt_has_told_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vda: DiskLimits
) -> None:
    house = Guests(tmp_path)
    house.host.plug_disk(A, "vdb")
    house.manager.set_memory_level("on")
    house.on()
    house.policy("a", **WHOLE)
    house.step(2)
    before = house.host.observe().infos
    observe = house.host.observe
    with monkeypatch.context() as late:    # libvirt tells each server when its turn has come
        late.setattr(house.host, "observe", lambda: msgspec.structs.replace(observe(), infos=before, unread={A}))
        house.manager.set_level("off")
        house.manager.set_memory_level("off")
        house.policy("a", **(WHOLE | {"disk_limits": {"vda": vda, "vdb": DiskLimits(read_iops_sec=7)}}))
        house.manager.set_memory_level("on")
        house.on()
    house.step(2)
    assert house.tuning("a") == ("3", 500, 2097152, 2097152) and house.pins("a") == ("0-1",) * 2
    assert [limits[4] for limits in house.disks("a").values()] == [vda.read_iops_sec, 7]
    assert not house.records(cause="drift-corrected")    # nobody else has changed anything
    house.manager.set_level("off")
    house.manager.set_memory_level("off")
    assert house.tuning("a") == ("", None, None, None) and house.pins("a") == ()
    assert not any(any(limits) for limits in house.disks("a").values())


@pytest.mark.parametrize("end", ["off", "off while libvirt hangs", "stop", "crash before it is set"])
def test_what_was_set_is_put_back_before_libvirt_has_told_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    house = Guests(tmp_path)
    house.host.plug_disk(A, "vdb", READ)
    house.manager.set_memory_level("on")
    observe, before = house.host.observe, house.host.observe().infos
    faults = house.host.faults

    def observe_files() -> HostSample:
        """What needs no libvirt is seen though it hangs; what it told, it told before."""
        until, faults.unreachable_until = faults.unreachable_until, 0
        sample, faults.unreachable_until = observe(), until
        return msgspec.structs.replace(sample, infos=before, unread={A})

    with monkeypatch.context() as late:
        late.setattr(house.host, "observe", observe_files)
        house.on()
        house.policy("a", **(WHOLE | {"disk_limits": {"*": DiskLimits(read_iops_sec=9)}}))
        house.step(1)
        assert [limits[4] for limits in house.host._servers[A].plugged.values()] == [9]
        if end == "stop":
            house.manager.stop()
        elif end == "off":
            house.manager.set_level("off")
            house.manager.set_memory_level("off")
        elif end == "off while libvirt hangs":
            house.host.unreachable_for(3600)
            house.manager.set_level("off")
            house.manager.set_memory_level("off")
            house.step(3)    # it is tried again, and libvirt tells the values still that hpm found
            faults.unreachable_until = 0
        else:
            house.host.unreachable_for(3600)    # it is journalled, and not done
            house.manager._work.actuator.restore(house.manager.snapshot.sample)
            faults.unreachable_until = 0
    if end == "crash before it is set":
        save_setting(house.database, "levels", msgspec.json.encode(Levels()).decode())
        house.crash()
    if end == "off while libvirt hangs":
        house.step(2)
    assert house.tuning("a") == ("", None, None, None) and house.pins("a") == ()
    assert house.disks("a") == {"vda": (0,) * 6, "vdb": READ}
    if end != "stop":
        house.step(1)
    assert not Journal(house.database).entries


def test_what_somebody_sets_before_libvirt_has_told_what_hpm_set_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = Guests(tmp_path)
    house.host.plug_disk(A, "vdb")
    house.manager.set_memory_level("on")
    house.on()
    house.step(2)
    before, observe = house.host.observe().infos, house.host.observe
    wanted = DiskLimits(read_iops_sec=400)

    def there() -> tuple[list[int], int | None]:
        tuning = observe().infos[A].tuning
        return [disk.limits[4] for disk in tuning.disks], tuning.blkio_weight

    with monkeypatch.context() as late:
        late.setattr(house.host, "observe", lambda: msgspec.structs.replace(observe(), infos=before, unread={A}))
        house.policy("a", **(WHOLE | {"disk_limits": {"vda": wanted, "vdb": wanted}, "drift": "report"}))
        house.step(1)
        assert there() == ([400, 400], 500)
        start = observe().samples[A].start
        house.host.set_io_limits(A, start, "vdb", {"read_iops_sec": 77})
        house.host.set_blkio_weight(A, start, 123)
        house.step(3)    # libvirt still tells what was before
        assert there() == ([400, 77], 123)
        assert not house.records(cause="drift-reported")
    house.step(1)
    assert len(house.records(cause="drift-reported")) == 2
    assert there() == ([400, 77], 123)


def test_what_was_not_judged_as_it_might_be_old_is_judged_as_soon_as_it_is_not(tmp_path: Path) -> None:
    """The inventory gives what it has read, and says a moment later that it has."""
    house = Guests(tmp_path)
    house.step(2)
    actuator, sample = house.manager._work.actuator, house.host.observe()
    assert not actuator.apply([changing(sample, A, "blkio-weight", "500")])
    house.host.set_blkio_weight(A, sample.samples[A].start, 123)
    read = house.host.observe()
    assert not actuator.notice(msgspec.structs.replace(read, unread={A}))
    assert [one.control for one in actuator.notice(read)] == ["blkio-weight"]
