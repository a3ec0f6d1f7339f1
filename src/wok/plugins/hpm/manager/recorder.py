"""What is kept of each cycle: history, attainment of goals, what has to be told to pollers and people. By a thread of
its own, so that none of it delays the loop.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np

from ..engine.metrics.attainment import BINS, SPANS, Attainment
from ..engine.metrics.figures import GROUP_METRICS, HOST_METRICS, SERVER_METRICS, Figures
from ..engine.metrics.metric import FloatColumn, Metric
from ..store.adjustments import AdjustmentRecord
from ..store.catalog_store import load_setting, save_setting
from ..store.database import Database
from ..store.history import Frame, History, Retention
from .events import Events
from .news import News
from .notify.notifier import Notifier
from .snapshot import Snapshot
from .sync.ledger import Ledger

log = logging.getLogger(__name__)

_RETENTION = "history-retention"
#: Seconds between two times that the ledger is kept, if it changed.
KEEPING = 30.0
#: Seconds of upkeep of the history at a time, and of pause after it.
UPKEEP, PAUSE = 0.02, 0.2
#: Seconds before a cycle in which no upkeep begins, and of a cycle after which it is taken to hang.
RESPECT, HANGS = 0.1, 5.0
#: Seconds that the end waits for what is being recorded.
ENDING = 5.0
#: Seconds by which the clock moves at once only if somebody sets it, or the host slept.
FAR = 86400.0
#: Snapshots that wait for a disk that hangs; beyond, some are not looked at.
MOST = 200


def _kept(metrics: Sequence[Metric[Any, Any]]) -> tuple[str, ...]:
    return tuple(metric.name for metric in metrics if metric.kept)


#: Metrics whose history is kept, by kind of thing. They go by UUID, groups by id, classes by `Roster.class_keys`.
KINDS: Mapping[str, tuple[str, ...]] = {
    "hypervisor": _kept(HOST_METRICS), "group": _kept(GROUP_METRICS), "class": _kept(GROUP_METRICS),
    "server": _kept(SERVER_METRICS),
}  # fmt: skip
HOST_KEY = "host"


#: What the thread is handed; None: there is something else to do.
Thing: TypeAlias = Snapshot | AdjustmentRecord | Literal["tell"] | None


class Recorder:
    """Is shown each snapshot, and told which ones are of cycles. `history` None: none is kept. `until_cycle` gives the
    seconds until the next one, negative during it: upkeep keeps out of its way. Until it is started, it does all at
    once, in the thread that tells it.

    Nothing is compared for events before somebody reads them (`tell`).
    """

    def __init__(
        self, history: History | None, database: Database, events: Events, notifier: Notifier,
        until_cycle: Callable[[], float],
    ) -> None:  # fmt: skip
        self.history = history
        self.ledger, self.attainment = Ledger(database), Attainment()
        self._database = database
        kept = load_setting(database, _RETENTION)
        self.retention = msgspec.json.decode(kept, type=Retention) if kept else Retention()
        if history is not None:
            history.retention = self.retention
        self._events, self._notifier = events, notifier
        self._until_cycle = until_cycle
        self._news: News | None = None
        self._newest: Snapshot | None = None
        self._remembered: set[str] = set()
        self._kept_at: float | None = None
        self._queue: queue.SimpleQueue[Thing] = queue.SimpleQueue()
        self._cycles: queue.SimpleQueue[Snapshot] = queue.SimpleQueue()
        self._ending = False
        self._saved = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="hpm-recorder", daemon=True)

    def start(self) -> None:
        """Work in a thread from now on."""
        self._notifier.start()
        self._thread.start()

    def stop(self) -> None:
        """Keep what was taken, and end."""
        self._events.close()
        self._ending = True
        self._queue.put(None)
        if self._thread.ident is not None:
            self._thread.join(ENDING)
        self._notifier.stop()
        if self._thread.is_alive():    # what it would keep is history, and is not worth waiting for
            log.error("what was recorded last is not kept: the disk of the history hangs")
            return
        self.ledger.save()
        if self.history is not None:
            self.history.close()

    def set_retention(self, retention: Retention) -> None:
        """Keep history so long from now on, and after later starts. Raises `StoreError`."""
        save_setting(self._database, _RETENTION, msgspec.json.encode(retention).decode())
        self.retention = retention
        if self.history is not None:
            self.history.retention = retention
            self._queue.put(None)

    def show(self, snapshot: Snapshot) -> None:
        """The newest snapshot, of whatever it is."""
        self._hand(snapshot)

    def take(self, snapshot: Snapshot) -> None:
        """That of a cycle that has ended: it is kept. Never waits."""
        self._cycles.put(snapshot)
        while self._cycles.qsize() > MOST:
            self._cycles.get()
        self._hand(None)

    def adjusted(self, record: AdjustmentRecord) -> None:
        """An adjustment was recorded, or filled in with what was measured."""
        if self._news is not None:
            self._hand(record)

    def tell(self) -> None:
        """Somebody reads events: compare from now on."""
        if self._news is None:
            self._hand("tell")

    def _hand(self, thing: Thing) -> None:
        if self._thread.is_alive():
            if isinstance(thing, Snapshot) and self._queue.qsize() > MOST:
                return    # those to come will tell; of the ones of cycles, history keeps the newest
            self._queue.put(thing)
        else:
            self._do(thing)

    def _run(self) -> None:
        more = False
        while True:
            try:
                self._do(self._queue.get(timeout=PAUSE if more else KEEPING))
            except queue.Empty:
                pass
            except Exception:    # a thread that is gone would be missed by nobody until somebody looks for last night
                log.exception("something could not be recorded")
            if self._ending and self._queue.empty():
                return
            try:
                more = self._queue.empty() and self._upkeep()
            except Exception:
                log.exception("what is recorded could not be kept up")

    def _do(self, thing: Thing) -> None:
        if isinstance(thing, Snapshot):
            self._newest = thing
            self.ledger.see(thing)
            if self._news is not None:
                self._news.see(thing)
            self._notifier.look(thing)
        elif isinstance(thing, AdjustmentRecord) and self._news is not None:
            self._news.adjusted(thing)
        elif thing == "tell" and self._news is None:
            self._news = News(self._events)
            if self._newest is not None:
                self._news.see(self._newest)
        while not self._cycles.empty():
            self._keep(self._cycles.get())

    def _upkeep(self) -> bool:
        """Gives whether there is more to do."""
        if time.monotonic() - self._saved > KEEPING:
            self._saved = time.monotonic()
            self.ledger.save()
        if self.history is None:
            return False
        if -HANGS < self._until_cycle() < RESPECT:
            return True    # after that cycle
        return self.history.work(UPKEEP)

    def _keep(self, snapshot: Snapshot) -> None:
        if snapshot.window is None:
            return
        figures, now = snapshot.figures, snapshot.taken.timestamp()
        groups, classes = figures.roster.groups, figures.roster.class_keys
        keys = (*groups, *classes)
        self._remember(keys, now, snapshot.window.seconds)
        for columns, names in ((figures.groups, groups), (figures.classes, classes)):
            judged, met = columns["goal-judged"], columns["goal-met"]
            self.attainment.add(now, names, judged * snapshot.window.seconds, met * snapshot.window.seconds)
        if self.history is not None:
            self.history.add(now, _frames(figures, groups, classes))
        self._notifier.judge(snapshot)

    def _remember(self, keys: tuple[str, ...], now: float, interval: float) -> None:
        """Take over from the history how groups and classes fared that this start of hpm has not seen before; all,
        where the clock was set."""
        before, self._kept_at = self._kept_at, now
        if self.history is not None and before is not None and abs(now - before) >= FAR:
            # What was counted has the wrong time, or was dropped by it: the history knows what there is of this one.
            self._remembered = set()
            self.attainment.keep(())
        new = [key for key in keys if key not in self._remembered]
        self._remembered = set(keys)
        self.attainment.keep(keys)
        if self.history is None:
            return
        for key in new:
            for span in SPANS:
                seconds, number = BINS[span]
                begin = max(0.0, (now // seconds - number + 1) * seconds)    # a clock may begin with 1970
                series = self.history.query(
                    "class" if "/" in key else "group", key, ("goal-judged", "goal-met"), begin, now, seconds
                )
                # intervals are taken to have been as long as now
                judged, met = np.nan_to_num(series.mean) * series.count * interval
                for at, tried, held in zip(series.times, judged, met, strict=True):
                    self.attainment.add(float(at), [key], np.array([tried]), np.array([held]), [span])


def _frames(figures: Figures, groups: tuple[str, ...], classes: tuple[str, ...]) -> dict[str, Frame]:
    host = np.array([[figures.host[name]] for name in KINDS["hypervisor"]], dtype=np.float64)
    return {
        "hypervisor": Frame((HOST_KEY,), host),
        "group": Frame(groups, _stack(figures.groups, KINDS["group"])),
        "class": Frame(classes, _stack(figures.classes, KINDS["class"])),
        "server": Frame(figures.roster.uuids, _stack(figures.servers, KINDS["server"])),
    }


def _stack(columns: Mapping[str, FloatColumn], names: Sequence[str]) -> FloatColumn:
    stacked: FloatColumn = np.stack([columns[name] for name in names])
    return stacked
