"""Answers that go on, in Wok, whose server is not ours: each of them holds one of its threads.

So few go on, and not for long, and the threads that are left serve the others. Readers without a place are told what
there is and ask again, as all do when their answer ends: so a place goes round.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from ...model.events import Feed

#: Answers that go on at once: Wok's server has ten threads.
PLACES = 3

#: Seconds that one goes on at most.
LONGEST = 20.0

#: Seconds of silence after which something is sent: Wok's proxy gives up after a minute, and who is gone shows.
BEAT = 10.0


class Streaming:
    """The places of one Wok. `stop` ends what goes on."""

    def __init__(self) -> None:
        self.over = False
        self._places = threading.BoundedSemaphore(PLACES)
        self._going: set[_Telling] = set()

    def carry(self, feed: Feed) -> Iterator[bytes] | None:
        """See `Carrier`."""
        if self.over or not self._places.acquire(blocking=False):
            return None
        if not feed.take_place():
            self._places.release()
            return None
        telling = _Telling(feed, self)
        self._going.add(telling)
        return telling

    def stop(self) -> None:
        """Wok ends: end what goes on."""
        self.over = True
        for telling in list(self._going):
            telling.wake.set()

    def ended(self, telling: _Telling) -> None:
        """A place is free."""
        if telling in self._going:
            self._going.discard(telling)
            self._places.release()


class _Telling:
    """One answer, as CherryPy sends it: it waits in `next`, and calls `close` in the end, however that comes."""

    def __init__(self, feed: Feed, streaming: Streaming) -> None:
        self.wake = threading.Event()
        self._feed = feed
        self._streaming = streaming
        self._ends = time.monotonic() + min(LONGEST, feed.seconds)
        self._begun = False
        feed.events.listen(self.wake.set)

    def __iter__(self) -> _Telling:
        return self

    def __next__(self) -> bytes:
        if not self._begun:
            self._begun = True
            return self._feed.begin()
        beat = time.monotonic() + BEAT
        while True:
            self.wake.clear()
            parts = self._feed.take()
            if parts:
                return b"".join(parts)
            now = time.monotonic()
            if now >= self._ends or self._feed.over or self._streaming.over:
                self.close()
                raise StopIteration
            if now >= beat:
                return self._feed.beat()
            self.wake.wait(min(beat, self._ends) - now)

    def close(self) -> None:
        """Give the place back."""
        self._feed.events.unlisten(self.wake.set)
        self._feed.end()
        self._streaming.ended(self)
