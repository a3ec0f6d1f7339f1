"""The store, when the N-th write, fsync, cut, creation or deletion fails or all ends there: for each N."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from hpm.errors import StoreDamaged, StoreError
from hpm.store.backups import backups_of, make_backup
from hpm.store.database import Database
from hpm.store.recovery import open_store
from tests.unit.damage import spoil_table

from .disk import ENDS, PLAYED, Disk, Kind, faulty, tell
from .life import ACTS, Content, content, live, readable


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> list[Content]:
    """What is in the store after each act of a life without faults; the first: of a new one."""
    database = Database(tmp_path_factory.mktemp("whole") / "hpm.db")
    found = [content(database)]
    for act in ACTS:
        act(database)
        found.append(content(database))
    database.close()
    return found


@pytest.mark.parametrize("kind", PLAYED)
def test_no_fault_loses_what_was_acknowledged_or_leaves_half_of_anything(
    tmp_path: Path, stages: list[Content], kind: Kind
) -> None:
    at = 0
    struck = True
    while struck:
        at += 1
        path = tmp_path / str(at) / "hpm.db"
        path.parent.mkdir()
        with faulty(Disk(kind, at)) as disk:
            told = live(path, lambda: disk.dead, disk.release)
            struck = disk.came
            disk.lose_power()
        where = f"{disk.where}, after {told.done} acts"
        with faulty(Disk()):
            database = Database(path)
            found = content(database)
            readable(database)
            database.close()
        assert all("disk" in said for said in told.said), (where, told.said)    # it says why
        if kind in ENDS and told.done < len(ACTS):    # that which was under way may be done, and is whole
            assert found in stages[told.done : told.done + 2], where
        else:
            assert told.done == len(ACTS), where
            assert found == stages[-1], where
    tell("store", kind, at - 1)
    assert at > 150, "a life has more operations than that"


def counted(rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Rows without the count of changes, which is another one after a recovery."""
    return [row for row in rows if row[0] != "worth"]


def play_damaged(path: Path, disk: Disk) -> Exception | None:
    """Start with a damaged store; gives why it could not be opened."""
    try:
        database, _ = open_store(path)
    except StoreError as error:
        assert disk.dead or "start again" in error.message or "check the directory" in error.message, error
        return error
    database.close()
    return None


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a store that is damaged in its groups, and a backup from before the journal's last entries."""
    folder = tmp_path_factory.mktemp("damaged")
    path = folder / "hpm.db"
    database = Database(path)
    for act in ACTS[:8]:
        act(database)
    make_backup(path)
    for act in ACTS[8:]:
        act(database)
    database.close()
    spoil_table(path, "groups")
    return folder


@pytest.mark.parametrize("kind", PLAYED)
def test_a_fault_while_a_damaged_store_is_replaced_loses_neither_backup_nor_journal(
    tmp_path: Path, stages: list[Content], damaged: Path, kind: Kind
) -> None:
    at = 0
    struck = True
    while struck:
        at += 1
        folder = tmp_path / str(at)
        shutil.copytree(damaged, folder)
        path = folder / "hpm.db"
        with faulty(Disk(kind, at)) as disk:
            failed = play_damaged(path, disk)
            struck = disk.came
            disk.lose_power()
        where = disk.where
        with faulty(Disk()):
            database, recovered = open_store(path)
            found = content(database)
            readable(database)
            database.close()
        for table, rows in found.items():
            stage = stages[-1] if table in ("journal", "tokens") else stages[8]
            assert counted(rows) == counted(stage[table]), where
        if failed is not None and kind not in ENDS:    # people are told once
            assert recovered is not None, where
        assert len(list(folder.glob("hpm.db.damaged-*Z"))) == 1, where
        assert not list(folder.glob("hpm.db.restor*")), where
    tell("damaged store", kind, at - 1)
    assert at > 20, "replacing it has more operations than that"


@pytest.mark.parametrize("kind", ["die", "power", "unnamed", "torn"])
def test_an_end_while_a_file_is_moved_aside_does_not_part_it_from_its_log(tmp_path: Path, kind: Kind) -> None:
    folder = tmp_path / "damaged"
    Database(folder / "hpm.db").close()
    make_backup(folder / "hpm.db")
    (folder / "hpm.db").write_bytes(b"")    # which is not opened: SQLite would delete the log
    frames = b"frames" * 1000
    (folder / "hpm.db-wal").write_bytes(frames)
    at, struck = 0, True
    while struck:
        at += 1
        path = tmp_path / str(at) / "hpm.db"
        shutil.copytree(folder, path.parent)
        with faulty(Disk(kind, at, only=frozenset({"rename", "sync", "unlink"}))) as disk:
            play_damaged(path, disk)
            struck = disk.came
            disk.lose_power()
        with faulty(Disk()):
            open_store(path)[0].close()
        (aside,) = path.parent.glob("hpm.db.damaged-*Z")
        assert aside.read_bytes() == b"", disk.where
        assert aside.with_name(aside.name + "-wal").read_bytes() == frames, disk.where
    tell("damaged store with a log", kind, at - 1)
    assert at > 10, "its names alone are more"


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("kind", PLAYED)
def test_a_fault_while_a_backup_is_made_leaves_a_whole_one_or_none(
    tmp_path: Path, stages: list[Content], kind: Kind, first: bool
) -> None:
    path = tmp_path / "hpm.db"
    database = Database(path)
    for act in ACTS:
        act(database)
    at = 0
    struck = True
    while struck:
        at += 1
        if first:
            shutil.rmtree(tmp_path / "backups", ignore_errors=True)
        known, made = len(backups_of(path)), None
        with faulty(Disk(kind, at)) as disk:
            try:
                made = make_backup(path)
            except StoreError as error:
                assert not isinstance(error, StoreDamaged), error
            struck = disk.came
            disk.lose_power()
        assert made is None or made in backups_of(path), disk.where
        for backup in backups_of(path)[: max(0, len(backups_of(path)) - known) + 1]:
            copy = sqlite3.connect(f"{backup.path.as_uri()}?mode=ro", uri=True)
            assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)], disk.where
            assert copy.execute("SELECT count(*) FROM journal").fetchone() == (len(stages[-1]["journal"]),)
            copy.close()
    make_backup(path)
    assert not (tmp_path / "backups/making.tmp").exists()
    database.close()
    tell("backup", kind, at - 1)
    assert at > 10, "making one has more operations than that"
