"""Opening the store, also where its file is damaged: the last good backup takes its place, and it is kept aside.

What is in the journal speaks of the host as it is now, so an old journal is dangerous: it is taken from the damaged
file wherever that part of it is whole. So are tokens: one that was revoked must not be valid again.

The order of steps is such that a start after an end at any of them does the rest: what takes the place is complete
beside the file (`.restored`) before that is touched, and the write-ahead log of the damaged file is moved away before
there is another file that SQLite would apply it to. In it is what came to pass (`_TOLD`), so that whichever start opens
it first can tell. Where the store opens well, what waits beside it is of a recovery that ended before that, and goes.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeAlias, TypeVar

import msgspec

from ..errors import StoreDamaged, StoreError
from .backups import Backup, backups_of, copy_store, sync_directory, sync_file
from .catalog_store import load_setting
from .database import Database
from .journal import JournalEntry, write_entries
from .readers import is_damage
from .rows import Read, check_rows, check_whole, entry_name, read_entries, read_tokens
from .tokens import write_tokens

T = TypeVar("T")

log = logging.getLogger(__name__)

#: A part of a damaged file: what can be read of it, and the names of rows that cannot. None: it cannot be read at all.
Part: TypeAlias = "tuple[list[T], list[str]] | None"

#: Damaged files that are kept; older ones go.
KEPT = 3

#: The setting in which a file that takes the store's place says so.
_TOLD = "recovered"

#: What follows the store's name in that of a file kept aside. Numbered like backups, for a clock may go back; those of
#: earlier versions were not.
_ASIDE = re.compile(r"\.damaged-(?:([0-9]{6,})-)?[0-9]{8}T[0-9]{6}\.[0-9]{6}Z")


class Recovered(msgspec.Struct, frozen=True):
    """What came to pass: why, where the old file is now (None: there was none), which backup took its place, and
    whether journal and tokens are those of the old file, or as old as the backup. `unread`: rows of them that could not
    be read; then `journal` is false if one is of the journal."""

    why: str
    aside: Path | None
    backup: str
    time: str
    journal: bool
    tokens: bool
    unread: tuple[str, ...] = ()

    def said(self) -> str:
        """The same for people."""
        most = "changes of groups, policies and settings"
        lost = most if self.journal or self.unread else "all changes"
        old = "" if self.aside is None else f"; the old file is {self.aside}"
        tokens = "" if self.tokens else ". Tokens that were revoked since are valid again: see to them (hpm token-list)"
        unread = f". Of the old file could not be read: {', '.join(self.unread)}" if self.unread else ""
        lost = f"{lost} since {self.time} are lost"
        return f"{self.why}. The backup {self.backup} took its place: {lost}{old}{unread}{tokens}"


def open_store(path: Path) -> tuple[Database, Recovered | None]:
    """Open it; where it is damaged, with what was done about that.

    Raises `StoreError` with what to do; it is as it was then.
    """
    try:
        _finish(path)
        why = _gone(path)
        if why is None:
            return _opened(path)
    except StoreDamaged as error:
        why = error.message
    except (sqlite3.Error, OSError) as error:
        raise _cannot(path, error) from error
    backups = backups_of(path)
    if not backups:
        raise StoreDamaged(f"{why}, and there is no backup. {_what_to_do(path)}", why)
    return _with_backup(path, backups, why)


def use_backup(path: Path, name: str) -> tuple[Database, Recovered]:
    """Put that backup in the place of the store, because somebody wants it; hpm must not run.

    Raises `StoreError`, also if there is no such backup.
    """
    chosen = [backup for backup in backups_of(path) if backup.name == name]
    if not chosen:
        raise StoreError(f"there is no backup {name} of {path}; 'hpm backup-list' shows them")
    try:
        _finish(path)    # of one that was interrupted: in what waits there is the journal
    except (sqlite3.Error, OSError) as error:
        raise _cannot(path, error) from error
    return _with_backup(path, chosen, "a backup was asked for")


def _cannot(path: Path, error: Exception) -> StoreError:
    return StoreError(f"the store {path} cannot be opened: {error}; check the directory's rights")


def is_kept(path: Path) -> bool:
    """Whether there is anything of a store: its file, what is left of one, or a backup."""
    return any(_beside(path, suffix).exists() for suffix in ("", "-wal", ".restored")) or bool(backups_of(path))


def host_of(path: Path) -> str | None:
    """Whose the store (or backup) in a file is; None if it does not say so, or is damaged. Raises `StoreError`."""
    found = _part(path, "settings", _read_host)
    return found[0][0] if found and found[0] else None


def _read_host(read: Read) -> tuple[list[str], list[str]]:
    rows = read("SELECT CAST(value AS BLOB) FROM settings WHERE name = 'hypervisor'")
    return [value.decode(errors="replace") for (value,) in rows if isinstance(value, bytes)], []


def journal_of(path: Path) -> Part[JournalEntry]:
    """The journal of a file that may be damaged. Raises `StoreError` if it cannot be read now."""
    return _part(path, "journal", read_entries)


def _opened(path: Path) -> tuple[Database, Recovered | None]:
    """Open a file that is there, and find what it says of itself. Raises `StoreDamaged`, `StoreError`."""
    database = Database(path)
    try:
        check_rows(database.rows, path)
        for suffix in (".restored", ".restoring"):
            with suppress(FileNotFoundError):
                os.unlink(_beside(path, suffix))    # noqa: PTH108 (its faults are tried)
        return database, _told(database)
    except BaseException:
        database.close()
        raise


def _told(database: Database) -> Recovered | None:
    """What came to pass, if nobody was told yet."""
    said = load_setting(database, _TOLD)
    if said is None:
        return None
    try:
        with database.transaction(worth=False) as connection:
            connection.execute("DELETE FROM settings WHERE name = ?", (_TOLD,))
    except StoreError as error:
        log.warning("%s; what became of it is told again by the next start", error)
    try:
        return _recovered(said)
    except msgspec.MsgspecError as error:
        log.warning("a backup took the place of the store %s; which one cannot be read: %s", database.path, error)
        return None


def _recovered(said: str) -> Recovered:
    return msgspec.json.decode(said, type=Recovered, dec_hook=lambda _, value: Path(value))


def _part(path: Path, table: str, read: Callable[[Read], tuple[list[T], list[str]]]) -> Part[T]:
    if not path.exists() or path.stat().st_size == 0:
        return None    # SQLite would throw its write-ahead log away
    try:
        with closing(sqlite3.connect(path)) as connection:
            if [row[0] for row in connection.execute(f"PRAGMA quick_check('{table}')")] != ["ok"]:
                return None
            return read(_reader(connection))
    except sqlite3.Error as error:
        if is_damage(error) or "no such table" in str(error):
            return None
        raise StoreError(f"the {table} of the damaged store {path} cannot be read: {error}; start again") from error


def _reader(connection: sqlite3.Connection) -> Read:
    return lambda query: connection.execute(query).fetchall()


def _gone(path: Path) -> str | None:
    """Why there is nothing to open although there should be; None: there is, or it is a new store."""
    if path.exists() and path.stat().st_size > 0:
        return None
    log = _beside(path, "-wal")
    if backups_of(path) or (log.exists() and log.stat().st_size > 0):
        return f"the store {path} is {'empty' if path.exists() else 'gone'}, and it should not be"
    return None


def _with_backup(path: Path, backups: Sequence[Backup], why: str) -> tuple[Database, Recovered]:
    """The newest of these that is good takes its place."""
    # of tokens too: one that was revoked is not to come back
    entries, tokens = journal_of(path), _part(path, "tokens", read_tokens)
    unread = tuple(name for part in (entries, tokens) if part is not None for name in part[1])
    whole = entries is not None and not entries[1]
    bad = []
    for backup in backups:
        restored = _beside(path, ".restored")
        making = _beside(path, ".restoring")
        aside = _aside(path) if path.exists() else None
        try:
            copy_store(backup.path, making, check_whole)
            done = Recovered(why, aside, backup.name, backup.time, whole, tokens is not None, unread)
            with closing(sqlite3.connect(making, isolation_level=None)) as connection:
                if entries is not None:
                    old, _ = read_entries(_reader(connection))
                    known = [entry for entry in old if entry_name(entry.uuid, entry.control) in entries[1]]
                    write_entries(connection, [*entries[0], *known])
                if tokens is not None and connection.execute("PRAGMA table_info('tokens')").fetchone() is not None:
                    write_tokens(connection, tokens[0])
                # no backup has this count of changes, so one is made of this soon
                said = msgspec.json.encode(done, enc_hook=str).decode()
                connection.executemany(
                    "INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)",
                    [(_TOLD, said), ("worth", str(time.time_ns()))],
                )
            sync_file(making)
            os.replace(making, restored)    # noqa: PTH105 (its faults are tried)
            sync_directory(path.parent)
            if aside is not None:
                _move_aside(path, aside)
            _finish(path)
            return _opened(path)[0], done
        except StoreDamaged as error:
            bad.append(error.message)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"{why}, and its backup {backup.path} cannot take its place: {error}; check the directory's rights and"
                " free space, and start again"
            ) from error
    raise StoreDamaged(f"{why}; so is every backup ({'; '.join(bad)}). {_what_to_do(path)}", why)


def _asides(path: Path) -> list[tuple[int, Path]]:
    """The numbers and names of files that were kept aside, oldest first."""
    names = ((each, _ASIDE.fullmatch(each.name[len(path.name) :])) for each in path.parent.glob(f"{path.name}.*Z"))
    return sorted((int(name[1] or 0), each) for each, name in names if name is not None)


def _aside(path: Path) -> Path:
    """The name that a file is to have now."""
    number = max((number for number, _ in _asides(path)), default=0) + 1
    return _beside(path, datetime.now(timezone.utc).strftime(f".damaged-{number:06}-%Y%m%dT%H%M%S.%fZ"))


def _move_aside(path: Path, aside: Path) -> None:
    """Give a file another name, its log later (`_finish`). Of earlier ones, some stay. Raises `OSError`."""
    os.rename(path, aside)    # noqa: PTH104 (its faults are tried)
    sync_directory(path.parent)
    for _, each in _asides(path)[:-KEPT]:
        for suffix in ("", "-wal", "-shm"):
            with suppress(OSError):
                os.unlink(_beside(each, suffix))    # noqa: PTH108 (its faults are tried)


def _finish(path: Path) -> None:
    """Where a file was moved aside and its place is empty: move its log too, and let what waits take the place. Raises
    `OSError`, `sqlite3.Error`."""
    restored = _beside(path, ".restored")
    if path.exists() or not restored.exists():
        return
    aside = _aside_of(restored, path)
    for suffix in ("-wal", "-shm"):
        if _beside(path, suffix).exists():
            os.rename(_beside(path, suffix), _beside(aside, suffix))    # noqa: PTH104 (its faults are tried)
    sync_directory(path.parent)
    os.rename(restored, path)    # noqa: PTH104 (its faults are tried)
    sync_directory(path.parent)


def _aside_of(restored: Path, path: Path) -> Path:
    """Where the file is now whose place that one is to take. Raises `sqlite3.Error` if it cannot be read now."""
    aside = None
    try:
        with closing(sqlite3.connect(f"{restored.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT value FROM settings WHERE name = ?", (_TOLD,)).fetchone()
            aside = None if row is None else _recovered(row[0]).aside
    except (sqlite3.Error, msgspec.MsgspecError) as error:
        if isinstance(error, sqlite3.Error) and not is_damage(error):
            raise
        log.warning("the store %s is damaged: %s", restored, error)    # as is found when it has taken the place
    return path.with_name(f"{path.name}.damaged-gone" if aside is None else aside.name)


def _what_to_do(path: Path) -> str:
    """Without a backup, for whoever starts hpm."""
    journal = journal_of(path)
    if journal is None:
        first = "What hpm changed on this host cannot be read any more: see whether the servers' shares are as you want"
    elif any(journal):
        first = "Put back what hpm changed on this host, which can still be read: hpm restore"
    else:
        first = "Nothing on this host is to be put back"
    return f"{first}. Then give hpm a copy of the file of your own, or begin anew: move {path.parent} away"


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
