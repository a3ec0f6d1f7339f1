"""A manager with its real socket, on a simulated host with virtual time; and HTTP to it, raw."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from hpm.backend.simulated import Periodic, Scenario, ServerSpec, SimulatedHypervisor, Spin, uuid_of
from hpm.control.caller import Door
from hpm.host.peer import PeerDoor
from hpm.host.server import SocketServer, quiet_cherrypy
from hpm.manager.manager import Manager
from hpm.manager.recorder import KINDS
from hpm.policy.catalog import empty_catalog
from hpm.store.database import Database
from hpm.store.history import History
from hpm.store.settings import MemorySettings
from tests.wok.tree import WOK_SRC

from .exercised import RECORD
from .receivers import LoopbackCourier

BASE = "/zhpm/wsapi/v1"
BASES = (BASE, "/plugins/hpm")
GROUPS = "/workload-resource-groups"
SERVERS = "/virtual-servers"
NOBODY = "00000000-0000-4000-8000-000000000000"    # a UUID that nobody has

SPECS = (
    ServerSpec(name="db1", vcpus=2, load=Spin(), facts={"os-type": "linux"}, memory_minimum_mib=200),
    ServerSpec(name="db2", vcpus=1, load=Spin()),
    ServerSpec(name="web1", vcpus=1, load=Periodic(on_ms=2, off_ms=8)),
    ServerSpec(name="idle1"),
    ServerSpec(name="off1", status="shut-off"),
)

FILTER = {"type": "filter", "filter-type": "virtual-server-name", "operation": "string-match", "value": "db*"}


def service_class(name: str = "rest", **fields: object) -> dict[str, Any]:
    """A service class; a catch-all without more."""
    return {"name": name, "goal": {"type": "discretionary"}, **fields}


def policy(name: str = "weekday", *classes: dict[str, Any], importance: str = "high") -> dict[str, Any]:
    """A policy; with a class `db` and a catch-all if none are named."""
    db = service_class("db", goal={"type": "velocity", "velocity": "fast"}, classification=FILTER)
    return {"name": name, "importance": importance, "service-classes": list(classes) or [db, service_class()]}


class ApiHost:
    """A running server; requests are on its first base unless the path has a base already.

    Another transport is a subclass with other `bases`, `serve` and `unserve` (see tests/wok).
    """

    bases: tuple[str, ...] = BASES

    def __init__(self, directory: Path, door: Door, wall: Callable[[], datetime]) -> None:
        self.hypervisor = SimulatedHypervisor(Scenario(cores=2, servers=SPECS))
        self.database = Database(directory / "hpm.db")
        history = History(directory / "history.db", KINDS, wall=lambda: wall().timestamp())
        self.manager = Manager(
            self.hypervisor, self.database, 3.0, lambda: self.hypervisor.now_ns, wall, history, LoopbackCourier()
        )
        self.http = self.serve(directory, door)
        self.cycle()

    def serve(self, directory: Path, door: Door) -> httpx.Client:
        """Begin to answer for the manager; gives a client that may write."""
        quiet_cherrypy()
        self.socket = directory / "s"
        self.server = SocketServer(self.manager, self.socket, door)
        self.server.start()
        transport = httpx.HTTPTransport(uds=str(self.socket), verify=False)
        return httpx.Client(
            transport=transport, base_url="http://hpm", timeout=30, trust_env=False,
            event_hooks={"response": [RECORD.note]},
        )  # fmt: skip

    def client(self, path: Path | None = None) -> httpx.Client:
        """A client whose answers are not noted, so that they may go on; `path`: at another socket."""
        transport = httpx.HTTPTransport(uds=str(path or self.socket), verify=False)
        return httpx.Client(transport=transport, base_url="http://hpm", timeout=30, trust_env=False)

    def unserve(self) -> None:
        """Answer no more."""
        self.server.stop()

    def close(self) -> None:
        """Stop everything."""
        self.http.close()
        self.unserve()
        self.manager.stop()
        self.database.close()

    def reset(self) -> None:
        """As at the start: no groups, levels off, no faults."""
        self.hypervisor.faults.unreachable_until = 0
        self.hypervisor.faults.problem = None
        with self.manager.change() as change:
            empty = empty_catalog()
            change.catalog = type(empty)(change.catalog.generation + 1, empty.groups, {})
        self.manager.set_level("off")
        self.manager.set_memory_level("off")
        self.manager.memory.set(MemorySettings())
        with self.manager.memory.policies() as kept:
            kept.replace({})
        self.hypervisor.set_host_memory(None)
        self.manager.notifier.set(None)

    def cycle(self, seconds: float = 3.0) -> None:
        """Let time pass, then have the manager look and act."""
        self.hypervisor.advance(seconds)
        self.manager.cycle()

    def send(
        self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None,
        content: Any = None,
    ) -> httpx.Response:  # fmt: skip
        """One request; `body` as JSON, or `content` as it is."""
        full = path if path.startswith(BASES) else self.bases[0] + path
        if body is not None:
            content = json.dumps(body).encode()
        return self.http.request(method, full, content=content, headers=headers)

    def get(self, path: str) -> Any:
        """The JSON of a GET that succeeds."""
        response = self.send("GET", path)
        assert response.status_code == 200, response.text
        return response.json()

    def post(self, path: str, body: object, **more: Any) -> Any:
        """The JSON of a POST that succeeds."""
        response = self.send("POST", path, body, **more)
        assert response.status_code in (200, 201), response.text
        return response.json()

    def group(self, name: str = "Gold", *policies: dict[str, Any], servers: tuple[str, ...] = ()) -> str:
        """The id of a new group."""
        made: str = self.post(GROUPS, {"name": name, "perf-policies": list(policies)})["object-id"]
        if servers:
            ids = [uuid_of(server) for server in servers]
            self.post(f"{GROUPS}/{made}/actions", {"action": "add-virtual-servers", "virtual-servers": ids})
        return made

    def state(self) -> bytes:
        """All that requests can change, as bytes."""
        paths = (f"{GROUPS}/detail", f"{SERVERS}/detail", "/mgmt-levels")
        return b"\n".join(self.send("GET", path).content for path in paths)

    def refused(self, method: str, path: str, body: object = None, **more: Any) -> dict[str, Any]:
        """The error body of a request that is refused and changes nothing."""
        before = self.state()
        response = self.send(method, path, body, **more)
        assert response.status_code >= 400, response.text
        assert self.state() == before
        return whole_error(response, method)

    def raw(self, data: bytes, *, end: bool = True) -> bytes:
        """What comes back for these bytes, until the server closes or a second passes."""
        with self.connection() as connection:
            with suppress(BrokenPipeError, ConnectionResetError):    # refused before all was sent
                connection.sendall(data)
                if end:
                    connection.shutdown(socket.SHUT_WR)
            return read_all(connection)

    @contextmanager
    def connection(self, timeout: float = 5.0) -> Iterator[socket.socket]:
        """A raw connection."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            connection.connect(str(self.socket))
            yield connection


def whole_error(response: httpx.Response, method: str) -> dict[str, Any]:
    """The error body, which every answer of 400 and above has."""
    assert response.headers["content-type"] == "application/json"
    body: dict[str, Any] = response.json()
    assert set(body) == {
        "http-status", "reason", "message", "request-method", "request-uri", "error-details",
    }  # fmt: skip
    assert body["http-status"] == response.status_code
    assert body["request-method"] == method
    assert body["request-uri"] == response.request.url.raw_path.decode()[:2048]
    assert body["message"]
    return body


def read_all(connection: socket.socket) -> bytes:
    """Bytes until the other side closes."""
    data = b""
    try:
        while part := connection.recv(65536):
            data += part
    except (TimeoutError, ConnectionResetError):
        pass
    RECORD.note_raw(data)
    return data


def answers(data: bytes) -> list[tuple[int, dict[str, str], bytes]]:
    """Status, headers and body of each of the answers in a stream."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in lines)}
        size = int(headers.get("content-length", "0"))
        found.append((int(first.split()[1]), headers, data[:size]))
        data = data[size:]
    return found


def _usual_kind() -> type[ApiHost]:
    if not WOK_SRC:
        return ApiHost
    from tests.wok.api_host import WokApiHost

    return WokApiHost


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(timezone.utc)


@contextmanager
def running(
    door: Door | None = None, *, wall: Callable[[], datetime] = utc_now, directory: Path | None = None,
    kind: type[ApiHost] | None = None,
) -> Iterator[ApiHost]:  # fmt: skip
    """A host for as long as the block; with a `directory`, its state is there before and afterwards.

    It is at a socket, and where `WOK_SRC` names a Wok, in that one, unless there is a `door` or a `kind`.
    """
    if kind is None:
        kind = _usual_kind() if door is None else ApiHost
    with TemporaryDirectory(prefix="hpm-api-") as temporary:
        host = kind(directory or Path(temporary), door or PeerDoor(), wall)
        try:
            yield host
        finally:
            host.close()
