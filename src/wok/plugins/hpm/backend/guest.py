"""One running guest as the kernel shows it: its vCPU threads and its cgroup.

What a guest counts is read by `sampling`, for all guests at once, from files that are kept open here. The rest
stands still for most of the time, and is read when something in the cgroup was touched: the weight, the quota,
and which vCPUs there are.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from ..engine.samples import ServerSample
from ..errors import ServerGone
from .cgroups import GuestCgroup
from .kernel_text import as_documented
from .watch import Watch


class GuestFiles:
    """Reads and writes one guest's files. Not thread-safe: its owner holds a lock.

    `sample` shows it as it was at the last look; `schedstats` are the open counters of its vCPU threads;
    `watched` are the numbers by which a `Watch` tells that it was touched, empty: it cannot be watched.
    Raises `ServerGone` if the guest ends meanwhile.
    """

    def __init__(
        self, uuid: str, start: str, cgroup: GuestCgroup, proc: Path, watch: Watch, started_ns: int = 0,
        pid: int = 0,
    ) -> None:  # fmt: skip
        self.cgroup = cgroup
        self.schedstats: list[int] = []
        self.settled = False
        self.watched: frozenset[int] = frozenset()
        self.sample = ServerSample(uuid, start, cgroup.parent, (), None, started_ns=started_ns, pid=pid)
        self._proc = proc
        self._states: dict[int, int] = {}
        self._stat: int | None = None
        self._links = 0
        self._watch = watch
        try:
            self.watched = self._watch_both()
            self.look()
        except OSError as error:
            self.close()
            raise ServerGone(f"virtual server {uuid} ended: {error}") from None

    def close(self) -> None:
        """Give all files back."""
        self._close_threads()
        if self._stat is not None:
            os.close(self._stat)
            self._stat = None
        for number in self.watched:
            self._watch.remove(number)
        self.watched = frozenset()

    def look(self) -> None:
        """Read what changes seldom. vCPUs are plugged without an event of libvirt 9's: a directory is made, and
        a moment later the thread moves into it, so it is not `settled` until it was looked at once more.
        Raises `OSError` if the guest has ended."""
        with as_documented(self.cgroup.shares_file):
            weight = int(self.cgroup.shares_file.read_text())
        if weight != self.sample.shares:
            self.sample = msgspec.structs.replace(self.sample, shares=weight)
        self._look_at_quota()
        links = self.cgroup.threads.stat().st_nlink
        if links != self._links or not self.settled:
            self.settled, self._links = links == self._links, links
            self.open_threads()

    def open_threads(self) -> None:
        """Open the counters of all vCPUs anew if others came or went. Raises `OSError`."""
        found = self.cgroup.vcpu_threads()
        threads = tuple(found[number] for number in sorted(found))
        if threads == self.sample.threads:
            return
        self._close_threads()
        for tid in threads:
            self.schedstats.append(self._open(self._proc / f"{tid}/schedstat"))
        self.sample = msgspec.structs.replace(self.sample, threads=threads)

    def runnable(self, vcpu: int, *, keep: bool = True) -> bool:
        """Whether the thread of a vCPU runs or waits to run. `keep`: its file stays open for the next time. Raises
        `OSError`."""
        fd = self._states.get(vcpu)
        known = fd is not None
        if fd is None:
            fd = self._open(self._proc / f"{self.sample.threads[vcpu]}/stat")
        try:
            # pid (comm) state …: comm may hold anything, so count from its last parenthesis
            return os.pread(fd, 512, 0).rpartition(b") ")[2].startswith(b"R")
        finally:
            if keep:
                self._states[vcpu] = fd
            elif not known:
                os.close(fd)

    def throttled_ns(self) -> int:
        """Time that the quota has taken so far. Raises `OSError`."""
        if self._stat is None:
            self._stat = self._open(self.cgroup.stat_file)
        with as_documented(self.cgroup.stat_file):
            for line in os.pread(self._stat, 1024, 0).split(b"\n"):
                name, _, value = line.partition(b" ")
                if name == b"throttled_time":
                    return int(value)
                if name == b"throttled_usec":
                    return int(value) * 1000
        return 0

    def write_shares(self, shares: int) -> None:
        """Write the weight. Raises `OSError` where that is not allowed."""
        self._write(self.cgroup.shares_file, str(shares))

    def write_quota(self, quota_us: int | None, period_us: int) -> None:
        """Write the quota. Raises `OSError` where that is not allowed."""
        if self.cgroup.version == 2:
            self._write(self.cgroup.quota_file, f"{'max' if quota_us is None else quota_us} {period_us}")
        else:
            self._write(self.cgroup.period_file, str(period_us))
            self._write(self.cgroup.quota_file, str(-1 if quota_us is None else quota_us))

    def _look_at_quota(self) -> None:
        with as_documented(self.cgroup.quota_file):
            text = self.cgroup.quota_file.read_text().split()
            quota = None if text[0] in ("max", "-1") else int(text[0])
            period = int(text[1]) if self.cgroup.version == 2 else int(self.cgroup.period_file.read_text())
        if (quota, period) != (self.sample.quota_us, self.sample.period_us):
            self.sample = msgspec.structs.replace(self.sample, quota_us=quota, period_us=period)

    def _watch_both(self) -> frozenset[int]:
        """Watch both directories; empty if that is not possible."""
        numbers = [self._watch.add(path) for path in {self.cgroup.scope, self.cgroup.threads}]
        return frozenset(n for n in numbers if n is not None) if None not in numbers else frozenset()

    def _close_threads(self) -> None:
        for fd in (*self.schedstats, *self._states.values()):
            os.close(fd)
        self.schedstats, self._states = [], {}

    @staticmethod
    def _open(path: Path) -> int:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    @staticmethod
    def _write(path: Path, text: str) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)
