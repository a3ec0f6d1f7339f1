"""What a manager tells as it happens, by a thread of its own: the manager only leaves its snapshots here."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from datetime import datetime

from ..store.adjustments import AdjustmentRecord
from .events import Events
from .news import News
from .snapshot import Snapshot

log = logging.getLogger(__name__)

#: Seconds that the end waits for the thread.
PATIENCE = 5.0


class Telling:
    """A base of the manager: has the newest snapshot, and the events. Nothing is compared before the first reader."""

    def __init__(self, wall: Callable[[], datetime]) -> None:
        self.events = Events(wall)
        self._telling = threading.Lock()
        self._teller: threading.Thread | None = None
        self._untold: queue.SimpleQueue[Snapshot | AdjustmentRecord | None] = queue.SimpleQueue()    # None: end
        self._snapshot: Snapshot | None = None

    @property
    def snapshot(self) -> Snapshot:
        """The newest snapshot."""
        assert self._snapshot is not None, "the manager has begun with one"
        return self._snapshot

    @snapshot.setter
    def snapshot(self, snapshot: Snapshot) -> None:
        with self._telling:
            self._snapshot = snapshot
            if self._teller is not None:
                self._untold.put(snapshot)

    def begin_telling(self) -> None:
        """Somebody reads events: compare from now on."""
        with self._telling:
            if self._teller is None and not self.events.over:
                self._untold.put(self.snapshot)
                self._teller = threading.Thread(target=self._tell, name="hpm-news", daemon=True)
                self._teller.start()

    def _adjusted(self, record: AdjustmentRecord) -> None:
        """Tell of an adjustment."""
        if self._teller is not None:
            self._untold.put(record)

    def _end_telling(self) -> None:
        self.events.close()
        self._untold.put(None)
        if self._teller is not None:
            self._teller.join(PATIENCE)

    def _tell(self) -> None:
        news = News(self.events)
        while (one := self._untold.get()) is not None:
            try:
                if isinstance(one, AdjustmentRecord):
                    news.adjusted(one)
                else:
                    news.see(one)
            except Exception:    # a thread that is gone would tell nothing any more, without a word
                log.exception("an event is lost")
