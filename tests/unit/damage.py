"""Damage to the file of a store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

#: Bytes of a page, as SQLite has it where nobody says otherwise.
PAGE = 4096


def spoil_page(store: Path, page: int) -> None:
    """Overwrite a page."""
    with store.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\xa5" * PAGE)


def spoil_table(store: Path, table: str) -> None:
    """Overwrite the first page of a table."""
    with closing(sqlite3.connect(store)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    spoil_page(store, page)
