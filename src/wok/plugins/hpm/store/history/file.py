"""The file of history: schema, transactions, readers, and what must be done when it cannot be used.

WAL with `synchronous=NORMAL`: what a crash of the process loses is what was not committed; a power failure may lose
the last seconds more, and never leaves a broken file. One connection writes. Readers have connections of their own
and wait for nobody.

Pages are 16 KiB: rows have 1 to 7 KB, of which only one would fit in a page of SQLite's usual 4 KiB. Rows of points are
ordered by time and then by thing, so new ones go to the end, old ones leave from the beginning, and the pages
that they leave are used again. `auto_vacuum=INCREMENTAL` lets `upkeep` give pages back in small steps when the
file must shrink, which costs a page of pointers for each 3,000.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ..readers import Readers, connected, is_damage

#: Kept in `PRAGMA user_version`; a file of another one is moved aside.
VERSION = 1
PAGE = 16384
#: Things of one block of ids have their packs in common.
BLOCK_BITS = 5
BLOCK = 1 << BLOCK_BITS
#: Seconds to wait for another process that holds the file's lock; there is none, but for who looks into it by hand.
_BUSY = 1.0
_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "wal_autocheckpoint=256", "journal_size_limit=4200000")

_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
-- What a row's figures are: the metrics of a kind, as they were when it was written.
CREATE TABLE forms (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, metrics TEXT NOT NULL, UNIQUE (kind, metrics)) STRICT;
-- seen: the last day on which there was such a thing.
CREATE TABLE things (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, seen INTEGER NOT NULL,
    UNIQUE (kind, key)) STRICT;
-- Frames that are not packed yet, a row for each kind.
CREATE TABLE tail (id INTEGER PRIMARY KEY, frame INTEGER NOT NULL, time REAL NOT NULL, form INTEGER NOT NULL,
    data BLOB NOT NULL) STRICT;
CREATE TABLE packs (id INTEGER PRIMARY KEY, hour INTEGER NOT NULL, block INTEGER NOT NULL, form INTEGER NOT NULL,
    data BLOB NOT NULL) STRICT;
CREATE INDEX packs_by_hour ON packs (hour, block);
-- Rows of points: id is span << 32 | thing, the span counted since 1970.
CREATE TABLE minutes (id INTEGER PRIMARY KEY, form INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
CREATE TABLE tens (id INTEGER PRIMARY KEY, form INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
CREATE TABLE hours (id INTEGER PRIMARY KEY, form INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
-- Hours whose packs (stage 0) or minutes (stage 1) are to be summed up; done: the block or thing it came to.
CREATE TABLE due (stage INTEGER NOT NULL, hour INTEGER NOT NULL, done INTEGER NOT NULL,
    PRIMARY KEY (stage, hour)) STRICT, WITHOUT ROWID;
PRAGMA user_version={VERSION};
COMMIT;
"""

Form = tuple[str, tuple[str, ...]]


class Unusable(Exception):
    """The file is damaged, or of another version; it must be moved aside."""


class HistoryFile:
    """An open file of history. Raises `Unusable`; `sqlite3.Error` and `OSError` where it cannot be opened now.

    Its methods raise `sqlite3.Error`. All but `reading` are for one thread at a time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._forms: dict[int, Form] = {}
        self._readers = Readers(self._connect)
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        try:
            self.connection = self._connect()
            try:
                self._prepare()
            except BaseException:
                self.connection.close()
                raise
        except sqlite3.DatabaseError as error:
            if is_damage(error) or _is_barred(path):
                raise Unusable(str(error)) from error
            raise

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException:
            self._forms.clear()    # one of them may not have come to stay
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection of one's own, that sees one state of the file; for any thread."""
        with self._readers.reading() as connection:
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")

    def form(self, kind: str, metrics: Sequence[str]) -> int:
        """The id of a form, within a transaction; made if there was none."""
        wanted = (kind, tuple(metrics))
        for number, form in self._forms.items():
            if form == wanted:
                return number
        text = json.dumps(wanted[1])
        self.connection.execute("INSERT OR IGNORE INTO forms (kind, metrics) VALUES (?, ?)", (kind, text))
        found = self.connection.execute("SELECT id FROM forms WHERE kind = ? AND metrics = ?", (kind, text)).fetchone()
        self._forms[int(found[0])] = wanted
        return int(found[0])

    def size(self) -> int:
        """Bytes on disk, the write-ahead log included."""
        total = 0
        for path in (self.path, _beside(self.path, "-wal")):
            with suppress(FileNotFoundError):
                total += path.stat().st_size
        return total

    def pragma(self, name: str) -> int:
        """The value of a pragma that is a number."""
        return int(self.connection.execute(f"PRAGMA {name}").fetchone()[0])

    def close(self) -> None:
        """Close the file; readers that are at it finish first."""
        self._readers.close()
        with suppress(sqlite3.Error):
            self.connection.close()

    def _connect(self) -> sqlite3.Connection:
        return connected(self.path, _BUSY)

    def _prepare(self) -> None:
        version = self.pragma("user_version")
        if version not in (0, VERSION):
            raise Unusable(f"it was written by another version of hpm (schema {version}, this one knows {VERSION})")
        if not version:
            self.connection.execute(f"PRAGMA page_size={PAGE}")
            self.connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        for pragma in _PRAGMAS:
            self.connection.execute(f"PRAGMA {pragma}")
        if not version:
            if self.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise Unusable("it is not a history of hpm")
            self.connection.executescript(_SCHEMA)


def forms_of(connection: sqlite3.Connection) -> dict[int, Form]:
    """All forms, by id. Raises `Unusable`."""
    rows = connection.execute("SELECT id, kind, metrics FROM forms")
    try:
        return {int(number): (str(kind), tuple(json.loads(metrics))) for number, kind, metrics in rows}
    except ValueError as error:
        raise Unusable(f"the names of its metrics are damaged: {error}") from error


def state(connection: sqlite3.Connection, name: str) -> int:
    """A number that was kept with `keep_state`, or 0."""
    found = connection.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
    return int(found[0]) if found else 0


def keep_state(connection: sqlite3.Connection, name: str, value: int) -> None:
    """Keep a number."""
    connection.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, value))


def _is_barred(path: Path) -> bool:
    """Whether there is something that nobody could use, however much room and time there were."""
    try:
        with path.open("r+b"):
            return False
    except (PermissionError, IsADirectoryError):
        return True
    except OSError:
        return False


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def move_aside(path: Path, stamp: str) -> Path:
    """Rename a file that cannot be used to NAME.damaged-STAMP, with its log; of earlier ones none is kept.

    Raises `OSError`.
    """
    aside = _beside(path, f".damaged-{stamp}")
    for older in path.parent.glob(f"{path.name}.damaged-*"):
        with suppress(FileNotFoundError):
            older.unlink()
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            _beside(path, suffix).rename(_beside(aside, suffix))
    return aside
