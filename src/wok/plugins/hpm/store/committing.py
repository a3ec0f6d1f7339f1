"""A time limit around commits: a disk that hangs holds up who asked for one, and nobody longer than for that.

What the kernel has been asked to write cannot be called back, so a commit that takes too long goes on in its thread.
Who asked is told (`StoreLate`), and may look later what became of it. Until that is known the store takes no other
change: so of one change at most is it ever unknown whether it is kept.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable
from typing import TypeAlias

from ..errors import StoreError

log = logging.getLogger(__name__)

#: Seconds that a commit may take, and that a change waits for the one before it. A healthy disk takes milliseconds, a
#: busy one tenths of a second.
LIMIT = 2.0


class CommitOutcome:
    """What becomes of a commit: not known before it is `over`; then `kept` says whether it was done."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.kept = False
        self.error: Exception | None = None


class StoreLate(StoreError):
    """The store did not answer in time. The change may still be kept, when it does; `outcome` tells."""

    def __init__(self, message: str, outcome: CommitOutcome) -> None:
        super().__init__(message)
        self.outcome = outcome


class Turn:
    """Who may write: one at a time, from `take` to `release`, which another thread may call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner: int | None = None
        #: Since when (monotonic seconds) a commit goes on that nobody waits for any more; None: there is none.
        self.late: float | None = None

    @property
    def mine(self) -> bool:
        """Whether this thread has it."""
        return self._owner == threading.get_ident()

    def take(self, what: str) -> None:
        """Raises `StoreError` where others have it for too long, and at once where it is known that the disk hangs."""
        late = self.late
        if late is not None:
            raise StoreError(f"{what} has not answered for {time.monotonic() - late + LIMIT:.0f} s: its disk hangs")
        if not self._lock.acquire(timeout=LIMIT):
            raise StoreError(f"{what} has not answered for {LIMIT:g} s: its disk is slow, or hangs")
        self._owner = threading.get_ident()

    def release(self) -> None:
        """The next one may write."""
        self._owner = self.late = None
        self._lock.release()

    def leave(self) -> None:
        """This thread waits no longer; who commits releases it."""
        self._owner, self.late = None, time.monotonic()


#: A commit that is asked for: what is to become of it, and what is called then, which says whether nobody waits.
_Asked: TypeAlias = "queue.SimpleQueue[tuple[CommitOutcome, Callable[[], bool]] | None]"


class Committer:
    """Commits in a thread of its own, which begins with the first one, and ends when nobody has this any more."""

    def __init__(self, connection: sqlite3.Connection, turn: Turn, what: str) -> None:
        self._connection, self._turn, self._what = connection, turn, what
        self._queue: _Asked = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def commit(self) -> None:
        """Commit what was written; the turn is this thread's. Raises where that failed (`sqlite3.Error`), or there is
        no thread for it (`StoreError`), and `StoreLate` where it is not done in time: the turn is given up then, and
        nobody writes before it is over."""
        if self._thread is None:
            given = (self._queue, self._connection, self._turn, self._what)
            thread = threading.Thread(target=_run, args=given, name="hpm-store", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:    # the next commit tries it again
                raise StoreError(f"{self._what} cannot be written now: {error}") from None
            self._thread = thread
            weakref.finalize(self, self._queue.put, None)
        outcome, lock, given_up, turn = CommitOutcome(), threading.Lock(), False, self._turn

        def over() -> bool:
            """Whether nobody waits any more; else nobody will have given up."""
            with lock:
                if given_up:
                    turn.late = None    # who is told that it is over, and writes, waits for his turn
                outcome.over.set()
                return given_up

        self._queue.put((outcome, over))
        if not outcome.over.wait(LIMIT):
            with lock:
                given_up = not outcome.over.is_set()
                if given_up:
                    turn.leave()
        if given_up:
            raise StoreLate(
                f"{self._what} has not answered for {LIMIT:g} s: its disk hangs. Whether this change is kept is not"
                " known before it answers; look again then",
                outcome,
            )
        if outcome.error is not None:
            raise outcome.error

    def close(self) -> None:
        """End the thread. The turn is this thread's, so it is at nothing."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()


def _run(asked: _Asked, connection: sqlite3.Connection, turn: Turn, what: str) -> None:
    while (given := asked.get()) is not None:
        outcome, over = given
        try:
            connection.execute("COMMIT")
            outcome.kept = True
        except Exception as error:    # of whatever kind: without this thread nothing would be written any more
            outcome.error = error
        if over():
            _end_late(outcome, connection, turn, what)
        del given, outcome, over    # while nothing is asked for, nothing is kept


def _end_late(outcome: CommitOutcome, connection: sqlite3.Connection, turn: Turn, what: str) -> None:
    """Nobody waits: say what became of it, and let others write again."""
    if outcome.error is None:
        log.warning("%s answers again; the last change is kept", what)
    else:
        log.error("%s answers again; the last change is not kept: %s", what, outcome.error)
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        log.error("%s: that change cannot be rolled back yet: %s", what, error)    # the next one tries again
    finally:
        turn.release()
