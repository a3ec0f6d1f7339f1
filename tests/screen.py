"""A program on a terminal of its own, and what a user sees there; for tests of what is interactive."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Sequence
from types import TracebackType

import pyte

#: Seconds that anything on a screen may take, also where other tests keep the machine busy.
PATIENCE = 30.0


class Terminal:
    """`command` on a pseudo-terminal; `screen` is what it shows, `sent` all that it has sent."""

    def __init__(
        self, command: Sequence[str], env: dict[str, str], columns: int = 100, lines: int = 24, cwd: str | None = None
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self.sent = b""
        self._stream = pyte.ByteStream(self.screen)
        self._master, self.slave = os.openpty()
        self._size(columns, lines)
        self.before = termios.tcgetattr(self.slave)
        # the terminal must be the one that controls the program, so that Ctrl-C and Ctrl-Z do something
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *command], stdin=self.slave, stdout=self.slave, stderr=self.slave, cwd=cwd,
            env={"TERM": "xterm-256color", "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **env},
        )  # fmt: skip

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)
        os.close(self.slave)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """What a window does whose corner is pulled."""
        self.screen.resize(lines, columns)
        self._size(columns, lines)

    def until(self, check: Callable[[list[str]], object], what: str) -> list[str]:
        """Wait until the lines of the screen are so; gives them. Fails with what is seen instead."""
        deadline = time.monotonic() + PATIENCE
        news = select.poll()    # other tests may have left files open, and select() knows 1,024
        news.register(self._master, select.POLLIN)
        while time.monotonic() < deadline:
            if news.poll(50):
                data = os.read(self._master, 65536)
                self.sent += data
                self._stream.feed(data)
            elif check(self.lines):
                return self.lines
        raise AssertionError(f"{what}: not seen within {PATIENCE:g} s; instead:\n" + "\n".join(self.lines))

    @property
    def lines(self) -> list[str]:
        """The screen as text."""
        return [line.rstrip() for line in self.screen.display]

    def ended(self) -> int:
        """Wait for the program's end; its exit code (negative: the signal)."""
        self.until(lambda _: self.process.poll() is not None, "the program's end")
        return self.process.wait()

    def stopped(self) -> bool:
        """Whether Ctrl-Z has stopped it."""
        pid, status = os.waitpid(self.process.pid, os.WUNTRACED | os.WNOHANG)
        return pid != 0 and os.WIFSTOPPED(status)

    def go_on(self) -> None:
        """What the shell's `fg` does."""
        os.kill(self.process.pid, signal.SIGCONT)

    def is_as_before(self) -> bool:
        """Whether the terminal's settings are those found at the start."""
        return termios.tcgetattr(self.slave) == self.before

    def _size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
