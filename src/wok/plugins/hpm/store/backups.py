"""Backups of the store: whole, checked copies beside it, made while it is used.

SQLite's backup interface copies one state of the file through a connection of its own, so neither the loop nor a
request waits (https://www.sqlite.org/backup.html). A backup has its name only when it is complete and on the disk.
They are numbered, because a clock may go back; the time in the name is for people.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple, TypeAlias

from ..errors import StoreDamaged, StoreError
from .readers import is_damage

#: The newest ones that are kept: where the last has what somebody just did by mistake, the ones before have it not.
NEWEST = 3
#: And of the days before, the last one of each, of so many days: what somebody changed by mistake on a Friday evening
#: is found in the week after it.
DAYS = 7

#: Looks whether an open file, a copy of that store, is whole. Raises `StoreDamaged`, `sqlite3.Error`.
Look: TypeAlias = "Callable[[sqlite3.Connection, Path], None]"

_NAME = re.compile(r"hpm-([0-9]{6,})-([0-9]{8}T[0-9]{6}Z)\.db")


class Backup(NamedTuple):
    """One backup: its file, its number, and when it was made (``20301231T235959Z``, UTC)."""

    path: Path
    number: int
    time: str

    @property
    def name(self) -> str:
        """The name of its file, by which people name it."""
        return self.path.name

    def age(self) -> float:
        """Seconds since it was made; of a clock that went back, less than none."""
        try:
            made = datetime.strptime(self.time, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        except ValueError:    # somebody named it
            return 0.0
        return (datetime.now(timezone.utc) - made).total_seconds()


def backups_of(store: Path) -> list[Backup]:
    """All backups of a store, newest first."""
    found = []
    with suppress(FileNotFoundError, NotADirectoryError):
        for path in _folder(store).iterdir():
            name = _NAME.fullmatch(path.name)
            if name is not None:
                found.append(Backup(path, int(name[1]), name[2]))
    return sorted(found, key=lambda backup: backup.number, reverse=True)


def check(connection: sqlite3.Connection, path: Path) -> None:
    """See whether an open file is whole. Raises `StoreDamaged`, `sqlite3.Error`."""
    found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
    if found != ["ok"]:
        raise StoreDamaged(f"the store {path} is damaged: {'; '.join(found)}")


def make_backup(store: Path, now: datetime | None = None, look: Look = check) -> Backup:
    """Copy the store, check the copy, and drop backups that are not kept any more. For any thread and process.

    Raises `StoreDamaged` if the copy, and so the store, is damaged, `StoreError` if it cannot be made; of both nothing
    is left.
    """
    time = (now or datetime.now(timezone.utc)).strftime("%Y%m%dT%H%M%SZ")
    making = _folder(store) / "making.tmp"
    try:
        known = backups_of(store)
        number = known[0].number + 1 if known else 1
        backup = Backup(making.with_name(f"hpm-{number:06}-{time}.db"), number, time)
        making.parent.mkdir(mode=0o700, exist_ok=True)
        copy_store(store, making, look)
        os.rename(making, backup.path)    # noqa: PTH104 (its faults are tried)
        sync_directory(backup.path.parent)
        if not known:
            sync_directory(store.parent)    # the directory's own name, which is new
    except StoreDamaged:
        _remove(making)
        raise
    except (sqlite3.Error, OSError) as error:
        _remove(making)
        raise StoreError(f"no backup of {store} can be made in {making.parent}: {error}") from error
    _drop([backup, *known])
    return backup


def copy_store(store: Path, to: Path, look: Look = check) -> None:
    """Copy a store, or a backup, whole and checked by `look`, to a file that may be there already. It is on the
    disk then.

    Raises `StoreDamaged`, `sqlite3.Error`, `OSError`.
    """
    _remove(to)
    os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    uri = f"{store.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as source, closing(sqlite3.connect(to)) as target:
            target.execute("PRAGMA synchronous=OFF")    # it is synced whole, below
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")    # one file, that can be read where nothing may be written
            look(target, store)
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            raise StoreDamaged(f"the store {store} is damaged: {error}") from error
        raise
    sync_file(to)


def worth_in(connection: sqlite3.Connection) -> int:
    """How many changes that are worth a backup an open file has seen (see `Database.worth`). Raises `sqlite3.Error`."""
    row = connection.execute("SELECT CAST(value AS INTEGER) FROM settings WHERE name = 'worth'").fetchone()
    return 0 if row is None else int(row[0])


def worth_of(backup: Backup) -> int | None:
    """The same of a backup; None if it cannot be read."""
    try:
        with closing(sqlite3.connect(f"{backup.path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return worth_in(connection)
    except sqlite3.Error:
        return None


def sync_file(path: Path) -> None:
    """Have it on the disk. Raises `OSError`."""
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def sync_directory(path: Path) -> None:
    """Have names in it on the disk. Raises `OSError`."""
    opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _drop(backups: list[Backup]) -> None:
    """Remove those that are not kept: `backups` are all, newest first."""
    days: dict[str, Backup] = {}
    for backup in backups[NEWEST:]:
        days.setdefault(backup.time[:8], backup)
    kept = {*backups[:NEWEST], *list(days.values())[:DAYS]}
    for backup in backups:
        if backup not in kept:
            _remove(backup.path)


def _folder(store: Path) -> Path:
    return store.parent / "backups"


def _remove(path: Path) -> None:
    for each in (path, path.with_name(path.name + "-journal")):
        with suppress(OSError):
            os.unlink(each)    # noqa: PTH108 (its faults are tried)
