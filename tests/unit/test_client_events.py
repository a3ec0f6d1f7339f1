"""The client's iterator over events, and `hpm events`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from hpm.cli.main import cli
from hpm.cli.session import Session
from hpm.client.connection import connect
from hpm.client.errors import ApiError, BadAnswer, ClientError
from hpm.client.sse import EventText, Message
from hpm.wire.events import EVENT_STREAM, GroupEvent, ResyncEvent
from tests.running import ManagerProcess

from .api_host import ApiHost
from .test_client_fake import BASE, Fake, Pieces, refuse

STREAM = {"Content-Type": EVENT_STREAM}


def text(number: int, kind: str = "host", **data: Any) -> bytes:
    body = {"class": kind, "time": "2026-02-03T13:05:10Z", "problem": None, **data}
    return f"id: i-{number}\nevent: {kind}\ndata: {json.dumps(body)}\n\n".encode()


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_stream_is_taken_apart_however_it_comes(size: int) -> None:
    stream = (
        b": hello\nretry: 250\n\nid: a-1\r\nevent: x\r\ndata: one\r\ndata: two\r\n\r\n"
        b"id: a-2\n\ndata:three\n\n: \n\nid: a-9\ndata: cut"
    )
    found = EventText(None, 1.0)
    messages = list(found.messages(stream[i : i + size] for i in range(0, len(stream), size)))
    assert messages == [
        Message("x", b"one\ntwo", "a-1"), Message("message", b"", "a-2"), Message("message", b"three", "a-2"),
    ]  # fmt: skip
    assert (found.last_id, found.retry) == ("a-2", 0.25)    # what was cut off is asked for again


class Answers:
    """A hpm that gives these answers to GET /events, one after another."""

    def __init__(self, *answers: Any) -> None:
        self.left = list(answers)
        self.asked: list[str | None] = []
        self.slept: list[float] = []
        self.lost: list[str] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["accept"] == "text/event-stream"
        self.asked.append(request.headers.get("last-event-id"))
        answer = self.left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        if isinstance(answer, int):
            return refuse(request, answer, "no")
        return httpx.Response(200, content=answer, headers=STREAM)

    def ids(self, last_id: str | None = None) -> Iterator[str | None]:
        with connect(transport=httpx.MockTransport(self.handle)) as client:
            def lost(error: ClientError) -> None:
                self.lost.append(error.message)

            for received in client.events(last_id, lost=lost, pause=self.slept.append):
                yield received.id


def broken(*parts: bytes) -> Iterator[bytes]:
    yield from parts
    raise httpx.ReadError("broken off")


def test_it_goes_on_after_answers_that_end_or_break_off() -> None:
    hpm = Answers(
        b"retry: 50\n\n" + text(1) + text(2), broken(text(3), text(4)[:20]), text(4) + b"id: i-9\n\n", text(10), 401
    )
    with pytest.raises(ApiError):
        for number, name in enumerate(hpm.ids(), 1):
            assert name == f"i-{number if number < 5 else 10}"
    assert hpm.asked == [None, "i-2", "i-3", "i-9", "i-10"]
    assert hpm.slept == [0.05] * 4
    assert hpm.lost == []


def test_a_hpm_that_is_gone_for_a_while_is_told_once() -> None:
    hpm = Answers(text(1), httpx.ConnectError("refused"), 503, httpx.ReadTimeout("late"), text(2), 403)
    with pytest.raises(ApiError):
        assert list(hpm.ids("i-0")) == ["i-1", "i-2"]
    assert hpm.asked == ["i-0", "i-1", "i-1", "i-1", "i-1", "i-2"]
    assert len(hpm.lost) == 1
    assert hpm.slept == [1.0, 1.0, 2.0, 4.0, 1.0]


def test_a_proxy_that_waits_for_hpm_and_a_refusal_that_breaks_off_are_no_end() -> None:
    hpm = Answers(text(1), httpx.Response(502, text="<html>"), httpx.Response(503, content=broken(b"{")), text(2), 403)
    with pytest.raises(ApiError):
        assert list(hpm.ids("i-0")) == ["i-1", "i-2"]
    assert len(hpm.lost) == 1 and not hpm.left


@pytest.mark.parametrize("answer", [
    httpx.Response(200, html="<p>Log in"), httpx.Response(404, html="<p>Nothing"),
    httpx.Response(200, stream=Pieces(b"id: 1\n\n"), headers={**STREAM, "Content-Encoding": "gzip"}),
])  # fmt: skip
def test_what_is_no_stream_of_events_is_the_end(answer: httpx.Response) -> None:
    hpm = Answers(text(1), answer, text(2))
    with pytest.raises(BadAnswer):
        list(hpm.ids())
    assert len(hpm.left) == 1


@pytest.mark.parametrize("line", [b"data: x\n", b"event: x\n", b": x\n"])
def test_an_event_without_an_end_is_not_kept(monkeypatch: pytest.MonkeyPatch, line: bytes) -> None:
    monkeypatch.setattr("hpm.client.sse.MAX_EVENT", 1000)
    whole = 100 * line + b"\n"
    assert len(list(EventText(None, 1.0).messages([whole] * 20))) == (20 if line.startswith(b"data") else 0)
    with pytest.raises(BadAnswer, match="does not end"):
        list(EventText(None, 1.0).messages([line] * 1000))


def test_what_a_newer_hpm_tells_is_passed_over() -> None:
    hpm = Answers(text(1, "novelty") + text(2, "host", novelty=1) + b"data: nothing\n\n", 404)
    with pytest.raises(ApiError):
        assert list(hpm.ids()) == ["i-2"]


@pytest.mark.own_server("the client has no login to Wok")
def test_events_of_a_running_hpm(api: ApiHost) -> None:
    with connect(api.socket) as client:
        stream = iter(client.events())
        first = next(stream)
        assert isinstance(first.data, ResyncEvent) and first.data.reason == "begin"
        api.group("Gold")
        named = next(r for r in stream if isinstance(r.data, GroupEvent) and r.data.name == "Gold")
        api.group("Silver")
        assert any(json.loads(r.text).get("name") == "Silver" for r in stream)
        stream.close()    # type: ignore[attr-defined]
        since = client.events_since(named.id, ["workload-resource-group"])
        assert [r.data.name for r in since if isinstance(r.data, GroupEvent)] == ["Silver"]
        assert [r.kind for r in client.events_since()] == ["resync"]


def told(fake: Fake, *parts: bytes) -> list[str]:
    """The lines that `hpm events` prints until hpm says no."""
    fake.answers["GET", "/events"] = httpx.Response(200, content=b"retry: 0\n\n" + b"".join(parts), headers=STREAM)
    runner = CliRunner(env={"TZ": "UTC"})
    answers = iter([fake.answers["GET", "/events"]])
    handle = fake.handle

    def once(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/events"):
            return handle(request)
        return next(answers, None) or refuse(request, 401, "your session is over")

    result = runner.invoke(cli, ["events"], obj=Session(transport=httpx.MockTransport(once)))
    assert (result.exit_code, result.stderr) == (1, "error: your session is over\n")
    return [line.partition("  ")[2] for line in result.stdout.splitlines()]


def test_events_in_words() -> None:
    fake = Fake()
    group = next(uri for uri in fake.groups if uri != "default")
    server = {
        "object-id": "x", "object-uri": "", "name": "db1", "status": "running", "goal-status": "missed",
        "workload-resource-group": f"{BASE}/workload-resource-groups/{group}", "service-class": "db",
        "performance-index": 1.42,
    }  # fmt: skip
    wrg = {"object-id": group, "object-uri": "", "name": "Gold", "active-policy": "night"}
    lines = told(
        fake, text(1, "resync", reason="begin"), text(2, "virtual-server", **server, changed=["goal-status"]),
        text(3, "virtual-server", **server, changed=["workload-resource-group", "service-class"]),
        text(4, "virtual-server", **server, changed=["new"]),
        text(5, "workload-resource-group", **wrg, changed=["active-policy"]),
        text(6, "virtual-server-removed", **{"object-id": "x", "object-uri": "", "name": "db1\x1b[2J"}),
        text(7, "mgmt-levels", **{"cpu-mgmt": "on", "memory-mgmt": "off"}), text(8, "host", problem="libvirt is gone"),
        text(9), text(10, "resync", reason="too-old"),
    )  # fmt: skip
    assert lines == [
        "db1 misses its goal (PI 1.42)", "db1 is in the group Gold, is in the class db", "db1 is new (running)",
        "the group Gold changed: the active policy (active policy night)",
        "the server db1\N{REPLACEMENT CHARACTER}[2J is gone",
        "CPU management is on, memory management is off", "a problem of the host: libvirt is gone",
        "the host is well again", "events are missing: some events are not kept any more; look anew at what matters",
    ]  # fmt: skip


def test_it_outlasts_a_restart_and_ends_with_control_c(tmp_path: Path) -> None:
    with ManagerProcess(tmp_path, "simulated", 1.0) as manager:
        follow = subprocess.Popen(
            ["env", "--default-signal=INT", sys.executable, "-m", "hpm.cli.main", "--socket", str(manager.socket),
             "events", "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        with follow:
            assert follow.stdout is not None
            assert json.loads(follow.stdout.readline())["data"]["reason"] == "begin"
            manager.hpm("wrg-create", "Gold")
            first = json.loads(follow.stdout.readline())
            assert (first["event"], first["data"]["name"]) == ("workload-resource-group", "Gold")
            manager.kill()
            manager.start()
            deadline = time.monotonic() + 30
            again = json.loads(follow.stdout.readline())
            assert time.monotonic() < deadline
            assert again["data"]["reason"] == "unknown-id"
            assert again["id"].partition("-")[0] != first["id"].partition("-")[0]
            follow.send_signal(2)
            assert follow.wait(10) == 130
