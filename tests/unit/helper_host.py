"""The sockets of hpm's helpers as systemd has them: a process for each connection, which is its standard input."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path


class Socket:
    """Listens like a unit with `Accept=yes`; `started` are the processes."""

    def __init__(self, path: Path, what: str) -> None:
        self.started: list[subprocess.Popen[bytes]] = []
        self._what = what
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        path.chmod(0o600)
        self._listener.listen(64)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.started.append(subprocess.Popen(
                    [sys.executable, "-m", "hpm.cli.main", "helper", self._what], stdin=connection, stdout=connection,
                    stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
                ))  # fmt: skip

    def close(self) -> None:
        """Stop listening; those that run end with their connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait(10)


@contextlib.contextmanager
def helper_socket(path: Path, what: str) -> Iterator[Socket]:
    """One that listens at a path."""
    made = Socket(path, what)
    try:
        yield made
    finally:
        made.close()
