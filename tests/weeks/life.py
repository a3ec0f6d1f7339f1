"""A manager's life: its host, its store, its clocks; and how it ends and begins again."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from hpm.backend.simulated import Scenario
from hpm.errors import HpmError
from hpm.manager.lock import HostLock
from hpm.manager.manager import Manager
from hpm.store.database import Database

from .host import WeeksHost


class Killed(BaseException):
    """The manager's process ends here, from one moment to the next."""


class WeeksDatabase(Database):
    """A store that says when it is about to write, and has written; and whose disk may be full."""

    def __init__(self, path: Path, step: Callable[[str], None]) -> None:
        self.full = False
        self._step: Callable[[str], None] = lambda what: None    # making it is not played here
        super().__init__(path)
        self.rows("PRAGMA synchronous=OFF")    # processes end here, not the machine
        self._step = step

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """See `Database`."""
        self._step("begin")
        with super().transaction() as connection:
            yield connection
            self._step("commit")
            if self.full:
                raise sqlite3.OperationalError("database or disk is full")
        self._step("committed")

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """See `Database`."""
        self._step("read")
        return super().rows(query, *values)


class Said(logging.Handler):
    """What hpm said in its log that should not stand there: errors that nobody foresaw."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.odd: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it, if it tells of an exception that is none of hpm's own."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, (HpmError, Killed)):
            self.odd.append(f"{record.getMessage()}: {error!r}")


class Life:
    """A manager in a directory. `wall` is that of the host: `ahead` of the time that has passed since `begin`.

    `strike` (a number, a deed): that is done at the so-manieth step from now, a step being what comes before and after
    each call of the host and each write of the store; the deed is told which. It may raise `Killed`, or what the host
    would.
    """

    def __init__(self, directory: Path, scenario: Scenario, begin: datetime, interval: float = 10.0) -> None:
        self.host = WeeksHost(scenario)
        self.directory, self.begin, self.ahead = directory, begin, timedelta()
        self.strike: tuple[int, Callable[[str], None]] | None = None
        self.struck = False
        self.lives = 0
        self.interval = interval
        self._dead = False
        self._lock: HostLock | None = None
        self._wake()

    def wall(self) -> datetime:
        """The time of day of the host (UTC)."""
        return self.begin + timedelta(microseconds=self.host.now_ns // 1000) + self.ahead

    # -- beginning and ending

    def _wake(self) -> None:
        self._dead = False
        self.lives += 1
        self._lock = HostLock(self.directory / "lock", f"life {self.lives}")
        self.database = WeeksDatabase(self.directory / "hpm.db", self._at)
        self.host.step = self._at
        self.manager = Manager(self.host, self.database, self.interval, lambda: self.host.now_ns, self.wall)

    def wake(self) -> None:
        """Start a manager; again, if that one is killed while it starts. Raises `HpmError` where it cannot start."""
        while True:
            try:
                self._wake()
            except Killed:
                self.die()
            except HpmError:
                self.die()
                raise
            else:
                return

    def die(self) -> None:
        """End the process: nobody is called back, what was not committed is lost, the lock is free."""
        self._dead, self.strike = True, None
        self.host.step = lambda what: None
        self.host.close()
        self.database.close()
        if self._lock is not None:
            self._lock._close()    # as the kernel does; the file says still who had it
            self._lock = None

    def stop(self) -> None:
        """End it as a service is stopped: what it does then is played, too."""
        self.manager.stop()
        self.die()

    # -- steps

    def _at(self, what: str) -> None:
        if self._dead:
            raise Killed
        if self.strike is None or what == "read":
            return
        left, deed = self.strike
        if left > 0:
            self.strike = left - 1, deed
            return
        self.strike, self.struck = None, True
        deed(what)

    def kill(self, what: str) -> None:
        """A deed: the process ends here."""
        del what
        self._dead = True
        raise Killed
