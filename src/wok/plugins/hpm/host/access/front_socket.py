"""The manager's second socket, on which the web front forwards what clients ask.

Requests come as the clients made them, but for two headers (`CLIENT_ADDRESS`, `CLIENT_SCHEME`), which the
front alone sets. So only the front's user may connect: the socket is the manager's with the group of that user and mode
0660 (0600 where both are the same user), and every connection's peer is asked for.
"""

from __future__ import annotations

import os
from pathlib import Path

from ...control.activity import ManagerRecorder
from ...manager.manager import Manager
from ..rights import NoWebUser, web_user
from ..server import SocketServer
from .door import FrontDoor, noted_address
from .passwords import PasswordChecker
from .throttle import network


def front_socket(manager: Manager, path: Path, uid: int, checker: PasswordChecker) -> SocketServer:
    """A server for the front whose process has this uid; `checker` knows passwords."""
    door = FrontDoor(checker, manager.tokens)
    return SocketServer(
        manager, path, door, login=door, recorder=ManagerRecorder(manager, noted_address), only=uid, place=_place
    )


def _place() -> str | None:
    address = noted_address()
    return None if address is None else network(address)


def front_uid() -> int:
    """The uid of the front: for root, that of its user if there is one; else our own."""
    try:
        user = web_user()
    except NoWebUser:
        user = None
    return os.geteuid() if user is None else user[0]
