"""libvirt's hook: the program that is installed, run as libvirt runs it; and how it is installed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from hpm.cli.main import cli
from hpm.errors import Conflict
from hpm.host.hooks import Hooks

UUID = "69efbdd8-3715-5a7c-8dcf-76fe2d380a52"
NEW, OLD = (9, 0), (6, 4)


PARTITION = "<resource><partition>/machine</partition></resource>"
CPU = "<cpu mode='custom' check='full'><model>qemu64</model></cpu>"
DISK, DISK_AS_IT_RAN = (
    f"<devices><disk type='file'><source file='/a'/>{inside}</disk><disk type='file'/></devices>"
    for inside in ("", "<backingStore/>")
)


def definition(inside: str = "") -> bytes:
    return f"<domain type='kvm'><name>web</name><uuid>{UUID}</uuid>{inside}</domain>".encode()


class Hpm:
    """Answers the hook at a socket, with these bodies one after another (the last one again and again)."""

    def __init__(self, path: Path, *answers: object, status: int = 200) -> None:
        self.asked: list[bytes] = []
        self._answers, self._status = list(answers), status
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                conn, _ = self._listener.accept()
            except OSError:
                return
            with conn:
                asked = b""
                while not asked.endswith(b"}") and (more := conn.recv(65536)):
                    asked += more
                self.asked.append(asked)
                answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
                body = json.dumps(answer).encode()
                conn.sendall(b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%b" % (self._status, len(body), body))

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def hpm(root: Path, *answers: object, status: int = 200) -> Iterator[Hpm]:
    answering = Hpm(root / "s", *answers, status=status)
    try:
        yield answering
    finally:
        answering.close()
        (root / "s").unlink()


@pytest.fixture
def hooks(tmp_path: Path) -> Hooks:
    made = Hooks(tmp_path, tmp_path / "s", NEW)
    made.install()
    return made


def run(hooks: Hooks, operation: str = "prepare", xml: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """As libvirt does it; it prints nothing on stdout, whatever happens."""
    command = [str(hooks.path), "web", operation, "begin", "-"]
    done = subprocess.run(command, input=xml or definition(), capture_output=True, timeout=30, check=False)
    assert done.stdout == b""
    return done


YES = {"start": True, "message": None, "wait-seconds": 0}
NO = {"start": False, "message": "web waits for db", "wait-seconds": 0}


def test_it_does_what_hpm_says(hooks: Hooks, tmp_path: Path) -> None:
    with hpm(tmp_path, NO, YES) as answering:
        refused = run(hooks)
        assert (refused.returncode, refused.stderr) == (1, b"web waits for db\n")
        assert run(hooks).returncode == 0
        assert b"POST /zhpm/wsapi/v1/hooks/qemu" in answering.asked[0] and UUID.encode() in answering.asked[0]


def test_it_waits_as_long_as_hpm_says(hooks: Hooks, tmp_path: Path) -> None:
    wait = {**NO, "wait-seconds": 20}
    with hpm(tmp_path, wait, wait, YES):
        assert run(hooks).returncode == 0
    with hpm(tmp_path, {**NO, "wait-seconds": 1.2}) as answering:
        assert run(hooks).returncode == 1 and len(answering.asked) > 1


def test_without_hpm_and_with_one_that_fails_or_hangs_guests_start(hooks: Hooks, tmp_path: Path) -> None:
    assert run(hooks).returncode == 0
    with hpm(tmp_path, {"x": 1}, status=500):
        assert run(hooks).returncode == 0
    with hpm(tmp_path, ["no object"]):
        assert run(hooks).returncode == 0
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        started = time.monotonic()
        assert run(hooks).returncode == 0 and time.monotonic() - started < 6
    assert run(hooks, xml=b"<domain").returncode == 0    # not even a definition


@pytest.mark.parametrize("how", ['exec "$0" web prepare begin - <&-', 'exec "$0" "$1" prepare begin -'])
def test_without_a_definition_or_with_a_name_that_is_no_text_guests_start(hooks: Hooks, how: str) -> None:
    command = ["/bin/sh", "-c", how, str(hooks.path), b"web\xff"]
    done = subprocess.run(command, input=definition(), capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_it_asks_about_starts_alone(hooks: Hooks, tmp_path: Path) -> None:
    with hpm(tmp_path, NO) as answering:
        for operation in ("start", "started", "stopped", "release", "reconnect", "attach"):
            assert run(hooks, operation).returncode == 0
        for operation in ("restore", "migrate"):    # libvirt runs it for the start that follows, too
            assert run(hooks, operation).returncode == 0
            assert run(hooks).returncode == 0
            assert run(hooks).returncode == 1    # the next start is one of its own
        assert len(answering.asked) == 2
        run(hooks, "restore")
        mark = tmp_path / "run/hpm/hooks" / UUID
        os.utime(mark, (time.time() - 60, time.time() - 60))    # that restore failed, a minute ago
        assert run(hooks).returncode == 1


@pytest.mark.parametrize(("said", "ran"), [
    ("", PARTITION), ("<cpu mode='custom' check='none'/>", CPU), (DISK, DISK_AS_IT_RAN),
    (PARTITION + DISK, PARTITION + DISK_AS_IT_RAN), (CPU + PARTITION + DISK, CPU + PARTITION + DISK_AS_IT_RAN),
])  # fmt: skip
def test_a_snapshot_is_known_by_its_definition(hooks: Hooks, tmp_path: Path, said: str, ran: str) -> None:
    own = tmp_path / "etc/libvirt/qemu/web.xml"
    own.parent.mkdir(parents=True)
    with hpm(tmp_path, NO):
        own.write_bytes(definition(said))
        assert run(hooks, xml=definition(ran)).returncode == 0
        assert run(hooks, xml=definition(said)).returncode == 1    # a plain start
        own.write_bytes(definition(ran))    # then it cannot be told
        assert run(hooks, xml=definition(ran)).returncode == 1
        own.unlink()    # one that is defined nowhere
        assert run(hooks, xml=definition(ran)).returncode == 1


def test_a_foreign_hook_of_the_same_name_stays_as_it_is(tmp_path: Path) -> None:
    foreign = tmp_path / "etc/libvirt/hooks/qemu.d/hpm"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("#!/bin/sh\n")
    with pytest.raises(Conflict, match="rename it"):
        Hooks(tmp_path, tmp_path / "s", NEW).install()
    assert foreign.read_text() == "#!/bin/sh\n"


def test_other_hooks_stay_as_they_are(tmp_path: Path) -> None:
    other = tmp_path / "etc/libvirt/hooks/qemu"
    other.parent.mkdir(parents=True)
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    hooks = Hooks(tmp_path, tmp_path / "s", NEW)
    assert hooks.install().others == (other,)
    assert hooks.path == tmp_path / "etc/libvirt/hooks/qemu.d/hpm"
    assert hooks.remove() and not hooks.remove() and other.read_text() == "#!/bin/sh\n"
    old = Hooks(tmp_path, tmp_path / "s", OLD)
    for refused in (old.install, old.remove):
        with pytest.raises(Conflict):
            refused()
    other.unlink()
    assert old.install().installed and old.path == other
    assert old.install().current and old.remove()


def test_it_says_whether_libvirt_must_be_restarted(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path, tmp_path / "s", NEW)
    process = tmp_path / "proc/77"
    process.mkdir(parents=True)
    (process / "comm").write_text("virtqemud\n")

    def daemon(age: float) -> None:
        ticks = int((time.clock_gettime(time.CLOCK_BOOTTIME) - age) * os.sysconf("SC_CLK_TCK"))
        (process / "stat").write_text(f"77 (virtqemud) S {' '.join(['0'] * 18)} {ticks} 0")

    daemon(60)
    assert hooks.state().seen is False
    assert "restart it" in " ".join(hooks.install().sentences())
    hooks.install()    # anew: libvirt could have seen it all the same since then
    os.utime(hooks.path, (time.time() - 120, time.time() - 120))
    assert hooks.install().seen is True
    daemon(180)
    assert hooks.state().seen is False
    process.joinpath("comm").write_text("bash\n")
    assert hooks.state().seen is None


def test_the_commands(tmp_path: Path) -> None:
    def said(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli, [*words, "--root", str(tmp_path)])
        return done.exit_code, done.output

    code, text = said("hooks-install", "--check")
    assert code == 1 and "is not installed" in text
    code, text = said("hooks-install", "--socket", str(tmp_path / "own"))
    assert code == 0 and "is installed" in text
    program = (tmp_path / "etc/libvirt/hooks/qemu.d/hpm").read_text()
    assert f"SOCKET = '{tmp_path / 'own'}'" in program and program.startswith("#!/")
    assert said("hooks-install", "--check")[0] == 1    # it asks at another socket than the usual one
    assert "Removed" in said("hooks-remove")[1] and "There is no" in said("hooks-remove")[1]
