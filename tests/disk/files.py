"""Python's own way to its files, with the same place in between as SQLite's (`vfs.py`) where an operation can fail.

What hpm calls is replaced in `os`; a file that is opened for writing with `Path.open`, `write_text` or `write_bytes`
has the usual layers above `os.write`, so that half of a text can be in it. As a kernel's, a write that is done by half
tells how much that is, and the next one fails. Not seen: the `open` that is built in and `os.fdopen`, with which
nothing is written that is tested here; rights and times of files.
"""

from __future__ import annotations

import errno
import io
import os
import pathlib
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

from .vfs import FULL, Faults

#: As they are without faults.
REAL: dict[str, Callable[..., Any]] = {
    name: getattr(os, name) for name in ("open", "write", "fsync", "rename", "replace", "unlink", "mkdir")
}
_OPEN = Path.open


def watch(patch: pytest.MonkeyPatch, faults: Faults) -> None:
    """Have all that changes files ask `faults`, as long as the patch holds."""

    owed: dict[int, int] = {}    # by file: the error of the rest of a write that was done by half

    def opened(path: Any, flags: int, *more: Any, **options: Any) -> int:
        name = _name(path)
        if flags & os.O_CREAT and not os.path.lexists(name):
            _check(faults.creating(name))
        elif flags & os.O_TRUNC and Path(name).stat().st_size:
            _check(faults.truncating(name, 0))
        file = int(REAL["open"](path, flags, *more, **options))
        owed.pop(file, None)
        return file

    def write(file: int, data: Any) -> int:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            return int(REAL["write"](file, data))
        _check(owed.pop(file, 0))
        error, part = faults.writing(_name_of(file), os.lseek(file, 0, os.SEEK_CUR), bytes(data))
        if not part:
            _check(error)
        elif error:
            owed[file] = error
        return int(REAL["write"](file, part))

    def fsync(file: int) -> None:
        error, really = faults.syncing(_name_of(file))
        _check(error)
        if really:
            REAL["fsync"](file)

    def renaming(call: str) -> Callable[..., None]:
        def rename(source: Any, to: Any, **options: Any) -> None:
            if os.path.lexists(source):
                _check(faults.renaming(_name(source), _name(to)))
            REAL[call](source, to, **options)

        return rename

    def unlink(path: Any, **options: Any) -> None:
        if not options and os.path.lexists(path):    # with any, it is `shutil.rmtree`, a test's
            _check(faults.removing(_name(path)))
        REAL["unlink"](path, **options)

    def mkdir(path: Any, *more: Any, **options: Any) -> None:
        if not os.path.lexists(path) and Path(path).parent.exists():
            _check(faults.making(_name(path)))
        REAL["mkdir"](path, *more, **options)

    new = {
        "open": opened, "write": write, "fsync": fsync, "rename": renaming("rename"), "replace": renaming("replace"),
        "unlink": unlink, "mkdir": mkdir,
    }  # fmt: skip
    for name, function in new.items():
        patch.setattr(os, name, function)
    accessor = getattr(pathlib, "_normal_accessor", None)    # Python 3.10 keeps what was in `os` when it was loaded
    if accessor is not None:
        for name in ("rename", "replace", "unlink", "mkdir"):
            patch.setattr(accessor, name, new[name])
    patch.setattr(Path, "open", _open)


class _Raw(io.FileIO):
    """A file whose writes are those of `os`."""

    def write(self, data: Any) -> int:
        return os.write(self.fileno(), data)


def _open(path: Path, mode: str = "r", buffering: int = -1, *text: Any, **more: Any) -> IO[Any]:
    if not set(mode) & set("wxa+"):
        return _OPEN(path, mode, buffering, *text, **more)
    plain = mode.replace("b", "").replace("t", "")
    raw = _Raw(str(path), plain, opener=lambda name, flags: os.open(name, flags, 0o666))
    if buffering == 0:
        return raw    # type: ignore[return-value]
    buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
    return buffered if "b" in mode else io.TextIOWrapper(buffered, *text, **more)


def _name(path: Any) -> str:
    return os.path.abspath(os.fspath(path))    # noqa: PTH100 (for each operation)


def _name_of(file: int) -> str:
    return os.readlink(f"/proc/self/fd/{file}")    # noqa: PTH115 (for each operation)


def _check(error: int) -> None:
    """Raises `OSError` for what would be SQLite's error."""
    if error:
        number = errno.ENOSPC if error == FULL else errno.EIO
        raise OSError(number, os.strerror(number))
