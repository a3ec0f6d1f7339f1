"""The manager: one loop that observes, plans, applies and records; and the one writer of the catalog.

Every change of state, by the loop or by a request, happens under one lock in the order check → commit →
new generation → next plan. Readers take `snapshot` and need no lock.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import msgspec

from ..backend.hypervisor import HostDescription, Hypervisor
from ..engine.metrics.attainment import Attained
from ..engine.metrics.figures import Figures
from ..engine.samples import HostSample
from ..errors import Conflict, HypervisorError, StoreError
from ..policy.catalog import Catalog
from ..store.adjustments import Adjustments
from ..store.catalog_store import load_catalog, load_setting, save_catalog, save_setting
from ..store.database import Database
from ..store.history import History
from ..store.journal import Control, Journal
from ..store.revisions import Author
from ..wire.management import Level
from .activity import ActivityLog
from .actuator import Actuator
from .adjusting import AdjustmentLog
from .calendar import Calendar, catalog_at, rfc3339, seconds_until
from .change import PATIENCE, Busy, CatalogChange
from .controls import MEMORY_CONTROLS, cpu_controls
from .cpu import CpuManagement
from .events import Events
from .foresight import Foresight
from .guest_policies import GuestPolicies, with_policy
from .loop import Loop
from .memory import MemoryManagement
from .memory_requests import MemoryRequests
from .notify.channels import Courier
from .notify.notifier import Notifier
from .observer import Observer
from .partitions import Partitions
from .placement import PlacementManagement
from .plots import Plots
from .recorder import Recorder
from .records import records_held
from .snapshot import Levels, Snapshot
from .standing import Standing
from .starting.starting import Starting
from .takeover import Takeover
from .tokens import Tokens

log = logging.getLogger(__name__)

#: Seconds between two cycles, and between two samples of devices, where nobody says another time.
USUAL_INTERVAL, USUAL_DEVICES_INTERVAL = 10.0, 300.0
#: Part of the interval that applying a plan may take, and the window still begins when it was made. Through libvirt and
#: systemd it takes longer, and what happens meanwhile is not what comes of the plan.
PROMPTLY = 0.02


class Manager:
    """Manages one host. `interval` None: the one that was set, or the usual one. `clock` gives monotonic nanoseconds
    (the hypervisor's samples have the same), `wall` UTC. `history` (of `recorder.KINDS`) None: none is kept. `courier`
    None: no notifications are delivered. `plot_dir` None: no plot files are written. `start` runs the loop in a thread;
    tests call `cycle` themselves instead.
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
        plot_dir: Path | None = None,
    ) -> None:
        self.interval = interval or float(load_setting(database, "interval") or USUAL_INTERVAL)
        self.devices_interval = float(load_setting(database, "devices-interval") or USUAL_DEVICES_INTERVAL)
        self.description: HostDescription = hypervisor.describe()
        topology = self.description.topology
        self.adjustments = Adjustments(database)
        self.activity, self.tokens = ActivityLog(database, wall), Tokens(database, wall)
        self.loop = Loop(self.interval, clock, self)
        self.events = Events(wall)
        self.notifier = Notifier(database, clock, wall, courier)
        self.recorder = Recorder(history, database, self.events, self.notifier, self.loop.until_cycle)
        self._plots = None if plot_dir is None else Plots(plot_dir, self._local)
        self._clock, self._wall, self.database = clock, wall, database
        self._lock = threading.RLock()
        self._observer = Observer(hypervisor, self.interval, self.devices_interval)
        self._actuator = Actuator(hypervisor, Journal(database))
        self._catalog = load_catalog(database)
        saved = load_setting(database, "levels")
        self._levels = msgspec.json.decode(saved, type=Levels) if saved else Levels()
        self._decided: Snapshot | None = None    # what the last decision was made from
        self._standing = Standing(self._actuator)
        self._adjusting = AdjustmentLog(self.adjustments, self.recorder)
        self.partitions = Partitions(
            hypervisor, self._observer, self.writing, self.change, self._show, self._actuator.forget
        )
        self.partitions.autostart(self._catalog, database)
        self._cpu = CpuManagement(self._actuator, self._observer, self._adjusting, self._time)
        self.placement = PlacementManagement(
            hypervisor, self._actuator, self._adjusting, topology, database, self._time, self
        )
        self.takeover = Takeover(hypervisor, database, self._time)
        self._memory = MemoryManagement(
            self._actuator, self._adjusting, database, self._time, self._local, self.takeover.rivals
        )
        self.memory = MemoryRequests(self._memory, self)
        self.guests = GuestPolicies(self._actuator, self._adjusting, topology, self._time, self._mom_limits, database)
        self.starting = Starting(hypervisor, database, self.events, self.activity, self, clock, wall, self._local)
        self._observed, self._problem = wall(), self._observer.sample.problem
        self._calendar = Calendar(self.keep_time, lambda: seconds_until(self._catalog, self._wall()))
        self.snapshot = self._build()
        self._adopt()
        self.snapshot = self._build()
        self.keep_time()
        self.starting.at_start.append(lambda uuid, xml: with_policy(self.snapshot, uuid, xml))
        self.starting.at_start.append(lambda uuid, xml: self.partitions.placed(self.snapshot, uuid, xml))
        #: Write a guest policy into a server's lasting definition; see `Hypervisor`.
        self.define_policy = hypervisor.define_policy
        hypervisor.on_change(self.loop.servers_changed)

    # -- life

    def start(self) -> None:
        """Run the loop."""
        self.recorder.start()
        if self._plots is not None:
            self._plots.start()
        self.loop.start()
        self._calendar.start()
        self.starting.start()

    def stop(self) -> list[str]:
        """End the loop and put everything back, which may take some seconds; gives a sentence for each value."""
        self.starting.stop()
        self._calendar.stop()
        self.loop.stop()
        self.activity.close()
        if self._plots is not None:
            self._plots.stop()
        self.recorder.stop()
        with self._lock:
            return self._actuator.restore_all(self._observe, keep_held=True)

    @property
    def snapshot(self) -> Snapshot:
        """The newest."""
        return self._snapshot

    @snapshot.setter
    def snapshot(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.recorder.show(snapshot)
        self.starting.see()

    # -- requests

    @contextmanager
    def change(self, by: str = "hpm") -> Iterator[CatalogChange]:
        """Change the catalog: ``with manager.change(user) as change: change.catalog = change.catalog.with_…``.

        Committed when the block ends without an error; a new snapshot shows it, and the loop plans anew.
        Raises `Busy`, `StoreError`.
        """
        with self.writing():
            change = CatalogChange(self._catalog)
            yield change
            due, catalog = (catalog_at(one, self._wall()) for one in (self._catalog, change.catalog))
            self.starting.check(self._catalog, change.catalog, due, catalog)
            with change.done():
                if catalog is not self._catalog:
                    save_catalog(self.database, self._catalog, catalog, Author(by, self._time()), change.renamed)
            if catalog is not self._catalog:
                self._catalog = catalog
                self.snapshot = self._build()
                self.loop.wake()
                self._calendar.wake()

    def _show(self) -> None:
        self.snapshot = self._build()

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
        return self._set_levels(cpu_mgmt=cpu_mgmt)

    def set_memory_level(self, memory_mgmt: Level) -> list[str]:
        """The same for memory. Balloons take a while to move back."""
        return self._set_levels(memory_mgmt=memory_mgmt)

    def _set_levels(self, **wanted: Level) -> list[str]:
        with self.writing():
            before, levels = self._levels, msgspec.structs.replace(self._levels, **wanted)
            if levels == before:
                return []
            save_setting(self.database, "levels", msgspec.json.encode(levels).decode())
            self._levels = levels
            said: list[str] = []
            if levels.cpu_mgmt != before.cpu_mgmt:
                self.guests.level_changed(("cpu",))
                self._cpu.level_changed(levels.cpu_mgmt)
                self.placement.level_changed()
                self._observer.unwatched()
                said += self._put_back(cpu_controls(self._mom_limits())) if levels.cpu_mgmt != "on" else []
            if levels.memory_mgmt != before.memory_mgmt:
                self._memory.level_changed(levels.memory_mgmt)
                self.guests.level_changed(("memory",))
                said += self._put_back(MEMORY_CONTROLS) if levels.memory_mgmt != "on" else []
            self.snapshot = self._build()
            self.loop.wake()
            return said

    def _put_back(self, controls: frozenset[Control]) -> list[str]:
        try:
            said = self._actuator.restore(self._observe(), controls=controls)
            self._observe()    # so that the snapshot shows the values put back
        except HypervisorError as error:
            said = [f"nothing could be put back yet, it will be as soon as the host answers: {error}"]
        return said

    def renew(self, put_back: frozenset[Control] = frozenset()) -> None:
        """Have what a request changed seen at once, and planned for; controls that are managed no more are put back
        first. The lock is held."""
        if put_back:
            self._put_back(put_back)
            self.snapshot = self._build()
        self.loop.wake()

    def set_interval(self, seconds: float) -> None:
        """Set the seconds between two cycles (1 to 3600), now and for later starts. Raises `Busy`, `StoreError`."""
        with self.writing():
            save_setting(self.database, "interval", repr(seconds))
            self.interval = seconds
            self._observer.set_interval(seconds)
            self.loop.set_interval(seconds)

    def set_devices_interval(self, seconds: float) -> None:
        """Set the seconds between two samples of devices, now and for later starts. Raises `Busy`, `StoreError`."""
        with self.writing():
            save_setting(self.database, "devices-interval", repr(seconds))
            self.devices_interval = seconds
            self._observer.set_devices_interval(seconds)

    def foresee(self, catalog: Catalog, *, anew: bool = False) -> Foresight:
        """What other wishes would bring about, as `foresight.foresee` has it. Changes nothing. Raises `Busy`."""
        with self.writing():
            return self._cpu.foresee(self.snapshot, catalog, anew=anew)

    def release(self, uuid: str) -> None:
        """Manage a server again that was left alone because an administrator changed it. Raises `Conflict`."""
        with self.writing():
            if not self._actuator.release(uuid):
                raise Conflict("nothing to release: hpm does not hold this server for an administrator's change")
            self.guests.released(uuid)
            self._cpu.planned = None
            self.snapshot = self._build()
            self.loop.wake()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock. Raises `Busy` where others have it for too long."""
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
        if self._cpu.planned != self._catalog.generation:
            return 0
        stirred = self._observer.stirred_ns
        return None if stirred is None else stirred + self._observer.shortest_ns

    def glances(self) -> bool:
        """Whether to glance at the host between two decisions."""
        return self._levels.cpu_mgmt != "off" or self._memory.watches

    def glance(self) -> None:
        """Notice whether other servers work than before; and help those that came to need their memory."""
        with self._lock, suppress(HypervisorError, StoreError):    # the next cycle says so, and not four times a second
            if self._levels.cpu_mgmt != "off":
                self._observer.glance()
            if self._memory.watches and self._memory.needed(self._observer.extras().balloon):
                self._observe()
                snapshot = self._build()
                self._memory.help(snapshot)
                self.snapshot = msgspec.structs.replace(snapshot, memory=self._memory.standing)

    def look(self) -> None:
        """Observe and show, without deciding anything."""
        with self._lock:
            self._observe()
            self.snapshot = snapshot = self._build()
            if self._levels.cpu_mgmt == "on":
                self._cpu.apply_caps(snapshot, snapshot.sample)    # one that has just started is not without for long
            self.guests.work(snapshot, self.interval)
            self.snapshot = snapshot = msgspec.structs.replace(snapshot, guests=self.guests.standing)
            before = set() if self._decided is None else self._decided.manageable
            if self._levels.cpu_mgmt != "off" and not snapshot.manageable <= before:
                self._observer.stir()

    def cycle(self) -> None:
        """Observe, plan, apply, record: what the loop does once an interval, or when wishes are new."""
        with self._lock:
            sample = self._observe()
            snapshot = self._build()
            self.guests.work(snapshot, self.interval)
            self.snapshot = snapshot = msgspec.structs.replace(snapshot, guests=self.guests.standing)
            if snapshot.window is not None:
                if self._observer.whole():
                    self._adjusting.measure(snapshot)
                if self._levels.cpu_mgmt != "off":
                    self._observer.calm()
                    self._decided = snapshot
                    capped = self._cpu.decide(snapshot, snapshot.window, sample, self.interval)
                    self.placement.work(snapshot, self._observer.accounted)
                    late = self._clock() - sample.time_ns > PROMPTLY * self.interval * 1e9
                    # Of a quota that was not there before, the next window must know what it took.
                    if capped or (late and self._observer.sample is not sample):
                        self._observe()
                    # Counters are shown as they were observed; what was set, and is expected of it, is new.
                    after = self._observer.sample
                    self.snapshot = msgspec.structs.replace(
                        snapshot, sample=after, forecasts=self._cpu.forecasts, weighed=self._cpu.weighed,
                        figures=snapshot.figures.with_sample(after),
                    )  # fmt: skip
            if self._levels.cpu_mgmt != "on":    # what could not be put back when the level was changed
                self._actuator.restore(sample, controls=cpu_controls(self._mom_limits()))
            try:
                self._memory.work(self.snapshot, self.interval)
            except Exception:    # what was measured and decided on CPU is kept all the same
                log.exception("this interval's decisions on memory are lost")
            self._observer.watch_memory(closely=self._memory.watches)
            if self._memory.standing is not self.snapshot.memory:
                self.snapshot = msgspec.structs.replace(self.snapshot, memory=self._memory.standing)
            self._observer.rebase()
            self.recorder.take(self.snapshot)
            if self._plots is not None:
                self._plots.take(self.snapshot)
        if self.placement.settle():
            with self._lock:    # what comes of it is seen in a window that begins now
                self._observe()
                self._observer.rebase()

    def _observe(self) -> HostSample:
        try:
            sample = self._observer.observe()
        except HypervisorError as error:
            self._problem = str(error)
            self.snapshot = msgspec.structs.replace(self.snapshot, problem=self._problem)
            raise
        self._observed, self._problem = self._wall(), sample.problem
        taken = self.guests.foreign(self._actuator.notice(sample))
        if taken:
            reason, assignments = "changed-by-administrator", self._standing.assign(self._catalog, sample.infos)
            for record in records_held(taken, reason, self._time(), self.interval, sample.infos, assignments):
                self._adjusting.add(record)
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
            self._cpu.forecasts, figures, self._problem, extras, self._memory.standing, self._observer.partitions,
            self.guests.standing, self._actuator.original_partitions(sample), self._cpu.weighed,
        )  # fmt: skip

    def _adopt(self) -> None:
        """At the start: go on with what a predecessor left (level on), or put it back (otherwise)."""
        sample = self._observe()
        cpu, memory = cpu_controls(self._mom_limits()), MEMORY_CONTROLS - {"io-tune"}    # guest policies see to those
        for level, controls in ((self._levels.cpu_mgmt, cpu), (self._levels.memory_mgmt, memory)):
            for said in self._actuator.restore(sample, controls=controls) if level != "on" else ():
                log.info("restored after a crash: %s", said)
        self._observe()

    def _mom_limits(self) -> bool:
        return self._levels.memory_mgmt == "on" and self._memory.may_limit_disks()

    def _time(self) -> str:
        return rfc3339(self._wall())

    def _local(self) -> datetime:
        time.tzset()
        return self._wall().astimezone()
