"""KSM through the manager, on a simulated host in virtual time: whose it is, and who lets go of it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hpm.backend.simulated import uuid_of
from hpm.engine.samples import KsmState
from hpm.memory.state import KsmSettings
from hpm.model.explain import explain
from hpm.model.views import Views
from hpm.store.journal import HOST, Journal
from hpm.store.settings import MemorySettings
from hpm.wire.management import Level

from .builders import House
from .memory_house import four, records
from .test_manager_mom import decided_by

KSM = '(Host.Control "ksm_run" 1) (Host.Control "ksm_pages_to_scan" 300)'
BEFORE = (0, 100, 20, 1)


def ksm_of(house: House) -> KsmState:
    found = house.manager.snapshot.sample.ksm
    assert found is not None
    return found


def now(house: House) -> tuple[int, ...]:
    """What it is set to."""
    ksm = ksm_of(house)
    return ksm.run, ksm.pages_to_scan, ksm.sleep_millisecs, ksm.merge_across_nodes


def manage(house: House, managed: bool) -> None:
    settings = house.manager.memory.settings
    house.manager.memory.set(msgspec.structs.replace(settings, manage_ksm=managed))


def merging(directory: Path) -> House:
    """A house in which memory is short, and hpm has switched KSM on."""
    house = four(directory)
    house.manager.set_memory_level("on")
    house.step(3)
    assert ksm_of(house).run == 1
    return house


def told(house: House) -> list[str]:
    return [record.detail for record in records(house) if record.detail and "KSM" in record.detail]


def entry(house: House) -> object:
    return Journal(house.database).get(HOST, "ksm")


@pytest.mark.parametrize("level", ["on", "advise"])
@pytest.mark.parametrize("decides", ["goals", "mom", "goals-and-mom"])
def test_what_is_not_managed_is_left_alone_by_goals_and_policies(tmp_path: Path, level: Level, decides: str) -> None:
    house = four(tmp_path)
    if decides != "goals":
        decided_by(house, decides, KSM)
    manage(house, False)
    house.manager.set_memory_level(level)
    house.step(6)
    assert now(house) == BEFORE
    assert not [write for write in house.host.writes if write.control == "ksm"]
    assert told(house) == []
    standing = house.manager.snapshot.memory
    assert (standing.plan is not None) == (decides != "mom")    # balloons go on
    assert standing.ksm_reason == "not-managed"
    if standing.mom is not None:
        assert standing.mom.host.controls["ksm_run"] == 1
        assert standing.mom.host.notes == ("left alone: KSM is not managed by hpm",)


def test_what_hpm_set_is_put_back_at_once(tmp_path: Path) -> None:
    house = merging(tmp_path)
    manage(house, False)
    assert now(house) == BEFORE    # no cycle was needed
    assert entry(house) is None
    house.step(6)
    assert now(house) == BEFORE
    manage(house, True)
    house.step(3)
    assert ksm_of(house).run == 1
    house.manager.set_memory_level("off")
    assert now(house) == BEFORE


def test_it_holds_after_a_restart(tmp_path: Path) -> None:
    house = merging(tmp_path)
    manage(house, False)
    house.crash()
    house.step(6)
    assert not house.manager.memory.settings.manage_ksm
    assert now(house) == BEFORE


def test_what_could_not_be_put_back_at_once_is_later(tmp_path: Path) -> None:
    house = merging(tmp_path)
    house.host.faults.unreachable_until = house.host.now_ns + 10**9
    manage(house, False)
    assert entry(house) is not None
    house.step(3)
    assert now(house) == BEFORE
    assert entry(house) is None


def test_an_administrators_change_stays_and_switching_off_and_on_releases_it(tmp_path: Path) -> None:
    house = merging(tmp_path)
    house.host.set_ksm(KsmSettings(0, 64, 20, 1))
    house.step(6)
    assert now(house) == (0, 64, 20, 1)
    assert house.manager.snapshot.memory.ksm_reason == "changed-by-administrator"
    assert "the host's KSM" in told(house)[-1] and "manage-ksm" in told(house)[-1]
    manage(house, True)    # it is so already
    house.step(2)
    assert now(house) == (0, 64, 20, 1)
    manage(house, False)
    assert now(house) == (0, 64, 20, 1)
    assert entry(house) is None
    manage(house, True)
    house.step(3)
    assert ksm_of(house).run == 1
    house.manager.set_memory_level("off")
    assert now(house) == (0, 64, 20, 1)    # what was in force counts as original


def test_it_is_released_while_the_host_does_not_answer_too(tmp_path: Path) -> None:
    house = merging(tmp_path)
    house.host.set_ksm(KsmSettings(0, 64, 20, 1))
    house.step(2)
    house.host.faults.unreachable_until = house.host.now_ns + 10**9
    manage(house, False)
    manage(house, True)
    house.step(4)
    assert ksm_of(house).run == 1


def test_a_policy_is_told_that_an_administrator_changed_ksm(tmp_path: Path) -> None:
    house = four(tmp_path)
    decided_by(house, "mom", KSM)
    house.manager.set_memory_level("on")
    house.step(3)
    assert ksm_of(house).run == 1
    house.host.set_ksm(KsmSettings(2, 100, 20, 1))
    house.step(3)
    assert ksm_of(house).run == 2
    note, = house.manager.memory.evaluate().host.notes
    assert note.startswith("left alone: an administrator changed KSM") and "manage-ksm" in note


def test_the_kernels_advisor_is_no_administrator(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.host.set_ksm_pages(before := 500, advised=True)
    house.manager.set_memory_level("on")
    for pages in (800, 3000, 12000):
        house.step(2)
        assert now(house) == (1, before, 20, 1)
        house.host.set_ksm_pages(pages, advised=True)    # as it does after each whole scan
        before = pages
    house.step()
    assert house.manager.snapshot.memory.ksm_reason != "changed-by-administrator"
    assert told(house) == ["KSM off → on, at the pace of the kernel's advisor"]
    house.manager.set_memory_level("off")
    assert now(house) == (0, 12000, 20, 1)


def test_an_advisor_that_comes_and_goes_is_followed(tmp_path: Path) -> None:
    house = merging(tmp_path)
    own = ksm_of(house).pages_to_scan
    assert own > 100
    house.host.set_ksm_pages(500, advised=True)
    house.step(2)
    assert ksm_of(house).pages_to_scan == 500
    house.host.set_ksm_pages(100, advised=False)    # as the kernel sets it then
    house.step(2)
    assert ksm_of(house).pages_to_scan >= own
    assert house.manager.snapshot.memory.ksm_reason in ("pressure", "scanning")
    house.manager.set_memory_level("off")
    assert now(house) == BEFORE


def test_a_policy_does_not_get_at_the_advisors_pages(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.host.set_ksm_pages(700, advised=True)
    decided_by(house, "mom", KSM)
    house.manager.set_memory_level("on")
    house.step(3)
    assert now(house) == (1, 700, 20, 1)
    note, = house.manager.memory.evaluate().host.notes
    assert "advisor" in note
    house.host.set_ksm_pages(100, advised=False)
    house.step(2)
    assert now(house) == (1, 300, 20, 1)
    house.manager.set_memory_level("off")
    assert now(house) == BEFORE


def test_explain_tells_of_ksm_that_is_left_alone_while_memory_is_short(tmp_path: Path) -> None:
    house = merging(tmp_path)

    def said() -> str:
        return " ".join(explain(Views(house.manager.snapshot, ""), uuid_of("tin")))

    assert "KSM" not in said()
    house.host.set_ksm(KsmSettings(0, 64, 20, 1))
    house.host.set_host_memory(11000)
    house.step()
    assert "An administrator changed the merging of equal pages (KSM)" in said()
    manage(house, False)
    house.step()
    assert "(KSM), which could save some, is not managed by hpm" in said()


def test_settings_of_before_manage_ksm(tmp_path: Path) -> None:
    """They were kept without it."""
    assert msgspec.json.decode(b'{"memory-policy":"mom"}', type=MemorySettings).manage_ksm
