"""Directories in which hpm keeps its state and its sockets: nobody else may be able to change what is in them.

Whoever could put another file, socket or link in the place of ours would have root write it, or be taken for hpm. So
before anything is opened, each directory on the way is looked at as sshd does for keys (sshd_config(5), StrictModes).
"""

from __future__ import annotations

import errno
import grp
import logging
import os
import pwd
import stat
from contextlib import suppress
from pathlib import Path

from ..errors import HpmError

log = logging.getLogger(__name__)

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class UnsafePlace(HpmError):
    """Others than root and the user who runs hpm can change what is in a directory."""

    id = "unsafe-place"


def check_place(directory: Path) -> None:
    """See to it that a directory of hpm's own is there, and that nobody else can change what is in it. If it is ours
    and others may write it, it is closed to them. Raises `UnsafePlace`, `OSError`."""
    _look(directory.absolute(), directory, own=True)


def check_parent(directory: Path) -> None:
    """The same of a directory in which hpm's own stands and which others may use too: it is made if it is missing, and
    never changed. Raises `UnsafePlace`, `OSError`."""
    _look(directory.absolute(), directory, own=False)


def check_files(directory: Path) -> None:
    """See to it that what is in a directory was put there by root or us. Raises `UnsafePlace`, `OSError`."""
    for path in directory.iterdir():
        owner = path.lstat().st_uid
        if owner not in (0, os.geteuid()):
            raise UnsafePlace(
                f"{path} belongs to uid {owner}, and not to root or {_us()}; nobody else puts files there: find"
                f" out who did, move it away, and start again (or 'chown {os.geteuid()}', if it is hpm's own)"
            )


def check_file(path: Path) -> None:
    """See to it that nobody else can change what a file says, nor put another one in its place. Raises `UnsafePlace`,
    `OSError`."""
    real = path.resolve(strict=True)
    for way in (path.absolute().parent, real.parent):
        _look(way, way, own=False)
    found = real.stat()
    said = _owner_fault(found) or _mode_fault(found)
    if said is not None:
        raise UnsafePlace(
            f"{path} {said}, so others could tell hpm what to do; right would be a file that root or {_us()} owns and"
            " only they may write ('chmod go-w', 'chown')"
        )


def _look(way: Path, directory: Path, *, own: bool) -> None:
    """Follow the way to `directory` from the top as the kernel does: each directory and each link on it counts, and
    nothing is made or closed before what is above it was found to be right."""
    for one in reversed((way, *way.parents)):
        if not os.path.lexists(one):
            one.mkdir(mode=0o755, exist_ok=True)
        found = one.lstat()
        if stat.S_ISLNK(found.st_mode):
            one.stat()    # leads to something, and not in a circle
            said = _owner_fault(found)
            if said is None:
                _look(one.parent / one.readlink(), directory, own=own and one == way)
        elif not stat.S_ISDIR(found.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(one))
        else:
            if own and one == way and found.st_uid == os.geteuid():
                found = _closed(one, found)
            said = _owner_fault(found) or _mode_fault(found)
        if said is not None:
            raise UnsafePlace(
                f"{directory} is no safe place for hpm: {one} {said}, so others could put their files in the place of"
                f" hpm's; right would be a directory that root or {_us()} owns and only they may write, as those above"
                " it (with the sticky bit, as /tmp has it, a directory above it may be open to all). Name one"
                " elsewhere, or close this one, if nobody else needs it ('chmod go-w', 'chown')"
            )


def _closed(place: Path, found: os.stat_result) -> os.stat_result:
    """A directory of ours, closed to others if it was open. Raises `OSError`."""
    if _mode_fault(found) is None:
        return found
    place.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS_WRITE)
    found = place.stat()
    log.warning("others could write in %s; it was closed to them (mode %o)", place, stat.S_IMODE(found.st_mode))
    return found


def _owner_fault(found: os.stat_result) -> str | None:
    return None if found.st_uid in (0, os.geteuid()) else f"belongs to uid {found.st_uid}"


def _mode_fault(found: os.stat_result) -> str | None:
    """Who else may write there. Many hosts give each user a group of the same name, for that user alone."""
    if found.st_mode & stat.S_ISVTX:
        return None
    mode = f"(mode {stat.S_IMODE(found.st_mode):o})"
    if found.st_mode & stat.S_IWOTH:
        return f"may be written by others {mode}"
    if found.st_mode & stat.S_IWGRP and not _private(found.st_gid):
        return f"may be written by group {found.st_gid} {mode}"
    return None


def _private(gid: int) -> bool:
    """Whether a group has the name of root or of us, and no other members."""
    names = set()
    for uid in (0, os.geteuid()):
        with suppress(KeyError):
            names.add(pwd.getpwuid(uid).pw_name)
    try:
        group = grp.getgrgid(gid)
    except KeyError:
        return False
    return group.gr_name in names and names.issuperset(group.gr_mem)


def _us() -> str:
    return f"uid {os.geteuid()}"
