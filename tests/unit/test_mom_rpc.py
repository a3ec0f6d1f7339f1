"""MOM's RPC on a unix socket, by Python's own client, before a real manager; and what is sent to do harm."""

from __future__ import annotations

import http.client
import os
import resource
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy, Transport

import pytest

from hpm.host.mom_rpc import MAX_BODY, REQUEST_SECONDS, THREADS, MomRpc
from hpm.host.running import RunningManager
from hpm.host.server import SocketInUse, SocketServer
from hpm.wire.mom import LONGEST_TEXT
from tests.lab.errors import wait_until
from tests.running import ManagerProcess

from .api_host import BASE, ApiHost

SHRINK = '(with Guests guest (guest.Control "balloon_target" (* 0.9 guest.balloon_cur)))'
GUESTS = ["batch1", "db1", "web1"]


class UnixConnection(http.client.HTTPConnection):
    """As MOM's own client has it."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30.0)
        self.sock.connect(self.host_path)


class UnixTransport(Transport):
    """To a socket."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = str(path)

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        made = UnixConnection("localhost")
        made.host_path = self.path
        return made


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ManagerProcess, Path]]:
    folder = tmp_path_factory.mktemp("mom")
    path = folder / "mom.sock"
    with ManagerProcess(folder, "simulated:3", 1.0, ("--no-web", "--mom-rpc", str(path))) as manager:
        yield manager, path
    assert not path.exists()
    assert "Traceback" not in manager.text()


@pytest.fixture
def mom(running: tuple[ManagerProcess, Path]) -> Iterator[Any]:
    """A client as MOM's users have it, of a manager without policies."""
    with ServerProxy("http://localhost/RPC2", UnixTransport(running[1]), allow_none=True) as proxy:
        assert proxy.resetPolicies() is True
        yield proxy


@pytest.fixture
def path(running: tuple[ManagerProcess, Path]) -> Path:
    return running[1]


def raw(path: Path, data: bytes) -> bytes:
    """What comes back for these bytes."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2 * REQUEST_SECONDS)
        connection.connect(str(path))
        found = bytearray()
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                found += part
        except (BrokenPipeError, ConnectionResetError):    # refused before all was sent
            pass
        return bytes(found)


def posted(path: Path, body: bytes) -> bytes:
    head = f"POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    return raw(path, head.encode() + body)


def call(body: str) -> bytes:
    return f"<?xml version='1.0'?><methodCall>{body}</methodCall>".encode()


def test_it_is_alive(mom: Any) -> None:
    assert mom.ping() is True
    assert "setNamedPolicy" in mom.system.listMethods()


def test_one_policy_takes_the_place_of_all(mom: Any) -> None:
    assert mom.getPolicy() == "0" and mom.getNamedPolicies() == {}
    assert mom.setNamedPolicy("02-balloon", "1") is True
    assert mom.setPolicy(SHRINK) is True
    assert mom.getNamedPolicies() == {"50_main_": SHRINK}
    assert mom.getPolicy() == SHRINK


def test_named_policies_are_one_text_in_their_order(mom: Any, running: tuple[ManagerProcess, Path]) -> None:
    assert mom.setNamedPolicy("02-b", "2") is True
    assert mom.setNamedPolicy("01-a", "(defvar ü 1)".replace("ü", "u")) is True
    assert mom.getPolicy() == "(defvar u 1)\n2"
    with running[0].client() as client:
        assert [one.name for one in client.memory_policies().value.memory_policies] == ["01-a", "02-b"]
    assert mom.setNamedPolicy("01-a", None) is True
    assert mom.setNamedPolicy("none", None) is True
    assert mom.getNamedPolicies() == {"02-b": "2"}
    assert mom.resetPolicies() is True
    assert mom.getPolicy() == "0"


def test_a_bad_policy_gives_false_and_leaves_the_good_one(mom: Any) -> None:
    assert mom.setPolicy(SHRINK) is True
    assert mom.setPolicy("(if 1 010 2)") is False
    assert mom.setNamedPolicy("50_main_", "(") is False
    assert mom.setNamedPolicy("a b", "1") is False
    assert mom.getNamedPolicies() == {"50_main_": SHRINK}


def test_what_is_changed_is_in_the_activity_log(mom: Any, running: tuple[ManagerProcess, Path]) -> None:
    assert mom.setNamedPolicy("02-balloon", SHRINK) is True
    assert mom.setNamedPolicy("02-balloon", "(") is False
    mom.getPolicy()
    with running[0].client() as client:
        refused, done = client.activity(limit=2).value.activity_log
        assert client.memory_policy("02-balloon").value.changed_by == done.user
    assert (done.outcome, done.summary, done.means) == ("done", "MOM's RPC setNamedPolicy: 02-balloon", "socket")
    assert (refused.outcome, refused.http_status) == ("refused", 400)
    assert "line 1" in (refused.message or "")


def test_statistics_have_the_host_and_all_guests_by_name(mom: Any) -> None:
    wait_until(lambda: "mem_unused" in mom.getStatistics()["guests"].get(GUESTS[1], {}), 20, "balloons tell something")
    told = mom.getStatistics()
    assert set(told) == {"host", "guests"}
    assert sorted(told["guests"]) == mom.getActiveGuests()
    assert told["host"]["mem_available"] > 0 and told["host"]["cpu_count"] > 0
    assert len(told["guests"]) == 3
    for guest in told["guests"].values():
        assert guest["balloon_cur"] <= guest["balloon_max"] and isinstance(guest["io_tune"], list)


def test_the_log_is_made_to_say_more_or_less(mom: Any, running: tuple[ManagerProcess, Path]) -> None:
    assert mom.setVerbosity("error") is True
    before = len(running[0].text())
    assert mom.setPolicy("(") is False
    assert "MOM's RPC setPolicy" not in running[0].text()[before:]
    assert mom.setVerbosity("4") is True
    assert mom.setPolicy("(") is False
    wait_until(lambda: "MOM's RPC setPolicy" in running[0].text()[before:], 10, "the log says so")


@pytest.mark.parametrize(("method", "arguments", "said"), [
    ("nothing", (), "not supported"), ("ping.real", (), "not supported"), ("system.exit", (), "not supported"),
    ("ping", (1,), "takes no arguments"), ("setPolicy", (), "takes 1 arguments"), ("setPolicy", (5,), "are texts"),
    ("setNamedPolicy", ("a", ["1"]), "are texts"), ("setNamedPolicy", (None, "1"), "are texts"),
])  # fmt: skip
def test_calls_that_mom_does_not_know_are_faults(mom: Any, method: str, arguments: Any, said: str) -> None:
    with pytest.raises(Fault, match=said):
        getattr(mom, method)(*arguments)
    assert mom.getPolicy() == "0"


BOMB = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]>"


@pytest.mark.parametrize(("body", "said"), [
    (b"", "this is not XML"), (b"<methodCall>", "this is not XML"), (b"\xff\xfe\x00", "this is not XML"),
    (call(""), "no call by XML-RPC"), (call("<methodName>ping</methodName><params><param><value><int>x</int></value>"
                                            "</param></params>"), "no call by XML-RPC"),
    ((BOMB + "<methodCall><methodName>&b;</methodName></methodCall>").encode(), "document type declaration"),
    (b"<!DOCTYPE x SYSTEM 'file:///etc/passwd'><methodCall/>", "document type declaration"),
    (call("<value><array><data>" * 40 + "</data></array></value>" * 40), "elements within each other"),
    (b"<methodResponse><params/></methodResponse>", "no method is named"),
    (call("<methodName>ping</methodName><params><param><value><struct><member><name>a</name></member></struct>"
          "</value></param></params>"), "no call by XML-RPC"),
])  # fmt: skip
def test_what_is_no_call_is_a_fault(path: Path, mom: Any, body: bytes, said: str) -> None:
    answer = posted(path, body)
    assert answer.startswith(b"HTTP/1.0 200 ") and b"<fault>" in answer
    assert said in answer.decode()
    assert mom.ping() is True


@pytest.mark.parametrize(("head", "status"), [
    ("GET /RPC2 HTTP/1.1", 501), ("POST /other HTTP/1.1", 404), ("nonsense", 400), ("POST /RPC2 HTTP/1.1", 411),
    ("POST /RPC2 HTTP/1.1\r\nContent-Length: -1", 411), ("POST /RPC2 HTTP/1.1\r\nContent-Length: x", 411),
    (f"POST /RPC2 HTTP/1.1\r\nContent-Length: {MAX_BODY + 1}", 413),
    ("POST /RPC2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1", 501),
    ("POST /RPC2 HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 1", 501),
    ("POST /RPC2 HTTP/1.1\r\n" + "\r\n".join(f"A{number}: x" for number in range(200)), 431),
    ("POST /" + "x" * 70000 + " HTTP/1.1", 414),
])  # fmt: skip
def test_what_is_no_request_is_refused(path: Path, mom: Any, head: str, status: int) -> None:
    answer = raw(path, head.encode() + b"\r\n\r\n")
    assert str(status) in answer.decode()[:400]    # what names no version is answered without a head
    assert mom.ping() is True


def test_the_longest_policy_is_read(mom: Any) -> None:
    text = "1 # " + "&" * (LONGEST_TEXT - 5) + "\n"    # five characters each in XML
    assert mom.setPolicy(text) is True
    assert mom.getPolicy() == text
    assert mom.setPolicy("1" + " " * LONGEST_TEXT) is False


def test_clients_that_are_slow_hold_up_others_for_a_bounded_time(
    api: ApiHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpm.host.mom_rpc.REQUEST_SECONDS", 0.5)
    server = MomRpc(api.manager, tmp_path / "s")
    server.start()
    slow = []
    try:
        for _ in range(THREADS):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(str(server.path))
            connection.sendall(b"POST /RPC2 HTTP/1.1\r\n")
            slow.append(connection)
        with ServerProxy("http://localhost/RPC2", UnixTransport(server.path)) as proxy:
            begin = time.monotonic()
            assert proxy.ping() is True
            assert 0.3 < time.monotonic() - begin < 5    # it had to wait, and not for long
    finally:
        for connection in slow:
            connection.close()
        server.stop()


@contextmanager
def without_open_files(manager: ManagerProcess) -> Iterator[None]:
    """What the process has open it keeps, and nothing is opened."""
    assert manager.process is not None
    usual = resource.prlimit(manager.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(manager.process.pid, resource.RLIMIT_NOFILE, (3, usual[1]))
    try:
        yield
    finally:
        resource.prlimit(manager.process.pid, resource.RLIMIT_NOFILE, usual)


def test_a_moment_without_open_files_ends_no_socket_and_is_said_once(
    running: tuple[ManagerProcess, Path], mom: Any
) -> None:
    """That of the API neither: who is connected goes on, and who comes meanwhile is served afterwards."""
    manager, path = running
    asked = f"HEAD {BASE}/version HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with ExitStack() as open_:

        def connected(path: Path) -> socket.socket:
            connection = open_.enter_context(socket.socket(socket.AF_UNIX))
            connection.settimeout(20.0)
            connection.connect(str(path))
            return connection

        def refusals() -> int:
            return manager.text().count("can be accepted now")

        known = connected(manager.socket)
        known.sendall(asked)
        assert known.recv(65536).startswith(b"HTTP/1.1 200")
        with without_open_files(manager):
            for _ in range(THREADS):    # who waits for a connection has an open file for it already
                connected(path).close()
            late = connected(manager.socket)
            wait_until(lambda: refusals() == THREADS + 1, 10.0, "nobody is accepted", 0.05)
            known.sendall(asked)
            assert known.recv(65536).startswith(b"HTTP/1.1 200")
            time.sleep(0.6)    # each is tried again
        late.sendall(asked)
        assert late.recv(65536).startswith(b"HTTP/1.1 200")
        assert mom.ping() is True
        assert refusals() == THREADS + 1
        assert "Traceback" not in manager.text()


AS_NOBODY = """
import os, socket, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
print(s.recv(10), flush=True)
"""


def test_the_socket_is_its_owners_alone(path: Path, mom: Any) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    path.chmod(0o666)
    modes = {folder: folder.stat().st_mode for folder in path.parents}
    for folder, mode in modes.items():
        if not mode & 0o001:
            folder.chmod(mode | 0o001)
    try:
        told = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, str(path)], capture_output=True, text=True, check=False, timeout=30
        )
    finally:
        path.chmod(0o600)
        for folder, mode in modes.items():
            if not mode & 0o001:
                folder.chmod(mode)
    assert told.stdout == "b''\n", told.stderr
    assert mom.ping() is True


def test_it_takes_no_other_ones_place(api: ApiHost, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SocketInUse, match="--mom-rpc"):
        MomRpc(api.manager, tmp_path / "file")
    first = MomRpc(api.manager, tmp_path / "s")
    first.start()
    try:
        with pytest.raises(SocketInUse):
            MomRpc(api.manager, tmp_path / "s")
    finally:
        first.stop()
    assert not (tmp_path / "s").exists()


def test_large_numbers_and_strange_signs_are_sayable(api: ApiHost, tmp_path: Path) -> None:
    server = MomRpc(api.manager, tmp_path / "s")
    server.start()
    try:
        with ServerProxy("http://localhost/RPC2", UnixTransport(tmp_path / "s"), allow_none=True) as proxy:
            assert proxy.setPolicy('"\u20ac <&>" 4294967296') is True
            assert proxy.getPolicy() == '"\u20ac <&>" 4294967296'
            api.post("/mom/policies/50_main_", {"text": '"\x01"'})
            assert proxy.getPolicy() == '"\ufffd"'
            api.hypervisor.set_host_memory(8 << 20)    # 8 TiB: more kB than 31 bits count
            api.cycle()
            told: Any = proxy.getStatistics()
            assert told["host"]["mem_available"] == 8 << 30
    finally:
        server.stop()


def test_it_answers_before_the_api_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for the API, as service managers and scripts do, finds this door open, too."""
    path = tmp_path / "mom.sock"
    found = []
    start = SocketServer.start

    def start_late(server: SocketServer) -> None:
        if server.path == tmp_path / "s":
            with ServerProxy("http://localhost/RPC2", UnixTransport(path), allow_none=True) as proxy:
                found.append(proxy.ping())
        start(server)

    monkeypatch.setattr(SocketServer, "start", start_late)
    with RunningManager("simulated:3", tmp_path, tmp_path / "s", 5.0, path):
        assert found == [True]


def test_without_the_option_there_is_no_such_socket(tmp_path: Path) -> None:
    with RunningManager("simulated:3", tmp_path, tmp_path / "s", 5.0):
        assert sorted(one.name for one in tmp_path.iterdir() if stat.S_ISSOCK(one.stat().st_mode)) == ["s", "s.front"]
