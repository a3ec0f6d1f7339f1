"""The real web front, as a process of its own, before a manager's real server."""

from __future__ import annotations

import os
import pwd
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cherrypy
import httpx

from hpm.control.caller import Caller
from hpm.host.access.front_socket import front_socket
from hpm.host.connections import Server
from hpm.host.front.settings import FrontSettings
from hpm.host.front.supervising import FrontProcess
from hpm.host.peer import PeerDoor
from tests.lab.errors import wait_until
from tests.running import resident

from .access_host import FakeChecker
from .api_host import ApiHost, read_all

STARTING = 20.0


class OpenDoor:
    """Lets everybody in, and notes what the front said of whom."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}

    def caller(self) -> Caller:
        self.headers = dict(cherrypy.request.headers)
        return Caller("ann", "admin")


def unprivileged() -> tuple[int, int] | None:
    """Whom a front becomes in tests: it never runs as root."""
    if os.geteuid() != 0:
        return None
    user = pwd.getpwnam("nobody")
    return user.pw_uid, user.pw_gid


class FrontHost:
    """A front in a directory of its own; `cert`: what clients trust, its own certificate if none is named."""

    def __init__(self, directory: Path, manager_socket: Path, cert: Path | None = None, **settings: Any) -> None:
        self.directory = directory / "web"
        self.cert = cert or self.directory / "cert.pem"
        wishes: dict[str, Any] = {
            "manager_socket": str(manager_socket), "directory": str(self.directory), "listen": "127.0.0.1:0",
            "user": unprivileged(),
        }  # fmt: skip
        self.process = FrontProcess(FrontSettings(**{**wishes, **settings}))
        self.url = self.process.url
        self.port = int(self.url.rpartition(":")[2])
        self.process.start()
        try:
            wait_until(self.answers, STARTING, "the front answers", 0.05)
        except BaseException:
            self.process.stop()
            raise
        self.http = self.client()

    def client(self) -> httpx.Client:
        """A client that knows the front's certificate."""
        return httpx.Client(base_url=self.url, verify=self.context(), timeout=30, trust_env=False)

    def context(self) -> ssl.SSLContext:
        """TLS of a client that takes the own certificate, strictly."""
        context = ssl.create_default_context(cafile=str(self.cert))
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    def close(self) -> None:
        """End it."""
        self.http.close()
        self.process.stop()

    def status(self) -> dict[str, str]:
        """`/proc/PID/status`."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}

    def memory(self) -> int:
        """Bytes of memory that the process has had at most."""
        return int(self.status()["VmHWM"].split()[0]) * 1024

    def resident(self) -> int:
        """Bytes of memory that it has now."""
        return resident(self.process.pid)

    def answers(self) -> bool:
        """Whether it serves pages."""
        if not self.cert.exists():
            return False
        try:
            with self.client() as client:
                return client.get("/").status_code == 200
        except httpx.TransportError:
            return False

    @contextmanager
    def connection(self, timeout: float = 20.0, source: str = "127.0.0.1") -> Iterator[ssl.SSLSocket]:
        """A raw connection, with TLS, from an address of this host."""
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout, (source, 0)) as plain,
            self.context().wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            yield connection

    def raw(self, data: bytes) -> bytes:
        """What comes back for these bytes, until the front closes."""
        with self.connection() as connection:
            connection.sendall(data)
            return read_all(connection)


@contextmanager
def front_before(application: Any, **settings: Any) -> Iterator[FrontHost]:
    """A front before a WSGI application on the manager's server, for what no manager of ours would answer."""
    with TemporaryDirectory(prefix="hpm-front-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        server = Server(str(directory / "s"), application)
        server.prepare()
        (directory / "s").chmod(0o666)
        thread = threading.Thread(target=server.serve)
        thread.start()
        front = None
        try:
            front = FrontHost(directory, directory / "s", **settings)
            yield front
        finally:
            if front is not None:
                front.close()
            server.stop()
            thread.join()


@contextmanager
def running_front(**settings: Any) -> Iterator[tuple[FrontHost, ApiHost, OpenDoor]]:
    """A front before a manager, for as long as the block."""
    with TemporaryDirectory(prefix="hpm-front-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        door = OpenDoor()
        api = ApiHost(directory, door, lambda: datetime.now(timezone.utc))
        front = None
        try:
            front = FrontHost(directory, api.socket, **settings)
            yield front, api, door
        finally:
            if front is not None:
                front.close()
            api.close()


@contextmanager
def front_and_manager() -> Iterator[tuple[FrontHost, ApiHost]]:
    """A front and its manager, who knows passwords of its own (`access_host`), for as long as the block."""
    with TemporaryDirectory(prefix="hpm-front-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        api = ApiHost(directory, PeerDoor(), lambda: datetime.now(timezone.utc))
        uid = (unprivileged() or (os.geteuid(), 0))[0]
        entrance = front_socket(api.manager, directory / "front.sock", uid, FakeChecker())
        entrance.start()
        front = None
        try:
            front = FrontHost(directory, entrance.path)
            yield front, api
        finally:
            if front is not None:
                front.close()
            entrance.stop()
            api.close()


def untaken(port: int) -> dict[int, int]:
    """By the other end's port: bytes that the kernel has for it, where there are any, of the connections that a server
    at a port of loopback has (proc_net: tcp). Those that it has closed count no more: a client that takes nothing
    does not learn of that."""
    lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    found = {
        int(line[2].partition(":")[2], 16): int(line[4].partition(":")[0], 16) for line in lines
        if line[1].endswith(f":{port:04X}") and line[3] == "01"
    }  # fmt: skip
    return {peer: size for peer, size in found.items() if size}


def exchange(connection: ssl.SSLSocket, pieces: Iterator[bytes], over: Callable[[], bool]) -> Iterator[bytes]:
    """What comes back while pieces are sent, and after that, until the other side closes or it is over.

    In one thread: a TLS socket of Python's takes no two at a time (CPython's issue 151508); the process may crash.
    """
    connection.setblocking(False)
    left, more = b"", True
    while not over():
        with suppress(ssl.SSLWantReadError):
            received = connection.recv(65536)
            if not received:
                return
            yield received
            continue
        if not left and more:
            left = next(pieces, b"")
            more = bool(left)
        sent = 0
        if left:
            with suppress(ssl.SSLWantWriteError):
                sent = connection.send(left)
        left = left[sent:]
        if not sent:
            select.select([connection], [connection] if left else [], [], 0.2)
