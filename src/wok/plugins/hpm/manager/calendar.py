"""What time alone changes: schedules activate policies, temporary goals end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from ..errors import HpmError
from ..policy.catalog import Catalog
from ..wire.times import by_local_zone, moment_of, rfc3339

log = logging.getLogger(__name__)

#: Seconds between two looks at the clock at most: whoever sets it, or the time zone, need not tell us.
LONGEST = 30.0


def local_time(moment: datetime) -> datetime:
    """A moment (UTC) by the time zone that the host has now."""
    time.tzset()
    return by_local_zone(moment)


def catalog_at(catalog: Catalog, moment: datetime) -> Catalog:
    """The catalog as it is to be at that moment (UTC), by the time zone that the host has now."""
    local = local_time(moment)
    return catalog.at(local.weekday(), local.hour * 60 + local.minute, rfc3339(moment))


def seconds_until(catalog: Catalog, moment: datetime) -> float:
    """Seconds from that moment (UTC) until the catalog may have to be another one; `LONGEST` at most."""
    waits = [LONGEST]
    if any(group.schedule for group in catalog.groups.values()):
        waits.append(60.0 - moment.second - moment.microsecond / 1e6)    # no zone differs by parts of a minute
    end = catalog.next_end()
    if end is not None:
        waits.append((moment_of(end) - moment).total_seconds())
    return max(0.01, min(waits))


class Calendar:
    """Calls `keep` whenever time may have changed something, in a thread. `wait` gives the seconds until then."""

    def __init__(self, keep: Callable[[], None], wait: Callable[[], float]) -> None:
        self._keep = keep
        self._wait = wait
        self._wake = threading.Event()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="hpm-calendar", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """There may be something sooner than was known."""
        self._wake.set()

    def stop(self) -> None:
        """End."""
        self._ending = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._ending:
            if self._wake.wait(self._wait()):
                self._wake.clear()
                continue
            try:
                self._keep()
            except HpmError as error:
                log.error("what is due by the calendar could not be done, it is tried again: %s", error)
                self._wake.wait(1.0)
            except Exception:
                log.exception("what is due by the calendar could not be done, it is tried again")
                self._wake.wait(1.0)
