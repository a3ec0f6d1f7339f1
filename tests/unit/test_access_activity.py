"""The activity log: everything that was written or tried, by whom, and nothing that is secret or forged."""

from __future__ import annotations

import logging
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from hpm.backend.simulated import uuid_of
from hpm.control.routes import routes
from hpm.host.access.syslog import tell_syslog
from hpm.manager import activity
from hpm.manager.activity import ActivityLog, line, quoted
from hpm.store import activity as kept
from hpm.store.activity import ActivityFilter, ActivityRecord
from hpm.store.database import Database

from .access_host import HERE, ORIGIN, PASSWORDS, AccessHost, accessible, basic, bearer
from .api_host import GROUPS, SERVERS, policy, whole_error

DB1 = uuid_of("db1")


@pytest.fixture(scope="module")
def running() -> Iterator[AccessHost]:
    with accessible() as started:
        yield started


@pytest.fixture
def host(running: AccessHost) -> AccessHost:
    running.reset()
    with running.database.transaction() as connection:
        connection.execute("DELETE FROM activity")
    return running


def told(entry: dict[str, Any]) -> tuple[Any, ...]:
    return entry["user"], entry["summary"], entry["outcome"], entry["http-status"]


def test_what_was_written_is_told_in_names_that_people_know(host: AccessHost) -> None:
    ann = host.log_in()
    group = host.ask("POST", GROUPS, {"name": "Gold", "perf-policies": [policy()]}, cookie=ann, headers=ORIGIN).json()
    one = f"{GROUPS}/{group['object-id']}"
    for path, body in (
        (f"{one}/actions", {"action": "add-virtual-servers", "virtual-servers": [DB1, uuid_of("db2")]}),
        (f"{one}/actions", {"action": "activate-policy", "policy": "weekday"}),
        (one, {"otherwise": None, "schedule": [
            {"policy": "weekday", "days": ["mon", "tue"], "from": "08:00", "to": "18:00"}]}),
        (one, {"schedule": []}),
        (f"{SERVERS}/{DB1}", {"cpu-cap": 1.5, "excluded": True}),
        (f"{SERVERS}/{DB1}", {"temporary-goal": {"velocity": "fastest", "until": "2999-01-01T00:00:00Z"}}),
        ("/mgmt-levels", {"cpu-mgmt": "advise"}),
        (f"{one}/import?dry-run=true", policy("tried")),    # which is no write
        (f"{one}/import", policy()),
    ):
        assert host.ask("POST", path, body, cookie=ann, headers=ORIGIN).status_code == 200
    host.ask("DELETE", one, cookie=ann, headers=ORIGIN)
    host.ask("POST", "/logout", cookie=ann, headers=ORIGIN)
    found = host.entries()
    assert [told(entry)[:2] for entry in reversed(found)] == [
        ("ann", "Log in"),
        ("ann", "Create a group: Gold"),
        ("ann", "Add or remove servers, activate a policy: Gold: add-virtual-servers db1, db2"),
        ("ann", "Add or remove servers, activate a policy: Gold: activate-policy weekday"),
        ("ann", "Change a group, or several (ids with commas): Gold: "
                "otherwise null schedule weekday mon/tue 08:00-18:00"),
        ("ann", "Change a group, or several (ids with commas): Gold: schedule none"),
        ("ann", "Change what is said of a virtual server: db1: excluded true cpu-cap 1.5"),
        ("ann", "Change what is said of a virtual server: db1: temporary-goal "
                "velocity fastest until 2999-01-01T00:00:00Z"),
        ("ann", "Set the management levels: cpu-mgmt advise"),
        ("ann", "Import a policy into a group, or the group itself: Gold"),
        ("ann", "Delete a group: Gold"),
        ("ann", "Log out"),
    ]
    assert {entry["outcome"] for entry in found} == {"done"}
    assert found[2]["request-uri"].endswith("/import")
    entry = found[-2]
    assert (entry["means"], entry["role"], entry["address"]) == ("session", "admin", HERE)
    assert (entry["request-method"], entry["request-uri"]) == ("POST", "/zhpm/wsapi/v1" + GROUPS)
    assert entry["time"].endswith("Z")
    assert host.send("POST", GROUPS, {"name": "Local"}).status_code == 201
    assert (host.entries()[0]["means"], host.entries()[0]["address"]) == ("socket", None)


def test_role_user_against_every_write(host: AccessHost) -> None:
    """Refused with 403 and noted, by session, password and token; but for logging in and out, and own tokens."""
    token = host.token("bob")["secret"]
    ways: list[dict[str, Any]] = [
        {"cookie": host.log_in("bob"), "headers": ORIGIN}, {"headers": basic("bob", PASSWORDS["bob"])},
        {"headers": bearer(token)},
    ]  # fmt: skip
    before = host.state()
    own = set()
    for route in routes(host.manager):
        if not route.writes:
            continue
        if route.role != "admin":
            own.add((route.method, route.path))
            continue
        path = route.path.replace("{id}", "default").replace("{name}", "x").replace("{n}", "1")
        for way in ways:
            for body in (None, {"name": "x"}):
                error = whole_error(host.ask(route.method, path, body, **way), route.method)
                assert (error["http-status"], error["reason"]) == (403, 1), route
                newest = host.entries("?limit=1")[0]
                assert (newest["user"], newest["role"], newest["address"]) == ("bob", "user", HERE)
                assert (newest["outcome"], newest["http-status"], newest["reason"]) == ("refused", 403, 1)
                assert (newest["request-method"], newest["request-uri"]) == (route.method, "/zhpm/wsapi/v1" + path)
                assert newest["summary"].startswith(route.deed)
                assert "hpmadm" in newest["message"] or "the role admin" in newest["message"]
    assert host.state() == before
    assert own == {("POST", "/login"), ("POST", "/logout"), ("POST", "/tokens"), ("DELETE", "/tokens/{id}")}


def test_refused_writes_of_every_kind_are_noted_and_reads_are_not(host: AccessHost) -> None:
    ann = {"headers": basic("ann", PASSWORDS["ann"])}
    stale = {"headers": {**ann["headers"], "If-Match": '"x"'}}
    requests: list[tuple[int, str, str, Any, Any]] = [
        (400, "POST", GROUPS, {"bad": 1}, ann),
        (401, "POST", GROUPS, {"name": "x"}, {}),
        (401, "POST", GROUPS, {"name": "x"}, {"cookie": "A" * 43}),
        (404, "DELETE", f"{GROUPS}/nothing", None, ann),
        (404, "POST", "/nothing", None, ann),
        (405, "DELETE", "/version", None, ann),
        (406, "POST", GROUPS, {"name": "x"}, {"headers": {**ann["headers"], "Accept": "text/html"}}),
        (409, "DELETE", f"{GROUPS}/default", None, ann),
        (412, "POST", f"{GROUPS}/default", {"description": "x"}, stale),
        (415, "POST", GROUPS, {"name": "x"}, {"headers": {**ann["headers"], "Content-Type": "text/plain"}}),
    ]
    for status, method, path, body, more in requests:
        assert host.ask(method, path, body, **more).status_code == status
    assert host.ask("GET", GROUPS).status_code == 401
    assert host.ask("GET", GROUPS, **ann).status_code == 200
    found = list(reversed(host.entries()))
    assert [entry["http-status"] for entry in found] == [request[0] for request in requests]
    assert {entry["outcome"] for entry in found} == {"refused"}
    assert all(entry["message"] for entry in found)


def test_a_fault_is_noted_as_one(host: AccessHost, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("oops")

    monkeypatch.setattr(host.manager, "set_level", fails)
    assert host.send("POST", "/mgmt-levels", {"cpu-mgmt": "on"}).status_code == 500
    assert told(host.entries()[0])[2:] == ("failed", 500)


def test_who_is_claimed_is_told_if_there_is_such_a_user(host: AccessHost) -> None:
    """A password that was typed where the name belongs must not be read here."""
    host.try_login("root", "x")
    host.try_login("root's own", "x")
    host.ask("GET", GROUPS, headers=basic("root", "x"))
    read, unknown, known = host.entries()
    for entry, user in ((read, "root"), (unknown, None), (known, "root")):
        assert (entry["user"], entry["role"], entry["means"], entry["address"]) == (user, None, "nobody", HERE)
    assert read["request-method"] == "GET"    # a wrong password is noted whatever it was for


def test_nothing_secret_is_noted(host: AccessHost, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "hpm")
    secret = host.log_in()
    token = host.token("ann", role="admin")
    host.try_login("ann", "a wrong one")
    host.ask("POST", "/login", {"user": "ann's own", "password": "ann's own", "extra": 1})
    host.ask("DELETE", f"/tokens/{token['secret']}", cookie=secret, headers=ORIGIN)
    host.ask("POST", f"{GROUPS}?token={token['secret']}", {"name": token["secret"]}, cookie=secret, headers=ORIGIN)
    host.ask("POST", GROUPS, {"name": token["secret"]}, headers=bearer(token["secret"]))
    host.ask("POST", GROUPS, {"name": "x"}, headers=basic("ann", "another wrong one"))
    text = host.send("GET", "/activity-log?limit=1000").text
    text += "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("hpm"))
    assert "hpm_…" in text
    for word in ("ann's own", "wrong one", secret, token["secret"], "Basic", "Bearer"):
        assert word not in text, word


FORGED = 'x" outcome="done\n2026-02-03 INFO hpm user="root" did="all"\r\x1b[2J\u2028\u202e\u0085\\'


def test_a_line_cannot_be_forged() -> None:
    record = ActivityRecord(
        1, "t", FORGED, None, "nobody", FORGED, FORGED, FORGED, FORGED, "refused", 404, 1, FORGED
    )  # fmt: skip
    text = line(record)
    assert len(text.splitlines()) == 1
    assert all(c.isprintable() for c in text)
    assert text.count(' outcome="') == 1
    assert quoted("a\"b\\c\nd") == '"a\\"b\\\\c\\nd"'


def test_a_request_cannot_forge_a_line(host: AccessHost, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hpm.activity")
    forged = "/nothing%0A2026-02-03%20INFO%20user=%22root%22%1B%5B2J"
    for path in (forged, f"{GROUPS}/{forged}", f"{SERVERS}/x%0Ay"):
        host.ask("POST", path, headers=basic("ann", PASSWORDS["ann"]))
    host.ask("POST", GROUPS, {"name": "a\nb\x1b"}, headers=basic("ann", PASSWORDS["ann"]))
    host.manager.activity.flush()
    lines = [record.getMessage() for record in caplog.records if record.name == "hpm.activity"]
    assert len(lines) == 4
    for text in lines:
        assert text.isprintable() and text.startswith(("user=", "by="))


# -- reading it


def test_it_is_read_by_time_user_and_outcome_in_pages(host: AccessHost) -> None:
    for number in range(5):
        host.send("POST", GROUPS, {"name": f"Group {number}"})
        host.ask("POST", GROUPS, {"name": "x"}, headers=basic("bob", PASSWORDS["bob"]))
    everything = host.entries()
    assert len(everything) == 10
    assert [entry["object-id"] for entry in everything] == sorted((e["object-id"] for e in everything), reverse=True)
    assert host.entries("?user=bob") == [e for e in everything if e["user"] == "bob"]
    assert host.entries("?outcome=done") == [e for e in everything if e["outcome"] == "done"]
    assert host.entries("?user=bob&outcome=done") == []
    middle = everything[4]["time"]
    assert host.entries(f"?from={middle}") == [e for e in everything if e["time"] >= middle]
    assert host.entries(f"?to={middle}") == [e for e in everything if e["time"] <= middle]
    pages, path = [], "/activity-log?limit=3&outcome=refused"
    while path:
        page = host.get(path)
        pages.append(page["activity-log"])
        path = page["next"]
    assert [len(page) for page in pages] == [3, 2]
    assert [entry for page in pages for entry in page] == [e for e in everything if e["outcome"] == "refused"]
    for query in ("?from=yesterday", "?outcome=lost", "?limit=0", "?limit=1001", "?before=x", "?who=ann"):
        assert host.send("GET", f"/activity-log{query}").status_code == 400
    assert host.ask("GET", "/activity-log", headers=basic("bob", PASSWORDS["bob"])).status_code == 200
    assert host.ask("GET", "/activity-log").status_code == 401


# -- keeping it


NOW = datetime(2026, 2, 3, tzinfo=timezone.utc)


def record(
    user: str | None = "ann", role: Any = "admin", text: str = "x", when: str = "2026-02-03T00:00:00.000Z"
) -> ActivityRecord:
    return ActivityRecord(0, when, user, role, "socket", None, "POST", "/", text, "done", 200, 0, None)


def test_it_is_bounded_and_nobody_writes_over_what_others_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEPT", 100)
    database = Database(tmp_path / "hpm.db")
    log = ActivityLog(database, lambda: NOW)
    log.add(record(text="what an administrator did"))
    log.add(record("bob", "user", "what a user did"))
    for number in range(1000):
        log.add(record(None, None, f"attempt {number}"))
        if number % 100 == 99:
            log.flush()
    for number in range(300):
        log.add(record("bob", "user", f"refused {number}"))
    found = log.find(ActivityFilter(limit=10_000))
    texts = [entry.summary for entry in found]
    assert "what an administrator did" in texts
    assert [t for t in texts if t.startswith("attempt")] == [f"attempt {n}" for n in range(999, 899, -1)]
    of_users = [t for t in texts if t.startswith(("refused", "what a user"))]
    assert of_users == [f"refused {n}" for n in range(299, 199, -1)]
    database.close()


def test_what_is_old_goes(tmp_path: Path) -> None:
    now = NOW
    database = Database(tmp_path / "hpm.db")
    log = ActivityLog(database, lambda: now)
    log.add(record(text="old", when=log.time()))
    log.flush()
    now += activity.AGE - timedelta(seconds=1)
    log.add(record(text="new", when=log.time()))
    assert [e.summary for e in log.find(ActivityFilter())] == ["new", "old"]
    now += activity.DOUBT + timedelta(seconds=2)    # nothing was told for months: the clock might be wrong
    log.add(record(text="newest", when=log.time()))
    assert [e.summary for e in log.find(ActivityFilter())] == ["newest", "new"]
    database.close()


def test_it_survives_a_restart(tmp_path: Path) -> None:
    database = Database(tmp_path / "hpm.db")
    threads = set(threading.enumerate())
    log = ActivityLog(database, lambda: NOW)
    log.add(record(text="before"))
    assert [t.name for t in set(threading.enumerate()) - threads] == ["hpm-activity"]
    log.close()
    database.close()
    assert not set(threading.enumerate()) - threads    # in Wok, hpm may be stopped and started many times
    again = Database(tmp_path / "hpm.db")
    assert [e.summary for e in ActivityLog(again, lambda: NOW).find(ActivityFilter())] == ["before"]
    again.close()


def test_a_full_disk_neither_fails_nor_slows_a_request_and_is_told(
    host: AccessHost, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    def full(*_: object) -> None:
        raise activity.StoreError("the store cannot be written: database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(activity, "add_activity", full)
        for number in range(3):
            assert host.send("POST", GROUPS, {"name": f"G{number}"}).status_code == 201
        assert host.entries() == []
    assert caplog.text.count("the activity log cannot be kept") == 1    # not once for each
    assert caplog.text.count('did="Create a group: G') == 3    # and the journal has them
    host.send("POST", GROUPS, {"name": "G4"})
    newest, gap = host.entries()
    assert newest["summary"] == "Create a group: G4"
    assert gap["summary"].startswith("3 entries before this one could not be kept")


@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_is_far_ahead_for_a_while_drops_nothing(tmp_path: Path, restarted: bool) -> None:
    database, now = Database(tmp_path / "hpm.db"), [NOW]
    log = ActivityLog(database, lambda: now[0])

    def noted(text: str, at: datetime) -> set[str]:
        now[0] = at
        log.add(log.own(text))
        return {one.summary for one in log.find(ActivityFilter())}

    noted("before", NOW)
    if restarted:
        log.close()
        log = ActivityLog(database, lambda: now[0])
    ahead = NOW + timedelta(days=365)
    assert noted("ahead", ahead) == {"before", "ahead"}
    assert noted("set right", NOW + timedelta(minutes=1)) == {"before", "ahead", "set right"}
    noted("ahead again", ahead)
    assert "before" not in noted("for good", ahead + activity.DOUBT)
    log.close()
    database.close()


def test_a_slow_disk_does_not_slow_a_request(host: AccessHost, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck, go_on = threading.Event(), threading.Event()
    write = activity.add_activity

    def slow(*arguments: Any) -> None:
        stuck.set()
        go_on.wait(30)
        write(*arguments)

    monkeypatch.setattr(activity, "add_activity", slow)
    monkeypatch.setattr(host.manager.activity._queue, "maxsize", 50)
    host.send("POST", "/mgmt-levels", {})
    assert stuck.wait(10)
    began = time.monotonic()
    for _ in range(100):
        assert host.send("POST", "/mgmt-levels", {}).status_code == 200
    assert time.monotonic() - began < 20
    go_on.set()
    found = host.entries("?limit=1000")
    lost = 101 - sum(entry["request-uri"] != "" for entry in found)
    assert lost == 50
    host.send("POST", "/mgmt-levels", {})
    assert any(entry["summary"].startswith(f"{lost} entries before") for entry in host.entries("?limit=1000"))


def test_a_store_of_before_is_brought_up_to_date(tmp_path: Path) -> None:
    from hpm.store.database import STEPS

    raw = sqlite3.connect(tmp_path / "hpm.db")
    raw.executescript(STEPS[0] + ";PRAGMA user_version=1;")
    raw.close()
    database = Database(tmp_path / "hpm.db")
    log = ActivityLog(database, lambda: NOW)
    log.add(record())
    assert len(log.find(ActivityFilter())) == 1
    database.close()


def test_syslog_gets_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    assert tell_syslog(tmp_path / "nothing") is None
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(str(tmp_path / "log"))
        syslog.settimeout(5)
        handler = tell_syslog(tmp_path / "log")
        assert handler is not None
        database = Database(tmp_path / "hpm.db")
        try:
            ActivityLog(database, lambda: NOW).add(record(text="Create a group: Gold"))
            text = syslog.recv(10_000).decode()
            assert text.startswith("<86>hpm[") and 'did="Create a group: Gold"' in text
        finally:
            activity.journal.removeHandler(handler)
            handler.close()
            database.close()
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")    # systemd has our standard error
    assert tell_syslog(tmp_path / "log") is None
