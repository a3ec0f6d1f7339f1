"""Plot files as MOM writes them: a directory for each run, in it a file for each thing, a line for each sample.

Others may be able to write where the directory is made. So it is made new, opened without following links, and all
files are opened relative to it, without following links either.
"""

from __future__ import annotations

import errno
import os
import re
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import StoreError

#: Runs that a directory has room for: its names have three digits.
MOST_RUNS = 1000
#: Bytes that must be free on the disk, or nothing more is written: others need it more, hpm's own store among them.
LEAST_FREE = 256 << 20
#: Bytes of a file's name, of 255 that it may have.
_LONGEST = 200

_RUN = re.compile(r"momplot-([0-9]{3})")
_UNFIT = re.compile(r"[/\x00-\x1f\x7f]")
_BLANKS = str.maketrans("\t\r\n", "   ")


class PlotFiles:
    """The files of one run, in a new directory ``momplot-NNN`` below `base`. Not thread-safe. Raises `StoreError`."""

    def __init__(self, base: Path, least_free: int = LEAST_FREE) -> None:
        self._least_free = least_free
        self._begun: set[str] = set()
        try:
            self.path = _new_run(base)
            self._folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as error:
            raise StoreError(f"no plot files can be written in {base}: {error.strerror}") from None
        if os.fstat(self._folder).st_uid != os.geteuid():    # somebody put another one in its place
            self.close()
            raise StoreError(f"{self.path} is not ours any more, so no plot files are written there")

    def write(self, name: str, time: float, fields: Sequence[str], values: Mapping[str, Any]) -> None:
        """A line for that thing; fields that have no value are ``None``. Raises `StoreError`."""
        file = _file_name(name)
        line = "\t".join([str(time), *(str(values.get(field)).translate(_BLANKS) for field in fields)]) + "\n"
        if file not in self._begun:
            line = "# time\t " + "\t ".join(fields) + "\n" + line
        try:
            self._append(file, line.encode(errors="replace"))
        except OSError as error:
            raise StoreError(f"{self.path}/{file} cannot be written: {error.strerror}") from None
        self._begun.add(file)

    def check_room(self) -> None:
        """Raises `StoreError` if the disk is so full that nothing more is to be written."""
        disk = os.fstatvfs(self._folder)
        if disk.f_bavail * disk.f_frsize < self._least_free:
            raise StoreError(f"less than {self._least_free >> 20} MiB are free on the disk of {self.path}")

    def close(self) -> None:
        """Write no more."""
        os.close(self._folder)

    def _append(self, file: str, data: bytes) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        opened = os.open(file, flags, 0o640, dir_fd=self._folder)
        try:
            if os.write(opened, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(opened)


def _new_run(base: Path) -> Path:
    base.mkdir(mode=0o750, parents=True, exist_ok=True)
    taken = [int(found[1]) for one in base.iterdir() if (found := _RUN.fullmatch(one.name)) is not None]
    for number in range(max(taken, default=-1) + 1, MOST_RUNS):
        path = base / f"momplot-{number:03}"
        try:
            path.mkdir(mode=0o750)
        except FileExistsError:    # by another run, just now
            continue
        return path
    raise StoreError(f"{base} has a momplot-{MOST_RUNS - 1} already; clear it, or name another directory for plots")


def _file_name(name: str) -> str:
    text = _UNFIT.sub("_", name)
    text = f"_{text[1:]}" if text.startswith(".") else text
    data = text.encode(errors="replace")
    if len(data) > _LONGEST:
        text = f"{data[:_LONGEST].decode(errors='ignore')}-{zlib.crc32(data):08x}"
    return f"{text}.dat"
