"""The front's socket: who may connect, and TLS."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import sys
from asyncio import sslproto

from ...errors import HpmError
from .conversation import Conversation, Shared
from .limits import Share, client_of, plain_address
from .refusals import MAX_HEADER
from .settings import format_listen, parse_listen

log = logging.getLogger(__name__)

#: Connections of one client, and of all.
CONNECTIONS_PER_CLIENT = 64
CONNECTIONS = 1024

#: Seconds for a client to begin, and to end, the handshake of TLS.
HANDSHAKE_SECONDS = 10.0

#: Bytes of answers that the kernel keeps for a client that does not take them (it doubles that, socket(7)). By itself
#: it keeps some megabytes for each.
KERNEL_BYTES = 64 * 1024

#: Bytes that are read of a connection at once: two records of TLS.
READ_AT_ONCE = 32 * 1024

#: Seconds until accepting is tried again where the process or the system has no more open files.
PAUSE_SECONDS = 0.5

#: Seconds for what is under way to end when the front does.
ENDING_SECONDS = 5.0

_PLAIN = b"hpm speaks HTTPS here: write https:// instead of http:// in the address\n"
_PLAIN_ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    % len(_PLAIN)
) + _PLAIN
_TLS_HANDSHAKE = b"\x16"    # the first byte of a client that speaks TLS


class CannotListen(HpmError):
    """The address cannot be listened at."""

    id = "cannot-listen"


def keep_connections_small() -> None:
    """Have asyncio take room for less than 256 KiB of what each connection with TLS sends; of the whole process. Before
    Python 3.11 it takes none."""
    if sys.version_info >= (3, 11):
        sslproto.SSLProtocol.max_size = READ_AT_ONCE


def open_listener(listen: str) -> socket.socket:
    """A socket that listens at ``ADDRESS:PORT``. Raises `CannotListen`, `InvalidValue`."""
    address, port = parse_listen(listen)
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:    # the latter of a name that cannot be one
        raise CannotListen(f"the address {address} cannot be used: {error}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)    # [::] is every address
        listener.bind(where)
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise CannotListen(
            f"port {port} of {address} cannot be listened at ({error.strerror}); say another one with --listen"
        ) from None
    return listener


def where(listener: socket.socket) -> str:
    """The URL at which a listening socket is reached."""
    address, port = listener.getsockname()[:2]
    return f"https://{format_listen(address, port)}"


class Listener:
    """Accepts connections and has them served, until `stop`."""

    def __init__(self, listener: socket.socket, context: ssl.SSLContext, shared: Shared) -> None:
        self._listener = listener
        self._listener.setblocking(False)
        self._context = context
        self._shared = shared
        self._connections = Share(CONNECTIONS_PER_CLIENT, CONNECTIONS)
        self._loop = asyncio.get_running_loop()
        self._tasks: dict[asyncio.Task[None], Conversation | None] = {}    # None: shaking hands
        self._given: set[asyncio.Task[None]] = set()    # whose place somebody else has
        self._of: dict[str, list[asyncio.Task[None]]] = {}    # by client, the oldest first

    def use(self, context: ssl.SSLContext) -> None:
        """Have new connections use it."""
        self._context = context

    async def run(self) -> None:
        """Accept connections, for ever."""
        while True:
            try:
                connection, where = await self._loop.sock_accept(self._listener)
            except OSError as error:
                log.warning("no connection can be accepted now: %s", error)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            address = plain_address(where[0])
            client = client_of(address)
            if self._connections.full:
                self._make_room(client)
            if self._connections.take(client):
                task = self._loop.create_task(self._serve(connection, address))
                self._tasks[task] = None
                self._of.setdefault(client, []).append(task)
                task.add_done_callback(lambda task, client=client: self._ended(task, client))    # type: ignore[misc]
            else:
                connection.close()
                log.debug("%s has too many connections, or all have", address)

    def _make_room(self, client: str) -> None:
        """All places are taken: who has the most loses the oldest, or somebody with some twenty addresses could lock
        out all others. The place is free at once; to take leave of whom it was may need some seconds."""
        greediest = self._connections.greediest(client)
        if greediest is not None:
            task = self._of[greediest].pop(0)
            self._connections.give(greediest)
            self._given.add(task)
            task.cancel()

    def _ended(self, task: asyncio.Task[None], client: str) -> None:
        del self._tasks[task]
        if task in self._given:
            self._given.discard(task)
        else:
            self._connections.give(client)
            self._of[client].remove(task)
        if not self._of.get(client, True):
            del self._of[client]

    async def stop(self) -> None:
        """Listen no more; let what is under way end, but not for ever."""
        self._listener.close()
        for task, conversation in list(self._tasks.items()):
            if conversation is None:
                task.cancel()
            else:
                conversation.end()
        if self._tasks:
            _, late = await asyncio.wait(list(self._tasks), timeout=ENDING_SECONDS)
            for task in late:
                task.cancel()

    async def _serve(self, connection: socket.socket, address: str) -> None:
        try:
            streams = await self._handshake(connection)
            if streams is not None:
                conversation = Conversation(self._shared, *streams, address)
                self._tasks[asyncio.current_task()] = conversation    # type: ignore[index]    # there is one
                await conversation.run()
        except (OSError, asyncio.TimeoutError) as error:    # those of ssl are OSErrors
            log.debug("%s: no handshake: %s", address, error)
        finally:
            connection.close()

    async def _handshake(self, connection: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """The streams of a client that speaks TLS; one that speaks HTTP is told so."""
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
        first = await asyncio.wait_for(self._first_byte(connection), HANDSHAKE_SECONDS)
        if first != _TLS_HANDSHAKE:
            if first:
                connection.recv(MAX_HEADER)    # what is left unread at the close would take the answer away
                connection.send(_PLAIN_ANSWER)
            return None
        reader = asyncio.StreamReader(limit=MAX_HEADER)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await self._loop.connect_accepted_socket(
            lambda: protocol, connection, ssl=self._context, ssl_handshake_timeout=HANDSHAKE_SECONDS
        )
        return reader, asyncio.StreamWriter(transport, protocol, reader, self._loop)

    async def _first_byte(self, connection: socket.socket) -> bytes:
        """The first byte that the client sends, left where it is; empty: it went away."""
        ready = asyncio.Event()
        self._loop.add_reader(connection, ready.set)
        try:
            await ready.wait()
        finally:
            self._loop.remove_reader(connection)
        return connection.recv(1, socket.MSG_PEEK)
