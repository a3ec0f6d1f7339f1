"""cheroot's server, made safe against clients that are slow, many, or do not speak HTTP.

Any local user can connect to the manager's socket, so nothing that a client does may hold up the others:
a connection has a thread only while there is something to read, a request must be there whole within seconds,
and one user can have neither all connections nor all threads. What cheroot refuses by itself carries our error
body.
"""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import sys
import time
from typing import Any

from cheroot import server, wsgi
from cheroot.connections import ConnectionManager
from cheroot.makefile import MakeFile
from cheroot.workers import threadpool

from ..control.api import too_large
from ..control.http_errors import error_body
from ..control.route import MAX_BODY
from ..model.events import Feed
from ..policy.files.content import MAX_SIZE
from ..wire.doors import CLIENT_ADDRESS, CLIENT_SCHEME
from ..wire.errors import BAD_HEADER
from .chunks import ChunkedBody
from .peer import caller_of
from .shares import THREADS, Shares
from .streams import HAND_OVER, Streams

log = logging.getLogger(__name__)

#: Seconds for a request to arrive whole, for one of a user in neither of hpm's groups (who is only told so),
#: and for a piece of an answer to be taken.
REQUEST_SECONDS = 10.0
STRANGER_SECONDS = 1.0
ANSWER_SECONDS = 10.0

#: Seconds until accepting is tried again where the process or the system has no more open files, and between two lines
#: in the log about that.
PAUSE_SECONDS = 0.1
TELLING_SECONDS = 60.0

#: Bytes of the request line and headers. The longest legitimate one has some hundred ids in its path.
MAX_HEADER = 64 * 1024

#: Bytes of an answer that are written at a time: cheroot copies all that is not sent yet, again for each piece that the
#: socket takes, which for an answer of 35 MB is gigabytes.
PIECE = 128 * 1024

_NAME = re.compile(rb"[!#$%&'*+.^`|~0-9A-Za-z-]+")    # of a header; no `_`, which WSGI could not tell from `-`

_NUMBER = 0xFFFF_FFFF    # uid_t and gid_t have 32 bits

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

#: Headers that say who asks, what is sent, and where it ends.
_SINGLE = frozenset({
    b"authorization", b"content-encoding", b"content-length", b"content-type", b"cookie", b"host", b"if-match",
    b"origin", b"referer", b"sec-fetch-site", b"transfer-encoding", CLIENT_ADDRESS.lower().encode(),
    CLIENT_SCHEME.lower().encode(),
})  # fmt: skip

_WORDS = {
    "408": "the request did not arrive in time",
    "413": too_large(MAX_SIZE),
    "414": f"the path and query are too long; at most {MAX_HEADER} bytes are taken",
    "500": "hpm has a fault here; its log says more",
}


class TimedSocket:
    """A socket whose reads and writes end at `deadline` (monotonic seconds), however many there are."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self.deadline = 0.0

    def allow(self, seconds: float) -> None:
        """Set the deadline."""
        self.deadline = time.monotonic() + seconds

    def recv_into(self, buffer: Any) -> int:
        """As of the socket. Raises `TimeoutError` after the deadline."""
        self._arm()
        return self._inner.recv_into(buffer)

    def send(self, data: bytes) -> int:
        """As of the socket. Raises `TimeoutError` after the deadline."""
        self._arm()
        return self._inner.send(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _arm(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")    # the word by which cheroot knows it
        self._inner.settimeout(left)


class _HeaderLines:
    """The lines of a request's head: a header that two programs could read in two ways is refused (RFC 9112, 2.2, 5.2
    and 6.3). Of one that is there twice cheroot takes the last, and of one that is folded the last line."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._names: set[bytes] = set()

    def readline(self) -> bytes:
        line: bytes = self._file.readline()
        if line[:1] in (b" ", b"\t"):
            raise ValueError("a header goes on in a second line; one line would be right")
        if _CONTROL.search(line, 0, len(line) - 2):
            raise ValueError("a header has a control character in it")
        name = line.partition(b":")[0].lower()
        if name in _SINGLE and name in self._names:
            raise ValueError(f"the header {name.decode()} is there twice")
        self._names.add(name)
        return line


class _HeaderReader(server.HeaderReader):
    def _transform_key(self, key_name: bytes) -> bytes:
        if not _NAME.fullmatch(key_name):
            raise ValueError(f"a header is named {key_name[:40]!r}, which no header is")
        return key_name.title()

    def __call__(self, rfile: Any, hdict: Any = None) -> Any:
        return super().__call__(_HeaderLines(rfile), hdict)


class _Request(server.HTTPRequest):
    header_reader = _HeaderReader()

    def read_request_line(self) -> bool:
        try:
            good: bool = super().read_request_line()    # type: ignore[no-untyped-call]
        except ValueError:    # cheroot lets through what urlsplit cannot split
            self.simple_response("400 Bad Request", "Malformed Request-URI")
            return False
        if good:
            # CherryPy takes the digits from fixed places, and 1.01 is a number too
            self.response_protocol = "HTTP/1.1" if self.response_protocol == "HTTP/1.1" else "HTTP/1.0"
            self.request_protocol = self.response_protocol.encode()
        return good

    def read_request_headers(self) -> bool:
        if not super().read_request_headers():    # type: ignore[no-untyped-call]
            return False
        length = self.inheaders.get(b"Content-Length")
        if length is not None and not length.isdigit():
            self.simple_response("400 Bad Request", "Content-Length is not a number")
            return False
        if self.chunked_read:
            if length is not None:
                self.simple_response("400 Bad Request", "there are both Content-Length and Transfer-Encoding")
                return False
            # cheroot leaves trailers, and all of a body that nobody read, to be taken for the next request
            self.close_connection = True
        return True

    def send_headers(self) -> None:
        said = any(name.lower() == b"connection" and value == b"close" for name, value in self.outheaders)
        # a body that was refused unread would have to be waited for before the next request
        left = getattr(self.rfile, "remaining", 0) > 0
        if said or left:
            self.close_connection = True
        self.conn.unread = left
        self.conn.timed.allow(ANSWER_SECONDS)
        super().send_headers()

    def write(self, chunk: bytes) -> None:
        self.conn.timed.allow(ANSWER_SECONDS)
        whole = memoryview(chunk)
        for begin in range(0, len(whole), PIECE):
            super().write(whole[begin : begin + PIECE])

    def simple_response(self, status: str, msg: str = "") -> None:
        """Refuse in our words; cheroot closes the connection then."""
        code, _, phrase = str(status).partition(" ")
        if code == "413" and "header" in msg:
            words = f"the headers are too long; at most {MAX_HEADER} bytes are taken"
        else:
            words = _WORDS.get(code) or msg or phrase
        method, uri = (getattr(self, name, b"").decode("latin-1") for name in ("method", "uri"))
        body = error_body(int(code), BAD_HEADER if code == "400" else 0, words, method, uri)
        head = (
            f"{self.server.protocol} {code} {phrase}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.close_connection = self.conn.unread = True
        self.conn.timed.allow(ANSWER_SECONDS)
        try:
            self.conn.wfile.write(head.encode("latin-1") + (b"" if method == "HEAD" else body))
        except OSError as error:
            log.debug("a refusal could not be sent: %s", error)


class _Connection(server.HTTPConnection):
    RequestHandlerClass = _Request

    def __init__(self, server: Server, sock: socket.socket, makefile: Any = MakeFile) -> None:
        self.timed = timed = TimedSocket(sock)
        super().__init__(server, sock, lambda _, mode, size: makefile(timed, mode, size))
        # cheroot caches what they give in us, by methods bound to us: a circle, which with its buffers would stay until
        # a search for garbage in everything (`hpm.heap`)
        del self.get_peer_creds, self.resolve_peer_creds
        pid, uid, gid = super().get_peer_creds()    # type: ignore[no-untyped-call]
        self._peer = pid, uid & _NUMBER, gid & _NUMBER    # cheroot takes large numbers of users for negative ones
        self.counted = False
        self.unread = False    # something of the request may be on its way still, though it is answered
        self.rest: tuple[Feed, bool] | None = None    # of an answer that goes on, and whether it is chunked

    def get_peer_creds(self) -> Any:
        """Process, user and group that connected."""
        return self._peer

    def communicate(self) -> bool:
        """One request and its answer."""
        only = self.server.is_only(self.peer_uid)
        try:
            known = only or caller_of(self.peer_uid, self.peer_gid).role is not None
            self.timed.allow(REQUEST_SECONDS if known else STRANGER_SECONDS)
            keep: bool = super().communicate()    # type: ignore[no-untyped-call]
            if self.unread and only:
                self._discard_rest()
        finally:
            self.server.served(self.peer_uid)
        return keep

    def close(self) -> None:
        if self.rest is not None:    # the worker is done with it, and no other has it: so here it changes hands
            (feed, chunked), self.rest = self.rest, None
            self.server.streams.add(self, feed, chunked)
            return
        self.server.forget(self)
        self.timed.allow(0.0)    # what was not taken by now is not waited for, here or when Python collects the writer
        with contextlib.suppress(OSError, ValueError):
            self.wfile.close()
        super().close()

    def _discard_rest(self) -> None:
        """Take what is still sent of a request that was refused unread, until the other end closes. To close now would
        break off its sending, and it would not look for the answer. Only for the one user served here: another could
        hold the thread so."""
        self.timed.allow(ANSWER_SECONDS)
        left, buffer = self.server.max_request_body_size, bytearray(MAX_HEADER)
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)    # the answer is whole
            while left > 0 and (taken := self.timed.recv_into(buffer)):
                left -= taken


class _Gateway(wsgi.Gateway_10):
    def get_environ(self) -> Any:
        if self.req.chunked_read:
            self.req.rfile = ChunkedBody(self.req.conn.rfile, MAX_BODY + 1)    # `api` asks for one more than it takes
        environ = super().get_environ()    # type: ignore[no-untyped-call]
        environ[HAND_OVER] = self._take
        return environ

    def respond(self) -> None:
        self._feed: Feed | None = None
        try:
            super().respond()
        except BaseException:
            if self._feed is not None:
                self._feed.end()
            raise
        finally:
            self.env.clear()    # it refers to us: no circle shall keep request and answer for a search for garbage
        if self._feed is not None:
            self.req.conn.rest = (self._feed, self.req.chunked_write)
            self.req.chunked_write = False    # its end is not yet

    def _take(self, feed: Feed) -> None:
        self._feed = feed


class _Accepting(ConnectionManager):
    """Goes on where no connection can be accepted. cheroot would try again at once, say so at length each time, and
    come no more to closing idle connections, which makes room."""

    _told = -TELLING_SECONDS

    def _from_server_socket(self, server_socket: socket.socket) -> Any:
        try:
            return super()._from_server_socket(server_socket)    # type: ignore[misc]    # private there
        except OSError as error:
            now = time.monotonic()
            if now - self._told >= TELLING_SECONDS:
                self._told = now
                log.warning("no connection can be accepted now: %s", error)
            time.sleep(PAUSE_SECONDS)
            return None


class Server(wsgi.Server):
    """Serves a WSGI application on a unix socket, with peer credentials; to `only` this user, if one is named."""

    ConnectionClass = _Connection
    max_request_header_size = MAX_HEADER
    max_request_body_size = MAX_SIZE + MAX_HEADER    # of any route; `api` asks before it reads what this one takes
    keep_alive_conn_limit = sys.maxsize    # counted here, by user

    def __init__(self, path: str, application: Any, only: int | None = None) -> None:
        super().__init__(
            path, application, numthreads=THREADS, max=THREADS, server_name="hpm", request_queue_size=1024,
            shutdown_timeout=5, peercreds_enabled=True,
        )  # fmt: skip
        self.gateway = _Gateway
        self.streams = Streams()
        self._only = only
        self.shares: Shares[_Connection] = Shares(only)

    def prepare(self) -> None:
        """Listen. Raises `OSError`, or `RuntimeError` where no thread is left; nothing works then."""
        try:
            super().prepare()
        except BaseException:
            for _ in range(THREADS):    # to those that were started
                self.requests.put(threadpool._SHUTDOWNREQUEST)    # type: ignore[attr-defined]    # private there
            if self.socket is not None:
                self.socket.close()
            raise
        self._connections.close()    # type: ignore[has-type]    # there are none yet
        self._connections = _Accepting(self)

    def process_conn(self, conn: Any) -> None:
        """Give a connection to a thread once there is something to read; cheroot would let a silent one have it."""
        if conn.last_used is None:
            if self._admit(conn):
                self.put_conn(conn)
            else:
                conn.close()
            return
        if self.shares.begin(conn.peer_uid, conn):
            super().process_conn(conn)

    def served(self, user: int) -> None:
        """A request is done; one that waits may have its turn."""
        conn = self.shares.end(user)
        if conn is not None:
            super().process_conn(conn)

    def forget(self, conn: _Connection) -> None:
        """A connection is closed."""
        if conn.counted:
            conn.counted = False
            self.shares.disconnect(conn.peer_uid)

    def stop(self) -> None:
        """Finish what is under way, and close all."""
        self.streams.stop()
        super().stop()
        for conn in self.shares.drain():
            conn.close()

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        """cheroot's messages (clients that hang up, mostly) go to our log."""
        log.log(logging.ERROR if level >= logging.ERROR else logging.DEBUG, "%s", msg, exc_info=traceback)

    def is_only(self, user: int) -> bool:
        """Whether this is the one user who is served here: it may have all threads."""
        return user == self._only

    def _admit(self, conn: _Connection) -> bool:
        user = conn.peer_uid
        if self._only is not None and user != self._only:
            log.warning("%s is for uid %d alone; a connection of uid %d was refused", self.bind_addr, self._only, user)
            return False
        conn.counted = self.shares.connect(user)
        return conn.counted
