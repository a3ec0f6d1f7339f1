"""A store of every version of the schema is upgraded, whatever happens meanwhile; one of a later version is refused."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hpm.backend.simulated import from_uri, uuid_of
from hpm.errors import StoreError
from hpm.manager.manager import Manager
from hpm.store.backups import backups_of
from hpm.store.catalog_store import load_catalog, load_setting
from hpm.store.database import STEPS, Database
from hpm.store.journal import Journal
from hpm.store.recovery import open_store
from hpm.store.revisions import find_revisions
from hpm.store.start_jobs import load_jobs
from hpm.store.tokens import load_tokens
from tests.disk.disk import PLAYED, Disk, Kind, faulty, tell

from .builders import BEGIN

STORES = Path(__file__).parent / "stores"
VERSIONS = range(1, len(STEPS) + 1)
WEB1 = uuid_of("web1")


def stored(version: int, directory: Path) -> Path:
    """A store as that version left it."""
    path = directory / "hpm.db"
    path.write_bytes(gzip.decompress((STORES / f"schema-{version}.db.gz").read_bytes()))
    return path


def check(database: Database, version: int) -> None:
    """All that was told to that version is there."""
    assert database.rows("PRAGMA user_version") == [(len(STEPS),)]
    assert database.rows("PRAGMA integrity_check") == [("ok",)]
    catalog = load_catalog(database)
    (gold,) = [one for one in catalog.groups.values() if one.name == "Gold"]
    assert gold.active_policy == "weekday"
    assert [one.name for one in gold.perf_policies[0].service_classes] == ["app", "rest"]
    assert (catalog.settings(WEB1).group, catalog.settings(WEB1).cpu_cap) == (gold.id, 0.5)
    assert "on" in str(load_setting(database, "levels"))
    assert Journal(database).entries
    assert len(find_revisions(database, gold.id, "weekday")) == 1
    assert len(load_tokens(database)) == (version >= 3)
    assert set(catalog.partitions) == ({"/machine/gold"} if version >= 4 else set())
    assert len(load_jobs(database)) == (version >= 5)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_store_of_each_version_is_upgraded_and_used(tmp_path: Path, version: int) -> None:
    path = stored(version, tmp_path)
    before = path.read_bytes()
    database, recovered = open_store(path)
    assert recovered is None
    check(database, version)
    host = from_uri("simulated")
    manager = Manager(host, database, 3.0, lambda: host.now_ns, lambda: BEGIN)
    assert manager.snapshot.levels.cpu_mgmt == "on"
    manager.cycle()
    manager.stop()
    database.close()
    backups = backups_of(path)
    assert len(backups) == (version < len(STEPS))
    for backup in backups:    # what it was before
        with closing(sqlite3.connect(backup.path)) as copy, closing(sqlite3.connect(":memory:")) as old:
            old.deserialize(before) if hasattr(old, "deserialize") else None
            assert copy.execute("PRAGMA user_version").fetchone() == (version,)
            assert not hasattr(old, "deserialize") or list(copy.iterdump()) == list(old.iterdump())


@pytest.mark.parametrize("kind", PLAYED)
def test_an_upgrade_that_is_interrupted_anywhere_is_done_whole_by_the_next_start(tmp_path: Path, kind: Kind) -> None:
    at = 0
    struck = True
    while struck:
        at += 1
        directory = tmp_path / str(at)
        directory.mkdir()
        path = stored(1, directory)
        with faulty(Disk(kind, at)) as disk:
            try:
                Database(path).close()
            except StoreError as error:
                assert disk.dead or "cannot be opened" in error.message or "no backup" in error.message, error
            struck = disk.came
            disk.lose_power()
        with faulty(Disk()):
            database, recovered = open_store(path)
            assert recovered is None, disk.where
            check(database, 1)
            database.close()
        copies = [sqlite3.connect(backup.path) for backup in backups_of(path)]
        found = [copy.execute("PRAGMA user_version").fetchone() for copy in copies]
        assert (1,) in found, disk.where    # it can be gone back to
        for copy in copies:
            copy.close()
    tell("upgrade", kind, at - 1)
    assert at > 60, "an upgrade has more operations than that"


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_an_earlier_hpm_refuses_and_leaves_a_store_of_now_alone(
    tmp_path: Path, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stored(len(STEPS), tmp_path)
    before = path.read_bytes()
    monkeypatch.setattr("hpm.store.database.STEPS", STEPS[:version])
    with pytest.raises(StoreError) as raised:
        open_store(path)
    assert raised.value.message == (
        f"the store {path} was written by a newer hpm (schema {len(STEPS)}, this one knows {version}); install that"
        " version again"
    )
    assert path.read_bytes()[100:] == before[100:]    # but for the header, which says that there is a log
    assert not backups_of(path)
