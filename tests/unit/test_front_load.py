"""The web front before clients that are slow, many, or gone, and before a manager that is."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from itertools import chain, repeat
from typing import Any

import httpx
import pytest

from hpm.host.front.listening import CONNECTIONS_PER_CLIENT, KERNEL_BYTES
from hpm.host.front.pages import Pages
from hpm.host.server import SocketServer
from tests.lab.errors import wait_until

from .api_host import BASE, GROUPS, answers, read_all
from .front_host import exchange, front_before, running_front, untaken

VERSION = f"GET {BASE}/version HTTP/1.1\r\nHost: x\r\n\r\n".encode()
SMALL = b"0123456789abcdef" * 16384
BIG = b"0123456789abcdef" * (5 * 65536)


class StandIn:
    """A manager that answers by path: much, in pieces, not before it may, or not to the end."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = 0

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        path = environ["PATH_INFO"].rpartition("/")[2]
        self.begun += 1
        if path == "wait" or "HTTP_AUTHORIZATION" in environ:
            self.go.wait(30)
        if path == "small":    # with room for some answers ahead of a client
            start("200 OK", [("Content-Length", str(len(SMALL)))])
            yield SMALL
            return
        headers = [] if path == "pieces" else [("Content-Length", str(len(BIG)))]
        start("200 OK", headers)
        size = 65536
        for begin in range(0, len(BIG), size):
            if path == "broken" and begin > 10 * size:
                raise RuntimeError("broken on purpose")
            yield BIG[begin : begin + size]


@pytest.mark.parametrize("path", ["big", "pieces"])
def test_large_answers_pass_whole_to_many_clients_at_once(path: str) -> None:
    with front_before(StandIn()) as front:
        found: list[bytes] = []

        def read() -> None:
            with front.client() as client:
                found.extend(client.get(f"{BASE}/{path}").content for _ in range(3))

        readers = [threading.Thread(target=read) for _ in range(8)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        assert len(found) == 24
        assert set(found) == {BIG}
        assert front.memory() < 150_000_000


def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one() -> None:
    with front_before(StandIn()) as front:
        with pytest.raises(httpx.RemoteProtocolError):
            front.http.get(f"{BASE}/broken")
        assert front.http.get(f"{BASE}/big").content == BIG


def test_who_does_not_take_its_answer_holds_nobody_up() -> None:
    with front_before(StandIn()) as front, ExitStack() as stack:
        for _ in range(40):
            connection = stack.enter_context(front.connection())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(f"GET {BASE}/big HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        with front.client() as other:
            began = time.monotonic()
            assert other.get("/").status_code == 200
            assert time.monotonic() - began < 2.0
        assert front.memory() < 200_000_000


def test_a_connection_takes_little_memory() -> None:
    with front_before(StandIn()) as front, ExitStack() as stack:
        front.http.get("/")
        before = front.resident()
        for number in range(200):
            connection = stack.enter_context(front.connection(source=f"127.0.0.{2 + number // 50}"))
            connection.sendall(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(1)    # it has been through all that a connection takes
        assert front.resident() - before < 200 * 128 * 1024


def test_a_client_that_goes_away_early_harms_nobody() -> None:
    manager = StandIn()
    with front_before(manager) as front:
        for number, path in enumerate(("wait", "big", "big")):
            with front.connection() as connection:
                connection.sendall(f"GET {BASE}/{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                wait_until(lambda begun=number: manager.begun > begun, 5, "it has begun")    # type: ignore[misc]
        manager.go.set()
        for _ in range(3):
            assert front.http.get(f"{BASE}/big").content == BIG


def test_who_guesses_passwords_holds_up_nobody_who_is_logged_in() -> None:
    manager = StandIn()
    with front_before(manager) as front, ExitStack() as stack:
        for source in ("127.0.0.2", "127.0.0.3", "127.0.0.4"):
            for guess in ("POST %s/login", "GET %s/x"):
                connections = [stack.enter_context(front.connection(source=source)) for _ in range(8)]
                for connection in connections:
                    head = f"{guess % BASE} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic eDp5\r\n"
                    connection.sendall(f"{head}Content-Length: 0\r\n\r\n".encode())
        wait_until(lambda: manager.begun >= 6, 5, "the manager has some")
        began = time.monotonic()
        assert front.http.get(f"{BASE}/big").content == BIG
        assert time.monotonic() - began < 5.0
        assert manager.begun == 7
        manager.go.set()


def test_a_login_in_other_letters_is_one_too() -> None:
    manager = StandIn()
    with front_before(manager) as front, ExitStack() as stack:
        for number in range(20):
            connection = stack.enter_context(front.connection(source=f"127.0.1.{number + 1}"))
            head = f"POST {BASE}/%6cogin?wait HTTP/1.1\r\nHost: x\r\nAuthorization: x\r\nContent-Length: 0\r\n\r\n"
            connection.sendall(head.encode())
        wait_until(lambda: manager.begun >= 6, 5, "the manager has some")
        assert front.http.get(f"{BASE}/big").content == BIG
        assert manager.begun == 7    # the others wait for a turn of those with a password
        manager.go.set()


@pytest.mark.parametrize(("first", "again"), [
    (b"", b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n" * 2000),
    (f"POST {BASE}/x/import HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode(), b"1\r\na\r\n" * 20000),
], ids=["pipelined", "in tiny chunks"])  # fmt: skip
def test_who_sends_without_end_holds_nobody_up(first: bytes, again: bytes) -> None:
    over = threading.Event()

    def send(front: Any) -> None:
        pieces = chain([first] if first else [], repeat(again))
        with suppress(OSError), front.connection(source="127.0.0.2") as connection:
            for _ in exchange(connection, pieces, over.is_set):
                pass

    with front_before(StandIn()) as front:
        flooders = [threading.Thread(target=send, args=(front,)) for _ in range(2)]
        for flooder in flooders:
            flooder.start()
        try:
            for _ in range(5):
                began = time.monotonic()
                assert front.http.get("/").status_code == 200
                assert time.monotonic() - began < 2.0
        finally:
            over.set()
            for flooder in flooders:
                flooder.join()


def test_who_takes_no_answer_has_no_turn() -> None:
    """Eight at a time each, of two clients: more than all turns there are."""
    with front_before(StandIn()) as front, ExitStack() as stack:
        for number in range(24):
            connection = stack.enter_context(front.connection(source=f"127.0.0.{2 + number % 3}"))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(f"GET {BASE}/small HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 60)
        for _ in range(5):
            began = time.monotonic()
            assert front.http.get(f"{BASE}/small").content == SMALL
            assert time.monotonic() - began < 5.0


def test_who_does_not_take_a_page_costs_little() -> None:
    """Neither memory here, where a page would be kept whole, and another one after it, nor in the kernel."""
    if not Pages().built:
        pytest.skip("there is no large page: they are not built (make ui)")
    many = 40
    with front_before(StandIn()) as front, ExitStack() as stack:
        front.raw(b"GET /js/hpm.js HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        idle = [stack.enter_context(front.connection()) for _ in range(many)]
        before = front.memory()
        for connection in idle:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(b"GET /js/hpm.js HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        wait_until(lambda: len(untaken(front.port)) == many, 20, "answers wait for all of them")
        assert front.http.get("/").status_code == 200
        assert front.memory() - before < many * 400_000
        assert max(untaken(front.port).values()) < 4 * KERNEL_BYTES


def test_slow_clients_hold_up_nobody_and_are_ended() -> None:
    with running_front(request_seconds=4.0) as (front, _, _), ExitStack() as stack:
        slow = [stack.enter_context(front.connection()) for _ in range(40)]
        head = VERSION[:-2] + b"X: " + b"x" * 9999
        body = f"POST {BASE}{GROUPS} HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n".encode() + b" " * 9999
        began = time.monotonic()
        times = []
        sent = 0
        while time.monotonic() - began < 2.0:
            for connection, data in zip(slow, [head, body] * 20, strict=True):
                connection.sendall(data[sent : sent + 1])
            sent += 1
            before = time.monotonic()
            assert front.http.get(f"{BASE}/version").status_code == 200
            times.append(time.monotonic() - before)
        assert sorted(times)[len(times) // 2] < 0.1
        for connection in slow:
            assert answers(read_all(connection))[0][0] == 408
        assert time.monotonic() - began < 10.0


def test_who_never_speaks_tls_holds_up_nobody() -> None:
    with running_front() as (front, _, _), ExitStack() as stack:
        for begun in [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01"] * 15:
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", front.port), 10))
            connection.sendall(begun)
        with front.client() as other:
            assert other.get(f"{BASE}/version").status_code == 200


def test_one_address_cannot_have_all_connections() -> None:
    with running_front() as (front, _, _), ExitStack() as stack:
        mine = front.client()
        stack.callback(mine.close)
        taken = [
            stack.enter_context(socket.create_connection(("127.0.0.1", front.port), 10, ("127.0.0.2", 0)))
            for _ in range(3 * CONNECTIONS_PER_CLIENT)
        ]
        wait_until(lambda: sum(map(_closed, taken)) == 2 * CONNECTIONS_PER_CLIENT, 5, "the rest are closed")
        assert mine.get(f"{BASE}/version").status_code == 200
        for connection in taken:
            connection.close()
        wait_until(lambda: _served(front, "127.0.0.2"), 5, "room again")


def _closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def _served(front: Any, source: str) -> bool:
    try:
        with front.connection(source=source) as connection:
            connection.sendall(VERSION)
            return bool(connection.recv(100).startswith(b"HTTP/1.1 200"))
    except OSError:
        return False


def test_without_a_manager_clients_are_told_to_come_again_and_served_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with running_front() as (front, api, door):
        assert front.http.get(f"{BASE}/version").status_code == 200
        api.server.stop()
        for method, path in (("GET", "/version"), ("POST", GROUPS)):
            answer = front.http.request(method, BASE + path, json={"name": "x"} if method == "POST" else None)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert answer.json()["request-uri"] == BASE + path
        wait_until(lambda: "cannot be reached" in caplog.text, 5, "it is logged")
        assert caplog.text.count("cannot be reached") == 1    # and not once for each client
        assert front.http.get("/").status_code == 200
        api.server = SocketServer(api.manager, api.socket, door)
        api.server.start()
        assert front.http.post(BASE + GROUPS, json={"name": "x"}).status_code == 201


def test_kept_connections_to_a_manager_that_was_started_anew_do_not_show() -> None:
    with running_front() as (front, api, door):
        for number in range(3):
            assert front.http.get(f"{BASE}/version").status_code == 200
            api.server.stop()
            api.server = SocketServer(api.manager, api.socket, door)
            api.server.start()
            assert front.http.post(BASE + GROUPS, json={"name": f"G{number}"}).status_code == 201
