"""A host that lives, with or without hpm managing it: the real manager, in virtual time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

import msgspec

from ...backend.simulated import Scenario, SimulatedHypervisor
from ...engine.accounting import Accounted, account
from ...engine.index import goal_status
from ...engine.samples import HostSample
from ...engine.windows import window
from ...manager.manager import Manager
from ...manager.snapshot import Snapshot
from ...manager.virtual import VirtualLoop
from ...policy.catalog import Catalog
from ...store.adjustments import KEPT, AdjustmentFilter, AdjustmentRecord
from ...store.database import Database

#: Intervals with management off before it is switched on: hpm has seen the host before it plans, as in real life.
WARM_UP = 2
#: When virtual time begins. Only differences are ever shown.
BEGIN = datetime(2030, 1, 1, tzinfo=timezone.utc)


class Point(NamedTuple):
    """One server in one interval: CPUs used and waited for, whether it worked, its goal's status, shares in force at
    the interval's end."""

    using: float
    delay: float
    busy: bool
    status: str
    shares: int | None


class Played(msgspec.Struct, frozen=True):
    """What came of it. By UUID: a point for each interval; how often each reason was given for a missed goal; the
    snapshot of the last interval in which the goal was missed (for a reason, if there ever was one). `begin` is when
    management was switched on."""

    snapshot: Snapshot
    points: Mapping[str, Sequence[Point]]
    reasons: Mapping[str, Counter[str]]
    missed: Mapping[str, Snapshot]
    records: Sequence[AdjustmentRecord]
    begin: datetime


class WatchedHost(SimulatedHypervisor):
    """A simulated host that keeps account of every sample that the manager takes: a question of our own would change
    what the manager is answered next."""

    accounted: Accounted | None = None

    def observe(self) -> HostSample:
        """Counters as of now; see `SimulatedHypervisor`."""
        sample = super().observe()
        self.accounted = account(self.accounted, sample)
        return sample


def play(
    scenario: Scenario, catalog: Catalog, interval: float, intervals: int, *, managed: bool, passed: Callable[[], None]
) -> Played:
    """Let a host live for `intervals` of `interval` seconds, after a warm-up. Calls `passed` after each of all."""
    host = WatchedHost(scenario)
    with _managed(host, catalog, interval) as manager:
        loop = VirtualLoop(manager, lambda: host.now_ns, host.advance)
        host.on_change(loop.servers_changed)
        for _ in range(WARM_UP):
            loop.step()
            passed()
        begin = _wall(host)
        if managed:
            manager.set_level("on")
            manager.cycle()    # what the loop does when it is woken by new wishes
        log = _Log(manager, host)
        for _ in range(intervals):
            log.base()
            loop.step()
            log.note()
            passed()
        records = manager.adjustments.find(AdjustmentFilter(limit=KEPT))
        return Played(manager.snapshot, log.points, log.reasons, log.missed, list(reversed(records)), begin)


class _Log:
    """Notes what each interval was like, over all of it."""

    def __init__(self, manager: Manager, host: WatchedHost) -> None:
        self._manager = manager
        self._host = host
        self._base = host.accounted
        self.points: dict[str, list[Point]] = {uuid: [] for uuid in manager.snapshot.sample.infos}
        self.reasons: dict[str, Counter[str]] = {}
        self.missed: dict[str, Snapshot] = {}

    def base(self) -> None:
        """An interval begins now."""
        self._base = self._host.accounted

    def note(self) -> None:
        """It ends now."""
        newest, base = self._host.accounted, self._base
        assert newest is not None and base is not None
        seen, snapshot = window(base, newest), self._manager.snapshot
        for uuid, points in self.points.items():
            its, sample = seen.servers.get(uuid), newest.sample.samples.get(uuid)
            goal = snapshot.assignments[uuid].goal
            status = goal_status(goal, its)
            points.append(Point(
                0.0 if its is None else its.using, 0.0 if its is None else its.delay,
                its is not None and its.activity == "busy", status, None if sample is None else sample.shares,
            ))  # fmt: skip
            if status == "missed":
                self._miss(uuid, snapshot)

    def _miss(self, uuid: str, snapshot: Snapshot) -> None:
        forecast = snapshot.forecasts.get(uuid)
        reason = snapshot.held.get(uuid) or (None if forecast is None else forecast.reason)
        if reason is not None:
            self.reasons.setdefault(uuid, Counter())[reason] += 1
        if reason is not None or uuid not in self.reasons:
            self.missed[uuid] = snapshot


@contextmanager
def _managed(host: WatchedHost, catalog: Catalog, interval: float) -> Iterator[Manager]:
    """A manager with this catalog, and a store in memory."""
    database = Database(Path(":memory:"))
    try:
        manager = Manager(host, database, interval, lambda: host.now_ns, lambda: _wall(host))
        with manager.change() as change:
            change.catalog = msgspec.structs.replace(catalog, generation=change.catalog.generation + 1)
        yield manager
    finally:
        database.close()
        host.close()


def _wall(host: SimulatedHypervisor) -> datetime:
    return BEGIN + timedelta(microseconds=host.now_ns // 1000)
