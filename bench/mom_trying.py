"""Part of bench.mom: what a cycle loses while somebody tries a memory policy that takes all the steps that it may.

The manager is the real one, on a simulated host that lives by the machine's clock. That host's counters are not read
from files, as a real one's are, so `READS` of a file for each guest are added to each observation: each read gives
Python's one lock away, and has to win it back from the policy.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from hpm.backend.simulated import Idle, Scenario, ServerSpec, SimulatedHypervisor
from hpm.engine.samples import HostSample
from hpm.manager.manager import Manager
from hpm.store.database import Database

#: Looks at each pair of guests, in functions, until there are no steps left.
GREEDY = """(def one (a) (guest.Control "balloon_target" (+ a a)))
(def ten (a) { (one a) (one a) (one a) (one a) (one a) (one a) (one a) (one a) (one a) (one a) })
(with Guests guest (with Guests other (ten 1)))"""
#: Files that are read for each guest: one for each of its vCPUs.
READS = 4
#: Seconds between two cycles; far fewer than on a host, so that many of them meet the policy.
PAUSE = 0.25


class ReadingHost(SimulatedHypervisor):
    """A simulated host with the reads of a real one."""

    reads = 0

    def observe(self) -> HostSample:
        """As always, after the reads."""
        file = os.open("/proc/self/schedstat", os.O_RDONLY)
        try:
            for _ in range(self.reads):
                os.pread(file, 256, 0)
        finally:
            os.close(file)
        return super().observe()


def trying(guests: int, cycles: int) -> dict[str, Any]:
    """How long cycles take (ms of wall time) alone, and while the policy is tried again and again."""
    servers = tuple(ServerSpec(name=f"guest{number}", load=Idle(), memory_mib=1024) for number in range(guests))
    with tempfile.TemporaryDirectory() as directory:
        host = ReadingHost(Scenario(cores=64, servers=servers, memory_mib=guests * 1024), time.monotonic_ns)
        host.reads = READS * guests
        database = Database(Path(directory) / "hpm.db")
        manager = Manager(host, database, 10.0, time.monotonic_ns, lambda: datetime.now(timezone.utc))
        manager.set_memory_level("advise")
        alone = _cycles(manager, cycles, lambda: True)
        took: list[float] = []
        ending, began = threading.Event(), threading.Event()

        def try_it() -> None:
            while not ending.is_set():
                begin = time.perf_counter()
                began.set()
                manager.memory.evaluate({"greedy": GREEDY})
                took.append(1000.0 * (time.perf_counter() - begin))

        thread = threading.Thread(target=try_it)
        thread.start()
        began.wait()
        beside = _cycles(manager, cycles, lambda: not took)    # at least as long as one try takes
        ending.set()
        thread.join()
        host.close()
        database.close()
    return {
        "guests": guests, "alone-ms": statistics.median(alone), "alone-most-ms": max(alone),
        "beside-ms": statistics.median(beside), "beside-most-ms": max(beside), "try-ms": statistics.median(took),
    }  # fmt: skip


def _cycles(manager: Manager, count: int, more: Callable[[], bool]) -> list[float]:
    times: list[float] = []
    while len(times) < count:
        time.sleep(PAUSE)
        begin = time.perf_counter()
        manager.cycle()
        times.append(1000.0 * (time.perf_counter() - begin))
    return times
