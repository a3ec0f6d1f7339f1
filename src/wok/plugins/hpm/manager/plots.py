"""Plot files as MOM writes them, of each cycle; by a thread of its own, so that a slow disk delays no decision."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from ..errors import StoreError
from ..memory.mom.fields import GUEST_FIELDS, HOST_FIELDS
from ..store.plot_files import LEAST_FREE, PlotFiles
from .mom_statistics import RecentSamples
from .snapshot import Snapshot

log = logging.getLogger(__name__)

#: What MOM calls the host's file, and what a guest's is called that has that name.
HOST, NOT_HOST = "HostMonitor", "HostMonitor-guest"
#: Cycles that may wait to be written; more are left out.
WAITING = 4
#: Seconds that the end waits for what is being written.
PATIENCE = 5.0


class Plots:
    """Writes below `base` from `start` to `stop`. What goes wrong is logged, and then nothing more is written: a host
    is managed without plots, too. `local` gives the time of day that the host's clock shows."""

    def __init__(self, base: Path, local: Callable[[], datetime], least_free: int = LEAST_FREE) -> None:
        self._base, self._local, self._least_free = base, local, least_free
        self._queue: queue.Queue[Snapshot | None] = queue.Queue(WAITING)    # None: end
        self._history = RecentSamples()
        self._host, self._guests = sorted(HOST_FIELDS), sorted(GUEST_FIELDS)
        self._thread = threading.Thread(target=self._work, name="hpm-plots", daemon=True)
        self._behind = False

    def start(self) -> None:
        """Write in a thread from now on."""
        self._thread.start()

    def take(self, snapshot: Snapshot) -> None:
        """That of a cycle. Never waits."""
        if not self._thread.is_alive():
            return
        try:
            self._queue.put_nowait(snapshot)
            self._behind = False
        except queue.Full:
            if not self._behind:
                log.warning("plot files: the disk does not keep up, and cycles are left out")
            self._behind = True

    def stop(self) -> None:
        """Write what waits, for a time, and end."""
        if self._thread.is_alive():
            try:
                self._queue.put(None, timeout=PATIENCE)
            except queue.Full:    # the disk does not answer; the thread ends with the process
                return
            self._thread.join(PATIENCE)

    def _work(self) -> None:
        try:
            files = PlotFiles(self._base, self._least_free)
        except StoreError as error:
            log.warning("%s", error)
            return
        log.info("plot files are in %s", files.path)
        try:
            while (snapshot := self._queue.get()) is not None:
                self._write(files, snapshot)
        except StoreError as error:
            log.warning("no more plot files are written: %s", error)
        except Exception:
            log.exception("no more plot files are written")
        finally:
            files.close()

    def _write(self, files: PlotFiles, snapshot: Snapshot) -> None:
        files.check_room()
        self._history.take(snapshot, self._local())
        host, guests = self._history.newest(snapshot)
        time = snapshot.taken.timestamp()
        files.write(HOST, time, self._host, host)
        for name, fields in guests.items():
            files.write(NOT_HOST if name == HOST else name, time, self._guests, fields)
