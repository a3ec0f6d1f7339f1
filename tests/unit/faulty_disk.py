"""A disk that hangs, or is full, below the store."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator

import pytest


class Disk:
    """Hangs from `hang` to `answer`; is full from `fill` to `empty`."""

    def __init__(self) -> None:
        self._answers = threading.Event()
        self._answers.set()
        self.full = False
        self.waiting = threading.Event()

    def hang(self) -> None:
        self.waiting.clear()
        self._answers.clear()

    def answer(self) -> None:
        self._answers.set()

    def write(self) -> None:
        """What a commit does. Raises `sqlite3.OperationalError`."""
        if not self._answers.is_set():
            self.waiting.set()
            self._answers.wait(30.0)
        if self.full:
            raise sqlite3.OperationalError("database or disk is full")


DISK = Disk()


class OnDisk(sqlite3.Connection):
    """Commits of what was written are written to `DISK`."""

    reads = False

    def execute(self, statement: str, *values: object) -> sqlite3.Cursor:    # type: ignore[override]
        self.reads |= statement == "PRAGMA query_only=ON"
        if statement == "COMMIT" and not self.reads:
            DISK.write()
        return super().execute(statement, *values)    # type: ignore[arg-type]


def on_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """What a fixture yields: stores that are opened meanwhile are on `DISK`, which is well before and afterwards."""
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **more: connect(*args, **{"factory": OnDisk, **more}))
    DISK.full = False
    DISK.answer()
    yield DISK
    DISK.full = False
    DISK.answer()
