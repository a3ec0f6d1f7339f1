"""A manager's life: its host, its store, its clocks; and how it ends and begins again."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path

from hpm.backend.simulated import Scenario
from hpm.errors import HpmError
from hpm.manager.lock import HostLock
from hpm.manager.manager import Manager

from .host import WeeksHost
from .steps import Killed, SteppingDatabase, Steps


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
    """A manager in a directory. `wall` is that of the host: `ahead` of the time that has passed since `begin`."""

    def __init__(self, directory: Path, scenario: Scenario, begin: datetime, interval: float = 10.0) -> None:
        self.host = WeeksHost(scenario)
        self.directory, self.begin, self.ahead = directory, begin, timedelta()
        self.steps = Steps()
        self.lives = 0
        self.interval = interval
        self._lock: HostLock | None = None
        self._wake()

    def wall(self) -> datetime:
        """The time of day of the host (UTC)."""
        return self.begin + timedelta(microseconds=self.host.now_ns // 1000) + self.ahead

    # -- beginning and ending

    def _wake(self) -> None:
        self.steps.dead = False
        self.lives += 1
        self._lock = HostLock(self.directory / "lock", f"life {self.lives}")
        self.database = SteppingDatabase(self.directory / "hpm.db", self.steps)
        self.host.step = self.steps.take
        self.manager = Manager(
            self.host, self.database, self.interval, lambda: self.host.now_ns, self.wall,
            aside=self.directory / "put-back.json",
        )  # fmt: skip

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
        self.steps.dead, self.steps.strike = True, None
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
