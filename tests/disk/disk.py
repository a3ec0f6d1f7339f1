"""A disk on which one operation fails, or with which everything ends at one operation.

Operations are each write, cut, fsync, creation and deletion by SQLite, and each of `os` that hpm's own code makes on
files (`OS_CALLS`). Those that a kind of fault can strike (`STRIKES`) are counted from 1, so there are as many faults as
a life has of them. At the one that was chosen there is the fault:

=========  ==================================================================================================
eio        it fails, and changes nothing
full       it fails for want of room, and so does all that would take more, until `release`
short      a write is made by half, and fails for want of room, once
die        the process ends: nothing is changed any more
die-short  the same, after half of a write
power      the machine ends: what was not synced is lost; of a new file that has a name, its content
torn       the machine ends: of what was not synced, some sectors were written and others were not
=========  ==================================================================================================
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import pytest

from .vfs import (
    CANTOPEN,
    FULL,
    IOERR_DELETE,
    IOERR_FSYNC,
    IOERR_SHMSIZE,
    IOERR_TRUNCATE,
    IOERR_WRITE,
    OK,
    Faults,
    FaultyVfs,
    why_not,
)

Kind: TypeAlias = Literal["eio", "full", "short", "die", "die-short", "power", "torn"]
KINDS: tuple[Kind, ...] = get_args(Kind)
#: Those after which nothing of that process goes on.
ENDS: frozenset[Kind] = frozenset({"die", "die-short", "power", "torn"})
#: The same as a test's parameters: `make check` plays some, which are those that differ most, `make check-long` all.
PLAYED = [
    kind if kind in ("eio", "full", "short", "torn") else pytest.param(kind, marks=pytest.mark.long) for kind in KINDS
]
OS_CALLS = ("replace", "rename", "link", "unlink", "fsync")
#: What takes room, so that it can fail for want of it.
_GROWS = frozenset({"create", "write", "share", "link"})
#: By kind, the operations that it strikes; without any: all of them. What `short` and `die-short` would do at others
#: than writes, `eio` and `die` do.
STRIKES: Mapping[Kind, frozenset[str]] = {
    "full": _GROWS, "short": frozenset({"write"}), "die-short": frozenset({"write"}),
}  # fmt: skip
_SECTOR = 512


class Disk(Faults):
    """Faults at one operation; see the module. `at` 0: none. `home`: of files that are moved below it, those that were
    not there at first, nor written by SQLite, are Python's: they are lost with the machine until they are synced."""

    def __init__(self, kind: Kind = "eio", at: int = 0, home: Path | None = None) -> None:
        self.kind = kind
        self.at = at
        #: Operations so far that could be struck; whether the fault is there now, and whether it has come at all.
        self.count = 0
        self.struck = self.came = False
        #: Which fault it is, for people.
        self.where = f"{kind}, none"
        self.told: list[str] = []
        self._synced: dict[str, bytes] = {}
        self._pending: dict[str, list[tuple[int, bytes | None]]] = {}    # None: cut there
        self._home = home
        self._known = set() if home is None else {file.stat().st_ino for file in home.rglob("*")}

    @property
    def dead(self) -> bool:
        """Whether nothing goes on."""
        return self.struck and self.kind in ENDS

    def release(self) -> None:
        """From now on all is well: there is room again, or another process goes on."""
        self.at = 0
        self.struck = False

    def lose_power(self) -> None:
        """The machine ended: make the files what is found at the next start. All connections must be closed."""
        chance = random.Random(self.at)
        for path, pending in self._pending.items():
            if not pending or not Path(path).exists():
                continue
            content = bytearray(self._synced.get(path, b""))
            for offset, data in pending if self.kind == "torn" else ():
                if data is None:
                    if chance.random() < 0.5:
                        del content[offset:]
                    continue
                for begin in range(0, len(data), _SECTOR):
                    if chance.random() < 0.5:
                        part = data[begin : begin + _SECTOR]
                        content.extend(bytes(max(0, offset + begin + len(part) - len(content))))
                        content[offset + begin : offset + begin + len(part)] = part
            Path(path).write_bytes(content)
        self._pending.clear()

    def _now(self, what: str, path: str) -> bool:
        """Count an operation; whether it is to fail."""
        if self.dead:
            return True
        if self.struck and self.kind == "full":
            return what in _GROWS
        if self.struck or what not in STRIKES.get(self.kind, {what}):
            return False
        self.count += 1
        self.told.append(f"{what} {Path(path).name}")
        if self.count == self.at:
            self.struck = self.came = True
            self.where = f"{self.kind} at {self.at} ({self.told[-1]})"
        return self.struck

    # -- what SQLite asks

    def opening(self, path: str, *, creates: bool) -> int:
        if not creates:
            return CANTOPEN if self.dead else OK
        if self._now("create", path):
            return CANTOPEN
        self._synced.setdefault(path, b"")
        return OK

    def writing(self, path: str, offset: int, data: bytes) -> tuple[int, bytes]:
        known = self.struck
        if self._now("write", path):
            part = data[: len(data) // 2] if self.kind in ("short", "die-short") and not known else b""
            return FULL if self.kind in ("full", "short") else IOERR_WRITE, part
        self._later(path, offset, data)
        return OK, data

    def truncating(self, path: str, size: int) -> int:
        if self._now("cut", path):
            return IOERR_TRUNCATE
        self._later(path, size, None)
        return OK

    def syncing(self, path: str) -> tuple[int, bool]:
        if self._now("sync", path):
            return IOERR_FSYNC, False
        if self.kind in ("power", "torn"):
            self._synced[path] = Path(path).read_bytes()
            self._pending.pop(path, None)
        return OK, False    # slow, and no machine ends here

    def deleting(self, path: str) -> int:
        if self._now("delete", path):
            return IOERR_DELETE
        self._synced.pop(path, None)
        self._pending.pop(path, None)
        return OK

    def sharing(self, path: str) -> int:
        return IOERR_SHMSIZE if self._now("share", path) else OK

    def _later(self, path: str, offset: int, data: bytes | None) -> None:
        if self.kind in ("power", "torn"):
            if path not in self._synced:
                self._synced[path] = Path(path).read_bytes()
            self._pending.setdefault(path, []).append((offset, data))

    # -- what Python's own files ask

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function of `os` that changes files, with faults."""

        def call(*args: Any, **options: Any) -> Any:
            paths = [os.fspath(arg) for arg in args if isinstance(arg, str | os.PathLike)]
            if self._now(name, paths[-1] if paths else ""):
                full = self.kind in ("full", "short")
                raise OSError(errno.ENOSPC if full else errno.EIO, os.strerror(errno.ENOSPC if full else errno.EIO))
            if name == "fsync":
                return self._synced_by_hand(str(Path(f"/proc/self/fd/{args[0]}").readlink()))
            if name in ("replace", "rename") and Path(paths[0]).is_file():
                self._moving(*paths)
            return function(*args, **options)

        return call

    def _synced_by_hand(self, path: str) -> None:
        if self._home is not None and Path(path).is_file():
            self._synced[path] = Path(path).read_bytes()
            self._pending.pop(path, None)

    def _moving(self, source: str, to: str) -> None:
        if self._home is None or not Path(source).is_relative_to(self._home):
            return
        for kept in (self._synced, self._pending):
            kept.pop(to, None)    # type: ignore[attr-defined]
        new = source not in self._synced and Path(source).stat().st_ino not in self._known
        self._synced[to] = b"" if new else self._synced.pop(source, Path(source).read_bytes())
        self._pending[to] = [(0, Path(source).read_bytes())] if new else self._pending.pop(source, [])


_VFS: list[FaultyVfs] = []


def tell(what: str, kind: Kind, faults: int) -> None:
    """How many faults a test has injected (shown by `pytest -rP`), for docs/reliability.md."""
    print(f"{faults} faults: {what}, {kind}")


@contextmanager
def faulty(disk: Disk) -> Iterator[Disk]:
    """All files are on that disk. Within, open and close what is tested. Skips the test where there can be none."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    if not _VFS:
        _VFS.append(FaultyVfs())    # one for good: SQLite may still point to it
    vfs = _VFS[0]
    vfs.faults = disk
    vfs.install()
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name in OS_CALLS:
                patch.setattr(os, name, disk.around(name, getattr(os, name)))
            yield disk
    finally:
        vfs.remove()
