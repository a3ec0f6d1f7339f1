"""The manager as a service: systemd is told that it is ready once it has done its work once, and that it is alive as
long as it does it."""

from __future__ import annotations

import logging
import threading
import time

from ..manager.manager import Manager
from ..wire.times import rfc3339
from .systemd import Supervisor

log = logging.getLogger(__name__)

#: Seconds between two looks; of the time of the watchdog, the part.
LOOK, PART = 2.0, 4
#: Part of the watchdog's time that a cycle may be late.
GRACE = 0.5
#: Seconds without a watchdog, where there is only a state to be told.
NO_WATCHDOG = 120.0
#: Seconds for which more time is asked for at once, and which stopping may take in all. Balloons are waited for
#: no longer than `actuator.RETURN`.
MORE, LONGEST_STOP = 15.0, 180.0


class Watchdog:
    """Tells `supervisor` of the manager, from a thread of its own: it is alive if the loop is, whatever requests do.

    READY after the first cycle that ended well (see `_works`): with a full disk, too, there is somebody to ask.
    Until then, and while stopping, more time is asked for: whoever kills a manager that waits for libvirt gains
    nothing, and one that puts back is killed too soon.
    """

    def __init__(self, supervisor: Supervisor, manager: Manager) -> None:
        self._supervisor, self._manager = supervisor, manager
        self._seconds = supervisor.watchdog or NO_WATCHDOG
        self._wake = threading.Event()
        self._stopping: float | None = None    # when it began
        self._over = False
        self._ready = False
        self._thread = threading.Thread(target=self._run, name="hpm-watchdog", daemon=True)

    def start(self) -> None:
        """Begin. All doors are open."""
        if self._supervisor.there:
            self._thread.start()

    def stopping(self) -> None:
        """The manager begins to stop."""
        self._supervisor.stopping()
        self._stopping = time.monotonic()
        self._wake.set()

    def stop(self) -> None:
        """The manager has stopped."""
        self._over = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        told = 0.0
        while not self._over:
            now = time.monotonic()
            try:
                self._turn(now, due=now - told >= self._seconds / PART)
            except Exception:    # a thread that is gone would have hpm killed
                log.exception("systemd is not told how hpm is")
            if now - told >= self._seconds / PART:
                told = now
            self._wake.wait(min(LOOK, self._seconds / PART))
            self._wake.clear()

    def _turn(self, now: float, *, due: bool) -> None:
        supervisor, manager = self._supervisor, self._manager
        if self._stopping is not None:
            supervisor.status("stopping, and putting everything back")
            if now - self._stopping < LONGEST_STOP:
                supervisor.extend(MORE)
            if due:
                supervisor.alive()
            return
        supervisor.status(_status_line(manager))
        well = _works(manager, GRACE * self._seconds)
        if not self._ready:
            self._ready = manager.loop.completed + manager.loop.lost > 0
            if self._ready:
                supervisor.ready()
            elif well:
                supervisor.extend(MORE)
        if due and well and self._ready:
            supervisor.alive()
        elif due and not well:
            since = manager.loop.since_well()
            log.error("no cycle ended well for %.0f s: systemd is not told that hpm is alive", since)


def _works(manager: Manager, grace: float) -> bool:
    """Whether the loop works, as somebody outside sees it who could only start hpm anew: a cycle ended well no longer
    ago than an interval and `grace` (seconds).

    One ends well if it was completed, or lost for a reason that is known: a libvirt or a store that does not answer, a
    full disk. Another start would find the same, and could not even begin. What a new start helps against is a loop
    that hangs, or fails in each cycle by a fault of hpm's own; and a store that is damaged, of which it uses a backup.
    """
    loop = manager.loop
    return loop.since_well() <= loop.interval + grace


def _status_line(manager: Manager) -> str:
    """What hpm does, in one line: managed servers, levels, when the host was observed, what is wrong."""
    snapshot, loop = manager.snapshot, manager.loop
    running, levels = len(snapshot.sample.samples), snapshot.levels
    managed = len(snapshot.manageable) if levels.cpu_mgmt != "off" else 0
    parts = [
        f"{managed} of {running} running servers managed; CPU {levels.cpu_mgmt}, memory {levels.memory_mgmt}",
        f"last cycle {rfc3339(snapshot.taken)}, {loop.last_ns / 1e9:.3g} s" if loop.cycles else "no cycle yet",
    ]
    if loop.overruns:
        parts.append(f"{loop.overruns} of {loop.cycles} took longer than the interval")
    if snapshot.problem is not None:
        parts.append(f"PROBLEM: {snapshot.problem}")
    return "; ".join(parts)
