"""The SQLite file: opening, schema, transactions.

WAL with `synchronous=FULL`: a commit that was acknowledged survives power loss. One connection, used
by one thread at a time under `lock`.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import StoreDamaged, StoreError
from .backups import check, make_backup

#: Version of the schema, kept in `PRAGMA user_version`. Each step leads from its index to the next.
STEPS = (
    """
    CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE groups (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
    CREATE TABLE servers (uuid TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
    CREATE TABLE journal (
        uuid TEXT NOT NULL, control TEXT NOT NULL, start TEXT NOT NULL,
        original TEXT NOT NULL, previous TEXT NOT NULL, intended TEXT NOT NULL, held INTEGER NOT NULL,
        PRIMARY KEY (uuid, control)) STRICT;
    CREATE TABLE adjustments (id INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, outcome TEXT NOT NULL,
        body TEXT NOT NULL) STRICT;
    CREATE TABLE adjusted (adjustment INTEGER NOT NULL REFERENCES adjustments ON DELETE CASCADE,
        uuid TEXT NOT NULL, wrg TEXT NOT NULL, PRIMARY KEY (adjustment, uuid)) STRICT, WITHOUT ROWID;
    CREATE INDEX adjusted_by_server ON adjusted (uuid, adjustment);
    """,
    """
    CREATE TABLE revisions (wrg TEXT NOT NULL, policy TEXT NOT NULL, number INTEGER NOT NULL, time TEXT NOT NULL,
        user TEXT NOT NULL, body TEXT, PRIMARY KEY (wrg, policy, number)) STRICT, WITHOUT ROWID;
    INSERT INTO revisions SELECT groups.id, json_extract(each.value, '$.name'), 1,
        strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 'hpm', each.value
        FROM groups, json_each(groups.body, '$."perf-policies"') AS each;
    """,
    """
    CREATE TABLE tokens (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
    CREATE TABLE activity (id INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, user TEXT, outcome TEXT NOT NULL,
        room TEXT NOT NULL, body TEXT NOT NULL) STRICT;
    CREATE INDEX activity_by_room ON activity (room, id);
    CREATE INDEX activity_by_time ON activity (time);
    """,
    """
    CREATE TABLE partitions (path TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
    """,
    """
    CREATE TABLE start_jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, state TEXT NOT NULL, body TEXT NOT NULL) STRICT;
    """,
)


class Database:
    """An open store. Raises `StoreError` with what to do if the file cannot be used, `StoreDamaged` if it is damaged
    (see `recovery.open_store`)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()
        #: Counts the transactions that a backup is worth making for.
        self.worth = 0
        try:
            path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            if str(path) != ":memory:":
                _keep_private(path)
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise
        except (sqlite3.Error, OSError) as error:
            if type(error) is sqlite3.DatabaseError:    # SQLite's errors of what is in the file; others have classes
                raise StoreDamaged(f"the store {path} is damaged: {error}") from error
            raise StoreError(
                f"the store {path} cannot be opened: {error}; check the directory's rights and free space, or"
                " start with another --state-dir"
            ) from error

    @contextmanager
    def transaction(self, *, worth: bool = True) -> Iterator[sqlite3.Connection]:
        """All or nothing; durable when it has ended. `worth`: a backup should have it soon. Raises `StoreError`."""
        with self.lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                    self._connection.execute("COMMIT")
                except BaseException:
                    if self._connection.in_transaction:    # SQLite itself ends it where the disk is full
                        self._connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise StoreError(f"the store {self.path} cannot be written: {error}") from error
            self.worth += worth

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """All rows of a query. Raises `StoreError`."""
        with self.lock:
            try:
                return self._connection.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise StoreError(f"the store {self.path} cannot be read: {error}") from error

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self._connection.close()

    def _prepare(self) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(STEPS):
            raise StoreError(
                f"the store {self.path} was written by a newer hpm (schema {version}, this one knows {len(STEPS)});"
                " install that version again"
            )
        check(self._connection, self.path)
        if 0 < version < len(STEPS):
            make_backup(self.path)
        for number in range(version, len(STEPS)):
            script = f"BEGIN IMMEDIATE; {STEPS[number]}; PRAGMA user_version={number + 1}; COMMIT;"
            self._connection.executescript(script)


def _keep_private(path: Path) -> None:
    """See to it that the file is for its owner alone: there are secrets in it. SQLite makes those beside it with the
    same mode. Raises `OSError`."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(file).st_mode & 0o077:    # an earlier version left it to the umask
            os.fchmod(file, 0o600)
    finally:
        os.close(file)


def where_all(*conditions: tuple[str, object | None]) -> tuple[str, list[object]]:
    """A WHERE clause of those conditions whose value is not None, and their values."""
    wanted = [(text, value) for text, value in conditions if value is not None]
    return " AND ".join(["1", *(text for text, _ in wanted)]), [value for _, value in wanted]
