"""Memory management where figures are old, guests come back, values are nonsense, and nothing is to be told twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpm.backend.simulated import uuid_of
from hpm.backend.simulated.figures import Figures
from hpm.engine.table import Numbers
from hpm.errors import HypervisorError
from hpm.memory.mom import compile_policies
from hpm.memory.safety import MOST_QUOTA, safe_balloon, safe_quota
from hpm.memory.state import GuestMemory
from hpm.store.settings import MemorySettings

from .builders import House
from .memory_house import MIB, four, guest, has, house_of, records
from .mom import guests, host
from .test_manager_mom import decided_by

NOW = 1_000_000_000_000


def reported(seconds_ago: float) -> GuestMemory:
    told = NOW - int(seconds_ago * 1e9)
    return GuestMemory("u", "1", "db", "low", 4096 * MIB, 8192 * MIB, 0, 1000 * MIB, told)


def test_a_policy_takes_nothing_of_a_guest_that_has_told_nothing_for_long() -> None:
    wanted = 2048 * 1024
    assert safe_balloon(wanted, reported(5), NOW, swap=False).value == 2048 * MIB
    old = safe_balloon(wanted, reported(120), NOW, swap=False)
    assert (old.value, old.note) == (None, "left alone: no-report")
    assert safe_balloon(6144 * 1024, reported(120), NOW, swap=False).value == 6144 * MIB    # more cannot harm it


def test_a_quota_that_libvirt_would_refuse_is_cut() -> None:
    safe = safe_quota(1e17, None, (None, 100000))
    assert safe.value == (MOST_QUOTA, 100000)
    assert "out of range" in (safe.note or "")


def test_nonsense_is_told_in_a_few_words() -> None:
    program = compile_policies({"p": '(with Guests g (g.Control "balloon_target" (with Guests h h)))'})
    wanted = program.evaluate(host(), guests()).guest_controls["db"]["balloon_target"]
    assert safe_balloon(wanted, reported(1), NOW, swap=False).note == "balloon_target is no number: a list of 2"


def asked_periods(house: House, name: str) -> list[int | None]:
    return [w.value for w in house.host.writes if (w.uuid, w.control) == (uuid_of(name), "stats-period")]


def test_balloons_of_unmanaged_guests_are_not_asked_and_put_back_in_turns(tmp_path: Path) -> None:
    servers = (guest("gold", stats_period=0), guest("other", stats_period=0))
    house = house_of(tmp_path, *servers, memory=64 * 1024, wishes={"gold": (70, "highest")})
    house.manager.set_memory_level("on")
    house.step(8)
    assert len(asked_periods(house, "gold")) == 1
    assert not asked_periods(house, "other")
    decided_by(house, "mom", "(with Guests g (g.StatAvg \"mem_unused\"))")    # policies look at all guests
    house.step(8)
    assert len(asked_periods(house, "other")) == 1


def test_merging_that_a_policy_began_ends_when_goals_decide_again(tmp_path: Path) -> None:
    house = house_of(tmp_path, guest("gold"), memory=64 * 1024)
    house.manager.set_memory_level("on")
    house.step(3)
    decided_by(house, "mom", '(Host.Control "ksm_run" 1) (Host.Control "ksm_pages_to_scan" 777)')
    house.step(3)
    house.manager.memory.set(MemorySettings("goals"))
    house.step(120)
    ksm = house.manager.snapshot.sample.ksm
    assert ksm is not None
    assert (ksm.run, ksm.pages_to_scan) == (0, 100)


def test_an_error_that_tells_another_value_each_time_is_recorded_once(tmp_path: Path) -> None:
    house = house_of(tmp_path, guest("gold", memory_need_mib=None), memory=64 * 1024)
    decided_by(house, "mom", "(with Guests g (+ g.mem_unused nil))")
    house.manager.set_memory_level("on")
    house.step(10)
    assert len([record for record in records(house) if record.reason == "policy-error"]) == 1


def test_evaluating_twice_sees_the_same(tmp_path: Path) -> None:
    house = house_of(tmp_path, guest("gold"), memory=64 * 1024)
    house.manager.memory.evaluate({"p": "1"})
    house.manager.memory.evaluate({"p": "1"})
    assert len(house.manager._work.memory.policies.history.entities(house.manager.snapshot, 10.0).host.history) == 1


def test_a_guest_that_boots_anew_with_its_balloon_is_not_taken_for_an_administrators(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.manager.set_memory_level("on")
    house.step(12)
    asked = has(house, "tin")
    house.host.set_memory_by_hand(uuid_of("tin"), 4096)    # the device is reset
    house.step()
    house.host.set_memory_by_hand(uuid_of("tin"), int(asked))    # its driver fills the balloon again
    house.step(2)
    house.manager.set_memory_level("off")
    house.step(3)
    assert has(house, "tin") == pytest.approx(4096, abs=1)


def test_a_quota_that_cannot_be_set_is_told_once_and_leaves_the_balloon_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_of(tmp_path, guest("gold"), memory=64 * 1024)

    def refuse(*_: object) -> None:
        raise HypervisorError("there is no cgroup")

    monkeypatch.setattr(house.host, "set_vcpu_quota", refuse)
    decided_by(house, "mom", """(with Guests g
        { (g.Control "vcpu_quota" 50000) (g.Control "balloon_target" (max 2500000 (* 0.95 g.balloon_cur))) })""")
    house.manager.set_memory_level("on")
    house.step(20)
    assert has(house, "gold") == pytest.approx(2500000 / 1024, abs=1)
    told = records(house, "memory-policy")
    assert all(record.donors and "there is no cgroup" in (record.detail or "") for record in told)
    decided_by(house, "mom", '(with Guests g (g.Control "vcpu_quota" 40000))')
    house.step(10)
    more = records(house, "memory-policy")[len(told):]
    assert [(record.outcome, record.reason) for record in more] == [("failed", "unreachable")]


def test_advice_on_merging_is_given_once_however_fast_it_would_scan(tmp_path: Path) -> None:
    servers = [guest(name, memory=40960, memory_need_mib=None) for name in ("gold", "silver", "bronze", "tin", "lead")]
    house = house_of(tmp_path, *servers, memory=120_000)
    house.manager.set_memory_level("advise")
    house.step(40)
    assert len([record for record in records(house) if (record.detail or "").startswith("KSM")]) == 1


def test_a_policy_that_shrinks_step_by_step_waits_for_reports_and_stops_at_use_and_reserve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_of(tmp_path, guest("gold", 13000, 16384), memory=64 * 1024)
    told: list[dict[str, Numbers]] = []    # drivers tell what was an interval ago
    now = Figures._balloon

    def late(*arguments: object) -> dict[str, Numbers]:
        columns = now(*arguments)    # type: ignore[arg-type]
        told.append({name: columns[name] for name in ("usable_bytes", "unused_bytes", "last_update")})
        return {name: column.copy() for name, column in (columns | told[max(0, len(told) - 2)]).items()}

    monkeypatch.setattr(Figures, "_balloon", late)
    decided_by(house, "mom", '(with Guests g (g.Control "balloon_target" (* 0.95 g.balloon_cur)))')
    house.step(3)
    house.manager.set_memory_level("on")
    floor = 9 / 8 * (13000 + 0.03 * has(house, "gold"))
    for _ in range(20):
        house.step()
        assert has(house, "gold") >= 0.99 * floor
