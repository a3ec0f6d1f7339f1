"""The socket: what is no HTTP, too large, too slow or too much, and paths that are nobody's."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hpm.control.route import MAX_BODY
from hpm.host import connections, shares
from hpm.host.peer import PeerDoor
from hpm.host.server import SocketInUse, SocketServer
from tests.lab.errors import wait_until

from .api_host import BASE, GROUPS, ApiHost, answers, policy, read_all, whole_error

pytestmark = pytest.mark.own_server("it is about hpm's own socket; in Wok its server has that part")

VERSION = f"GET {BASE}/version HTTP/1.1\r\nHost: x\r\n".encode()
CREATE = f"POST {BASE}{GROUPS} HTTP/1.1\r\nHost: x\r\n".encode()
CHUNKED = CREATE + b"Transfer-Encoding: chunked\r\n\r\n"


def refusal(data: bytes) -> tuple[int, int]:
    """Status and reason of the one answer in a stream; its body must be whole."""
    (status, headers, body), *more = answers(data)
    assert not more
    assert headers["content-type"] == "application/json"
    error = json.loads(body)
    assert set(error) == {"http-status", "reason", "message", "request-method", "request-uri", "error-details"}
    assert error["http-status"] == status
    assert error["message"]
    return status, error["reason"]


@pytest.mark.parametrize("path", [
    "/", "/nothing", "/zhpm", "/zhpm/wsapi", "/zhpm/wsapi/v2/version", "/plugins", "/plugins/kimchi", "/metricsx",
    "/zhpm/wsapi/v1x/version", BASE, f"{BASE}/",
])  # fmt: skip
def test_paths_outside_of_the_api_are_404_in_our_words(api: ApiHost, path: str) -> None:
    for method in ("GET", "POST", "DELETE", "PUT"):
        error = whole_error(api.http.request(method, path), method)
        assert (error["http-status"], error["reason"]) == (404, 1)


@pytest.mark.parametrize("path", [
    "/default", "/index", "/_cp_config", "/answer", "/_find", "/_routes", "/default/version", "/index/version",
    "/default/__func__", "/__class__", "/default.version", "/version.json", "/_door/caller", "/%00", "/%ff",
    "/version%00", "/workload%2Dresource-groups%2Fdetail", "/workload-resource-groups/../version%2f",
    "/workload_resource_groups", "/VERSION", "/version;v=1", "/workload-resource-groups/default/actions/more",
])  # fmt: skip
def test_the_words_of_a_path_are_words_and_never_attributes(api: ApiHost, path: str) -> None:
    status, _ = refusal(api.raw(f"GET {BASE}{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()))
    assert status == 404


def test_a_slash_at_the_end_is_of_no_account(api: ApiHost) -> None:
    assert api.get("/version/") == api.get("/version")
    assert api.get(f"{GROUPS}/") == api.get(GROUPS)


@pytest.mark.parametrize(("data", "status", "reason"), [
    (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400, 2),
    (b"GET /\r\n\r\n", 400, 2),
    (b"GET / HTTP/2.0\r\n\r\n", 505, 0),
    (b"GET / HTTP/x\r\n\r\n", 400, 2),
    (b"get / HTTP/1.1\r\nHost: x\r\n\r\n", 400, 2),
    (b"GET //[ HTTP/1.1\r\nHost: x\r\n\r\n", 400, 2),
    (b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400, 2),
    (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400, 2),
    (b"GET / HTTP/01.01\r\nHost: x\r\n\r\n", 404, 1),
    (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 405, 0),
    (VERSION.replace(b"Host: x\r\n", b"") + b"\r\n", 400, 2),
    (VERSION + b"no header\r\n\r\n", 400, 2),
    (b"GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400, 2),
    (VERSION + b"Content_Length: 5\r\n\r\n", 400, 2),
    (VERSION + b"Content-Length : 5\r\n\r\n", 400, 2),
    (VERSION + b"Transfer-Encoding: gzip\r\n\r\n", 501, 0),
    (CREATE + b"Content-Length: x\r\n\r\n", 400, 2),
    (CREATE + b"Content-Length: -1\r\n\r\n{}", 400, 2),
    (CREATE + b"Content-Length: 1_0\r\n\r\n", 400, 2),
    (CREATE + b'Content-Length: 99\r\n\r\n{"name": "x"}', 400, 2),
    (CREATE + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 2),
    (CHUNKED + b"zz\r\n{}\r\n", 400, 2),
    (CHUNKED + b"5\r\n{}\r\n", 400, 2),
    (CHUNKED, 400, 2),
    (b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, 0),
    (VERSION + b"X: y\r\n" * 20000 + b"\r\n", 413, 0),
    (VERSION + b"X: " + b"y" * 10_000_000, 413, 0),
])  # fmt: skip
def test_what_is_no_good_http_is_refused_in_our_words(api: ApiHost, data: bytes, status: int, reason: int) -> None:
    before = api.state()
    assert refusal(api.raw(data)) == (status, reason)
    assert api.state() == before


@pytest.mark.parametrize("line", [
    b"X: =?nocode?q?x?=", b"Accept: */*, =?utf-7?q?+2AA-?=", b"X: =?punycode?q?a-" + b"9" * 60000 + b"?=",
    b'Cookie: a="' + 30000 * b'\\"' + b'"', b"Cookie: a=b; \xff=\xff",
])  # fmt: skip
def test_headers_stand_as_they_come_and_are_read_at_once(api: ApiHost, line: bytes) -> None:
    """Python took five seconds for the cookie (CVE-2024-7592), and nearly one for the longest of encoded words."""
    began = time.process_time()
    assert api.raw(VERSION + line + b"\r\n\r\n").startswith(b"HTTP/1.1 200")
    assert time.process_time() - began < 0.3


@pytest.mark.parametrize("body", [
    CREATE + b"Content-Length: 10000000\r\n\r\n",
    CREATE + b"Content-Length: 99999999999999999999999\r\n\r\n",
    CREATE + b"Expect: 100-continue\r\nContent-Length: 20000000\r\n\r\n",    # no route takes that much
    CHUNKED + b"ffffffffffff\r\n",
    CHUNKED + b"400\r\n" + b"x" * 1024 + b"\r\n",
    CREATE + f"Content-Length: {MAX_BODY + 1}\r\n\r\n".encode(),
])  # fmt: skip
def test_ten_megabytes_are_refused_and_what_follows_is_not_taken_for_a_request(api: ApiHost, body: bytes) -> None:
    if b"400\r\nx" in body:
        body += (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 160
    else:
        body += (VERSION + b"\r\n") * 150000
    before = api.state()
    data = api.raw(body)
    assert refusal(data) == (413, 0)
    assert answers(data)[0][1]["connection"] == "close"
    assert api.state() == before


def test_a_large_body_of_a_real_client_is_refused_and_it_can_go_on(api: ApiHost) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(160):
            yield b"x" * 65536

    for content in (b"x" * 10_000_000, parts()):
        error = api.refused("POST", GROUPS, content=content)
        assert error["http-status"] == 413
        assert str(MAX_BODY) in error["message"]
        assert api.get("/version")


def test_a_body_of_just_the_limit_is_read(api: ApiHost) -> None:
    text = b'{"name": "Large"' + b" " * (MAX_BODY - 17) + b"}"
    assert api.send("POST", GROUPS, content=text).status_code == 201
    assert api.send("POST", GROUPS, content=iter([text.replace(b"Large", b"Chunk")])).status_code == 201
    assert api.refused("POST", GROUPS, content=text + b" ")["http-status"] == 413
    assert api.refused("POST", GROUPS, content=iter([text + b" "]))["http-status"] == 413


@pytest.mark.parametrize("first", [
    b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s",
    b"PUT /zhpm/wsapi/v1/version HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s",
    b"POST /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n",
    CREATE + b"Accept: text/html\r\nContent-Length: %d\r\n\r\n%s",
    CHUNKED + b"%x\r\n%s\r\n0\r\nTrailer: x\r\n\r\n",
])  # fmt: skip
def test_a_body_nobody_read_is_not_taken_for_the_next_request(api: ApiHost, first: bytes) -> None:
    inner = b"DELETE /zhpm/wsapi/v1/workload-resource-groups/default HTTP/1.1\r\nHost: x\r\n\r\n"
    found = answers(api.raw(first % (len(inner), inner) + VERSION + b"\r\n"))
    assert found[0][0] in (400, 404, 405, 406)
    assert [status for status, _, _ in found[1:]] in ([], [200])
    if len(found) == 1:
        assert found[0][1]["connection"] == "close"


def test_several_requests_on_one_connection_are_answered_in_turn(api: ApiHost) -> None:
    body = b'{"nme": 1}'
    bad = CREATE + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    chunked = CHUNKED + b"a\r\n" + body + b"\r\n0\r\n\r\n"
    found = answers(api.raw((VERSION + b"\r\n" + bad) * 20 + b"\r\n" + VERSION + b"\r\n" + chunked))
    assert [status for status, _, _ in found] == [200, 400] * 20 + [200, 400]


def within(seconds: float, what: Callable[[], object]) -> bool:
    """Whether it is done that soon."""
    thread = threading.Thread(target=what)
    thread.start()
    thread.join(seconds)
    late = thread.is_alive()
    thread.join()
    return not late


def test_silent_connections_hold_nobody_up(api: ApiHost) -> None:
    silent = [socket.socket(socket.AF_UNIX) for _ in range(200)]
    try:
        for connection in silent:
            connection.connect(str(api.socket))
        assert within(3.0, lambda: api.raw(VERSION + b"Connection: close\r\n\r\n"))
    finally:
        for connection in silent:
            connection.close()


@pytest.mark.parametrize("start", [
    VERSION, b"G", CREATE + b"Content-Length: 1000\r\n\r\n{", CHUNKED + b"3e8\r\n{",
], ids=["headers", "request line", "body", "chunk"])  # fmt: skip
def test_slow_clients_are_told_so_and_let_go(api: ApiHost, start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.5)
    slow = [socket.socket(socket.AF_UNIX) for _ in range(connections.THREADS)]
    try:
        for connection in slow:
            connection.settimeout(10.0)
            connection.connect(str(api.socket))
            connection.sendall(start)
        done = threading.Event()

        def drip() -> None:    # a byte now and then, so that no single read takes long
            while not done.wait(0.1):
                for connection in slow:
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        assert within(5.0, lambda: api.raw(VERSION + b"Connection: close\r\n\r\n"))
        assert refusal(read_all(slow[0])) == (408, 0)
        done.set()
        thread.join()
    finally:
        for connection in slow:
            connection.close()


def test_clients_that_do_not_read_are_let_go(api: ApiHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "ANSWER_SECONDS", 0.5)
    for number in range(4):
        api.group(f"Group {number}", *[{**policy(f"p{n}"), "description": "x" * 1000} for n in range(64)])
    wanted = f"GET {BASE}{GROUPS}/detail HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    deaf = [socket.socket(socket.AF_UNIX) for _ in range(connections.THREADS)]
    try:
        for connection in deaf:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(str(api.socket))
            connection.sendall(wanted * 4)
        assert within(5.0, lambda: api.raw(VERSION + b"Connection: close\r\n\r\n"))
    finally:
        for connection in deaf:
            connection.close()


def test_a_thousand_quick_connections_leave_nothing_behind(api: ApiHost) -> None:
    def count() -> tuple[int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    api.raw(VERSION + b"Connection: close\r\n\r\n")
    before = count()
    good: list[bool] = []

    def connect() -> None:
        for _ in range(50):
            with api.connection(30.0) as connection:
                connection.sendall(VERSION + b"Connection: close\r\n\r\n")
                good.append(b"200 OK" in read_all(connection))

    threads = [threading.Thread(target=connect) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert good == [True] * 1000
    wait_until(lambda: count()[0] <= before[0], 10.0, "all connections are closed")
    assert count()[1] <= before[1]


def test_one_user_can_not_have_all_connections(api: ApiHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "trusted", lambda user: False)
    monkeypatch.setattr(shares, "CONNECTIONS_PER_USER", 5)
    mine = [socket.socket(socket.AF_UNIX) for _ in range(40)]
    try:
        for connection in mine:
            connection.settimeout(5.0)
            connection.connect(str(api.socket))
        assert mine[-1].recv(1) == b""    # closed
    finally:
        for connection in mine:
            connection.close()


def test_one_user_can_not_have_all_threads_and_waits_for_its_own(
    api: ApiHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "trusted", lambda user: False)
    monkeypatch.setattr(shares, "THREADS_PER_USER", 2)
    with api.connection() as one, api.connection() as two, api.connection() as three:
        one.sendall(VERSION)
        two.sendall(VERSION)
        wait_until(lambda: api.server._server.shares.served == 2, 10.0, "both have their threads")
        three.settimeout(0.5)
        three.sendall(VERSION + b"\r\n")
        with pytest.raises(TimeoutError):
            three.recv(1)
        one.sendall(b"\r\n")
        three.settimeout(5.0)
        assert three.recv(12) == b"HTTP/1.1 200"
        two.sendall(b"\r\n")
        assert two.recv(12) == b"HTTP/1.1 200"
    assert api.get("/version")


def test_a_fault_of_ours_is_a_500_in_our_words_and_says_nothing_of_it(
    api: ApiHost, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("hpm.model.management.VERSION", object())
    error = whole_error(api.send("GET", "/version"), "GET")
    assert (error["http-status"], error["reason"]) == (500, 0)
    assert "log" in error["message"]
    assert any(record.exc_info for record in caplog.records)


def test_a_file_in_the_sockets_place_is_left_alone(api: ApiHost, tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(SocketInUse, match="no socket"):
        SocketServer(api.manager, path, PeerDoor())
    assert path.read_text() == "data"
    with pytest.raises(SocketInUse, match="another hpm answers"):
        SocketServer(api.manager, api.socket, PeerDoor())
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead"))
    SocketServer(api.manager, tmp_path / "dead", PeerDoor())
    assert not (tmp_path / "dead").exists()
