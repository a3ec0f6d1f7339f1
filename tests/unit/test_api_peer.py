"""Who may do what on the socket: as the kernel says who asks."""

from __future__ import annotations

import grp
import json
import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from hpm.control.caller import Caller, NotAuthenticated, Role
from hpm.host import connections, peer
from hpm.host.peer import caller_of

from .api_host import BASE, GROUPS, ApiHost, running, whole_error

pytestmark = pytest.mark.own_server("it is about who connects to hpm's own socket; in Wok a login says who asks")

#: Groups by id, and the users' supplementary groups.
GROUP_NAMES = {100: "users", 200: "hpmuser", 201: "hpmadm", 202: "nothpmadm"}
MEMBERS = {"reader": [100, 200], "admin": [100, 201], "both": [200, 201], "other": [100, 202], "vanished": [100, 999]}
UIDS = {1000 + number: name for number, name in enumerate(MEMBERS)}


@pytest.fixture
def users(monkeypatch: pytest.MonkeyPatch) -> None:
    def user(uid: int) -> SimpleNamespace:
        return SimpleNamespace(pw_name="root" if uid == 0 else UIDS[uid])

    monkeypatch.setattr(pwd, "getpwuid", user)
    monkeypatch.setattr(grp, "getgrgid", lambda gid: SimpleNamespace(gr_name=GROUP_NAMES[gid]))
    monkeypatch.setattr(os, "getgrouplist", lambda name, gid: [gid, *MEMBERS.get(name, [])])
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.mark.parametrize(("name", "role"), [
    ("reader", "user"), ("admin", "admin"), ("both", "admin"), ("other", None), ("vanished", None),
])  # fmt: skip
def test_the_groups_of_a_user_give_the_role(users: None, name: str, role: Role | None) -> None:
    uid = next(uid for uid, known in UIDS.items() if known == name)
    assert caller_of(uid, 100) == Caller(name, role, uid=uid)


def test_the_group_of_the_process_counts_too(users: None) -> None:
    assert caller_of(1003, 201) == Caller("other", "admin", uid=1003)    # newgrp, or a service's Group=
    assert caller_of(1003, 200) == Caller("other", "user", uid=1003)


def test_a_user_whom_nobody_knows_has_only_its_own_group(users: None) -> None:
    assert caller_of(4711, 100) == Caller("uid 4711", None, uid=4711)
    assert caller_of(4711, 200) == Caller("uid 4711", "user", uid=4711)


def test_a_directory_that_fails_gives_no_role_that_is_not_there(users: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str, gid: int) -> list[int]:
        raise OSError("no answer")

    monkeypatch.setattr(os, "getgrouplist", fails)
    assert caller_of(1001, 100).role is None
    assert caller_of(1001, 201).role == "admin"


def test_root_and_the_managers_own_user_may_write(users: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert caller_of(0, 0) == Caller("root", "admin", uid=0)
    assert caller_of(1003, 100).role is None
    monkeypatch.setattr(os, "geteuid", lambda: 1003)
    assert caller_of(1003, 100).role == "admin"
    assert caller_of(0, 0).role == "admin"


class FixedDoor:
    """A door where one caller stands, or nobody."""

    def __init__(self) -> None:
        self.role: Role | None = "admin"
        self.known = True

    def caller(self) -> Caller:
        """The caller."""
        if not self.known:
            raise NotAuthenticated("nobody knows who you are")
        return Caller("somebody", self.role)


DOOR = FixedDoor()


@pytest.fixture(scope="module")
def api() -> Iterator[ApiHost]:
    with running(DOOR) as host:
        yield host
        DOOR.role, DOOR.known = "admin", True


REQUESTS = [
    ("GET", "/version", None), ("GET", GROUPS, None), ("HEAD", "/version", None), ("POST", GROUPS, {"name": "New"}),
    ("POST", GROUPS, {"bad": 1}), ("POST", "/mgmt-levels", {"cpu-mgmt": "on"}), ("DELETE", f"{GROUPS}/default", None),
]  # fmt: skip


def test_roles(api: ApiHost) -> None:
    DOOR.role, DOOR.known = "admin", True
    before = api.state()
    for method, path, body in REQUESTS:
        DOOR.role, DOOR.known = "user", True
        response = api.send(method, path, body)
        if method in ("GET", "HEAD"):
            assert response.status_code == 200
        else:
            error = whole_error(response, method)
            assert (error["http-status"], error["reason"]) == (403, 1)
            assert "hpmadm" in error["message"]
        DOOR.role = None
        response = api.send(method, path, body)
        assert response.status_code == 403
        if method != "HEAD":
            assert whole_error(response, method)["reason"] == 1
        DOOR.known = False
        assert api.send(method, path, body).status_code == 401
    DOOR.role, DOOR.known = "admin", True
    assert api.state() == before


#: A client that becomes another user once it has its modules: that user need not be able to read them.
ASK = """
import json, os, sys, httpx
path, requests, uid, gid = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
http = httpx.Client(transport=httpx.HTTPTransport(uds=path, verify=False), base_url="http://hpm", trust_env=False)
os.setgroups([])
os.setgid(gid)
os.setuid(uid)
answers = []
for method, path, body in requests:
    response = http.request(method, path, content=None if body is None else json.dumps(body))
    answers.append([response.status_code, response.text])
print(json.dumps(answers))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_is_told_that_it_may_not_and_cannot_say_it_is_root(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = pwd.getpwnam("nobody")
    requests = [(method, BASE + path, body) for method, path, body in REQUESTS]

    def ask(api: ApiHost) -> list[tuple[int, str]]:
        done = subprocess.run(
            [sys.executable, "-c", ASK, str(api.socket), json.dumps(requests), str(nobody.pw_uid), str(nobody.pw_gid)],
            capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip
        return [(status, text) for status, text in json.loads(done.stdout)]

    with running() as api:
        api.socket.parent.chmod(0o755)
        before = api.state()
        for (method, _, _), (status, text) in zip(requests, ask(api), strict=True):
            assert status == 403
            if method != "HEAD":
                error = json.loads(text)
                assert (error["http-status"], error["reason"], error["request-method"]) == (403, 1, method)
                assert "nobody may not do this" in error["message"]
        assert api.state() == before
        # a member of hpmuser reads and no more
        monkeypatch.setattr(peer, "USERS", grp.getgrgid(nobody.pw_gid).gr_name)
        assert [status for status, _ in ask(api)] == [200, 200, 200, 403, 403, 403, 403]
        monkeypatch.setattr(peer, "ADMINS", grp.getgrgid(nobody.pw_gid).gr_name)
        assert [status for status, _ in ask(api)] == [200, 200, 200, 201, 400, 200, 409]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_users_and_groups_with_large_numbers_are_served_as_others_are() -> None:
    """As often as they ask: more often than one user has requests at once."""
    large = 4_000_000_000
    with running() as api:
        api.socket.parent.chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", ASK, str(api.socket), json.dumps([("GET", f"{BASE}/version", None)] * 10),
             str(large + 1), str(large)],
            capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip
        told = [(status, json.loads(text)["message"]) for status, text in json.loads(done.stdout)]
    assert told == [(403, told[0][1])] * 10
    assert told[0][1].startswith(f"uid {large + 1} may not do this")


def test_a_header_cannot_forge_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "_role", lambda uid, user, gid: None)
    forged = {"X-Remote-Uid": "0", "X-Remote-Gid": "0", "Remote-User": "root", "X-Remote-User": "root"}
    with running() as api:
        assert api.send("GET", "/version", headers=forged).status_code == 403


def test_a_stranger_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "_role", lambda uid, user, gid: None)
    monkeypatch.setattr(connections, "STRANGER_SECONDS", 0.2)
    with running() as api, api.connection(5.0) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\n")
        assert slow.recv(12) == b"HTTP/1.1 408"
