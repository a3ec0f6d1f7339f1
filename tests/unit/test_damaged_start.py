"""hpm starts with a damaged store, and `hpm restore`, `hpm backup-list` and `hpm backup-use` with one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from hpm import paths
from hpm.backend.simulated import SimulatedHypervisor, from_scenario, uuid_of
from hpm.backend.simulated.scenario import Scenario
from hpm.cli.main import cli
from hpm.engine.samples import ServerSample
from hpm.errors import StoreDamaged
from hpm.host import serve
from hpm.host.running import RunningManager
from hpm.policy.catalog import empty_catalog
from hpm.store.activity import ActivityFilter
from hpm.store.backups import backups_of, make_backup
from hpm.store.catalog_store import load_catalog, save_catalog
from hpm.store.database import Database
from hpm.store.journal import Journal, JournalEntry
from hpm.store.recovery import open_store
from hpm.store.revisions import Author

from .builders import House, group, guest
from .damage import spoil_table


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimulatedHypervisor:
    """A host that is the same at each start of hpm."""
    made = from_scenario(Scenario(cores=2, servers=(guest("a", 700), guest("b", 900), guest("c", 333))))
    monkeypatch.setattr(paths, "run_dir", lambda: tmp_path / "run")
    for module in ("running", "serve"):
        monkeypatch.setattr(f"hpm.host.{module}.open_hypervisor", lambda *_: made)
    return made


def sample(host: SimulatedHypervisor, name: str) -> ServerSample:
    return host.observe().samples[uuid_of(name)]


def entry(host: SimulatedHypervisor, name: str, original: int, intended: int) -> JournalEntry:
    start = sample(host, name).start
    return JournalEntry(uuid_of(name), "cpu-shares", start, str(original), str(original), str(intended))


def store_of(state: Path, entries: list[JournalEntry], *, backup: bool = True) -> Path:
    """A store with a journal, a group, and a backup of that."""
    database = Database(state / "hpm.db")
    Journal(database).put(entries)
    new = empty_catalog().with_group(group("one", None))
    save_catalog(database, empty_catalog(), new, Author("anna", "2030-01-01T00:00:00.000Z"), {})
    if backup:
        make_backup(database.path)
    database.close()
    return database.path


def test_a_start_with_a_damaged_store_says_so_and_leaves_what_it_cannot_know(
    tmp_path: Path, host: SimulatedHypervisor
) -> None:
    # What the backup knows: a has what hpm set, of b something else is in force, c is as it was.
    entries = [entry(host, "a", 1024, 700), entry(host, "b", 1024, 555), entry(host, "c", 333, 333)]
    store_of(tmp_path, entries).write_text("This is not a database. " * 100)
    with RunningManager("simulated", tmp_path, tmp_path / "s", 3600.0) as running:
        assert "one" in load_catalog(running.manager.database).groups
        said = [record.summary for record in running.manager.activity.find(ActivityFilter())]
    assert {name: sample(host, name).shares for name in "abc"} == {"a": 1024, "b": 900, "c": 333}
    (aside,) = tmp_path.glob("hpm.db.damaged-*Z")
    about_store = [one for one in said if "took its place" in one]
    assert len(about_store) == 1 and str(aside) in about_store[0] and "all changes since" in about_store[0]
    about_servers = [one for one in said if "is not known any more" in one]
    assert len(about_servers) == 1
    assert about_servers[0].startswith("b: ") and "Before hpm it was 1024" in about_servers[0]


def test_with_the_journal_of_the_damaged_file_all_is_put_back(tmp_path: Path, host: SimulatedHypervisor) -> None:
    store = store_of(tmp_path, [])
    database = Database(store)
    Journal(database).put([entry(host, "a", 1024, 700), entry(host, "b", 512, 900)])
    database.close()
    spoil_table(store, "groups")
    with RunningManager("simulated", tmp_path, tmp_path / "s", 3600.0):
        assert {name: sample(host, name).shares for name in "abc"} == {"a": 1024, "b": 512, "c": 333}


def test_without_a_backup_restore_puts_back_what_the_journal_says(tmp_path: Path, host: SimulatedHypervisor) -> None:
    store = store_of(tmp_path, [entry(host, "a", 1024, 700)], backup=False)
    spoil_table(store, "groups")
    with pytest.raises(StoreDamaged, match="hpm restore"):
        RunningManager("simulated", tmp_path, tmp_path / "s", 3600.0)
    assert sample(host, "a").shares == 700
    said = serve.restore("simulated", tmp_path)
    assert "is damaged" in said[0] and "a: cpu-shares 700 → 1024" in said
    assert sample(host, "a").shares == 1024
    serve.restore("simulated", tmp_path)    # once more does no harm
    assert sample(host, "a").shares == 1024


def test_restore_does_not_send_to_itself_where_each_backup_is_damaged(
    tmp_path: Path, host: SimulatedHypervisor
) -> None:
    store = store_of(tmp_path, [entry(host, "a", 1024, 700)])
    (backup,) = backups_of(store)
    backup.path.write_text("This is not a database. " * 100)
    spoil_table(store, "groups")
    with pytest.raises(StoreDamaged, match=r"so is every backup.*hpm restore"):
        RunningManager("simulated", tmp_path, tmp_path / "s", 3600.0)
    said = serve.restore("simulated", tmp_path)
    assert "is damaged" in said[0] and said[0].endswith("; what its journal says is put back")
    assert "hpm restore" not in said[0] and "a: cpu-shares 700 → 1024" in said
    assert sample(host, "a").shares == 1024


def test_a_clean_stop_leaves_a_backup_of_what_was_changed(tmp_path: Path, host: SimulatedHypervisor) -> None:
    with (
        RunningManager("simulated", tmp_path, tmp_path / "s", 3600.0) as running,
        running.manager.change() as change,
    ):
        change.catalog = change.catalog.with_group(group("late", None))
    copy = Database(backups_of(tmp_path / "hpm.db")[0].path)
    assert "late" in load_catalog(copy).groups
    assert not Journal(copy).entries
    copy.close()


def test_backups_at_the_shell(tmp_path: Path, host: SimulatedHypervisor) -> None:
    def run(*words: str) -> tuple[int, str]:
        options = ["--connect", "simulated", "--state-dir", str(tmp_path)]
        result = CliRunner().invoke(cli, [words[0], *options, *words[1:]])
        return result.exit_code, result.output

    assert run("backup-list") == (0, "there is no backup\n")
    store = store_of(tmp_path, [])
    (backup,) = backups_of(store)
    assert run("backup-list") == (0, f"{backup.name}  {backup.path.stat().st_size} bytes\n")
    database = Database(store)
    with database.transaction() as connection:
        connection.execute("DELETE FROM groups")
    Journal(database).put([entry(host, "a", 1024, 700)])
    database.close()
    code, output = run("backup-use", "hpm-000099-20300101T000000Z.db")
    assert code == 1 and "backup-list" in output
    with RunningManager("simulated", tmp_path, tmp_path / "s", 3600.0):
        code, output = run("backup-use", backup.name)
        assert code == 1 and "another manager has this host" in output
    code, output = run("backup-use", backup.name)
    assert code == 0 and "took its place" in output
    database = Database(store)
    assert "one" in load_catalog(database).groups
    database.close()


def test_damage_that_a_running_hpm_meets_ends_in_a_start_with_the_backup(tmp_path: Path) -> None:
    house = House(tmp_path, [guest(name) for name in ("gold", "slow", "more")])
    house.manage({"gold": (70, "highest"), "slow": (20, "low")})
    store = house.database.path
    make_backup(store)
    with closing(sqlite3.connect(store)) as other:    # what another connection wrote has ours read the file again
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        other.execute("CREATE TABLE something (a)")
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    spoil_table(store, "journal")
    house.wish({"gold": (5, "low"), "slow": (90, "highest")})
    with pytest.raises(StoreDamaged, match="uses the last good backup when it starts anew"):
        house.step(3)
    assert "damaged" in (house.manager.snapshot.problem or "")
    house.host.close()
    house.database.close()
    database, recovered = open_store(store)
    assert recovered is not None and Journal(database).entries
    database.close()
