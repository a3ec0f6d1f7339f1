"""What the kernel tells of the host itself: idle and stolen time, memory, pressure; from files kept open.

Formats: proc(5), and Documentation/accounting/psi.rst of the kernel.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ..engine.samples import HostPressure

log = logging.getLogger(__name__)


class HostState(NamedTuple):
    """Idle (with waiting for I/O) and stolen time of all CPUs in ns since the start, bytes of memory and of what is
    available of it, and pressure; None: the kernel does not tell."""

    idle_ns: int
    steal_ns: int
    memory_bytes: int | None
    available_bytes: int | None
    pressure: HostPressure | None


class HostFiles:
    """Keeps the files open. Raises `OSError` where there is no ``/proc/stat``."""

    def __init__(self, proc: Path) -> None:
        self._tick = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
        self._stat = os.open(proc / "stat", os.O_RDONLY | os.O_CLOEXEC)
        self._others: dict[str, int] = {}
        for name in ("meminfo", "pressure/cpu", "pressure/memory", "pressure/io"):
            with suppress(OSError):    # a kernel without it, or with pressure switched off
                self._others[name] = os.open(proc / name, os.O_RDONLY | os.O_CLOEXEC)

    def read(self) -> HostState:
        """All of it, now."""
        fields = os.pread(self._stat, 512, 0).split(b"\n", 1)[0].split()
        idle, steal = int(fields[4]) + int(fields[5]), int(fields[8])
        memory = self._memory()
        pressure = {name: self._pressure(f"pressure/{name}") for name in ("cpu", "memory", "io")}
        found = HostPressure(
            pressure["cpu"].get("some"), pressure["memory"].get("some"), pressure["memory"].get("full"),
            pressure["io"].get("some"), pressure["io"].get("full"),
        ) if any(pressure.values()) else None  # fmt: skip
        return HostState(
            idle * self._tick, steal * self._tick, memory.get("MemTotal"), memory.get("MemAvailable"), found
        )

    def close(self) -> None:
        """Give them back."""
        for fd in (self._stat, *self._others.values()):
            os.close(fd)
        self._others = {}

    def _text(self, name: str, most: int) -> str:
        fd = self._others.get(name)
        if fd is None:
            return ""
        try:
            return os.pread(fd, most, 0).decode()
        except OSError as error:    # pressure may be switched off at the kernel's command line: then reading fails
            log.info("the kernel does not tell %s: %s", name, error)
            os.close(self._others.pop(name))
            return ""

    def _memory(self) -> dict[str, int]:
        """Bytes, of the first lines: they have the size and what is available."""
        found: dict[str, int] = {}
        for line in self._text("meminfo", 256).split("\n")[:-1]:
            name, _, value = line.partition(":")
            found[name] = int(value.split()[0]) * 1024
        return found

    def _pressure(self, name: str) -> dict[str, float]:
        """Percent of the last 10 s, by what waited: ``some`` task, or ``full``: all that were not idle."""
        found: dict[str, float] = {}
        for line in self._text(name, 256).splitlines():
            kind, average, *_ = line.split()
            found[kind] = float(average.partition("=")[2])
        return found
