"""Bodies that are made to hurt, on every route that takes one: refused soon, in little memory, and nothing changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

import pytest

from hpm.control.route import Route
from tests.running import resident
from tests.wok.tree import WOK_SRC
from tests.yardstick import least_cpu

from .api_host import BASE, GROUPS, ApiHost, policy
from .exercised import ROUTES
from .test_api_exercised import asked

MEGABYTE = 1024 * 1024
NEARLY = MEGABYTE - 64    # the largest body that is read

TAKING = [route for route in ROUTES if route.body is not None]

#: By name.
BAD: dict[str, bytes] = {
    "no JSON": b"perhaps",
    "half an object": b'{"name": ',
    "nested lists": b"[" * NEARLY,
    "nested objects": b'{"a":' * (NEARLY // 5),
    "nested objects, closed": b'{"a":' * 1000 + b"1" + b"}" * 1000,
    "nested rules": b'{"type":"not","rule":' * 1000 + b"1" + b"}" * 1000,
    "a long text": b'{"name": "' + b"a" * (NEARLY - 16) + b'"}',
    "a long text of escapes": b'{"name": "' + b'\\"' * (NEARLY // 2 - 16) + b'"}',
    "a text without end": b'{"name": "' + b'\\"' * (NEARLY // 2 - 16),
    "a long name of a field": b'{"' + b"a" * (NEARLY - 16) + b'": 1}',
    "blanks": b" " * NEARLY,
    "a field twice": b'{"name": "a", "name": "b"}',
    "a field 40,000 times": b'{"name": 1' + b',"name": 1' * 40000 + b"}",
    "NaN": b'{"name": NaN}',
    "Infinity": b'{"name": -Infinity}',
    "a huge integer": b'{"name": ' + b"9" * (NEARLY - 16) + b"}",
    "a huge exponent": b'{"cpu-cap": 1e999999999}',
    "a huge negative integer": b'{"cpu-cap": -' + b"1" * 100000 + b"}",
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "UTF-32": '{"name": "a"}'.encode("utf-32"),
    "Latin-1": b'{"name": "M\xfcnchen"}',
    "overlong UTF-8": b'{"name": "\xc0\x80"}',
    "a byte order mark": b'\xef\xbb\xbf{"name": "a"}',
    "a lone surrogate, escaped": b'{"name": "\\ud800"}',
    "a lone surrogate, raw": b'{"name": "\xed\xa0\x80"}',
    "NUL, raw": b'{"name": "a\x00b"}',
    "compressed": b"\x1f\x8b\x08\x00" + b"\x00" * 1000,
    "a list": b"[]",
    "null": b"null",
}  # fmt: skip

#: Names that are well-formed JSON and no names.
BAD_NAMES = [
    "", " ", " a", "a ", "a\n", "a/b", "a\x00b", "a\x07b", "a\x7fb", "a\x85b", "a\u2028b", "\t", "a" * 65, "\u3000a",
]  # fmt: skip


@pytest.fixture
def gold(api: ApiHost) -> Iterator[ApiHost]:
    """A host with something to lose."""
    api.group("Gold", policy(), servers=("db1",))
    yield api


def refused_cheaply(api: ApiHost, path: str, content: bytes, name: str) -> int:
    """The status. 50 ms of CPU at most (see `yardstick`), of the client and the server together: both are in this
    process."""
    memory, headers = resident(), {"Content-Type": "application/json"}
    seconds, response = least_cpu(lambda: api.send("POST", path, content=content, headers=headers), 0.05)
    assert 400 <= response.status_code < 500, (name, response.text)
    assert seconds < 0.05, f"{name}: refused after {seconds * 1000:.0f} ms"
    assert resident() - memory < 10 * MEGABYTE, name
    assert response.json()["message"]
    assert len(response.content) < 8192
    return response.status_code


@pytest.mark.parametrize("route", TAKING, ids=lambda route: route.path)
def test_bad_bodies(gold: ApiHost, route: Route) -> None:
    state, path = gold.state(), asked(route).replace("00000000-0000-4000-8000-000000000000", "default")
    for name, content in BAD.items():
        status = refused_cheaply(gold, path, content, name)
        assert status in (400, 404, 415), name
    assert gold.state() == state


@pytest.mark.parametrize("route", TAKING, ids=lambda route: route.path)
def test_bodies_of_50_megabytes(gold: ApiHost, route: Route) -> None:
    """Refused by what the head says, and after the first megabyte where it says nothing."""
    state, memory = gold.state(), resident()

    def refuse(head: str) -> None:
        first = f"POST {BASE}{asked(route)} HTTP/1.1\r\nHost: x\r\n{head}\r\nContent-Type: application/json\r\n\r\n"
        body = b"2000000\r\n" if "chunked" in head else b""
        answer = gold.raw(first.encode() + body + b"[" * (2 * MEGABYTE), end=False)
        # Wok's server closes a TCP connection with bytes unread, and then the client may lose the answer.
        assert answer.startswith(b"HTTP/1.1 413 ") or (WOK_SRC and not answer)

    for head in ("Content-Length: 52428800", "Transfer-Encoding: chunked"):
        assert least_cpu(partial(refuse, head), 0.05)[0] < 0.05
    assert resident() - memory < 10 * MEGABYTE
    assert gold.state() == state


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
def test_names_that_are_none(gold: ApiHost, name: str) -> None:
    error = gold.refused("POST", GROUPS, {"name": name})
    assert (error["http-status"], error["reason"]) == (400, 7)
    assert error["message"].startswith("name: ")


@pytest.mark.parametrize("name", [
    "München", "数据库", "База данных", "قاعدة البيانات", "データベース", "🐘", "e\u0301", "\u202edb", "a" * 64,
    "𝔤" * 64, "İ", "ﬀ", "0", "null", "{id}", "%2F", "...", "a b", "<b>", "'; DROP TABLE", "\\", '"',
])  # fmt: skip
def test_names_in_any_script_come_back_as_they_were(gold: ApiHost, name: str) -> None:
    made = gold.post(GROUPS, {"name": name, "perf-policies": [policy(name)]})
    assert made["name"] == name
    assert gold.get(f"{GROUPS}/{made['object-id']}")["perf-policies"][0]["name"] == name
    listed = gold.send("GET", GROUPS).content.decode()
    assert name in [group["name"] for group in json.loads(listed)["workload-resource-groups"]]
