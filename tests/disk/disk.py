"""A disk on which one operation fails, or with which everything ends at one operation.

Operations are each write, cut, fsync, creation and deletion by SQLite, and those and renamings and new directories by
Python's own files (`files.py`). Those that a kind of fault can strike (`STRIKES`) are counted from 1, so there are as
many faults as a life has of them. At the one that was chosen there is the fault:

=========  ==================================================================================================
eio        it fails, and changes nothing
full       it fails for want of room, and so does all that would take more, until `release`
short      a write is made by half, and fails for want of room, once
die        the process ends: nothing is changed any more
die-short  the same, after half of a write
power      the machine ends: what was not synced is lost, but not names: of a new file, its content
unnamed    the same, and names: all that Python's files were called, made or removed since their directory was synced
torn       the machine ends: of what was not synced, some sectors were written, others not; of names, the last
=========  ==================================================================================================

A name is durable when the directory that has it was synced since. SQLite syncs that of a log or journal that it makes,
with the first sync of it (`os_unix.c`, `UNIXFILE_DIRSYNC`); its own creations and deletions are not undone.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias, get_args

import pytest

from tests.sqlite_library import why_not

from .files import REAL, watch
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
)

Kind: TypeAlias = Literal["eio", "full", "short", "die", "die-short", "power", "unnamed", "torn"]
KINDS: tuple[Kind, ...] = get_args(Kind)
#: Those after which nothing of that process goes on.
ENDS: frozenset[Kind] = frozenset({"die", "die-short", "power", "unnamed", "torn"})
#: The same as a test's parameters: `make check` plays some, which are those that differ most, `make check-long` all.
PLAYED = [
    kind if kind in ("eio", "full", "short", "torn") else pytest.param(kind, marks=pytest.mark.long) for kind in KINDS
]
#: Those that end the machine.
LOSES: frozenset[Kind] = frozenset({"power", "unnamed", "torn"})
#: What takes room, so that it can fail for want of it.
_GROWS = frozenset({"create", "write", "share"})
#: By kind, the operations that it strikes; without any: all of them. What `short` and `die-short` would do at others
#: than writes, `eio` and `die` do.
STRIKES: Mapping[Kind, frozenset[str]] = {
    "full": _GROWS, "short": frozenset({"write"}), "die-short": frozenset({"write"}),
}  # fmt: skip
_SECTOR = 512


_Pending: TypeAlias = "list[tuple[int, bytes | None]]"    # None: cut there


class _Kept(NamedTuple):
    """A file that lost its name, which may not be so for good."""

    content: bytes
    mode: int
    synced: bytes | None
    pending: _Pending | None


class Disk(Faults):
    """Faults at one operation; see the module. `at` 0: none. `loses`: the machine is to end later, whatever fails.
    `only`: the operations that are counted."""

    def __init__(
        self, kind: Kind = "eio", at: int = 0, *, loses: bool = False, only: frozenset[str] | None = None
    ) -> None:
        self.kind = kind
        self.at = at
        #: Operations so far that could be struck; whether the fault is there now, and whether it has come at all.
        self.count = 0
        self.struck = self.came = False
        #: Which fault it is, for people.
        self.where = f"{kind}, none"
        self.told: list[str] = []
        self._only = STRIKES.get(kind) if only is None else only
        self._loses = loses or kind in LOSES
        self._synced: dict[str, bytes] = {}
        self._pending: dict[str, _Pending] = {}
        #: What was done to names and is not durable: in which directory, and how it is undone.
        self._names: list[tuple[str, Callable[[], None]]] = []
        self._new_logs: set[str] = set()

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
        lost = self._names if self.kind == "unnamed" else self._names[:-1] if self.kind == "torn" else []
        for _, undo in reversed(lost):
            undo()
        self._names.clear()
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
            _write(path, content)
        self._pending.clear()

    def _now(self, what: str, path: str) -> bool:
        """Count an operation; whether it is to fail."""
        if self.dead:
            return True
        if self.struck and self.kind == "full":
            return what in _GROWS
        if self.struck or (self._only is not None and what not in self._only):
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
        if path.endswith(("-journal", "-wal")):
            self._new_logs.add(path)
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
        if self._loses:
            folder = path if Path(path).is_dir() else ""
            if not folder:
                self._synced[path] = Path(path).read_bytes()
                self._pending.pop(path, None)
            if path in self._new_logs:
                self._new_logs.discard(path)
                folder = str(Path(path).parent)
            self._names = [each for each in self._names if each[0] != folder]
        return OK, False    # slow, and no machine ends here

    def deleting(self, path: str) -> int:
        if self._now("delete", path):
            return IOERR_DELETE
        self._forget(path)
        return OK

    def sharing(self, path: str) -> int:
        return IOERR_SHMSIZE if self._now("share", path) else OK

    def _later(self, path: str, offset: int, data: bytes | None) -> None:
        if self._loses:
            if path not in self._synced:
                self._synced[path] = Path(path).read_bytes()
            self._pending.setdefault(path, []).append((offset, data))

    # -- what Python's own files ask

    def creating(self, path: str) -> int:
        if self._now("create", path):
            return FULL if self.kind == "full" else CANTOPEN
        self._synced[path] = b""
        self._named(path, lambda: self._gone(path))
        return OK

    def renaming(self, source: str, to: str) -> int:
        if self._now("rename", to):
            return IOERR_WRITE
        if self._loses:
            former = self._kept(to)
            self._move(source, to)
            self._named(to, lambda: self._back(source, to, former))
        return OK

    def removing(self, path: str) -> int:
        if self._now("unlink", path):
            return IOERR_DELETE
        if self._loses:
            former = self._kept(path)
            self._forget(path)
            self._named(path, lambda: self._restore(path, former))
        return OK

    def making(self, path: str) -> int:
        if self._now("mkdir", path):
            return FULL if self.kind == "full" else IOERR_WRITE
        self._named(path, lambda: shutil.rmtree(path, ignore_errors=True))
        return OK

    def _named(self, path: str, undo: Callable[[], None]) -> None:
        if self._loses:
            self._names.append((str(Path(path).parent), undo))

    def _kept(self, path: str) -> _Kept | None:
        """What is to be known of a file that loses its name; None: there is none."""
        if not Path(path).exists():
            return None
        return _Kept(
            Path(path).read_bytes(), Path(path).stat().st_mode & 0o777, self._synced.get(path), self._pending.get(path)
        )

    def _restore(self, path: str, former: _Kept | None) -> None:
        """A name is that file's again; a later one keeps it."""
        if former is None or Path(path).exists():
            return
        _write(path, former.content)
        Path(path).chmod(former.mode)
        if former.synced is not None:
            self._synced[path] = former.synced
        if former.pending is not None:
            self._pending[path] = former.pending

    def _back(self, source: str, to: str, former: _Kept | None) -> None:
        """A file did not get its new name."""
        if not Path(to).exists():    # it has yet another one
            return
        if Path(source).exists():
            self._gone(to)
        else:
            REAL["rename"](to, source)
            self._move(to, source)
        self._restore(to, former)

    def _gone(self, path: str) -> None:
        """A file has no name."""
        if Path(path).exists():
            REAL["unlink"](path)
        self._forget(path)

    def _move(self, source: str, to: str) -> None:
        """What is known of a file goes with its name."""
        self._forget(to)
        if source in self._synced:
            self._synced[to] = self._synced.pop(source)
        if source in self._pending:
            self._pending[to] = self._pending.pop(source)

    def _forget(self, path: str) -> None:
        self._synced.pop(path, None)
        self._pending.pop(path, None)


def _write(path: str, content: bytes) -> None:
    """Without faults."""
    with open(path, "wb") as file:    # noqa: PTH123 (`Path.open` has faults)
        file.write(content)


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
            watch(patch, disk)
            yield disk
    finally:
        vfs.remove()
