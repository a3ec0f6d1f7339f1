"""The manager: one loop that observes, plans, applies and records (`cycles.py`); and the one writer of the catalog.

Every change of state, by the loop or by a request, happens under one lock in the order check → commit →
new generation → next plan. Readers take `snapshot` and need no lock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from ..backend.hypervisor import HostDescription, Hypervisor
from ..errors import Conflict, HypervisorError, StoreError
from ..policy.catalog import Catalog
from ..store.adjustments import Adjustments
from ..store.catalog_store import load_setting, save_catalog, save_setting
from ..store.committing import StoreLate
from ..store.database import Database
from ..store.history import History
from ..store.journal import Control
from ..store.revisions import Author
from ..wire.management import Level
from ..wire.times import rfc3339
from .activity import ActivityLog
from .calendar import Calendar, catalog_at, local_time, seconds_until
from .change import CatalogChange, undo
from .controls import MEMORY_CONTROLS, cpu_controls
from .cycles import Cycles
from .events import Events
from .foresight import Foresight
from .guest_policies import with_policy
from .loop import Loop
from .memory_requests import MemoryRequests
from .news import LoopNews
from .notify.channels import Courier
from .notify.notifier import Notifier
from .partitions import Partitions
from .plots import Plots
from .recorder import Recorder
from .relief import Relief, Step
from .snapshot import Snapshot
from .starting.starting import Starting
from .takeover import Takeover
from .tokens import Tokens

log = logging.getLogger(__name__)

#: Seconds between two cycles, and between two samples of devices, where nobody says another time.
USUAL_INTERVAL, USUAL_DEVICES_INTERVAL = 10.0, 300.0


class Manager:
    """Manages one host. `interval` None: the one that was set, or the usual one. `clock` gives monotonic nanoseconds
    (the hypervisor's samples have the same), `wall` UTC. `history` (of `recorder.KINDS`) None: none is kept. `courier`
    None: no notifications are delivered. `plot_dir` None: no plot files are written. `aside` is where the journal keeps
    what its store could not take (`Journal`). `start` runs the loop in a thread; tests call `cycle` themselves instead.
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
        aside: Path | None = None,
    ) -> None:
        interval = interval or float(load_setting(database, "interval") or USUAL_INTERVAL)
        self.devices_interval = float(load_setting(database, "devices-interval") or USUAL_DEVICES_INTERVAL)
        self.description: HostDescription = hypervisor.describe()
        self.adjustments = Adjustments(database)
        self.activity, self.tokens = ActivityLog(database, wall), Tokens(database, wall)
        self.events = Events(wall, clock)
        self.notifier = Notifier(database, clock, wall, courier)
        self.recorder = Recorder(history, database, self.events, self.notifier, lambda: self.loop.until_cycle())

        def local() -> datetime:
            return local_time(wall())

        self._plots = None if plot_dir is None else Plots(plot_dir, local)
        self._wall, self.database = wall, database
        self.takeover = Takeover(hypervisor, database, self._time)
        self._work = work = Cycles(
            hypervisor, database, interval, self.devices_interval, clock, wall, self.recorder, self._plots,
            self.takeover.rivals, self.adjustments, aside,
        )  # fmt: skip
        #: The interval that was set (seconds); the one in force may be longer, see `relief`.
        self.interval = interval
        self.relief = Relief(interval, self._relieve)
        self.loop = Loop(interval, clock, work, took=self._took)
        #: What the loop does, for who drives it himself: tests, and `virtual.VirtualLoop`.
        self.wanted, self.glances, self.glance = work.wanted, work.glances, work.glance
        self.look, self.cycle = work.look, work.cycle
        self.writing = work.writing
        self.placement, self.guests = work.placement, work.guests
        self.partitions = Partitions(
            hypervisor, work.observer, work.writing, self.change, work.show, work.actuator.forget
        )
        self.partitions.autostart(work.catalog, database)
        self.memory = MemoryRequests(work.memory, self)
        self.starting = Starting(hypervisor, database, self.events, self.activity, self, clock, wall, local)
        self._calendar = Calendar(self.keep_time, lambda: seconds_until(work.catalog, wall()))
        work.begin(self.starting.see)
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
        try:
            with self._work.lock:    # before anything else may hang
                return self._work.actuator.restore_all(self._work.observe, keep_held=True)
        finally:
            self.activity.close()
            if self._plots is not None:
                self._plots.stop()
            self.recorder.stop()

    @property
    def snapshot(self) -> Snapshot:
        """The newest."""
        return self._work.snapshot

    # -- requests

    @contextmanager
    def change(self, by: str = "hpm") -> Iterator[CatalogChange]:
        """Change the catalog: ``with manager.change(user) as change: change.catalog = change.catalog.with_…``.

        Committed when the block ends without an error; a new snapshot shows it, and the loop plans anew.
        Raises `Busy`, `StoreError`.
        """
        with self.writing():
            self._work.settle()
            if self._work.doubts:
                raise StoreError("the store has not answered to the change before this one; its disk hangs")
            change = CatalogChange(self._work.catalog)
            yield change
            due, catalog = (catalog_at(one, self._wall()) for one in (self._work.catalog, change.catalog))
            self.starting.check(self._work.catalog, change.catalog, due, catalog)
            with change.done():
                if catalog is not self._work.catalog:
                    self._save(catalog, Author(by, self._time()), change)
            if catalog is not self._work.catalog:
                self._wish(catalog)

    def _save(self, catalog: Catalog, author: Author, change: CatalogChange) -> None:
        try:
            save_catalog(self.database, self._work.catalog, catalog, author, change.renamed)
        except StoreLate as late:
            steps = change.undoing_later()
            self._work.doubts.append((late.outcome, lambda kept: self._wish(catalog) if kept else self._undo(steps)))
            raise

    def _undo(self, steps: list[Callable[[], object]]) -> None:
        """Put the host back as it was before a change that is not kept."""
        undo(steps)
        self._work.observer.see_partitions()
        self._work.show()

    def _wish(self, catalog: Catalog) -> None:
        """That is wished for now."""
        self._work.catalog = catalog
        self._work.show()
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
        returns; gives a sentence for each value. Raises `Busy`, `StoreError`: that is done first all the same."""
        return self._set_levels(cpu_mgmt=cpu_mgmt)

    def set_memory_level(self, memory_mgmt: Level) -> list[str]:
        """The same for memory. Balloons take a while to move back."""
        return self._set_levels(memory_mgmt=memory_mgmt)

    def _set_levels(self, **wanted: Level) -> list[str]:
        with self.writing():
            before, levels = self._work.levels, msgspec.structs.replace(self._work.levels, **wanted)
            if levels == before:
                return []
            self._work.levels, unkept = levels, None
            try:
                self._work.keep_levels()
            except StoreError as error:
                if "on" in wanted.values():
                    self._work.levels = before    # which is kept again, if it is not
                    raise
                unkept = error    # what takes hpm's hands off the host waits for no disk
            said: list[str] = []
            if levels.cpu_mgmt != before.cpu_mgmt:
                self.guests.level_changed(("cpu",))
                self._work.cpu.level_changed(levels.cpu_mgmt)
                self.placement.level_changed()
                self._work.observer.unwatched()
                said += self._put_back(cpu_controls(self._work.mom_limits())) if levels.cpu_mgmt != "on" else []
            if levels.memory_mgmt != before.memory_mgmt:
                self._work.memory.level_changed(levels.memory_mgmt)
                self.guests.level_changed(("memory",))
                said += self._put_back(MEMORY_CONTROLS) if levels.memory_mgmt != "on" else []
            self._work.show()
            self.loop.wake()
            if unkept is not None:
                raise StoreError(
                    "the level is in force, and what could be put back is; but it is not kept, so a restart would begin"
                    f" with the one before. It is tried again with each cycle. {unkept}"
                )
            return said

    def _put_back(self, controls: frozenset[Control]) -> list[str]:
        try:
            said = self._work.actuator.restore(self._work.observe(), controls=controls)
            self._work.observe()    # so that the snapshot shows the values put back
        except HypervisorError as error:
            said = [f"nothing could be put back yet, it will be as soon as the host answers: {error}"]
        return said

    def renew(self, put_back: frozenset[Control] = frozenset()) -> None:
        """Have what a request changed seen at once, and planned for; controls that are managed no more are put back
        first. The lock is held."""
        if put_back:
            self._put_back(put_back)
            self._work.show()
        self.loop.wake()

    def set_interval(self, seconds: float) -> None:
        """Set the seconds between two cycles (1 to 3600), now and for later starts. Raises `Busy`, `StoreError`."""
        with self.writing():
            save_setting(self.database, "interval", repr(seconds))
            self.interval = seconds
            self.relief.set_interval(seconds)
            self._work.relieve(self.relief.step, self.relief.interval, seconds)
            self.loop.set_interval(seconds)

    def _took(self, seconds: float) -> None:
        """A cycle took so long."""
        with self._work.lock:
            self.relief.took(seconds)

    def _relieve(self, step: Step, why: str) -> None:
        self._work.relieve(step, self.relief.interval, self.interval)
        self.loop.set_interval(self.relief.interval, soon=False)
        self.events.publish("loop", LoopNews(
            self.interval, self.relief.interval, step.what if self.relief.why else None, why,
        ))  # fmt: skip

    def set_devices_interval(self, seconds: float) -> None:
        """Set the seconds between two samples of devices, now and for later starts. Raises `Busy`, `StoreError`."""
        with self.writing():
            save_setting(self.database, "devices-interval", repr(seconds))
            self.devices_interval = seconds
            self._work.observer.set_devices_interval(seconds)

    def foresee(self, catalog: Catalog, *, anew: bool = False) -> Foresight:
        """What other wishes would bring about, as `foresight.foresee` has it. Changes nothing. Raises `Busy`."""
        with self.writing():
            return self._work.cpu.foresee(self.snapshot, catalog, anew=anew)

    def release(self, uuid: str) -> None:
        """Manage a server again that was left alone because an administrator changed it. Raises `Conflict`."""
        with self.writing():
            if not self._work.actuator.release(uuid):
                raise Conflict("nothing to release: hpm does not hold this server for an administrator's change")
            self.guests.released(uuid)
            self._work.cpu.planned = None
            self._work.show()
            self.loop.wake()

    def _time(self) -> str:
        return rfc3339(self._wall())
