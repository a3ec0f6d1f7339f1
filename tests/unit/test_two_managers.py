"""Two real `hpm serve` that are started at the same moment on one state directory."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from hpm.client.connection import connect
from hpm.client.errors import NoConnection
from tests.lab.errors import wait_until
from tests.running import ROOT

ROUNDS = 3
POLICY = {
    "name": "day", "importance": "high", "service-classes": [
        {"name": "first", "importance": "highest", "goal": {"type": "velocity", "velocity": 90},
         "classification": {"type": "filter", "filter-type": "virtual-server-name", "operation": "string-match",
                            "value": "*1"}},
        {"name": "rest", "importance": "low", "goal": {"type": "velocity", "velocity": 5}},
    ],
}  # fmt: skip


def serve(state: Path, socket: Path, log: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "tests.program", "0", "serve", "--connect", "simulated:4", "--state-dir", str(state),
        "--socket", str(socket), "--interval", "1", "--no-web",
    ]  # fmt: skip
    with log.open("wb") as opened:
        return subprocess.Popen(command, stdout=opened, stderr=opened, cwd=ROOT)


def answers(socket: Path) -> bool:
    try:
        with connect(socket) as client:
            client.version()
    except NoConnection:
        return False
    return True


def rows(state: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(state / "hpm.db")) as store:
        return store.execute(query).fetchall()


def test_of_two_that_are_started_at_once_one_lives_and_the_other_says_why(tmp_path: Path) -> None:
    """Again and again on one state, in which the one before was killed amid its work; with the same socket or not."""
    state = tmp_path / "state"
    for turn in range(ROUNDS):
        sockets = [tmp_path / f"s{number if turn % 2 else 0}" for number in range(2)]
        logs = [tmp_path / f"log{turn}-{number}" for number in range(2)]
        both = [serve(state, socket, log) for socket, log in zip(sockets, logs, strict=True)]
        try:
            wait_until(lambda both=both: any(one.poll() is not None for one in both), 30, "one ends")    # type: ignore[misc]
            loser = next(number for number, one in enumerate(both) if one.poll() is not None)
            winner = 1 - loser
            living = both[winner]
            wait_until(lambda path=sockets[winner]: answers(path), 30, "the other one answers")    # type: ignore[misc]
            assert living.poll() is None, logs[winner].read_text()
            assert both[loser].returncode == 1, logs[loser].read_text()
            assert "another manager has this host: " in logs[loser].read_text()
            with connect(sockets[winner]) as client:
                client.update_group("default", {"perf-policies": [POLICY], "active-policy": "day"})
                client.set_management_levels({"cpu-mgmt": "on"})
            wait_until(lambda: rows(state, "SELECT uuid, control FROM journal"), 30, "it has changed something")
        finally:
            for one in both:
                one.send_signal(signal.SIGKILL)
                one.wait(10)
        assert rows(state, "PRAGMA integrity_check") == [("ok",)]
        assert rows(state, "SELECT uuid, control FROM journal")
