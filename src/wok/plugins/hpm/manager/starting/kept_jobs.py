"""The jobs there are: in memory, in the store, and told to those who follow."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from ...errors import NotFound
from ...store.committing import CommitOutcome, StoreLate
from ...store.database import Database
from ...store.start_jobs import JobState, StartJob, add_job, load_jobs, save_job, trimmed
from ..events import Events
from .clock import ClockSet
from .progress import begun, cancelled, later, steps_of

log = logging.getLogger(__name__)

#: Who asks for a job, and who gives one up, where nobody does.
ITSELF = "hpm"


class KeptJobs:
    """One thread at a time changes them, any may read. `clock` gives monotonic nanoseconds, `wall` UTC."""

    def __init__(
        self, database: Database, events: Events, clock: Callable[[], int], wall: Callable[[], datetime]
    ) -> None:
        self._database, self._events, self._wall = database, events, wall
        self._clock_set = ClockSet(clock, wall)
        self._jobs = {number: begun(job, wall()) for number, job in load_jobs(database).items()}
        self._late: CommitOutcome | None = None    # what becomes of a job that was refused as the store was late
        #: How many of this start of hpm ended, by how they did.
        self.ended: Counter[JobState] = Counter()

    def all(self) -> list[StartJob]:
        """Oldest first."""
        return list(self._jobs.values())

    def running(self) -> list[StartJob]:
        """Those that are not over, oldest first."""
        return [job for job in self.all() if job.state == "running"]

    def get(self, number: int) -> StartJob | None:
        """One of them."""
        return self._jobs.get(number)

    def job(self, number: int) -> StartJob:
        """One of them. Raises `NotFound`."""
        try:
            return self._jobs[number]
        except KeyError:
            raise NotFound(f"there is no start job {number}; jobs that are over are kept for a while only") from None

    def add(self, job: StartJob) -> StartJob:
        """Keep a new one; gives it with its number. Raises `StoreError`: it is not kept, nor is it done later."""
        self.settle()
        try:
            job = add_job(self._database, job)
        except StoreLate as late:
            self._late = late.outcome
            raise
        self._jobs = trimmed({**self._jobs, job.id: job})
        log.info("job %d of %s: %s %s", job.id, job.by, job.action, ", ".join(server.name for server in job.servers))
        self._events.publish("start-job", job)
        return job

    def keep(self, job: StartJob) -> None:
        """One of them has come further. Raises `StoreError`: it has not."""
        before = self._jobs[job.id]
        # Reasons count seconds: they are looked at, and neither stored nor told one by one.
        if steps_of(job) != steps_of(before):
            save_job(self._database, job)
            self._events.publish("start-job", job)
        self._jobs[job.id] = job
        if job.state != "running":
            self.ended[job.state] += before.state == "running"
            failed = [f"{s.name}: {s.reason}" for s in job.servers if s.phase == "failed"]
            log.info("job %d is %s%s", job.id, job.state, "".join(f"; {text}" for text in failed))

    def settle(self) -> None:
        """What was refused as the store was late is not done later: where it is kept all the same, it is cancelled.
        Raises `StoreError`: it is tried again."""
        if self._late is None or not self._late.over.is_set():
            return
        for number, job in load_jobs(self._database).items():
            if job.state == "running" and number not in self._jobs:
                over = cancelled(job, self._wall(), f"{ITSELF} (which refused it, as the store was late)")
                save_job(self._database, over)
                self._jobs[number] = over
                self._events.publish("start-job", over)
        self._late = None

    def keep_pace(self) -> None:
        """Where somebody has set the clock, nothing has lasted longer for that, nor shorter. Raises `StoreError`."""
        ahead = self._clock_set.ahead()
        moved = [later(job, ahead) for job in self.running()] if ahead else []
        self._jobs.update({job.id: job for job in moved})    # all of them first, whatever the store says
        for job in moved:
            save_job(self._database, job)
