"""Other programs that manage the memory of this host's guests: found by their processes.

Two managers that fight are worse than none. A momd, VDSM (which has MOM inside, or starts it), or a ksmtuned is found
in /proc, by the name of the program or of the script that an interpreter runs. A thread of its own looks through all
processes in small portions; only who needs to know it now looks at once.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Final

import msgspec

from .kernel_text import is_no_room
from .pacing import Background

log = logging.getLogger(__name__)

#: The programs.
NAMES: Final = frozenset({"momd", "vdsmd", "ksmtuned"})
#: Seconds between two looks, and processes that are looked at in one portion.
PERIOD, PORTION = 30.0, 50

_INTERPRETER = re.compile(r"(?:python[0-9.]*|bash|dash|sh)")
_UNIT = re.compile(r"/([^/\n]+\.service)$", re.MULTILINE)


class Rival(msgspec.Struct, frozen=True):
    """A program that manages memory here, too. `unit`: the unit of systemd that it runs in; None: in none."""

    name: str
    pid: int
    unit: str | None = None


class Rivals:
    """The rivals on this host, `root` being the root of its files. `clock` gives monotonic nanoseconds, `names` are the
    programs that count."""

    def __init__(self, root: Path, clock: Callable[[], int], names: Collection[str] = NAMES) -> None:
        self._names = names
        self._proc = root / "proc"
        self._found: tuple[Rival, ...] = ()
        self.background = Background("rivals", PERIOD, self._pass, clock)

    def known(self) -> tuple[Rival, ...]:
        """Those that were there when the thread looked last."""
        return self._found

    def look(self) -> tuple[Rival, ...]:
        """Those that are there now; those that were there before, where there is no room to look."""
        try:
            for _ in self._pass():
                pass
        except OSError as error:
            log.warning("other managers of memory cannot be looked for: %s", error)
        return self._found

    def _pass(self) -> Iterator[float]:
        begin, found = time.thread_time(), []
        try:
            pids = sorted(int(entry.name) for entry in self._proc.iterdir() if entry.name.isdecimal())
        except OSError as error:
            if is_no_room(error):    # who is there is not known, and not nobody
                raise
            pids = []
        for number, pid in enumerate(pids, 1):
            rival = self._rival(pid)
            if rival is not None:
                found.append(rival)
            if number % PORTION == 0:
                yield time.thread_time() - begin
                begin = time.thread_time()
        self._found = tuple(found)
        yield time.thread_time() - begin

    def _rival(self, pid: int) -> Rival | None:
        try:
            name = _program((self._proc / str(pid) / "cmdline").read_bytes())
            if name not in self._names:
                return None
            cgroup = (self._proc / str(pid) / "cgroup").read_text(errors="replace")
        except OSError as error:    # it has ended, or is not ours to look at
            if is_no_room(error):
                raise
            return None
        unit = _UNIT.search(cgroup)
        return Rival(name, pid, None if unit is None else unit[1])


def _program(command: bytes) -> str:
    """The name of what runs: the program's, or the script's where an interpreter runs one."""
    words = command.decode(errors="replace").split("\0")
    name = words[0].rpartition("/")[2]
    if _INTERPRETER.fullmatch(name) is None:
        return name
    script = next((word for word in words[1:] if not word.startswith("-")), "")
    return script.rpartition("/")[2]
