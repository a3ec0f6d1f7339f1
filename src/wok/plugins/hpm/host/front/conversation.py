"""One client's connection: its requests, one after another, and their answers.

A conversation is a task of the event loop, so one that waits (for a client that sends a byte a second, or does not
take its answer) costs a little memory and holds nobody up. A timer ends each of its steps.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any
from urllib.parse import unquote_to_bytes

import h11

from ...wire.doors import BASES, SCRAPED
from .headers import SINGLE, Headers, to_client, to_manager
from .limits import Share, Turns, client_of
from .pages import Pages
from .refusals import MAX_BODY, MAX_FILE, MAX_HEADER, Refused, body_of, phrase_of, unavailable
from .upstream import Exchange, Upstream

log = logging.getLogger(__name__)

#: Where the manager's API is; all else is pages.
_BASES = tuple(base.encode() for base in BASES)
_SCRAPED = SCRAPED.encode()

#: Seconds: between two requests; for a request to have its turn; for the manager to answer it (some writes wait for a
#: cycle); for a piece of an answer to be taken; to read on what a refused client still sends, at most and since its
#: last piece; for a connection to close.
IDLE_SECONDS = 60.0
WAITING_SECONDS = 15.0
MANAGER_SECONDS = 60.0
TAKING_SECONDS = 30.0
LINGER_SECONDS = 3.0
QUIET_SECONDS = 0.2
CLOSING_SECONDS = 5.0

#: Bytes of an answer of the manager's that wait here for the client, so that it is done sooner.
AHEAD = 1024 * 1024

#: Bytes of a body that everybody may have; connections are counted, and that is enough.
SMALL_BODY = 64 * 1024

_CHUNK = 64 * 1024

_LATE = "hpm does not answer in time; read again to see what was done"
_ERRORS = {
    408: "the request did not arrive in time",
    413: f"the headers are too long; at most {MAX_HEADER} bytes are taken",
    431: f"the headers are too long; at most {MAX_HEADER} bytes are taken",
    501: "the transfer coding is none that hpm knows; chunked would be right",
}


@dataclass(frozen=True)
class Shared:
    """What all conversations of a front have in common."""

    upstream: Upstream
    pages: Pages
    turns: Turns
    password_turns: Turns
    bodies: Share
    security: Headers
    request_seconds: float


class Conversation:
    """Serves one connection until it ends. `address`: of the client, plain."""

    def __init__(
        self, shared: Shared, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str
    ) -> None:
        self._shared = shared
        self._reader = reader
        self._writer = writer
        self._address = address
        self._client = client_of(address)
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADER)
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._late: Refused | None = None
        self._idle = True
        self._streaming = False
        self._ending = False
        self._method, self._target = b"", b""
        self._held: list[bytes] = []
        writer.transport.set_write_buffer_limits(high=AHEAD)

    async def run(self) -> None:
        """Until the client or the front ends it."""
        self._task = asyncio.current_task()
        try:
            while await self._exchange() and not self._ending:
                self._http.start_next_cycle()
        except Refused as refused:
            await self._refuse(refused)
        except asyncio.CancelledError:
            if self._late is None:
                raise
            await self._refuse(self._late)
        except h11.RemoteProtocolError as error:
            status = error.error_status_hint
            await self._refuse(Refused(status, _ERRORS.get(status, str(error))))
        except (OSError, EOFError, h11.LocalProtocolError) as error:
            log.debug("%s: %s", self._address, error)
        except Exception:
            log.exception("a request of %s", self._address)
            await self._refuse(Refused(500, "hpm has a fault here; its log says more"))
        finally:
            self._stop_timer()
            await close(self._writer)
            self._task = None    # a cancelled task keeps us: else all that waits here stays until a search for garbage

    def end(self) -> None:
        """End it: at once if nothing is under way, or what has no end of its own; else after this request."""
        self._ending = True
        if (self._idle or self._streaming) and self._task is not None:
            self._task.cancel()

    async def _exchange(self) -> bool:
        """One request and its answer; gives whether another can follow."""
        self._idle = True
        self._method, self._target = b"", b""
        self._within(IDLE_SECONDS)
        request = await self._next(self._began)
        if not isinstance(request, h11.Request):
            return False
        self._method, self._target = bytes(request.method), bytes(request.target)
        headers = list(request.headers)
        _check(request, headers)
        body = await self._body(headers)
        try:
            await self._answer(headers, body)
        except Refused as refused:    # the request was read whole, so that another can follow
            await self._say(refused)
        finally:
            self._shared.bodies.give(self._client, _large(len(body or b"")))
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _answer(self, headers: Headers, body: bytes | None) -> None:
        path = self._target.partition(b"?")[0]
        if path == _SCRAPED or any(path == base or path.startswith(base + b"/") for base in _BASES):
            passed = to_manager(headers, self._address, None if body is None else len(body))
            turns = self._shared.password_turns if self._has_password(path, headers) else self._shared.turns
            await self._taken()
            await self._forward(turns, passed, body or b"")
            return
        known = dict(headers).get(b"if-none-match")
        codings = b",".join(value for name, value in headers if name == b"accept-encoding")    # it may have many lines
        await self._send(*self._shared.pages.answer(self._method, path, known, codings))

    def _has_password(self, path: bytes, headers: Headers) -> bool:
        """Whether the manager will check a password, which may take it seconds."""
        basic = any(name == b"authorization" and value[:6].lower() == b"basic " for name, value in headers)
        return basic or (self._method == b"POST" and unquote_to_bytes(path).rstrip(b"/").endswith(b"/login"))

    async def _taken(self) -> None:
        """Wait until the client has taken the answers before: who takes none has no turn, either."""
        self._within(TAKING_SECONDS)
        self._writer.transport.set_write_buffer_limits(high=1)    # at 0, TLS would wait for ever
        await self._writer.drain()
        self._writer.transport.set_write_buffer_limits(high=AHEAD)

    async def _forward(self, turns: Turns, headers: Headers, body: bytes) -> None:
        self._within(WAITING_SECONDS, unavailable("too many requests are under way"))
        exchange: Exchange | None = None
        try:
            async with turns.of(self._client):
                self._within(MANAGER_SECONDS, unavailable(_LATE))
                exchange = await self._shared.upstream.ask(self._method, self._target, headers, body)
                if not exchange.streams:
                    await self._pass_on(exchange)
                    return
            await self._pass_events(exchange)    # which occupy nobody there
        finally:
            if exchange is not None:
                self._shared.upstream.done(exchange)

    async def _pass_on(self, exchange: Exchange) -> None:
        self._start(exchange.status, to_client(exchange.headers, self._method, self._shared.security))
        async for data in exchange.body():
            await self._write(h11.Data(data=data))
        await self._write(h11.EndOfMessage())

    async def _pass_events(self, exchange: Exchange) -> None:
        """Pass an answer on that goes on for as long as its ends are there. The manager sends something every now and
        then, so none of the waiting is for longer than `TAKING_SECONDS`."""
        self._streaming = True
        self._writer.transport.set_write_buffer_limits(high=_CHUNK)    # who is slow is to be slow at the manager
        watch = self._loop.create_task(self._watch(exchange))
        try:
            await self._pass_on(exchange)
        finally:
            self._streaming = False
            watch.cancel()
            await asyncio.wait([watch])    # one at a time may read

    async def _watch(self, exchange: Exchange) -> None:
        """Give up an exchange whose client hangs up, however long the manager says nothing."""
        try:
            data = await self._reader.read(_CHUNK)
            self._http.receive_data(data)    # the next request, maybe
        except OSError:
            data = b""
        if not data:
            exchange.close()

    async def _send(self, status: int, headers: Headers, content: bytes) -> None:
        """An answer of our own. Nobody is done sooner if it waits here, so it goes in pieces, as they are taken."""
        self._writer.transport.set_write_buffer_limits(high=_CHUNK)
        headers = [*headers, (b"Date", formatdate(usegmt=True).encode()), *self._shared.security]
        if status != 304:
            headers.append((b"Content-Length", b"%d" % len(content)))
        self._start(status, headers)
        for begin in range(0, 0 if self._method == b"HEAD" else len(content), _CHUNK):
            await self._write(h11.Data(data=content[begin : begin + _CHUNK]))
        await self._write(h11.EndOfMessage())

    async def _say(self, refused: Refused) -> None:
        """Send a refusal, if no answer has begun."""
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers = [(b"Content-Type", b"application/json"), (b"Cache-Control", b"no-store"), *refused.headers]
            await self._send(refused.status, headers, body_of(refused, self._method, self._target))
        else:
            self._ending = True

    async def _refuse(self, refused: Refused) -> None:
        """Refuse a request that was not read whole: nothing can follow it, and `run` closes the connection."""
        self._ending = True
        if self._idle:
            return
        try:
            await self._say(refused)
            # to close while the client still sends would take the answer away from it
            end = self._loop.time() + LINGER_SECONDS
            while self._loop.time() < end:
                self._within(QUIET_SECONDS)
                if not await self._reader.read(_CHUNK):
                    break
        except (OSError, asyncio.CancelledError, h11.LocalProtocolError) as error:
            log.debug("%s: a refusal: %s", self._address, error)

    async def _body(self, headers: Headers) -> bytes | None:
        """The body, whole; None where there is none."""
        framing = dict(headers)
        length = framing.get(b"content-length")
        most = MAX_FILE if self._target.partition(b"?")[0].endswith(b"/import") else MAX_BODY
        too_large = Refused(413, f"the body is too large; at most {most} bytes are taken")
        if length is not None and int(length) > most:
            raise too_large
        if self._http.they_are_waiting_for_100_continue:
            self._writer.write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
        data = bytearray()
        try:
            while isinstance(event := await self._next(), h11.Data):
                if len(data) + len(event.data) > most:
                    raise too_large
                more = _large(len(data) + len(event.data)) - _large(len(data))
                if not self._shared.bodies.take(self._client, more):
                    raise unavailable("too many large requests are under way")
                data += event.data
        except BaseException:
            self._shared.bodies.give(self._client, _large(len(data)))
            raise
        return None if length is None and b"transfer-encoding" not in framing else bytes(data)

    async def _next(self, began: Callable[[], None] | None = None) -> Any:
        """The next event; `began` is called as soon as anything of it is there."""
        await asyncio.sleep(0)    # others have their turn: what has arrived already is read without waiting
        event = self._http.next_event()
        while event is h11.NEED_DATA:
            data = await self._reader.read(_CHUNK)
            if data and began is not None:
                began()
                began = None
            self._http.receive_data(data)
            event = self._http.next_event()
        if began is not None:
            began()
        return event

    def _began(self) -> None:
        self._idle = False
        self._within(self._shared.request_seconds, Refused(408, _ERRORS[408]))

    def _start(self, status: int, headers: Headers) -> None:
        """Begin an answer; its head goes with what follows."""
        if self._ending:
            headers.append((b"Connection", b"close"))
        response = h11.Response(status_code=status, headers=headers, reason=phrase_of(status))
        self._held.append(self._http.send(response) or b"")

    async def _write(self, event: h11.Event) -> None:
        """Send it, and wait until enough of what was sent before is taken."""
        self._within(TAKING_SECONDS)
        parts = self._held + [part for part in self._http.send_with_data_passthrough(event) or () if part]
        self._held = []
        if sum(map(len, parts)) <= _CHUNK:
            parts = [b"".join(parts)]
        for part in parts:
            if part:
                self._writer.write(part)
        await self._writer.drain()

    def _within(self, seconds: float, otherwise: Refused | None = None) -> None:
        """What follows takes so long at most. Else the conversation ends, with these words if it can say any."""
        self._stop_timer()
        self._timer = self._loop.call_later(seconds, self._expire, otherwise)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self, otherwise: Refused | None) -> None:
        self._late = otherwise
        if self._task is not None:
            self._task.cancel()


def _large(size: int) -> int:
    """Bytes of a body that are counted: small ones always find room, however many large ones there are."""
    return max(0, size - SMALL_BODY)


async def close(writer: asyncio.StreamWriter) -> None:
    """Close a connection, and wait for that; one whose client does not take its last answer is cut off. So is one that
    is to make room: the event loop would go on with it, and take the next one with its descriptor for it."""
    writer.close()
    try:
        await asyncio.wait_for(writer.wait_closed(), CLOSING_SECONDS)
    except (OSError, asyncio.TimeoutError):
        pass
    finally:
        writer.transport.abort()    # nothing, where it is closed


def _check(request: h11.Request, headers: Headers) -> None:
    """What h11 lets through, and two programs could read in two ways. Raises `Refused`."""
    names = [name for name, _ in headers]
    double = next((name for name in names if name in SINGLE and names.count(name) > 1), None)
    if request.http_version not in (b"1.0", b"1.1"):
        raise Refused(505, "HTTP/1.1 would be right")
    if double is not None:
        raise Refused(400, f"the header {double.decode()} is there twice")
    if b"content-length" in names and b"transfer-encoding" in names:
        raise Refused(400, "there are both Content-Length and Transfer-Encoding")
    if b"transfer-encoding" in names and request.http_version == b"1.0":
        raise Refused(400, "HTTP/1.0 has no Transfer-Encoding")
    if b"host" not in names:
        raise Refused(400, "the header Host is missing")
    if request.method == b"CONNECT":
        raise Refused(405, "CONNECT is not possible here")
    if not request.target.startswith(b"/"):
        raise Refused(400, "the request's target must be a path, which begins with a slash")
