"""GET /events: what is told, in which form, to whom, and for how long."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from hpm.backend.simulated import ServerSpec, uuid_of
from hpm.host import streams
from tests.lab.errors import wait_until

from .api_host import BASE, BASES, GROUPS, SERVERS, ApiHost, policy, read_all, running

PATIENCE = 10.0

Told = tuple[str, str, dict[str, Any]]    # id, kind, data


def parsed(text: str) -> list[Told]:
    """The events of a stream."""
    found = re.findall(r"^id: (.*)\nevent: (.*)\ndata: (.*)\n\n", text, re.MULTILINE)
    return [(name, kind, json.loads(data)) for name, kind, data in found]


def since(api: ApiHost, last: str | None = None, query: str = "") -> list[Told]:
    """What there is after the event `last`."""
    headers = {} if last is None else {"Last-Event-ID": last}
    response = api.send("GET", f"/events?wait=0{query}", headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    assert "no-store" in response.headers["cache-control"]
    return parsed(response.text)


class Follower:
    """Somebody who asks again and again."""

    def __init__(self, api: ApiHost) -> None:
        self.api = api
        ((self.last, kind, data),) = since(api)
        assert (kind, data["reason"]) == ("resync", "begin")
        self.told: list[Told] = []

    def wait_for(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The data of the next event of that kind with these fields (`_` stands for `-`)."""
        wanted = {name.replace("_", "-"): value for name, value in fields.items()}
        found: list[dict[str, Any]] = []

        def there() -> bool:
            self.told += since(self.api, self.last)
            while self.told and not found:
                self.last, told, data = self.told.pop(0)
                if told == kind and wanted.items() <= data.items():
                    found.append(data)
            return bool(found)

        wait_until(there, PATIENCE, f"{kind} {wanted}", 0.02)
        return found[0]


def test_everything_that_changes_is_told(api: ApiHost) -> None:
    follower, host = Follower(api), api.hypervisor
    group = api.group("Gold", policy())
    told = follower.wait_for("workload-resource-group", name="Gold")
    assert (told["object-id"], told["active-policy"], told["changed"]) == (group, "weekday", ["new"])
    uri = f"{api.bases[0]}{GROUPS}/{group}"
    assert told["object-uri"] == uri

    ids = [uuid_of("db1"), uuid_of("db2")]
    api.post(f"{GROUPS}/{group}/actions", {"action": "add-virtual-servers", "virtual-servers": ids})
    told = follower.wait_for("virtual-server", name="db1")
    summary = api.get(f"{SERVERS}?name=db1")["virtual-servers"][0]
    assert {name: told[name] for name in summary} == summary
    assert (told["workload-resource-group"], told["service-class"]) == (uri, "db")
    assert told["changed"][:2] == ["workload-resource-group", "service-class"]

    api.post("/mgmt-levels", {"cpu-mgmt": "on"})
    assert follower.wait_for("mgmt-levels")["cpu-mgmt"] == "on"
    for _ in range(3):
        api.cycle()
    listed = api.get("/dynamic-resource-adjustments")["dynamic-resource-adjustments"]
    told = follower.wait_for("dynamic-resource-adjustment", object_id=listed[-1]["object-id"])
    assert set(told) == {"class", *listed[-1]}
    host.add_server(ServerSpec(name="late"))
    api.cycle()
    assert follower.wait_for("virtual-server", name="late")["changed"] == ["new"]
    host.pause(uuid_of("late"))
    api.cycle()
    assert follower.wait_for("virtual-server", name="late")["status"] == "paused"
    host.stop(uuid_of("late"))
    host.delete(uuid_of("late"))
    api.cycle()
    gone = follower.wait_for("virtual-server-removed", name="late")
    assert gone["object-uri"] == f"{api.bases[0]}{SERVERS}/{uuid_of('late')}"
    host.faults.problem = "libvirt does not answer"
    api.cycle()
    assert follower.wait_for("host")["problem"] == "libvirt does not answer"
    host.faults.problem = None
    api.cycle()
    assert follower.wait_for("host")["problem"] is None
    api.send("DELETE", f"{GROUPS}/{group}")
    assert follower.wait_for("workload-resource-group-removed", object_id=group)["name"] == "Gold"


def test_what_hpm_leaves_undone_where_it_has_too_much_to_do_is_told(api: ApiHost) -> None:
    follower, manager = Follower(api), api.manager
    manager.loop.overruns += 1
    for _ in range(4):    # cycles that take all of their time
        manager.relief.took(manager.relief.interval)
    told = follower.wait_for("loop", interval_in_force_seconds=4 * manager.interval)
    version = api.get("/version")
    assert told["interval-seconds"] == version["interval-seconds"] == manager.interval
    assert told["interval-in-force-seconds"] == version["interval-in-force-seconds"]
    assert "the interval is four times as long" in told["cut"] and told["cut"] in version["work-cut"]
    assert told["reason"].startswith("a cycle took ")
    assert version["overruns"] >= 1
    manager.set_interval(manager.interval)
    told = follower.wait_for("loop", cut=None)
    assert told["interval-in-force-seconds"] == manager.interval


def test_what_came_of_an_adjustment_is_told_too(api: ApiHost) -> None:
    follower = Follower(api)
    api.group("Gold", policy(), servers=("web1",))
    api.post(f"{GROUPS}/default", {"perf-policies": [policy("all")], "active-policy": "all"})
    api.post("/mgmt-levels", {"cpu-mgmt": "on"})
    for _ in range(4):
        api.cycle()
    number = follower.wait_for("dynamic-resource-adjustment", outcome="applied")["object-id"]
    told = follower.wait_for("dynamic-resource-adjustment", object_id=number)
    assert any(server["pi-measured"] is not None for server in (*told["receivers"], *told["donors"]))
    listed = api.get("/dynamic-resource-adjustments")["dynamic-resource-adjustments"]
    assert {**told, "class": None} in [{**one, "class": None} for one in listed]


def test_who_asks_again_is_told_what_followed_and_only_what_it_wants(api: ApiHost) -> None:
    follower = Follower(api)
    start = follower.last
    api.group("A")
    api.group("B")
    follower.wait_for("workload-resource-group", name="B")
    assert [data.get("name") for _, _, data in since(api, start, "&kinds=workload-resource-group")] == ["A", "B"]
    assert since(api, follower.last) == []
    assert [kind for _, kind, _ in since(api, start, "&kinds=host,virtual-server")] == []
    assert [(kind, data["reason"]) for _, kind, data in since(api, "x-1", "&kinds=host")] == [("resync", "unknown-id")]
    passed = api.send("GET", "/events?wait=0&kinds=host", headers={"Last-Event-ID": start})
    assert f"id: {follower.last}\n\n" in passed.text    # so that it is not looked through again


def test_wrong_kinds_and_times_are_refused_with_what_would_be_right(api: ApiHost) -> None:
    for query, place in (("kinds=x", "kinds"), ("kinds=", "kinds"), ("kinds=host,", "kinds"), ("wait=61", "wait"),
                         ("wait=-1", "wait"), ("wait=x", "wait"), ("wait=1.5", "wait")):  # fmt: skip
        error = api.refused("GET", f"/events?{query}")
        assert (error["http-status"], error["reason"]) == (400, 7), query
        assert error["message"].startswith(f"{place}: ")
    assert "virtual-server-removed" in api.refused("GET", "/events?kinds=virtual-machine")["message"]


@pytest.mark.parametrize("base", BASES)
@pytest.mark.own_server("Wok has one base")
def test_uris_are_those_of_the_base(api: ApiHost, base: str) -> None:
    ((last, _, _),) = since(api)
    group = api.group("Gold")

    def told() -> list[str]:
        answer = api.send("GET", f"{base}/events?wait=0", headers={"Last-Event-ID": last})
        return [data["object-uri"] for _, _, data in parsed(answer.text) if data.get("object-id") == group]

    wait_until(lambda: told() == [f"{base}{GROUPS}/{group}"], PATIENCE, "the event")


def test_head_says_what_would_come(api: ApiHost) -> None:
    response = api.send("HEAD", "/events")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"].startswith("text/event-stream")
    wait_until(lambda: api.manager.events.places.taken == 0, PATIENCE, "all places are free")


class Stream:
    """An answer that goes on, read by a thread."""

    def __init__(
        self, api: ApiHost, query: str = "", headers: dict[str, str] | None = None, socket: Path | None = None
    ) -> None:
        self.text = ""
        self.ended: float | None = None
        self._stack = ExitStack()
        http = self._stack.enter_context(api.client(socket))
        self.response = self._stack.enter_context(http.stream("GET", f"{api.bases[0]}/events{query}", headers=headers))
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        for part in self.response.iter_text():
            self.text += part
        self.ended = time.monotonic()

    def wait_for(self, words: str) -> None:
        """Wait until that was told."""
        wait_until(lambda: words in self.text, PATIENCE, words, 0.01)

    def join(self, seconds: float = PATIENCE) -> None:
        """Wait for the end."""
        self._thread.join(seconds)
        assert self.ended is not None, "it goes on"
        self._stack.close()


def serving(api: ApiHost) -> ApiHost:
    """The same; in Wok, it is the manager of this test whose events are told."""
    api.get("/version")
    return api


def test_events_come_at_once_and_the_answer_ends_in_time(api: ApiHost) -> None:
    began = time.monotonic()
    stream = Stream(serving(api), "?wait=2")
    stream.wait_for("event: resync")
    assert stream.response.headers["content-type"].startswith("text/event-stream")
    for name in ("A", "B"):
        api.group(name)
        sent = time.monotonic()
        stream.wait_for(f'"name":"{name}"')
        assert time.monotonic() - sent < 1.0
    stream.join()
    assert stream.ended is not None and 1.9 < stream.ended - began < 4.0
    assert stream.text.startswith("retry: 1000\n\n")
    last = parsed(stream.text)[-1][0]
    again = Stream(api, "?wait=1", {"Last-Event-ID": last})
    again.join()
    assert parsed(again.text) == []
    wait_until(lambda: api.manager.events.places.taken == 0, PATIENCE, "all places are free")


# -- our own server

OWN = pytest.mark.own_server("Wok's server holds a thread for each; see tests/wok")


@contextmanager
def raw_readers(api: ApiHost, number: int, query: str = "") -> Iterator[list[Any]]:
    with ExitStack() as stack:
        readers = [stack.enter_context(api.connection(20)) for _ in range(number)]
        for reader in readers:
            reader.sendall(f"GET {BASE}/events{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        yield readers


def names_of_new_threads(before: set[threading.Thread]) -> set[str]:
    return {thread.name for thread in set(threading.enumerate()) - before}


def read_until(reader: Any, words: bytes) -> bytes:
    """What comes up to the piece that has these words in it or at its beginning."""
    parts = [b""]
    while words not in b"".join(parts[-2:]):
        parts.append(reader.recv(1 << 20))
        assert parts[-1], "it ended before that"
    return b"".join(parts)


def has_taken(api: ApiHost, number: int) -> Callable[[], bool]:
    return lambda: api.manager.events.places.taken == number


@OWN
def test_readers_hold_no_thread_and_ordinary_requests_go_on(api: ApiHost) -> None:
    """More readers than threads, and as many as one user may have."""
    with raw_readers(api, 48) as readers:
        wait_until(has_taken(api, 48), PATIENCE, "all have places")
        times = []
        for _ in range(50):
            began = time.monotonic()
            api.get("/version")
            times.append(time.monotonic() - began)
        assert sorted(times)[25] < 0.05
        api.group("Gold")
        for reader in readers:
            read_until(reader, b'"name":"Gold"')
    wait_until(has_taken(api, 0), PATIENCE, "who has gone has no place")


@OWN
def test_readers_without_a_place_are_told_what_there_is_and_ask_again(api: ApiHost) -> None:
    with raw_readers(api, 48) as readers:
        wait_until(has_taken(api, 48), PATIENCE, "all have places")
        answer = api.send("GET", "/events")
        assert answer.status_code == 200 and "content-length" in answer.headers
        assert answer.text.startswith("retry: 3000\n\n")
        ((last, kind, _),) = parsed(answer.text)
        assert kind == "resync"
        api.group("Gold")
        wait_until(lambda: len(since(api, last)) == 1, PATIENCE, "it is told the next time")
        readers[0].close()
        wait_until(has_taken(api, 47), PATIENCE, "a place is free")
        stream = Stream(api, "?wait=1")
        stream.wait_for("retry: 1000")
        stream.join()


@OWN
def test_a_reader_that_takes_nothing_is_given_up_and_holds_nobody_up(
    api: ApiHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "TAKING", 1.0)
    with raw_readers(api, 2) as (slow, _):
        wait_until(has_taken(api, 2), PATIENCE, "both have places")
        stream = Stream(api, "?wait=4")
        stream.wait_for("event: resync")
        for n in range(200):
            api.manager.events.publish("host", f"{n} " + "x" * 10_000)
            if n % 20 == 0:
                api.get("/version")
        stream.wait_for('"problem":"199 ')
        wait_until(has_taken(api, 1), PATIENCE, "who takes nothing has no place")
        assert [data["problem"].split()[0] for _, kind, data in parsed(stream.text) if kind == "host"] == [
            str(n) for n in range(200)
        ]  # fmt: skip
        slow.settimeout(5)
        assert not read_all(slow).endswith(b"0\r\n\r\n")    # it was broken off, and can be told from an end
        stream.join()


@OWN
def test_a_reader_that_is_slow_for_a_while_is_told_to_read_everything(api: ApiHost) -> None:
    with raw_readers(api, 1) as (slow,):
        wait_until(has_taken(api, 1), PATIENCE, "it has a place")
        for n in range(12_000):
            api.manager.events.publish("host", f"{n} " + "x" * 1000)
        data = read_until(slow, b"too-old")
        api.manager.events.publish("host", "news")
        data += read_until(slow, b"news")
        told = parsed(re.sub(r"\r\n[0-9a-f]+\r\n", "", data.decode()))
        assert [one["reason"] for _, kind, one in told if kind == "resync"] == ["begin", "too-old"]
        assert len(told) < 12_000


@OWN
def test_silence_is_broken_so_that_both_ends_notice(api: ApiHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "BEAT", 0.2)
    ((last, _, _),) = since(api)
    stream = Stream(api, "?wait=2&kinds=mgmt-levels", {"Last-Event-ID": last})
    wait_until(lambda: stream.text.count(": \n\n") >= 3, PATIENCE, "some beats")
    api.group("Gold")    # which it does not want
    wait_until(lambda: re.search(rf"^id: {api.manager.events.instance}-\d+\n\n", stream.text, re.MULTILINE) is not None,
               PATIENCE, "it is told how far all was told")  # fmt: skip
    stream.join()
    assert parsed(stream.text) == []


@OWN
def test_older_clients_get_it_to_the_end_of_the_connection(api: ApiHost) -> None:
    data = api.raw(f"GET {BASE}/events?wait=1 HTTP/1.0\r\nHost: x\r\n\r\n".encode(), end=False)
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in head
    assert body.startswith(b"retry: 1000\n\nid: ")


@OWN
def test_what_follows_a_stream_on_its_connection_is_not_answered(api: ApiHost) -> None:
    asked = f"GET {BASE}/events?wait=1 HTTP/1.1\r\nHost: x\r\n\r\nGET {BASE}/version HTTP/1.1\r\nHost: x\r\n\r\n"
    data = api.raw(asked.encode(), end=False)
    assert data.count(b"HTTP/1.1 200") == 1
    assert b"\r\nConnection: close\r\n" in data


@OWN
def test_a_stop_ends_all_answers_whole_and_at_once() -> None:
    before = set(threading.enumerate())
    with running() as host:
        with raw_readers(host, 10) as readers:
            wait_until(has_taken(host, 10), PATIENCE, "all have places")
            began = time.monotonic()
            host.server.stop()
            assert time.monotonic() - began < 4.0
            for reader in readers:
                assert read_all(reader).endswith(b"0\r\n\r\n")
        assert host.manager.events.places.taken == 0
        assert "hpm-events" not in names_of_new_threads(before)


@OWN
def test_the_manager_ends_what_its_readers_read() -> None:
    before = set(threading.enumerate())
    with running() as host:
        stream = Stream(host)
        stream.wait_for("event: resync")
        host.manager.stop()
        stream.join()
        assert "hpm-news" not in names_of_new_threads(before)
