"""How a client reaches hpm: over the manager's unix socket, or a URL.

Sockets are tried in turn (the user's own, then the system's; see `paths.socket_candidates`); the first
that anybody listens at is used from then on.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import httpx

from ..errors import InvalidValue
from ..paths import socket_candidates
from ..peers import peer_of
from ..texts import t
from ..version import VERSION
from ..wire.doors import BASE
from .credentials import Credentials, check_secure
from .errors import BadAnswer, NoConnection
from .request import Request
from .rest import Client

#: Answers come from the manager's last snapshot, so they take milliseconds; only a write may wait for
#: a cycle to end. Who is silent for this long will not answer.
TIMEOUT_SECONDS = 30.0
CONNECT_TIMEOUT_SECONDS = 5.0

_HEADERS = {"Accept": "application/json", "User-Agent": f"hpm/{VERSION}"}
_TIMEOUT = httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS)


class SocketConnection:
    """A connection over the first of several unix sockets where somebody listens. `named`: somebody said which one, so
    it may be anybody's; of the usual ones only root's and our own will do."""

    base_path = BASE

    def __init__(self, candidates: Sequence[Path], named: bool = True) -> None:
        self._candidates = list(candidates)
        self._named = named
        self._http: httpx.Client | None = None
        self._where: Path | None = None

    def send(self, request: Request) -> httpx.Response:
        """Send to the socket found before, or find one."""
        return self._send(request, stream=False)

    def stream(self, request: Request) -> httpx.Response:
        """As `send`; the body is read by who gets the answer."""
        return self._send(request, stream=True)

    def _send(self, request: Request, *, stream: bool) -> httpx.Response:
        # Asked each time, because the manager may have been restarted since (see `_listening`).
        self._where = _listening(self._candidates if self._where is None else [self._where], self._named)
        if self._http is None:
            self._http = _socket_client(self._where)
        return _send(self._http, str(self._where), request, stream)

    def close(self) -> None:
        """Close the socket."""
        if self._http is not None:
            self._http.close()


class UrlConnection:
    """A connection to hpm at a URL; without a path it is that of hpm's own server."""

    def __init__(
        self,
        url: str,
        transport: httpx.BaseTransport | None = None,
        credentials: Credentials | None = None,
        cacert: Path | None = None,
    ) -> None:
        parts = _split(url)
        if parts.password is not None:
            raise InvalidValue(t("a password does not belong in a URL, where others can read it; say --user NAME"))
        self.base_path = parts.path.rstrip("/") or BASE    # where a URL names no path
        self._where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        server = f"{parts.scheme}://{parts.netloc}"
        headers = dict(_HEADERS)
        if credentials is not None:
            check_secure(parts)
            headers["Authorization"] = credentials.authorization
        self._http = httpx.Client(
            base_url=server, headers=headers, timeout=_TIMEOUT, transport=transport, verify=_trust(cacert)
        )

    def send(self, request: Request) -> httpx.Response:
        """Send to the URL."""
        return _send(self._http, self._where, request)

    def stream(self, request: Request) -> httpx.Response:
        """As `send`; the body is read by who gets the answer."""
        return _send(self._http, self._where, request, stream=True)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


def connect(
    path: Path | None = None,
    url: str | None = None,
    transport: httpx.BaseTransport | None = None,
    credentials: Credentials | None = None,
    cacert: Path | None = None,
) -> Client:
    """A client of the hpm at `url`, or at the socket `path`, or at the first of the usual sockets.

    Nothing is sent yet. `credentials` go to a URL alone, and `cacert` is a file with the certificates that are trusted
    there instead of the system's. `transport` replaces the network (tests). Raises `InvalidValue` for a bad
    URL or file.
    """
    if url is not None or transport is not None:
        return Client(UrlConnection(url or "http://localhost", transport, credentials, cacert))
    if path is not None:
        return Client(SocketConnection([path]))
    return Client(SocketConnection(socket_candidates(), named=bool(os.environ.get("HPM_SOCKET"))))


def _split(url: str) -> SplitResult:
    """The parts of a URL that has a host. Raises `InvalidValue`."""
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname:
            parts.hostname.encode("idna")    # as who looks it up does
            if httpx.URL(url).host:    # decoded
                return parts
    except (ValueError, httpx.InvalidURL):    # a UnicodeError is a ValueError
        pass
    raise InvalidValue(t("{url} is not a URL of hpm; right would be https://host:8643, for example", url=repr(url)))


def _trust(cacert: Path | None) -> ssl.SSLContext | bool:
    """Whose certificates are trusted: those of `cacert` alone, or the system's."""
    if cacert is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(cacert))
    except OSError as error:    # also what is no certificate
        raise InvalidValue(t("the certificate {file} cannot be used: {error}", file=cacert, error=error)) from None


def _socket_client(path: Path) -> httpx.Client:
    # verify=False: there is no TLS here, and reading the system's certificates would take 30 ms
    transport = httpx.HTTPTransport(uds=str(path), verify=False)
    return httpx.Client(
        transport=transport, base_url="http://localhost", headers=_HEADERS, timeout=_TIMEOUT, trust_env=False
    )


def _send(http: httpx.Client, place: str, request: Request, stream: bool = False) -> httpx.Response:
    """Send, with the failures of httpx as `NoConnection` or `BadAnswer`; `place` is the socket or URL."""
    try:
        return http.send(
            http.build_request(
                request.method,
                request.path,
                params=dict(request.query) or None,
                content=request.body,
                headers=dict(request.headers),
            ),
            stream=stream,
        )
    except httpx.ConnectError as error:
        raise NoConnection(t(
            "no connection to hpm at {place}: {error}; check the address, and that hpm runs there",
            place=place, error=error,
        ), place) from None    # fmt: skip
    except httpx.TimeoutException:
        raise NoConnection(t(
            "hpm at {place} does not answer within {seconds} s; try again", place=place, seconds=f"{TIMEOUT_SECONDS:g}",
        ), place) from None    # fmt: skip
    except httpx.DecodingError as error:
        raise BadAnswer(
            t("hpm at {place} answered in another coding than it says: {error}", place=place, error=error)
        ) from None
    except httpx.TransportError as error:
        raise NoConnection(t(
            "the connection to hpm at {place} broke ({error}); the next list shows whether a change was done",
            place=place, error=error,
        ), place) from None    # fmt: skip


def _listening(candidates: Sequence[Path], named: bool = True) -> Path:
    """The first socket where somebody listens. Raises `NoConnection`.

    Where an ordinary user's is, anybody may have made one first (`/tmp/hpm-UID`): so who listens there is asked of the
    kernel, unless it was `named`. Tried by hand: a failing connect of httpx leaves its socket open until it is
    collected.
    """
    failures: list[tuple[Path, OSError]] = []
    for candidate in candidates:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
            trial.settimeout(CONNECT_TIMEOUT_SECONDS)
            try:
                _connect(trial, candidate)
                if not named:
                    _check_listener(trial)
            except OSError as error:
                failures.append((candidate, error))
            else:
                return candidate
    for path, failure in failures:
        if failure.errno in (errno.EACCES, errno.EPERM):
            raise NoConnection(t(
                "you may not use the socket {path} of hpm; that is for root and members of the groups hpmuser (read)"
                " and hpmadm (read and write)",
                path=path,
            ))
    tried = "".join(f"\n  {path}: {_reason(failure)}" for path, failure in failures)
    nobody, advice = t("no connection to hpm; nobody listens at"), t(
        "Start it with 'hpm serve' (to try it without libvirt: 'hpm serve --connect simulated'),\n"
        "or say where it is with --socket PATH or --host URL."
    )
    raise NoConnection(f"{nobody}{tried}\n{advice}")


def _connect(trial: socket.socket, candidate: Path) -> None:
    """Connect. Where many stand in line, a socket with a time limit does not wait by itself (connect(2), EAGAIN)."""
    until = time.monotonic() + CONNECT_TIMEOUT_SECONDS
    while True:
        try:
            return trial.connect(str(candidate))
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _check_listener(connection: socket.socket) -> None:
    """Raises `OSError` if neither root nor we listen at the other end."""
    listener = peer_of(connection)
    if not listener.is_ours:
        raise OSError(t(
            "it belongs to uid {uid}, neither to root nor to you; if that is right, name it with --socket",
            uid=listener.uid,
        ))


def _reason(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return t("no such socket")
    return (error.strerror or str(error) or type(error).__name__).lower()
