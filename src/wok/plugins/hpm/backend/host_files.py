"""What the kernel tells of the host itself: idle and stolen time, memory, pressure; from files kept open.

Formats: proc(5), and Documentation/accounting/psi.rst of the kernel.
"""

from __future__ import annotations

import errno
import logging
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ..engine.samples import HostDetails, HostPressure, KsmState, MemoryLimit
from ..errors import HypervisorError
from .kernel_text import as_documented, number
from .ksm import Ksm
from .machine_slice import MachineSlice

log = logging.getLogger(__name__)

_PRESSURE = re.compile(r"(some|full) avg10=([0-9]{1,3}(?:\.[0-9]{1,6})?)(?: |$)", re.ASCII)


class HostState(NamedTuple):
    """Idle (with waiting for I/O) and stolen time of all CPUs in ns since the start, bytes of memory and of what is
    available of it, pressure, what guests may take of it, and KSM; None: the kernel does not tell, or there is none.
    `idle_by_cpu` has the idle time of each CPU that is online."""

    idle_ns: int
    steal_ns: int
    memory_bytes: int | None
    available_bytes: int | None
    pressure: HostPressure | None
    limit: MemoryLimit | None
    ksm: KsmState | None
    details: HostDetails
    idle_by_cpu: Mapping[int, int] = {}


class HostFiles:
    """Keeps the files below `root` open. Raises `OSError` where there is no ``/proc/stat``. `boot` tells the host's
    starts apart, `nodes` counts its NUMA nodes."""

    def __init__(self, root: Path) -> None:
        proc = root / "proc"
        self.boot = (proc / "sys/kernel/random/boot_id").read_text(errors="replace")[:8]
        self.nodes = max(1, len(list((root / "sys/devices/system/node").glob("node[0-9]*"))))
        self.ksm = Ksm(root)
        self._ksmd_stat = _ksmd_stat(proc)
        self._slice = MachineSlice(root)
        self._tick = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
        self._stat = os.open(proc / "stat", os.O_RDONLY | os.O_CLOEXEC)
        self._stat_size = 4096
        self._others: dict[str, int] = {}
        for name in ("meminfo", "vmstat", "pressure/cpu", "pressure/memory", "pressure/io"):
            with suppress(OSError):    # a kernel without it, or with pressure switched off
                self._others[name] = os.open(proc / name, os.O_RDONLY | os.O_CLOEXEC)

    def read(self) -> HostState:
        """All of it, now. Raises `HypervisorError` where ``/proc/stat`` reads otherwise than is documented."""
        lines = self._cpu_lines()
        by_cpu: dict[int, int] = {}
        try:
            fields = lines[0].split()
            idle, steal = int(fields[4]) + int(fields[5]), int(fields[8])
            for line in lines[1:]:
                name, _, _, _, free, waiting, _ = line.split(None, 6)
                by_cpu[int(name[3:])] = (int(free) + int(waiting)) * self._tick
        except (ValueError, IndexError) as error:
            raise HypervisorError(f"/proc/stat does not tell the time of CPUs as proc(5) says: {error}") from None
        memory = self._memory()
        pressure = {name: self._pressure(f"pressure/{name}") for name in ("cpu", "memory", "io")}
        found = HostPressure(
            pressure["cpu"].get("some"), pressure["memory"].get("some"), pressure["memory"].get("full"),
            pressure["io"].get("some"), pressure["io"].get("full"),
        ) if any(pressure.values()) else None  # fmt: skip
        total = memory.get("MemTotal")
        return HostState(
            idle * self._tick, steal * self._tick, total, memory.get("MemAvailable"), found, self._slice.read(total),
            self.ksm.read(), self._details(memory), by_cpu,
        )  # fmt: skip

    def _cpu_lines(self) -> list[bytes]:
        """The lines of all CPUs together, and of each. What follows them may be longer than they are."""
        size = self._stat_size
        while b"\nintr" not in (text := os.pread(self._stat, size, 0)) and len(text) == size:
            size *= 2
        self._stat_size = size
        return [line for line in text.split(b"\nintr", 1)[0].split(b"\n") if line.startswith(b"cpu")]

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
            return os.pread(fd, most, 0).decode(errors="replace")
        except OSError as error:
            if error.errno == errno.EOPNOTSUPP:    # pressure is switched off at the kernel's command line
                log.info("the kernel does not tell %s: %s", name, error)
                os.close(self._others.pop(name))
            else:    # it had no memory for it, say: the next time it may
                log.debug("%s: %s", name, error)
            return ""

    def _details(self, memory: dict[str, int]) -> HostDetails:
        pages = {"pswpin": 0, "pswpout": 0}
        text = self._text("vmstat", 16384)
        for name in pages:
            _, found, rest = text.partition(f"\n{name} ")
            pages[name] = number(rest.split("\n", 1)[0]) if found else 0
        return HostDetails(
            memory.get("MemFree", 0), memory.get("Buffers", 0), memory.get("Cached", 0), memory.get("AnonPages", 0),
            memory.get("SwapTotal", 0), memory.get("SwapFree", 0), pages["pswpin"], pages["pswpout"], self._ksmd(),
        )  # fmt: skip

    def _ksmd(self) -> int | None:
        """CPU time of the kernel's thread that merges pages (ns); None: there is none to be seen."""
        if self._ksmd_stat is None:
            return None
        try:
            with as_documented(self._ksmd_stat):
                fields = self._ksmd_stat.read_text().rpartition(") ")[2].split()
                return (int(fields[11]) + int(fields[12])) * self._tick
        except OSError:
            return None

    def _memory(self) -> dict[str, int]:
        """Bytes, by the kernel's names."""
        found: dict[str, int] = {}
        for line in self._text("meminfo", 8192).split("\n")[:-1]:
            name, _, value = line.partition(":")
            found[name] = number(value) * 1024
        return found

    def _pressure(self, name: str) -> dict[str, float]:
        """Percent of the last 10 s, by what waited: ``some`` task, or ``full``: all that were not idle."""
        found: dict[str, float] = {}
        for line in self._text(name, 256).splitlines():
            told = _PRESSURE.match(line)
            if told is not None:
                found[told[1]] = float(told[2])
        return found


def _ksmd_stat(proc: Path) -> Path | None:
    """Where the kernel tells of its thread that merges pages. Kernel threads are started early: their ids are low."""
    for pid in sorted(int(path.name) for path in proc.glob("[0-9]*") if path.name.isdecimal()):
        with suppress(OSError):
            if (proc / str(pid) / "comm").read_bytes() == b"ksmd\n":    # a process may call itself any bytes
                return proc / str(pid) / "stat"
    return None
