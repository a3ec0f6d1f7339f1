"""There is no thread to be had for a while: what begins one goes on as soon as there is."""

from __future__ import annotations

import threading
from datetime import datetime, timezone
from pathlib import Path

import pytest

from hpm.backend.calls import MAX_STUCK, Calls
from hpm.backend.simulated import uuid_of
from hpm.errors import HypervisorUnreachable, StoreError
from hpm.manager.activity import ActivityLog
from hpm.manager.starting.workers import Workers
from hpm.manager.tokens import Tokens
from hpm.store.activity import ActivityFilter
from hpm.store.catalog_store import load_setting, save_setting
from hpm.store.database import Database

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
    with pytest.raises(StoreError, match="can't start new thread"):
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
