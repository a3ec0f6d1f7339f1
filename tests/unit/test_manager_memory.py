"""Memory management through the manager, on a simulated host in virtual time."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hpm.backend.simulated import uuid_of
from hpm.engine.samples import KsmState
from hpm.errors import Conflict
from hpm.manager.actuator import Actuator
from hpm.model.explain import explain
from hpm.model.views import Views
from hpm.store.journal import Journal

from .memory_house import MIB, NEED, WISHES, available, balloons, four, guest, has, house_of, records


def test_off_moves_nothing_and_says_nothing(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.step(5)
    assert available(house) < 0.1
    assert not house.host.writes
    assert not records(house)


def test_under_pressure_the_least_important_gives_first_and_pressure_ends(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.manager.set_memory_level("on")
    house.step(12)
    assert available(house) >= 0.14
    assert balloons(house, "tin")
    assert not balloons(house, "gold")
    assert has(house, "gold") == 4096
    first = records(house, "host-pressure")[0]
    assert [server.name for server in first.donors] == ["tin"]
    assert first.donors[0].memory_before == 4096 * MIB
    assert first.donors[0].memory_used == pytest.approx((NEED + 0.03 * 4096) * MIB, rel=0.01)
    assert first.donors[0].memory_measured is not None
    assert first.donors[0].memory_measured <= 4096 * MIB


def test_nobody_is_brought_below_what_it_uses_and_a_reserve(tmp_path: Path) -> None:
    house = house_of(tmp_path, *(guest(name) for name in WISHES), memory=5 * 1024)    # hopelessly small
    house.manager.set_memory_level("on")
    house.step(60)
    for name in WISHES:
        assert has(house, name) >= NEED + 0.03 * 1024 + 100
    lacking = records(house, "host-pressure")[-1]
    assert (lacking.outcome, lacking.reason) == ("failed", "at-floor")
    assert "the host lacks" in (lacking.detail or "")


def test_it_all_comes_back_when_pressure_ends(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.manager.set_memory_level("on")
    house.step(12)
    assert has(house, "tin") < 4000
    house.host.set_host_memory(32 * 1024)
    house.step(30)
    assert all(has(house, name) == pytest.approx(4096, abs=1) for name in WISHES)
    assert records(house, "pressure-over")


def test_a_guest_whose_use_grows_gets_memory_within_two_intervals(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.manager.set_memory_level("on")
    house.step(25)
    before = has(house, "tin")
    house.host.set_memory_need(uuid_of("tin"), before - 150)
    house.step(2)
    house.host.advance(2)
    house.step()
    assert has(house, "tin") > before + 50
    assert records(house, "distress")[0].receivers[0].name == "tin"


def test_off_puts_back_what_was_there(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.host.set_memory_by_hand(uuid_of("tin"), 3500)
    house.host.set_host_memory(12200)
    house.step(2)
    house.manager.set_memory_level("on")
    house.step(10)
    assert has(house, "tin") < 3400
    said = house.manager.set_memory_level("off")
    assert any("tin: balloon" in line for line in said)
    house.step(2)
    assert has(house, "tin") == pytest.approx(3500, abs=1)
    assert not Journal(house.database).entries


def test_switched_on_again_before_it_is_back_the_original_is_still_known(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.manager.set_memory_level("on")
    house.step(12)
    house.manager.set_memory_level("off")
    house.manager.set_memory_level("on")    # the balloon has not moved a MiB yet
    house.step(10)
    house.manager.set_memory_level("off")
    house.step(3)
    assert has(house, "tin") == pytest.approx(4096, abs=1)


def test_a_crash_loses_nothing(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.manager.set_memory_level("on")
    house.step(12)
    taken = has(house, "tin")
    assert taken < 4000
    house.crash()
    house.step(5)
    assert has(house, "tin") == pytest.approx(taken, abs=300)
    house.host.set_host_memory(32 * 1024)
    house.step(30)
    assert has(house, "tin") == pytest.approx(4096, abs=1)


def test_after_a_crash_restore_puts_it_back_without_a_manager(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.manager.set_memory_level("on")
    house.step(12)
    journal = Journal(house.database)
    sample = house.manager.snapshot.sample
    said = Actuator(house.host, journal).restore(sample)
    house.host.advance(20)
    house.step()
    assert any("tin: balloon" in line for line in said)


def test_advise_tells_and_changes_nothing(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.manager.set_memory_level("advise")
    house.step(10)
    assert not house.host.writes
    advised = records(house, "host-pressure")
    assert advised
    assert {record.outcome for record in advised} == {"advised"}
    assert len(advised) < 4    # it is not given anew each interval


def test_an_administrator_who_moves_a_balloon_is_right(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.manager.set_memory_level("on")
    house.step(12)
    house.host.set_memory_by_hand(uuid_of("tin"), 500)
    house.step(2)
    assert house.manager.snapshot.memory.held[uuid_of("tin")] == "changed-by-administrator"
    asked = len(balloons(house, "tin"))
    house.step(5)
    assert len(balloons(house, "tin")) == asked
    house.manager.release(uuid_of("tin"))
    house.step()
    assert uuid_of("tin") not in house.manager.snapshot.memory.held


@pytest.mark.parametrize(("more", "why"), [
    ({"balloon": False}, "no-balloon"),
    ({"pinned_memory": True}, "pinned-memory"),
    ({"status": "paused"}, "paused"),
])  # fmt: skip
def test_some_guests_are_left_alone_and_the_others_go_on(tmp_path: Path, more: dict[str, object], why: str) -> None:
    house = house_of(tmp_path, *(guest(name) for name in WISHES if name != "tin"), guest("tin", **more))
    house.manager.set_memory_level("on")
    house.step(12)
    assert house.manager.snapshot.memory.held[uuid_of("tin")] == why
    assert not balloons(house, "tin")
    assert balloons(house, "bronze")


def test_a_guest_that_migrates_is_left_alone_until_it_does_not(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.host.faults.migrating.add(uuid_of("tin"))
    house.manager.set_memory_level("on")
    house.step(6)
    assert has(house, "tin") == 4096
    assert balloons(house, "bronze")
    told = [record for record in records(house) if record.reason == "migrating"]
    assert told
    assert house.manager.snapshot.memory.held.get(uuid_of("tin")) == "migrating"
    house.host.faults.migrating.clear()
    house.host.set_host_memory(9 * 1024)
    house.step(8)
    assert has(house, "tin") < 4000


def test_a_guest_that_has_just_started_is_left_alone(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.host.set_host_memory(9 * 1024)
    house.manager.set_memory_level("on")
    house.host.restart(uuid_of("tin"))
    house.step()
    assert house.manager.snapshot.memory.held[uuid_of("tin")] == "booting"
    house.step(4)
    assert balloons(house, "tin")


def test_balloons_that_nobody_asked_are_asked_and_put_back(tmp_path: Path) -> None:
    house = four(tmp_path, stats_period=0)
    house.manager.set_memory_level("on")
    house.step(12)
    assert has(house, "tin") < 4000
    infos = house.manager.snapshot.sample.infos
    assert infos[uuid_of("tin")].memory.stats_period > 0
    house.manager.set_memory_level("off")
    house.step(2)
    infos = house.manager.snapshot.sample.infos
    assert {infos[uuid_of(name)].memory.stats_period for name in WISHES} == {0}


def test_a_minimum_holds(tmp_path: Path) -> None:
    house = house_of(tmp_path, guest("gold"), guest("silver"), guest("bronze"), guest("tin", memory_minimum_mib=3900))
    with house.manager.change() as change:
        said = change.catalog.settings(uuid_of("bronze"))
        said = msgspec.structs.replace(said, memory_minimum_mib=3800)
        change.catalog = change.catalog.with_settings(uuid_of("bronze"), said)
    house.host.set_host_memory(9 * 1024)
    house.manager.set_memory_level("on")
    house.step(30)
    assert has(house, "tin") >= 3900
    assert has(house, "bronze") >= 3800
    assert has(house, "silver") < 3000


def test_excluded_guests_get_back_what_they_had(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.manager.set_memory_level("on")
    house.step(12)
    with house.manager.change() as change:
        said = msgspec.structs.replace(change.catalog.settings(uuid_of("tin")), excluded=True)
        change.catalog = change.catalog.with_settings(uuid_of("tin"), said)
    house.step(3)
    assert has(house, "tin") == pytest.approx(4096, abs=1)
    assert house.manager.snapshot.memory.held[uuid_of("tin")] == "excluded"


def test_a_guest_that_does_not_answer_libvirt_stops_nobody(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.host.faults.hanging.add(uuid_of("tin"))
    house.manager.set_memory_level("on")
    house.step(15)
    assert balloons(house, "bronze")


def test_ksm_is_switched_on_under_pressure_and_put_back(tmp_path: Path) -> None:
    house = four(tmp_path)
    before = house.manager.snapshot.sample.ksm
    assert before is not None
    house.manager.set_memory_level("on")
    house.step(3)
    now = house.manager.snapshot.sample.ksm
    assert now is not None
    assert now.run == 1
    assert now.sleep_millisecs >= 10
    assert any("KSM" in (record.detail or "") for record in records(house))
    house.manager.set_memory_level("off")
    house.step()
    assert _settings(house.manager.snapshot.sample.ksm) == _settings(before)


def _settings(ksm: KsmState | None) -> tuple[int, ...]:
    assert ksm is not None
    return ksm.run, ksm.pages_to_scan, ksm.sleep_millisecs, ksm.merge_across_nodes


def test_explain_tells_of_memory(tmp_path: Path) -> None:
    house = four(tmp_path)

    def told(name: str) -> str:
        return " ".join(explain(Views(house.manager.snapshot, ""), uuid_of(name)))

    assert "balloon" not in told("tin")
    house.manager.set_memory_level("on")
    house.step(3)
    assert "The host is short of memory" in told("tin")
    assert "hpm takes" in told("tin") or "will be moved" in told("tin") or "Nothing is moved just now" in told("tin")
    assert "Its balloon leaves it 4096 MiB of 4096 MiB" in told("gold")


def test_cpu_and_memory_are_managed_apart(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.manager.set_memory_level("on")
    house.on()
    house.step(12)
    taken = has(house, "tin")
    house.manager.set_level("off")
    house.step(2)
    assert has(house, "tin") == pytest.approx(taken, abs=300)
    assert has(house, "tin") < 4000


def test_nothing_to_release_is_said(tmp_path: Path) -> None:
    house = four(tmp_path)
    with pytest.raises(Conflict, match="nothing to release"):
        house.manager.release(uuid_of("tin"))


def test_after_a_crash_ksm_is_known_to_be_switched_on_by_hpm(tmp_path: Path) -> None:
    house = four(tmp_path)
    before = _settings(house.manager.snapshot.sample.ksm)
    house.manager.set_memory_level("on")
    house.step(3)
    house.crash()
    house.host.set_host_memory(1 << 20)    # nobody needs it any more, and what it brings is little of that
    house.step(250)
    assert _settings(house.manager.snapshot.sample.ksm) == before
