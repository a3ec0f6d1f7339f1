"""When backups of the store are made: in a thread of its own, so that nothing waits for them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from ..errors import StoreDamaged, StoreError
from ..store.backups import Backup, backups_of, make_backup, worth_of
from ..store.database import Database
from ..store.rows import check_whole

log = logging.getLogger(__name__)

#: Seconds without a change that a backup is worth, after which one is made; and after so many, whatever goes on.
SETTLED, LONGEST = 10.0, 60.0
#: Seconds between two backups, at least; more where they take long: they may have a hundredth of the time.
APART, DUTY = 60.0, 100.0
#: Seconds after which one is made of whatever there is: adjustments and activity change all the time.
DAILY = 86400.0
#: Seconds until it is tried again where one could not be made.
AGAIN = 300.0
#: Seconds that the end waits for the last one; a healthy disk takes tenths of a second.
ENDING = 10.0

_UNKNOWN = -1    # no store has that count


class Rhythm:
    """Decides when a backup is due. Times are monotonic seconds; `worth` as in `Database`.

    `made` is the count that the newest backup has, and `age` how many seconds ago that was made. The first one is due
    at once where there is none yet (None).
    """

    def __init__(self, now: float, worth: int, made: int | None, age: float = 0.0) -> None:
        self._made = worth if made is None else made
        self._seen = worth
        self._first = self._last = now    # of the changes that are not in it
        self._next = now
        self._daily = now if made is None else now + min(DAILY, max(0.0, DAILY - age))

    def due(self, now: float, worth: int) -> float:
        """When to make one; it may be past."""
        if worth != self._seen:
            if self._seen == self._made:
                self._first = now
            self._seen, self._last = worth, now
        if self._seen == self._made:
            return max(self._daily, self._next)
        return max(self._next, min(self._last + SETTLED, self._first + LONGEST, self._daily))

    def made(self, now: float, worth: int, took: float) -> None:
        """One was made that has so many changes at least."""
        self._made = worth
        self._next, self._daily = now + max(APART, DUTY * took), now + DAILY
        self._first = self._last = now

    def failed(self, now: float) -> None:
        """None could be made."""
        self._next = now + AGAIN


class BackingUp:
    """Makes backups from `start` to `stop`, and one at the end if there is something new."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database, self._clock = database, clock
        newest = next(iter(backups_of(database.path)), None)
        made = None if newest is None else worth_of(newest)
        self._made = _UNKNOWN if made is None else made
        self._rhythm = Rhythm(
            clock(), database.worth, None if newest is None else self._made, 0.0 if newest is None else newest.age()
        )
        self._ending = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="hpm-backups", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Make the last one, and end; where the disk hangs, without."""
        self._ending.set()
        if self._thread.ident is None:
            self._last()
            return
        self._thread.join(ENDING)
        if self._thread.is_alive():
            log.error("there is no backup of what was changed last: the disk of %s hangs", self._database.path)

    def _last(self) -> None:
        if self._database.worth != self._made:
            self.make()

    def due(self) -> float:
        """When the next one is to be made, as the clock counts."""
        return self._rhythm.due(self._clock(), self._database.worth)

    def make(self) -> Backup | None:
        """Make one now; None, and why in the log, if it cannot be made."""
        worth, began = self._database.worth, self._clock()
        try:
            backup = make_backup(self._database.path, look=check_whole)
        except StoreError as error:
            if not self._failing:
                hint = "; the next start uses the last good backup" if isinstance(error, StoreDamaged) else ""
                log.error("%s%s; hpm goes on, and tries again every %g s", error, hint, AGAIN)
            self._failing = True
            self._rhythm.failed(self._clock())
            return None
        if self._failing:
            log.warning("backups of %s are made again", self._database.path)
        self._failing = False
        self._made = worth
        self._rhythm.made(self._clock(), worth, self._clock() - began)
        return backup

    def _run(self) -> None:
        while not self._ending.wait(1.0):
            try:
                if self.due() <= self._clock():
                    self.make()
            except Exception:    # a thread that is gone would be missed by nobody until the day it is needed
                log.exception("backups")
                self._rhythm.failed(self._clock())
        self._last()
