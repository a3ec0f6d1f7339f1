"""Files of cgroups: reading and writing one value, with errors that say what was wanted."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from ...errors import Conflict, HypervisorError
from ...policy.partitions import ROOT
from ..kernel_text import is_no_room
from .names import SUFFIXES

_NUMBER = re.compile("-?[0-9]{1,19}")


def below(mount: Path, directory: Callable[[str], str], partition: Callable[[str], str | None]) -> Iterator[str]:
    """The partitions in the root of a tree that is mounted there, and in those. `directory` and `partition` translate
    names (see `names`). Raises `HypervisorError` where that cannot be seen now."""
    waiting = [ROOT]
    while waiting:
        path = waiting.pop()
        try:
            names = os.listdir(mount / directory(path))    # noqa: PTH208    a path for each server would cost most of it
        except OSError as error:
            _refuse_unseen(error)
            continue    # it went just now, or no server has started yet
        for name in names:
            # looked at first: there are thousands of servers beside them
            child = partition(f"{directory(path)}/{name}") if name.endswith(SUFFIXES) else None
            if child is not None:
                waiting.append(child)
                yield child


def read_text(file: Path) -> str | None:
    """What it says; None: it is not there, or its cgroup has gone just now. Raises `HypervisorError` where that cannot
    be seen now."""
    try:
        return file.read_text(errors="replace").strip()
    except OSError as error:
        _refuse_unseen(error)
        return None


def _refuse_unseen(error: OSError) -> None:
    """Who took what is not seen for what is not there would forget what was in force before hpm came."""
    if is_no_room(error):
        raise HypervisorError(f"partitions cannot be looked at: {error}") from None


def read_number(file: Path) -> int | None:
    """The number in it; None: it is not there, or says ``max``."""
    return number_in(read_text(file) or "")


def number_in(text: str) -> int | None:
    """The number that a text is; None: it is none."""
    return int(text) if _NUMBER.fullmatch(text) else None


def write(file: Path, value: str, what: str) -> None:
    """Have it say so. Raises `Conflict` if the kernel does not take that value there now, `HypervisorError`."""
    try:
        file.write_text(value)
    except OSError as error:
        said = f"{what} cannot be set to {value}: {error.strerror} ({file})"
        if error.errno in (errno.EINVAL, errno.EBUSY, errno.ENOSPC, errno.ERANGE):
            raise Conflict(
                f"{said}; the kernel takes no value that contradicts those of the partitions above it or of what stands"
                " in it"
            ) from None
        raise HypervisorError(said) from None


def make(directory: Path, made: list[Path]) -> None:
    """Make a directory unless it is there, and note that. Raises `HypervisorError`."""
    try:
        directory.mkdir()
        made.append(directory)
    except FileExistsError:
        pass
    except OSError as error:
        raise HypervisorError(f"the cgroup {directory} cannot be made: {error.strerror}") from None


def unmake(made: list[Path]) -> None:
    """Remove what was made, as far as it goes: the error that led here is the one to raise."""
    for directory in reversed(made):
        with suppress(Conflict, HypervisorError):
            remove(directory)


def remove(directory: Path) -> None:
    """Remove a directory if it is there. Raises `Conflict` if there is something in it, `HypervisorError`."""
    try:
        directory.rmdir()
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno in (errno.EBUSY, errno.ENOTEMPTY):
            raise Conflict(f"there is still something in the cgroup {directory}, so it stays") from None
        raise HypervisorError(f"the cgroup {directory} cannot be removed: {error.strerror}") from None
