"""The very library that Python's `sqlite3` uses, reached with ctypes: for what Python does not pass on of it."""

from __future__ import annotations

import ctypes
import re
import sqlite3
from functools import cache
from pathlib import Path


@cache
def library() -> ctypes.CDLL:
    """Raises `OSError` where it cannot be reached."""
    sqlite3.connect(":memory:").close()
    for line in Path("/proc/self/maps").read_text().splitlines():
        found = re.search(r"/\S*libsqlite3\S*\.so\S*$", line)
        if found is not None:
            return ctypes.CDLL(found[0])
    raise OSError("Python's sqlite3 has its own SQLite inside, which cannot be reached")


def why_not() -> str | None:
    """Why it cannot be reached here; None: it can."""
    try:
        library()
    except OSError as error:
        return str(error)
    return None


def memory_used() -> int:
    """Bytes that all its connections have (https://www.sqlite.org/c3ref/memory_highwater.html). Raises `OSError`."""
    asked = library().sqlite3_memory_used
    asked.restype = ctypes.c_int64
    return int(asked())
