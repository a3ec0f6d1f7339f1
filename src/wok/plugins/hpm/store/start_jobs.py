"""Start and stop jobs in the store, so that they go on after whatever ended hpm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from .database import Database

#: Jobs that are kept; of those that are over, the oldest are dropped beyond this many.
KEPT = 200

JobAction: TypeAlias = Literal["start", "stop", "suspend"]
JobState: TypeAlias = Literal["running", "done", "failed", "cancelled"]
#: `waiting`: for others. `starting`, `stopping`: the host is at it. `started`: it runs and is not ready yet. `ready`,
#: `stopped`: as was asked for. `failed`, `cancelled`: it is not, and nothing more is done about it.
Phase: TypeAlias = Literal[
    "waiting", "starting", "started", "ready", "stopping", "stopped", "failed", "cancelled"
]
OVER: frozenset[Phase] = frozenset({"ready", "stopped", "failed", "cancelled"})


class JobServer(msgspec.Struct, frozen=True):
    """One server of a job. `since` is when its phase began (RFC 3339); `reason` is what it waits for, or why it failed,
    in words. `forced`: it did not shut down in time and was ended."""

    uuid: str
    name: str
    phase: Phase
    since: str
    reason: str | None = None
    forced: bool = False


class StartJob(msgspec.Struct, frozen=True):
    """A job: `by` asked at `time` to start or stop `servers`, which are those that were asked for (`asked`) and those
    that come with them; `group` is the group that was named, if one was. Of stops: after `grace_seconds`, one that does
    not shut down is ended (`force`) or has failed. `id` comes from the store."""

    id: int
    action: JobAction
    time: str
    by: str
    servers: tuple[JobServer, ...]
    asked: tuple[str, ...] = ()
    group: str | None = None
    state: JobState = "running"
    ended: str | None = None
    grace_seconds: int = 120
    force: bool = False

    def server(self, uuid: str) -> JobServer | None:
        """That server in it, if it is."""
        return next((server for server in self.servers if server.uuid == uuid), None)


def load_jobs(database: Database) -> dict[int, StartJob]:
    """All that are kept, by id, oldest first. Raises `StoreError`."""
    found = database.bodies("SELECT id, body FROM start_jobs ORDER BY id", StartJob, "start job ")
    return {job.id: job for job in found.values()}


def add_job(database: Database, job: StartJob) -> StartJob:
    """Keep a new job; gives it with its id. Raises `StoreError`."""
    with database.transaction() as connection:
        number = connection.execute("INSERT INTO start_jobs (state, body) VALUES (?, '')", (job.state,)).lastrowid
        made = msgspec.structs.replace(job, id=number)
        connection.execute("UPDATE start_jobs SET body = ? WHERE id = ?", (_text(made), made.id))
        connection.execute(
            "DELETE FROM start_jobs WHERE state != 'running' AND id <= ("
            "SELECT id FROM start_jobs ORDER BY id DESC LIMIT 1 OFFSET ?)", (KEPT,),
        )  # fmt: skip
    return made


def save_job(database: Database, job: StartJob) -> None:
    """Keep what became of a job. Raises `StoreError`."""
    with database.transaction() as connection:
        connection.execute(
            "UPDATE start_jobs SET state = ?, body = ? WHERE id = ?", (job.state, _text(job), job.id)
        )


def trimmed(jobs: Mapping[int, StartJob]) -> dict[int, StartJob]:
    """The jobs without the oldest of those that are over, beyond `KEPT`."""
    over = [number for number, job in jobs.items() if job.state != "running"]
    gone = set(over[: max(0, len(jobs) - KEPT)])
    return {number: job for number, job in jobs.items() if number not in gone}


def _text(job: StartJob) -> str:
    return msgspec.json.encode(job).decode()
