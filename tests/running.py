"""A manager as a process of its own, as users run it; for tests and benchmarks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from hpm.client.connection import connect
from hpm.client.errors import NoConnection
from hpm.client.rest import Client

T = TypeVar("T")


def wait_for(condition: Callable[[], T], what: str, timeout: float = 20.0, every: float = 0.05) -> T:
    """The first true value that `condition` gives; fails after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout:g} s")
        time.sleep(every)


class ManagerProcess:
    """`hpm serve` with a state directory and a socket of its own below `directory`."""

    def __init__(self, directory: Path, uri: str, interval: float = 3.0, env: dict[str, str] | None = None) -> None:
        self.directory = directory
        self.socket = directory / "s"
        self.log = directory / "log"
        self.uri = uri
        self.interval = interval
        self.env = {**os.environ, **(env or {})}
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ManagerProcess:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, wait: bool = True) -> None:
        """Start it; returns when it answers."""
        command = [
            sys.executable, "-m", "hpm.cli.main", "serve", "--connect", self.uri,
            "--state-dir", str(self.directory), "--socket", str(self.socket), "--interval", str(self.interval),
        ]  # fmt: skip
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=log, env=self.env)
        if wait:
            wait_for(self._answers, "the manager answers")

    def stop(self) -> None:
        """A clean stop (SIGTERM), if it runs."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30.0)
            self.process = None

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10.0)
        self.process = None

    def client(self) -> Client:
        """A client of its socket."""
        return connect(self.socket)

    def text(self) -> str:
        """What it has logged."""
        return self.log.read_text()

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the manager ended: {self.text()}")
        try:
            with self.client() as client:
                client.version()
        except NoConnection:
            return False
        return True
