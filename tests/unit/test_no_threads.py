"""There is no thread, or no file, to be had for a while: what begins one later goes on as soon as there is."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from hpm.backend.calls import MAX_STUCK, Calls
from hpm.backend.simulated import uuid_of
from hpm.errors import HypervisorUnreachable
from hpm.host.connections import Server
from hpm.host.mom_rpc import THREADS, MomRpc
from hpm.host.streams import Streams
from hpm.manager.activity import ActivityLog
from hpm.manager.starting.workers import Workers
from hpm.manager.tokens import Tokens
from hpm.store.activity import ActivityFilter
from hpm.store.catalog_store import load_setting, save_setting
from hpm.store.database import Database
from tests.lab.errors import wait_until

from .api_host import ApiHost
from .start_house import StartHouse, off

LONG = 10.0


class Room:
    """Whether the system has a thread for who asks for one of that name (empty: of any)."""

    lacks: str | None = None


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Room:
    there, start = Room(), threading.Thread.start

    def asked(self: threading.Thread) -> None:
        if there.lacks is not None and there.lacks in self.name:
            raise RuntimeError("can't start new thread")    # what Python says of ENOMEM and EAGAIN alike
        start(self)

    monkeypatch.setattr(threading.Thread, "start", asked)
    return there


def now() -> datetime:
    return datetime.now(timezone.utc)


def test_calls_are_refused_and_made_again(room: Room) -> None:
    calls = Calls("asking")
    for _ in range(MAX_STUCK + 1):    # none of them counts as one that hangs
        room.lacks = "asking"
        with pytest.raises(HypervisorUnreachable, match="counting: can't start new thread"):
            calls.run(lambda: 1, "counting", LONG)
        room.lacks = None
        assert calls.run(lambda: 42, "counting", LONG) == 42
        calls.close()


def test_hands_that_could_not_begin_are_free_again(room: Room) -> None:
    workers, done = Workers("hand", 2), threading.Event()
    workers.threaded, room.lacks = True, "hand"
    assert [workers.run(done.set) for _ in range(3)] == [False] * 3
    room.lacks = None
    assert workers.run(done.set) and done.wait(LONG)


def test_a_server_is_started_when_there_is_a_thread_for_it(tmp_path: Path, room: Room) -> None:
    house = StartHouse(tmp_path, off("a"))
    house.manager.starting._deeds.workers.threaded, room.lacks = True, "hpm-start"
    house.begin("a")
    house.wait(2)
    assert house.running() == set() and house.manager.starting.jobs()[0].state == "running"
    house.manager.starting._deeds.workers.threaded, room.lacks = False, None
    house.wait(3)
    assert house.started() == ["a"] and uuid_of("a") not in house.manager.starting._deeds.busy


def test_the_store_is_written_when_there_is_a_thread_for_it(tmp_path: Path, room: Room) -> None:
    database = Database(tmp_path / "hpm.db")
    room.lacks = "hpm-store"
    with pytest.raises(RuntimeError):
        save_setting(database, "name", "refused")
    room.lacks = None
    assert load_setting(database, "name") is None
    save_setting(database, "name", "kept")
    assert load_setting(database, "name") == "kept"
    database.close()


def test_a_request_is_not_failed_by_the_activity_log_or_the_use_of_a_token(tmp_path: Path, room: Room) -> None:
    database = Database(tmp_path / "hpm.db")
    log, tokens = ActivityLog(database, now), Tokens(database, now)
    _, secret = tokens.create("cron", "ann", "viewer", None)
    room.lacks = "hpm-"
    assert tokens.find(secret) is not None
    log.add(log.own("first"))
    room.lacks = None
    log.add(log.own("second"))
    assert {one.summary for one in log.find(ActivityFilter())} == {"first", "second"}
    log.close()
    database.close()


class _Told:
    """A feed that has told all, and the connection that it goes to."""

    def __init__(self, ours: socket.socket) -> None:
        self.socket, self.seconds, self.over, self.ended = ours, LONG, True, False

    def begin(self) -> bytes:
        return b"told"

    def take(self) -> list[bytes]:
        return []

    def beat(self) -> bytes:
        return b""

    def end(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def streams() -> Iterator[Streams]:
    made = Streams()
    yield made
    made.stop()


def heard(streams: Streams) -> tuple[bytes, bool]:
    """What a reader of events is told until its connection ends, and whether that gave its place back."""
    ours, theirs = socket.socketpair()
    told = _Told(ours)
    streams.add(told, told, chunked=False)
    found = b""
    with theirs:
        theirs.settimeout(LONG)
        while piece := theirs.recv(100):
            found += piece
    return found, told.ended


@pytest.mark.parametrize("lacks", ["thread", "eventfd", "epoll"])
def test_events_are_told_again_when_there_is_a_thread_and_files_for_it(
    room: Room, streams: Streams, monkeypatch: pytest.MonkeyPatch, lacks: str
) -> None:
    def none(*_: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as bare:
        room.lacks = "hpm-events" if lacks == "thread" else None
        if lacks == "eventfd":
            bare.setattr(os, "eventfd", none)
        elif lacks == "epoll":
            bare.setattr(selectors.DefaultSelector, "_selector_cls", none)
        assert heard(streams) == (b"", True)
    room.lacks = None
    assert heard(streams) == (b"told", True)


class Files:
    """Whether there is a file left for a connection, and how often that was asked."""

    lacks = False
    asked = 0


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Files:
    there, accept = Files(), socket.socket.accept

    def asked(self: socket.socket) -> tuple[socket.socket, object]:
        there.asked += 1
        if there.lacks:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return accept(self)

    monkeypatch.setattr(socket.socket, "accept", asked)
    return there


def test_who_waits_for_a_file_is_answered_later_and_the_log_is_not_filled_meanwhile(
    tmp_path: Path, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    def hello(_: object, start: Callable[..., object]) -> list[bytes]:
        start("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    server = Server(str(tmp_path / "s"), hello)
    server.prepare()
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        files.lacks = True
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(LONG)
            client.connect(str(tmp_path / "s"))
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_until(lambda: files.asked > 3, LONG, "it was tried some times")
            time.sleep(0.3)
            assert files.asked < 20 and len([one for one in caplog.records if one.levelname == "ERROR"]) == 1
            files.lacks = False
            assert client.recv(100).startswith(b"HTTP/1.1 200 OK")
    finally:
        server.stop()
        thread.join()


def test_programs_that_talk_to_mom_are_answered_when_there_is_a_file_again(
    api: ApiHost, tmp_path: Path, files: Files
) -> None:
    server = MomRpc(api.manager, tmp_path / "mom")
    files.lacks = True
    server.start()
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(LONG)
            client.connect(str(tmp_path / "mom"))
            wait_until(lambda: files.asked >= 2 * THREADS, LONG, "each thread has tried it")
            files.lacks = False
            client.sendall(b"POST /nothing HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.")
    finally:
        server.stop()
