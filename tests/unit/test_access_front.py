"""The socket for the web front: whose it is, who may connect, and that `hpm serve` makes it."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpm import paths
from hpm.host import rights
from hpm.host.access import front_socket
from hpm.host.access.front_socket import front_uid
from tests.running import ManagerProcess

from .access_host import AccessHost, accessible
from .api_host import answers

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

#: Asks for the version over a socket, as another user.
ASK = """
import os, socket, sys
os.setgroups([])
os.setgid(int(sys.argv[3]))
os.setuid(int(sys.argv[2]))
with socket.socket(socket.AF_UNIX) as front:
    front.settimeout(10)
    try:
        front.connect(sys.argv[1])
        front.sendall(b"GET /zhpm/wsapi/v1/version HTTP/1.1\\r\\nHost: x\\r\\nHpm-Client-Address: 192.0.2.1\\r\\n"
                      b"Connection: close\\r\\n\\r\\n")
        print(front.recv(65536)[:12])
    except OSError as error:
        print(type(error).__name__)
"""


@pytest.fixture
def host() -> Iterator[AccessHost]:
    with accessible() as running:
        yield running


def test_the_socket_is_the_fronts_alone(host: AccessHost) -> None:
    found = host.front_socket.stat()
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert found.st_uid == os.geteuid()


@ROOT_ONLY
def test_only_the_fronts_user_is_served(host: AccessHost) -> None:
    nobody, daemon = pwd.getpwnam("nobody"), pwd.getpwnam("daemon")

    path = host.front_socket

    def ask(user: pwd.struct_passwd) -> str:
        done = subprocess.run(
            [sys.executable, "-c", ASK, str(path), str(user.pw_uid), str(user.pw_gid)],
            capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip
        return done.stdout.strip()

    host.front_socket.parent.chmod(0o755)
    assert ask(nobody) == "PermissionError"
    path = host.front_socket.with_name("another.sock")
    server = front_socket.front_socket(host.manager, path, nobody.pw_uid, host.checker)
    server.start()
    try:
        found = path.stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (0, nobody.pw_gid, 0o660)
        assert ask(nobody) == "b'HTTP/1.1 200'"
        assert ask(daemon) == "PermissionError"
        path.chmod(0o666)    # whatever somebody does to the file, the peer is asked for
        assert ask(daemon) in ("b''", "ConnectionResetError", "BrokenPipeError")
    finally:
        server.stop()


def test_requests_that_are_no_http_are_refused_as_on_the_other_socket(host: AccessHost) -> None:
    from .api_host import read_all

    with host.connection() as connection:
        connection.sendall(b"GET / HTTP/9\r\n\r\n")
        theirs = answers(read_all(connection))[0][0]
    assert theirs in (400, 505)
    headers = {"Hpm-Client-Address": "192.0.2.1"}
    assert host.front_http.post("/nothing", headers=headers).status_code == 404


def test_who_the_front_runs_as(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "USER", "nobody-of-that-name")
    assert front_uid() == os.geteuid()
    nobody = pwd.getpwnam("nobody").pw_uid
    monkeypatch.setattr(rights, "USER", "nobody")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert front_uid() == nobody
    monkeypatch.setattr(os, "geteuid", lambda: nobody + 1)
    assert front_uid() == nobody + 1


def test_where_it_stands() -> None:
    assert paths.front_socket_path(Path("/run/hpm/hpm.sock")) == Path("/run/hpm/front.sock")
    assert paths.front_socket_path(Path("/tmp/s")) == Path("/tmp/s.front")


def test_serve_makes_it_and_takes_it_away(tmp_path: Path) -> None:
    with ManagerProcess(tmp_path, "simulated") as manager:
        front = paths.front_socket_path(manager.socket)
        ours = front_uid() == os.geteuid()
        assert stat.S_IMODE(front.stat().st_mode) == (0o600 if ours else 0o660)
        manager.hpm("wrg-create", "Gold")
        assert "Create a group: Gold" in manager.hpm("activity-list").stdout
        made = manager.hpm("token-create", "backup")
        assert made.stdout.startswith("hpm_") and made.stdout.count("\n") == 1
        assert made.stdout.strip() not in manager.text()
        assert 'did="Create a group: Gold" outcome="done"' in manager.text()
    assert not front.exists()
