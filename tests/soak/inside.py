"""What takes the memory of a running manager, told from inside it: a line of JSON every so often.

`tests.program` begins it where `HPM_TOLD_INSIDE` names a file.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Any

import msgspec

from hpm.heap import keep_one_heap
from hpm.host import running
from tests.sqlite_library import memory_used

from .growing import sizes, top
from .judging import SETTLING

SECONDS = 30.0

_LIBC = ctypes.CDLL(None)


class _Heap(ctypes.Structure):
    """`struct mallinfo2` of malloc.h."""

    _fields_ = [
        (name, ctypes.c_size_t) for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    ]  # fmt: skip


_LIBC.mallinfo2.restype = _Heap


class Inside(msgspec.Struct, frozen=True, rename="kebab"):
    """`heap-used`, `heap-free` and `mapped`: bytes that malloc has given away, keeps for later, and took from the
    kernel one by one. `blocks`: what Python's own allocator has given away, by number. `frozen`: objects that searches
    for garbage leave out. `sqlite`: bytes of all connections. `threads`: how many, by name. `containers`: elements of
    all that the manager refers to, by name (`growing.sizes`). `grown`: lines of code whose memory grew most since the
    tenth minute, where `PYTHONTRACEMALLOC` is set."""

    time: float
    heap_used: int
    heap_free: int
    mapped: int
    blocks: int
    frozen: int
    sqlite: int
    threads: dict[str, int]
    containers: dict[str, int]
    grown: list[str]


def begin(path: Path) -> None:
    """Tell of the manager that begins after this, until the process ends."""
    managers: list[object] = []
    make = running.Manager

    def made(*args: Any, **named: Any) -> Any:
        manager = make(*args, **named)
        managers.append(manager)
        return manager

    running.Manager = made  # type: ignore[assignment,misc]

    def tell() -> None:
        began = time.monotonic()
        before: tracemalloc.Snapshot | None = None
        while True:
            time.sleep(SECONDS)
            now, lines = time.monotonic() - began, []
            if tracemalloc.is_tracing() and now >= SETTLING:
                after = tracemalloc.take_snapshot()
                before = before or after
                lines = top(before, after)
                del after
            with path.open("ab") as file:
                file.write(msgspec.json.encode(_look(now, managers, lines)) + b"\n")

    keep_one_heap()    # before there is a thread, which would have one of its own
    threading.Thread(target=tell, name="told-inside", daemon=True).start()


def _look(now: float, managers: list[object], grown: list[str]) -> Inside:
    info = _LIBC.mallinfo2()
    threads: dict[str, int] = {}
    for thread in threading.enumerate():
        name = thread.name.rstrip("0123456789-_")
        threads[name] = threads.get(name, 0) + 1
    return Inside(
        round(now, 1), info.uordblks, info.fordblks, info.hblkhd, sys.getallocatedblocks(), gc.get_freeze_count(),
        memory_used(), threads, sizes(managers[-1]) if managers else {}, grown,
    )  # fmt: skip
