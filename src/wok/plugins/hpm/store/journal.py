"""The journal: what hpm changed on the host, and what was there before.

An entry is durable before the first change it speaks of, so whatever happens to hpm, the values found
at the start can be put back. It knows a server by UUID *and start*: a guest that was started anew has
libvirt's own values again, and is not given stale ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from .database import Database

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


class Journal:
    """The entries, in memory and in the store alike.

    `entries` is a new object after each change, so whoever keeps it can tell that nothing has changed.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        query = "SELECT uuid, control, start, original, previous, intended, held FROM journal"
        rows = msgspec.convert(database.rows(query), list[tuple[str, Control, str, str, str, str, bool]], strict=False)
        found = [JournalEntry(*row) for row in rows]
        self.entries: Mapping[tuple[str, Control], JournalEntry] = {(e.uuid, e.control): e for e in found}

    def get(self, uuid: str, control: Control) -> JournalEntry | None:
        """The entry of one control, or None: hpm has not changed it."""
        return self.entries.get((uuid, control))

    def put(self, entries: Sequence[JournalEntry]) -> None:
        """Add or replace entries; durable when this returns. Raises `StoreError` and changes nothing."""
        if not entries:
            return
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO journal (uuid, control, start, original, previous, intended, held)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(e.uuid, e.control, e.start, e.original, e.previous, e.intended, int(e.held)) for e in entries],
            )
        self.entries = {**self.entries, **{(e.uuid, e.control): e for e in entries}}

    def drop(self, entries: Sequence[JournalEntry]) -> None:
        """Forget entries: their values were put back, or there is nothing to put back any more."""
        if not entries:
            return
        with self._database.transaction() as connection:
            connection.executemany(
                "DELETE FROM journal WHERE uuid = ? AND control = ?", [(e.uuid, e.control) for e in entries]
            )
        dropped = {(e.uuid, e.control) for e in entries}
        self.entries = {key: entry for key, entry in self.entries.items() if key not in dropped}
