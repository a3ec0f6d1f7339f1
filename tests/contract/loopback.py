"""The API on a TCP port of the loopback interface, for programs that cannot speak through a unix socket.

The server is the real one, on its real socket, with a manager on a simulated host. Bytes are passed on as they come.
Who asks is said by a token, so that it can be missing and wrong.
"""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest.mock import patch

import cherrypy
import msgspec

from hpm.control.caller import Caller, NotAuthenticated
from hpm.model import simulations
from hpm.model.simulation.limits import OVER_REST
from tests.unit.api_host import ApiHost, running

TOKEN = "of-an-administrator"
BASIC = base64.b64encode(b"ann:secret").decode()


class TokenDoor:
    """Takes the three credentials that the document tells of."""

    def caller(self) -> Caller:
        """Raises `NotAuthenticated`."""
        headers = cherrypy.request.headers
        session = cherrypy.request.cookie.get("__Host-hpm-session")
        if (
            headers.get("Authorization") in (f"Bearer {TOKEN}", f"Basic {BASIC}")
            or (session is not None and session.value == TOKEN)
        ):  # fmt: skip
            return Caller("ann", "admin")
        raise NotAuthenticated("say who you are with a token")


#: Thousands of simulations are asked for, and it is not they that are tested here: large ones are refused.
SMALL = msgspec.structs.replace(OVER_REST, cpu_seconds=100.0)


@contextmanager
def api_on_loopback() -> Iterator[tuple[ApiHost, str]]:
    """A running API, and its URL without the base path."""
    small = patch.object(simulations, "OVER_REST", SMALL)
    with small, running(TokenDoor()) as host, socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        host.http.headers["Authorization"] = f"Bearer {TOKEN}"
        accepting = threading.Thread(target=_accept, args=(listening, host.socket), name="loopback", daemon=True)
        accepting.start()
        try:
            yield host, f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join(10)


def _accept(listening: socket.socket, path: Path) -> None:
    """Until the socket is shut down."""
    with suppress(OSError):
        while True:
            here, _ = listening.accept()
            threading.Thread(target=_serve, args=(here, path), daemon=True).start()


def _serve(here: socket.socket, path: Path) -> None:
    with here, socket.socket(socket.AF_UNIX) as there, suppress(OSError):
        there.connect(str(path))
        back = threading.Thread(target=_copy, args=(there, here), daemon=True)
        back.start()
        _copy(here, there)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """To the end. What nobody takes any more, as the rest of a body that was refused, is thrown away."""
    taken = True
    with suppress(OSError):
        while data := source.recv(65536):
            if taken:
                try:
                    target.sendall(data)
                except OSError:
                    taken = False
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
