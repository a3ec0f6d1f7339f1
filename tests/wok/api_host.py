"""The API's tests through the real Wok: the same manager and tests, another server and another login."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from hpm.control.caller import Door
from tests.unit.api_host import BASE as OWN_BASE
from tests.unit.api_host import ApiHost

from .server import BASE, running_wok


class WokApiHost(ApiHost):
    """Wok answers for the manager of the test, below /plugins/hpm, to its user `admin`."""

    bases = (BASE,)

    def serve(self, directory: Path, door: Door) -> httpx.Client:
        """As of `ApiHost`; who asks is said by Wok's own door."""
        self.wok = running_wok()
        return self.wok.http("admin")

    def client(self, path: Path | None = None) -> httpx.Client:
        """As of `ApiHost`."""
        return self.wok.http("admin")

    def unserve(self) -> None:
        """The next test's manager takes the place of ours."""

    def send(self, *args: Any, **more: Any) -> httpx.Response:
        """As of `ApiHost`. There is one Wok, which answers for whoever asks now."""
        service = self.wok.plugin.service
        if service.served is not self.manager:
            service.serve(self.manager)
        return super().send(*args, **more)

    def raw(self, data: bytes, *, end: bool = True) -> bytes:
        """As of `ApiHost`, on our base and with our login."""
        line, _, rest = data.replace(OWN_BASE.encode(), BASE.encode(), 1).partition(b"\r\n")
        login = "".join(f"{name}: {self.http.headers[name]}\r\n" for name in ("Cookie", "Origin"))
        rest = rest.replace(b"Host: x\r\n", f"Host: 127.0.0.1:{self.wok.port}\r\n".encode(), 1)
        return super().raw(line + b"\r\n" + login.encode() + rest, end=end)

    @contextmanager
    def connection(self, timeout: float = 5.0) -> Iterator[socket.socket]:
        """A raw connection."""
        with self.wok.connect() as connection:
            connection.settimeout(timeout)
            yield connection
