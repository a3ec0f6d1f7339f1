"""Plays a scenario: the real manager on the simulated host, in virtual time."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from hpm.backend.simulated import Scenario as HostScenario
from hpm.backend.simulated import Spin, uuid_of
from hpm.engine.accounting import Accounted
from hpm.engine.index import goal_status
from hpm.engine.windows import HostWindow, window
from hpm.errors import HypervisorError, StoreError
from hpm.store.adjustments import AdjustmentRecord
from tests.unit.builders import House
from tests.weeks.steps import SteppingDatabase, Steps

from .events import Course
from .form import Event, File, Scenario
from .outcome import InForce, Outcome, Passed, Seen, Written
from .watched import WatchedHost, spec_of
from .wishes import Wishes
from .words import steady

#: Why guests that have a process are not managed, but keep what hpm gave them.
KEPT = ("paused", "unreachable")


_PLAYED: dict[str, Outcome] = {}


def played(file: File) -> Outcome:
    """What comes of a file's scenario; each is played once. Raises `ValueError`, naming the file."""
    if file.name not in _PLAYED:
        try:
            _PLAYED[file.name] = play(file.scenario)
        except ValueError as error:
            raise ValueError(f"{file.name}.yaml: {error}") from error
    return _PLAYED[file.name]


def play(scenario: Scenario) -> Outcome:
    """Play a scenario from its beginning to its end, and switch management off then. Raises `ValueError`."""
    with tempfile.TemporaryDirectory(prefix="hpm-scenario-") as directory:
        player = _Player(scenario, Path(directory))
        try:
            with _universal_time():
                return player.play()
        finally:
            player.house.database.close()


@contextmanager
def _universal_time() -> Iterator[None]:
    """Schedules go by the host's time zone: here by that one, wherever this is played."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC0"
    try:
        yield
    finally:
        del os.environ["TZ"]
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


class _Player:
    def __init__(self, scenario: Scenario, directory: Path) -> None:
        host = scenario.host
        guests = {name: scenario.guest(name) for name in scenario.guests}
        self.scenario = scenario
        self.host = WatchedHost(HostScenario(
            cores=host.cores, servers=tuple(spec_of(name, guest) for name, guest in guests.items()), seed=host.seed,
            parents=host.parents, host_load=host.host_load, steal=host.steal, nodes=host.nodes, threads=host.threads,
        ))  # fmt: skip
        steps = Steps()
        self.house = House(
            directory, (), interval=host.interval, host=self.host, database=lambda path: SteppingDatabase(path, steps)
        )
        self.host.step = steps.take
        self.house.manager.placement.set_interval(host.placement_interval)
        self.course = Course(self.house, self.host, Wishes(scenario), steps)
        self.course.happen(Event(
            exclude=[name for name, guest in guests.items() if guest.excluded],
            reserve={name: guest.reserve for name, guest in guests.items() if guest.reserve is not None},
            cap={name: guest.cap for name, guest in guests.items() if guest.cap is not None},
            placement={name: guest.placement for name, guest in guests.items() if guest.placement is not None},
        ))  # fmt: skip
        self._names = {uuid_of(name): name for name in scenario.names()}
        self._recorded = 0
        self._written = 0

    def play(self) -> Outcome:
        before = [self._pass(0) for _ in range(self.scenario.warm_up)]
        intervals: list[Passed] = []
        for number in range(1, self.scenario.intervals + 1):
            events = [self.scenario.events[number]] if number in self.scenario.events else []
            if number == 1:    # faults are there before management is switched on
                events.append(Event(level=self.scenario.level))
            intervals.append(self._pass(number, events))
        return Outcome(self.scenario, before[-1], intervals, self._end())

    def _end(self) -> list[str]:
        """Switch off when nothing is wrong any more: is everything as hpm found it?"""
        faults = self.host.faults
        faults.refusing.clear()
        faults.vanishing.clear()
        faults.unreachable_until = 0
        self.host.hidden.clear()
        self.course.happen(Event(disk="free"))
        self.house.step()
        self.house.manager.set_level("off")
        now = self.host.in_force()
        left = [
            f"{name}: {now[name]} instead of {own}" for name, own in self.course.own.items()
            if name in now and now[name] != own
        ]  # fmt: skip
        return left + [f"{name}: {control} is in the journal" for name, control, *_ in self.house.journal()]

    def _pass(self, number: int, events: Sequence[Event] = ()) -> Passed:
        begin, base, values = self.host.now_ns, self.host.accounted, self.host.in_force()
        lost = False
        for event in events:
            self.course.happen(event)
        begin = max(begin, self.host.now_ns)    # it may have stood still
        end = begin + int(self.house.interval * 1e9)
        try:
            with self.course.alive():
                self.house.manager.keep_time()
                self.house.step()
        except (HypervisorError, StoreError):
            lost = True
        if self.host.now_ns < end:
            self.host.advance((end - self.host.now_ns) / 1e9)
        return self._facts(number, begin, base, values, lost=lost, eventful=bool(events))

    def _facts(
        self, number: int, begin: int, base: Accounted | None, values: Mapping[str, InForce], *, lost: bool,
        eventful: bool,
    ) -> Passed:  # fmt: skip
        snapshot, specs, names = self.house.manager.snapshot, self.host.specs(), self._names
        newest = self.host.accounted
        seen = None
        if base is not None and newest is not None and newest.time_ns > base.time_ns:
            seen = window(base, newest)
        assigned = {name: snapshot.assignments[u] for u, name in names.items() if u in snapshot.assignments}
        held = {names[u]: why for u, why in snapshot.held.items() if u in names}
        forecasts = {names[u]: f.reason for u, f in snapshot.forecasts.items() if u in names and f.reason}
        reasons = {**forecasts, **held}
        up = [name for name, status in self.host.statuses().items() if status == "running"]
        settled = all(steady(specs[name].load) for name in up)
        return Passed(
            number, snapshot.levels.cpu_mgmt, seen, self._seen(seen, names), self._statuses(seen),
            {name: a.goal for name, a in assigned.items()}, reasons, held, self.host.in_force(),
            dict(self.course.own),
            {name: a.cpu_cap for name, a in assigned.items() if a.cpu_cap is not None and not a.excluded},
            self._managed(held), frozenset(names.get(u, u) for u in self.host.faults.refusing),
            self._writes(begin, names, values), self._records(), lost,
            eventful, settled, frozenset(name for name in up if specs[name].load == Spin()),
        )  # fmt: skip

    def _seen(self, window_: HostWindow | None, names: Mapping[str, str]) -> dict[str, Seen]:
        if window_ is None:
            return {}
        return {names[u]: Seen(w.using, w.delay) for u, w in window_.servers.items() if u in names}

    def _statuses(self, window_: HostWindow | None) -> dict[str, str]:
        """How all guests stand to their goals, over the whole interval where they were there all the time."""
        snapshot, statuses = self.house.manager.snapshot, dict[str, str]()
        for name, status in self.host.statuses().items():
            uuid = uuid_of(name)
            seen = None if window_ is None else window_.servers.get(uuid)
            if status not in ("running", "paused"):
                statuses[name] = status
            elif uuid not in snapshot.assignments:
                statuses[name] = "unknown"
            elif seen is None or snapshot.status(uuid) in ("paused", "unmanaged"):
                statuses[name] = snapshot.status(uuid)
            else:
                statuses[name] = goal_status(snapshot.assignments[uuid].goal, seen)
        return statuses

    def _managed(self, held: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
        families: dict[str, list[str]] = {}
        now = self.host.in_force()
        for name, spec in self.host.specs().items():
            if name in now and held.get(name) in (None, *KEPT):
                families.setdefault(spec.parent, []).append(name)
        return {parent: tuple(family) for parent, family in families.items()}

    def _writes(self, begin: int, names: Mapping[str, str], values: Mapping[str, InForce]) -> tuple[Written, ...]:
        new, self._written = self.host.writes[self._written :], len(self.host.writes)
        known = {
            **{(name, "cpu-shares"): v.shares for name, v in values.items()},
            **{(name, "cpu-quota"): None if v.quota is None else round(v.quota * 100000) for name, v in values.items()},
        }
        found: list[Written] = []
        for write in new:
            name = names.get(write.uuid, write.uuid)
            before = known.get((name, write.control))
            known[name, write.control] = write.value
            at = (write.time_ns - begin) / 1e9
            found.append(Written(at, name, write.control, before, write.value, write.time_ns == begin))
        return tuple(found)

    def _records(self) -> tuple[AdjustmentRecord, ...]:
        new = tuple(record for record in self.house.records() if record.id > self._recorded)
        self._recorded = max((record.id for record in new), default=self._recorded)
        return new

