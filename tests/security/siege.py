"""Clients that would rather have nobody served, and what becomes of the others meanwhile.

``python -m tests.security.siege`` plays all sieges for half a minute each and prints what docs/reliability.md says.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import pwd
import resource
import socket
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from hpm.host.front.conversation import CLOSING_SECONDS, TAKING_SECONDS
from tests.unit.api_host import BASE
from tests.unit.front_host import untaken

ROOT = Path(__file__).parents[2]
#: Seconds between two cycles of the manager that is besieged.
INTERVAL = 1.0
#: The largest answer that everybody gets: the pages' code, where it is built.
LARGE = "/js/hpm.js"
#: Seconds after which the front has ended a connection whose client takes nothing.
ENDED = TAKING_SECONDS + CLOSING_SECONDS + 3.0
#: Why this host would give a besieger no socket: that refuses nobody.
NO_SOCKET = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EADDRINUSE)


class Besieged:
    """A manager and a front in processes of their own (`besieged`)."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdout is not None
        where = json.loads(process.stdout.readline())
        self.port: int = where["port"]
        self.socket: str = where["socket"]
        self.front_socket: str = where["front-socket"]
        self.cert: str = where["cert"]
        #: Who besieges need not check whom.
        self.lax = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.lax.check_hostname, self.lax.verify_mode = False, ssl.CERT_NONE

    def report(self) -> dict[str, float]:
        """How it has been since the last report."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        found: dict[str, float] = json.loads(self._process.stdout.readline())
        return found


@contextmanager
def besieged(interval: float = INTERVAL) -> Iterator[Besieged]:
    """One for as long as the block. This process may have as many files as it likes."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    with subprocess.Popen(
        [sys.executable, "-m", "tests.security.besieged", str(interval)], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
    ) as process:  # fmt: skip
        try:
            yield Besieged(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


class Outcome(msgspec.Struct, kw_only=True, rename="kebab"):
    """A siege: seconds that it took, connections that were held at most, besiegers that were refused or ended at least
    once, those that this host gave no socket (`unable`), connections at the front with an answer that nobody takes, at
    most, requests of others that were served and not, how long they took (ms, the median and the longest), the same
    of those at the manager's socket, and what the besieged says of itself."""

    name: str
    seconds: float
    held: int
    refused: int
    unable: int
    blocked: int
    served: int
    failed: int
    median_ms: float
    longest_ms: float
    local_longest_ms: float
    host: dict[str, float]


class Crowd:
    """What the besiegers have reached."""

    def __init__(self) -> None:
        self.now = 0
        self.held = 0
        #: Who was, by number; and whom this host gave no socket.
        self.refused: set[int] = set()
        self.unable: set[int] = set()
        self.blocked = 0

    def more(self, change: int) -> None:
        """Connections that are held, more or less."""
        self.now += change
        self.held = max(self.held, self.now)

    async def watch(self, port: int) -> None:
        """Count those that have answers to take, for ever."""
        while True:
            await asyncio.sleep(1.0)
            self.blocked = max(self.blocked, len(untaken(port)))


Besieger = Callable[[Besieged, Crowd, int], Awaitable[None]]


def address(number: int) -> str:
    """Source addresses of this host, which the front takes for as many clients: 60 connections each."""
    return f"127.0.{1 + number // 60 // 250}.{1 + number // 60 % 250}"


async def slow_heads(where: Besieged, crowd: Crowd, number: int) -> None:
    """A byte of a request twice a second, and when that is refused the same again (slowloris)."""
    await _trickle(where, crowd, number, f"GET {BASE}/version HTTP/1.1\r\nHost: x\r\nX: ", b"y")


async def slow_bodies(where: Besieged, crowd: Crowd, number: int) -> None:
    """A byte of a body twice a second."""
    await _trickle(where, crowd, number, f"POST {BASE}/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", b" ")


async def _trickle(where: Besieged, crowd: Crowd, number: int, beginning: str, byte: bytes) -> None:
    reader, writer = await _tls(where, number)
    crowd.more(1)
    try:
        writer.write(beginning.encode())
        while not reader.at_eof():
            writer.write(byte)
            await writer.drain()
            await asyncio.sleep(0.5)
    finally:
        crowd.more(-1)
        writer.transport.abort()


async def slow_readers(where: Besieged, crowd: Crowd, number: int) -> None:
    """Asks for as much as may be, and takes nothing of it: the kernel here takes hardly anything, either."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.setblocking(False)
        one.bind((address(number), 0))
        await asyncio.get_running_loop().sock_connect(one, ("127.0.0.1", where.port))
        reader, writer = await asyncio.open_connection(
            sock=one, ssl=where.lax, server_hostname="localhost", ssl_handshake_timeout=30
        )
        crowd.more(1)
        try:
            reader._transport.pause_reading()    # type: ignore[attr-defined]    # asyncio's reader would take it
            writer.write(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % LARGE.encode() * 20)
            await writer.drain()
            await asyncio.sleep(ENDED)
            while one.getsockname()[1] in untaken(where.port):
                await asyncio.sleep(10.0)
            raise ConnectionResetError("the front has ended it")
        finally:
            crowd.more(-1)
            writer.transport.abort()


async def silent(where: Besieged, crowd: Crowd, number: int) -> None:
    """Connects, and says nothing."""
    loop = asyncio.get_running_loop()
    with socket.socket() as one:
        one.setblocking(False)
        one.setsockopt(socket.IPPROTO_IP, 24, 1)    # IP_BIND_ADDRESS_NO_PORT: ports for each pair of addresses
        one.bind((address(number), 0))
        await loop.sock_connect(one, ("127.0.0.1", where.port))
        crowd.more(1)
        began = time.monotonic()
        try:
            await loop.sock_recv(one, 1)
            if time.monotonic() - began < 5.0:    # hung up at once, and not after the time for a handshake
                crowd.refused.add(number)
        finally:
            crowd.more(-1)


async def guessing(where: Besieged, crowd: Crowd, number: int) -> None:
    """Passwords, one after another."""
    reader, writer = await _tls(where, number)
    crowd.more(1)
    try:
        body = b'{"user":"ann","password":"guess"}'
        while True:
            head = f"POST {BASE}/login HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await reader.readuntil(b"}")
    finally:
        crowd.more(-1)
        writer.transport.abort()


async def _tls(where: Besieged, number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(
        "127.0.0.1", where.port, ssl=where.lax, local_addr=(address(number), 0), ssl_handshake_timeout=30
    )


async def _again(where: Besieged, crowd: Crowd, besieger: Besieger, number: int, pause: float) -> None:
    while True:
        try:
            await besieger(where, crowd, number)
        except (OSError, EOFError, asyncio.LimitOverrunError) as error:    # those of TLS are OSErrors
            mine = isinstance(error, OSError) and error.errno in NO_SOCKET
            (crowd.unable if mine else crowd.refused).add(number)
        await asyncio.sleep(pause)


class _Others:
    """Clients like any other, at the front and at the manager's socket, from now on."""

    def __init__(self, where: Besieged, seconds: float) -> None:
        self._asking = [
            subprocess.Popen([sys.executable, "-m", "tests.security.other", str(where.port), where.cert, where.socket,
                              "01"[local], str(seconds)], stdout=subprocess.PIPE, cwd=ROOT, text=True)
            for local in (False, True)
        ]  # fmt: skip

    def told(self) -> list[tuple[list[float], int]]:
        """What they have found, at the front and at the socket."""
        return [tuple(json.loads(asking.communicate()[0])) for asking in self._asking]    # type: ignore[misc]


async def _play(where: Besieged, besieger: Besieger, many: int, seconds: float, at_once: int, pause: float) -> Outcome:
    crowd, tasks = Crowd(), []
    where.report()
    watching = asyncio.create_task(crowd.watch(where.port))
    for number in range(many):
        tasks.append(asyncio.create_task(_again(where, crowd, besieger, number, pause)))
        if number % at_once == at_once - 1:
            await asyncio.sleep(0.02)
    others = _Others(where, seconds)
    (took, failed), (local, local_failed) = await asyncio.to_thread(others.told)
    host = where.report()
    watching.cancel()
    for task in tasks:
        task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks, return_exceptions=True)
    told = [(took, failed), (local, local_failed)]
    refused, unable = len(crowd.refused), len(crowd.unable)
    return _outcome(besieger.__name__, seconds, crowd.held, refused, told, host, unable, crowd.blocked)


def _outcome(
    name: str, seconds: float, held: int, refused: int, told: list[tuple[list[float], int]], host: dict[str, float],
    unable: int = 0, blocked: int = 0,
) -> Outcome:
    (took, failed), (local, local_failed) = told
    return Outcome(
        name=name.replace("_", " "), seconds=seconds, held=held, refused=refused, unable=unable, blocked=blocked,
        served=len(took) + len(local), failed=failed + local_failed,
        median_ms=round(1000 * statistics.median(took), 1) if took else 0.0,
        longest_ms=round(1000 * max(took, default=0.0), 1), local_longest_ms=round(1000 * max(local, default=0.0), 1),
        host=host,
    )  # fmt: skip


#: Another user of this host: holds as many connections as it gets, or sends requests on them as fast as it can.
_LOCAL = """
import os, resource, select, socket, sys, time
path, uid, many, flood, seconds, request = sys.argv[1:]
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
os.setgroups([]); os.setresgid(int(uid), int(uid), int(uid)); os.setresuid(int(uid), int(uid), int(uid))
mine, refused, until = [], 0, time.monotonic() + float(seconds)
poll = select.poll()
for _ in range(int(many)):
    one = socket.socket(socket.AF_UNIX); one.settimeout(5.0)
    try:
        one.connect(path); one.setblocking(False)
    except OSError:
        refused += 1; one.close(); continue
    mine.append(one); poll.register(one, select.POLLIN)
by = {one.fileno(): one for one in mine}
held = 0
data = request.encode()
for one in mine if flood == "1" else ():
    try: one.send(data)
    except OSError: pass
while time.monotonic() < until:
    for number, _ in poll.poll(200):
        one = by[number]
        try: found = one.recv(65536)
        except OSError: found = b""
        if not found:
            poll.unregister(number); refused += 1; by.pop(number); one.close()
        elif flood == "1":
            try: one.send(data)
            except OSError: pass
    held = max(held, len(by)) if time.monotonic() > until - 0.75 * float(seconds) else held
print(held, refused)
"""


def local_siege(where: Besieged, name: str, path: str, uid: int, many: int, seconds: float, flood: bool) -> Outcome:
    """Another user of this host at one of the manager's sockets (takes root)."""
    where.report()
    request = f"GET {BASE}/version HTTP/1.1\r\nHost: x\r\nHpm-Client-Address: 192.0.2.1\r\n\r\n"
    with subprocess.Popen(
        [sys.executable, "-c", _LOCAL, path, str(uid), str(many), str(int(flood)), str(seconds), request],
        stdout=subprocess.PIPE, text=True,
    ) as user:  # fmt: skip
        told = _Others(where, seconds).told()
        assert user.stdout is not None
        held, refused = map(int, user.stdout.read().split())
    return _outcome(name, seconds, held, refused, told, where.report())


def siege(
    where: Besieged, besieger: Besieger, many: int, seconds: float, at_once: int = 10, pause: float = 1.0
) -> Outcome:
    """So many besiegers for so long, `at_once` of them in 20 ms; who is refused comes again after a `pause` (s)."""
    return asyncio.run(_play(where, besieger, many, seconds, at_once, pause))


def main() -> None:
    """All sieges; a line of JSON for each."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    with besieged() as where:
        for besieger, many in (
            (slow_heads, 500), (slow_bodies, 500), (slow_readers, 500), (guessing, 200),
        ):  # fmt: skip
            _print(siege(where, besieger, many, seconds))
        _print(siege(where, silent, 10_000, seconds, at_once=200, pause=10.0))
        if os.geteuid() == 0:
            stranger, front = pwd.getpwnam("daemon").pw_uid, pwd.getpwnam("nobody").pw_uid
            _print(local_siege(where, "a stranger's connections", where.socket, stranger, 10_000, seconds, False))
            _print(local_siege(where, "a stranger's requests", where.socket, stranger, 100, seconds, True))
            _print(local_siege(where, "a front's connections", where.front_socket, front, 10_000, seconds, False))
            _print(local_siege(where, "a front's requests", where.front_socket, front, 400, seconds, True))


def _print(outcome: Outcome) -> None:
    print(msgspec.json.encode(outcome).decode(), flush=True)


if __name__ == "__main__":
    main()
