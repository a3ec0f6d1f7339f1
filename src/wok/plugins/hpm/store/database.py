"""The SQLite file: opening, schema, transactions.

WAL with `synchronous=FULL`: a commit that was acknowledged survives power loss. One connection writes, used by one
thread at a time, and a commit has a time limit (`committing`). Readers have connections of their own.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from ..errors import StoreDamaged, StoreError
from .backups import check, make_backup, worth_in
from .committing import Committer, StoreLate, Turn
from .readers import Readers, connected, is_damage

log = logging.getLogger(__name__)

T = TypeVar("T")

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

_WORTH = "INSERT OR REPLACE INTO settings (name, value) VALUES ('worth', ?)"


class Database:
    """An open store. Raises `StoreError` with what to do if the file cannot be used, `StoreDamaged` if it is damaged
    (see `recovery.open_store`)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._turn = Turn()
        self._what = f"the store {path}"
        #: Counts the transactions that a backup is worth making for. Kept, so that a start knows what a backup lacks.
        self.worth = 0
        try:
            path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            if str(path) != ":memory:":
                _keep_private(path)
            self._connection = self._connect()
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise
        except (sqlite3.Error, OSError) as error:
            if is_damage(error):
                raise StoreDamaged(f"the store {path} is damaged: {error}") from error
            raise StoreError(
                f"the store {path} cannot be opened: {error}; check the directory's rights and free space, or"
                " start with another --state-dir"
            ) from error

        self._committer = Committer(self._connection, self._turn, self._what)
        self._readers = None if str(path) == ":memory:" else Readers(self._connect)    # that is each connection's own

    def _connect(self) -> sqlite3.Connection:
        return connected(self.path, 10.0)

    @contextmanager
    def transaction(self, *, worth: bool = True) -> Iterator[sqlite3.Connection]:
        """All or nothing; durable when it has ended. `worth`: a backup should have it soon. Raises `StoreError`; of
        those `StoreLate` where it is not known whether it is kept, `StoreDamaged` where only another start helps."""
        self._turn.take(self._what)
        late = False
        try:
            self._roll_back()    # what is left of one that could be neither committed nor rolled back
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection
            if worth:
                self._connection.execute(_WORTH, (str(self.worth + 1),))
            self._committer.commit()
            self.worth += worth
        except StoreLate:
            late = True
            self.worth += worth    # it may be kept
            raise
        except BaseException as error:
            try:
                self._roll_back()
            except sqlite3.Error as again:    # not the one that led here; the next transaction tries it again
                log.error("%s: what was not committed cannot be rolled back yet: %s", self._what, again)
            if isinstance(error, sqlite3.Error):
                raise self._told(error, "written") from error
            raise
        finally:
            if not late:
                self._turn.release()

    def _roll_back(self) -> None:
        """End the transaction, if there is one: SQLite itself ends it where the disk is full."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """All rows of a query; of one within a transaction, as that left them. Raises `StoreError`, `StoreDamaged`."""
        try:
            if self._turn.mine:
                return self._connection.execute(query, values).fetchall()
            if self._readers is not None and query.startswith("SELECT"):
                with self._readers.reading() as connection:
                    return connection.execute(query, values).fetchall()
            self._turn.take(self._what)
            try:
                return self._connection.execute(query, values).fetchall()
            finally:
                self._turn.release()
        except sqlite3.Error as error:
            raise self._told(error, "read") from error

    def _told(self, error: sqlite3.Error, done: str) -> StoreError:
        """What SQLite says, as ours."""
        if is_damage(error):
            return StoreDamaged(f"{self._what} is damaged: {error}; hpm uses the last good backup when it starts anew")
        return StoreError(f"{self._what} cannot be {done}: {error}")

    def bodies(self, query: str, type_: type[T], what: str = "") -> dict[str, T]:
        """Of each row of a query what its second column says, in JSON, by the first; `what` those are, with a space
        behind it. Raises `StoreError`; of those `StoreDamaged`, which names the row, where that cannot be decoded."""
        found: dict[str, T] = {}
        for key, body in self.rows(query):
            try:
                found[str(key)] = msgspec.json.decode(str(body), type=type_)
            except msgspec.MsgspecError as error:
                raise StoreDamaged(f"{self._what} is damaged at {what}{key}: {error}") from error
        return found

    def close(self) -> None:
        """Close the file. Where its disk hangs, that is left to the end of the process: a commit that is under way is
        not ended by closing."""
        if self._readers is not None:
            self._readers.close()
        try:
            self._turn.take(self._what)
        except StoreError as error:
            log.error("the store is not closed: %s", error)
            return
        self._committer.close()
        self._connection.close()
        self._turn.release()

    def _prepare(self) -> None:
        # nothing is written before the commit, which alone has a time limit
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_spill=OFF"):
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
        self.worth = worth_in(self._connection)


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
