"""Counters of all vCPU threads of a host, as columns of numbers.

A host has thousands of vCPUs, and each cycle looks at every one of them. As objects they would cost more than
reading their counters does; as columns they cost next to nothing. A row is a thread, server after server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Column: TypeAlias = "npt.NDArray[np.int64]"
Flags: TypeAlias = "npt.NDArray[np.bool_]"


class Started(NamedTuple):
    """One start of a server, and the ids of its vCPUs' threads."""

    uuid: str
    start: str
    threads: tuple[int, ...]


class Layout:
    """Which rows belong to which server. Kept as long as no server and no vCPU comes or goes."""

    def __init__(self, servers: Iterable[Started]) -> None:
        self.servers = tuple(servers)
        self.place = {server.uuid: number for number, server in enumerate(self.servers)}
        self.bounds: Column = np.cumsum([0, *(len(server.threads) for server in self.servers)], dtype=np.int64)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.bounds[-1])

    def rows_of(self, uuid: str) -> slice:
        """The rows of one server. Raises `KeyError`."""
        place = self.place[uuid]
        return slice(int(self.bounds[place]), int(self.bounds[place + 1]))

    def sums(self, column: Column) -> list[int]:
        """The sum over the threads of each server."""
        running: Column = np.zeros(self.rows + 1, dtype=np.int64)
        np.cumsum(column, out=running[1:])
        sums: list[int] = (running[self.bounds[1:]] - running[self.bounds[:-1]]).tolist()
        return sums

    def rows_in(self, older: Layout) -> Column | None:
        """Where each thread of this layout stands in another one; -1: not there. None: all at the same place."""
        if older is self or older.servers == self.servers:
            return None
        known = {
            (server.uuid, server.start, thread): row
            for row, (server, thread) in enumerate((s, thread) for s in older.servers for thread in s.threads)
        }
        return np.array(
            [known.get((s.uuid, s.start, thread), -1) for s in self.servers for thread in s.threads], dtype=np.int64
        )


def moved(column: Column, rows: Column | None, absent: Column | int = 0) -> Column:
    """A column of an older layout, in the order of the new one (see `Layout.rows_in`); `absent` where a thread
    was not there."""
    if rows is None:
        return column
    if not len(column):
        return np.zeros(len(rows), dtype=np.int64) + absent
    found: Column = np.where(rows >= 0, column[rows], absent)
    return found


class ServerCounters(NamedTuple):
    """What one server has counted, an entry per vCPU thread; see `Counters`."""

    run_ns: tuple[int, ...]
    delay_ns: tuple[int, ...]
    starving: tuple[bool, ...]
    throttled_ns: int = 0


class Counters(Mapping[str, ServerCounters]):
    """What all threads have counted; as a mapping, by server.

    `run_ns` and `delay_ns` are the threads' schedstat: nanoseconds on a CPU, and runnable without one.
    `starving` is true for a vCPU that hardly ran since the sample before although its thread is runnable (the
    kernel credits delay only when a thread next runs). `throttled_ns` counts, for servers that have a quota,
    the time that it took.
    """

    __slots__ = ("delay_ns", "layout", "run_ns", "starving", "throttled_ns")

    def __init__(
        self, layout: Layout, run_ns: Column, delay_ns: Column, starving: Flags, throttled_ns: Mapping[str, int]
    ) -> None:
        self.layout = layout
        self.run_ns = run_ns
        self.delay_ns = delay_ns
        self.starving = starving
        self.throttled_ns = throttled_ns

    def __getitem__(self, uuid: str) -> ServerCounters:
        rows = self.layout.rows_of(uuid)
        return ServerCounters(
            tuple(self.run_ns[rows].tolist()),
            tuple(self.delay_ns[rows].tolist()),
            tuple(self.starving[rows].tolist()),
            self.throttled_ns.get(uuid, 0),
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self.layout.place)

    def __len__(self) -> int:
        return len(self.layout.place)

    def with_more(self, servers: Sequence[tuple[Started, ServerCounters]]) -> Counters:
        """These, and other servers behind them."""
        more = [counters for _, counters in servers]
        return Counters(
            Layout([*self.layout.servers, *(started for started, _ in servers)]),
            np.concatenate([self.run_ns, *(np.array(c.run_ns, dtype=np.int64) for c in more)]),
            np.concatenate([self.delay_ns, *(np.array(c.delay_ns, dtype=np.int64) for c in more)]),
            np.concatenate([self.starving, *(np.array(c.starving, dtype=np.bool_) for c in more)]),
            {**self.throttled_ns, **{started.uuid: c.throttled_ns for started, c in servers if c.throttled_ns}},
        )


_NOTHING: Column = np.zeros(0, dtype=np.int64)
NO_COUNTERS = Counters(Layout(()), _NOTHING, _NOTHING, np.zeros(0, dtype=np.bool_), {})
