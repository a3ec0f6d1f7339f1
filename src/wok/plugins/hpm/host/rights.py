"""What the front gives up before it hears of anybody, and who delivers notifications before it says anything: root's
rights, and the means to gain any.
"""

from __future__ import annotations

import os
import pwd
import resource
import subprocess
from contextlib import suppress
from pathlib import Path

from ..errors import HpmError
from .own_places import check_parent

#: Whom the front runs as where root starts it.
USER = "hpm-web"

_PR_SET_NO_NEW_PRIVS = 38
_OPEN_FILES = 4096


class NoWebUser(HpmError):
    """There is no user as whom the front could run."""

    id = "no-web-user"


def web_user() -> tuple[int, int] | None:
    """User and group that a front started here must become; None: it is nobody special. Raises `NoWebUser`."""
    if os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam(USER)
    except KeyError:
        raise NoWebUser(
            f"there is no user {USER}, as whom the web front runs and notifications are delivered; make it with"
            f" 'useradd --system --user-group --shell /usr/sbin/nologin {USER}'"
        ) from None
    return found.pw_uid, found.pw_gid


def front_reads(file: Path) -> bool:
    """Whether the front's user may read a file; true where only the front itself could tell: it is our own user, or
    there is none. Raises `OSError`."""
    try:
        user = web_user()
    except NoWebUser:
        return True
    if user is None:
        return True
    uid, gid = user
    done = subprocess.run(
        ["test", "-r", str(file)], user=uid, group=gid, extra_groups=os.getgrouplist(USER, gid), check=False,
    )  # fmt: skip
    return done.returncode == 0


def own_directory(directory: Path, user: tuple[int, int] | None) -> None:
    """See to a directory of the front's user. Raises `UnsafePlace`, `OSError`."""
    check_parent(directory.parent)
    with suppress(FileExistsError):
        directory.mkdir()
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchmod(opened, 0o755)    # the certificate in it is for all who shall trust it; the key is not
        if user is not None:
            os.fchown(opened, *user)
    finally:
        os.close(opened)


def give_up(user: tuple[int, int] | None) -> None:
    """Become that user, in no other group, for good. Raises `NoWebUser` rather than stay root."""
    _gain_nothing()
    if user is not None and os.geteuid() == 0:
        uid, gid = user
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    if 0 in (*os.getresuid(), *os.getresgid(), *os.getgroups()):
        raise NoWebUser("what speaks with the network never runs with root's rights")
    os.umask(0o077)
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if now < min(most, _OPEN_FILES):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, _OPEN_FILES), most))


def _gain_nothing() -> None:
    """No program that this process starts has more rights than it (prctl(2)); systemd may have seen to it already."""
    if "NoNewPrivs:\t1" in Path("/proc/self/status").read_text():
        return
    import ctypes  # not where systemd forbids writable memory to be executed, which some of its parts ask for

    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs cannot be set")
