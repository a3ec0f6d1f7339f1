"""The journal: what hpm changed on the host, and what was there before.

An entry is durable before the first change it speaks of, so whatever happens to hpm, the values found
at the start can be put back. It knows a server by UUID *and start*: a guest that was started anew has
libvirt's own values again, and is not given stale ones. (One that was
saved has not: its entries become the next start's.)
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from ..errors import StoreDamaged, StoreError
from .committing import CommitOutcome, StoreLate
from .database import Database

log = logging.getLogger(__name__)

Control: TypeAlias = Literal[
    "cpu-shares", "cpu-quota", "balloon", "stats-period", "ksm", "vcpu-quota", "io-tune", "vcpu-pins", "emulator-pin",
    "blkio-weight", "swap-limit", "partition-shares",
]  # fmt: skip

#: Stands in place of a server's UUID where a control is the host's own; its start is then that of the kernel.
HOST: Final = "host"


class JournalEntry(msgspec.Struct, frozen=True):
    """One control of one server, or of the `HOST`. Values are texts: shares ``1024``; a quota ``20000 100000`` or ``max
    100000``; what a balloon leaves the guest, in bytes; how often its driver tells statistics, in seconds; KSM ``run
    pages-to-scan sleep-millisecs merge-across-nodes``, with ``advisor`` for pages that the kernel's advisor sets; the
    quota of each vCPU like one of the whole; limits of disks as JSON (null in
    what is intended: that one is held, the others are not); the CPUs of each vCPU as JSON, those of the
    emulator as a list (empty: any); a weight of block I/O, or ``usual``; limits of memory, and of memory and swap
    together, in KiB, ``max max`` for none. Of the shares of a partition, `uuid` is its path.

    `original` was there before hpm came; the value in force is `previous` or `intended` as long as
    nobody else changed it. `held`: an administrator did, and the server (of its disks, those that are null) is left
    alone until released.
    """

    uuid: str
    control: Control
    start: str
    original: str
    previous: str
    intended: str
    held: bool = False


_ALL = "SELECT uuid, control, start, original, previous, intended, held FROM journal"
_PUT = (
    "INSERT OR REPLACE INTO journal (uuid, control, start, original, previous, intended, held)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)


def write_entries(connection: sqlite3.Connection, entries: Sequence[JournalEntry]) -> None:
    """Have these and no others in an open file. Raises `sqlite3.Error`."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM journal")
    connection.executemany(_PUT, map(_row, entries))
    connection.execute("COMMIT")


class Journal:
    """The entries, in memory and in the store alike.

    `entries` is a new object after each change, so whoever keeps it can tell that nothing has changed. Those that are
    `aside` the store could not take: memory is ahead of it, and the file `aside` (JSON; None: none) tells the next
    start. That file is where the store's disk is not (of a real host: the run directory, which is memory), for that one
    is full, or hangs. It need not outlast the host's boot: the starts of servers that it tells of do not either.
    """

    def __init__(self, database: Database, aside: Path | None = None) -> None:
        self._database, self._aside_path = database, aside
        try:
            found = _entries(database.rows(_ALL))
        except msgspec.ValidationError as error:
            raise StoreDamaged(f"the store {database.path} is damaged at its journal: {error}") from error
        self.entries: Mapping[tuple[str, Control], JournalEntry] = {(e.uuid, e.control): e for e in found}
        known, beside = self.entries, _read_aside(aside) if aside is not None else []
        #: Those that the store could not take; by key.
        self.aside: Mapping[tuple[str, Control], JournalEntry] = {
            (one.uuid, one.control): one for one in beside
            if (kept := known.get((one.uuid, one.control))) is not None
            and not kept.held and (kept.start, kept.original) == (one.start, one.original)
        }  # fmt: skip
        if aside is not None and len(self.aside) < len(beside):    # they are over, and are not to come up again
            _write_aside(aside, self.aside.values())
        self.entries = {**known, **self.aside}
        # A change of which is not known whether it is kept, and how memory has it then.
        self._late: tuple[CommitOutcome, Callable[[], None]] | None = None

    def get(self, uuid: str, control: Control) -> JournalEntry | None:
        """The entry of one control, or None: hpm has not changed it."""
        return self.entries.get((uuid, control))

    def put(self, entries: Sequence[JournalEntry]) -> None:
        """Add or replace entries; durable when this returns. Raises `StoreError` and changes nothing; where the store
        did not answer in time, memory follows it when it does (`settle`)."""
        if not entries:
            return

        def taken() -> None:
            self.entries = {**self.entries, **{(e.uuid, e.control): e for e in entries}}

        # What a backup must know of is what was there before hpm came; what is intended changes all the time.
        new = any((known := self.get(e.uuid, e.control)) is None or known.original != e.original for e in entries)
        self._write(_PUT, [_row(entry) for entry in entries], taken, {(e.uuid, e.control) for e in entries}, worth=new)

    def drop(self, entries: Sequence[JournalEntry]) -> None:
        """Forget entries: their values were put back, or there is nothing to put back any more. Raises as `put`."""
        if not entries:
            return
        dropped = {(e.uuid, e.control) for e in entries}

        def taken() -> None:
            self.entries = {key: entry for key, entry in self.entries.items() if key not in dropped}

        self._write("DELETE FROM journal WHERE uuid = ? AND control = ?", list(dropped), taken, dropped, worth=True)

    def put_aside(self, entries: Sequence[JournalEntry]) -> None:
        """The store cannot take these, and they hold all the same: what they speak of is done nevertheless."""
        if entries:
            more = {(one.uuid, one.control): one for one in entries}
            self.entries = {**self.entries, **more}
            self._set_aside({**self.aside, **more})

    def catch_up(self) -> None:
        """Have the store take what is aside, if it does now."""
        try:
            self.put(list(self.aside.values()))
        except StoreError as error:
            log.debug("the journal is still ahead of its store: %s", error)

    def settle(self) -> None:
        """Take over what became of a change that the store had not answered to in time, if that is known now."""
        if self._late is not None and self._late[0].over.is_set():
            (outcome, taken), self._late = self._late, None
            if outcome.kept:
                taken()
                # What was put aside meanwhile is newer.
                self._set_aside({key: one for key, one in self.aside.items() if key in self.entries})
                self.entries = {**self.entries, **self.aside}

    def _set_aside(self, entries: Mapping[tuple[str, Control], JournalEntry]) -> None:
        if entries.keys() != self.aside.keys() or any(one is not self.aside[key] for key, one in entries.items()):
            self.aside = entries
            if self._aside_path is not None:
                _write_aside(self._aside_path, entries.values())

    def _write(
        self, statement: str, rows: Sequence[tuple[object, ...]], taken: Callable[[], None],
        keys: Set[tuple[str, Control]], *, worth: bool,
    ) -> None:  # fmt: skip
        """Change the store, then memory by `taken`; what these `keys` had aside is settled."""
        try:
            with self._database.transaction(worth=worth) as connection:
                self.settle()    # before anything is written again, that is known
                connection.executemany(statement, rows)
        except StoreLate as late:
            self._late = late.outcome, taken
            raise
        taken()
        self._set_aside({key: one for key, one in self.aside.items() if key not in keys})


def _entries(rows: Sequence[tuple[object, ...]]) -> list[JournalEntry]:
    found = msgspec.convert(rows, list[tuple[str, Control, str, str, str, str, bool]], strict=False)
    return [JournalEntry(*row) for row in found]


def _row(entry: JournalEntry) -> tuple[object, ...]:
    return (
        entry.uuid, entry.control, entry.start, entry.original, entry.previous, entry.intended, int(entry.held)
    )  # fmt: skip


def _read_aside(path: Path) -> list[JournalEntry]:
    """What an earlier process has kept aside. A file that is not whole is none: what it said is not known any more."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[JournalEntry])
    except FileNotFoundError:
        return []
    except (OSError, msgspec.MsgspecError) as error:
        log.warning("what was put back without the journal is not known: %s: %s", path, error)
        return []


def _write_aside(path: Path, entries: Iterable[JournalEntry]) -> None:
    """Keep these aside and no others. Where that fails, a next start does not know of them."""
    kept = list(entries)
    try:
        if not kept:
            path.unlink(missing_ok=True)
            return
        beside = path.with_name(path.name + ".new")
        beside.write_bytes(msgspec.json.encode(kept))
        beside.replace(path)
    except OSError as error:
        log.warning("what is put back without the journal is not kept for a next start: %s: %s", path, error)
