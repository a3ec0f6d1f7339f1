"""Processes named by pid and start time, so that a recycled pid is never taken for the old process."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from .errors import LabTimeoutError, wait_until

PROC = Path("/proc")


def stat_fields(path: Path) -> list[str]:
    """The fields of a /proc/.../stat file from field 3 (state) on; raises OSError if the process is gone."""
    # Field 2, the name, is in parentheses and may contain anything, so split after the last one.
    return path.read_text().rpartition(")")[2].split()


def start_ticks(pid: int) -> int | None:
    """Start time of a process in clock ticks since boot; None if it does not run (a zombie does not)."""
    try:
        fields = stat_fields(PROC / str(pid) / "stat")
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


@dataclass(frozen=True)
class Process:
    """One process: its pid and its start time in clock ticks since boot."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Process:
        """The process that has this pid now; raises ProcessLookupError if none has."""
        started = start_ticks(pid)
        if started is None:
            raise ProcessLookupError(pid)
        return cls(pid, started)

    @property
    def alive(self) -> bool:
        return start_ticks(self.pid) == self.started

    def kill(self, sig: signal.Signals) -> None:
        """Send a signal if the process still is the one meant."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def end(self, patience: float = 10.0) -> None:
        """SIGTERM, wait `patience` seconds, SIGKILL; returns when gone. Raises LabTimeoutError if it stays."""
        self.kill(signal.SIGTERM)
        try:
            self.wait_gone(patience)
        except LabTimeoutError:
            self.kill(signal.SIGKILL)
            self.wait_gone(patience)

    def wait_gone(self, seconds: float) -> None:
        """Return when the process is gone; raises LabTimeoutError after `seconds`."""
        wait_until(lambda: not self.alive, seconds, f"end of process {self.pid}")
