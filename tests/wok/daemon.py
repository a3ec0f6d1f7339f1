"""Wok's server as a process (`wokd`), in a tree of its own."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.lab.errors import wait_until
from tests.running import ROOT

from .tree import make_tree


def free_port() -> int:
    """A port of loopback that nobody has now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def admin_of(port: int) -> httpx.Client:
    """What the user `admin` asks Wok with."""
    return httpx.Client(
        base_url=f"http://127.0.0.1:{port}", auth=("admin", "secret"), trust_env=False, timeout=30,
        headers={"Accept": "application/json"},
    )  # fmt: skip


def answers(http: httpx.Client, path: str) -> bool:
    """Whether there is an answer, and a good one."""
    try:
        return http.get(path).status_code == 200
    except httpx.TransportError:
        return False


class Wokd:
    """A process; `http` has the password of the user `admin`."""

    def __init__(self, directory: Path, **tree: Any) -> None:
        self.directory = directory
        source = make_tree(directory, **tree)
        self.port = free_port()
        self.log = directory / "error.log"
        with (directory / "out").open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "tests.wok.wokd", source, str(self.port), directory,
                 "true" if "kimchi" in tree else ""], cwd=ROOT, stdout=out, stderr=out,
            )  # fmt: skip
        self.http = admin_of(self.port)
        wait_until(self._answers, 30.0, f"Wok answers ({directory / 'out'})")

    def stop(self) -> None:
        """As systemd ends it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30.0)

    def close(self) -> None:
        """Whatever has become of it."""
        self.http.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10.0)

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError((self.directory / "out").read_text())
        return answers(self.http, "/config/plugins")
