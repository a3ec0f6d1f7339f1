"""What QEMU's processes themselves take: CPU time and memory, from the kernel's files, without libvirt.

CPU time comes from the guest's cgroup where there is one (v1: ``cpuacct.stat``, v2: ``cpu.stat``), else from
``/proc/<pid>/stat``. The files are kept open: reading one costs microseconds, and a figure of a process that has ended
cannot be mistaken for that of another one with its pid.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

from ..engine.table import Table, empty, of_rows
from .cgroups import GuestCgroup, controller_directory, find_controller
from .extras import PROCESSES
from .kernel_text import as_documented
from .pacing import Background

log = logging.getLogger(__name__)

#: Guests that are read in one portion: well below a millisecond.
PORTION: Final = 20

_NAN: Final = float("nan")
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
Figures: TypeAlias = "tuple[float, float, float, float, float, float]"


class QemuFiles:
    """The open files of one QEMU. `accounting` is where v1's controller cpuacct is mounted. Raises `OSError` if the
    process is gone."""

    def __init__(self, root: Path, pid: int, cgroup: GuestCgroup | None, accounting: Path | None) -> None:
        self._open: list[int] = []
        process = self._process = root / f"proc/{pid}"
        own = None if accounting is None else controller_directory(root, accounting, "cpuacct", pid)
        try:
            self._memory = self._keep(process / "statm")
            self._pressure: int | None = None
            if cgroup is not None and cgroup.version == 2:
                self._read_cpu, path = _microseconds, cgroup.scope / "cpu.stat"
                with suppress(OSError):    # a kernel without PSI, or with PSI switched off
                    self._pressure = self._keep(cgroup.scope / "cpu.pressure")
            elif own is not None:
                self._read_cpu, path = _ticks, own / "cpuacct.stat"
            else:
                self._read_cpu, path = _process_ticks, process / "stat"
            self._cpu = self._keep(path)
        except OSError:
            self.close()
            raise

    def read(self) -> Figures:
        """A number for each of `PROCESSES`. Raises `OSError`."""
        with as_documented(self._process):
            user, system = self._read_cpu(os.pread(self._cpu, 4096, 0))
            virtual, resident = (int(pages) * _PAGE for pages in os.pread(self._memory, 128, 0).split()[:2])
            some, full = (_NAN, _NAN) if self._pressure is None else _pressures(os.pread(self._pressure, 512, 0))
        return user, system, resident, virtual, some, full

    def close(self) -> None:
        """Give all files back."""
        for fd in self._open:
            os.close(fd)
        self._open.clear()

    def _keep(self, path: Path) -> int:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._open.append(fd)
        return fd


class Processes:
    """Samples the QEMU processes of a host in the background; `table` is replaced after each pass."""

    def __init__(self, root: Path, clock: Callable[[], int], period: float) -> None:
        self.table: Table = empty(PROCESSES)
        self._root = root
        self._clock = clock
        self._accounting = find_controller(root, "cpuacct")
        self._lock = threading.Lock()
        self._files: dict[str, tuple[str, QemuFiles]] = {}
        self._rows: dict[str, tuple[int, Figures]] = {}
        self.background = Background("qemu-processes", period, self._sample, clock)

    def adopt(self, uuid: str, start: str, pid: int, cgroup: GuestCgroup | None) -> None:
        """Sample this start of a guest from now on, instead of an earlier one."""
        with self._lock:
            if uuid in self._files and self._files[uuid][0] == start:
                return
            self._drop(uuid)
            try:
                self._files[uuid] = start, QemuFiles(self._root, pid, cgroup, self._accounting)
            except OSError as error:    # it ended between the lines
                log.debug("figures of %s: %s", uuid, error)

    def keep(self, uuids: set[str]) -> None:
        """Sample no others than these."""
        with self._lock:
            for uuid in self._files.keys() - uuids:
                self._drop(uuid)

    def close(self) -> None:
        """End sampling, and give all files back."""
        self.background.close()
        self.keep(set())

    def _drop(self, uuid: str) -> None:
        known = self._files.pop(uuid, None)
        self._rows.pop(uuid, None)
        if known is not None:
            known[1].close()

    def _sample(self) -> Iterator[float]:
        with self._lock:
            uuids = list(self._files)
        for begin in range(0, len(uuids), PORTION):
            before = time.thread_time()
            with self._lock:    # for so long, whoever adopts a guest waits
                for uuid in uuids[begin : begin + PORTION]:
                    self._read(uuid)
            yield time.thread_time() - before
        before = time.thread_time()
        with self._lock:
            self.table = of_rows(PROCESSES, self._rows)
        yield time.thread_time() - before

    def _read(self, uuid: str) -> None:
        known = self._files.get(uuid)
        if known is None:
            return
        try:
            self._rows[uuid] = self._clock(), known[1].read()
        except OSError:    # it ended; the inventory will say so
            self._drop(uuid)


def _ticks(text: bytes) -> tuple[float, float]:
    """``user 12\\nsystem 3``, in ticks."""
    fields = text.split()
    return int(fields[1]) / _TICKS, int(fields[3]) / _TICKS


def _process_ticks(text: bytes) -> tuple[float, float]:
    """Fields 14 and 15 of ``/proc/<pid>/stat``, in ticks; field 2 may hold anything, in parentheses."""
    fields = text.rpartition(b") ")[2].split()
    return int(fields[11]) / _TICKS, int(fields[12]) / _TICKS


def _microseconds(text: bytes) -> tuple[float, float]:
    """``usage_usec 15\\nuser_usec 12\\nsystem_usec 3`` and more."""
    found = dict(line.split() for line in text.splitlines())
    return int(found[b"user_usec"]) / 1e6, int(found[b"system_usec"]) / 1e6


def _pressures(text: bytes) -> tuple[float, float]:
    """``some avg10=0.00 avg60=0.00 avg300=0.00 total=123`` and the same of ``full``, in microseconds."""
    found = {line.split(b" ", 1)[0]: int(line.rpartition(b"total=")[2]) / 1e6 for line in text.splitlines()}
    return found.get(b"some", _NAN), found.get(b"full", _NAN)
