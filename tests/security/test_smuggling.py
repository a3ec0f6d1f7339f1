"""Requests that two programs could read in two ways, each sent raw to the front and to the manager's sockets.

Each of them has a second request hidden in it, which would make a group `Smuggled`. Whoever takes it for one has been
deceived. The door here lets everybody in, so that nothing but the reading stands between.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.api_host import BASE, GROUPS, ApiHost, answers, read_all
from tests.unit.front_host import FrontHost, OpenDoor, running_front

BODY = b'{"name": "Smuggled"}'
HIDDEN = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
    (BASE + GROUPS).encode(), len(BODY), BODY,
)  # fmt: skip
N = len(HIDDEN)
HEAD = f"POST {BASE}{GROUPS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
READ = f"GET {BASE}/version HTTP/1.1\r\nHost: x\r\n".encode()
CHUNKED = b"Transfer-Encoding: chunked\r\n"
END = b"0\r\n\r\n"

#: Head and framing; what follows is the hidden request.
TWO_WAYS = {
    "CL and TE": HEAD + b"Content-Length: %d\r\n" % (len(END) + N) + CHUNKED + b"\r\n" + END,
    "TE and CL": HEAD + CHUNKED + b"Content-Length: 3\r\n\r\n" + END,
    "TE and CL of nothing": HEAD + CHUNKED + b"Content-Length: 0\r\n\r\n" + END,
    "two CL, the last nothing": HEAD + b"Content-Length: %d\r\nContent-Length: 0\r\n\r\n" % N,
    "two CL, the first nothing": HEAD + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % N,
    "CL of two numbers": HEAD + b"Content-Length: %d, 0\r\n\r\n" % N,
    "CL with a sign": HEAD + b"Content-Length: +%d\r\n\r\n" % N,
    "CL below nothing": HEAD + b"Content-Length: -1\r\n\r\n",
    "CL in hexadecimal": HEAD + b"Content-Length: 0x%x\r\n\r\n" % N,
    "CL with an underscore": HEAD + b"Content-Length: 1_0\r\n\r\n",
    "CL with a dot": HEAD + b"Content-Length: 0.0\r\n\r\n",
    "CL in other digits": HEAD + "Content-Length: \u0660\r\n\r\n".encode(),
    "CL folded": HEAD + b"Content-Length: %d\r\n 0\r\n\r\n" % N,
    "CL folded from nothing": HEAD + b"Content-Length:\r\n 0\r\n\r\n",
    "CL with a blank before the colon": HEAD + b"Content-Length : %d\r\nContent-Length: 0\r\n\r\n" % N,
    "CL with an underscore in the name": HEAD + b"Content_Length: %d\r\nContent-Length: 0\r\n\r\n" % N,
    "CL named by Connection": HEAD + b"Content-Length: %d\r\nConnection: Content-Length\r\n\r\n" % N,
    "CL after a vertical tab": HEAD + b"Content-Length: \x0b%d\r\n\r\n" % N,
    "TE in two headers": HEAD + b"Transfer-Encoding: identity\r\n" + CHUNKED + b"\r\n" + END,
    "TE twice": HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + END,
    "TE of more": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + END,
    "TE of something near": HEAD + b"Transfer-Encoding: xchunked\r\nContent-Length: %d\r\n\r\n" % N,
    "TE with a control character": HEAD + b"Transfer-Encoding: chunked\x0b\r\nContent-Length: %d\r\n\r\n" % N,
    "TE with a NUL": HEAD + b"Transfer-Encoding: chun\x00ked\r\nContent-Length: %d\r\n\r\n" % N,
    "TE folded": HEAD + b"Transfer-Encoding:\r\n chunked\r\nContent-Length: %d\r\n\r\n" % N,
    "TE in a fold of another": HEAD + b"X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n" % N,
    "TE with a blank before the colon": HEAD + b"Transfer-Encoding : chunked\r\nContent-Length: %d\r\n\r\n" % N,
    "TE in HTTP/1.0": (HEAD + CHUNKED + b"\r\n" + END).replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a line that ends in LF alone": HEAD + b"X: y\nTransfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n" % N,
    "a line that ends in CR alone": HEAD + b"X: y\rContent-Length: 0\r\nContent-Length: %d\r\n\r\n" % N,
    "a head that ends in LF alone": HEAD + b"Content-Length: %d\n\n" % N,
    "a chunk's size with a sign": HEAD + CHUNKED + b"\r\n+0\r\n\r\n",
    "a chunk's size below nothing": HEAD + CHUNKED + b"\r\n-1\r\n\r\n",
    "a chunk's size with 0x": HEAD + CHUNKED + b"\r\n0x0\r\n\r\n",
    "a chunk's size with an underscore": HEAD + CHUNKED + b"\r\n0_0\r\n\r\n",
    "a chunk's size of 65 bits": HEAD + CHUNKED + b"\r\n10000000000000000\r\n",
    "a chunk's size that ends in LF alone": HEAD + CHUNKED + b"\r\n0\n\r\n",
    "a chunk longer than it says": HEAD + CHUNKED + b"\r\n1\r\n{}" + END,
    "a chunk without its end": HEAD + CHUNKED + b"\r\n2\r\n{}" + END,
    "an extension with a line end": HEAD + CHUNKED + b"\r\n0;a\nb\r\n\r\n",
    "an extension without an end": HEAD + CHUNKED + b"\r\n0;" + b"a" * 200_000 + b"\r\n\r\n",
    "trailers that are headers": HEAD + CHUNKED + b"\r\n0\r\nContent-Length: %d\r\nHost: y\r\n\r\n" % N,
    "trailers without an end": HEAD + CHUNKED + b"\r\n0\r\n" + b"X: y\r\n" * 30_000 + b"\r\n",
    "a body of a GET": READ + b"Content-Length: %d\r\n\r\n" % N,
    "a body of a HEAD": READ.replace(b"GET", b"HEAD") + b"Content-Length: %d\r\n\r\n" % N,
    "a body in chunks of a GET": READ + CHUNKED + b"\r\n%x\r\n" % N,
    "an upgrade": READ + b"Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
                  b"Content-Length: %d\r\n\r\n" % N,
    "a body that waits": HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % N,
    "a Host twice": READ + b"Host: y\r\nContent-Length: %d\r\n\r\n" % N,
}  # fmt: skip

#: Of these the hidden request is one for the front, as RFC 9112 has it: a folded line is a blank, and no `_` is a `-`.
#: What it forwards is framed anew, so nobody behind it reads it in another way; and the manager refuses them.
FOLLOWS_AT_FRONT = {"CL folded from nothing", "CL with an underscore in the name", "trailers that are headers"}


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[FrontHost, ApiHost, OpenDoor]]:
    with running_front(request_seconds=0.5) as found:
        yield found


def _at(front: FrontHost, data: bytes) -> bytes:
    """What the front answers until it closes, or says nothing for a while."""
    with front.connection() as connection:
        connection.sendall(data)
        connection.settimeout(1.0)
        return read_all(connection)


def _judge(api: ApiHost, found: bytes, name: str, follows: bool = False) -> None:
    names = [group["name"] for group in api.get(GROUPS)["workload-resource-groups"]]
    told = [status for status, _, _ in answers(found)]
    if "Smuggled" in names:
        api.reset()
    if not follows:
        assert "Smuggled" not in names, f"{name}: {found[:600]!r}"
        assert len([status for status in told if status != 100]) <= 1, f"{name}: {found[:600]!r}"
    assert 500 not in told, f"{name}: {found[:600]!r}"


@pytest.mark.parametrize("name", TWO_WAYS)
def test_nothing_is_hidden_from_the_front(hosts: tuple[FrontHost, ApiHost, OpenDoor], name: str) -> None:
    front, api, _ = hosts
    _judge(api, _at(front, TWO_WAYS[name] + HIDDEN), name, name in FOLLOWS_AT_FRONT)
    assert front.http.get("/").status_code == 200


@pytest.mark.parametrize("name", TWO_WAYS)
def test_nothing_is_hidden_from_the_manager(hosts: tuple[FrontHost, ApiHost, OpenDoor], name: str) -> None:
    _, api, _ = hosts
    _judge(api, api.raw(TWO_WAYS[name] + HIDDEN), name)


def test_the_hidden_request_would_be_done_if_it_were_taken_for_one(
    hosts: tuple[FrontHost, ApiHost, OpenDoor]
) -> None:
    """Else the tests above would show nothing."""
    front, api, _ = hosts
    for send in (front.raw, api.raw):
        assert answers(send(READ + b"\r\n" + HIDDEN))[1][0] == 201
        assert "Smuggled" in [group["name"] for group in api.get(GROUPS)["workload-resource-groups"]]
        api.reset()


def test_requests_one_after_another_are_answered_in_their_order(hosts: tuple[FrontHost, ApiHost, OpenDoor]) -> None:
    front, api, _ = hosts
    paths = [f"{BASE}/there-is-no-{number}" for number in range(50)]
    data = b"".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in paths)
    for send in (front.raw, api.raw):
        found = answers(send(data + READ + b"Connection: close\r\n\r\n"))
        assert [status for status, _, _ in found] == [404] * 50 + [200]
        for path, (_, _, body) in zip(paths, found, strict=False):
            assert path.encode() in body


@pytest.mark.parametrize("header", [
    b"X: a\x00b", b"X: a\rSet-Cookie: y=z", b"X\x00: a", b"X\xff: a", b": a", b"X",
    b"X: \x1b[2J", b"(X): a", b"X\x7f: y",
])  # fmt: skip
def test_headers_that_are_none_are_refused(hosts: tuple[FrontHost, ApiHost, OpenDoor], header: bytes) -> None:
    front, api, _ = hosts
    for send in (front.raw, api.raw):
        found = answers(send(READ + header + b"\r\nConnection: close\r\n\r\n"))
        assert [status for status, _, _ in found] == [400], header


@pytest.mark.parametrize("text", ["\r\nSet-Cookie: a=b", "%0d%0aSet-Cookie:%20a=b", "\u2028Set-Cookie: a=b", "a\x00b"])
def test_nothing_that_a_client_says_becomes_a_header(hosts: tuple[FrontHost, ApiHost, OpenDoor], text: str) -> None:
    """Paths, queries and names come back in `Location`, in file names, and in refusals."""
    front, api, _ = hosts
    raw = f"{BASE}/x{text}".encode("utf-8", "surrogateescape")
    for send in (front.raw, api.raw):
        found = send(b"GET " + raw + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b"set-cookie:" not in found.lower().partition(b"\r\n\r\n")[0]
    made = api.group(f"G;=\"{text.replace(chr(13) + chr(10), '')}".replace("\x00", "").replace("\u2028", "").strip())
    answer = api.send("GET", f"{GROUPS}/{made}/export?format=json")
    assert answer.status_code == 200
    name = answer.headers["content-disposition"].partition('filename="')[2]
    assert name.count('"') == 1
    assert name.endswith('.json"')
    api.reset()


def _answered(host: FrontHost | ApiHost, data: bytes) -> tuple[list[int], bool]:
    """Statuses of what comes back, and whether the other end ended the connection by itself: we go on holding it."""
    found = b""
    with host.connection() as connection:
        try:
            connection.sendall(data)
            connection.settimeout(5.0)
            while part := connection.recv(65536):
                found += part
        except TimeoutError:
            return [status for status, _, _ in answers(found)], False
        except OSError:    # hung up while we sent, or TLS ended without a word
            pass
    return [status for status, _, _ in answers(found)], True


@pytest.mark.parametrize(("name", "data"), [
    ("many headers", READ + b"X: y\r\n" * 50_000 + b"\r\n"),
    ("a long header", READ + b"X: " + b"y" * 2_000_000 + b"\r\n\r\n"),
    ("a long name", READ + b"X" * 2_000_000 + b": y\r\n\r\n"),
    ("a long cookie", READ + b"Cookie: " + b"a=b; " * 400_000 + b"\r\n\r\n"),
    ("a long path", b"GET /" + b"a" * 2_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("a long query", b"GET /?" + b"a=b&" * 500_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("a long method", b"G" * 2_000_000 + b" / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("empty lines", b"\r\n" * 500_000 + READ + b"\r\n"),
    ("no line at all", b"\x00" * 2_000_000),
])  # fmt: skip
def test_heads_without_end_are_refused_and_cost_no_memory(
    hosts: tuple[FrontHost, ApiHost, OpenDoor], name: str, data: bytes
) -> None:
    front, api, _ = hosts
    before = front.memory()
    for asked in (front, api):
        told, over = _answered(asked, data)
        assert told or over, f"{name}: neither refused nor ended"
        assert all(400 <= status < 500 for status in told), name
    assert front.memory() - before < 5_000_000
    assert front.http.get(f"{BASE}/version").status_code == 200
