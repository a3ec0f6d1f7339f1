"""The real Wok server in this process, on loopback, without its proxy; users are made up, as in Wok's own tests."""

from __future__ import annotations

import atexit
import contextlib
import socket
import sys
import threading
import warnings
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import httpx

from tests.lab.errors import wait_until

from . import alias
from .tree import KIMCHI_SRC, make_tree

#: Users by name; the name is the role.
PASSWORDS = {"admin": "let me in: 1", "user": "wörter"}
BASE = "/plugins/hpm"

_directory = TemporaryDirectory(prefix="hpm-wok-", ignore_cleanup_errors=True)
atexit.register(_directory.cleanup)
TREE = Path(_directory.name)


def prepare() -> None:
    """Have `wok` importable from a tree of our own, and `hpm` be its plugin. Before anything imports hpm."""
    sys.path.insert(0, str(make_tree(TREE)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")    # Wok is of 2020
        import wok.server
    assert wok.server is not None
    alias.install()


class Wok:
    """A running Wok."""

    def __init__(self, directory: Path, port: int) -> None:
        import cherrypy
        import wok.auth
        import wok.config
        import wok.pushserver
        import wok.server
        import wok.websocket

        class MadeUp(wok.auth.User):    # type: ignore[misc]    # Wok is untyped
            auth_type = "made-up"

            def _get_groups(self) -> list[str]:
                return [self.name]

            def _get_role(self) -> str:
                return str(self.name)

            @staticmethod
            def authenticate(username: str, password: str) -> bool:
                return PASSWORDS.get(username) == password

        wok.config.config.set("authentication", "method", MadeUp.auth_type)
        self.users = MadeUp    # Wok finds it among the subclasses, which do not keep it alive
        wok.pushserver.BASE_DIRECTORY = str(directory)
        # a process of its own, for consoles in Kimchi; nothing of ours goes there
        wok.server.websocket.new_ws_proxy = lambda: SimpleNamespace(terminate=lambda: None)
        self.port = port
        self.origin = f"http://127.0.0.1:{port}"
        options = SimpleNamespace(
            cherrypy_port=port, max_body_size="4*1024*1024", test="", access_log=f"{directory}/access.log",
            error_log=f"{directory}/error.log", environment="production", log_level="info", session_timeout=10,
            server_root="", no_proxy=True,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.server = wok.server.Server(options)
        self.error_log = directory / "error.log"
        self.thread = threading.Thread(target=self.server.start, name="wok", daemon=True)
        self.thread.start()
        cherrypy.engine.wait(cherrypy.engine.states.STARTED, 0.05)
        self.plugin: Any = cherrypy.tree.apps[BASE].root
        with contextlib.closing(self.http()) as http:    # the plugin starts its own manager first
            wait_until(lambda: http.get(f"{BASE}/version").status_code == 200, 30.0, "the manager in Wok")

    def stop(self) -> None:
        """As wokd ends at SIGTERM."""
        import cherrypy

        cherrypy.engine.exit()
        self.thread.join(30.0)

    def http(self, user: str | None = "admin", **headers: str) -> httpx.Client:
        """A client: logged in as `user` once, like a browser, or nobody."""
        url = f"http://127.0.0.1:{self.port}"
        if user is not None:
            said = httpx.post(f"{url}/login", json={"username": user, "password": PASSWORDS[user]}, trust_env=False)
            assert said.json()["role"] == user, said.text
            # Wok says that the cookie is for https, and httpx keeps to it
            headers.setdefault("Origin", self.origin)
            headers["Cookie"] = said.headers["set-cookie"].partition(";")[0]
        return httpx.Client(base_url=url, timeout=30, trust_env=False, headers=headers)

    def connect(self) -> socket.socket:
        """A raw connection."""
        return socket.create_connection(("127.0.0.1", self.port))


def stop_wok() -> None:
    """Stop it, if it runs."""
    if running_wok.cache_info().currsize:
        running_wok().stop()


@lru_cache
def running_wok() -> Wok:
    """The one Wok of this process, started when it is first asked for."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return Wok(TREE, port)


__all__ = ["BASE", "KIMCHI_SRC", "PASSWORDS", "Wok", "prepare", "running_wok", "stop_wok"]
