"""The manager's second socket, on which the web front forwards what clients ask.

Requests come as the clients made them, but for two headers (`door.CLIENT_ADDRESS`, `door.CLIENT_SCHEME`), which the
front alone sets. So only the front's user may connect: the socket is its own, with mode 0600, and every connection's
peer is asked for.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from ...control.activity import ManagerRecorder
from ...errors import InvalidValue
from ...manager.manager import Manager
from ..server import SocketServer
from .door import FrontDoor, noted_address
from .pam import Pam
from .passwords import PasswordChecker

#: The user whom the front runs as, where the package has made it.
FRONT_USER = "hpm-web"


def front_socket(manager: Manager, path: Path, uid: int, checker: PasswordChecker | None = None) -> SocketServer:
    """A server for the front whose process has this uid. `checker` instead of PAM (tests)."""
    door = FrontDoor(checker or Pam(), manager.tokens)
    return SocketServer(manager, path, door, login=door, recorder=ManagerRecorder(manager, noted_address), only=uid)


def front_uid(user: str | None) -> int:
    """The uid of the front: of `user`; else, for root, of `FRONT_USER` if there is one; else our own.

    Raises `InvalidValue` if there is no such user, or only root could give the socket to it.
    """
    own = os.geteuid()
    wanted = user or (FRONT_USER if own == 0 else None)
    try:
        found = own if wanted is None else pwd.getpwnam(wanted).pw_uid
    except KeyError:
        if user is None:
            return own
        raise InvalidValue(f"there is no user {user!r}; name the web front's own", "--front-user") from None
    if found != own and own != 0:
        raise InvalidValue(f"only root can have a web front that runs as another user, here {wanted}", "--front-user")
    return found
