"""Recovery at the shell: the right store, whatever libvirt says just now, and never below a manager that runs."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpm import paths
from hpm.backend.connect import SYSTEM
from hpm.errors import Conflict, HpmError, ManagerBusy, NotFound
from hpm.host import serve
from hpm.host.backups import backup_list, backup_use
from hpm.host.running import RunningManager
from hpm.manager.lock import HostLock
from hpm.store.backups import backups_of, make_backup
from hpm.store.catalog_store import load_setting, save_setting
from hpm.store.database import Database


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state of a real host, as root keeps it, with a backup; libvirt does not answer."""
    monkeypatch.setattr(paths, "run_dir", lambda: tmp_path / "run")
    monkeypatch.setattr(paths, "state_dir", lambda: tmp_path / "hpm")
    monkeypatch.setattr("hpm.backend.connect._why_not_libvirt", lambda: "qemu:///system does not answer")
    write(tmp_path / "hpm", SYSTEM)
    return tmp_path / "hpm"


def write(state: Path, host: str) -> None:
    database = Database(state / "hpm.db")
    save_setting(database, "hypervisor", host)
    save_setting(database, "x", "old")
    make_backup(database.path)
    save_setting(database, "x", "new")
    database.close()


def value(state: Path) -> str | None:
    database = Database(state / "hpm.db")
    try:
        return load_setting(database, "x")
    finally:
        database.close()


@pytest.fixture(params=["host.lock", "lock"])
def manager(request: pytest.FixtureRequest, state: Path) -> Iterator[None]:
    """What a manager holds: one of this host, or (if the host was not known) of this state."""
    lock = HostLock((state if request.param == "lock" else paths.run_dir()) / request.param, "a manager")
    yield
    lock.release()


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("connect", [None, SYSTEM])
@pytest.mark.usefixtures("manager")
def test_nothing_takes_the_place_of_a_running_managers_store(state: Path, connect: str | None, named: bool) -> None:
    (backup,) = backups_of(state / "hpm.db")
    with pytest.raises(ManagerBusy, match="a manager"):
        backup_use(connect, state if named else None, backup.name)
    assert value(state) == "new"
    assert not list(state.glob("hpm.db.damaged-*"))


def test_a_manager_of_a_simulated_host_is_noticed_whatever_was_asked_for(tmp_path: Path, state: Path) -> None:
    ours = tmp_path / "simulated"
    with RunningManager("simulated:2", ours, tmp_path / "s", 1.0):
        backup = make_backup(ours / "hpm.db")
        for connect, error in ((None, ManagerBusy), ("simulated", ManagerBusy), (SYSTEM, Conflict)):
            with pytest.raises(error):
                backup_use(connect, ours, backup.name)
        with pytest.raises(ManagerBusy):
            serve.restore("simulated", ours)
        with pytest.raises(ManagerBusy):    # also one of another host
            serve.restore(SYSTEM, ours)
    assert not list(ours.glob("hpm.db.damaged-*"))


def test_a_store_or_backup_of_another_host_is_left_alone(tmp_path: Path, state: Path) -> None:
    (backup,) = backups_of(state / "hpm.db")
    with pytest.raises(Conflict, match=r"is that of qemu:///system.*simulated was asked for"):
        backup_use("simulated:3", state, backup.name)
    write(tmp_path / "other", "simulated")
    (strange,) = backups_of(tmp_path / "other/hpm.db")
    mixed = backup.path.with_name("hpm-000009-20300101T000000Z.db")
    mixed.write_bytes(strange.path.read_bytes())
    with pytest.raises(Conflict, match=r"is that of qemu:///system, the backup .* that of simulated"):
        backup_use(None, None, mixed.name)
    assert value(state) == "new"
    assert not list(state.glob("hpm.db.damaged-*"))


def test_without_libvirt_backups_are_those_of_the_real_host(state: Path) -> None:
    (backup,) = backup_list(None, None)
    assert backup.path.parent == state / "backups"
    assert backup_list("simulated", None) == []
    with pytest.raises(NotFound):
        backup_use("simulated", None, backup.name)
    assert backup.name in backup_use(None, None, backup.name)
    assert value(state) == "old"


def test_where_only_a_simulated_host_was_managed_backups_are_its_own(state: Path, tmp_path: Path) -> None:
    state.rename(tmp_path / "away")
    write(state / "simulated", "simulated")
    (backup,) = backup_list(None, None)
    backup_use(None, None, backup.name)
    assert value(state / "simulated") == "old"


@pytest.mark.parametrize("damaged", [False, True])
def test_a_store_that_is_gone_or_damaged_is_restored_from_its_backup(state: Path, damaged: bool) -> None:
    (backup,) = backups_of(state / "hpm.db")
    if damaged:
        (state / "hpm.db").write_bytes(b"no database" * 500)
    else:
        (state / "hpm.db").unlink()
    with pytest.raises(Conflict, match="nothing is put back on the real host"):
        serve.restore(None, None)
    assert (state / "hpm.db").exists() == damaged
    with pytest.raises(HpmError):
        backup_use("simulated", state, backup.name)
    backup_use(None, None, backup.name)
    assert value(state) == "old"


def test_a_full_disk_keeps_nobody_from_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has it is written there for people alone, and `restore` must go on."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    lock = HostLock(tmp_path / "lock", "a test")
    with pytest.raises(ManagerBusy, match="an unknown process"):
        HostLock(tmp_path / "lock", "another one")
    lock.release()
