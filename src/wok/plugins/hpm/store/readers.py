"""Connections for reading: they wait for nobody who writes, also where the disk does not take what is written."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Idle connections that are kept.
_KEPT = 4
#: What each of them may keep of the file, instead of SQLite's 2 MB: the kernel has its pages as well, and memory that
#: fills with the file would grow for the first hours.
_CACHE = "cache_size=-256"    # KiB


class Readers:
    """Connections that `connect` makes, each for one reader at a time. Any thread may ask."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One that sees the newest state. Raises `sqlite3.Error`."""
        with self._lock:
            if self._closed:
                raise sqlite3.ProgrammingError("the file is closed")
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = self._connect()
            connection.execute("PRAGMA query_only=ON")
            connection.execute(f"PRAGMA {_CACHE}")
        good = False
        try:
            yield connection
            good = True
        finally:
            with self._lock:
                keep = good and not self._closed and len(self._idle) < _KEPT
                if keep:
                    self._idle.append(connection)
            if not keep:
                connection.close()

    def close(self) -> None:
        """Close those that are idle; others are when they are done."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
