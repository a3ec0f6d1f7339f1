"""Events: the newest of them in a ring, and readers who each go on from their own place in it.

A reader is a place and nothing else: publishing looks at none of them, and whoever is slow finds, some day, that what
followed is gone, and is told to read everything anew. So memory is bounded whatever readers do.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from ..wire.events import EventKind, ResyncReason
from ..wire.times import rfc3339

#: Events that are kept, bytes of them as JSON, and for how many nanoseconds; of these, what is less. Whoever was away
#: for longer reads everything anew; and memory does not go on growing for hours on a host where little happens.
KEPT = 10_000
KEPT_BYTES = 8 * 1024 * 1024
KEPT_FOR = 5 * 60 * 1_000_000_000
#: Nanoseconds for which the texts that all readers share are kept: some kilobytes each, and nearly all are taken at
#: once. Who is further behind has them made anew.
WRITTEN_FOR = 15 * 1_000_000_000

#: Readers of one user, or at one address, and of all, whose answers go on. Others are told what there is, and ask
#: again. The web front has 64 connections for an address, and some are left for ordinary requests.
PLACES_EACH = 48
PLACES = 256


class Published(msgspec.Struct):
    """An event. `data` has no URIs: they depend on the base path, and so does the text, which is made once for each
    base (`texts`) and shared by all its readers. `time` is RFC 3339; `at` the same in monotonic nanoseconds, for it is
    kept for so long whatever becomes of the clock."""

    number: int
    kind: EventKind
    data: object
    time: str
    at: int = 0
    size: int = 0
    texts: dict[str, bytes] = {}


class Events:
    """The newest events of one start of hpm. Any thread may publish and read; `wall` gives UTC, `clock` monotonic
    nanoseconds."""

    def __init__(
        self, wall: Callable[[], datetime], clock: Callable[[], int] = time.monotonic_ns, kept: int = KEPT,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:  # fmt: skip
        #: Tells this start of hpm from others: a number alone could be of either.
        self.instance = secrets.token_hex(6)
        self.places = Places()
        self.over = False    # hpm ends
        self._wall, self._clock = wall, clock
        self._kept, self._kept_bytes = kept, kept_bytes
        self._lock = threading.Lock()
        self._ring: dict[int, Published] = {}    # by number, without gaps
        self._first, self._last = 1, 0    # their numbers; the last one is less where there are none
        self._written = 1    # the number of the first one that may have texts
        self._bytes = 0
        self._listeners: tuple[Callable[[], None], ...] = ()

    def publish(self, kind: EventKind, data: object) -> None:
        """Tell of something. `data` is anything that msgspec encodes."""
        self.publish_all([(kind, data)])

    def publish_all(self, news: Iterable[tuple[EventKind, object]]) -> None:
        """Tell of several things at once."""
        said, now = rfc3339(self._wall()), self._clock()
        made = [(kind, data, len(msgspec.json.encode(data))) for kind, data in news]
        if not made:
            return
        with self._lock:
            for kind, data, size in made:
                self._last += 1
                self._ring[self._last] = Published(self._last, kind, data, said, now, size)
                self._bytes += size
            while len(self._ring) > 1 and (
                len(self._ring) > self._kept or self._bytes > self._kept_bytes
                or self._ring[self._first].at + KEPT_FOR < now
            ):
                self._bytes -= self._ring.pop(self._first).size
                self._first += 1
            self._written = max(self._written, self._first)
            while self._written <= self._last and not self._shared(self._ring[self._written], now):
                self._ring[self._written].texts.clear()
                self._written += 1
        self._tell()

    def listen(self, callback: Callable[[], None]) -> None:
        """Have `callback` called, from any thread, when there is something new. It must not wait, nor raise."""
        with self._lock:
            self._listeners = (*self._listeners, callback)

    def unlisten(self, callback: Callable[[], None]) -> None:
        """Call it no more."""
        with self._lock:
            self._listeners = tuple(known for known in self._listeners if known != callback)

    def close(self) -> None:
        """hpm ends: so do those who read."""
        self.over = True
        self._tell()

    def keep(self, event: Published, base: str, text: bytes) -> None:
        """Share a text of an event with its other readers, unless it is so old that few are left."""
        with self._lock:
            if self._shared(event, self._clock()):
                event.texts[base] = text

    def name(self, number: int) -> str:
        """The id of an event."""
        return f"{self.instance}-{number}"

    def reader(self, last_id: str | None, kinds: frozenset[EventKind] | None = None) -> Reader:
        """Go on after the event with this id, or from now on; only events of these `kinds` (None: all)."""
        with self._lock:
            place, why = self._place(last_id)
            return Reader(self, place, why, kinds)

    def take(self, reader: Reader, most: int) -> list[Published]:
        """What a reader takes next; see `Reader.take`."""
        with self._lock:
            if reader.resync is None and reader.number + 1 < self._first:
                reader.resync = "too-old"
            if reader.resync is not None:
                data, reader.resync, reader.number = reader.resync, None, self._last
                return [Published(self._last, "resync", data, rfc3339(self._wall()))]
            found: list[Published] = []
            size = 0
            while reader.number < self._last and size < most:
                reader.number += 1
                event = self._ring[reader.number]
                if reader.kinds is None or event.kind in reader.kinds or event.kind == "resync":
                    found.append(event)
                    size += event.size
            return found

    @staticmethod
    def _shared(event: Published, now: int) -> bool:
        return event.at + WRITTEN_FOR >= now

    def _place(self, last_id: str | None) -> tuple[int, ResyncReason | None]:
        """The number of the event after which to go on, and why the reader must read everything anew."""
        if last_id is None:
            return self._last, "begin"
        instance, _, number = last_id.rpartition("-")
        good = number.isascii() and number.isdigit() and len(number) <= 18
        if instance != self.instance or not good or int(number) > self._last:
            return self._last, "unknown-id"
        return int(number), None

    def _tell(self) -> None:
        for callback in self._listeners:
            callback()


class Reader:
    """One reader's place. Not thread-safe: one thread at a time takes."""

    def __init__(
        self, events: Events, number: int, resync: ResyncReason | None, kinds: frozenset[EventKind] | None
    ) -> None:
        self.events = events
        self.number = number    # of the last event that was taken or passed over
        self.resync = resync
        self.kinds = kinds

    @property
    def place(self) -> str:
        """The id after which to go on."""
        return self.events.name(self.number)

    def take(self, most: int) -> list[Published]:
        """The next events: about `most` bytes of them, but one at least; empty: there are none now.

        A `resync`, whose data is the reason, where the reader must read everything anew.
        """
        return self.events.take(self, most)


class Places:
    """So many for each who is named, and so many for all. Any thread may ask."""

    def __init__(self, each: int = PLACES_EACH, total: int = PLACES) -> None:
        self._each, self._total = each, total
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()
        self._sum = 0

    @property
    def taken(self) -> int:
        """How many are taken."""
        return self._sum

    def take(self, names: tuple[str, ...]) -> bool:
        """Take one, which is counted to all these names, if each of them has one left."""
        with self._lock:
            if self._sum >= self._total or any(self._taken[name] >= self._each for name in names):
                return False
            self._taken.update(names)
            self._sum += 1
            return True

    def give(self, names: tuple[str, ...]) -> None:
        """Give it back."""
        with self._lock:
            self._taken.subtract(names)
            self._taken += Counter()    # without those that have none
            self._sum -= 1
