"""What a manager without network has its helpers do: the real processes, each started for a connection."""

from __future__ import annotations

import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hpm.backend.ports import PortQuestion
from hpm.control.caller import Unavailable
from hpm.host import rights
from hpm.host.access.pam import Pam
from hpm.host.access.passwords import WrongPassword
from hpm.host.helpers.asking import NetworkHelper, connect, read_line
from hpm.host.running import RunningManager
from hpm.manager.notify.channels import Outcome
from tests.lab.errors import wait_until

from .helper_host import Socket, helper_socket
from .receivers import hook
from .test_notify_delivery import DIGEST, LONG, post

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Socket]:
    with helper_socket(tmp_path / "network.sock", "network") as made:
        yield made


@pytest.fixture
def asked(tmp_path: Path, network: Socket) -> Iterator[NetworkHelper]:
    made = NetworkHelper(tmp_path / "network.sock")
    yield made
    made.close()


def here(port: int) -> PortQuestion:
    return PortQuestion(("127.0.0.1",), port, theirs=False)


def test_ports_are_tried_by_one_process_after_the_other_question(asked: NetworkHelper, network: Socket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert asked.ask_port(here(port)) is None
    assert asked.ask_port(here(port)) == f"its port {port} does not answer"
    said = asked.ask_port(PortQuestion(("127.0.0.1",), port, theirs=True))
    assert said is not None and "none that a guest can have" in said
    assert len(network.started) == 1
    os.kill(network.started[0].pid, signal.SIGKILL)
    network.started[0].wait(10)
    assert asked.ask_port(here(port)) == f"its port {port} does not answer"    # by another one
    assert len(network.started) == 2


def test_questions_at_once_have_a_process_each(asked: NetworkHelper, network: Socket) -> None:
    said: list[str | None] = []
    threads = [threading.Thread(target=lambda: said.append(asked.ask_port(here(1)))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert said == ["its port 1 does not answer"] * 3 and len(network.started) <= 3


def test_who_is_not_there_is_named(tmp_path: Path) -> None:
    absent = NetworkHelper(tmp_path / "nothing")
    assert "hpm-network.socket" in str(absent.ask_port(here(1)))
    outcome = absent.deliver(post("http://127.0.0.1:1/"), 5.0)
    assert not outcome.arrived and "hpm-network.socket" in str(outcome.error)
    with pytest.raises(Unavailable, match=r"hpm-passwords\.socket"):
        Pam(helper=tmp_path / "nothing").check("ann", "secret", "192.0.2.1")


def test_a_notification_is_delivered_by_a_process_that_ends(asked: NetworkHelper, network: Socket) -> None:
    with hook() as there:
        assert asked.deliver(post(there.url, "secret"), LONG) == Outcome(True)
    assert there.posted[0].message.id == DIGEST.id
    network.started[0].wait(10)
    outcome = asked.deliver(post("http://127.0.0.1:1/hook?key=of-nobody-else"), LONG)
    assert not outcome.arrived and "cannot be reached" in str(outcome.error) and "key=" not in str(outcome.error)


def test_one_that_takes_too_long_is_given_up_and_a_stop_is_at_once(asked: NetworkHelper) -> None:
    with hook(0) as there:
        outcome = asked.deliver(post(there.url), 3.0)
        assert not outcome.arrived and "took longer than 3 s" in str(outcome.error)
    said: list[Outcome] = []
    with hook(0) as there:
        thread = threading.Thread(target=lambda: said.append(asked.deliver(post(there.url), LONG)), daemon=True)
        thread.start()
        wait_until(lambda: there.posted, LONG, "it is under way")
        asked.close()
        thread.join(10)
    assert said == [Outcome(False, "hpm is stopping")]
    assert asked.deliver(post("http://127.0.0.1:1/"), 3.0) == Outcome(False, "hpm is stopping")


@AS_ROOT
def test_started_by_root_it_becomes_nobody_first(tmp_path: Path, network: Socket) -> None:
    with connect(tmp_path / "network.sock") as connection:
        connection.sendall(b'{"type":"port","addresses":["127.0.0.1"],"port":1,"theirs":false}\n')
        assert b"does not answer" in read_line(connection, time.monotonic() + 30)
        lines = Path(f"/proc/{network.started[0].pid}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines)
    assert set(status["Uid"].split()) == {str(pwd.getpwnam(rights.USER).pw_uid)}
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0 and status["NoNewPrivs"] == "1"


@pytest.mark.parametrize("wrong", [
    b"nonsense\n", b'{"type":"other"}\n', b'{"type":"port","addresses":["127.0.0.1"],"port":99999,"theirs":false}\n',
    b'{"type":"job","seconds":1e9,"parcel":{"type":"webhook","url":"http://127.0.0.1:1/","id":"","body":"","signature":null}}\n',
    b"x" * (3 << 20),
])  # fmt: skip
def test_what_is_no_question_ends_it(tmp_path: Path, network: Socket, wrong: bytes) -> None:
    with connect(tmp_path / "network.sock") as connection:
        try:
            connection.sendall(wrong)
            assert read_line(connection, time.monotonic() + 30) == b""
        except ConnectionError:
            pass    # it ended before it had all
    assert network.started[0].wait(10) == 0


@AS_ROOT
@pytest.mark.parametrize("what", ["network", "passwords"])
def test_others_than_the_manager_are_not_served(tmp_path: Path, what: str) -> None:
    """Whatever became of the socket's mode."""
    program = (
        "import os, socket, sys\nos.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.settimeout(30)\n"
        "s.sendall(b'{}\\n'); s.shutdown(1)\n"
        "try: print(s.recv(100))\nexcept ConnectionError: print(b'')\n"
    )
    tmp_path.chmod(0o755)
    with helper_socket(tmp_path / "sock", what) as helper:
        tried = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "sock")], capture_output=True, text=True, check=False
        )
        assert "PermissionError" in tried.stderr
        for above in (tmp_path, *tmp_path.parents[:3]):
            if str(above).startswith("/tmp/"):
                above.chmod(above.stat().st_mode | 0o005)
        (tmp_path / "sock").chmod(0o666)
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "sock")], capture_output=True, text=True, check=False
        )
        assert done.stdout.strip() == "b''", done.stderr
        assert helper.started[0].wait(10) == 1


def test_it_is_for_systemd_and_says_so() -> None:
    for what in ("network", "passwords"):
        done = subprocess.run(
            [sys.executable, "-m", "hpm.cli.main", "helper", what], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False, env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
        )  # fmt: skip
        assert done.returncode == 1 and f"hpm-{what}.socket" in done.stderr


# -- passwords


def test_pam_is_asked(tmp_path: Path) -> None:
    """What the host's PAM says of a user that there is not; services of our own are tried in test_access_pam."""
    with helper_socket(tmp_path / "passwords.sock", "passwords") as helper:
        pam = Pam(helper=tmp_path / "passwords.sock")
        with pytest.raises((WrongPassword, Unavailable)) as error:
            pam.check("nobody-of-that-name", "secret", "192.0.2.1")
        assert "hpm-passwords.socket" not in str(error.value)
        assert len(helper.started) == 1


@pytest.mark.parametrize(("field", "value"), [
    ("directory", "/tmp"), ("service", "su"), ("service", "../../tmp/x"), ("user", "a" * 2000), ("password", 1),
    ("more", 1),
])  # fmt: skip
def test_nothing_but_a_password_is_checked(tmp_path: Path, field: str, value: object) -> None:
    """Who has taken over the manager must not choose what PAM loads as root."""
    question: dict[str, object] = {
        "service": "hpm", "directory": None, "user": "ann", "password": "x", "address": "192.0.2.1", field: value,
    }  # fmt: skip
    with helper_socket(tmp_path / "sock", "passwords"), connect(tmp_path / "sock") as connection:
        connection.sendall(json.dumps(question).encode())
        connection.shutdown(socket.SHUT_WR)
        answer = json.loads(read_line(connection, time.monotonic() + 30))
    assert (answer["result"], answer["stage"]) == (-1, "start"), answer


def test_a_pam_that_hangs_is_given_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "sock"))
        silent.listen()
        with pytest.raises(Unavailable, match="has not answered for 1 s"):
            Pam(helper=tmp_path / "sock", seconds=1.0).check("ann", "secret", "192.0.2.1")


def test_a_manager_uses_them(tmp_path: Path) -> None:
    with (
        helper_socket(tmp_path / "network.sock", "network") as network,
        RunningManager("simulated:3", tmp_path / "state", tmp_path / "s", 5.0, helpers=tmp_path) as running,
        hook() as there,
    ):
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(running.address)), timeout=30) as api:
            base = "http://localhost/zhpm/wsapi/v1"
            set_ = api.post(f"{base}/settings", json={"notifications": {"webhook": {"url": there.url}}})
            assert set_.status_code == 200, set_.text
            assert api.post(f"{base}/notifications/test").status_code == 200
        assert there.posted and network.started
