"""Answers that go on, as those that tell events do: one thread sends them all.

A worker of cheroot's that has sent the head of such an answer hands the connection over, and is free for the next
request. So readers hold no thread, and however many there are, ordinary requests do not notice.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import cherrypy

from ..control.api import Carrier
from ..model.events import Feed

log = logging.getLogger(__name__)

#: Seconds of silence after which something is sent, so that either end, and what stands between, notices that the
#: other one is gone.
BEAT = 15.0

#: Seconds in which a reader must take something of what it is sent.
TAKING = 30.0

#: Buffers that the kernel takes at once, and pieces for one reader before the others have their turn.
BUFFERS = 256

#: Where the WSGI environment has what takes a feed over.
HAND_OVER = "hpm.hand-over"


def carrier(place: Callable[[], str | None]) -> Carrier:
    """How a server of ours has answers go on. `place` says whence the current request comes, where that is counted."""

    def hand_over(feed: Feed) -> Iterable[bytes] | None:
        where = place()
        if not feed.take_place(*([] if where is None else [f"address {where}"])):
            return None
        cherrypy.response.headers["Connection"] = "close"
        cherrypy.request.wsgi_environ[HAND_OVER](feed)
        return ()

    return hand_over


class Connection(Protocol):
    """What was handed over: a connection on which the head of an answer was sent."""

    socket: socket.socket

    def close(self) -> None:
        """Close it."""


class Streams:
    """Sends the rest of answers. Its thread begins with the first one, and ends with `stop`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._new: list[_Stream] = []
        self._streams: set[_Stream] = set()
        self._thread: threading.Thread | None = None
        self._signal = -1    # an eventfd, while there is a thread
        self._ending = False

    def add(self, connection: Connection, feed: Feed, chunked: bool) -> None:
        """Send what a feed tells, from now on; `chunked` as the head of the answer says. Where that is not possible
        the answer ends at once, and the reader asks again. Raises nothing: cheroot would end the whole server."""
        stream = _Stream(connection, feed, chunked)
        with self._lock:
            ending = self._ending or not self._begun()
            if not ending:
                self._new.append(stream)
        if ending:
            stream.finish()
        else:
            self.wake()

    def _begun(self) -> bool:
        """Whether there is a thread, or there is one now."""
        if self._thread is not None:
            return True
        with contextlib.ExitStack() as made:
            try:
                selector = made.enter_context(selectors.DefaultSelector())
                signal = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
                made.callback(os.close, signal)
                selector.register(signal, selectors.EVENT_READ)
                thread = threading.Thread(target=self._run, args=(selector,), name="hpm-events", daemon=True)
                thread.start()
            except (OSError, RuntimeError) as error:    # no open file, or no thread, is left
                log.warning("nobody is told events now: %s", error)
                return False
            made.pop_all()
            self._signal, self._thread = signal, thread
        return True

    def wake(self) -> None:
        """There is something to send. Never waits."""
        with self._lock, contextlib.suppress(BlockingIOError):    # it was told often enough
            if self._signal >= 0:
                os.eventfd_write(self._signal, 1)

    def stop(self) -> None:
        """End all answers, as whole ones where a reader takes the rest at once."""
        with self._lock:
            self._ending = True
        self.wake()
        if self._thread is not None:
            self._thread.join()

    def _run(self, selector: selectors.BaseSelector) -> None:
        with selector:
            patience = BEAT
            while not self._ending:
                for key, _ in selector.select(patience):
                    if key.data is None:
                        os.eventfd_read(self._signal)
                    else:
                        key.data.ready = True
                self._admit(selector)
                now = time.monotonic()
                patience = min([BEAT, *(self._serve(stream, now, selector) for stream in list(self._streams))])
        with self._lock:
            signal, self._signal = self._signal, -1
        os.close(signal)
        for stream in [*self._streams, *self._new]:
            stream.finish()

    def _admit(self, selector: selectors.BaseSelector) -> None:
        with self._lock:
            new, self._new = self._new, []
        for stream in new:
            try:
                selector.register(stream.connection.socket, selectors.EVENT_READ, stream)
            except OSError as error:    # the kernel has no room for one more
                log.warning("a reader of events is sent away: %s", error)
                stream.finish()
            else:
                self._streams.add(stream)

    def _serve(self, stream: _Stream, now: float, selector: selectors.BaseSelector) -> float:
        """Send what there is for one; gives the seconds after which to look again."""
        try:
            if stream.go_on(now):
                wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if stream.unsent else 0)
                if selector.get_key(stream.connection.socket).events != wanted:
                    selector.modify(stream.connection.socket, wanted, stream)
                return max(0.0, stream.due - now)
        except OSError as error:
            log.debug("a reader of events has gone: %s", error)
        except Exception:    # the others go on
            log.exception("events for one reader")
        self._streams.discard(stream)
        selector.unregister(stream.connection.socket)
        stream.close()
        return BEAT


class _Stream:
    """One answer that goes on."""

    def __init__(self, connection: Connection, feed: Feed, chunked: bool) -> None:
        self.connection = connection
        self.unsent: deque[memoryview] = deque()
        self.ready = False    # there is something to read, or room to write
        now = time.monotonic()
        self.due = now
        self._feed = feed
        self._chunked = chunked
        self._ends = now + feed.seconds
        self._sent = now
        self._ended = False
        connection.socket.setblocking(False)
        self._put([feed.begin()])

    def go_on(self, now: float) -> bool:
        """Send what can be sent without waiting; gives whether there will be more. Raises `OSError`."""
        if self.ready:
            self.ready = False
            self._listen()
        more = self._send(now)
        while more and not self._ended:
            parts = self._feed.take()
            over = now >= self._ends or self._feed.over
            if not parts and not over:
                if now < self._sent + BEAT:
                    break
                parts = [self._feed.beat()]
            self._put(parts)
            if over and not parts:
                self._end()
            more = self._send(now)
        if self.unsent and now >= self._sent + TAKING:
            raise TimeoutError(f"nothing was taken for {TAKING:g} s")
        # where something waits to be sent, the socket says when to go on, and the end waits for that
        self.due = self._sent + TAKING if self.unsent else min(self._sent + BEAT, self._ends)
        return bool(self.unsent) or not self._ended

    def finish(self) -> None:
        """End it as a whole answer, if that needs no waiting, and close it."""
        try:
            if not self._ended:
                self._end()
            self._send(time.monotonic())
        except OSError as error:
            log.debug("a reader of events did not see the end: %s", error)
        self.close()

    def close(self) -> None:
        """It has ended."""
        self._feed.end()
        self.connection.close()

    def _listen(self) -> None:
        """A reader says nothing more: what comes is its end. Raises `OSError`."""
        try:
            if not self.connection.socket.recv(4096):
                raise ConnectionAbortedError("it hung up")
        except BlockingIOError:
            pass

    def _put(self, parts: Sequence[bytes]) -> None:
        if not parts:
            return
        if self._chunked:
            parts = [b"%x\r\n" % sum(map(len, parts)), *parts, b"\r\n"]
        self.unsent.extend(map(memoryview, parts))

    def _end(self) -> None:
        self._ended = True
        if self._chunked:
            self.unsent.append(memoryview(b"0\r\n\r\n"))

    def _send(self, now: float) -> bool:
        """Gives whether all was taken."""
        while self.unsent:
            try:
                taken = self.connection.socket.sendmsg([self.unsent[i] for i in range(min(BUFFERS, len(self.unsent)))])
            except BlockingIOError:
                return False
            self._sent = now
            while taken:
                first = self.unsent[0]
                if taken < len(first):
                    self.unsent[0] = first[taken:]
                    break
                taken -= len(first)
                self.unsent.popleft()
        return True
