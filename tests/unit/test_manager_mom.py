"""Policies of MOM's language as the host's, through the manager, on a simulated host in virtual time."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hpm.backend.simulated import uuid_of
from hpm.errors import NotFound
from hpm.memory.mom import PolicyTextError
from hpm.store.journal import Journal
from hpm.store.settings import MemorySettings, MomPolicy

from .builders import House
from .memory_house import MIB, WISHES, balloons, four, guest, has, house_of, records

HALVE = '(with Guests guest (guest.Control "balloon_target" (* 0.5 guest.balloon_max)))'
KSM = '(Host.Control "ksm_run" 1) (Host.Control "ksm_pages_to_scan" 300) (Host.Control "ksm_sleep_millisecs" 0)'
QUOTA = """(with Guests guest { (guest.Control "vcpu_period" 50000)
    (guest.Control "vcpu_quota" (/ (* 50000 guest.vcpu_user_limit) 100)) })"""


def decided_by(house: House, policy: str, *texts: str, swap: bool = False) -> None:
    """Have these policies, and memory decided on in that way."""
    with house.manager.memory.policies() as kept:
        kept.replace({
            f"p{number}": MomPolicy(f"p{number}", text, "2030-01-01T00:00:00.000Z", "ann")
            for number, text in enumerate(texts)
        })  # fmt: skip
    house.manager.memory.set(MemorySettings(policy, swap))  # type: ignore[arg-type]


def test_a_balloon_goes_where_a_policy_wants_it_but_never_below_use_and_reserve(tmp_path: Path) -> None:
    house = house_of(tmp_path, guest("gold", 1000), guest("silver", 3000), memory=64 * 1024)
    decided_by(house, "mom", HALVE)
    house.manager.set_memory_level("on")
    house.step(6)
    assert has(house, "gold") == pytest.approx(2048, abs=1)
    assert has(house, "silver") > 3000 + 3000 / 8
    decided = house.manager.snapshot.memory.mom
    assert decided is not None
    assert decided.guests[uuid_of("gold")].notes == ()
    assert "are too few: it uses" in decided.guests[uuid_of("silver")].notes[0]
    assert any("are too few" in (record.detail or "") for record in records(house, "memory-policy"))


def test_guests_may_be_made_to_swap_if_that_is_allowed(tmp_path: Path) -> None:
    house = house_of(tmp_path, guest("gold", 3000), memory=64 * 1024)
    decided_by(house, "mom", HALVE, swap=True)
    house.manager.set_memory_level("on")
    house.step(6)
    assert has(house, "gold") == pytest.approx(2048, abs=1)


def test_policies_decide_for_guests_of_groups_without_a_policy_too_but_not_for_excluded_ones(tmp_path: Path) -> None:
    house = house_of(tmp_path, guest("other", 1000), guest("gold", 1000), memory=64 * 1024, wishes={"gold": None})
    with house.manager.change() as change:
        said = msgspec.structs.replace(change.catalog.settings(uuid_of("gold")), excluded=True)
        change.catalog = change.catalog.with_settings(uuid_of("gold"), said)
    decided_by(house, "mom", HALVE)
    house.manager.set_memory_level("on")
    house.step(6)
    assert has(house, "other") == pytest.approx(2048, abs=1)
    assert has(house, "gold") == 4096


def test_off_puts_everything_back(tmp_path: Path) -> None:
    house = house_of(tmp_path, guest("gold", 1000, vcpu_user_limit=40), memory=64 * 1024)
    decided_by(house, "mom", HALVE, KSM, QUOTA)
    house.manager.set_memory_level("on")
    house.step(6)
    sample = house.manager.snapshot.sample
    tuning = sample.infos[uuid_of("gold")].tuning
    assert (tuning.quota_us, tuning.period_us) == (20000, 50000)
    assert sample.ksm is not None
    assert (sample.ksm.run, sample.ksm.pages_to_scan, sample.ksm.sleep_millisecs) == (1, 300, 10)
    house.manager.set_memory_level("off")
    house.step(3)
    sample = house.manager.snapshot.sample
    assert has(house, "gold") == 4096
    assert sample.infos[uuid_of("gold")].tuning.quota_us is None
    assert sample.ksm is not None
    assert sample.ksm.run == 0
    assert not Journal(house.database).entries


def test_quotas_are_put_back_when_no_policy_decides_any_more(tmp_path: Path) -> None:
    house = house_of(tmp_path, guest("gold", 1000, vcpu_user_limit=40), memory=64 * 1024)
    decided_by(house, "mom", HALVE, QUOTA)
    house.manager.set_memory_level("on")
    house.step(4)
    house.manager.memory.set(MemorySettings("goals"))
    house.step(20)
    assert house.manager.snapshot.sample.infos[uuid_of("gold")].tuning.quota_us is None
    assert has(house, "gold") == pytest.approx(4096, abs=1)    # goals see no pressure, and give back what was taken


def test_disks_are_limited_and_put_back(tmp_path: Path) -> None:
    house = house_of(tmp_path, guest("gold", 1000), memory=64 * 1024)
    decided_by(house, "mom", "(with Guests guest (with guest.io_tune disk (disk.setReadBytesSec 1000000)))")
    house.manager.set_memory_level("on")
    house.step(3)
    disk = house.manager.snapshot.sample.infos[uuid_of("gold")].tuning.disks[0]
    assert disk.limits == (0, 1000000, 0, 0, 0, 0)
    house.manager.set_memory_level("off")
    house.step()
    assert house.manager.snapshot.sample.infos[uuid_of("gold")].tuning.disks[0].limits == (0,) * 6


def test_a_disk_that_an_administrator_changes_is_left_and_the_others_go_on(tmp_path: Path) -> None:
    house = house_of(tmp_path, guest("gold", 1000), memory=64 * 1024)
    gold, by_hand = uuid_of("gold"), (0, 7, 0, 0, 0, 0)
    house.host.plug_disk(gold, "vdb")

    def limits() -> dict[str, int]:
        return {disk.name: disk.limits[1] for disk in house.manager.snapshot.sample.infos[gold].tuning.disks}

    decided_by(house, "mom", "(with Guests guest (with guest.io_tune disk (disk.setReadBytesSec 1000000)))")
    house.manager.set_memory_level("on")
    house.step(3)
    house.host.plug_disk(gold, "vdb", by_hand)
    house.step(2)
    assert limits() == {"vda": 1000000, "vdb": 7}
    assert records(house, None)[-1].detail == "left alone until released: gold (disk vdb)"
    decided_by(house, "mom", "(with Guests guest (with guest.io_tune disk (disk.setReadBytesSec 2000000)))")
    house.step(2)
    assert limits() == {"vda": 2000000, "vdb": 7}
    house.manager.release(gold)
    house.step(2)
    assert limits() == {"vda": 2000000, "vdb": 2000000}
    house.host.plug_disk(gold, "vdb", by_hand)
    house.step()
    house.manager.set_memory_level("off")
    house.step()
    assert limits() == {"vda": 0, "vdb": 7}


def test_importance_decides_where_a_policy_sets_nothing(tmp_path: Path) -> None:
    house = four(tmp_path)
    only = '(with Guests guest (if (== (guest.Prop "name") "gold") (guest.Control "balloon_target" 2500000) 0))'
    decided_by(house, "goals-and-mom", only)
    house.host.set_host_memory(10 * 1024)
    house.manager.set_memory_level("on")
    house.step(10)
    assert has(house, "gold") == pytest.approx(2500000 / 1024, abs=1)
    assert house.manager.snapshot.memory.held[uuid_of("gold")] == "by-policy"
    assert has(house, "tin") < 3500
    assert records(house, "host-pressure")


def test_an_error_of_one_guest_is_its_own_and_is_told_once(tmp_path: Path) -> None:
    house = house_of(tmp_path, guest("gold", 1000), guest("silver", 1000), memory=64 * 1024)
    decided_by(house, "mom", """(with Guests guest
        (if (== (guest.Prop "name") "gold") (/ 1 0) (guest.Control "balloon_target" 2500000)))""")
    house.manager.set_memory_level("on")
    house.step(8)
    assert not balloons(house, "gold")
    assert has(house, "silver") == pytest.approx(2500000 / 1024, abs=1)
    failed = [record for record in records(house) if record.reason == "policy-error"]
    assert len(failed) == 1
    assert "gold" in (failed[0].detail or "")


def test_advise_changes_nothing_and_says_so_once(tmp_path: Path) -> None:
    house = house_of(tmp_path, guest("gold", 1000), memory=64 * 1024)
    decided_by(house, "mom", HALVE, KSM)
    house.manager.set_memory_level("advise")
    house.step(8)
    assert not house.host.writes
    assert [record.outcome for record in records(house, "memory-policy")] == ["advised"]


def test_a_bad_policy_leaves_the_good_one_in_force(tmp_path: Path) -> None:
    house = house_of(tmp_path, guest("gold", 1000), memory=64 * 1024)
    decided_by(house, "mom", HALVE)
    with house.manager.memory.policies() as kept:
        with pytest.raises(PolicyTextError) as error:
            kept.put(MomPolicy("p0", '(Host.Control "ksm_run', "2030-01-01T00:00:00.000Z", "ann"))
        assert error.value.place == (1, 15)
        with pytest.raises(NotFound):
            kept.delete("p7")
    house.crash()
    house.manager.set_memory_level("on")
    house.step(6)
    assert has(house, "gold") == pytest.approx(2048, abs=1)
    assert house.manager.memory.settings.memory_policy == "mom"


def test_variables_are_kept_from_cycle_to_cycle(tmp_path: Path) -> None:
    house = house_of(tmp_path, guest("gold", 1000), memory=64 * 1024)
    decided_by(house, "mom", """(with Guests guest {
        (guest.SetVar "turns" (+ 1 (if (null (guest.GetVar "turns")) 0 (guest.GetVar "turns"))))
        (guest.Control "balloon_target" (- 4000000 (* 100000 (guest.GetVar "turns")))) })""")
    house.manager.set_memory_level("on")
    house.step(4)
    asked = balloons(house, "gold")
    assert [round((asked[0] - later) * 1024) for later in asked] == [100000 * turn for turn in range(len(asked))]
    assert len(asked) >= 3


def test_evaluating_tells_what_would_be_done_and_does_nothing(tmp_path: Path) -> None:
    house = house_of(tmp_path, guest("gold", 1000), memory=64 * 1024)
    would = house.manager.memory.evaluate({"try": HALVE})
    safe = would.guests[uuid_of("gold")].balloon
    assert safe is not None
    assert safe.value == 2048 * MIB
    assert would.evaluation.decisions[0].expression.startswith("(guest.Control")
    house.step(3)
    assert not house.host.writes
    assert sorted(WISHES) == ["bronze", "gold", "silver", "tin"]
