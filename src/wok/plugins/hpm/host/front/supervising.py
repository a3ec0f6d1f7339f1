"""Starting the front beside a manager, and again when it dies.

The front is a program of its own: it inherits nothing but its standard streams and the listening socket. That is
made here so that clients wait, and are not refused, while it starts anew.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

import msgspec

from ...errors import HpmError
from ..log_lines import escaped
from . import __name__ as _program
from .listening import open_listener, where
from .settings import FrontSettings

log = logging.getLogger(__name__)

#: Seconds before a front that died is started again: at first, at most; and after how many its death is news again.
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
STEADY = 60.0

#: Seconds for it to end.
ENDING = 10.0

#: Bytes of a line of the front's that are told as one; lines that are told in a second, and bytes that are read.
LONGEST_LINE = 8192
LINES_A_SECOND = 50
BYTES_A_SECOND = 1024 * 1024

_ROOT_OF_PACKAGES = Path(__file__).resolve().parents[__name__.count(".")]
_LEVELS = {logging.getLevelName(level): level for level in (10, 20, 30, 40, 50)}
#: What the front has of the manager's environment. PYTHONMALLOC: that its memory, too, is given back by the page.
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "PYTHONMALLOC")


class FrontProcess:
    """A front that runs until `stop`, and is started again when it dies."""

    def __init__(self, settings: FrontSettings) -> None:
        """Listens at once. Raises `CannotListen`."""
        self._listener = open_listener(settings.listen)
        self._settings = msgspec.structs.replace(
            settings, listen_fd=self._listener.fileno(), until_stdin_ends=True
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hpm-web", daemon=True)

    @property
    def url(self) -> str:
        """Where it is reached."""
        return where(self._listener)

    @property
    def pid(self) -> int | None:
        """Of the process that runs, or ran last."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it, and see to it."""
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._listener.close()
        with self._lock:
            self._over.set()
            if self._process is not None:
                self._process.terminate()
        self._thread.join(ENDING)
        if self._thread.is_alive() and self._process is not None:
            self._process.kill()
            self._thread.join(ENDING)

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._over.is_set():
            began = time.monotonic()
            try:
                code: int | str = self._once()
            except OSError as error:
                code = str(error)
            if self._over.is_set():
                return
            if time.monotonic() - began > STEADY:
                pause = FIRST_PAUSE
            log.error("the web front ended (%s); it is started again in %g s, and hpm goes on without", code, pause)
            self._over.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _once(self) -> int:
        """Run it to its end; gives its exit code."""
        command = [sys.executable, "-s", "-m", _program, msgspec.json.encode(self._settings).decode()]
        with self._lock:
            if self._over.is_set():
                return 0
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                pass_fds=[self._listener.fileno()], cwd="/", env=_environment(), start_new_session=True,
            )  # fmt: skip
        with self._process as process:
            assert process.stderr is not None
            _pass_on(process.stderr)
            return process.wait()


def start_beside_manager(settings: FrontSettings) -> FrontProcess | None:
    """A front that runs, or None where it cannot: that is logged, and no reason for a manager not to run."""
    try:
        front = FrontProcess(settings)
    except HpmError as error:
        log.error("no web front: %s", error)
        return None
    front.start()
    return front


def _pass_on(lines: IO[bytes]) -> None:
    """Log what the front says, until it says no more. It has no stream of ours: that could be root's terminal, from
    which it could read, and where its lines could pass for ours. Nor can it fill our memory with a line without an end,
    or the disk with lines: of each second so many are told, and who says still more waits."""
    began, told, read, left_out = time.monotonic(), 0, 0, 0
    while line := lines.readline(LONGEST_LINE):
        if read + len(line) > BYTES_A_SECOND:
            time.sleep(max(0.0, began + 1.0 - time.monotonic()))
        if time.monotonic() - began >= 1.0:
            _tell_left_out(left_out)
            began, told, read, left_out = time.monotonic(), 0, 0, 0
        read += len(line)
        if told == LINES_A_SECOND:
            left_out += 1
            continue
        told += 1
        text = line.decode(errors="replace").rstrip("\n")
        word, _, rest = text.partition(" ")
        level = _LEVELS.get(word)
        said = text if level is None else rest
        log.log(level or logging.INFO, "web: %s", escaped(said))
    _tell_left_out(left_out)


def _tell_left_out(lines: int) -> None:
    if lines:
        log.warning("web: %d lines more were left out", lines)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return {**kept, "PYTHONPATH": str(_ROOT_OF_PACKAGES), "PYTHONDONTWRITEBYTECODE": "1"}
