"""The manager's own server: the API on a unix socket."""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import cherrypy
from cherrypy import _cptree

from ..control.activity import ManagerRecorder, Recorder
from ..control.api import Api
from ..control.caller import Door, Login
from ..control.metrics_routes import scraped
from ..control.request import ApiRequest
from ..control.routes import routes
from ..errors import HpmError, InvalidValue
from ..manager.manager import Manager
from ..wire.doors import BASES, SCRAPED
from .connections import Server
from .streams import carrier

#: Bytes of a socket's path, which the kernel keeps in 108 with a zero at the end (unix(7)).
LONGEST_PATH = 107


class SocketInUse(HpmError):
    """Another server answers on the socket, or there is something else in its place."""

    id = "socket-in-use"


def quiet_cherrypy() -> None:
    """Where CherryPy is ours alone: no screen log, no reloading. Inside another's server it is not ours to set."""
    cherrypy.config.update({"environment": "embedded", "log.screen": False, "checker.on": False})


class SocketServer:
    """Serves a manager on a unix socket. `door` says who asks, `login` is its where people log in.

    `recorder` is told of writes (default: the manager's activity log). `only`: the user with this uid may
    connect, through the group of the socket, and nobody else's connections are taken. `place` says whence the current
    request comes, where readers of events are counted by that, too.
    """

    def __init__(
        self,
        manager: Manager,
        path: Path,
        door: Door,
        *,
        login: Login | None = None,
        recorder: Recorder | None = None,
        only: int | None = None,
        place: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.path = path
        self._events = manager.events
        self._only = only
        free_socket(path)
        tree = _cptree.Tree()
        recorder = recorder or ManagerRecorder(manager)
        api = Api(routes(manager), door, manager, recorder, login, carrier(place))
        beside = Api((scraped(manager, SCRAPED),), door, manager, recorder)
        for base, root in ((BASES[0], api), (BASES[1], api), ("", beside)):
            application = tree.mount(root, base)
            application.request_class = ApiRequest
            application.log.access_log.disabled = True    # a line a request would bury what matters
        path.parent.mkdir(parents=True, exist_ok=True)
        self._server = Server(str(path), tree, only)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen, and serve in a thread. Raises `OSError` if the socket cannot be made."""
        self._server.prepare()
        try:
            self._open()
        except BaseException:    # or the server's threads would keep this process from ending
            self.stop()
            raise

    def _open(self) -> None:
        self._events.listen(self._server.streams.wake)
        if self._only is None:
            self.path.chmod(0o666)    # who may do what is decided by peer credentials, request by request
        else:
            self.path.chmod(0o600)
            if self._only != os.geteuid():
                # By its group: so the next manager, root without CAP_DAC_OVERRIDE, can find out whether this one lives.
                os.chown(self.path, -1, pwd.getpwuid(self._only).pw_gid)
                self.path.chmod(0o660)
        thread = threading.Thread(target=self._server.serve, name="hpm-http", daemon=True)
        thread.start()
        self._thread = thread

    def stop(self) -> None:
        """Finish what is under way, then close."""
        self._events.unlisten(self._server.streams.wake)
        self._server.stop()
        if self._thread is not None:
            self._thread.join(10.0)
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()


def free_socket(path: Path, option: str = "--socket") -> None:
    """Remove the socket that a killed predecessor left; refuse to take the place of anything else. `option` is what
    names another place. Raises `SocketInUse`, `InvalidValue` for a path that no socket can have."""
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise InvalidValue(f"{path} is longer than the {LONGEST_PATH} bytes of a socket's path; say a shorter {option}")
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise SocketInUse(f"{path} is there and is no socket; say another place for it with {option}")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5.0)
        try:
            probe.connect(str(path))
        except OSError as error:
            if error.errno == errno.ECONNREFUSED:    # anything else, such as a full queue, is no proof of death
                path.unlink()
                return
    raise SocketInUse(f"another hpm answers on {path} already; stop it, or start this one with another {option}")
