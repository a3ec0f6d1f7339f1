"""The manager's own server: the API on a unix socket."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from pathlib import Path

import cherrypy
from cheroot import wsgi
from cherrypy import _cptree

from ..control.api import Api
from ..control.caller import Door
from ..control.routes import routes
from ..errors import HpmError
from ..manager.manager import Manager

log = logging.getLogger(__name__)

#: Where the API stands: hpm's own base, and Wok's, so that one client suits both.
BASES = ("/zhpm/wsapi/v1", "/plugins/hpm")

#: Requests served at once; more wait in the queue.
THREADS = 10


class SocketInUse(HpmError):
    """Another server answers on the socket."""

    id = "socket-in-use"


class _Server(wsgi.Server):
    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        """cheroot's messages (clients that hang up, mostly) go to our log."""
        log.debug("%s", msg, exc_info=traceback)


class SocketServer:
    """Serves a manager on a unix socket. `door` says who asks."""

    def __init__(self, manager: Manager, path: Path, door: Door) -> None:
        self.path = path
        _free(path)
        cherrypy.config.update({"environment": "embedded", "log.screen": False, "checker.on": False})
        cherrypy.log.access_log.propagate = False    # a line a request would bury what matters
        tree = _cptree.Tree()
        api = Api(routes(manager), door)
        for base in BASES:
            tree.mount(api, base)
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        self._server = _Server(str(path), tree, numthreads=THREADS, max=THREADS, server_name="hpm", shutdown_timeout=5)
        self._server.peercreds_enabled = True
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen, and serve in a thread. Raises `OSError` if the socket cannot be made."""
        self._server.prepare()
        self.path.chmod(0o666)    # who may do what is decided by peer credentials, request by request
        self._thread = threading.Thread(target=self._server.serve, name="hpm-http", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish what is under way, then close."""
        self._server.stop()
        if self._thread is not None:
            self._thread.join(10.0)
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()


def _free(path: Path) -> None:
    """Remove what a killed predecessor left; refuse to take a socket where somebody answers."""
    if not path.exists():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink()
            return
    raise SocketInUse(f"another hpm answers on {path} already; stop it, or start this one with another --socket")
