"""What a simulated host tells beside its counters: memory and QEMU's own CPU time, from what its guests do.

What memory guests need and have is in `memory`; faults and QEMU's system time come with the CPU time that it uses. A
guest whose calls hang (a fault) keeps the figures that it had.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np

from ...engine.counters import Column, Flags
from ...engine.table import Numbers, Table
from ..extras import BALLOON, NO_EXTRAS, PROCESSES, Extras
from .loads import SECOND
from .memory import KERNEL, SimulatedMemory
from .server import Server

_MIB: Final = 1 << 20


class Figures:
    """Gives the extras of a host; not thread-safe. `interval`: seconds between two samples."""

    def __init__(self) -> None:
        self.interval = 10.0
        self._given = NO_EXTRAS
        self._sampled_ns: int | None = None
        self._starts: tuple[tuple[str, str | None], ...] = ()

    def extras(
        self, now_ns: int, servers: Sequence[Server], hanging: Collection[str], unix: float, memory: SimulatedMemory
    ) -> Extras:
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
            stale = {uuid for uuid, start in starts if before.get(uuid) != start}
        else:
            uuids, stale = self._given.balloon.uuids, set()
        self._starts, self._sampled_ns = starts, now_ns
        memory.advance(now_ns, servers)
        silent = np.array([uuid in hanging for uuid in uuids], dtype=np.bool_)
        fresh = np.array([uuid in stale for uuid in uuids], dtype=np.bool_)
        run = np.array([sum(thread.run_ns for thread in server.threads) for server in servers], dtype=np.float64)
        taken: Column = np.full(len(uuids), now_ns, dtype=np.int64)
        balloon = Table(uuids, self._balloon(run / SECOND, servers, memory, unix), taken)
        # The kernel's files answer, whether a guest does or not.
        processes = Table(uuids, _processes(run / SECOND, balloon.columns["rss_bytes"]), taken)
        self._given = Extras(_kept(self._given.balloon, balloon, silent, fresh), processes)
        return self._given

    def _balloon(
        self, run: Numbers, servers: Sequence[Server], memory: SimulatedMemory, unix: float
    ) -> dict[str, Numbers]:
        rows = [_memory_row(server, memory) for server in servers]
        current, whole, usable, caches, resident, swapped, faults, tells = (
            np.array(rows, dtype=np.float64).reshape(-1, 8).T
        )
        silent = tells == 0
        columns = {
            "current_bytes": current, "maximum_bytes": whole, "unused_bytes": usable - caches,
            "available_bytes": current * (1 - KERNEL), "usable_bytes": usable, "rss_bytes": resident,
            "disk_caches_bytes": caches, "major_faults": np.floor(run * 0.5 + faults),
            "minor_faults": np.floor(run * 800), "swap_in_bytes": swapped, "swap_out_bytes": swapped,
            "last_update": np.full(len(run), float(int(unix))), "sampled": np.full(len(run), unix),
            "reported_bytes": current, "blurred_bytes": np.zeros(len(run)),
        }  # fmt: skip
        known = ("current_bytes", "maximum_bytes", "rss_bytes", "sampled", "reported_bytes", "blurred_bytes")
        return {
            name: np.where(silent, 0.0 if name == "last_update" else np.nan, columns[name])
            if name not in known else columns[name].copy() for name in BALLOON
        }  # fmt: skip


def _memory_row(server: Server, memory: SimulatedMemory) -> tuple[float, ...]:
    """What its balloon leaves it, what it is defined with, usable, in caches, resident, swapped, major faults; and
    whether its driver tells."""
    guest = memory.guest(server)
    assert guest is not None    # it runs
    caches = memory.caches(server, guest)
    usable = max(0.0, guest.current * (1 - KERNEL) - memory.need(server))
    tells = float(server.spec.balloon and server.spec.stats_period > 0)
    whole = float(server.spec.memory_mib * _MIB)
    return (
        guest.current, whole, usable, caches, memory.resident(server, guest), guest.swapped, guest.faults, tells,
    )  # fmt: skip


def _processes(run: Numbers, resident: Numbers) -> dict[str, Numbers]:
    """QEMU itself takes a little, in proportion to what its guest does."""
    unknown = np.full(len(run), np.nan)
    columns = {
        "user_seconds": run * 1.01, "system_seconds": run * 0.02, "resident_bytes": resident,
        "virtual_bytes": resident * 1.5,
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

