"""What becomes of a start or stop job: one look at the world in, the job as it is then and what to do out.

Pure: the world is what the newest snapshot, the probes and the deeds that ended say. So a job that was interrupted by
whatever goes on from what is in the store, with the host as it is then.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypeAlias

import msgspec

from ...engine.samples import ServerStatus
from ...policy.start_order import Needs, dependants_of, reached
from ...store.start_jobs import OVER, JobServer, JobState, Phase, StartJob
from ...wire.times import moment_of, rfc3339

#: What is done to a server.
Act: TypeAlias = Literal["start", "resume", "shut-down", "destroy", "suspend"]

#: Seconds after a start in which the snapshot may not show yet that the server runs.
SHOWN_WITHIN = 10.0
#: Seconds that a server which was ended may go on being shown.
GONE_WITHIN = 30.0


class World(Protocol):
    """What a job looks at."""

    needs: Needs
    now: datetime

    def status(self, uuid: str) -> ServerStatus | None:
        """What a server does; None: there is none."""

    def stale(self, uuid: str) -> bool:
        """Whether what it does may have changed and not be seen: the host does not answer, or not for it."""

    def name(self, uuid: str) -> str:
        """Its name, as far as it is known."""

    def not_ready(self, uuid: str) -> str | None:
        """Why it is not ready for those that need it, in words after its name; None: it is."""

    def timeout(self, uuid: str) -> float:
        """Seconds for which it waits, and in which it is to be ready."""

    def refused(self, uuid: str) -> str | None:
        """Why it must not start now although what it needs is ready; None: it may, and is taken to."""

    def room(self) -> int:
        """To how many servers more the host can do something now."""

    def busy(self, uuid: str) -> bool:
        """Whether the host is just doing something to it for hpm."""

    def outcome(self, uuid: str) -> str | None:
        """How what was done to it for this job last has failed, in words; empty: it has not; None: nothing ended."""


def advance(job: StartJob, world: World) -> tuple[StartJob, list[tuple[str, Act]]]:
    """The job as it is now, and what is to be done to which servers."""
    turn = _Stop(job, world) if job.action != "start" else _Start(job, world)
    for server in job.servers:
        if server.phase not in OVER:
            turn.servers[server.uuid] = turn.step(server)
    servers = tuple(turn.servers[server.uuid] for server in job.servers)
    if servers != job.servers:
        job = msgspec.structs.replace(job, servers=servers)
    if all(server.phase in OVER for server in servers):
        failed = any(server.phase in ("failed", "cancelled") for server in servers)
        state: JobState = "failed" if failed else "done"
        job = msgspec.structs.replace(job, state=state, ended=rfc3339(world.now))
    return job, turn.acts


def cancelled(job: StartJob, now: datetime, by: str) -> StartJob:
    """The job after it was given up: what the host is at is not undone."""
    servers = tuple(
        server if server.phase in OVER else
        msgspec.structs.replace(server, phase="cancelled", reason=f"{by} cancelled the job", since=rfc3339(now))
        for server in job.servers
    )
    return msgspec.structs.replace(job, servers=servers, state="cancelled", ended=rfc3339(now))


def without(job: StartJob, uuids: Collection[str], now: datetime, why: str) -> StartJob:
    """The job after some of its servers were given up, as far as it was still at them; this very job if at none."""
    servers = tuple(
        msgspec.structs.replace(server, phase="cancelled", reason=why, since=rfc3339(now))
        if server.uuid in uuids and server.phase not in OVER else server for server in job.servers
    )
    return job if servers == job.servers else msgspec.structs.replace(job, servers=servers)


def later(job: StartJob, seconds: float) -> StartJob:
    """The job after the clock was set forward by so much: what is under way has lasted as long as it had."""
    servers = tuple(
        server if server.phase in OVER else
        msgspec.structs.replace(server, since=rfc3339(moment_of(server.since) + timedelta(seconds=seconds)))
        for server in job.servers
    )
    return msgspec.structs.replace(job, servers=servers)


def begun(job: StartJob, now: datetime) -> StartJob:
    """The job of an earlier start of hpm, where the clock may have been set back since: what is under way is so since
    now at the latest, or it would have all of the time until the clock is there again."""
    servers = tuple(
        server if server.phase in OVER else msgspec.structs.replace(server, since=min(server.since, rfc3339(now)))
        for server in job.servers
    )
    return msgspec.structs.replace(job, servers=servers)


def steps_of(job: StartJob) -> tuple[object, ...]:
    """How far a job has come."""
    return job.state, *((server.phase, server.since, server.forced) for server in job.servers)


def seconds_since(time: str, now: datetime) -> float:
    """Seconds from a time in the store until now; none where the clock was put back."""
    return max(0.0, (now - moment_of(time)).total_seconds())


class _Turn:
    def __init__(self, job: StartJob, world: World) -> None:
        self.job, self.world = job, world
        self.servers: dict[str, JobServer] = {server.uuid: server for server in job.servers}
        self.acts: list[tuple[str, Act]] = []

    def step(self, server: JobServer) -> JobServer:
        raise NotImplementedError

    @property
    def full(self) -> bool:
        return len(self.acts) >= self.world.room()

    def to(self, server: JobServer, phase: Phase, reason: str | None = None) -> JobServer:
        return msgspec.structs.replace(server, phase=phase, reason=reason, since=rfc3339(self.world.now))

    def says(self, server: JobServer, reason: str | None) -> JobServer:
        """The same phase, with other words."""
        return server if server.reason == reason else msgspec.structs.replace(server, reason=reason)

    def lasts(self, server: JobServer) -> float:
        return seconds_since(server.since, self.world.now)


class _Start(_Turn):
    def step(self, server: JobServer) -> JobServer:
        status = self.world.status(server.uuid)
        if status is None:
            return self.to(server, "failed", "this host does not have it any more")
        if server.phase == "waiting":
            return self._wait(server, status)
        if server.phase == "starting":
            return self._starting(server, status)
        return self._started(server, status)

    def _wait(self, server: JobServer, status: ServerStatus) -> JobServer:
        if status == "running":
            return self._started(self.to(server, "started"), status)
        blocking: list[str] = []
        waits = self.lasts(server)
        for uuid in sorted(self.world.needs.get(server.uuid, ()), key=self.world.name):
            other, name = self.servers.get(uuid), self.world.name(uuid)
            if other is not None and other.phase in ("failed", "cancelled"):
                return self.to(server, "failed", f"it needs {name}, which failed: {other.reason}")
            why = self.world.not_ready(uuid)
            if other is not None and other.phase not in OVER:
                waits = min(waits, self.lasts(other))    # it is still on its way, and has its own time for that
                why = why or "it is not ready yet"
            if why is not None:
                blocking.append(f"{name} ({why})")
        if blocking:
            text = "waits for " + ", ".join(blocking)
            if waits > self.world.timeout(server.uuid):
                return self.to(server, "failed", f"{text} for longer than {self.world.timeout(server.uuid):g} s")
            return self.says(server, text)
        if self.world.busy(server.uuid) or self.full:    # busy: with another job
            return self.says(server, "waits for its turn")
        refused = self.world.refused(server.uuid)
        if refused is not None:
            return self.to(server, "failed", refused)
        self.acts.append((server.uuid, "resume" if status == "paused" else "start"))
        return self.to(server, "starting")

    def _starting(self, server: JobServer, status: ServerStatus) -> JobServer:
        outcome = self.world.outcome(server.uuid)
        if outcome:
            return self.to(server, "failed", outcome)
        if outcome is not None or status == "running":
            return self._started(self.to(server, "started"), status)
        if not self.world.busy(server.uuid):    # hpm ended meanwhile: nobody knows whether libvirt was asked
            return self.to(server, "waiting")
        return server

    def _started(self, server: JobServer, status: ServerStatus) -> JobServer:
        lasts = self.lasts(server)
        if status not in ("running", "paused") and lasts > SHOWN_WITHIN and not self.world.stale(server.uuid):
            return self.to(server, "failed", "it ended before it was ready")
        why = self.world.not_ready(server.uuid)
        if why is None:
            return self.to(server, "ready")
        timeout = self.world.timeout(server.uuid)
        if lasts > timeout:
            return self.to(server, "failed", f"it was not ready within {timeout:g} s: {why}")
        return self.says(server, why)


class _Stop(_Turn):
    def __init__(self, job: StartJob, world: World) -> None:
        super().__init__(job, world)
        self._dependants = dependants_of(world.needs)

    def step(self, server: JobServer) -> JobServer:
        status = self.world.status(server.uuid)
        going = ("running",) if self.job.action == "suspend" else ("running", "paused")
        if status not in going:
            return self.to(server, "stopped", "it did not shut down in time and was ended" if server.forced else None)
        if server.phase == "waiting":
            return self._wait(server)
        outcome = self.world.outcome(server.uuid)
        if server.forced:
            return self._ending(server, outcome)
        if outcome is None and not self.world.busy(server.uuid) and not server.reason:
            return self.to(server, "waiting")    # hpm ended meanwhile: it is asked again
        if outcome and not self._ends:
            return self.to(server, "failed", outcome)
        said = f"{outcome}; it is ended after {self.job.grace_seconds} s" if outcome else "it was asked to"
        return self._stopping(self.says(server, said))

    @property
    def _ends(self) -> bool:
        """Whether who does not shut down is ended."""
        return self.job.force and self.job.action == "stop"

    def _wait(self, server: JobServer) -> JobServer:
        blocking = []
        for uuid in sorted(self._dependants.get(server.uuid, ()), key=self.world.name):
            other = self.servers.get(uuid)
            if other is None or other.phase == "stopped" or self._waits_for(server.uuid, uuid):
                continue
            if other.phase in OVER:
                return self.to(server, "failed", f"{other.name}, which needs it, did not stop: {other.reason}")
            blocking.append(other.name)
        if blocking:
            return self.says(server, f"waits for {', '.join(blocking)} to stop")
        if self.world.busy(server.uuid) or self.full:
            return self.says(server, "waits for its turn")
        at_once = self.job.force and self.job.grace_seconds == 0
        act: Act = "suspend" if self.job.action == "suspend" else "destroy" if at_once else "shut-down"
        self.acts.append((server.uuid, act))
        return msgspec.structs.replace(self.to(server, "stopping"), forced=at_once)

    def _waits_for(self, uuid: str, dependant: str) -> bool:
        """Whether a server itself needs, by way of others, who needs it: neither could ever stop first."""
        return uuid in self.world.needs and dependant in reached(self.world.needs, (uuid,))

    def _stopping(self, server: JobServer) -> JobServer:
        lasts, grace = self.lasts(server), self.job.grace_seconds
        if lasts <= max(grace, 1):
            return server
        if self.job.action == "suspend":
            return self.to(server, "failed", f"it was not suspended within {max(grace, 1)} s")
        if not self._ends:
            return self.to(server, "failed", f"it did not shut down within {grace} s; say force to end it")
        return self._end(server)

    def _end(self, server: JobServer) -> JobServer:
        if self.world.busy(server.uuid) or self.full:
            return server
        self.acts.append((server.uuid, "destroy"))
        return msgspec.structs.replace(self.to(server, "stopping", server.reason), forced=True)

    def _ending(self, server: JobServer, outcome: str | None) -> JobServer:
        if outcome:
            return self.to(server, "failed", outcome)
        if outcome is None and not self.world.busy(server.uuid):    # libvirt was not asked: hpm ended, say
            return self._end(server)
        if outcome is not None and self.lasts(server) > GONE_WITHIN:
            return self.to(server, "failed", "it is still there after it was ended")
        return server
