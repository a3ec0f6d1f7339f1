"""The store: what was acknowledged is there again, whatever ended the process."""

from __future__ import annotations

import gc
import os
import sqlite3
from pathlib import Path

import msgspec
import pytest

from hpm.errors import StoreDamaged, StoreError
from hpm.policy.catalog import Catalog, ServerSettings, empty_catalog
from hpm.store.adjustments import AdjustmentFilter, AdjustmentRecord, Adjustments, ServerRecord
from hpm.store.catalog_store import load_catalog, load_setting, save_catalog, save_setting
from hpm.store.database import STEPS, Database
from hpm.store.journal import Journal, JournalEntry
from hpm.store.revisions import KEPT, Author, find_revisions
from tests.lab.errors import wait_until

from .builders import group

NOBODY = Author("nobody", "2026-11-27T10:00:00.000Z")
A, B = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "hpm.db")


def again(database: Database) -> Database:
    """The store as another process finds it."""
    return Database(database.path)


def rich_catalog() -> Catalog:
    catalog = empty_catalog()
    catalog = catalog.with_group(group("one", {"db*": (90, "highest"), "web?": (50, "low"), "x\\*": None}))
    catalog = catalog.with_group(group("two", None))
    catalog = catalog.with_members("one", [A, B], move=False)
    settings = ServerSettings("two", True, 0.25, 1.5, {"title": "Größe «1»", "hostname": "h"})
    return catalog.with_settings(B, settings)


def test_nothing_is_written_before_the_commit(database: Database) -> None:
    """Which alone has a time limit: a disk that hangs amid a large change would hold up the loop."""
    log = database.path.with_name(database.path.name + "-wal")
    with database.transaction() as connection:
        before = log.stat().st_size
        connection.executemany("INSERT INTO settings VALUES (?, ?)", [(f"n{n}", "x" * 200) for n in range(20_000)])
        assert log.stat().st_size == before
    assert log.stat().st_size > before


# -- the catalog


def test_a_new_store_has_the_empty_catalog(database: Database) -> None:
    assert load_catalog(database) == empty_catalog()


def test_a_catalog_is_loaded_as_it_was_saved(database: Database) -> None:
    catalog = rich_catalog()
    save_catalog(database, empty_catalog(), catalog, NOBODY, {})
    assert load_catalog(again(database)) == catalog


def test_what_was_deleted_is_gone(database: Database) -> None:
    catalog = rich_catalog()
    save_catalog(database, empty_catalog(), catalog, NOBODY, {})
    less = catalog.without_group("two").with_settings(A, ServerSettings())
    save_catalog(database, catalog, less, NOBODY, {})
    found = load_catalog(again(database))
    assert found == less
    assert set(found.groups) == {"default", "one"}
    assert set(found.servers) == {B}


def test_only_differences_are_written(database: Database) -> None:
    catalog = rich_catalog()
    save_catalog(database, empty_catalog(), catalog, NOBODY, {})
    with database.transaction() as connection:    # what is not written anew stays as it is here
        connection.execute("UPDATE groups SET body = replace(body, 'one', 'ONE') WHERE id = 'one'")
    changed = catalog.with_group(msgspec.structs.replace(catalog.groups["two"], description="new"))
    save_catalog(database, catalog, changed, NOBODY, {})
    found = load_catalog(again(database))
    assert found.groups["one"].name == "ONE"
    assert found.groups["two"].description == "new"


def test_a_failed_save_leaves_everything_as_it_was(database: Database) -> None:
    catalog = rich_catalog()
    save_catalog(database, empty_catalog(), catalog, NOBODY, {})
    other = sqlite3.connect(database.path)
    other.executescript(
        "CREATE TRIGGER full BEFORE INSERT ON servers BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
    )
    other.close()
    wanted = catalog.with_group(group("three", None)).with_members("three", [A], move=True)
    with pytest.raises(StoreError, match="disk is full"):
        save_catalog(database, catalog, wanted, NOBODY, {})
    assert load_catalog(again(database)) == catalog


def test_a_damaged_row_is_named(database: Database) -> None:
    save_catalog(database, empty_catalog(), rich_catalog(), NOBODY, {})
    with database.transaction() as connection:
        connection.execute("UPDATE groups SET body = '{' WHERE id = 'one'")
    with pytest.raises(StoreError, match=r"hpm\.db is damaged at one"):
        load_catalog(again(database))


def test_settings_are_kept(database: Database) -> None:
    assert load_setting(database, "levels") is None
    save_setting(database, "levels", "x")
    save_setting(database, "levels", "y")
    assert load_setting(again(database), "levels") == "y"


# -- the journal


def entry(uuid: str = A, original: str = "1024", intended: str = "2000", *, held: bool = False) -> JournalEntry:
    return JournalEntry(uuid, "cpu-shares", "boot-1-2", original, original, intended, held)


def test_the_journal_is_there_again_after_a_crash(database: Database) -> None:
    journal = Journal(database)
    quota = JournalEntry(A, "cpu-quota", "s", "max 100000", "max 100000", "20000 100000")
    journal.put([entry(), entry(B, held=True), quota])
    found = Journal(again(database))
    assert found.entries == {
        (A, "cpu-shares"): entry(), (B, "cpu-shares"): entry(B, held=True), (A, "cpu-quota"): quota,
    }  # fmt: skip
    assert found.get(A, "cpu-quota") == quota
    assert found.get(B, "cpu-quota") is None


def test_an_entry_is_replaced_and_dropped(database: Database) -> None:
    journal = Journal(database)
    journal.put([entry()])
    journal.put([entry(intended="3000")])
    assert list(Journal(again(database)).entries.values()) == [entry(intended="3000")]
    journal.drop([entry()])
    assert journal.entries == Journal(again(database)).entries == {}
    journal.drop([entry()])


def test_a_journal_that_cannot_be_written_says_so_and_stays_as_it_was(database: Database) -> None:
    journal = Journal(database)
    journal.put([entry()])
    database.rows("PRAGMA query_only=ON")
    with pytest.raises(StoreError, match="cannot be written"):
        journal.put([entry(B)])
    with pytest.raises(StoreError):
        journal.drop([entry()])
    assert list(journal.entries.values()) == [entry()]


def test_a_row_of_the_journal_that_is_damaged_is_named(database: Database) -> None:
    Journal(database).put([entry()])
    with database.transaction() as connection:
        connection.execute("UPDATE journal SET control = 'cpu-shears'")
    with pytest.raises(StoreDamaged, match=r"hpm\.db is damaged at its journal: .*cpu-shears"):
        Journal(again(database))


def test_a_store_that_is_locked_by_another_process_is_an_error_not_a_hang(tmp_path: Path) -> None:
    database = Database(tmp_path / "hpm.db")
    database.rows("PRAGMA busy_timeout=20")
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        save_setting(database, "a", "b")
    other.execute("ROLLBACK")
    other.close()
    save_setting(database, "a", "b")


# -- adjustments


def server(uuid: str, group_id: str = "g") -> ServerRecord:
    return ServerRecord(uuid, uuid[-1], group_id, "class", "high", 1000, 2000, 1.5, 0.95, 0.2, 0.4)


def record(time: str, outcome: str = "applied", receivers: tuple[ServerRecord, ...] = (),
           donors: tuple[ServerRecord, ...] = ()) -> AdjustmentRecord:  # fmt: skip
    return AdjustmentRecord(0, time, outcome, None, "ünï", 3.0, receivers, donors)    # type: ignore[arg-type]


@pytest.fixture
def adjustments(database: Database) -> Adjustments:
    made = Adjustments(database)
    made.add(record("2030-01-01T00:00:01.000Z", "applied", (server(A, "g1"),), (server(B, "g2"),)))
    made.add(record("2030-01-01T00:00:02.000Z", "failed", (server(B, "g2"),)))
    advised = record("2030-01-01T00:00:03.000Z", "advised", (server(A, "g1"),), (server(A, "g1"),))
    made.add(msgspec.structs.replace(advised, resource="memory", cause="host-pressure"))
    return made


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({}, [3, 2, 1]),
        ({"time_from": "2030-01-01T00:00:02.000Z"}, [3, 2]),
        ({"time_to": "2030-01-01T00:00:02.000Z"}, [2, 1]),
        ({"time_from": "2030-01-01T00:00:02.000Z", "time_to": "2030-01-01T00:00:02.000Z"}, [2]),
        ({"group": "g1"}, [3, 1]),
        ({"group": "g2"}, [2, 1]),
        ({"uuid": B}, [2, 1]),
        ({"uuid": B, "outcome": "applied"}, [1]),
        ({"outcome": "advised"}, [3]),
        ({"resource": "memory"}, [3]),
        ({"resource": "cpu"}, [2, 1]),
        ({"cause": "host-pressure"}, [3]),
        ({"cause": "none"}, [2, 1]),
        ({"cause": "placement"}, []),
        ({"before": 3}, [2, 1]),
        ({"before": 3, "limit": 1}, [2]),
        ({"limit": 2}, [3, 2]),
        ({"group": "nobody"}, []),
    ],
)
def test_adjustments_are_found_newest_first(
    adjustments: Adjustments, wanted: dict[str, object], ids: list[int]
) -> None:
    assert [r.id for r in adjustments.find(AdjustmentFilter(**wanted))] == ids    # type: ignore[arg-type]


def test_paging_gives_every_record_once(database: Database) -> None:
    adjustments = Adjustments(database)
    for number in range(25):
        adjustments.add(record(f"2030-01-01T00:00:{number:02}.000Z"))
    seen: list[int] = []
    before = None
    while page := adjustments.find(AdjustmentFilter(limit=7, before=before)):
        seen += [r.id for r in page]
        before = page[-1].id
    assert seen == list(range(25, 0, -1))


def test_records_are_read_as_they_were_written_and_measured(adjustments: Adjustments, database: Database) -> None:
    (first,) = adjustments.find(AdjustmentFilter(before=2))
    assert first == AdjustmentRecord(
        1, "2030-01-01T00:00:01.000Z", "applied", None, "ünï", 3.0, (server(A, "g1"),), (server(B, "g2"),)
    )
    better = msgspec.structs.replace(first, receivers=(msgspec.structs.replace(server(A, "g1"), pi_measured=1.01),))
    adjustments.replace([better])
    assert Adjustments(again(database)).find(AdjustmentFilter(before=2)) == [better]


def test_a_record_of_an_earlier_version_has_none_of_what_it_did_not_keep(database: Database) -> None:
    Adjustments(database).add(record("2030-01-01T00:00:00.000Z"))
    old = (
        f'{{"uuid":"{A}","name":"a","group":"g","service-class":null,"importance":null,"shares-before":1000,'
        '"shares-after":2000,"pi-before":1.5,"pi-projected":0.95,"cpus-before":0.2,"cpus-projected":null,'
        '"pi-measured":0.97}'
    )
    body = (
        '{"id":1,"time":"2030-01-01T00:00:00.000Z","outcome":"applied","reason":null,"detail":null,'
        f'"interval-seconds":3.0,"receivers":[{old}],"donors":[]}}'
    )
    with database.transaction() as connection:
        connection.execute("UPDATE adjustments SET body = ?", (body,))
    (found,) = Adjustments(database).find(AdjustmentFilter())
    (server,) = found.receivers
    assert (server.pi_measured, server.cpus_before) == (0.97, 0.2)
    assert (server.goal, server.velocity_before, server.velocity_measured, server.cpus_measured) == (None,) * 4


def test_the_oldest_records_go(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpm.store.adjustments.KEPT", 5)
    adjustments = Adjustments(database)
    for _ in range(9):
        adjustments.add(record("2030-01-01T00:00:00.000Z", receivers=(server(A),)))
    assert [r.id for r in adjustments.find(AdjustmentFilter(uuid=A))] == [9, 8, 7, 6, 5]
    assert database.rows("SELECT count(*) FROM adjusted") == [(5,)]


# -- revisions


def test_policies_of_a_store_without_revisions_become_the_first_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = group("one", {"db*": (90, "highest")})
    with monkeypatch.context() as patch:
        patch.setattr("hpm.store.database.STEPS", STEPS[:1])
        database = Database(tmp_path / "hpm.db")
        with database.transaction() as connection:
            body = msgspec.json.encode(one).decode()
            connection.execute("INSERT INTO groups (id, body) VALUES (?, ?)", ("one", body))
        database.close()
    (first,) = find_revisions(Database(tmp_path / "hpm.db"), "one", "day")
    assert (first.number, first.user, first.policy) == (1, "hpm", one.perf_policies[0])


def test_the_oldest_of_many_revisions_are_dropped(database: Database) -> None:
    catalog = empty_catalog()
    for number in range(1, KEPT + 11):
        changed = catalog.with_group(group("one", {"db*": (1 + number % 99, "high")}))
        save_catalog(database, catalog, changed, Author("anna", f"{number}"), {})
        catalog = changed
    found = find_revisions(database, "one", "day")
    assert [r.number for r in found] == list(range(KEPT + 10, 10, -1))
    save_catalog(database, catalog, catalog.without_group("one"), NOBODY, {})
    assert find_revisions(database, "one", "day") == []


# -- the file


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    database = Database(tmp_path / "hpm.db")
    save_setting(database, "levels", "x")
    database.rows(f"PRAGMA user_version={len(STEPS) + 1}")
    database.close()
    with pytest.raises(StoreError, match=r"newer hpm \(schema \d+, this one knows \d+\).*install that version"):
        Database(tmp_path / "hpm.db")
    raw = sqlite3.connect(tmp_path / "hpm.db")
    assert raw.execute("SELECT value FROM settings WHERE name = 'levels'").fetchall() == [("x",)]
    assert raw.execute("PRAGMA user_version").fetchone() == (len(STEPS) + 1,)
    raw.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hpm.db").write_text("This is not a database. " * 100)
    with pytest.raises(StoreError, match=r"hpm\.db is damaged"):
        Database(tmp_path / "hpm.db")


def test_a_directory_that_cannot_be_made_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file stands in the way")
    with pytest.raises(StoreError, match="--state-dir"):
        Database(tmp_path / "state/hpm.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_directory_is_refused_with_what_to_do(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreError, match="--state-dir"):
            Database(tmp_path / "hpm.db")
    finally:
        tmp_path.chmod(0o700)


def test_the_directory_is_made_and_not_for_everybody(tmp_path: Path) -> None:
    Database(tmp_path / "state/hpm.db").close()
    assert (tmp_path / "state").stat().st_mode & 0o007 == 0


def test_the_file_is_for_its_owner_alone_also_one_of_an_earlier_version(tmp_path: Path) -> None:
    path = tmp_path / "hpm.db"
    for _ in range(2):
        database = Database(path)
        save_setting(database, "x", "y")
        files = list(tmp_path.glob("hpm.db*"))
        assert len(files) == 3 and all(file.stat().st_mode & 0o077 == 0 for file in files)
        database.close()
        path.chmod(0o644)


def test_an_upgrade_that_was_interrupted_is_done_whole_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Database(tmp_path / "hpm.db").close()
    with monkeypatch.context() as patch:
        patch.setattr("hpm.store.database.STEPS", (*STEPS, "CREATE TABLE more (x TEXT); CREATE TABL oops;"))
        with pytest.raises(StoreError, match="cannot be opened"):
            Database(tmp_path / "hpm.db")
    Database(tmp_path / "hpm.db").close()
    monkeypatch.setattr("hpm.store.database.STEPS", (*STEPS, "CREATE TABLE more (x TEXT);"))
    database = Database(tmp_path / "hpm.db")
    assert database.rows("PRAGMA user_version") == [(len(STEPS) + 1,)]
    assert database.rows("SELECT * FROM more") == []


def test_a_store_that_nobody_has_any_more_leaves_no_thread_and_no_file(tmp_path: Path) -> None:
    """It need not be closed: who makes thousands of them, as tests do, would run out of files."""
    def left() -> list[str]:
        gc.collect()
        files = [str(file.readlink()) for file in Path("/proc/self/fd").iterdir() if file.exists()]
        return [file for file in files if str(tmp_path) in file]

    database = Database(tmp_path / "hpm.db")
    save_setting(database, "levels", "{}")
    assert load_setting(database, "levels") == "{}"
    assert left()
    del database
    wait_until(lambda: not left(), 5.0, "all of its files are closed")
