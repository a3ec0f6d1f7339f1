"""Those who use hpm while it soaks: each a thread that does one thing again and again, and notes what went wrong."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import httpx

from hpm.client.connection import connect
from hpm.client.credentials import by_password
from hpm.client.errors import ApiError, ClientError, NoConnection
from hpm.client.mirror import Mirror
from hpm.client.rest import Client
from hpm.wire.events import TYPES
from hpm.wire.metrics import HistoryQuery, ServersMetricsQuery

#: Statuses that a client has to expect while servers come and go and others write.
EXPECTED = (404, 409, 412)
#: Of so many passwords one is wrong.
WRONG = 100
#: Of complaints that many are kept.
KEPT = 50
#: Seconds that an actor is waited for at the end: an answer with events ends after a minute.
ENDING = 90.0


class Actor(threading.Thread):
    """Calls `act` every `apart` seconds until `stop`; `deeds` counts calls, `complaints` are those that failed."""

    def __init__(self, name: str, act: Callable[[], object], apart: float) -> None:
        super().__init__(name=name, daemon=True)
        self._act, self._apart = act, apart
        self._end = threading.Event()
        self.deeds, self.failed, self.slowest = 0, 0, 0.0
        self.complaints: list[str] = []

    def run(self) -> None:
        while not self._end.is_set():
            began = time.monotonic()
            try:
                self._act()
            except Exception as error:    # whatever it is: the run goes on, and is judged by it
                self.complain(f"{type(error).__name__}: {error}")
            self.deeds += 1
            took = time.monotonic() - began
            self.slowest = max(self.slowest, took)
            self._end.wait(max(0.0, self._apart - took))

    def complain(self, text: str) -> None:
        """Something is not as it should be."""
        self.failed += 1
        if len(self.complaints) < KEPT:
            self.complaints.append(f"{time.strftime('%H:%M:%S')} {self.name}: {text}")

    def end(self) -> None:
        """Do it no more."""
        self._end.set()


def end_all(actors: Sequence[Actor]) -> None:
    """All of them, at the same time; who does not end complains."""
    for actor in actors:
        actor.end()
    for actor in actors:
        actor.join(ENDING)
        if actor.is_alive():
            actor.complain(f"does not end within {ENDING:g} s")


def users(connection: Callable[[], Client], seed: int = 1) -> list[Actor]:
    """Who reads all that there is, who follows by sync, who follows events, who scrapes."""
    return [
        Actor("reads", _reads(connection(), random.Random(seed)), 0.5),
        Actor("syncs", _syncs(connection()), 1.0),
        Actor("follows", _follows(connection()), 1.0),
        Actor("asks anew", _asks_anew(connection), 5.0),
    ]


def _expected(call: Callable[[], object]) -> None:
    """What is gone meanwhile, or what somebody else changed, is no fault."""
    try:
        call()
    except ApiError as error:
        if error.status not in EXPECTED:
            raise


def _reads(client: Client, chance: random.Random) -> Callable[[], None]:
    def one(kind: str) -> None:
        servers = client.servers().value.virtual_servers
        if not servers:
            return
        uuid = chance.choice(servers).object_id
        _expected({
            "server": lambda: client.server(uuid), "explain": lambda: client.explain(uuid),
            "policy": lambda: client.effective_policy(uuid),
            "history": lambda: client.server_history("calculated", uuid, HistoryQuery(step=60.0)),
            "metrics": lambda: client.server_metrics("raw", uuid),
        }[kind])  # fmt: skip

    reads: tuple[Callable[[], object], ...] = (
        client.groups_detail, client.servers_detail, client.settings, client.management_levels, client.adjustments,
        client.partitions, client.status, client.configuration, client.devices, client.guest_details,
        client.history_state, client.activity, client.start_jobs, client.dependencies, client.notifications,
        client.memory_policies, client.tokens, client.version, lambda: _expected(client.explain_memory_policies),
        lambda: client.hypervisor_metrics("raw"), lambda: client.groups_metrics("calculated"),
        lambda: client.servers_metrics("raw"), lambda: client.hypervisor_history("calculated", HistoryQuery(step=60.0)),
        lambda: client.servers_history("calculated", ServersMetricsQuery(step=60.0, limit=20)),
        lambda: client.export_file("json"), lambda: client.export_file("xml"),
        *(lambda kind=kind: one(kind) for kind in ("server", "explain", "policy", "history", "metrics")),
    )  # fmt: skip
    turn = 0

    def read() -> None:
        nonlocal turn
        turn += 1
        reads[turn % len(reads)]()

    return read


def _syncs(client: Client) -> Callable[[], None]:
    """Follows all servers; every two hundredth time one who has missed much, and begins anew."""
    mirror, turn = Mirror(client), 0

    def sync() -> None:
        nonlocal mirror, turn
        turn += 1
        if turn % 200 == 0:
            mirror = Mirror(client)
        mirror.poll()

    return sync


class _BrokenOff(Exception):
    """The answer ended; enough of it."""


def _follows(client: Client) -> Callable[[], None]:
    """Reads some events, and breaks off in the midst of the answer, as a browser does that goes elsewhere."""
    last: str | None = None

    def broken_off(_: float) -> None:
        raise _BrokenOff    # else the stream goes on with a new answer, and ends at events alone

    def follow() -> None:
        nonlocal last
        events = client.events(last, pause=broken_off)
        timer = threading.Timer(20.0, events.close)
        timer.start()
        try:
            with suppress(_BrokenOff, ClientError, httpx.HTTPError, httpx.StreamError, RuntimeError, OSError):
                for number, received in enumerate(events, 1):
                    assert received.kind in TYPES
                    last = events.last_id
                    if number == 30:
                        break
        finally:
            timer.cancel()
            events.close()

    return follow


def _asks_anew(connection: Callable[[], Client]) -> Callable[[], None]:
    """Comes with a connection of its own, asks what is wrong too, and goes."""

    def ask() -> None:
        with connection() as client:
            client.groups()
            _expected(lambda: client.group("no-such-group"))
            try:
                client.create_group({"name": "", "nonsense": 1})
            except ApiError as error:
                if error.status != 400:
                    raise
            else:
                raise AssertionError("nonsense was accepted")

    return ask


def scrapes(socket: Path) -> Callable[[], str]:
    """Reads what Prometheus reads."""
    client = httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://localhost", timeout=30.0)

    def scrape() -> str:
        answer = client.get("/metrics")
        answer.raise_for_status()
        return answer.text

    return scrape


def logs_in(url: Callable[[], str]) -> Callable[[], None]:
    """Somebody at the web front: with a password, once with a wrong one, with a session, and out again.

    Wrong ones are so few that nobody else at this address, as the pages are, is made to wait for it. The first is the
    first of all: what it takes is part of what is there when all has settled."""
    turn = 0

    def visit() -> None:
        nonlocal turn
        turn += 1
        base = "/zhpm/wsapi/v1"
        with httpx.Client(base_url=url(), verify=False, timeout=30.0) as http:    # its own certificate
            wrong = turn % WRONG == 1
            word = "wrong" if wrong else "bob's own"
            answer = http.post(f"{base}/login", json={"user": "bob", "password": word})
            if wrong:
                if answer.status_code not in (401, 429):
                    raise AssertionError(f"a wrong password was answered {answer.status_code}")
                return
            if answer.status_code == 429:
                return
            answer.raise_for_status()
            for path in ("/workload-resource-groups", "/virtual-servers/detail", "/metrics/raw/hypervisor"):
                http.get(f"{base}{path}").raise_for_status()
            if turn % 3:    # each third never says that he goes
                http.post(f"{base}/logout", headers={"Origin": url()}).raise_for_status()

    return visit


def by_url(url: str, cacert: Path) -> Client:
    """A program that shows a password each time."""
    return connect(url=url, credentials=by_password("ann", "ann's own"), cacert=cacert)


__all__ = ["Actor", "NoConnection", "by_url", "end_all", "logs_in", "scrapes", "users"]
