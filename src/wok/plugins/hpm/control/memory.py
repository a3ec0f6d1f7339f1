"""Memory of the process: what a large request took is given back to the system.

glibc keeps freed memory for the next request, in a heap for each thread. Some imports of many megabytes at once,
refused or not, would leave hundreds of megabytes in the manager. Other libcs have neither the habit nor these
functions (mallopt(3), malloc_trim(3)).
"""

from __future__ import annotations

import ctypes

#: `M_ARENA_MAX` of malloc.h.
_ARENA_MAX = -8

_LIBC = ctypes.CDLL(None)


def keep_one_heap() -> None:
    """Have one heap for all threads from now on: only that one is given back whole.

    Python's threads take turns anyway.
    """
    if hasattr(_LIBC, "mallopt"):
        _LIBC.mallopt(_ARENA_MAX, 1)


def give_memory_back() -> None:
    """Give back what is free; takes milliseconds."""
    if hasattr(_LIBC, "malloc_trim"):
        _LIBC.malloc_trim(0)
