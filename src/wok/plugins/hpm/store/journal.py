"""The journal: what hpm changed on the host, and what was there before.

An entry is durable before the first change it speaks of, so whatever happens to hpm, the values found
at the start can be put back. It knows a server by UUID *and start*: a guest that was started anew has
libvirt's own values again, and is not given stale ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

from .database import Database

Control: TypeAlias = Literal["cpu-shares", "cpu-quota"]


class JournalEntry(msgspec.Struct, frozen=True):
    """One control of one server. Values are texts: shares ``1024``; a quota ``20000 100000`` or ``max 100000``.

    `original` was there before hpm came; the value in force is `previous` or `intended` as long as
    nobody else changed it. `held`: an administrator did, and the server is left alone until released.
    """

    uuid: str
    control: Control
    start: str
    original: str
    previous: str
    intended: str
    held: bool = False


class Journal:
    """The entries, in memory and in the store alike."""

    def __init__(self, database: Database) -> None:
        self._database = database
        query = "SELECT uuid, control, start, original, previous, intended, held FROM journal"
        self._entries: dict[tuple[str, Control], JournalEntry] = {}
        for row in database.rows(query):
            entry = JournalEntry(*msgspec.convert(row, tuple[str, Control, str, str, str, str, bool], strict=False))
            self._entries[entry.uuid, entry.control] = entry

    def entries(self) -> list[JournalEntry]:
        """All entries."""
        return list(self._entries.values())

    def get(self, uuid: str, control: Control) -> JournalEntry | None:
        """The entry of one control, or None: hpm has not changed it."""
        return self._entries.get((uuid, control))

    def put(self, entries: Iterable[JournalEntry]) -> None:
        """Add or replace entries; durable when this returns. Raises `StoreError` and changes nothing."""
        entries = list(entries)
        if not entries:
            return
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO journal (uuid, control, start, original, previous, intended, held)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(e.uuid, e.control, e.start, e.original, e.previous, e.intended, int(e.held)) for e in entries],
            )
        for entry in entries:
            self._entries[entry.uuid, entry.control] = entry

    def drop(self, entries: Iterable[JournalEntry]) -> None:
        """Forget entries: their values were put back, or there is nothing to put back any more."""
        entries = list(entries)
        if not entries:
            return
        with self._database.transaction() as connection:
            connection.executemany(
                "DELETE FROM journal WHERE uuid = ? AND control = ?", [(e.uuid, e.control) for e in entries]
            )
        for entry in entries:
            self._entries.pop((entry.uuid, entry.control), None)
