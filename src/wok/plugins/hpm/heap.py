"""Memory of the process: what a large request took is given back to the system, and garbage is looked for in time.

glibc keeps freed memory for the next request, in a heap for each thread. Some imports of many megabytes at once,
refused or not, would leave hundreds of megabytes in the manager; and what lives on beside what was freed keeps each
hour's summing up, and each crowd of clients, for months. So after a large request, and once a minute at most, what is
free is given back. Other libcs have neither the habit nor these functions (mallopt(3), malloc_trim(3)). Python's own
allocator, for what is of 512 bytes or less, gives back nothing but whole MiB: hpm's units have it use glibc's
(PYTHONMALLOC), which is chosen when the interpreter starts.

Python looks through all objects for those that only hold each other, with its lock held: for ten thousand servers
0.1 s, several times a minute, for which every request waits. So what has outlived such a search is left out of the
later ones (`gc.freeze`), and only once an hour all is looked through.
"""

from __future__ import annotations

import ctypes
import gc
import time

#: `M_ARENA_MAX` and `M_MMAP_THRESHOLD` of malloc.h.
_ARENA_MAX, _MMAP_THRESHOLD = -8, -3
#: Bytes from which on something is no part of the heap. It is where glibc begins, too; and a column of figures of ten
#: thousand servers, of which a cycle makes hundreds, is less: what is mapped costs two calls of the kernel each time.
LARGE = 128 << 10

#: Python's oldest generation of objects: a search in it is one in all that is not left out.
_OLDEST = 2
#: Seconds from one search in everything to the next.
EVERYTHING = 3600.0
#: Seconds at least between two times that free memory is given back.
GIVING = 60.0

_LIBC = ctypes.CDLL(None)


def keep_one_heap() -> None:
    """Have one heap for all threads from now on: only that one is given back whole. And have nothing in it that is
    large, so that this is given back at once: of itself glibc takes what is large from the heap, too, once something as
    large was freed, and numpy asks for huge pages for it, in which small things then stay.

    Python's threads take turns anyway.
    """
    if hasattr(_LIBC, "mallopt"):
        _LIBC.mallopt(_ARENA_MAX, 1)
        _LIBC.mallopt(_MMAP_THRESHOLD, LARGE)


def take_small_arrays() -> None:
    """Have numpy keep now what it would keep after an hour; takes 20 ms.

    It keeps what was freed of each size below 1 KiB, seven pieces at most (`npy_alloc_cache` of its alloc.c): 3.6 MiB.
    They come one by one, as series grow longer, and each stays where it happens to be: strewn over the heap, of which
    little can be given back around them.
    """
    import numpy as np  # the web front does without

    for size in range(1, 1 << 10):
        [np.empty(size, np.uint8) for _ in range(7)]


def give_memory_back() -> None:
    """Give back what is free; takes milliseconds (4 to 12 for 200 MB, half of them free in small pieces)."""
    if hasattr(_LIBC, "malloc_trim"):
        _LIBC.malloc_trim(0)


def keep_searches_short() -> None:
    """Have searches for garbage leave out what has outlived one, and give back what is free; of the whole process."""
    if not any(isinstance(one, Searches) for one in gc.callbacks):
        gc.callbacks.append(Searches())


class Searches:
    """Is told by Python (`gc.callbacks`) of each search's start and stop."""

    def __init__(self) -> None:
        self._everything = self._given = time.monotonic()    # when all was looked through, and memory given back

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        oldest = info["generation"] >= _OLDEST    # Python 3.14 has none such, and its searches are short by themselves
        if phase == "start":
            if oldest and time.monotonic() - self._everything > EVERYTHING:
                self._everything = time.monotonic()
                gc.unfreeze()
            return
        if oldest:
            gc.freeze()
        if time.monotonic() - self._given > GIVING:
            give_memory_back()
            self._given = time.monotonic()
