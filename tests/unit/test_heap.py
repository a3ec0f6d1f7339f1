"""Memory of the manager: what large requests leave behind in it, and how long it looks for garbage."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from hpm import heap
from hpm.host import running
from hpm.host.front import process
from hpm.host.front.certificate import own
from hpm.host.front.listening import open_listener
from hpm.host.front.settings import FrontSettings
from hpm.host.running import RunningManager
from tests.running import ManagerProcess, resident, unit_environment

from .api_host import BASE, GROUPS

NUMBERS = b"[" + b"1," * 6_000_000 + b"1]"
ATTRIBUTES = b"<a " + b" ".join(b'a%d="1"' % n for n in range(700_000)) + b"/>"
AT_ONCE = 6


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this libc is not glibc")
def test_large_imports_that_are_refused_leave_the_manager_small(tmp_path: Path) -> None:
    with ManagerProcess(tmp_path, "simulated") as manager:
        assert manager.process is not None

        def refused(text: bytes) -> None:
            transport = httpx.HTTPTransport(uds=str(manager.socket))
            with httpx.Client(transport=transport, base_url="http://hpm", timeout=60, trust_env=False) as client:
                for _ in range(3):
                    assert client.post(f"{BASE}{GROUPS}/import", content=text).status_code == 400

        before = resident(manager.process.pid)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for text in (NUMBERS, ATTRIBUTES):
                list(pool.map(refused, [text] * AT_ONCE))
                assert resident(manager.process.pid) - before < 10_000_000


#: What scripts begin with that look at the heap (mallinfo2(3)).
_LOOKING = """
import ctypes, sys
import numpy as np
from hpm import heap

class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Info
"""

_HOURLY = _LOOKING + """\
if "kept" in sys.argv:
    heap.keep_one_heap()
for _ in range(3):    # as each hour's figures are summed up
    before = libc.mallinfo2().hblkhd
    hour = np.ones(int(sys.argv[1]) // 8)
    print(libc.mallinfo2().hblkhd - before)
    del hour
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="this libc is not glibc 2.33 or later")
@pytest.mark.parametrize("size", [200_000, 24_000_000])
def test_what_is_large_is_no_part_of_the_heap(size: int) -> None:
    """Of itself glibc takes it from there from the second time on."""
    for how in ([], ["kept"]):
        command = [sys.executable, "-c", _HOURLY, str(size), *how]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        apart = [int(taken) >= size for taken in told.split()]    # bytes taken from the kernel
        assert all(apart) if how else not apart[-1]


_SERIES = _LOOKING + """\
if "taken" in sys.argv:
    heap.take_small_arrays()
before = libc.mallinfo2().uordblks
for length in range(1, 1_500):    # as an hour's series grows
    for _ in range(2):
        known = [np.ones(length, np.bool_) for _ in range(10)]
del known
print(libc.mallinfo2().uordblks - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="this libc is not glibc 2.33 or later")
def test_series_that_grow_longer_leave_nothing_in_the_heap() -> None:
    """Of itself numpy keeps some of each length."""
    def left(*how: str) -> int:
        return int(subprocess.run(
            [sys.executable, "-c", _SERIES, *how], capture_output=True, text=True, check=True,
            env={**os.environ, "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"},    # as in the unit
        ).stdout)  # fmt: skip

    assert left() > 3_000_000 > 10 * left("taken")


_HOUR = _LOOKING + """\
from pathlib import Path
from hpm.store.history import Frame, History

now, metrics, keys = 3600.0, tuple(f"m{number}" for number in range(20)), tuple(f"k{number}" for number in range(9))
history = History(Path(sys.argv[1]), {"server": metrics}, wall=lambda: now)
while now < 7200.0:
    history.add(now, {"server": Frame(keys, np.full((20, 9), now))})
    now += 3.0
    while now < 7200.0 and history.work(1.0):
        pass
heap.keep_one_heap()
libc.mallopt(-1, 1 << 30)    # M_TRIM_THRESHOLD: it stays as large as it once was
libc.malloc_trim(0)
before = libc.mallinfo2().arena
while history.work(1.0):
    pass
print(libc.mallinfo2().arena - before)
history.close()
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="this libc is not glibc 2.33 or later")
def test_an_hour_is_summed_up_with_little_of_it_in_the_heap(tmp_path: Path) -> None:
    """Its figures are 32 × 20 × 1,200 of 4 bytes: they are in one piece, which is no part of it."""
    command = [sys.executable, "-c", _HOUR, str(tmp_path / "history.db")]
    taken = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert taken < 32 * 20 * 1_200 * 4 / 2


class Knot:
    """Garbage that only a search finds, once nobody else holds it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def searches() -> Iterator[None]:
    before = gc.callbacks[:]
    gc.callbacks.clear()
    heap.keep_searches_short()
    yield
    gc.callbacks[:] = before
    gc.unfreeze()


@pytest.mark.usefixtures("searches")
def test_what_outlives_a_search_is_left_out_of_later_ones() -> None:
    kept = [Knot() for _ in range(200_000)]
    took = []
    for _ in range(3):
        began = time.thread_time()
        gc.collect()
        took.append(time.thread_time() - began)
    assert min(took[1:]) < took[0] / 10
    assert len(kept) == 200_000
    lost = weakref.ref(Knot())    # what came later is found as ever
    gc.collect()
    assert lost() is None


@pytest.mark.usefixtures("searches")
def test_everything_is_looked_through_once_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    knot = Knot()
    gc.collect()
    lost = weakref.ref(knot)
    del knot
    gc.collect()
    assert lost() is not None
    monkeypatch.setattr(heap, "EVERYTHING", -1.0)    # it is over
    gc.collect()
    assert lost() is None


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this libc is not glibc")
@pytest.mark.usefixtures("searches")
def test_what_is_free_between_what_lives_on_is_given_back_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = [bytes(20_000) for _ in range(4_000)]
    whole = resident(os.getpid())
    del pieces[::2]
    gc.collect()
    assert resident(os.getpid()) > whole - 10_000_000, "the last time is no minute ago"
    monkeypatch.setattr(heap, "GIVING", -1.0)    # it is over
    gc.collect(0)    # however short the search is
    assert resident(os.getpid()) < whole - 20_000_000
    assert len(pieces) == 2_000


#: Has threads take and free memory of many sizes, and prints the bytes that stay taken while they live.
CROWD = """
import ctypes, threading
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "abcdefghij"]
libc.mallinfo2.restype = Info
libc.mallopt(-8, 1)
done, end = threading.Barrier(21), threading.Event()
def work():
    for size in range(24, 1000, 16):
        for piece in [libc.malloc(size) for _ in range(7)]:
            libc.free(piece)
    done.wait()
    end.wait()
threads = [threading.Thread(target=work) for _ in range(20)]
before = libc.mallinfo2().h
for thread in threads:
    thread.start()
done.wait()
print(libc.mallinfo2().h - before)
end.set()
"""


def stays(script: str, more: dict[str, str]) -> int:
    """What the script says that stays, with `more` and nothing else of what the unit sets."""
    env = {name: value for name, value in os.environ.items() if name not in unit_environment()} | more
    return int(subprocess.run([sys.executable, "-c", script], env=env, check=True, capture_output=True).stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="this libc is not glibc, or an old one")
def test_under_its_unit_no_thread_keeps_what_it_freed() -> None:
    assert stays(CROWD, unit_environment()) < stays(CROWD, {}) / 10


#: Frees all but one in a thousand of many small objects, and prints the bytes of them that the process still has.
SMALL = """
import os
from hpm import heap
from tests.running import resident

heap.keep_one_heap()
before = resident(os.getpid())
pieces = [str(number) for number in range(100_000, 600_000)]
pieces = pieces[::1_000]
heap.give_memory_back()
print(resident(os.getpid()) - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this libc is not glibc")
def test_under_its_unit_small_objects_that_live_on_keep_only_their_pages() -> None:
    """Of itself Python keeps the MiB around each of them."""
    assert stays(SMALL, {}) > 20_000_000 > 5 * stays(SMALL, unit_environment())


class Asked(Exception):
    """Instead of what was asked for."""


def ask() -> None:
    raise Asked


@pytest.mark.parametrize("what", ["keep_one_heap", "keep_searches_short", "take_small_arrays"])
def test_a_manager_asks_for_it_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    for each in ("keep_one_heap", "keep_searches_short", "take_small_arrays"):    # of this process, which is none
        monkeypatch.setattr(running, each, ask if each == what else lambda: None)
    with pytest.raises(Asked):
        RunningManager("simulated:1", tmp_path / "state", tmp_path / "s", 1.0).stop()


def test_a_front_asks_for_one_heap_and_gives_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = FrontSettings(manager_socket="/nowhere", directory=str(tmp_path))
    monkeypatch.setattr(process, "to_stderr", lambda *_: None)
    monkeypatch.setattr(process, "keep_one_heap", ask)
    with pytest.raises(Asked):
        process.run(settings)
    monkeypatch.setattr(process, "GIVING", 0.01)
    monkeypatch.setattr(process, "give_memory_back", ask)
    made = own(tmp_path)
    with open_listener("127.0.0.1:0") as listener, pytest.raises(Asked):
        asyncio.run(process._serve(settings, listener, made.context(), made))


@pytest.mark.usefixtures("searches")
def test_a_process_searches_once_however_often_it_is_told() -> None:
    heap.keep_searches_short()
    assert sum(isinstance(one, heap.Searches) for one in gc.callbacks) == 1
