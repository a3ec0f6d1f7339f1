"""Who is at the other end of a helper's connection."""

from __future__ import annotations

import os
import socket

from ...errors import HpmError
from ...peers import peer_of


class NotTheManager(HpmError):
    """Somebody else asks a helper, or nobody does."""

    id = "not-the-manager"


def only_the_manager() -> socket.socket:
    """The connection on standard input. Raises `NotTheManager` unless root, or who runs this, is at its other end."""
    try:
        connection = socket.socket(fileno=os.dup(0))
        if connection.family != socket.AF_UNIX:
            raise OSError("it is no unix socket")
        peer = peer_of(connection)
    except OSError as error:
        raise NotTheManager(
            f"standard input is no connection of hpm's ({error.strerror or error}); systemd runs this command, for"
            " hpm-network.socket and hpm-passwords.socket"
        ) from None
    if not peer.is_ours:
        raise NotTheManager(f"uid {peer.uid} is not whom this helper serves")
    return connection
