"""The terminal as a live view needs it: single keys, signals, and everything put back at the end."""

from __future__ import annotations

import codecs
import os
import re
import select
import signal
import sys
import termios
import tty
from contextlib import suppress
from types import FrameType, TracebackType

#: What a terminal sends for a key.
_SEQUENCES = {
    "\x1b[A": "up", "\x1bOA": "up", "\x1b[B": "down", "\x1bOB": "down", "\x1b[5~": "page-up", "\x1b[6~": "page-down",
    "\x1b[H": "home", "\x1bOH": "home", "\x1b[1~": "home", "\x1b[7~": "home", "\x1b[F": "end", "\x1bOF": "end",
    "\x1b[4~": "end", "\x1b[8~": "end",
}  # fmt: skip
_SINGLE = {"\r": "enter", "\n": "enter", "\x7f": "backspace", "\x08": "backspace", "\x15": "erase"}
_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO.|\x1b(?![\[O]).", re.DOTALL)

#: A terminal sends a key's sequence at once; a network may tear it apart. Longer than this is the key Escape.
ESCAPE_SECONDS = 0.1

#: The view ends with these.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class KeyDecoder:
    """Bytes of a terminal as names of keys: a character, ``up``, ``page-down``, ``enter``, ``escape`` and so on."""

    def __init__(self) -> None:
        self._characters = codecs.getincrementaldecoder("utf-8")("ignore")
        self._rest = ""

    def feed(self, data: bytes) -> list[str]:
        """The keys that are complete."""
        self._rest += self._characters.decode(data)
        keys: list[str] = []
        while self._rest:
            if self._rest[0] == "\x1b":
                match = _SEQUENCE.match(self._rest)
                if match is None:
                    break
                self._rest = self._rest[match.end() :]
                if match[0] in _SEQUENCES:    # others are keys that mean nothing here
                    keys.append(_SEQUENCES[match[0]])
                continue
            first, self._rest = self._rest[0], self._rest[1:]
            keys.append(_SINGLE.get(first, first))
        return keys

    @property
    def waits(self) -> bool:
        """Whether the beginning of a sequence is there, and not its end."""
        return bool(self._rest)

    def give_up(self) -> list[str]:
        """The end does not come: it was the key Escape."""
        self._rest = ""
        return ["escape"]


class Terminal:
    """Standard input without lines and echo. `wait` returns early for keys, signals, and when `wake` is called.

    `ended` is the signal that asks the view to end, `stopped` whether Ctrl-Z was pressed.
    """

    def __init__(self) -> None:
        self.ended: int | None = None
        self.stopped = False
        self._input = sys.stdin.fileno()
        self._decoder = KeyDecoder()

    def __enter__(self) -> Terminal:
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before = termios.tcgetattr(self._input)
        self._handlers = {
            number: signal.signal(number, self._signalled)
            for number in (*ENDING, signal.SIGWINCH, signal.SIGTSTP)
        }  # fmt: skip
        tty.setcbreak(self._input, termios.TCSANOW)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._put_back()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        # The pipe stays open: a thread may still call `wake`, and its number must not be somebody else's by then.

    def wake(self) -> None:
        """Have `wait` return; from any thread."""
        with suppress(BlockingIOError):    # full: it will wake up anyhow
            os.write(self._wake_write, b"\0")

    def wait(self, seconds: float) -> list[str]:
        """The keys pressed, as soon as there are any; none after that time, or when there is something to look at."""
        ready, _, _ = select.select([self._input, self._wake_read], [], [], seconds)
        if self._wake_read in ready:
            os.read(self._wake_read, 4096)
        if self._input not in ready:
            return []
        data = os.read(self._input, 4096)
        if not data:
            self.ended = signal.SIGHUP
        keys = self._decoder.feed(data)
        while self._decoder.waits:
            if not select.select([self._input], [], [], ESCAPE_SECONDS)[0]:
                return keys + self._decoder.give_up()
            keys += self._decoder.feed(os.read(self._input, 4096))
        return keys

    def stop(self) -> None:
        """Stop this program as Ctrl-Z does; returns when the shell lets it go on."""
        self.stopped = False
        self._put_back()
        os.kill(0, signal.SIGSTOP)
        tty.setcbreak(self._input, termios.TCSANOW)

    def _put_back(self) -> None:
        with suppress(termios.error):    # the terminal may be gone
            termios.tcsetattr(self._input, termios.TCSANOW, self._before)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        if number in ENDING:
            self.ended = number
        elif number == signal.SIGTSTP:
            self.stopped = True
        self.wake()
