"""Who asks on the unix socket: the kernel tells, and no header can forge it.

root and members of `hpmadm` write, members of `hpmuser` read. A manager that an ordinary user started
belongs to that user, who may write.
"""

from __future__ import annotations

import grp
import os
import pwd
from typing import NamedTuple

import cherrypy

from ..control.caller import Caller, NotAuthenticated, Role

ADMINS = "hpmadm"
USERS = "hpmuser"


class PeerDoor:
    """Establishes the caller of the current request from the socket's peer credentials."""

    def caller(self) -> Caller:
        """Raises `NotAuthenticated` where the connection has no credentials."""
        uid = cherrypy.request.wsgi_environ.get("X_REMOTE_UID")
        gid = cherrypy.request.wsgi_environ.get("X_REMOTE_GID")
        if uid is None or gid is None:
            raise NotAuthenticated("the connection does not say who you are; use hpm's unix socket")
        return caller_of(int(uid), int(gid))


def caller_of(uid: int, gid: int) -> Caller:
    """Name and role of a local user. Supplementary groups are looked up: the socket tells only one."""
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = f"uid {uid}"
    return Caller(user, _role(uid, user, gid), uid=uid)


class Account(NamedTuple):
    """A user of this host: the number, and the role by the groups it has now."""

    uid: int
    role: Role | None


def account_of(user: str) -> Account | None:
    """The account of a user by name; None: there is none, or no longer."""
    try:
        found = pwd.getpwnam(user)
    except (KeyError, ValueError):
        return None
    return Account(found.pw_uid, _role(found.pw_uid, user, found.pw_gid))


def _role(uid: int, user: str, gid: int) -> Role | None:
    if uid in (0, os.geteuid()):
        return "admin"
    names: set[str] = set()
    try:
        gids = os.getgrouplist(user, gid)
    except (KeyError, OSError):
        gids = [gid]
    for number in gids:
        try:
            names.add(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return "admin" if ADMINS in names else "user" if USERS in names else None
