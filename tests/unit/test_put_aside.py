"""What is put back while the journal cannot be written is hpm's own deed, later and for the next start; no other is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hpm.errors import StoreError
from hpm.store.journal import Journal

from .builders import House, guest, uuid_of
from .faulty_disk import Disk, on_disk
from .memory_house import four


@pytest.fixture(autouse=True)
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    yield from on_disk(monkeypatch)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, [guest(name) for name in ("gold", "slow", "more")])
    yield made
    made.database.close()


def shares(house: House, name: str) -> int | None:
    return house.host.observe().samples[uuid_of(name)].shares


@pytest.mark.parametrize("end", ["stop", "off"])
def test_what_was_put_back_on_a_full_disk_is_hpms_own_deed_for_the_next_start(
    disk: Disk, house: House, end: str
) -> None:
    house.manage({"gold": (70, "highest"), "slow": (20, "low")})
    disk.full = True
    if end == "stop":
        house.manager.stop()
    else:
        with pytest.raises(StoreError):
            house.manager.set_level("off")    # and is killed before there is room
    assert {shares(house, name) for name in ("gold", "slow", "more")} == {1024}
    disk.full = False
    house.crash()
    assert "changed-by-administrator" not in house.manager.snapshot.held.values()
    house.step(2)
    assert house.manager.snapshot.levels.cpu_mgmt == "on" and shares(house, "gold") != 1024


def test_what_was_put_back_before_the_disk_was_full_is_over_for_the_next_start(
    disk: Disk, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is journalled and set, and then cannot be forgotten: who sets another value by hand changes none of hpm's."""
    house.manage({"gold": (70, "highest"), "slow": (20, "low")})
    set_shares = house.host.set_cpu_shares

    def fills(*args: Any) -> None:
        set_shares(*args)
        disk.full = True

    with monkeypatch.context() as patched:
        patched.setattr(house.host, "set_cpu_shares", fills)
        house.manager.stop()
    assert disk.full
    assert {shares(house, name) for name in ("gold", "slow", "more")} == {1024}
    disk.full = False
    house.host.set_shares_by_hand(uuid_of("gold"), 333)
    house.crash()
    house.step(2)
    assert house.held("gold") is None
    assert house.manager.snapshot.levels.cpu_mgmt == "on" and shares(house, "gold") != 333


def test_who_sets_all_as_it_was_while_hpm_is_dead_is_an_administrator(house: House) -> None:
    house.manage({"gold": (70, "highest"), "slow": (20, "low")})
    house.step()    # what hpm set is seen to be in force
    mine = [name for name in ("gold", "slow", "more") if shares(house, name) != 1024]
    assert mine
    house.host.close()
    house.database.close()    # killed
    for name in mine:
        house.host.set_shares_by_hand(uuid_of(name), 1024)
    house.crash()
    house.step(2)
    assert {name: house.held(name) for name in mine} == dict.fromkeys(mine, "changed-by-administrator")
    assert {shares(house, name) for name in mine} == {1024}


def test_what_was_put_aside_is_over_once_the_store_has_taken_it(disk: Disk, house: House) -> None:
    house.manage({"gold": (70, "highest"), "slow": (20, "low")})
    disk.full = True
    with pytest.raises(StoreError):
        house.manager.set_level("off")
    disk.full = False
    house.manager.set_level("on")
    house.step(2)
    assert shares(house, "gold") != 1024
    house.host.close()
    house.database.close()    # killed
    house.host.set_shares_by_hand(uuid_of("gold"), 1024)
    house.crash()
    assert house.held("gold") == "changed-by-administrator"


def test_a_file_aside_that_is_not_whole_is_none(house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    house.manage({"gold": (70, "highest"), "slow": (20, "low")})
    (tmp_path / "put-back.json").write_text('[{"uuid":')
    house.crash()
    assert "what was put back without the journal is not known" in caplog.text
    house.step()
    assert "changed-by-administrator" not in house.manager.snapshot.held.values()


@pytest.mark.parametrize("again", ["on", "stop"])
def test_balloons_that_are_put_back_on_a_full_disk_are_hpms_own_deed(disk: Disk, tmp_path: Path, again: str) -> None:
    house = four(tmp_path, interval=2.0)
    house.host.set_memory_by_hand(uuid_of("tin"), 3500)
    house.host.set_host_memory(11800)
    house.step(4)
    house.manager.set_memory_level("on")
    house.step(40)
    entry = Journal(house.database).get(uuid_of("tin"), "balloon")
    assert entry is not None and entry.intended != entry.original
    disk.full = True
    if again == "on":
        with pytest.raises(StoreError):
            house.manager.set_memory_level("off")
        house.host.advance(0.3)
        house.manager.look()    # the balloon is on its way
        disk.full = False
        house.manager.set_memory_level("on")
    else:
        house.manager._work.actuator.restore_all(house.manager._work.observe, 0.0, keep_held=True)
        disk.full = False
        house.crash()
    house.host.set_host_memory(20000)
    for _ in range(4):
        house.step(5)
        assert house.held("tin") is None
    assert not [one for one in house.records() if one.reason == "changed-by-administrator"]
    house.database.close()
