"""The web front: what passes between clients and the manager, and what does not."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from hpm.control.route import MAX_BODY
from hpm.control.routes import routes
from hpm.host.front import refusals
from hpm.policy.files.content import MAX_SIZE
from tests.lab.errors import wait_until

from .api_host import BASE, BASES, GROUPS, ApiHost, answers, read_all
from .front_host import FrontHost, OpenDoor, exchange, running_front

VERSION = f"GET {BASE}/version HTTP/1.1\r\nHost: x\r\n".encode()
CREATE = f"POST {BASE}{GROUPS} HTTP/1.1\r\nHost: x\r\n".encode()


@pytest.fixture(scope="module")
def all_three() -> Iterator[tuple[FrontHost, ApiHost, OpenDoor]]:
    with running_front() as running:
        yield running


@pytest.fixture
def front(all_three: tuple[FrontHost, ApiHost, OpenDoor]) -> FrontHost:
    return all_three[0]


@pytest.fixture
def api(all_three: tuple[FrontHost, ApiHost, OpenDoor]) -> ApiHost:
    all_three[1].reset()
    return all_three[1]


@pytest.fixture
def door(all_three: tuple[FrontHost, ApiHost, OpenDoor]) -> OpenDoor:
    all_three[2].headers = {}
    return all_three[2]


def refusal(data: bytes) -> tuple[int, int]:
    """Status and reason of the one answer in a stream, which has the API's error body and says that this is all."""
    (status, headers, body), *more = answers(data)
    assert not more
    assert headers["content-type"] == "application/json"
    assert headers["connection"] == "close"
    error = json.loads(body)
    assert set(error) == {"http-status", "reason", "message", "request-method", "request-uri", "error-details"}
    assert error["http-status"] == status and error["message"]
    return status, error["reason"]


# -- what passes


@pytest.mark.parametrize("base", BASES)
def test_requests_and_answers_pass_unchanged(front: FrontHost, api: ApiHost, base: str) -> None:
    made = front.http.post(f"{base}{GROUPS}", json={"name": "Gold"})
    assert made.status_code == 201
    path = made.headers["location"]
    assert path == made.json()["object-uri"] and path.startswith(base)
    for headers in ({}, {"If-None-Match": made.headers["etag"]}, {"If-None-Match": "*"}, {"Accept": "text/html"}):
        for method in ("GET", "HEAD", "PUT"):
            direct, passed = api.send(method, path, headers=headers), front.http.request(method, path, headers=headers)
            assert passed.status_code == direct.status_code
            assert passed.content == direct.content
            for name in ("etag", "content-type", "content-length", "allow", "location"):
                assert passed.headers.get(name) == direct.headers.get(name), name
    stale = front.http.post(path, json={"description": "x"}, headers={"If-Match": '"stale"'})
    assert stale.status_code == 412
    gone = front.http.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert front.http.get(path).json() == api.send("GET", path).json()
    assert front.http.get(f"{base}/version?x=%2F&y=").json()["request-uri"] == f"{base}/version?x=%2F&y="


def test_the_clients_headers_pass_and_ours_are_added(front: FrontHost, door: OpenDoor) -> None:
    sent = {
        "Cookie": "a=b; c=d", "Authorization": "Bearer x", "Origin": "https://elsewhere", "Referer": "https://y/",
        "Sec-Fetch-Site": "cross-site", "Accept": "application/json", "X-Forwarded-For": "10.0.0.1",
    }  # fmt: skip
    assert front.http.get(f"{BASE}/version", headers=sent).status_code == 200
    for name, value in sent.items():
        assert door.headers[name] == value
    assert door.headers["Host"] == f"127.0.0.1:{front.port}"
    assert door.headers["Hpm-Client-Address"] == "127.0.0.1"
    assert door.headers["Hpm-Client-Scheme"] == "https"


@pytest.mark.parametrize("name", [
    "Hpm-Client-Address", "hpm-client-address", "HPM-CLIENT-ADDRESS", "HPM_CLIENT_ADDRESS", "Hpm_Client-Address",
    "Hpm-Client-Scheme", "hpm-client_role", "Hpm-Client-User",
])  # fmt: skip
def test_nobody_can_say_where_a_request_comes_from(front: FrontHost, door: OpenDoor, name: str) -> None:
    with front.connection(source="127.0.0.7") as connection:
        connection.sendall(VERSION + f"{name}: 6.6.6.6\r\nConnection: close\r\n\r\n".encode())
        assert answers(read_all(connection))[0][0] == 200
    ours = {key: value for key, value in door.headers.items() if key.lower().startswith("hpm")}
    assert ours == {"Hpm-Client-Address": "127.0.0.7", "Hpm-Client-Scheme": "https"}


def test_headers_of_the_connection_stay_on_it(front: FrontHost, door: OpenDoor) -> None:
    more = b"Connection: close, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nUpgrade: h2c\r\nX-Other: 2\r\n"
    ((status, headers, _),) = answers(front.raw(VERSION + more + b"\r\n"))
    assert (status, headers["connection"]) == (200, "close")
    seen = {name.lower() for name in door.headers}
    assert "x-other" in seen
    assert not seen & {"x-mine", "keep-alive", "te", "upgrade", "connection"}


def test_one_connection_carries_many_requests_also_sent_at_once(front: FrontHost, api: ApiHost) -> None:
    create = CREATE + b'Content-Length: 16\r\n\r\n{"name": "Gold"}'
    last = VERSION + b"Connection: close\r\n\r\n"
    nothing, page = (b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % path for path in (b"nothing", b""))
    found = answers(front.raw((VERSION + b"\r\n") * 3 + create + nothing + page + last))
    assert [status for status, _, _ in found] == [200, 200, 200, 201, 404, 200, 200]
    assert found[0][2] == found[-1][2]


def test_a_body_of_just_the_limit_passes_and_one_byte_more_does_not(front: FrontHost, api: ApiHost) -> None:
    text = b'{"name": "Large"' + b" " * (MAX_BODY - 17) + b"}"
    assert front.http.post(BASE + GROUPS, content=text).status_code == 201
    assert front.http.post(BASE + GROUPS, content=iter([text.replace(b"Large", b"Chunk")])).status_code == 201
    for content in (text + b" ", iter([text, b" "])):
        assert front.http.post(BASE + GROUPS, content=content).status_code == 413


def test_files_may_be_as_large_as_the_manager_takes_them(front: FrontHost, api: ApiHost) -> None:
    assert (refusals.MAX_BODY, refusals.MAX_FILE) == (MAX_BODY, MAX_SIZE)
    for route in routes(api.manager):
        assert route.max_body <= (MAX_SIZE if route.path.endswith("/import") else MAX_BODY)
    path = f"{BASE}{GROUPS}/import"
    text = api.send("GET", f"{GROUPS}/export").content
    large = text + b" " * (MAX_SIZE - len(text))
    for content, status in ((large, 200), (large + b" ", 413)):
        answer = front.http.post(path, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == status, answer.text


def test_a_client_that_asks_first_is_told_to_go_on_or_not(front: FrontHost, api: ApiHost) -> None:
    asks = CREATE + b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    with front.connection() as connection:
        connection.sendall(asks % 16)
        assert connection.recv(1024).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b'{"name": "Gold"}')
        assert answers(read_all(connection))[0][0] == 201
    assert refusal(front.raw(asks % (MAX_BODY + 1))) == (413, 0)


# -- what is refused


@pytest.mark.parametrize(("data", "status"), [
    (b"GET /\r\n\r\n", 400),
    (b"nonsense\r\n\r\n", 400),
    (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    (b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.0\r\n\r\n", 400),
    (VERSION + b"Host: y\r\n\r\n", 400),
    (VERSION + b"no header\r\n\r\n", 400),
    (VERSION + b"Content-Length : 5\r\n\r\n", 400),
    (VERSION + b"X\x00: 5\r\n\r\n", 400),
    (VERSION + b"X: a\x00b\r\n\r\n", 400),
    (VERSION + b"Cookie: a=1\r\nCookie: a=2\r\n\r\n", 400),
    (VERSION + b"Origin: https://a\r\norigin: https://b\r\n\r\n", 400),
    (VERSION + b"Authorization: Basic eA==\r\nauthorization: Bearer x\r\n\r\n", 400),
    (CREATE + b"Content-Length: x\r\n\r\n", 400),
    (CREATE + b"Content-Length: -1\r\n\r\n{}", 400),
    (CREATE + b"Content-Length: +2\r\n\r\n{}", 400),
    (CREATE + b"Content-Length: 1_0\r\n\r\n", 400),
    (CREATE + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    (CREATE + b"Content-Length: 2, 3\r\n\r\n{}", 400),
    (CREATE + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (CREATE + b"Transfer-Encoding: gzip\r\n\r\n", 501),
    (CREATE + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", 501),
    (CREATE + b"Transfer-Encoding: chunked, chunked\r\n\r\n", 501),
    (CREATE + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", 400),
    (CREATE + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}\r\n0\r\n\r\nXY", 400),
    (b"GET /" + b"a" * 500_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
    (VERSION + b"X: y\r\n" * 100_000 + b"\r\n", 431),
    (VERSION + b"X: " + b"y" * 10_000_000, 431),
])  # fmt: skip
def test_what_is_no_good_http_is_refused_in_our_words_and_never_reaches_the_manager(
    front: FrontHost, api: ApiHost, door: OpenDoor, data: bytes, status: int
) -> None:
    assert refusal(front.raw(data)) == (status, 2 if status == 400 else 0)
    assert door.headers == {}


@pytest.mark.parametrize("hidden", [
    b"Transfer-Encoding : chunked\r\n", b"Transfer-Encoding:\tchunked\r\n", b"X: y\r\n Transfer-Encoding: chunked\r\n",
    b"Transfer_Encoding: chunked\r\n", b"Content_Length: 0\r\n", b"Connection: Content-Length\r\n",
    b"Connection: Host\r\n", b"Connection: Hpm-Client-Address, Origin\r\n",
])  # fmt: skip
def test_no_request_can_be_hidden_in_the_body_of_another(
    front: FrontHost, api: ApiHost, door: OpenDoor, hidden: bytes
) -> None:
    inner = f"DELETE {BASE}{GROUPS}/default HTTP/1.1\r\nHost: x\r\nX-Hidden: 1\r\n\r\n".encode()
    for framing in (b"Content-Length: %d\r\n%s\r\n%s", b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s0\r\n\r\n"):
        if b"%s\r\n%s" in framing:
            data = CREATE + framing % (len(inner), hidden, inner)
        else:
            data = CREATE + hidden + framing % (len(inner), inner + b"\r\n")
        for status, _, body in answers(front.raw(data + VERSION + b"Connection: close\r\n\r\n")):
            assert status in (200, 400, 501), body
        assert "X-Hidden" not in door.headers


@pytest.mark.parametrize("framing", [
    b"Content-Length: 52428800\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n3200000\r\n",
])  # fmt: skip
def test_fifty_megabytes_are_refused_while_they_are_sent_and_cost_no_memory(front: FrontHost, framing: bytes) -> None:
    before = front.memory()
    with front.connection() as connection:
        connection.sendall(CREATE + framing)
        deadline = time.monotonic() + 20
        data = next(exchange(connection, (b"x" * 65536 for _ in range(800)), lambda: time.monotonic() > deadline), b"")
    assert data.startswith(b"HTTP/1.1 413 ")
    assert front.memory() - before < 10_000_000
    assert front.http.get(f"{BASE}/version").status_code == 200


def test_many_large_bodies_at_once_stay_within_a_limit(front: FrontHost, api: ApiHost) -> None:
    before = front.memory()
    half = CREATE + b"Content-Length: %d\r\n\r\n" % MAX_BODY + b" " * (MAX_BODY - 1)
    connections = [front.connection() for _ in range(30)]
    opened = [connection.__enter__() for connection in connections]
    try:
        statuses = []
        for connection in opened:
            connection.sendall(half)
        for connection in opened:
            connection.settimeout(0.5)
            data = read_all(connection)
            statuses.append(answers(data)[0][0] if data else None)
        assert statuses.count(503) >= 8
        assert statuses.count(None) <= 21    # the first 64 KiB of each are not counted
        assert front.memory() - before < 100_000_000
    finally:
        for manager in connections:
            manager.__exit__(None, None, None)
    wait_until(lambda: front.http.post(BASE + GROUPS, content=b" " * MAX_BODY).status_code == 400, 5, "room again")


# -- pages


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_pages_are_served_with_a_tag(front: FrontHost, coding: str) -> None:
    """Those that are there whether or not the components have been built."""
    asked = {"Accept-Encoding": coding}
    for path, kind in (
        ("/", "text/html; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
        ("/images/hpm.svg", "image/svg+xml"),
    ):
        page = front.http.get(path, headers=asked)
        assert page.status_code == 200
        assert page.headers["content-type"] == kind
        head = front.http.head(path, headers=asked)
        assert (head.content, head.headers["content-length"]) == (b"", page.headers["content-length"])
        again = front.http.get(path, headers={**asked, "If-None-Match": page.headers["etag"]})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", page.headers["etag"])
        assert front.http.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
        assert front.http.post(path, content=b"x").status_code == 405


@pytest.mark.parametrize("path", [
    "/robots.txt", "/index.html", "/../settings.py", "/..%2fsettings.py", "/%2e%2e/settings.py", "//etc/passwd",
    "/page.css/", "/page.css%00", "/files/page.css", "/unbuilt.html", "/js/", "/js/../images/hpm.svg", "/images",
    "/.", "/static/../../cert.pem", "/zhpm", "/zhpm/wsapi/v1x/version", "/plugins/hpmx",
    "/plugins/kimchi", "/metricsx", "/%7Ahpm/wsapi/v1/version",
])  # fmt: skip
def test_other_paths_are_nothing(front: FrontHost, door: OpenDoor, path: str) -> None:
    asked = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    ((status, _, body),) = answers(front.raw(asked.encode()))
    assert status == 404
    assert (json.loads(body)["request-uri"], json.loads(body)["reason"]) == (path, 1)
    assert door.headers == {}


@pytest.mark.parametrize("path", [
    "/", "/page.css", "/images/hpm.svg", "/nothing", f"{BASE}/version", f"{BASE}/nothing", f"{BASE}{GROUPS}",
])  # fmt: skip
def test_every_answer_has_the_headers_that_protect_it(front: FrontHost, path: str) -> None:
    for answer in (front.http.get(path), front.http.post(path, content=b"{")):
        policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers.get_list("server") == ["hpm"]
        assert "public" not in answer.headers.get("cache-control", "public")
        assert "strict-transport-security" not in answer.headers    # not on a port of many


def test_refusals_of_what_is_no_http_have_them_too(front: FrontHost) -> None:
    ((_, headers, _),) = answers(front.raw(b"nonsense\r\n\r\n"))
    assert "default-src 'none'" in headers["content-security-policy"]


def test_plain_http_is_told_to_use_https(front: FrontHost) -> None:
    with socket.create_connection(("127.0.0.1", front.port), 10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"https://" in read_all(connection)


def test_only_tls_of_today_is_spoken(front: FrontHost) -> None:
    context = front.context()
    with front.connection() as connection:
        assert connection.version() == "TLSv1.3"
    context.maximum_version = context.maximum_version.TLSv1_2
    with httpx.Client(verify=context, trust_env=False) as client:
        assert client.get(front.url).status_code == 200
    for suite in ("AES128-SHA256", "AES256-GCM-SHA384"):    # without forward secrecy
        context.set_ciphers(suite)
        with pytest.raises(httpx.ConnectError), httpx.Client(verify=context, trust_env=False) as client:
            client.get(front.url)
