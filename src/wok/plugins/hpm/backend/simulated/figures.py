"""What a simulated host tells beside its counters: memory and QEMU's own CPU time, from what its guests do.

A guest fills a part of its memory that is its own, a little more and less with time; faults and QEMU's system time
come with the CPU time that it uses. A guest whose calls hang (a fault) keeps the figures that it had.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from random import Random
from typing import Final

import numpy as np

from ...engine.counters import Column, Flags
from ...engine.table import Numbers, Table
from ..extras import BALLOON, NO_EXTRAS, PROCESSES, Extras
from .loads import SECOND
from .server import Server

#: Seconds in which a guest's memory use goes up and down once.
SWING: Final = 600.0

_MIB: Final = 1 << 20


class Figures:
    """Gives the extras of a host; not thread-safe. `interval`: seconds between two samples."""

    def __init__(self) -> None:
        self.interval = 10.0
        self._given = NO_EXTRAS
        self._sampled_ns: int | None = None
        self._starts: tuple[tuple[str, str | None], ...] = ()
        self._nature: Numbers = np.zeros((2, 0))

    def extras(self, now_ns: int, servers: Sequence[Server], hanging: Collection[str], unix: float) -> Extras:
        """The extras at that time, which is `unix` for the guests; those of before, if an interval has not passed.

        `servers` are those that have a process, `hanging` the UUIDs of those whose calls hang.
        """
        starts = tuple((server.uuid, server.start) for server in servers)
        news = starts != self._starts
        if not news and self._sampled_ns is not None and now_ns - self._sampled_ns < self.interval * SECOND:
            return self._given
        if news:
            before = dict(self._starts)
            uuids = tuple(uuid for uuid, _ in starts)
            self._nature = np.array([_nature(uuid) for uuid in uuids]).reshape(-1, 2).T
            stale = {uuid for uuid, start in starts if before.get(uuid) != start}
        else:
            uuids, stale = self._given.balloon.uuids, set()
        self._starts, self._sampled_ns = starts, now_ns
        silent = np.array([uuid in hanging for uuid in uuids], dtype=np.bool_)
        fresh = np.array([uuid in stale for uuid in uuids], dtype=np.bool_)
        run = np.array([sum(thread.run_ns for thread in server.threads) for server in servers], dtype=np.float64)
        mib = np.array([server.spec.memory_mib for server in servers], dtype=np.float64)
        taken: Column = np.full(len(uuids), now_ns, dtype=np.int64)
        balloon = Table(uuids, self._balloon(now_ns, run / SECOND, mib * _MIB, unix), taken)
        # The kernel's files answer, whether a guest does or not.
        processes = Table(uuids, _processes(run / SECOND, balloon.columns["rss_bytes"]), taken)
        self._given = Extras(_kept(self._given.balloon, balloon, silent, fresh), processes)
        return self._given

    def _balloon(self, now_ns: int, run: Numbers, memory: Numbers, unix: float) -> dict[str, Numbers]:
        share, phase = self._nature
        used = memory * (share + 0.08 * np.sin(2 * np.pi * (now_ns / SECOND / SWING + phase)))
        available = memory * 0.97
        caches = (available - used) * 0.6
        columns = {
            "current_bytes": memory, "maximum_bytes": memory, "unused_bytes": available - used - caches,
            "available_bytes": available, "usable_bytes": available - used, "rss_bytes": used + caches + 60 * _MIB,
            "disk_caches_bytes": caches, "major_faults": np.floor(run * 0.5), "minor_faults": np.floor(run * 800),
            "swap_in_bytes": run * 0, "swap_out_bytes": run * 0, "last_update": np.full(len(run), float(int(unix))),
            "sampled": np.full(len(run), unix),
        }  # fmt: skip
        return {name: columns[name].copy() for name in BALLOON}


def _processes(run: Numbers, resident: Numbers) -> dict[str, Numbers]:
    """QEMU itself takes a little, in proportion to what its guest does."""
    unknown = np.full(len(run), np.nan)
    columns = {
        "user_seconds": run * 1.01, "system_seconds": run * 0.02, "resident_bytes": resident,
        "pressure_some_seconds": unknown, "pressure_full_seconds": unknown,
    }  # fmt: skip
    return {name: columns[name].copy() for name in PROCESSES}


def _kept(before: Table, now: Table, silent: Flags, fresh: Flags) -> Table:
    """The table with the rows of before where a guest is silent; with none, where this start of it never spoke."""
    if not silent.any():
        return now
    old = before.aligned(now.uuids)
    columns = {}
    for name, column in now.columns.items():
        columns[name] = np.where(silent, np.where(fresh, np.nan, old.columns[name]), column)
    return Table(now.uuids, columns, np.where(silent, np.where(fresh, 0, old.taken_ns), now.taken_ns))


def _nature(uuid: str) -> tuple[float, float]:
    """The part of its memory that a guest fills, and when it fills most."""
    random = Random(uuid)
    return random.uniform(0.3, 0.75), random.random()
