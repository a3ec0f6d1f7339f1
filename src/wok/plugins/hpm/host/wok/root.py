"""What Wok loads: `Hpm`, the root of the plugin.

Wok makes one when it starts, and another one when the plugin is enabled later; they share the one `Service`.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import cherrypy
from wok.config import PluginConfig, PluginPaths
from wok.config import paths as wok_paths
from wok.root import WokRoot

from ... import control
from ...errors import InvalidValue
from ..access.syslog import tell_syslog
from ..access.throttle import Throttle
from .activity import WokRecorder, tell_wok
from .door import WokDoor
from .messages import MESSAGES
from .request import WokResponse
from .service import Service
from .settings import read_settings

#: Priorities on CherryPy's bus: the manager is there before the server takes requests (75), and as long as it does.
BEFORE_SERVER = 70
#: Answers that go on end before the server waits for its threads.
BEFORE_STOP = 10

#: numpy's linear algebra is not used, and need not start a thread for each CPU.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Wok asks each plugin for nodes that it should close to strangers, and logs an error where it finds no table of them.
control.sub_nodes = {}    # type: ignore[attr-defined]


class Hpm(WokRoot):    # type: ignore[misc]    # Wok is untyped
    """The plugin: the API and its page below /plugins/hpm. Raises `InvalidValue` if `hpm.conf` says not to."""

    def __init__(self, options: Any) -> None:
        paths = PluginPaths("hpm")
        paths.mo_dir = wok_paths.mo_dir    # where Wok looks which languages there are
        conf = Path(paths.conf_file)
        if not read_settings(conf).enabled:
            raise InvalidValue("hpm is not enabled", f"{conf} [wok] enable")
        super().__init__(None, options.environment != "production")
        _log_to_wok()
        self.paths = paths
        self.domain = "hpm"
        self.messages = MESSAGES
        self.api_schema: dict[str, Any] = {}    # Wok's own checks are not used: the API has its own
        self.door = _door(options.proxy_port)
        self.service = _service(conf, self.door)
        if cherrypy.engine.state == cherrypy.engine.states.STARTED:    # enabled while Wok runs
            self.service.start()

    def get_custom_conf(self) -> dict[str, dict[str, Any]]:
        """Added to the configuration that Wok makes for every plugin."""
        documents = Path(control.__file__).parents[1] / "ui/docs"
        return {
            "/": {**PluginConfig("hpm")["/"], "wsgi.response_class": WokResponse},
            "/docs": {"tools.staticdir.on": True, "tools.staticdir.dir": str(documents.resolve())},
        }

    def answer(self) -> bytes | Iterable[bytes]:
        """Answer the current request, which is for the API."""
        return self.service.answerer.answer()


@lru_cache
def _door(port: int) -> WokDoor:
    return WokDoor(port, Throttle(time.monotonic))


@lru_cache
def _service(conf: Path, door: WokDoor) -> Service:
    """The one service; it begins and ends with Wok's server."""
    tell_syslog()
    service = Service(lambda: read_settings(conf), door, WokRecorder, tell_wok)
    cherrypy.engine.subscribe("start", service.start, BEFORE_SERVER)
    cherrypy.engine.subscribe("stop", service.streaming.stop, BEFORE_STOP)
    cherrypy.engine.subscribe("stop", service.stop)
    return service


class _ToWok(logging.Handler):
    """Passes our log on to Wok's error log, with Wok's files and levels."""

    def emit(self, record: logging.LogRecord) -> None:
        cherrypy.log.error_log.handle(record)


def _log_to_wok() -> None:
    ours = logging.getLogger(__name__.partition(".host.")[0])
    if not any(isinstance(handler, _ToWok) for handler in ours.handlers):
        ours.addHandler(_ToWok())
        ours.setLevel(logging.INFO)
        ours.propagate = False
