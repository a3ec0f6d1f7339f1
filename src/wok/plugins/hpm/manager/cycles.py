"""What the loop does: observe, plan, apply, record, and show what came of it. What requests do is in `manager.py`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import msgspec

from ..backend.hypervisor import Hypervisor
from ..backend.rivals import Rival
from ..engine.metrics.attainment import Attained
from ..engine.metrics.figures import Figures
from ..engine.samples import HostSample
from ..errors import HypervisorError, StoreError
from ..store.adjustments import Adjustments
from ..store.catalog_store import load_catalog, load_setting, save_setting
from ..store.committing import CommitOutcome
from ..store.database import Database
from ..store.journal import Journal
from ..wire.times import rfc3339
from .actuator import Actuator
from .adjusting import AdjustmentLog
from .calendar import local_time
from .change import PATIENCE, Busy
from .controls import MEMORY_CONTROLS, cpu_controls
from .cpu import CpuManagement
from .guest_policies import GuestPolicies
from .memory import MemoryManagement
from .observer import Observer
from .placement import PlacementManagement
from .plots import Plots
from .recorder import Recorder
from .records import records_held
from .relief import STEPS, Step
from .snapshot import Levels, Snapshot
from .standing import Standing

log = logging.getLogger(__name__)

#: Part of the interval that applying a plan may take, and the window still begins when it was made. Through libvirt and
#: systemd it takes longer, and what happens meanwhile is not what comes of the plan.
PROMPTLY = 0.02


class Cycles:
    """The work of the loop, and all that it decides with. `interval` (seconds) is the one in force, and `step` what
    of the work is cut, if it took too long. `lock` protects all of it: the loop takes it for itself, and who else
    changes anything holds it (`writing`). `catalog` and `levels` are what is wished for. `rivals` tells which programs
    would fight over memory. `see` is called after each new snapshot.

    `begin` shows the first snapshot; without that there is none.
    """

    def __init__(
        self, hypervisor: Hypervisor, database: Database, interval: float, devices_interval: float,
        clock: Callable[[], int], wall: Callable[[], datetime], recorder: Recorder, plots: Plots | None,
        rivals: Callable[[], Sequence[Rival]], adjustments: Adjustments, aside: Path | None = None,
    ) -> None:  # fmt: skip
        self.interval, self.step = interval, STEPS[0]
        self.lock = threading.RLock()
        self._clock, self._wall, self._recorder, self._plots = clock, wall, recorder, plots
        self._database = database
        self.observer = Observer(hypervisor, interval, devices_interval)
        self.actuator = Actuator(hypervisor, Journal(database, aside))
        self.catalog = load_catalog(database)
        saved = load_setting(database, "levels")
        self.levels = msgspec.json.decode(saved, type=Levels) if saved else Levels()
        self.levels_kept = True
        #: Changes of which the store has not said in time whether they are kept, and what to do once that is known.
        self.doubts: list[tuple[CommitOutcome, Callable[[bool], None]]] = []
        self._decided: Snapshot | None = None    # what the last decision was made from
        self._standing = Standing(self.actuator)
        self._adjusting = AdjustmentLog(adjustments, recorder)
        topology = hypervisor.describe().topology
        self.cpu = CpuManagement(self.actuator, self.observer, self._adjusting, self._time)
        self.placement = PlacementManagement(
            hypervisor, self.actuator, self._adjusting, topology, database, self._time, self
        )
        self.memory = MemoryManagement(
            self.actuator, self._adjusting, database, self._time, lambda: local_time(wall()), rivals
        )
        self.guests = GuestPolicies(self.actuator, self._adjusting, topology, self._time, self.mom_limits, database)
        self._observed, self._problem = wall(), self.observer.sample.problem
        self.see: Callable[[], None] = lambda: None

    def begin(self, see: Callable[[], None]) -> None:
        """Show the first snapshot, and take over or put back what a predecessor left. Raises `HypervisorError`,
        `StoreError`."""
        self.see = see
        self.show()
        self._adopt()
        self.show()

    @property
    def snapshot(self) -> Snapshot:
        """The newest."""
        return self._snapshot

    @snapshot.setter
    def snapshot(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._recorder.show(snapshot)
        self.see()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock. Raises `Busy` where others have it for too long."""
        if not self.lock.acquire(timeout=PATIENCE):
            raise Busy(f"the manager has been busy for {PATIENCE:g} s; try again")
        try:
            yield
        finally:
            self.lock.release()

    def settle(self) -> None:
        """See to what the store could not take when it was to: changes of which it is known now whether they were kept,
        and levels that are in force and were not. The lock is held."""
        for doubt in [doubt for doubt in self.doubts if doubt[0].over.is_set()]:
            self.doubts.remove(doubt)
            outcome, known = doubt
            known(outcome.kept)
        if not self.levels_kept:
            try:
                self.keep_levels()
            except StoreError as error:
                log.warning("the management levels in force are not kept yet: %s", error)

    def keep_levels(self) -> None:
        """Have the levels in force kept for later starts. Raises `StoreError`: it is tried again with each cycle."""
        self.levels_kept = False
        save_setting(self._database, "levels", msgspec.json.encode(self.levels).decode())
        self.levels_kept = True

    def show(self) -> None:
        """Show what is known and wished for now. The lock is held."""
        self.snapshot = self.build()

    # -- what the loop does; see `loop.Work`

    def wanted(self) -> int | None:
        """From when on (monotonic ns) a plan is wanted out of turn: at once for new wishes; when the host was watched
        for long enough where other servers work than before. None: not wanted."""
        if self.levels.cpu_mgmt == "off":
            return None
        if self.cpu.planned != self.catalog.generation:
            return 0
        stirred = self.observer.stirred_ns
        return None if stirred is None else stirred + self.observer.shortest_ns

    def glances(self) -> bool:
        """Whether to glance at the host between two decisions. Guests that may come to need their memory are watched
        however little time there is: they would swap."""
        return self._watches() or self.memory.watches

    def _watches(self) -> bool:
        return self.levels.cpu_mgmt != "off" and self.step.glances

    def relieve(self, step: Step, interval: float, usual: float) -> None:
        """Work so much from now on, and with this interval; `usual` is the one that was set."""
        with self.lock:
            self.step, self.interval = step, interval
            self.observer.set_interval(interval, usual, step.samples)
            self.observer.unwatched()

    def glance(self) -> None:
        """Notice whether other servers work than before; and help those that came to need their memory."""
        with self.lock, suppress(HypervisorError, StoreError):    # the next cycle says so, and not four times a second
            if self._watches():
                self.observer.glance()
            if self.memory.watches and self.memory.needed(self.observer.extras().balloon):
                self.observe()
                snapshot = self.build()
                self.memory.help(snapshot)
                self.snapshot = msgspec.structs.replace(snapshot, memory=self.memory.standing)

    def look(self) -> None:
        """Observe and show, without deciding anything."""
        with self.lock:
            self.observe()
            self.snapshot = snapshot = self.build()
            if self.levels.cpu_mgmt == "on":
                self.cpu.apply_caps(snapshot, snapshot.sample)    # one that has just started is not without for long
            self.guests.work(snapshot, self.interval)
            self.snapshot = snapshot = msgspec.structs.replace(snapshot, guests=self.guests.standing)
            before = set() if self._decided is None else self._decided.manageable
            if self.levels.cpu_mgmt != "off" and not snapshot.manageable <= before:
                self.observer.stir()

    def cycle(self) -> None:
        """Observe, plan, apply, record: what the loop does once an interval, or when wishes are new. Raises
        `HypervisorError`, `StoreError`; what was observed is shown all the same."""
        with self.lock:
            self.settle()
            try:
                self._cycle()
            except StoreError as error:    # nothing was changed on the host that the journal does not know
                self._problem = f"nothing is changed on the host: {error}"
                self.show()
                self._end()
                raise
        if self.placement.settle():
            with self.lock:    # what comes of it is seen in a window that begins now
                self.observe()
                self.observer.rebase()

    def _cycle(self) -> None:
        sample = self.observe()
        snapshot = self.build()
        self.guests.work(snapshot, self.interval)
        self.snapshot = snapshot = msgspec.structs.replace(snapshot, guests=self.guests.standing)
        if snapshot.window is not None:
            if self.observer.whole():
                self._adjusting.measure(snapshot)
            if self.levels.cpu_mgmt != "off":
                self.observer.calm()
                self._decided = snapshot
                capped = self.cpu.decide(snapshot, snapshot.window, sample, self.interval)
                self.placement.work(snapshot, self.observer.accounted)
                late = self._clock() - sample.time_ns > PROMPTLY * self.interval * 1e9
                # Of a quota that was not there before, the next window must know what it took.
                if capped or (late and self.observer.sample is not sample):
                    self.observe()
                # Counters are shown as they were observed; what was set, and is expected of it, is new. Unless servers
                # came or went meanwhile: all parts of a snapshot are about the same ones.
                after = self.observer.sample
                self.snapshot = self.build() if after.infos is not sample.infos else msgspec.structs.replace(
                    snapshot, sample=after, forecasts=self.cpu.forecasts, weighed=self.cpu.weighed,
                    figures=snapshot.figures.with_sample(after),
                )  # fmt: skip
        if self.levels.cpu_mgmt != "on":    # what could not be put back when the level was changed
            self.actuator.restore(sample, controls=cpu_controls(self.mom_limits()))
        try:
            self.memory.work(self.snapshot, self.interval)
        except Exception:    # what was measured and decided on CPU is kept all the same
            log.exception("this interval's decisions on memory are lost")
        self.observer.watch_memory(closely=self.memory.watches)
        if self.memory.standing is not self.snapshot.memory:
            self.snapshot = msgspec.structs.replace(self.snapshot, memory=self.memory.standing)
        self._end()

    def _end(self) -> None:
        """The next window begins; this one is recorded."""
        self.observer.rebase()
        self._recorder.take(self.snapshot)
        if self._plots is not None:
            self._plots.take(self.snapshot)

    def observe(self) -> HostSample:
        try:
            sample = self.observer.observe()
        except HypervisorError as error:
            self._problem = str(error)
            self.snapshot = msgspec.structs.replace(self.snapshot, problem=self._problem)
            raise
        self._observed, self._problem = self._wall(), sample.problem
        try:
            noticed = self.actuator.notice(sample)
        except StoreError as error:    # it is noticed again, and nothing is changed on the host before it can be kept
            self._problem, noticed = f"nothing is changed on the host: {error}", []
        taken = self.guests.foreign(noticed)
        if taken:
            reason, assignments = "changed-by-administrator", self._standing.assign(self.catalog, sample.infos)
            for record in records_held(taken, reason, self._time(), self.interval, sample.infos, assignments):
                self._adjusting.add(record)
        return sample

    def build(self) -> Snapshot:
        sample = self.observer.sample
        assignments = self._standing.assign(self.catalog, sample.infos)
        held, originals = self._standing.stand(sample, assignments)
        window, extras = self.observer.window(), self.observer.extras()
        roster = self._standing.roster(self.catalog, sample.infos, assignments)
        attained = Attained(self._recorder.attainment, self._observed.timestamp())
        figures = Figures(roster, sample, window, attained, self.observer.beside(extras))
        return Snapshot(
            self._observed, self.catalog, self.levels, sample, window, assignments, held, originals,
            self.cpu.forecasts, figures, self._problem, extras, self.memory.standing, self.observer.partitions,
            self.guests.standing, self.actuator.original_partitions(sample), self.cpu.weighed,
        )  # fmt: skip

    def _adopt(self) -> None:
        """At the start: go on with what a predecessor left (level on), or put it back (otherwise)."""
        sample = self.observe()
        cpu, memory = cpu_controls(self.mom_limits()), MEMORY_CONTROLS - {"io-tune"}    # guest policies see to those
        for level, controls in ((self.levels.cpu_mgmt, cpu), (self.levels.memory_mgmt, memory)):
            for said in self.actuator.restore(sample, controls=controls) if level != "on" else ():
                log.info("restored after a crash: %s", said)
        self.observe()

    def mom_limits(self) -> bool:
        return self.levels.memory_mgmt == "on" and self.memory.may_limit_disks()

    def _time(self) -> str:
        return rfc3339(self._wall())
