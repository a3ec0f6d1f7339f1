"""Who is at the other end of a unix socket: the kernel tells."""

from __future__ import annotations

import os
import socket
import struct
from typing import NamedTuple

_UCRED = struct.Struct("iII")


class Peer(NamedTuple):
    """`struct ucred` of unix(7): the process that connected, or that listens, as it was then."""

    pid: int
    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        """Whether it is root's, or belongs to who runs this process."""
        return self.uid in (0, os.geteuid())


def peer_of(connection: socket.socket) -> Peer:
    """Raises `OSError`."""
    return Peer(*_UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)))
