"""How `hpm serve` starts and ends, whoever starts it, and when nothing is left to start with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from hpm import paths
from hpm.backend.simulated import SimulatedHypervisor, from_scenario
from hpm.backend.simulated.scenario import Scenario
from hpm.cli.main import cli
from hpm.client.connection import connect
from hpm.client.errors import NoConnection
from hpm.errors import InvalidValue, StoreError
from hpm.host.running import RunningManager
from hpm.host.server import SocketServer
from hpm.store.backups import backups_of
from tests.lab.errors import wait_until
from tests.running import ROOT

from .builders import guest


@contextmanager
def serving(folder: Path, shell: str = "", **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """`hpm serve` as a shell starts it with what is written behind or before it; it answers."""
    command = [
        sys.executable, "-m", "hpm.cli.main", "serve", "--connect", "simulated:2", "--state-dir", str(folder / "st"),
        "--socket", str(folder / "s"), "--interval", "1", "--no-web",
    ]  # fmt: skip
    process = subprocess.Popen(
        ["/bin/sh", "-c", f'{shell.partition("|")[0]} exec "$@" {shell.partition("|")[2]}', "sh", *command],
        cwd=ROOT, env={**os.environ, **environment}, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def answers() -> bool:
        assert process.poll() is None
        try:
            with connect(folder / "s") as client:
                client.version()
        except NoConnection:
            return False
        return True

    try:
        wait_until(answers, 30, "it answers")
        yield process
    finally:
        process.kill()
        process.wait()


def test_it_starts_without_standard_streams(tmp_path: Path) -> None:
    with serving(tmp_path, "|<&- >&- 2>&-") as process:
        streams = [Path(f"/proc/{process.pid}/fd/{number}").readlink() for number in range(3)]
        assert streams == [Path(os.devnull)] * 3    # and nothing of hpm's, to which others could write
        process.terminate()
        assert process.wait(30) == 0


def test_it_starts_where_its_log_cannot_be_written(tmp_path: Path) -> None:
    with serving(tmp_path, "|2>/dev/full", PYTHONUNBUFFERED="") as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(4)
        process.terminate()
        process.wait(30)
    assert not (tmp_path / "s").exists()


def test_it_takes_no_socket_that_systemd_gave_somebody_else(tmp_path: Path) -> None:
    with serving(tmp_path, LISTEN_PID="1", LISTEN_FDS="1") as process:
        process.terminate()
        assert process.wait(30) == 0


def test_the_end_of_its_terminal_is_a_clean_end(tmp_path: Path) -> None:
    with serving(tmp_path) as process:
        process.send_signal(signal.SIGHUP)
        assert process.wait(30) == 0
        assert not (tmp_path / "s").exists()


def test_nohup_keeps_it_from_that(tmp_path: Path) -> None:
    with serving(tmp_path, "trap '' HUP;|") as process:
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimulatedHypervisor:
    made = from_scenario(Scenario(cores=2, servers=(guest("a", 700), guest("b", 900))))
    monkeypatch.setattr(paths, "run_dir", lambda: tmp_path / "run")
    monkeypatch.setattr("hpm.host.running.open_hypervisor", lambda *_: made)
    return made


def threads() -> set[threading.Thread]:
    """Those that keep a process from ending."""
    return {thread for thread in threading.enumerate() if not thread.daemon}


def ended(before: set[threading.Thread]) -> None:
    wait_until(lambda: threads() <= before, 10, "no thread is left")


@pytest.mark.parametrize("number", [1, 4, 7, 8, 9, 10, 11, 15, 25, 40])
def test_a_start_without_a_thread_leaves_none(
    tmp_path: Path, host: SimulatedHypervisor, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """It could be ended by SIGKILL alone."""
    before, begun, start = threads(), [0], threading.Thread.start

    def counted(self: threading.Thread) -> None:
        begun[0] += 1
        if begun[0] >= number:
            raise RuntimeError("can't start new thread")
        start(self)

    with monkeypatch.context() as patch, pytest.raises((RuntimeError, StoreError)):
        patch.setattr(threading.Thread, "start", counted)
        RunningManager("simulated", tmp_path / "st", tmp_path / "s", 3600.0)
    ended(before)
    assert not any("hpm-loop" in thread.name for thread in threading.enumerate())
    RunningManager("simulated", tmp_path / "st", tmp_path / "s", 3600.0).stop()


def test_a_start_whose_socket_cannot_be_opened_to_all_leaves_nothing(
    tmp_path: Path, host: SimulatedHypervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = threads()

    def fails(self: SocketServer) -> None:
        raise PermissionError("not now")

    with monkeypatch.context() as patch, pytest.raises(PermissionError):
        patch.setattr(SocketServer, "_open", fails)
        RunningManager("simulated", tmp_path / "st", tmp_path / "s", 3600.0)
    ended(before)
    assert not (tmp_path / "s").exists() and not (tmp_path / "s.front").exists()


def test_a_user_without_a_home_is_told_what_to_say(
    tmp_path: Path, host: SimulatedHypervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(cls: type[Path]) -> Path:
        raise RuntimeError("Could not determine home directory.")    # as pathlib does where pwd knows nobody

    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", classmethod(none))
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: 64444)
        for words in (["backup-list"], ["backup-use", "x"], ["restore"]):
            result = CliRunner().invoke(cli, [*words, "--connect", "simulated"])
            assert result.exit_code == 1 and "uid 64444 has no home" in result.output and "--state-dir" in result.output
        result = CliRunner().invoke(cli, ["backup-list", "--state-dir", str(tmp_path), "--connect", "simulated"])
        assert result.output == "there is no backup\n"
    monkeypatch.setattr(paths, "state_dir", raises)
    RunningManager("simulated", tmp_path / "st", tmp_path / "s", 3600.0).stop()


def raises() -> Path:
    raise InvalidValue("no home")


@pytest.mark.parametrize("words", [("restore",), ("backup-use", "BACKUP")])
def test_a_lock_that_cannot_be_taken_is_told_in_a_line(
    tmp_path: Path, host: SimulatedHypervisor, words: tuple[str, ...]
) -> None:
    """It was a traceback, for example where the state is on a file system that is read only."""
    RunningManager("simulated", tmp_path, tmp_path / "s", 3600.0).stop()
    (tmp_path / "lock").unlink()
    (tmp_path / "lock").mkdir()
    backup = backups_of(tmp_path / "hpm.db")[0].name
    words = tuple(backup if word == "BACKUP" else word for word in words)
    result = CliRunner().invoke(cli, [*words, "--state-dir", str(tmp_path), "--connect", "simulated"])
    assert result.exit_code == 1 and result.output.startswith("error: ") and str(tmp_path / "lock") in result.output
