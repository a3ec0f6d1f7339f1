"""The manager: one loop that observes, plans, applies and records; and the one writer of the catalog.

Every change of state, by the loop or by a request, happens under one lock in the order check → commit →
new generation → next plan. Readers take `snapshot` and need no lock.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

import msgspec

from ..backend.hypervisor import HostDescription, Hypervisor
from ..engine.memory import Memory
from ..engine.metrics.attainment import Attained
from ..engine.metrics.figures import Figures
from ..engine.plan import Candidate, Forecast, Plan
from ..engine.planner import plan
from ..engine.samples import HostSample
from ..engine.windows import HostWindow
from ..errors import Conflict, HypervisorError, StoreError
from ..policy.catalog import Catalog
from ..store.adjustments import AdjustmentRecord, Adjustments
from ..store.catalog_store import load_catalog, load_setting, save_catalog, save_setting
from ..store.database import Database
from ..store.history import History
from ..store.journal import Journal
from ..store.revisions import Author
from ..wire.management import Level
from .activity import ActivityLog
from .actuator import PERIOD_US, Actuator, Change, quota_text
from .calendar import Calendar, catalog_at, rfc3339, seconds_until
from .change import Busy, CatalogChange
from .eligibility import GIVEN_BACK
from .events import Events
from .foresight import Foresight, candidates, foresee, own_quota
from .loop import Loop
from .notify.channels import Courier
from .notify.notifier import Notifier
from .observer import Observer
from .recorder import Recorder
from .records import measured, record_decision, record_held
from .snapshot import Levels, Snapshot
from .standing import Standing
from .tokens import Tokens

log = logging.getLogger(__name__)

#: Seconds between two cycles, and between two samples of devices, where nobody says another time.
USUAL_INTERVAL, USUAL_DEVICES_INTERVAL = 10.0, 300.0
#: Advice that differs by less is not given again: each is made from the newest window alone.
SAME_ADVICE = 0.2
#: Part of the interval that applying a plan may take, and the window still begins when it was made. Through libvirt and
#: systemd it takes longer, and what happens meanwhile is not what comes of the plan.
PROMPTLY = 0.02
#: Seconds that a request waits for the loop before it is told to try again.
PATIENCE = 15.0


class Manager:
    """Manages one host. `interval` None: the one that was set, or the usual one. `clock` gives monotonic nanoseconds
    (the hypervisor's samples have the same), `wall` UTC. `history` (of `recorder.KINDS`) None: none is kept. `courier`
    None: no notifications are delivered.

    `start` runs the loop in a thread; tests call `cycle` themselves instead.
    """

    def __init__(
        self,
        hypervisor: Hypervisor,
        database: Database,
        interval: float | None,
        clock: Callable[[], int],
        wall: Callable[[], datetime],
        history: History | None = None,
        courier: Courier | None = None,
    ) -> None:
        self.interval = interval or float(load_setting(database, "interval") or USUAL_INTERVAL)
        self.devices_interval = float(load_setting(database, "devices-interval") or USUAL_DEVICES_INTERVAL)
        self.description: HostDescription = hypervisor.describe()
        self.adjustments = Adjustments(database)
        self.activity, self.tokens = ActivityLog(database, wall), Tokens(database, wall)
        self.loop = Loop(self.interval, clock, self)
        self.events = Events(wall)
        self.notifier = Notifier(database, clock, wall, courier)
        self.recorder = Recorder(history, database, self.events, self.notifier, self.loop.until_cycle)
        self._clock, self._wall, self.database = clock, wall, database
        self._lock = threading.RLock()
        self._observer = Observer(hypervisor, self.interval, self.devices_interval)
        self._actuator = Actuator(hypervisor, Journal(database))
        self._catalog = load_catalog(database)
        saved = load_setting(database, "levels")
        self._levels = msgspec.json.decode(saved, type=Levels) if saved else Levels()
        self._memory = Memory()
        self._planned: int | None = None    # generation of the last plan
        self._decided: Snapshot | None = None    # what the last decision was made from
        self._advised: dict[str, int] = {}
        self._unmeasured: list[AdjustmentRecord] = []
        self._standing = Standing(self._actuator)
        self._forecasts: dict[str, Forecast] = {}
        self._observed, self._problem = wall(), self._observer.sample.problem
        self._calendar = Calendar(self.keep_time, lambda: seconds_until(self._catalog, self._wall()))
        self.snapshot = self._build()
        self._adopt()
        self.snapshot = self._build()
        self.keep_time()
        hypervisor.on_change(self.loop.servers_changed)

    # -- life

    def start(self) -> None:
        """Run the loop."""
        self.recorder.start()
        self.loop.start()
        self._calendar.start()

    def stop(self) -> list[str]:
        """End the loop and put everything back; gives a sentence for each value."""
        self._calendar.stop()
        self.loop.stop()
        self.activity.close()
        self.recorder.stop()
        with self._lock:
            return self._actuator.restore(self._observe(), keep_held=True)

    @property
    def snapshot(self) -> Snapshot:
        """The newest."""
        return self._snapshot

    @snapshot.setter
    def snapshot(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.recorder.show(snapshot)

    # -- requests

    @contextmanager
    def change(self, by: str = "hpm") -> Iterator[CatalogChange]:
        """Change the catalog: ``with manager.change(user) as change: change.catalog = change.catalog.with_…``.

        Committed when the block ends without an error; a new snapshot shows it, and the loop plans anew.
        Raises `Busy`, `StoreError`.
        """
        with self._writing():
            change = CatalogChange(self._catalog)
            yield change
            catalog = catalog_at(change.catalog, self._wall())
            if catalog is not self._catalog:
                save_catalog(self.database, self._catalog, catalog, Author(by, self._time()), change.renamed)
                self._catalog = catalog
                self.snapshot = self._build()
                self.loop.wake()
                self._calendar.wake()

    def now(self) -> datetime:
        """The time (UTC) by the manager's clock."""
        return self._wall()

    def keep_time(self) -> None:
        """Do what is due by the calendar: policies of schedules, ends of temporary goals. Raises as `change`."""
        with self.change():
            pass    # what time changes is part of every change

    def set_level(self, cpu_mgmt: Level) -> list[str]:
        """Set the level of CPU management. From `on` to another one, everything is put back before this
        returns; gives a sentence for each value."""
        with self._writing():
            levels = msgspec.structs.replace(self._levels, cpu_mgmt=cpu_mgmt)
            if levels == self._levels:
                return []
            save_setting(self.database, "levels", msgspec.json.encode(levels).decode())
            self._levels = levels
            self._planned, self._advised = None, {}
            self._observer.unwatched()
            said: list[str] = []
            if cpu_mgmt != "on":
                self._memory, self._forecasts = Memory(), {}
                try:
                    said = self._actuator.restore(self._observe())
                    self._observe()    # so that the snapshot shows the values put back
                except HypervisorError as error:
                    said.append(f"nothing could be put back yet, it will be as soon as the host answers: {error}")
            self.snapshot = self._build()
            self.loop.wake()
            return said

    def set_interval(self, seconds: float) -> None:
        """Set the seconds between two cycles (1 to 3600), now and for later starts. Raises `Busy`, `StoreError`."""
        with self._writing():
            save_setting(self.database, "interval", repr(seconds))
            self.interval = seconds
            self._observer.set_interval(seconds)
            self.loop.set_interval(seconds)

    def set_devices_interval(self, seconds: float) -> None:
        """Set the seconds between two samples of devices, now and for later starts. Raises `Busy`, `StoreError`."""
        with self._writing():
            save_setting(self.database, "devices-interval", repr(seconds))
            self.devices_interval = seconds
            self._observer.set_devices_interval(seconds)

    def foresee(self, catalog: Catalog, *, anew: bool = False) -> Foresight:
        """What other wishes would bring about, as `foresight.foresee` has it. Changes nothing. Raises `Busy`."""
        with self._writing():
            return foresee(self.snapshot, catalog, self._actuator, self._memory, anew=anew)

    def release(self, uuid: str) -> None:
        """Manage a server again that was left alone because an administrator changed it. Raises `Conflict`."""
        with self._writing():
            if not self._actuator.release(uuid):
                raise Conflict("nothing to release: hpm does not hold this server for an administrator's change")
            self._planned = None
            self.snapshot = self._build()
            self.loop.wake()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=PATIENCE):
            raise Busy(f"the manager has been busy for {PATIENCE:g} s; try again")
        try:
            yield
        finally:
            self._lock.release()

    # -- the loop

    def wanted(self) -> int | None:
        """From when on (monotonic ns) a plan is wanted out of turn: at once for new wishes; when the host was watched
        for long enough where other servers work than before. None: not wanted."""
        if self._levels.cpu_mgmt == "off":
            return None
        if self._planned != self._catalog.generation:
            return 0
        stirred = self._observer.stirred_ns
        return None if stirred is None else stirred + self._observer.shortest_ns

    def glances(self) -> bool:
        """Whether to glance at the host between two decisions."""
        return self._levels.cpu_mgmt != "off"

    def glance(self) -> None:
        """Notice whether other servers work than before."""
        with self._lock, suppress(HypervisorError):    # the next cycle says so, and not four times a second
            self._observer.glance()

    def look(self) -> None:
        """Observe and show, without deciding anything."""
        with self._lock:
            self._observe()
            self.snapshot = snapshot = self._build()
            if self._levels.cpu_mgmt == "on":
                self._apply_caps(snapshot, snapshot.sample)    # one that has just started is not without for long
            before = set() if self._decided is None else self._decided.manageable
            if self.glances() and not snapshot.manageable <= before:
                self._observer.stir()

    def cycle(self) -> None:
        """Observe, plan, apply, record: what the loop does once an interval, or when wishes are new."""
        with self._lock:
            sample = self._observe()
            self.snapshot = snapshot = self._build()
            if snapshot.window is not None:
                self._measure(snapshot)
                if self._levels.cpu_mgmt != "off":
                    self._observer.calm()
                    self._decided = snapshot
                    capped = self._decide(snapshot, snapshot.window, sample)
                    late = self._clock() - sample.time_ns > PROMPTLY * self.interval * 1e9
                    # Of a quota that was not there before, the next window must know what it took.
                    if capped or (late and self._observer.sample is not sample):
                        self._observe()
                    # Counters are shown as they were observed; what was set, and is expected of it, is new.
                    after = self._observer.sample
                    self.snapshot = msgspec.structs.replace(
                        snapshot, sample=after, forecasts=self._forecasts, figures=snapshot.figures.with_sample(after)
                    )
            if self._levels.cpu_mgmt != "on":
                self._actuator.restore(sample)    # what could not be put back when the level was changed
            self._observer.rebase()
            self.recorder.take(self.snapshot)

    def _observe(self) -> HostSample:
        try:
            sample = self._observer.observe()
        except HypervisorError as error:
            self._problem = str(error)
            self.snapshot = msgspec.structs.replace(self.snapshot, problem=self._problem)
            raise
        self._observed, self._problem = self._wall(), sample.problem
        taken = self._actuator.notice(sample)
        if taken:
            uuids = list(dict.fromkeys(entry.uuid for entry in taken))
            reason, assignments = "changed-by-administrator", self._standing.assign(self._catalog, sample.infos)
            self._record(record_held(uuids, reason, self._time(), self.interval, sample.infos, assignments))
        return sample

    def _build(self) -> Snapshot:
        sample = self._observer.sample
        assignments = self._standing.assign(self._catalog, sample.infos)
        held, originals = self._standing.stand(sample, assignments)
        window, extras = self._observer.window(), self._observer.extras()
        roster = self._standing.roster(self._catalog, sample.infos, assignments)
        attained = Attained(self.recorder.attainment, self._observed.timestamp())
        figures = Figures(roster, sample, window, attained, self._observer.beside(extras))
        return Snapshot(
            self._observed, self._catalog, self._levels, sample, window, assignments, held, originals,
            self._forecasts, figures, self._problem, extras,
        )  # fmt: skip

    # -- deciding

    def _decide(self, snapshot: Snapshot, seen: HostWindow, sample: HostSample) -> bool:
        """Plan, and apply or advise; gives whether quotas were changed."""
        wished = candidates(
            sample, seen, snapshot.assignments, snapshot.held, snapshot.originals, self._actuator
        )
        made = plan(seen, list(wished.values()), self._memory, self._catalog.generation)
        self._planned = self._catalog.generation
        self._forecasts = dict(made.forecasts)
        if self._levels.cpu_mgmt == "advise":
            self._advise(made, wished, snapshot)
            return False
        self._give_back(snapshot, sample)
        capped = self._apply_caps(snapshot, sample)
        refused: set[str] = set()
        for decision in made.decisions:
            changes = [Change(sample.samples[c.uuid], "cpu-shares", str(c.shares_after)) for c in decision.changes]
            errors = self._actuator.apply(changes)
            record = record_decision(decision, self._time(), seen.seconds, "applied", sample.infos, wished, errors)
            self._record(record, measure=bool(changes))
            self._observer.amend({c.uuid: c.shares_after for c in decision.changes if c.uuid not in errors})
            refused.update(errors)
        self._memory = made.memory.without(refused, self._memory) if refused else made.memory
        return capped

    def _advise(self, made: Plan, wished: dict[str, Candidate], snapshot: Snapshot) -> None:
        """Report what would be done, once. Nothing comes into force, so nothing is learned from it."""
        self._memory = Memory(made.memory.servers)
        for decision in made.decisions:
            advice = {c.uuid: c.shares_after for c in decision.changes}
            if decision.changes and all(
                uuid in self._advised and abs(shares - self._advised[uuid]) <= SAME_ADVICE * shares
                for uuid, shares in advice.items()
            ):
                continue
            self._advised.update(advice)
            self._record(
                record_decision(
                    decision, self._time(), self.interval, "advised", snapshot.sample.infos, wished, {}
                )
            )

    def _give_back(self, snapshot: Snapshot, sample: HostSample) -> None:
        """Servers that were managed and are no more (excluded, group without policy, …) get their shares back."""
        no_more = {uuid for uuid, why in snapshot.held.items() if why in GIVEN_BACK}
        for said in self._actuator.restore(sample, no_more, "cpu-shares", keep_held=True) if no_more else ():
            log.info("no longer managed: %s", said)

    def _apply_caps(self, snapshot: Snapshot, sample: HostSample) -> bool:
        """Set quotas for caps, and take away those that are no more; gives whether any was set."""
        changes: list[Change] = []
        uncapped: set[str] = set()
        for uuid, server in sample.samples.items():
            assignment = snapshot.assignments.get(uuid)
            cap = None if assignment is None or assignment.excluded else assignment.cpu_cap
            if cap is None:
                uncapped.add(uuid)
                continue
            own = own_quota(server, self._actuator)
            if own is not None and own <= cap:
                uncapped.add(uuid)    # it has a quota of its own, and that is tighter
                continue
            quota = max(1000, round(cap * PERIOD_US))
            if snapshot.held.get(uuid) == "own-quota" or self._actuator.held(server, "cpu-quota"):
                continue
            if (server.quota_us, server.period_us) == (quota, PERIOD_US):
                continue
            changes.append(Change(server, "cpu-quota", quota_text(quota, PERIOD_US)))
        errors = self._actuator.apply(changes)
        for uuid, error in errors.items():
            log.warning("cap of %s: %s", sample.infos[uuid].name, error)
        self._actuator.restore(sample, uncapped, "cpu-quota")
        return bool(changes)

    def _adopt(self) -> None:
        """At the start: go on with what a predecessor left (level on), or put it back (otherwise)."""
        sample = self._observe()
        if self._levels.cpu_mgmt != "on":
            for said in self._actuator.restore(sample):
                log.info("restored after a crash: %s", said)
            self._observe()

    # -- recording

    def _record(self, record: AdjustmentRecord, *, measure: bool = False) -> None:
        try:
            kept = self.adjustments.add(record)
        except StoreError as error:
            log.error("an adjustment could not be recorded: %s", error)
            return
        self.recorder.adjusted(kept)
        if measure:
            self._unmeasured.append(kept)

    def _measure(self, snapshot: Snapshot) -> None:
        """Fill in what came of the last adjustments, if the window began when they were made."""
        if self._unmeasured and self._observer.whole():
            found = [measured(record, snapshot) for record in self._unmeasured]
            self.adjustments.replace(found)
            self._unmeasured = []
            for record in found:
                self.recorder.adjusted(record)

    def _time(self) -> str:
        return rfc3339(self._wall())
