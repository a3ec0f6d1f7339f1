"""Directories in which hpm keeps its state and its sockets: nobody else may be able to change what is in them.

Whoever could put another file, socket or link in the place of ours would have root write it, or be taken for hpm. So
before anything is opened, each directory on the way is looked at as sshd does for keys (sshd_config(5), StrictModes).
"""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from ..errors import HpmError

log = logging.getLogger(__name__)

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class UnsafePlace(HpmError):
    """Others than root and the user who runs hpm can change what is in a directory."""

    id = "unsafe-place"


def check_place(directory: Path) -> None:
    """See to it that a directory is there, and that nobody else can change what is in it. One of ours that others may
    write is closed to them. Raises `UnsafePlace`, `OSError`."""
    directory.mkdir(parents=True, exist_ok=True)
    here = directory.resolve()
    found = here.stat()
    if found.st_uid == os.geteuid() and not found.st_mode & stat.S_ISVTX and _open_to(found):
        here.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS_WRITE)
        log.warning("others could write in %s; it was closed to them (mode %o)", here, here.stat().st_mode & 0o7777)
    for one in (here, *here.parents):
        said = _fault(one.stat())
        if said is not None:
            raise UnsafePlace(
                f"{directory} is no safe place for hpm: {one} {said}, so others could put their files in the place of"
                f" hpm's; right would be a directory that root or {_us()} owns and only they may write, as those above"
                " it (with the sticky bit, as /tmp has it, a directory above it may be open to all)"
            )


def check_files(directory: Path) -> None:
    """See to it that what is in a directory was put there by root or us. Raises `UnsafePlace`, `OSError`."""
    for path in directory.iterdir():
        owner = path.lstat().st_uid
        if owner not in (0, os.geteuid()):
            raise UnsafePlace(
                f"{path} belongs to uid {owner}, and not to root or {_us()}; nobody else puts files there: find"
                f" out who did, move it away, and start again (or 'chown {_us()}', if it is hpm's own)"
            )


def _fault(found: os.stat_result) -> str | None:
    if found.st_uid not in (0, os.geteuid()):
        return f"belongs to uid {found.st_uid}"
    if _open_to(found) and not found.st_mode & stat.S_ISVTX:
        return f"may be written by others (mode {stat.S_IMODE(found.st_mode):o})"
    return None


def _open_to(found: os.stat_result) -> bool:
    """Whether others may write there. Many hosts give each user a group of the same number, for that user alone."""
    group = found.st_mode & stat.S_IWGRP and found.st_gid not in (0, os.getegid())
    return bool(found.st_mode & stat.S_IWOTH or group)


def _us() -> str:
    return f"uid {os.geteuid()}"
