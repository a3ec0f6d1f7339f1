"""Notifications as a whole: shown snapshots by the recorder's thread, asked by requests, delivering in a thread of its
own. Nothing of it ever holds up the loop.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from ...errors import Conflict, StoreError
from ...store.catalog_store import load_setting, save_setting
from ...store.database import Database
from ...store.settings import Channel, Notified, Wanted
from ...wire.notifications import ChannelState, Notification
from ...wire.times import rfc3339
from ..change import Busy
from .channels import Courier, Outcome
from .messages import parcel
from .outbox import APART, PAUSES, Digest, Outbox
from .watching import Watch

if TYPE_CHECKING:
    from ..snapshot import Snapshot

log = logging.getLogger(__name__)

#: Names in the store: what was set; what was told and is not over, and what waits.
_WANTED, _KEPT = "notifications", "notified"

#: Seconds for a delivery, and for one that somebody waits for.
DELIVERY, TEST = 30.0, 13.0


class _Fared(msgspec.Struct):
    """How deliveries over a channel fared."""

    delivered: str | None = None
    error: str | None = None


class Notifier:
    """`clock` gives monotonic nanoseconds, as samples have them, `wall` UTC. `courier` None: nothing can be delivered.

    `_changed` protects all of it. It is never held while something is delivered, or written to the store: who reads
    waits for no disk. `_saving` is of who writes to the store, `_testing` of the one test at a time.
    """

    def __init__(
        self, database: Database, clock: Callable[[], int], wall: Callable[[], datetime], courier: Courier | None
    ) -> None:
        self._database, self._clock, self._wall, self._courier = database, clock, wall, courier
        self._saving = threading.RLock()    # taken before `_changed`, never after it
        self._changed = threading.Condition()
        self._testing = threading.Lock()
        self._ending = False
        self._level = "off"
        self._host = socket.gethostname()
        self._fared: dict[Channel, _Fared] = {}
        saved = load_setting(database, _WANTED)
        self.wanted = msgspec.json.decode(saved, type=Wanted | None) if saved else None
        kept = load_setting(database, _KEPT) if self.wanted is not None else None
        self._saved = msgspec.json.decode(kept, type=Notified) if kept else Notified({}, {})
        self._watch = self._new_watch(self._saved.open)
        self._outboxes: dict[Channel, Outbox] = {}
        self._see_to_outboxes(self._saved.waiting)
        self._thread = threading.Thread(target=self._run, name="hpm-notify", daemon=True)

    def start(self) -> None:
        """Deliver from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Deliver nothing more; what waits is delivered by the next start."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if self._courier is not None:
            self._courier.close()
        if self._thread.ident is not None:
            self._thread.join(2.0)

    # -- what is noticed

    def look(self, snapshot: Snapshot) -> None:
        """Notice whether the hypervisor is reached. For any snapshot, old or new."""
        with self._changed:
            self._level = snapshot.levels.cpu_mgmt
            if self.wanted is None:
                return
            told = self._tell(self._watch.look(snapshot, self._clock() / 1e9, self._wall(), self.wanted.rules))
        if told:
            self._keep()

    def judge(self, snapshot: Snapshot) -> None:
        """Notice which goals are missed. For the snapshot of a cycle that has ended."""
        with self._changed:
            if self.wanted is None:
                return
            told = self._tell(self._watch.judge(snapshot, self.wanted))
        if told:
            self._keep()

    def _tell(self, found: Sequence[Notification]) -> bool:
        """Give them to be delivered; gives whether there are any. The lock is held."""
        if found:
            for outbox in self._outboxes.values():
                outbox.add(found)
            self._changed.notify_all()
        return bool(found)

    # -- requests

    def set(self, wanted: Wanted | None) -> None:
        """Tell that from now on, and after later starts. None forgets everything. Raises `StoreError`."""
        with self._saving:
            save_setting(self._database, _WANTED, msgspec.json.encode(wanted).decode())
            with self._changed:
                old, self.wanted = self.wanted, wanted
                if wanted is None:
                    self._watch, self._fared = self._new_watch({}), {}
                self._see_to_outboxes({}, old)
                self._changed.notify_all()
            self._keep()

    def missed(self) -> list[Notification]:
        """What was told last of all that is not over."""
        with self._changed:
            return list(self._watch.open.values())

    def fared(self, channel: Channel) -> ChannelState | None:
        """How deliveries fare; None: the channel is not set."""
        with self._changed:
            outbox, fared = self._outboxes.get(channel), self._fared.get(channel, _Fared())
            if outbox is None:
                return None
            due = outbox.due
            wait = None if due is None else max(0.0, due - time.monotonic())
            at = None if wait is None else rfc3339(self._wall() + timedelta(seconds=wait))
            return ChannelState(len(outbox.waiting), at, fared.delivered, fared.error, outbox.given_up)

    def test(self, by: str) -> dict[Channel, Outcome]:
        """Send a test over each channel that is set, in the name of `by`; gives what became of each. Takes some
        `TEST` seconds at most. Raises `Busy` while another one is under way, `Conflict` where none is set."""
        wanted, now = self.wanted, rfc3339(self._wall())
        channels = [name for name in _channels() if wanted is not None and wanted.channel(name) is not None]
        if wanted is None or not channels:
            raise Conflict("notifications are off: set a webhook or mail first ('hpm notifications --help')")
        with self._one_test():
            one = Notification("test", now, now, 0.0, reason=f"{by} tries whether notifications arrive")
            digest = Digest(str(uuid4()), now, (one,), 0)
            with ThreadPoolExecutor(len(channels), "hpm-notify-test") as pool:
                said = list(pool.map(lambda name: self._deliver(name, digest, wanted, TEST), channels))
            return dict(zip(channels, said, strict=True))

    @contextmanager
    def _one_test(self) -> Iterator[None]:
        if not self._testing.acquire(blocking=False):
            raise Busy("another test of notifications is under way; try again when it has ended")
        try:
            yield
        finally:
            self._testing.release()

    # -- delivering

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._ending:
                    return
                dues = [due for outbox in self._outboxes.values() if (due := outbox.due) is not None]
                wait = min(dues) - time.monotonic() if dues else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
            try:
                for name in _channels():
                    self._send(name)
            except Exception:    # a thread that is gone would be missed by nobody
                log.exception("notifications")
                with self._changed:
                    self._changed.wait(APART)

    def _send(self, name: Channel) -> None:
        """Deliver what is due over one channel, if anything is."""
        with self._changed:
            outbox, wanted = self._outboxes.get(name), self.wanted
            if outbox is None or wanted is None or self._ending:
                return
            digest = outbox.take(time.monotonic(), str(uuid4()), rfc3339(self._wall()))
        if digest is None:
            return
        outcome = self._deliver(name, digest, wanted, DELIVERY)
        with self._changed:
            if self._ending or self._outboxes.get(name) is not outbox:
                return    # what was under way is delivered by the next start; or it was switched off meanwhile
            fared = self._fared.setdefault(name, _Fared())
            error = fared.error = outcome.error
            if outcome.arrived:
                outbox.delivered(time.monotonic())
                fared.delivered = rfc3339(self._wall())
            elif outbox.failed(time.monotonic()):
                log.error("%d notifications were given up by %s: %s", len(digest.notifications), name, error)
            else:
                log.warning("notifications by %s have not arrived, and are tried again: %s", name, error)
        self._keep()

    def _deliver(self, name: Channel, digest: Digest, wanted: Wanted, seconds: float) -> Outcome:
        channel = wanted.channel(name)
        assert channel is not None
        if self._courier is None:
            return Outcome(False, "nothing can be delivered from here")
        return self._courier.deliver(parcel(digest, channel, self._host, self._level), seconds)

    # -- what is kept

    def _new_watch(self, open_: Mapping[str, Notification]) -> Watch:
        return Watch(open_, self._clock() / 1e9, self._wall())

    def _see_to_outboxes(
        self, waiting: Mapping[Channel, tuple[Notification, ...]], old: Wanted | None = None
    ) -> None:
        """One for each channel that is set. One whose address changed goes on with what waits."""
        for name in _channels():
            channel = None if self.wanted is None else self.wanted.channel(name)
            if channel is None:
                self._outboxes.pop(name, None)
                self._fared.pop(name, None)
            elif name not in self._outboxes:
                self._outboxes[name] = Outbox(waiting.get(name, ()), APART, PAUSES)
            elif old is not None and old.channel(name) != channel:
                self._outboxes[name].begin_anew(time.monotonic())

    def _keep(self) -> None:
        """Keep what a later start has to know, if it changed."""
        with self._saving:
            with self._changed:
                waiting = {name: outbox.waiting for name, outbox in self._outboxes.items() if outbox.waiting}
                kept = Notified(dict(self._watch.open), waiting)
            if kept == self._saved:
                return
            try:
                save_setting(self._database, _KEPT, msgspec.json.encode(kept).decode(), worth=False)
                self._saved = kept
            except StoreError as error:
                log.error("what was told cannot be kept, so it may be told again after a restart: %s", error)


def _channels() -> tuple[Channel, ...]:
    return ("webhook", "mail")
