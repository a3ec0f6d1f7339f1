"""Events through the web front: they come as they happen, occupy no turn, and end with what they hang on."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest

from hpm.host.front.process import TURNS
from hpm.model.events import EventFeeds
from hpm.wire.events import EventQuery
from tests.lab.errors import wait_until

from .access_host import AccessHost, bearer
from .api_host import BASE, GROUPS, ApiHost, read_all
from .front_host import FrontHost
from .test_api_events import Stream

PATIENCE = 10.0


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers go on for three seconds and not for a minute."""
    usual = EventFeeds.open

    def opened(self: EventFeeds, base: str, user: str, last_id: str | None, query: EventQuery) -> object:
        feed = usual(self, base, user, last_id, query)
        feed.seconds = min(3, feed.seconds)
        return feed

    monkeypatch.setattr(EventFeeds, "open", opened)


def token_of(api: ApiHost) -> dict[str, str]:
    return bearer(api.manager.tokens.create("reads", "root", "user", None)[1])


def read_until(connection: object, words: bytes) -> bytes:
    data = b""
    while words not in data:
        part = connection.recv(65536)    # type: ignore[attr-defined]
        assert part, data
        data += part
    return data


def test_events_come_through_at_once_and_hold_no_turn(both: tuple[FrontHost, ApiHost]) -> None:
    """Three times as many readers as there are turns."""
    front, api = both
    headers = token_of(api)
    asked = f"GET {BASE}/events HTTP/1.1\r\nHost: x\r\nAuthorization: {headers['Authorization']}\r\n\r\n".encode()
    with ExitStack() as stack:
        readers = [stack.enter_context(front.connection(source=f"127.0.0.{2 + n % 3}")) for n in range(3 * TURNS)]
        for reader in readers:
            reader.sendall(asked)
        for reader in readers:
            assert read_until(reader, b"event: resync").startswith(b"HTTP/1.1 200")
        times = []
        for _ in range(30):
            began = time.monotonic()
            assert front.http.get(BASE + GROUPS, headers=headers).status_code == 200
            times.append(time.monotonic() - began)
        assert sorted(times)[15] < 0.1
        sent = time.monotonic()
        api.group("Gold")
        for reader in readers:
            read_until(reader, b'"name":"Gold"')
        assert time.monotonic() - sent < 3.0
        assert api.manager.events.places.taken == len(readers)
        for reader in readers[:10]:
            reader.close()
        wait_until(lambda: api.manager.events.places.taken == len(readers) - 10, PATIENCE, "who has gone has no place")


def test_a_connection_can_be_used_again_after_a_stream(both: tuple[FrontHost, ApiHost]) -> None:
    front, api = both
    headers = token_of(api)
    with front.client() as http:
        for _ in range(2):
            with http.stream("GET", f"{BASE}/events?wait=1", headers=headers) as answer:
                text = "".join(answer.iter_text())
                assert "event: resync" in text
                assert answer.headers["cache-control"] == "no-store"
                assert "content-security-policy" in answer.headers
            assert http.get(BASE + GROUPS, headers=headers).status_code == 200
        connection = http._transport._pool.connections[0]    # type: ignore[attr-defined]
        assert "Request Count: 4" in repr(connection)


def test_streams_end_with_the_manager_and_with_the_front(both: tuple[FrontHost, ApiHost]) -> None:
    front, api = both
    headers = token_of(api)
    asked = f"GET {BASE}/events HTTP/1.1\r\nHost: x\r\nAuthorization: {headers['Authorization']}\r\n\r\n".encode()
    with front.connection() as first, front.connection() as second:
        first.sendall(asked)
        read_until(first, b"event: resync")
        api.manager.events.close()
        assert read_until(first, b"0\r\n\r\n")    # a whole answer
        api.manager.events.over = False
        second.sendall(asked)
        read_until(second, b"event: resync")
        began = time.monotonic()
        front.process.stop()    # TLS waits some seconds for a client that does not say goodbye
        assert not read_all(second).endswith(b"0\r\n\r\n")
        assert time.monotonic() - began < 9.0
        wait_until(lambda: api.manager.events.places.taken == 0, PATIENCE, "its place is free")


def test_who_is_not_known_or_has_no_role_is_told_no_event(host: AccessHost) -> None:
    assert host.ask("GET", "/events").status_code == 401
    assert host.ask("GET", "/events", cookie="x").status_code == 401
    assert host.ask("GET", "/events?wait=0", cookie=host.log_in("bob")).status_code == 200    # role user
    eve = host.ask("GET", "/events", headers=bearer(host.manager.tokens.create("t", "eve", "user", None)[1]))
    assert (eve.status_code, eve.json()["reason"]) == (403, 1)


@pytest.mark.usefixtures("short")
def test_a_session_or_token_that_is_over_reads_on_to_the_end_of_its_answer(host: AccessHost) -> None:
    cookie, token = host.log_in("bob"), host.token("ann")
    for headers, end, status in (
        ({"Cookie": f"__Host-hpm-session={cookie}"}, lambda: host.ask("POST", "/logout", cookie=cookie, headers={
            "Origin": "https://hpm.example:8443"}), 401),
        (bearer(token["secret"]), lambda: host.manager.tokens.revoke(token["object-id"]), 401),
    ):  # fmt: skip
        own = {"Host": "hpm.example:8443", "Hpm-Client-Address": "192.0.2.1", "Hpm-Client-Scheme": "https", **headers}
        stream = Stream(host, headers=own, socket=host.front_socket)
        stream.wait_for("event: resync")
        end()
        began = time.monotonic()
        stream.join()
        assert time.monotonic() - began < 4.0
        assert host.ask("GET", "/events", headers=headers).status_code == status
    wait_until(lambda: host.manager.events.places.taken == 0, PATIENCE, "all places are free")
