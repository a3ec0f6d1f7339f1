"""One running guest as the kernel shows it: kept-open files of its vCPU threads and its cgroup.

This is the hot path: an observation costs one `pread` per vCPU (one to two microseconds), and for vCPUs that
may be starving one more of the thread's state (three, as the kernel tells fifty other things with it). The
weight is read, and vCPUs that were plugged are looked for, when something in the cgroup was touched.
"""

from __future__ import annotations

import os
from collections.abc import Set
from operator import add, sub
from pathlib import Path

from ..engine.samples import ServerSample
from ..engine.windows import IDLE_SHARE
from ..errors import ServerGone
from .cgroups import GuestCgroup
from .watch import Watch


class GuestFiles:
    """Reads and writes one guest's files. Not thread-safe: its owner holds a lock.

    Any method raises `ServerGone` when the guest has ended.
    """

    def __init__(
        self, uuid: str, start: str, cgroup: GuestCgroup, proc: Path, watch: Watch | None = None
    ) -> None:
        self.uuid = uuid
        self.start = start
        self.cgroup = cgroup
        self._proc = proc
        self._threads: tuple[int, ...] = ()
        self._schedstats: list[int] = []
        self._states: dict[int, int] = {}
        self._run: tuple[int, ...] = ()
        self._delay: tuple[int, ...] = ()
        self._idle: tuple[bool, ...] = ()
        self._time_ns = 0
        self._quota: tuple[int | None, int] = (None, 100000)
        self._links = 0
        self._unsettled = False
        self._weight = 0
        self._fds: list[int] = []
        self._watch = watch
        self._watched: frozenset[int] = frozenset()
        try:
            self._watched = self._watch_both()
            self._directory = self._keep(cgroup.threads, os.O_RDONLY | os.O_DIRECTORY)
            self._shares = self._keep(cgroup.shares_file, os.O_RDONLY)
            self._stat = self._keep(cgroup.stat_file, os.O_RDONLY)
            self._look()
            self.refresh_quota()
        except OSError as error:
            self.close()
            raise ServerGone(f"virtual server {uuid} ended: {error}") from None

    def close(self) -> None:
        """Give all files back."""
        for fd in (*self._fds, *self._schedstats, *self._states.values()):
            os.close(fd)
        self._fds, self._schedstats, self._states = [], [], {}
        for number in self._watched:
            if self._watch is not None:
                self._watch.remove(number)
        self._watched = frozenset()

    def sample(self, now_ns: int, changed: Set[int] | None = None) -> ServerSample:
        """Read all counters; and the weight, unless it is certain from `Watch.changed` that it is as before."""
        try:
            certain = changed is not None and bool(self._watched) and self._watched.isdisjoint(changed)
            if not certain or self._unsettled:
                self._look()
            try:
                return self._read(now_ns)
            except ProcessLookupError:    # a vCPU was unplugged since
                self._open_threads()
                return self._read(now_ns)
        except OSError as error:
            raise ServerGone(f"virtual server {self.uuid} ended: {error}") from None

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
        self.refresh_quota()

    def refresh_quota(self) -> None:
        """Read the quota anew; it is not part of every sample because it hardly ever changes."""
        text = self.cgroup.quota_file.read_text().split()
        quota = None if text[0] in ("max", "-1") else int(text[0])
        period = int(text[1]) if self.cgroup.version == 2 else int(self.cgroup.period_file.read_text())
        self._quota = (quota, period)

    def _read(self, now_ns: int) -> ServerSample:
        # Each file is one line: time run, time runnable without running, slices.
        fields = b"".join([os.pread(fd, 64, 0) for fd in self._schedstats]).split()
        run, delay = tuple(map(int, fields[0::3])), tuple(map(int, fields[1::3]))
        starving = self._starving(run, delay, now_ns - self._time_ns)
        self._run, self._delay, self._time_ns = run, delay, now_ns
        quota, period = self._quota
        return ServerSample(
            self.uuid, self.start, self.cgroup.parent, self._threads, run, delay, starving,
            self._weight, quota, period, 0 if quota is None else self._throttled(),
        )  # fmt: skip

    def _look(self) -> None:
        """Read what changes seldom. vCPUs are plugged without an event of libvirt 9's: a directory is made, and
        a moment later the thread moves into it, so the next sample looks once more."""
        self._weight = int(os.pread(self._shares, 32, 0))
        links = os.fstat(self._directory).st_nlink
        if links != self._links or self._unsettled:
            self._unsettled, self._links = links != self._links, links
            self._open_threads()

    def _watch_both(self) -> frozenset[int]:
        """Watch both directories; empty if that is not possible."""
        if self._watch is None:
            return frozenset()
        numbers = [self._watch.add(path) for path in {self.cgroup.scope, self.cgroup.threads}]
        return frozenset(n for n in numbers if n is not None) if None not in numbers else frozenset()

    def _starving(self, run: tuple[int, ...], delay: tuple[int, ...], elapsed: int) -> tuple[bool, ...]:
        """Which vCPUs hardly ran although their thread is runnable (state R): they would pass for idle, or for
        having waited only as long as the kernel has credited so far.

        One that was idle before, ran a little and did not wait long is not asked for its state: R may mean that
        it woke up this microsecond. If it waits from now on, the next sample tells.
        """
        if not self._time_ns or len(self._run) != len(run):
            self._idle = (False,) * len(run)
            return self._idle
        little, long = IDLE_SHARE * elapsed, elapsed // 2
        ran_ns, waited_ns = list(map(sub, run, self._run)), list(map(sub, delay, self._delay))
        if False not in self._idle and 0 not in ran_ns and max(map(add, ran_ns, waited_ns)) < little:
            return (False,) * len(run)    # idle as before, as most guests are: what follows would say the same
        starving = tuple([
            ran < little and (ran == 0 or waited >= long or not idle) and self._runnable(place)
            for place, (ran, waited, idle) in enumerate(zip(ran_ns, waited_ns, self._idle, strict=True))
        ])
        self._idle = tuple([
            ran + waited < little and not hungry
            for ran, waited, hungry in zip(ran_ns, waited_ns, starving, strict=True)
        ])
        return starving

    def _runnable(self, place: int) -> bool:
        fd = self._states.get(place)
        if fd is None:
            fd = self._states[place] = os.open(
                self._proc / f"{self._threads[place]}/stat", os.O_RDONLY | os.O_CLOEXEC
            )
        # pid (comm) state …: comm may hold anything, so count from its last parenthesis
        return os.pread(fd, 512, 0).rpartition(b") ")[2].startswith(b"R")

    def _throttled(self) -> int:
        for line in os.pread(self._stat, 1024, 0).split(b"\n"):
            name, _, value = line.partition(b" ")
            if name == b"throttled_time":
                return int(value)
            if name == b"throttled_usec":
                return int(value) * 1000
        return 0

    def _open_threads(self) -> None:
        found = self.cgroup.vcpu_threads()
        threads = tuple(found[number] for number in sorted(found))
        if threads == self._threads:
            return
        for fd in (*self._schedstats, *self._states.values()):
            os.close(fd)
        self._schedstats, self._states, self._threads = [], {}, threads
        for tid in self._threads:
            self._schedstats.append(os.open(self._proc / f"{tid}/schedstat", os.O_RDONLY | os.O_CLOEXEC))
        self._run = ()

    def _keep(self, path: Path, flags: int) -> int:
        fd = os.open(path, flags | os.O_CLOEXEC)
        self._fds.append(fd)
        return fd

    @staticmethod
    def _write(path: Path, text: str) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)
