"""A Wok server as a process of its own: ``python -m tests.wok.wokd SRC PORT LOG_DIR [true]``, until SIGTERM.

What Wok's `wokd` does, but for its proxy, and with made-up users. The program hpm is not on the path: Wok finds the
plugin in its own folder. `true`: as with Wok's option --test, where Kimchi has libvirt's test driver, not this host.
"""

from __future__ import annotations

import ctypes
import signal
import sys
from pathlib import Path
from types import SimpleNamespace


def main(source: str, port: str, log_dir: str, test: str = "") -> None:
    """Run it."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)    # it ends when the test run that started it ends
    sys.path[:] = [source, *(p for p in sys.path if Path(p).resolve() != Path("src/wok/plugins").resolve())]
    import wok.auth
    import wok.config
    import wok.pushserver
    import wok.server

    class MadeUp(wok.auth.User):    # type: ignore[misc]    # Wok is untyped
        auth_type = "made-up"

        def _get_role(self) -> str:
            return str(self.name)

        @staticmethod
        def authenticate(username: str, password: str) -> bool:
            return username in ("admin", "user") and password == "secret"

    wok.config.config.set("authentication", "method", MadeUp.auth_type)
    wok.pushserver.BASE_DIRECTORY = log_dir
    if test:    # libvirt's test driver needs no service, but Kimchi asks for one all the same, and starts a guest there
        import wok.objectstore
        import wok.plugins.kimchi.config
        from wok.plugins.kimchi.kvmusertests import UserTests
        from wok.plugins.kimchi.model import libvirtconnection

        libvirtconnection.is_libvirtd_up = lambda: True
        UserTests.probe_user = lambda self: "root"
        # it looks for old entries in its usual store, also where it uses another one, and fails where there is none
        store = f"{log_dir}/kimchi-objectstore"
        wok.objectstore.ObjectStore(store)
        wok.plugins.kimchi.config.get_object_store = lambda: store
    wok.server.main(SimpleNamespace(
        cherrypy_port=int(port), websockets_port=0, max_body_size="4*1024*1024", test=test, environment="production",
        access_log=f"{log_dir}/access.log", error_log=f"{log_dir}/error.log", log_level="info", session_timeout=10,
        server_root="", no_proxy=True,
    ))  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
