"""When the processes of guests were started, as a time that stays the same."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from ..wire.times import rfc3339


class Process(NamedTuple):
    """QEMU of one start of a guest: `start` tells starts apart, `started` is RFC 3339 in UTC."""

    start: str
    pid: int
    started: str


class Starts:
    """Processes of guests by UUID. `wall` gives unix time, `since_boot` the seconds since the host was booted.

    The kernel counts a process' start from boot, and tells the time of boot in whole seconds by a clock that is being
    adjusted: asked again, the sum is now and then another second. So it is made once for each start, from finer clocks.
    """

    def __init__(
        self, wall: Callable[[], float],
        since_boot: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
    ) -> None:  # fmt: skip
        self._wall = wall
        self._since_boot = since_boot
        self._known: dict[str, Process] = {}

    def adopt(self, uuid: str, start: str, pid: int, seconds: float) -> None:
        """A guest runs as this process, which was started so many seconds after boot."""
        known = self._known.get(uuid)
        if known is None or known.start != start:
            self._known[uuid] = Process(start, pid, whole_time(self._wall() - self._since_boot() + seconds))

    def keep(self, uuids: Iterable[str]) -> None:
        """Forget all others: they run no more."""
        self._known = {uuid: self._known[uuid] for uuid in uuids if uuid in self._known}

    def of(self, uuid: str) -> Process | None:
        """That of a guest; None: not known."""
        return self._known.get(uuid)


class StartUnknown(LookupError):
    """libvirt's note of a guest's process is missing where it has its notes, so its starts cannot be told apart."""


def pid_of(root: Path, uri: str, name: str) -> int:
    """The process of the guest of that name, by libvirt's own note. Raises `StartUnknown`, `OSError` where notes cannot
    be read at all."""
    if uri.startswith("qemu:///session"):
        base = Path(os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}")) / "libvirt/qemu/run"
    else:
        base = Path("/run/libvirt/qemu")
    note = root / base.relative_to("/") / f"{name}.pid"
    try:
        return int(note.read_text())
    except (FileNotFoundError, ValueError):
        if note.parent.is_dir():
            raise StartUnknown(
                f"{note} is missing or empty, so it is not known which of its starts runs; start it anew, or write the"
                " number of its QEMU process there"
            ) from None
        raise


def ticks_of(root: Path, pid: int) -> int:
    """When a process was started, in ticks since boot. Raises `OSError`, `ValueError`, `LookupError`."""
    return int((root / f"proc/{pid}/stat").read_text().rpartition(") ")[2].split()[19])


def whole_time(unix: float) -> str:
    """A time to the second, as the API has all times."""
    return rfc3339(datetime.fromtimestamp(round(unix), timezone.utc))
