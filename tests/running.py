"""A manager as a process of its own, as users run it; for tests and benchmarks."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from hpm.client.connection import connect
from hpm.client.errors import NoConnection
from hpm.client.rest import Client

from .lab.errors import wait_until

ROOT = Path(__file__).parents[1]
#: Seconds that a clean stop may take.
STOPPING = 30.0


class Ended(AssertionError):
    """The manager ended before it answered."""


def unit_environment() -> dict[str, str]:
    """What the unit that hpm ships sets for the manager."""
    text = (ROOT / "contrib/systemd/hpm.service").read_text()
    return dict(re.findall(r"^Environment=(\w+)=(\S+)$", text, re.MULTILINE))


class ManagerProcess:
    """`hpm serve` with a state directory and a socket of its own below `directory`. `web`: its options for that."""

    #: What is run instead of the command `hpm`.
    program = "tests.program"

    def __init__(
        self, directory: Path, uri: str, interval: float = 3.0, web: Sequence[str] = ("--no-web",)
    ) -> None:
        self.web = tuple(web)
        self.environment = unit_environment()
        self.directory = directory
        self.socket = directory / "s"
        self.log = directory / "log"
        self.uri = uri
        self.interval = interval
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ManagerProcess:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, *, crash_at: int = 0) -> None:
        """Start it; returns when it answers. `crash_at`: it dies at that step (see `tests.program`). Raises `Ended`."""
        command = [
            sys.executable, "-m", self.program, str(crash_at), "serve", "--connect", self.uri,
            "--state-dir", str(self.directory), "--socket", str(self.socket), "--interval", str(self.interval),
            *self.web,
        ]  # fmt: skip
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stderr=log, stdout=log, cwd=ROOT, env={**os.environ, **self.environment}
            )
        try:
            wait_until(self._answers, 20, "the manager answers")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """A clean stop (SIGTERM), if it runs. One that does not end is made to say where it hangs, and killed."""
        process, self.process = self.process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOPPING)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGABRT)
                process.wait(10.0)
                raise AssertionError(f"the manager did not stop in {STOPPING:g} s: {self.text()}") from None

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.died()

    def died(self) -> None:
        """Wait for the end of a process that was killed, by itself or by somebody."""
        assert self.process is not None
        self.process.wait(10.0)
        self.process = None

    def client(self) -> Client:
        """A client of its socket."""
        return connect(self.socket)

    def hpm(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command line against it."""
        command = [sys.executable, "-m", "hpm.cli.main", "--socket", str(self.socket), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60.0, check=False)

    def text(self) -> str:
        """What it has logged."""
        return self.log.read_text()

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise Ended(f"the manager ended: {self.text()}")
        try:
            with self.client() as client:
                client.version()
        except NoConnection:
            return False
        return True


def resident(pid: int | None = None) -> int:
    """Bytes of memory that a process has now (default: this one)."""
    pages = Path(f"/proc/{pid or 'self'}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()
