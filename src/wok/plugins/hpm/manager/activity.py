"""The activity log: kept in the store, and told to the journal, by a thread of its own.

A request only leaves its entry here: it is neither slowed nor failed by a disk that is slow or full, or by a
syslog that does not listen.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from ..errors import StoreError
from ..store.activity import ActivityFilter, ActivityRecord, add_activity, find_activity
from ..store.database import Database
from ..wire.activity import ActivityOutcome
from ..wire.times import moment_of, rfc3339

log = logging.getLogger(__name__)

#: The journal's and syslog's lines. Who wants them elsewhere adds a handler to this logger.
journal = logging.getLogger("hpm.activity")
journal.setLevel(logging.INFO)    # whatever else a host wants to read

#: How long entries are kept.
AGE = timedelta(days=90)

#: A clock that goes so far ahead at once is not believed for so long: it may be set right again, and what was dropped
#: by it would be gone.
FAR, DOUBT = timedelta(days=1), timedelta(hours=1)

#: Entries that may wait to be written, and that are written at once.
WAITING = 2000
BATCH = 500

#: Seconds in which entries are gathered before they are written: a commit is felt by the loop, so there are few.
GATHERING = 0.1

#: Seconds that the end waits for entries to be written, and that a reader does.
PATIENCE = 5.0
READING = 0.5


class ActivityLog:
    """Any thread may add; the thread that writes begins with the first entry."""

    def __init__(self, database: Database, wall: Callable[[], datetime]) -> None:
        self._database = database
        self._wall = wall
        self._queue: queue.Queue[ActivityRecord | threading.Event | None] = queue.Queue(WAITING)    # None: end
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._lost = 0    # since the store was last written
        self._failing = False
        self._last: datetime | None = None    # when the store was last written; None: look it up
        self._believed: datetime | None = None    # from when on the clock is; None: it is

    def time(self) -> str:
        """The time of an entry made now."""
        return rfc3339(self._wall())

    def own(
        self, summary: str, *, user: str | None = None, uri: str = "", outcome: ActivityOutcome = "failed",
        message: str | None = None,
    ) -> ActivityRecord:  # fmt: skip
        """An entry made now of what hpm did or found by itself: no request led to it."""
        return ActivityRecord(
            id=0, time=self.time(), user=user, role="admin", means="nobody", address=None, method="", uri=uri,
            summary=summary, outcome=outcome, status=0, reason=0, message=message,
        )  # fmt: skip

    def add(self, record: ActivityRecord) -> None:
        """Leave an entry; never waits and never fails."""
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="hpm-activity", daemon=True)
                try:
                    thread.start()
                    self._thread = thread
                except RuntimeError as error:    # no memory, or too many of them; the next entry tries it again
                    log.error("the activity log: %s", error)
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            with self._lock:
                self._lost += 1

    def find(self, wanted: ActivityFilter) -> Sequence[ActivityRecord]:
        """Entries that match, newest first; those just added too, unless the disk is slow. Raises `StoreError`."""
        self.flush(READING)
        return find_activity(self._database, wanted)

    def flush(self, patience: float = PATIENCE) -> None:
        """Wait until what was added is written, for so long (seconds)."""
        if self._thread is not None:
            written = threading.Event()
            try:
                self._queue.put(written, timeout=patience)
            except queue.Full:
                return
            written.wait(patience)

    def close(self) -> None:
        """Write what waits, for a time, and end the thread. Later entries begin another one."""
        self.flush()
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            try:
                self._queue.put_nowait(None)
            except queue.Full:    # the disk does not answer: the thread stays, and the process may end
                return
            thread.join(PATIENCE)

    def _work(self) -> None:
        ended = False
        while not ended:
            batch = self._gather()
            records = [entry for entry in batch if isinstance(entry, ActivityRecord)]
            try:
                for record in records:
                    journal.info("%s", line(record))
                self._write(records)
            except Exception:    # a thread that is gone would lose all later entries without a word
                log.exception("the activity log")
            for entry in batch:
                if isinstance(entry, threading.Event):
                    entry.set()
            ended = batch[-1] is None

    def _gather(self) -> list[ActivityRecord | threading.Event | None]:
        """The next entries: those of a short time, or up to where somebody waits for them to be written."""
        batch = [self._queue.get()]
        until = time.monotonic() + GATHERING
        while len(batch) < BATCH and isinstance(batch[-1], ActivityRecord):
            try:
                batch.append(self._queue.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                break
        return batch

    def _write(self, records: list[ActivityRecord]) -> None:
        if not records:
            return
        with self._lock:
            lost, self._lost = self._lost, 0
        found = [self._gap(lost), *records] if lost else records
        try:
            add_activity(self._database, found, self._oldest())
        except StoreError as error:
            with self._lock:
                self._lost += lost + len(records)
            if not self._failing:
                log.error("the activity log cannot be kept, only told here, until this ends: %s", error)
            self._failing = True
        else:
            if self._failing or lost:
                log.warning("the activity log is kept again; %d entries were not", lost)
            self._failing = False

    def _oldest(self) -> str:
        """What is older is dropped. Raises `StoreError`."""
        now, last = self._wall(), self._last
        if last is None:
            newest = find_activity(self._database, ActivityFilter(limit=1))
            last = moment_of(newest[0].time) if newest else now
        if now - last >= FAR:
            self._believed = now + DOUBT
        elif now < last:
            self._believed = None
        self._last = now
        return "" if self._believed is not None and now < self._believed else rfc3339(now - AGE)

    def _gap(self, lost: int) -> ActivityRecord:
        return self.own(f"{lost} entries before this one could not be kept; the journal may have them")


def line(record: ActivityRecord) -> str:
    """An entry as one line: ``name="value"`` pairs in which nothing can end a value or a line before its time."""
    pairs = {
        "user": record.user, "role": record.role, "by": record.means, "from": record.address,
        "method": record.method, "uri": record.uri, "did": record.summary, "outcome": record.outcome,
        "status": str(record.status), "reason": str(record.reason), "message": record.message,
    }  # fmt: skip
    return " ".join(f"{name}={quoted(value)}" for name, value in pairs.items() if value is not None)


def quoted(text: str) -> str:
    """`text` in quotes, with what cannot be printed, quotes and backslashes as escapes."""
    safe = "".join(
        c if c.isprintable() and c not in '"\\' else f"\\{c}" if c in '"\\' else c.encode("unicode_escape").decode()
        for c in text
    )
    return f'"{safe}"'
