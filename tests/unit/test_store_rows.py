"""Rows that cannot be read in pages that are whole, recoveries that are interrupted, and what a start knows of backups:
each leads to the backup, and people are told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from hpm import paths
from hpm.backend.simulated import SimulatedHypervisor, from_scenario, uuid_of
from hpm.backend.simulated.scenario import Scenario
from hpm.errors import StoreDamaged
from hpm.host import serve
from hpm.host.running import RunningManager
from hpm.manager.backing_up import DAILY, SETTLED, BackingUp, Rhythm
from hpm.store import recovery
from hpm.store.adjustments import Adjustments
from hpm.store.backups import backups_of, make_backup
from hpm.store.catalog_store import load_setting, save_setting
from hpm.store.database import Database
from hpm.store.journal import Journal, JournalEntry
from hpm.store.recovery import open_store, use_backup
from hpm.store.rows import check_whole
from hpm.store.tokens import TokenRecord, delete_token, load_tokens, save_token

from .builders import guest

GOOD = JournalEntry("00000000-0000-4000-8000-000000000001", "cpu-shares", "start", "1024", "1024", "501")
OLD = JournalEntry("00000000-0000-4000-8000-000000000002", "cpu-shares", "start", "333", "333", "800")
LATER = JournalEntry("00000000-0000-4000-8000-000000000003", "cpu-shares", "start", "444", "444", "900")
BAD = {
    "journal": "INSERT INTO journal VALUES ('u', 'nonsense', 's', '1', '1', '1', 0)",
    "tokens": "INSERT INTO tokens VALUES ('bad', '{bad')",
    "start jobs": "INSERT INTO start_jobs (state, body) VALUES ('running', '{bad')",
    "groups": "INSERT INTO groups VALUES ('bad', '{bad')",
    "servers": "INSERT INTO servers VALUES ('bad', '[]')",
    "partitions": "INSERT INTO partitions VALUES ('/bad', '{}')",
    "levels": "INSERT OR REPLACE INTO settings VALUES ('levels', '{\"cpu-mgmt\": \"onn\"}')",
    "interval": "INSERT OR REPLACE INTO settings VALUES ('interval', 'abc')",
    "no interval": "INSERT OR REPLACE INTO settings VALUES ('interval', '0')",
    "endless interval": "INSERT OR REPLACE INTO settings VALUES ('interval', '1e308')",
    "memory": "INSERT OR REPLACE INTO settings VALUES ('memory', '{\"memory-policy\": \"gaols\"}')",
    "drift": "INSERT OR REPLACE INTO settings VALUES ('drift', '[[[\"u\", \"s\", \"nonsense\", \"\"], 1, 2, \"\"]]')",
    "notifications": "INSERT OR REPLACE INTO settings VALUES ('notifications', '{\"webhook\": {}}')",
    "notified": "INSERT OR REPLACE INTO settings VALUES ('notified', '{}')",
    "mom-policies": "INSERT OR REPLACE INTO settings VALUES ('mom-policies', '[1]')",
    "stopped-rivals": "INSERT OR REPLACE INTO settings VALUES ('stopped-rivals', '[{}]')",
    "autostart-left": "INSERT OR REPLACE INTO settings VALUES ('autostart-left', '[null]')",
    "history-retention": "INSERT OR REPLACE INTO settings VALUES ('history-retention', '{\"full\": -1}')",
    "hypervisor": "INSERT OR REPLACE INTO settings VALUES ('hypervisor', CAST(x'ff' AS TEXT))",
    "no text": "INSERT INTO groups VALUES ('bad', CAST(x'7bff7d' AS TEXT))",
}


def token(name: str) -> TokenRecord:
    return TokenRecord(name, name * 9, name, "anna", "user", "2030-01-01T00:00:00.000Z", None)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with entries and tokens, a backup of it, and some of them changed after that."""
    path = tmp_path / "hpm/hpm.db"
    database = Database(path)
    Journal(database).put([GOOD, OLD])
    for name in ("kept", "revoked"):
        save_token(database, token(name))
    save_setting(database, "x", "old")
    make_backup(path)
    save_setting(database, "x", "new")
    delete_token(database, "revoked")
    Journal(database).put([LATER])
    database.close()
    return path


def spoil(store: Path, statement: str) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute(statement)


@pytest.mark.parametrize("kind", BAD)
def test_a_row_that_cannot_be_read_is_damage_and_the_backup_is_used(store: Path, kind: str) -> None:
    spoil(store, BAD[kind])
    database, recovered = open_store(store)
    assert recovered is not None and "cannot be read" in recovered.why and recovered.aside is not None
    assert recovered.journal == (kind != "journal")
    assert "changes of groups, policies and settings since" in recovered.said()
    assert set(Journal(database).entries.values()) == {GOOD, OLD, LATER}    # those of the damaged file
    assert [record.id for record in load_tokens(database)] == ["kept"]
    assert load_setting(database, "x") == "old"
    database.close()
    database, recovered = open_store(store)
    assert recovered is None
    database.close()


@pytest.mark.parametrize("kind", BAD)
def test_without_a_backup_a_row_that_cannot_be_read_is_refused_with_what_to_do(store: Path, kind: str) -> None:
    spoil(store, BAD[kind])
    for backup in backups_of(store):
        backup.path.unlink()
    with pytest.raises(StoreDamaged, match=r"cannot be read, and there is no backup.*hpm restore"):
        open_store(store)


def test_of_a_row_of_the_journal_that_cannot_be_read_the_backup_may_know(store: Path) -> None:
    spoil(store, f"UPDATE journal SET intended = CAST(x'ff' AS TEXT) WHERE uuid = '{OLD.uuid}'")
    database, recovered = open_store(store)
    assert recovered is not None and not recovered.journal
    assert f"could not be read: the journal's row of cpu-shares of {OLD.uuid}" in recovered.said()
    assert set(Journal(database).entries.values()) == {GOOD, OLD, LATER}
    database.close()


def test_no_backup_is_made_of_or_taken_from_rows_that_cannot_be_read(store: Path) -> None:
    (good,) = backups_of(store)
    spoil(store, BAD["groups"])
    with pytest.raises(StoreDamaged, match="bad of groups"):
        make_backup(store, look=check_whole)
    assert backups_of(store) == [good]
    make_backup(store)    # as an earlier version did
    database, recovered = open_store(store)
    assert recovered is not None and recovered.backup == good.name
    database.close()


@pytest.mark.parametrize("backup", [True, False])
def test_restore_puts_back_what_can_be_read_and_names_what_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, backup: bool
) -> None:
    host: SimulatedHypervisor = from_scenario(Scenario(cores=2, servers=(guest("a", 700),)))
    monkeypatch.setattr(paths, "run_dir", lambda: tmp_path / "run")
    monkeypatch.setattr(serve, "open_hypervisor", lambda *_: host)
    database = Database(tmp_path / "hpm.db")
    if backup:
        make_backup(database.path)
    start = host.observe().samples[uuid_of("a")].start
    Journal(database).put([JournalEntry(uuid_of("a"), "cpu-shares", start, "1024", "1024", "700")])
    database.close()
    spoil(tmp_path / "hpm.db", BAD["journal"])
    said = serve.restore("simulated", tmp_path)
    assert "the journal's row of nonsense of u" in said[0] and "a: cpu-shares 700 → 1024" in said
    assert host.observe().samples[uuid_of("a")].shares == 1024


def test_a_damaged_level_does_not_keep_hpm_from_starting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "run_dir", lambda: tmp_path / "run")
    RunningManager("simulated:2", tmp_path, tmp_path / "s", 1.0).stop()
    spoil(tmp_path / "hpm.db", BAD["levels"])
    RunningManager("simulated:2", tmp_path, tmp_path / "s", 1.0).stop()


# -- a recovery that is interrupted


class Killed(BaseException):
    """hpm ends here."""


def killed(*_: object) -> None:
    raise Killed


def test_who_opens_what_an_interrupted_recovery_left_is_told(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write_bytes(b"This is not a database. " * 100)
    real: Callable[..., None] = recovery._move_aside

    def moved_and_killed(*words: object) -> None:
        real(*words)
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(recovery, "_move_aside", moved_and_killed)
        open_store(store)
    assert not store.exists()
    database, recovered = open_store(store)
    (aside,) = store.parent.glob("hpm.db.damaged-*Z")
    assert recovered is not None and recovered.backup == backups_of(store)[0].name
    assert recovered.aside == aside and "not a database" in recovered.why and not recovered.journal
    database.close()
    database, recovered = open_store(store)
    assert recovered is None
    database.close()


def test_what_an_interrupted_backup_use_left_is_never_used_later(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database, _ = open_store(store)
    save_token(database, token("now"))
    database.close()
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(recovery, "_move_aside", killed)
        use_backup(store, backups_of(store)[0].name)
    database, recovered = open_store(store)
    assert recovered is None and load_setting(database, "x") == "new"
    delete_token(database, "now")
    make_backup(store)
    database.close()
    store.rename(store.with_name("away.db"))    # as docs/reliability.md says of a disk that does not read the file
    database, recovered = open_store(store)
    assert recovered is not None and load_setting(database, "x") == "new"
    assert [record.id for record in load_tokens(database)] == ["kept"]
    database.close()


# -- what a start knows of backups


def test_what_a_crash_left_without_a_backup_has_one_soon(store: Path) -> None:
    now = 0.0
    database, _ = open_store(store)    # `x` was changed since the backup, and nothing was stopped
    backing_up = BackingUp(database, lambda: now)
    assert backing_up.due() == SETTLED
    backing_up.stop()
    with closing(sqlite3.connect(backups_of(store)[0].path)) as copy:
        assert copy.execute("SELECT value FROM settings WHERE name = 'x'").fetchone() == ("new",)
    number = len(backups_of(store))
    for _ in range(3):    # and starts alone do not drive older ones out
        Adjustments(database).replace([])
        again = BackingUp(database, lambda: now)
        assert again.due() > DAILY - 600.0
        again.stop()
    assert len(backups_of(store)) == number
    database.close()


def test_what_took_the_place_of_a_damaged_store_has_a_backup_soon(store: Path) -> None:
    spoil(store, BAD["groups"])
    database, _ = open_store(store)
    assert BackingUp(database, lambda: 0.0).due() == SETTLED
    database.close()


def test_a_day_is_counted_from_the_newest_backup_and_not_from_the_start() -> None:
    assert Rhythm(0.0, 5, 5, age=DAILY - 60.0).due(1.0, 5) == 60.0
    assert Rhythm(0.0, 5, 5, age=9 * DAILY).due(1.0, 5) == 0.0
    assert Rhythm(0.0, 5, 5, age=-9 * DAILY).due(1.0, 5) == DAILY    # of a clock that went back
