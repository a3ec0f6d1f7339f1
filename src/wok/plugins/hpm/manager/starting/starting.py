"""Starting and stopping servers in the order of their dependencies.

One thread turns: it looks at the newest snapshot, moves the jobs on (`progress`), and has done what is due, each deed
in a thread of its own. A job is in the store before anything of it is done, and after each step; so hpm may end at any
moment, and the next start of it goes on from there, with the host as it is then.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Protocol

from ...backend.hypervisor import Hypervisor
from ...errors import Conflict, HpmError
from ...policy.catalog import Catalog
from ...policy.start_order import Needs, dependants_of, find_cycle, reached, said_cycle
from ...store.catalog_store import load_setting, save_setting
from ...store.database import Database
from ...store.start_jobs import OVER, JobAction, JobServer, StartJob
from ...wire.management import Admission
from ...wire.times import rfc3339
from ..activity import ActivityLog
from ..claims import check_reserves, over_reserved
from ..events import Events
from ..snapshot import Snapshot
from .autostart import Autostart
from .circles import check_dependencies
from .deeds import Deeds
from .gate import Verdict, verdict
from .kept_jobs import ITSELF, KeptJobs
from .progress import advance, cancelled, without
from .readiness import Probes
from .watch import Watch
from .windows import RunWindows
from .world import KnownNeeds, SeenWorld, name_of, said_names

log = logging.getLogger(__name__)

#: Seconds between two turns while something is under way, and otherwise.
TURN, REST = 0.2, 10.0
#: Seconds that a server may take to shut down where nobody says.
GRACE = 120

_ACTIVE = ("running", "paused")


class Host(Protocol):
    """What jobs need of the manager."""

    @property
    def snapshot(self) -> Snapshot:
        """The newest."""


class Starting:
    """Start and stop jobs. Any thread may ask. `clock` gives monotonic nanoseconds, `wall` UTC, `local` the time of the
    host.

    Until it is started, it does everything at once, in the thread that shows it a snapshot (`see`). `at_start` are
    asked, one after another, for the definition (XML) with which a server (UUID) starts this time. Others add theirs.
    `admission` says whose reserves a start must leave room for; `ended` counts jobs of this start of hpm by how they
    ended.
    """

    def __init__(
        self, hypervisor: Hypervisor, database: Database, events: Events, activity: ActivityLog, host: Host,
        clock: Callable[[], int], wall: Callable[[], datetime], local: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self.admission: Admission = "all" if load_setting(database, "admission") == "all" else "running"
        self._hypervisor, self._database, self._events, self._host = hypervisor, database, events, host
        self._wall = wall
        self._probes = Probes(hypervisor, clock, self.wake)
        self._needs, self._windows = KnownNeeds(), RunWindows(database, local)
        self._watch, self._autostart = Watch(events, activity), Autostart(database, self._windows.outside)
        self._doomed: tuple[str, ...] = ()    # servers that are to stop because what they need has, until that begins
        self._told: dict[str, str] = {}    # why jobs of hpm's own could not begin, by what they are for
        self._deeds = Deeds(hypervisor, self.wake, self._goes_on)
        self.at_start = self._deeds.at_start
        self._lock = threading.RLock()    # never held while the hypervisor is asked, once there are threads
        self._jobs, self._wake = KeptJobs(database, events, clock, wall), threading.Event()
        self.ended = self._jobs.ended
        self._turning = self._ending = False
        self._thread = threading.Thread(target=self._run, name="hpm-starting", daemon=True)

    # -- life

    def start(self) -> None:
        """Turn in a thread from now on; servers that start with the host are started, once a boot."""
        self._deeds.workers.threaded = self._probes.workers.threaded = True
        self.autostart()
        self._thread.start()

    def stop(self) -> None:
        """End. Jobs that are under way stay in the store, and go on at the next start."""
        self._ending = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def wake(self) -> None:
        """Something is new."""
        self._wake.set()

    def see(self) -> None:
        """There is a new snapshot."""
        if self._deeds.workers.threaded:
            self._wake.set()
        else:
            self.turn()

    # -- what is asked

    def jobs(self) -> list[StartJob]:
        """All that are kept, newest first."""
        return self._jobs.all()[::-1]

    def job(self, number: int) -> StartJob:
        """One of them. Raises `NotFound`."""
        return self._jobs.job(number)

    def needs(self, snapshot: Snapshot) -> Needs:
        """What each server needs (see `policy.start_order`)."""
        return self._needs.of(snapshot)

    def not_ready(self, snapshot: Snapshot, uuid: str) -> str | None:
        """Why a server is not ready, as far as is known; None: it is."""
        return self._probes.why_not(snapshot, uuid)

    def request_start(self, uuids: Sequence[str], by: str, group: str | None = None) -> StartJob:
        """Start servers, and before them all that they need and that does not run. Raises `Conflict`, `StoreError`."""
        with self._lock:
            snapshot = self._host.snapshot
            needs, infos = self._needs.of(snapshot), snapshot.sample.infos
            wanted = [uuid for uuid in uuids if infos[uuid].status != "running"]
            if not wanted:
                why = f"{said_names(snapshot, uuids)} {'runs' if len(uuids) == 1 else 'run'} already"
                raise Conflict(f"there is nothing to start: {why if uuids else 'the group has no servers'}")
            closure = reached(needs, wanted)
            cycle = find_cycle({uuid: needs[uuid] for uuid in closure if uuid in needs})
            if cycle is not None:
                names_of = {uuid: name_of(snapshot, uuid) for uuid in cycle}
                raise Conflict(f"these servers wait for each other for ever: {said_cycle(cycle, names_of)}; leave one"
                               " of these dependencies out")  # fmt: skip
            for uuid in closure:
                if uuid not in infos:
                    who = next(infos[other].name for other in closure if uuid in needs.get(other, ()))
                    raise Conflict(f"{who} needs a virtual server with id {uuid}, which this host does not have")
            parts = [u for u in closure if u in wanted or self._probes.why_not(snapshot, u) is not None]
            self._refuse_against(snapshot, parts, "start")
            return self._add("start", snapshot, parts, by, wanted, group)

    def request_stop(
        self, uuids: Sequence[str], by: str, group: str | None = None, *, dependants: str | None = None,
        grace_seconds: int = GRACE, force: bool = False, action: JobAction = "stop",
    ) -> StartJob:  # fmt: skip
        """Stop servers, and before them those that need them: always where their policies say so, others if
        `dependants` is ``stop``, and not if it is ``leave``; where it is None and there are any, that is a `Conflict`.
        Raises `Conflict`, `StoreError`."""
        with self._lock:
            snapshot = self._host.snapshot
            infos, dependants_by = snapshot.sample.infos, dependants_of(self._needs.of(snapshot))
            wanted = [uuid for uuid in uuids if infos[uuid].status in _ACTIVE]
            if not wanted:
                why = f"{said_names(snapshot, uuids)} {'does' if len(uuids) == 1 else 'do'} not run"
                raise Conflict(f"there is nothing to stop: {why if uuids else 'the group has no servers'}")
            parts: dict[str, None] = dict.fromkeys(wanted)
            left, warned = list(wanted), set()
            while left:
                for uuid, then in sorted(dependants_by.get(left.pop(), {}).items()):
                    if uuid in parts or uuid not in infos or infos[uuid].status not in _ACTIVE or then == "ignore":
                        continue
                    if then == "stop" or dependants == "stop":
                        parts[uuid] = None
                        left.append(uuid)
                    else:
                        warned.add(uuid)
            warned -= parts.keys()
            if warned and dependants is None:
                verb = "needs" if len(warned) == 1 else "need"
                raise Conflict(
                    f"{said_names(snapshot, warned)} {verb} what is to stop; say whether to stop or to leave what"
                    " depends on it"
                )
            self._refuse_against(snapshot, list(parts), action)
            return self._add(action, snapshot, list(parts), by, wanted, group, grace_seconds, force)

    def cancel(self, number: int, by: str) -> StartJob:
        """Give a job up; what the host is at is not undone. Raises `NotFound`, `Conflict`, `StoreError`."""
        with self._lock:
            job = self.job(number)
            if job.state != "running":
                raise Conflict(f"the job {number} is over already: {job.state}")
            over = cancelled(job, self._wall(), by)
            self._keep(over)
            return over

    def verdict(self, uuid: str) -> Verdict:
        """Whether a server may start now, for libvirt's hook; may take two seconds."""
        snapshot = self._host.snapshot
        if uuid not in snapshot.sample.infos or uuid in self._deeds.busy:
            return Verdict(True)    # nobody told hpm anything of it; or it is hpm that starts it
        found = verdict(snapshot, self._needs.of(snapshot), self._probes, uuid, self._refusal)
        if not found.start and not found.wait_seconds:
            self._watch.refused(uuid, found.message)
        elif found.start and found.message:
            self._watch.let(uuid, found.message)
        return found

    def set_admission(self, whose: Admission) -> None:
        """Set whose reserves count, now and for later starts. Raises `StoreError`."""
        save_setting(self._database, "admission", whose)
        self.admission = whose

    def check(self, before: Catalog, said: Catalog, due: Catalog, after: Catalog) -> None:
        """Raise as `check_dependencies` and `check_reserves` do for a change of the catalog. `due` and `after` are what
        time alone makes of what was and of what is `said`: that is refused to nobody, and holds up no schedule."""
        snapshot = self._host.snapshot
        check_dependencies(due, after, snapshot.sample.infos)
        check_reserves(before, said, snapshot, self.admission)

    def autostart(self) -> None:
        """Start the servers that start with the host, if that was not done since it booted. Those that cannot start yet
        are tried again at each turn."""
        with self._lock:
            self._autostart.begin(self._host.snapshot)
            self._start_due(self._host.snapshot)

    # -- the thread

    def turn(self) -> None:
        """Look at the newest snapshot, and do what is due."""
        with self._lock:
            if self._turning:    # without threads: a deed of this very turn has brought a new snapshot
                return
            self._turning = True
            try:
                self._turn()
            finally:
                self._turning = False

    def _turn(self) -> None:
        self._jobs.settle()
        self._jobs.keep_pace()
        snapshot = self._host.snapshot
        needs = self._needs.of(snapshot)
        self._watch.look_for_cycle(snapshot, needs)
        stopping = {s.uuid for job in self._jobs.running() if job.action != "start" for s in job.servers}
        doomed = self._watch.look(snapshot, needs, stopping)
        if doomed or self._doomed:
            self._stop_doomed(snapshot, needs, doomed)
        self._start_due(snapshot)
        edges = self._windows.edges(snapshot)
        for action, uuids in (("start", edges.begin), ("stop", edges.stop), ("suspend", edges.suspend)):
            begun = self._try(action, uuids, "run window") if uuids else ()  # type: ignore[arg-type]
            if begun:
                self._windows.done(begun, inside=action == "start")
        for job in self._jobs.running():
            self._move(job, snapshot)
        waiting = [s.uuid for s in self._starting() if s.phase == "started"]
        self._probes.forget(snapshot.sample.infos)
        self._probes.ask(snapshot, {*waiting, *(target for needed in needs.values() for target in needed)})

    def _move(self, job: StartJob, snapshot: Snapshot) -> None:
        deeds = self._deeds
        world = SeenWorld(
            snapshot, self._needs.of(snapshot), self._probes, self._wall(), deeds.outcomes(job.id), deeds.busy,
            self._refusal, deeds.workers.free,
        )  # fmt: skip
        moved, acts = advance(job, world)
        if moved is not job:
            self._keep(moved)    # before anything of it is done
        for uuid, act in acts:
            patience = float(job.grace_seconds) if act == "shut-down" else world.timeout(uuid)
            deeds.do(job.id, uuid, act, snapshot, patience)

    def _goes_on(self, number: int) -> bool:
        job = self._jobs.get(number)
        return not self._ending and job is not None and job.state == "running"

    def _starting(self) -> list[JobServer]:
        """The servers of all jobs that start some."""
        return [s for job in self._jobs.running() if job.action == "start" for s in job.servers]

    def _refusal(self, uuid: str, others: Collection[str] = ()) -> str | None:
        """Why a server must not start now, whatever it needs. `others` start in the same turn."""
        coming = {s.uuid for s in self._starting() if s.phase in ("starting", "started")}
        return over_reserved(self._host.snapshot, uuid, {*coming, *others} - {uuid}, self.admission)

    def _run(self) -> None:
        while not self._ending:
            try:
                self.turn()
            except HpmError as error:
                log.error("start jobs could not be moved on, it is tried again: %s", error)
            except Exception:
                log.exception("start jobs could not be moved on, it is tried again")
            seconds = self._windows.seconds()
            self._wake.wait(TURN if self._jobs.running() else min(REST, REST if seconds is None else seconds))
            self._wake.clear()

    # -- inside

    def _add(
        self, action: JobAction, snapshot: Snapshot, uuids: Sequence[str], by: str, asked: Sequence[str],
        group: str | None, grace_seconds: int = GRACE, force: bool = False,
    ) -> StartJob:  # fmt: skip
        now = rfc3339(self._wall())
        servers = tuple(JobServer(uuid, name_of(snapshot, uuid), "waiting", now) for uuid in uuids)
        job = self._jobs.add(StartJob(
            0, action, now, by, servers, tuple(asked), group, grace_seconds=grace_seconds, force=force,
        ))  # fmt: skip
        self.wake()
        return job

    def _keep(self, job: StartJob) -> None:
        self._jobs.keep(job)
        if job.state != "running":
            self._deeds.forget(job.id)

    def _stop_doomed(self, snapshot: Snapshot, needs: Needs, doomed: Sequence[str]) -> None:
        """Stop these, and those that are still to be stopped, with those that stop with them; whatever starts them
        gives them up."""
        infos = snapshot.sample.infos
        along = {u: [d for d, then in of.items() if then == "stop"] for u, of in dependants_of(needs).items()}
        self._doomed = tuple(
            u for u in reached(along, [*self._doomed, *doomed]) if u in infos and infos[u].status in _ACTIVE
        )
        for job in self._jobs.running():
            if job.action == "start":
                moved = without(job, self._doomed, self._wall(), "what it needs stopped")
                if moved is not job:
                    self._keep(moved)
        if self._doomed and self._try("stop", self._doomed, "what they need stopped"):
            self._doomed = ()

    def _start_due(self, snapshot: Snapshot) -> None:
        due = self._autostart.due(snapshot)
        if due:
            self._autostart.done(self._try("start", due, "autostart"))

    def _try(self, action: JobAction, uuids: Sequence[str], why: str) -> tuple[str, ...]:
        """Begin a job of hpm's own. Where that for all cannot begin, each of those that start has one of its own, so
        that none hinders the others. Gives those that began."""
        try:
            if action == "start":
                self.request_start(uuids, f"{ITSELF} ({why})")
            else:
                self.request_stop(uuids, f"{ITSELF} ({why})", dependants="leave", action=action)
        except Conflict as error:
            if action == "start" and len(uuids) > 1:
                return tuple(uuid for one in uuids for uuid in self._try(action, (one,), why))
            about = f"{why} of {', '.join(uuids)}"
            if self._told.get(about) != str(error):    # it is tried again and again
                log.warning("%s: %s", why, error)
            self._told[about] = str(error)
            return ()
        return tuple(uuids)

    def _refuse_against(self, snapshot: Snapshot, uuids: Sequence[str], action: JobAction) -> None:
        """Raise `Conflict` where a job that is under way does the contrary to one of these."""
        for job in self._jobs.running():
            if (job.action == "start") == (action == "start"):
                continue
            for uuid in uuids:
                server = job.server(uuid)
                if server is not None and server.phase not in OVER:
                    raise Conflict(
                        f"the job {job.id} is to {job.action} {name_of(snapshot, uuid)}; wait for it, or cancel it"
                    )
