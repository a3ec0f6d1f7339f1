"""Reading the counters of all guests at once: the hot path.

An observation costs one `pread` per vCPU (one to five microseconds), a dearer one for each vCPU that may be
starving (its thread's state, with which the kernel tells fifty other things), and little besides: the text of
all counters is parsed in one go into columns. Weights are read, and vCPUs that were plugged are looked for,
when something in a guest's cgroup was touched.
"""

from __future__ import annotations

import errno
import os
import re
import resource
from bisect import bisect_right
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..engine.counters import Column, Counters, Layout
from ..engine.samples import ServerSample
from .cgroups import GuestCgroup
from .guest import GuestFiles
from .starving import Starvation
from .watch import Watch

#: Open files that are left to everything else: connections, stores, what is open for a moment.
SPARE_FILES = 150

_COUNTERS = re.compile(rb"[0-9]{1,19} [0-9]{1,19} [0-9]{1,19}\n")


class Sampled(NamedTuple):
    """What was read, and the guests that were found to have ended (their files are closed)."""

    samples: Mapping[str, ServerSample]
    counters: Counters
    gone: list[str]


class Sampler:
    """Keeps the files of guests open and reads them. Not thread-safe: its owner holds a lock."""

    def __init__(self, proc: Path) -> None:
        self._proc = proc
        self._watch = Watch()
        self._guests: dict[str, GuestFiles] = {}
        self._watched: dict[int, str] = {}
        self._unwatched: set[str] = set()
        self._due: set[str] = set()
        self._samples: Mapping[str, ServerSample] = {}
        self._starvation = Starvation()
        self._layout = Layout(())
        self._fds: list[int] = []
        self._capped: list[str] = []
        self._stale = False    # whether other files are open than `_fds` says
        self._most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_FILES

    def open(self, uuid: str, start: str, cgroup: GuestCgroup, started_ns: int = 0, pid: int = 0) -> None:
        """Open the files of a guest, in place of an earlier start of it. Raises `ServerGone`."""
        self.drop(uuid)
        self._stale = True
        guest = self._guests[uuid] = GuestFiles(uuid, start, cgroup, self._proc, self._watch, started_ns, pid)
        self._watched.update(dict.fromkeys(guest.watched, uuid))
        if not guest.watched:
            self._unwatched.add(uuid)
        self._due.add(uuid)

    def guest(self, uuid: str) -> GuestFiles | None:
        """The files of a guest; None if they are not open."""
        return self._guests.get(uuid)

    def uuids(self) -> set[str]:
        """Guests whose files are open."""
        return set(self._guests)

    def touch(self, uuid: str) -> None:
        """Something of a guest was changed that no event tells: look at it in the next sample."""
        self._due.add(uuid)

    def drop(self, uuid: str) -> None:
        """Close a guest's files, if they are open."""
        guest = self._guests.pop(uuid, None)
        if guest is None:
            return
        self._stale = True
        for number in guest.watched:
            self._watched.pop(number, None)
        self._unwatched.discard(uuid)
        guest.close()

    def close(self) -> None:
        """Give all files back."""
        for uuid in list(self._guests):
            self.drop(uuid)
        self._watch.close()

    def sample(self, now_ns: int) -> Sampled:
        """Read everything."""
        gone = self._look(now_ns)
        try:
            run, delay = _columns(self._read(), len(self._fds))
        except OSError:    # a guest has ended, or a vCPU was unplugged, since its cgroup was looked at
            run, delay = _columns(self._read_each(gone), len(self._fds))
        starving = self._starvation.judge(self._layout, run, delay, now_ns, self._runnable)
        throttled: dict[str, int] = {}
        for uuid in self._capped:
            with suppress(OSError):    # it ends just now; the next sample says so
                throttled[uuid] = self._guests[uuid].throttled_ns()
        return Sampled(self._samples, Counters(self._layout, run, delay, starving, throttled), gone)

    def glance(self) -> Counters | None:
        """Read run and delay alone, of the threads of the last sample. None: some of them are gone."""
        if self._stale:
            return None
        try:
            run, delay = _columns(self._read(), len(self._fds))
        except OSError:
            return None
        return Counters(self._layout, run, delay, np.zeros(len(run), dtype=np.bool_), {})

    def _read(self) -> bytes:
        return b"".join([os.pread(fd, 64, 0) for fd in self._fds])

    def _look(self, now_ns: int) -> list[str]:
        """Look at the guests of which something may have changed; gives those that have ended."""
        changed = self._watch.changed(now_ns)
        if changed is None:
            due = list(self._guests)
        else:
            due = list(self._due | self._unwatched | {self._watched[n] for n in changed if n in self._watched})
        self._due.clear()
        gone: list[str] = []
        for uuid in due:
            guest = self._guests.get(uuid)
            if guest is None:
                continue
            try:
                guest.look()
            except OSError:
                gone.append(uuid)
                self.drop(uuid)
                continue
            if not guest.settled:
                self._due.add(uuid)
        self._collect(due)
        return gone

    def _read_each(self, gone: list[str]) -> bytes:
        """Read guest by guest, without those that have ended."""
        texts: list[bytes] = []
        for uuid, guest in list(self._guests.items()):
            try:
                try:
                    found = [os.pread(fd, 64, 0) for fd in guest.schedstats]
                except ProcessLookupError:
                    guest.open_threads()
                    found = [os.pread(fd, 64, 0) for fd in guest.schedstats]
                if not all(map(_COUNTERS.fullmatch, found)):
                    raise OSError(errno.EBADMSG, "its threads' schedstat is not as documented", uuid)
                texts += found
            except OSError:
                gone.append(uuid)
                self.drop(uuid)
        self._collect(list(self._guests))
        return b"".join(texts)

    def _collect(self, due: list[str]) -> None:
        """Take over what may have changed of these guests, and which there are."""
        known = self._samples
        fresh = {uuid: self._guests[uuid].sample for uuid in due if uuid in self._guests}
        fresh = {uuid: sample for uuid, sample in fresh.items() if known.get(uuid) is not sample}
        if self._stale or any(known[uuid].threads != sample.threads for uuid, sample in fresh.items()):
            self._samples = {uuid: guest.sample for uuid, guest in self._guests.items()}
            self._layout = Layout(sample.started for sample in self._samples.values())
            self._fds = [fd for guest in self._guests.values() for fd in guest.schedstats]
            self._stale = False
        elif fresh:
            self._samples = {**known, **fresh}
        else:
            return
        self._capped = [uuid for uuid, sample in self._samples.items() if sample.quota_us is not None]

    def _runnable(self, row: int) -> bool:
        place = bisect_right(self._layout.bounds, row) - 1
        guest = self._guests[self._layout.servers[place].uuid]
        keep = 2 * len(self._fds) <= self._most_files    # else some would find no room for theirs, and pass for idle
        try:
            return guest.runnable(row - int(self._layout.bounds[place]), keep=keep)
        except OSError:    # it ends just now; the next sample says so
            return False


def _columns(text: bytes, rows: int) -> tuple[Column, Column]:
    """Run and delay from the text of so many schedstat files: each is one line of time run, time runnable without
    running, and slices. Raises `OSError` where they are not: all rows behind it would be another thread's."""
    try:
        fields: Column = np.fromstring(text, dtype=np.int64, sep=" ")
    except (ValueError, DeprecationWarning) as error:    # numpy only warns, before some release
        raise OSError(errno.EBADMSG, str(error)) from None
    if len(fields) != 3 * rows or text.count(b"\n") != rows:
        raise OSError(errno.EBADMSG, f"{rows} threads have {len(fields)} counters, not a line of three each")
    return fields[0::3].copy(), fields[1::3].copy()
