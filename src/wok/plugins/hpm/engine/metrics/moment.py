"""One moment of a host as columns: what the metrics' functions read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np

from ..counters import Column, Flags
from ..index import DISCRETIONARY_PI, LEAST_VELOCITY, MET
from ..samples import HostSample, ServerSample
from ..table import Table, empty
from ..windows import HostWindow, ServerWindow
from .attainment import Attained
from .devices import DeviceColumns
from .metric import FloatColumn, unknown
from .roster import Roster

T = TypeVar("T")


class Beside(NamedTuple):
    """What was sampled beside the counters of the vCPUs, each at a pace of its own: what the balloon tells, what QEMU's
    process tells, the rates of their counters, and what devices tell (columns: `backend.extras`)."""

    balloon: Table
    processes: Table
    balloon_rates: Table
    process_rates: Table
    devices: Table


NOTHING = Beside(*[empty(())] * 5)


class Moment:
    """A sample and the window that ended with it, of the servers of a roster, and what was sampled beside. Columns have
    a row for each server; NaN where nothing is known, as of servers that do not run."""

    def __init__(
        self, roster: Roster, sample: HostSample, window: HostWindow | None, beside: Beside, attained: Attained
    ) -> None:
        self.roster = roster
        self.attained = attained
        self.sample = sample
        self.window = window
        self._beside = beside

    # -- what was sampled

    def counted(self, column: Column) -> FloatColumn:
        """Nanoseconds of all vCPU threads, as seconds of each server."""
        layout = self.sample.counters.layout
        return self.roster.spread(layout, np.array(layout.sums(column), dtype=np.float64) / 1e9)

    def sampled(self, of: Callable[[ServerSample], float | None]) -> FloatColumn:
        """A figure of each server that has a process."""
        return _column(self._processes, of)

    @cached_property
    def _processes(self) -> list[ServerSample | None]:
        return [self.sample.samples.get(uuid) for uuid in self.roster.uuids]

    @cached_property
    def cpu_time(self) -> FloatColumn:
        """Seconds that vCPUs ran."""
        return self.counted(self.sample.counters.run_ns)

    @cached_property
    def cpu_delay_time(self) -> FloatColumn:
        """Seconds that vCPUs waited, as the kernel has credited them."""
        return self.counted(self.sample.counters.delay_ns)

    @cached_property
    def starving(self) -> FloatColumn:
        """vCPUs that are runnable and hardly ran."""
        return self.counted(self.sample.counters.starving.astype(np.int64) * 1_000_000_000)

    @cached_property
    def _aligned(self) -> Beside:
        aligned = (table.aligned(self.roster.uuids) for table in self._beside[:-1])
        return Beside._make((*aligned, self._beside.devices))

    @cached_property
    def devices(self) -> DeviceColumns:
        """What disks and interfaces tell."""
        return self.roster.devices(self._beside.devices)

    def balloon(self, column: str) -> FloatColumn:
        """What the balloon tells."""
        return self._told(self._aligned.balloon, column)

    def process(self, column: str) -> FloatColumn:
        """What QEMU's process tells."""
        return self._told(self._aligned.processes, column)

    def balloon_rate(self, column: str) -> FloatColumn:
        """How fast a counter of the balloon grew, per second."""
        return self._told(self._aligned.balloon_rates, column)

    def process_rate(self, column: str) -> FloatColumn:
        """How fast a counter of QEMU's process grew, per second."""
        return self._told(self._aligned.process_rates, column)

    def _told(self, table: Table, column: str) -> FloatColumn:
        return table.columns[column] if column in table.columns else unknown(len(self.roster.uuids))

    @cached_property
    def shares(self) -> FloatColumn:
        """CPU shares in force."""
        return self.sampled(lambda one: one.shares)

    @cached_property
    def vcpus(self) -> FloatColumn:
        """Virtual CPUs of servers that have a process."""
        return self.sampled(lambda one: len(one.threads))

    @cached_property
    def quota(self) -> FloatColumn:
        """CPUs that a quota lets it have."""
        return self.sampled(lambda one: None if one.quota_us is None else one.quota_us / one.period_us)

    # -- what happened in the window

    @cached_property
    def _windows(self) -> list[ServerWindow | None]:
        servers = {} if self.window is None else self.window.servers
        return [servers.get(uuid) for uuid in self.roster.uuids]

    def _seen(self, of: Callable[[ServerWindow], float]) -> FloatColumn:
        return _column(self._windows, of)

    @cached_property
    def using(self) -> FloatColumn:
        """CPUs used."""
        return self._seen(lambda one: one.using)

    @cached_property
    def delay(self) -> FloatColumn:
        """CPUs waited for."""
        return self._seen(lambda one: one.delay)

    @cached_property
    def throttled(self) -> FloatColumn:
        """CPUs that a quota took."""
        return self._seen(lambda one: one.throttled)

    @cached_property
    def busy(self) -> FloatColumn:
        """1 for servers that worked, 0 for those that did not."""
        return self._seen(lambda one: one.activity == "busy")

    @cached_property
    def velocity(self) -> FloatColumn:
        """In percent; of servers that worked."""
        return velocity(self.using, self.delay, self.busy == 1.0)

    @cached_property
    def index(self) -> FloatColumn:
        """PI of servers that worked and have a goal (discretionary work too)."""
        return index(self.roster.goal, self.roster.discretionary == 1.0, self.velocity)

    @cached_property
    def judged(self) -> FloatColumn:
        """1 where a goal of velocity was to be met: of servers that were watched over the window and not paused."""
        watched = ~np.isnan(self.using) & (self.roster.paused == 0.0)
        return np.asarray(watched & ~np.isnan(self.roster.goal), dtype=np.float64)

    @cached_property
    def met(self) -> FloatColumn:
        """1 where it was: an idle server's counts as met."""
        return met(self.judged, self.index)

    @cached_property
    def entitlement(self) -> FloatColumn:
        """CPUs that its shares entitle it to among those that worked below the same parent, of what servers elsewhere
        left of the host; at most its vCPUs, and what its quota lets it have."""
        window = self.window
        column = unknown(len(self.roster.uuids))
        if window is None:
            return column
        capacity = window.cpus - window.steal
        weights = np.where(self.busy == 1.0, self.shares, 0.0)
        parents: dict[str, list[int]] = {}
        for row, one in enumerate(self._processes):
            if one is not None and one.shares is not None:
                parents.setdefault(one.parent, []).append(row)
        used = np.nansum(self.using)
        for rows in parents.values():
            here = np.array(rows, dtype=np.int64)
            left = max(0.0, capacity - float(used - np.nansum(self.using[here])))
            others = np.nansum(weights[here]) - weights[here]
            column[here] = left * self.shares[here] / np.maximum(1e-9, others + self.shares[here])
        limits: FloatColumn = np.fmin(np.fmin(column, self.vcpus), np.where(np.isnan(self.quota), np.inf, self.quota))
        return np.where(np.isnan(column), column, limits)


def velocity(using: FloatColumn, delay: FloatColumn, busy: Flags) -> FloatColumn:
    """100 × using / (using + delay) of those that worked, else NaN."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(busy, 100.0 * using / (using + delay), np.nan)


def index(goal: FloatColumn, discretionary: Flags, velocity: FloatColumn) -> FloatColumn:
    """The PI as `engine.index.performance_index` has it, of those that worked (whose velocity is known)."""
    found = np.where(discretionary, DISCRETIONARY_PI, goal / np.maximum(LEAST_VELOCITY, velocity))
    return np.where(np.isnan(velocity), np.nan, found)


def met(judged: FloatColumn, index: FloatColumn) -> FloatColumn:
    """Of those that are judged: whether the PI is good enough, or there is none for want of work."""
    return np.asarray((judged == 1.0) & ~(index > MET), dtype=np.float64)


def _column(things: Sequence[T | None], of: Callable[[T], float | None]) -> FloatColumn:
    """A figure of each thing; NaN where there is no thing, or it has no such figure."""
    return np.array([None if one is None else of(one) for one in things], dtype=np.float64)
