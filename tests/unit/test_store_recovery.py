"""A damaged store: the last good backup takes its place, the journal is not forgotten, and people are told."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path

import pytest

from hpm.errors import StoreDamaged, StoreError
from hpm.manager.backing_up import APART, DAILY, LONGEST, SETTLED, Rhythm
from hpm.policy.catalog import empty_catalog
from hpm.store import recovery
from hpm.store.adjustments import Adjustments
from hpm.store.backups import DAYS, NEWEST, backups_of, make_backup
from hpm.store.catalog_store import load_catalog, load_setting, save_catalog, save_setting
from hpm.store.database import STEPS, Database
from hpm.store.journal import Journal, JournalEntry
from hpm.store.recovery import open_store, use_backup
from hpm.store.revisions import Author
from hpm.store.tokens import TokenRecord, delete_token, load_tokens, save_token

from .builders import group
from .damage import spoil_page

NOW = datetime(2030, 1, 1, tzinfo=timezone.utc)
ENTRY = JournalEntry("00000000-0000-4000-8000-000000000001", "cpu-shares", "start", "1024", "1024", "501")
LATER = JournalEntry("00000000-0000-4000-8000-000000000002", "cpu-shares", "start", "333", "333", "800")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with a group and an entry, a backup of it, and another group and entry after that."""
    path = tmp_path / "hpm/hpm.db"
    database = Database(path)
    add_groups(database, "before", 1)
    Journal(database).put([ENTRY])
    make_backup(path)
    add_groups(database, "after", 300)    # some pages of groups
    Journal(database).put([LATER])
    database.close()
    return path


def add_groups(database: Database, name: str, number: int) -> None:
    old = new = load_catalog(database)
    for each in range(number):
        new = new.with_group(group(f"{name}{each}", {"db*": (90, "highest")}))
    save_catalog(database, old, new, Author("anna", "2030-01-01T00:00:00.000Z"), {})


def pages_of(store: Path, table: str) -> list[int]:
    """The pages that a table has, but for the first."""
    connection = sqlite3.connect(store)
    try:
        found = connection.execute("SELECT pageno FROM dbstat WHERE name = ? ORDER BY pageno", (table,)).fetchall()
    except sqlite3.OperationalError:    # a library without that virtual table
        pytest.skip("this SQLite has no dbstat")
    finally:
        connection.close()
    return [page for (page,) in found]


def emptied(store: Path) -> None:
    store.write_bytes(b"")


def no_database(store: Path) -> None:
    store.write_text("This is not a database. " * 100)


def cut(store: Path) -> None:
    with store.open("r+b") as file:
        file.truncate(4096)


def deleted(store: Path) -> None:
    store.unlink()


def log_alone(store: Path) -> None:
    """The file is empty, and there is a write-ahead log, which SQLite would throw away."""
    emptied(store)
    store.with_name("hpm.db-wal").write_bytes(b"frames" * 1000)


def first_page(store: Path) -> None:
    spoil_page(store, 1)


DAMAGES = (emptied, no_database, cut, deleted, log_alone, first_page)


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_last_good_backup_is_used_and_the_damaged_file_kept(store: Path, damage: Callable[[Path], None]) -> None:
    damage(store)
    spoiled = store.read_bytes() if store.exists() else None
    log = store.with_name("hpm.db-wal").exists()
    database, recovered = open_store(store)
    assert recovered is not None
    assert recovered.backup == backups_of(store)[0].name and str(store) in recovered.why
    assert set(load_catalog(database).groups) == {"default", "before0"}
    assert list(Journal(database).entries.values()) == [ENTRY]
    assert not recovered.journal and "all changes since" in recovered.said()
    database.close()
    if spoiled is None:
        assert recovered.aside is None
    else:
        assert recovered.aside is not None and str(recovered.aside) in recovered.said()
        assert recovered.aside.read_bytes() == spoiled
        assert recovered.aside.with_name(recovered.aside.name + "-wal").exists() or not log
    database, recovered = open_store(store)    # and all is well then
    assert recovered is None
    database.close()


@pytest.mark.parametrize("damage", DAMAGES[1:3] + DAMAGES[4:])    # those would be new stores
def test_without_a_backup_a_damaged_store_is_refused_with_what_to_do(
    store: Path, damage: Callable[[Path], None]
) -> None:
    damage(store)
    for backup in backups_of(store):
        backup.path.unlink()
    before = store.read_bytes()
    with pytest.raises(StoreDamaged, match=rf"no backup\. .*shares.*begin anew: move {store.parent} away"):
        open_store(store)
    assert store.read_bytes() == before


def test_the_journal_of_a_damaged_file_is_used_where_it_is_whole(store: Path) -> None:
    spoil_page(store, pages_of(store, "groups")[-1])
    database, recovered = open_store(store)
    assert recovered is not None and recovered.journal
    assert "changes of groups, policies and settings since" in recovered.said()
    assert set(load_catalog(database).groups) == {"default", "before0"}
    assert set(Journal(database).entries.values()) == {ENTRY, LATER}
    database.close()


def test_a_token_that_was_revoked_does_not_come_back_with_a_backup(tmp_path: Path) -> None:
    database = Database(tmp_path / "hpm.db")
    for name in ("kept", "revoked"):
        save_token(database, TokenRecord(name, name * 9, name, "anna", "user", "2030-01-01T00:00:00.000Z", None))
    backup = make_backup(database.path)
    delete_token(database, "revoked")
    database.close()
    database, done = use_backup(database.path, backup.name)
    assert [record.id for record in load_tokens(database)] == ["kept"]
    assert "valid again" not in done.said()
    database.close()
    emptied(tmp_path / "hpm.db")
    database, recovered = open_store(tmp_path / "hpm.db")
    assert recovered is not None and "revoked since are valid again" in recovered.said()
    database.close()


def test_without_a_backup_people_are_told_that_the_journal_can_be_read(store: Path) -> None:
    spoil_page(store, pages_of(store, "groups")[-1])
    backups_of(store)[0].path.unlink()
    with pytest.raises(StoreDamaged, match="which can still be read: hpm restore"):
        open_store(store)


def test_a_damaged_backup_is_passed_over(store: Path) -> None:
    database = Database(store)
    save_setting(database, "a", "b")
    database.close()
    newest = make_backup(store)
    spoil_page(newest.path, 1)
    emptied(store)
    database, recovered = open_store(store)
    assert recovered is not None and recovered.backup != newest.name
    assert load_setting(database, "a") is None
    database.close()
    for backup in backups_of(store):
        spoil_page(backup.path, 1)
    emptied(store)
    with pytest.raises(StoreDamaged, match="so is every backup"):
        open_store(store)


def test_damage_that_a_check_of_the_first_page_does_not_see_is_found(store: Path) -> None:
    spoil_page(store, pages_of(store, "revisions")[-1])
    with pytest.raises(StoreDamaged):
        Database(store)


def test_a_store_that_somebody_else_holds_is_not_damaged(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **options: real(*args, **{**options, "timeout": 0.05}))
    other = real(store, isolation_level=None)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="locked") as raised:
        open_store(store)
    assert not isinstance(raised.value, StoreDamaged)
    other.close()
    database, recovered = open_store(store)
    assert recovered is None and "after7" in load_catalog(database).groups
    database.close()


@pytest.mark.parametrize("noted", ["{}", "x{", '{"why":1}', '{"aside":7}'])
def test_a_note_of_a_recovery_that_cannot_be_read_costs_nothing_else(
    store: Path, noted: str, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(store)
    save_setting(database, "recovered", noted)
    database.close()
    for told in (True, False):    # once
        caplog.clear()
        database, recovered = open_store(store)
        assert recovered is None and "after7" in load_catalog(database).groups
        database.close()
        assert (f"a backup took the place of the store {store}" in caplog.text) == told


def test_of_damaged_files_some_are_kept(store: Path) -> None:
    for _ in range(6):
        no_database(store)
        open_store(store)[0].close()
    assert len(list(store.parent.glob("hpm.db.damaged-*"))) == 3


def clock(monkeypatch: pytest.MonkeyPatch, year: int) -> None:
    """What the wall clock says."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime(year, 1, 1, tzinfo=tz)

    monkeypatch.setattr(recovery, "datetime", Clock)


def interrupted(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that ends once the damaged file is moved aside."""

    def ends(path: Path) -> None:
        if not path.exists():
            raise OSError("an end")

    with monkeypatch.context() as patch:
        patch.setattr(recovery, "_finish", ends)
        with pytest.raises(StoreError, match="an end"):
            open_store(store)


@pytest.mark.parametrize("end", [False, True], ids=["at once", "by the next start"])
def test_a_log_is_kept_with_its_own_file_whatever_the_clock_says(
    store: Path, monkeypatch: pytest.MonkeyPatch, end: bool
) -> None:
    logs = {}
    for number, year in enumerate((2026, 2020, 2020), 1):
        clock(monkeypatch, year)
        log_alone(store)
        log = store.with_name("hpm.db-wal")
        log.write_bytes(b"frames%d" % number)
        if end:
            interrupted(store, monkeypatch)
        database, recovered = open_store(store)
        database.close()
        assert recovered is not None and recovered.aside is not None
        logs[recovered.aside] = b"frames%d" % number
    assert [aside.with_name(aside.name + "-wal").read_bytes() for aside in logs] == list(logs.values())
    log_alone(store)    # of four, the one that was kept first goes, not the one whose name has the oldest time
    open_store(store)[0].close()
    assert [aside.exists() for aside in logs] == [False, True, True]


def test_the_log_of_a_store_that_is_gone_is_not_given_to_another_file(store: Path) -> None:
    log_alone(store)
    database, recovered = open_store(store)
    database.close()
    assert recovered is not None and recovered.aside is not None
    kept = recovered.aside.with_name(recovered.aside.name + "-wal").read_bytes()
    log_alone(store)
    store.unlink()
    store.with_name("hpm.db-wal").write_bytes(b"another")
    database, gone = open_store(store)
    database.close()
    assert gone is not None and gone.aside is None
    assert recovered.aside.with_name(recovered.aside.name + "-wal").read_bytes() == kept


def test_a_backup_that_is_asked_for_after_an_interrupted_recovery_has_the_journal(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil_page(store, pages_of(store, "groups")[-1])
    interrupted(store, monkeypatch)
    database, done = use_backup(store, backups_of(store)[0].name)
    assert done.journal and set(Journal(database).entries.values()) == {ENTRY, LATER}
    database.close()


def test_a_backup_that_is_asked_for_is_used_and_the_journal_stays(store: Path) -> None:
    with pytest.raises(StoreError, match="backup-list"):
        use_backup(store, "hpm-000009-20300101T000000Z.db")
    database, done = use_backup(store, backups_of(store)[0].name)
    assert done.journal
    assert set(load_catalog(database).groups) == {"default", "before0"}
    assert set(Journal(database).entries.values()) == {ENTRY, LATER}
    database.close()
    assert done.aside is not None
    former = Database(done.aside)
    assert "after299" in load_catalog(former).groups
    former.close()


# -- backups


def test_a_backup_is_whole_private_and_made_while_the_store_is_used(tmp_path: Path) -> None:
    database = Database(tmp_path / "hpm.db")
    with database.transaction() as connection:
        connection.execute("INSERT INTO settings VALUES ('half', 'x')")
        backup = make_backup(database.path)
        connection.execute("INSERT INTO settings VALUES ('whole', 'x')")
    assert backup.path.stat().st_mode & 0o777 == 0o600
    assert backup.path.parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in backup.path.parent.iterdir()] == [backup.name]
    copy = Database(backup.path)
    assert load_setting(copy, "half") is None
    copy.close()
    assert load_setting(database, "whole") == "x"
    database.close()


def test_backups_of_many_days_are_few_and_the_right_ones(tmp_path: Path) -> None:
    Database(tmp_path / "hpm.db").close()
    for hour in range(0, 24 * 12, 6):
        make_backup(tmp_path / "hpm.db", NOW + timedelta(hours=hour))
    found = [backup.time for backup in backups_of(tmp_path / "hpm.db")]
    assert found[:NEWEST] == ["20300112T180000Z", "20300112T120000Z", "20300112T060000Z"]
    days = [f"203001{day:02}T180000Z" for day in range(11, 11 - DAYS + 1, -1)]
    assert found[NEWEST:] == ["20300112T000000Z", *days]


def test_a_clock_that_was_wrong_does_not_drop_the_newest_backups(tmp_path: Path) -> None:
    Database(tmp_path / "hpm.db").close()
    for day in range(20):
        make_backup(tmp_path / "hpm.db", NOW.replace(year=2050) + timedelta(days=day))
    for hour in range(5):
        newest = make_backup(tmp_path / "hpm.db", NOW + timedelta(hours=hour))
        assert backups_of(tmp_path / "hpm.db")[0] == newest


def test_no_backup_is_made_of_a_damaged_store(store: Path) -> None:
    before = backups_of(store)
    spoil_page(store, pages_of(store, "groups")[-1])
    with pytest.raises(StoreDamaged):
        make_backup(store)
    assert backups_of(store) == before
    assert len(list(before[0].path.parent.iterdir())) == 1


def test_a_moment_without_open_files_is_said_and_passes(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(self: Path) -> Iterator[Path]:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched, pytest.raises(StoreError, match="Too many open files"):
        patched.setattr(Path, "iterdir", none)
        make_backup(store)
    assert make_backup(store) in backups_of(store)


def test_what_counts_as_a_change_is_what_an_administrator_would_miss(tmp_path: Path) -> None:
    database = Database(tmp_path / "hpm.db")
    journal = Journal(database)
    save_catalog(database, empty_catalog(), empty_catalog().with_group(group("a", None)), Author("anna", "0"), {})
    journal.put([ENTRY])
    assert database.worth == 2
    journal.put([JournalEntry(ENTRY.uuid, "cpu-shares", "start", "1024", "501", "700")])    # as each plan does
    Adjustments(database).replace([])
    assert database.worth == 2
    journal.drop([ENTRY])
    assert database.worth == 3
    database.close()


def test_the_rhythm_of_backups() -> None:
    rhythm = Rhythm(0.0, 5, 5)
    assert rhythm.due(1.0, 5) == DAILY
    assert rhythm.due(100.0, 6) == 100.0 + SETTLED
    assert rhythm.due(105.0, 7) == 105.0 + SETTLED
    for second in range(106, 159):    # changes go on and on
        assert rhythm.due(float(second), second) == min(second + SETTLED, 100.0 + LONGEST)
    rhythm.made(160.0, 158, 0.1)
    assert rhythm.due(161.0, 158) == 160.0 + DAILY
    assert rhythm.due(162.0, 159) == 160.0 + APART
    rhythm.made(300.0, 159, 3.0)    # a slow disk
    assert rhythm.due(301.0, 160) == 600.0
    assert Rhythm(0.0, 0, None).due(1.0, 0) == 0.0


# -- upgrades


def test_an_upgrade_makes_a_backup_first_and_is_not_begun_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "hpm.db"
    with monkeypatch.context() as patch:
        patch.setattr("hpm.store.database.STEPS", STEPS[:2])
        Database(path).close()
    (tmp_path / "backups").write_text("in the way")
    with pytest.raises(StoreError, match="no backup of"):
        Database(path)
    (tmp_path / "backups").unlink()
    Database(path).close()
    (backup,) = backups_of(path)
    raw = sqlite3.connect(backup.path)
    assert raw.execute("PRAGMA user_version").fetchone() == (2,)
    raw.close()
