"""Starting and stopping: `hpm serve` and the offline `hpm restore`."""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

from .. import paths
from ..backend.connect import Choice, choose, open_hypervisor
from ..manager.actuator import Actuator
from ..manager.lock import HostLock
from ..manager.manager import Manager
from ..store.database import Database
from ..store.journal import Journal
from ..version import VERSION
from .front.settings import FrontSettings, front_settings
from .front.supervising import start_beside_manager
from .peer import PeerDoor
from .server import SocketServer

log = logging.getLogger(__name__)

#: Signals that end hpm.
ENDING = (signal.SIGTERM, signal.SIGINT)


def serve(
    connect: str | None, state_dir: Path | None, socket: Path | None, interval: float | None, verbose: bool,
    web: bool, listen: str | None, tls_cert: Path | None, tls_key: Path | None,
) -> int:  # fmt: skip
    """Run the manager until SIGTERM or SIGINT, with a web front if `web`; gives the exit code."""
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.captureWarnings(True)
    _raise_open_files()
    choice = choose(connect)
    state = state_dir or _state_dir(choice)
    address = socket or paths.socket_path()
    certificates = state_dir / "web" if state_dir else paths.web_dir()
    front = front_settings(
        paths.front_socket_path(address), certificates, listen, tls_cert, tls_key, verbose
    ) if web else None  # fmt: skip
    for directory in (paths.run_dir(), address.parent):
        directory.mkdir(parents=True, exist_ok=True)
    os.umask(0o027)    # sockets are for others too; what is kept from here on is nobody else's business
    # Blocked before any thread is there, so that all inherit it, and waited for by the main thread: a handler in
    # Python runs only when the main thread wakes, and nothing wakes it if another thread was given the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    lock = HostLock(_lock_path(choice, state), f"state in {state}, socket {address}")
    try:
        return _run(choice, state, address, interval, front)
    finally:
        lock.release()


def restore(connect: str | None, state_dir: Path | None) -> list[str]:
    """Put back everything that a manager, which no longer runs, has changed; gives a sentence for each value.

    Raises `ManagerBusy` if one runs.
    """
    choice = choose(connect)
    state = state_dir or _state_dir(choice)
    store = state / "hpm.db"
    if not store.exists():
        return [f"nothing to put back: there is no store {store}"]
    lock = HostLock(_lock_path(choice, state), "hpm restore")
    try:
        database = Database(store)
        journal = Journal(database)
        if not journal.entries:
            return ["nothing to put back: the journal is empty"]
        hypervisor = open_hypervisor(choice.uri)
        try:
            return Actuator(hypervisor, journal).restore(hypervisor.observe())
        finally:
            hypervisor.close()
            database.close()
    finally:
        lock.release()


def _run(choice: Choice, state: Path, address: Path, interval: float | None, web: FrontSettings | None) -> int:
    hypervisor = open_hypervisor(choice.uri)
    try:
        database = Database(state / "hpm.db")
        manager = Manager(hypervisor, database, interval, time.monotonic_ns, lambda: datetime.now(timezone.utc))
        server = SocketServer(manager, address, PeerDoor())
        manager.start()
        try:
            server.start()
            _greet(choice, manager, address, state)
            front = None if web is None else start_beside_manager(web)
            signal.sigwait(ENDING)
            log.info("stopping, and putting everything back")
            if front is not None:
                front.stop()
            server.stop()
        finally:
            for said in manager.stop():
                log.info("restored %s", said)
        database.close()
    finally:
        hypervisor.close()
    return 0


def _greet(choice: Choice, manager: Manager, address: Path, state: Path) -> None:
    host, levels = manager.description, manager.snapshot.levels
    lines = (
        f"hpm {VERSION} manages {choice.uri}: {choice.why}",
        f"{len(manager.snapshot.sample.infos)} virtual servers, {host.hypervisor} {host.hypervisor_version},"
        f" an interval of {manager.interval:g} s; CPU management is {levels.cpu_mgmt}",
        f"listening on {address}, state in {state}; ^C stops and puts everything back",
    )
    for line in lines:
        log.info(line)
    sys.stderr.flush()


def _state_dir(choice: Choice) -> Path:
    """Simulated hosts have a state of their own, so that trying hpm never touches a real one's."""
    base = paths.state_dir()
    return base / "simulated" if choice.simulated else base


def _lock_path(choice: Choice, state: Path) -> Path:
    """One manager per real host; of simulated hosts, one per state directory."""
    return state / "lock" if choice.simulated else paths.run_dir() / "host.lock"


def _raise_open_files() -> None:
    """Every vCPU thread has up to two files kept open."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
