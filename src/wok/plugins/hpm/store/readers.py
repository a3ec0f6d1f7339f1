"""Connections to a file of SQLite. Those for reading wait for nobody who writes, also where the disk does not take
what is written."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

#: Idle connections that are kept: each is two open files and 0.1 MB, and to make one takes 0.1 ms.
_KEPT = 2
#: KiB that a connection may keep of its file, instead of SQLite's 2,000: the kernel has the file's pages as well, and
#: what fills with the file would have memory grow for hours.
_CACHE = 64


def is_damage(error: Exception) -> bool:
    """Whether SQLite complains of what is in the file; its other errors have classes of their own."""
    return type(error) is sqlite3.DatabaseError


def connected(path: Path, timeout: float) -> sqlite3.Connection:
    """For any thread; transactions begin when it is told so. It waits `timeout` seconds for other processes."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=timeout)
    connection.execute(f"PRAGMA cache_size=-{_CACHE}")
    # To obey, SQLite has looked at the file, and taken room for twenty pages at once, five times as much with large
    # pages. It takes less when it begins anew (`pcache1InitBulk` of its pcache1.c).
    connection.execute("PRAGMA shrink_memory")
    return connection


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
