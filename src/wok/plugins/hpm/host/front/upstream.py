"""Requests to the manager, over a few kept connections to its socket."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import h11

from .headers import Headers
from .refusals import MAX_HEADER, unavailable

log = logging.getLogger(__name__)

#: Bytes read in one go.
CHUNK = 1024 * 1024

#: A connection that was unused for longer is not used again: the manager closes idle ones after ten seconds, and a
#: request must not meet that.
FRESH_SECONDS = 5.0

#: Seconds between two lines in the log about a manager that cannot be reached: clients come more often.
TELLING_SECONDS = 60.0

#: Connections that are kept.
KEPT = 16

#: The media type of an answer that goes on.
_EVENTS = b"text/event-stream"

_GONE = "hpm's manager does not answer; it may be starting anew, so try again"
_BROKEN = "the manager broke the connection off; read again to see whether the change was done"


class Exchange:
    """A request that was sent, and its answer: `status` and `headers`, then `body`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEADER)
        self.used = 0.0
        self.status = 0
        self.headers: Headers = []

    @property
    def streams(self) -> bool:
        """Whether the answer goes on, and is to be passed on as it comes: it tells events, and its end is open."""
        names = {name.lower(): value for name, value in self.headers}
        return names.get(b"content-type", b"").startswith(_EVENTS) and b"content-length" not in names

    @property
    def reusable(self) -> bool:
        """Whether another request can follow, now."""
        if self._reader.at_eof() or self._writer.is_closing() or time.monotonic() - self.used > FRESH_SECONDS:
            return False
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        return self._http.our_state is h11.IDLE and self._http.their_state is h11.IDLE

    async def ask(self, method: bytes, target: bytes, headers: Headers, body: bytes) -> None:
        """Send a request, and read the answer's head. Raises `OSError`, `EOFError` or h11's errors."""
        data = self._send(h11.Request(method=method, target=target, headers=headers))
        if body:
            data += self._send(h11.Data(data=body))
        self._writer.write(data + self._send(h11.EndOfMessage()))
        await self._writer.drain()
        event = await self._next()
        while isinstance(event, h11.InformationalResponse):
            event = await self._next()
        if not isinstance(event, h11.Response):
            raise EOFError("the connection ended before the answer")
        self.status = event.status_code
        self.headers = list(event.headers.raw_items())

    async def body(self) -> AsyncIterator[bytes]:
        """The answer's body, in pieces. Raises as `ask`."""
        while True:
            event = await self._next()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            else:
                break

    def close(self) -> None:
        """Close the connection, whatever is under way on it."""
        self.used = time.monotonic()
        self._writer.close()

    def _send(self, event: h11.Event) -> bytes:
        return self._http.send(event) or b""

    async def _next(self) -> Any:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            self._http.receive_data(await self._reader.read(CHUNK))


class Upstream:
    """The manager, as the front sees it."""

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._idle: deque[Exchange] = deque()
        self._told = -TELLING_SECONDS

    async def ask(self, method: bytes, target: bytes, headers: Headers, body: bytes) -> Exchange:
        """An answer whose head is there; `done` takes it back. Raises `Refused` with 503."""
        kept = self._kept()
        exchange = kept or await self._connect()
        try:
            return await self._try(exchange, method, target, headers, body)
        except (OSError, EOFError, h11.ProtocolError):
            # the manager was started anew since; what reads may be asked twice
            if kept is None or method not in (b"GET", b"HEAD"):
                raise unavailable(_BROKEN) from None
        try:
            return await self._try(await self._connect(), method, target, headers, body)
        except (OSError, EOFError, h11.ProtocolError):
            raise unavailable(_BROKEN) from None

    def done(self, exchange: Exchange) -> None:
        """Keep the connection for others if its answer was read whole; else close it."""
        exchange.used = time.monotonic()
        if len(self._idle) < KEPT and exchange.reusable:
            self._idle.append(exchange)
        else:
            exchange.close()

    def close(self) -> None:
        """Close the connections that are kept."""
        while self._idle:
            self._idle.pop().close()

    async def _try(
        self, exchange: Exchange, method: bytes, target: bytes, headers: Headers, body: bytes
    ) -> Exchange:
        try:
            await exchange.ask(method, target, headers, body)
        except BaseException:    # also where who asked has given up
            exchange.close()
            raise
        return exchange

    def _kept(self) -> Exchange | None:
        while self._idle:
            exchange = self._idle.pop()
            if exchange.reusable:
                return exchange
            exchange.close()
        return None

    async def _connect(self) -> Exchange:
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket, limit=CHUNK)
        except OSError as error:
            self._tell(error)
            raise unavailable(_GONE) from None
        return Exchange(reader, writer)

    def _tell(self, error: OSError) -> None:
        """Clients are told only to try again; who runs the host should see why, such as a directory we cannot enter."""
        now = time.monotonic()
        if now - self._told >= TELLING_SECONDS:
            self._told = now
            log.warning("the manager's socket %s cannot be reached: %s", self._socket, error.strerror or error)
