"""Starting and stopping: `hpm serve` and the offline `hpm restore`."""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
from pathlib import Path

from .. import paths
from ..backend.connect import Choice, choose, open_hypervisor
from ..backend.units import Units
from ..engine.samples import HostSample
from ..errors import Conflict, NotFound, StoreDamaged
from ..manager.actuator import Actuator
from ..manager.observer import observe_with_memory
from ..store.database import Database
from ..store.journal import Journal
from ..store.recovery import is_kept, journal_of, open_store
from .access.syslog import tell_syslog
from .front.settings import FrontSettings, front_settings
from .front.supervising import start_beside_manager
from .log_lines import to_stderr
from .rights import NoWebUser
from .running import PRIVATE, RunningManager, aside_path, keep_to_host, take_locks, usual_state
from .server import quiet_cherrypy
from .systemd import Supervisor
from .watchdog import Watchdog

log = logging.getLogger(__name__)

#: Signals that end hpm; so does the end of its terminal.
ENDING = (signal.SIGTERM, signal.SIGINT)


def serve(
    connect: str | None, state_dir: Path | None, socket: Path | None, interval: float | None, verbose: bool,
    web: bool, listen: str | None, tls_cert: Path | None, tls_key: Path | None, mom_rpc: Path | None = None,
    plot_dir: Path | None = None, helpers: Path | None = None,
) -> int:  # fmt: skip
    """Run the manager until SIGTERM, SIGINT or SIGHUP, with a web front if `web`; gives the exit code."""
    to_stderr(logging.DEBUG if verbose else logging.INFO, "%(asctime)s %(levelname)s %(message)s")
    logging.captureWarnings(True)
    faulthandler.enable()    # a watchdog ends us with SIGABRT: what each thread did then is told first
    tell_syslog()
    quiet_cherrypy()
    settings = _front(state_dir, socket, listen, tls_cert, tls_key, verbose) if web else None
    supervisor = Supervisor()
    # Blocked before any thread is there, so that all inherit it, and waited for by the main thread: a handler in
    # Python runs only when the main thread wakes, and nothing wakes it if another thread was given the signal.
    ending = ENDING if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (*ENDING, signal.SIGHUP)    # nohup(1)
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    with RunningManager(connect, state_dir, socket, interval, mom_rpc, plot_dir, helpers) as running:
        os.umask(PRIVATE)
        running.greet("^C stops and puts everything back")
        front = None if settings is None else start_beside_manager(settings)
        watchdog = Watchdog(supervisor, running.manager)
        watchdog.start()
        signal.sigwait(ending)
        log.info("stopping, and putting everything back")
        watchdog.stopping()
        if front is not None:
            front.stop()
    watchdog.stop()
    return 0


def is_stopped(unit: str) -> bool:
    """Whether systemd stops that unit now, and has not its new start in mind. Raises `HypervisorError`."""
    return Units(Path("/")).is_stopped(unit)


#: Seconds that `restore` waits to be told what balloons leave the servers.
BALLOONS = 10.0


def restore(connect: str | None, state_dir: Path | None) -> list[str]:
    """Put back everything that a manager, which no longer runs, has changed; gives a sentence for each value.

    Raises `ManagerBusy` if one runs, `Conflict` for the state of another host, `NotFound`.
    """
    choice = choose(connect)
    directory = state_dir or usual_state(choice)
    store = directory / "hpm.db"
    real = is_kept(paths.state_dir() / "hpm.db") if state_dir is None else state_dir.exists()
    if connect is None and choice.simulated and real:
        raise Conflict(
            f"nothing is put back on the real host, and a simulated one was not asked for: {choice.why}. Start libvirt,"
            " or say --connect qemu:///system; for a simulated host, --connect simulated"
        )
    if not is_kept(store):
        if state_dir is not None:
            raise NotFound(f"there is no store {store}; is this the right --state-dir?")
        return [f"nothing to put back on {choice.uri}: there is no store {store}"]
    with take_locks(choice, directory, "hpm restore"):
        database, said = _opened(store)
        try:
            keep_to_host(database, choice)
            return [*said, *_put_back(choice, database, aside_path(choice, directory))]
        finally:
            database.close()


def _opened(store: Path) -> tuple[Database, list[str]]:
    """The store, and what is to be told of it. Of one that is damaged and has no backup, the journal alone."""
    try:
        database, recovered = open_store(store)
    except StoreDamaged as error:
        found = journal_of(store)
        if found is None or not found[0]:
            raise
        database = Database(Path(":memory:"))
        Journal(database).put(found[0])
        unread = f" but for what cannot be read, which you must see to: {', '.join(found[1])}" if found[1] else ""
        return database, [f"{error.why}; what its journal says is put back{unread}"]
    return database, [] if recovered is None else [recovered.said()]


def _put_back(choice: Choice, database: Database, aside: Path) -> list[str]:
    journal = Journal(database, aside)
    if not journal.entries:
        return [f"nothing to put back on {choice.uri}: the journal in {database.path} is empty"]
    hypervisor = open_hypervisor(choice.uri)
    try:
        ballooned = {entry.uuid for entry in journal.entries.values() if entry.control == "balloon"}
        actuator = Actuator(hypervisor, journal)

        def observe() -> HostSample:
            sample = observe_with_memory(hypervisor, ballooned, BALLOONS)
            actuator.notice(sample)    # a guest that boots anew just now
            return sample

        said = actuator.restore_all(observe)
        return said or [f"nothing to put back on {choice.uri}: all is as it was found"]
    finally:
        hypervisor.close()


def _front(
    state_dir: Path | None, socket: Path | None, listen: str | None, tls_cert: Path | None, tls_key: Path | None,
    verbose: bool,
) -> FrontSettings | None:  # fmt: skip
    """What the web front is told; None where there is nobody as whom it could run. Raises `InvalidValue`."""
    entrance = paths.front_socket_path(socket or paths.socket_path())
    try:
        return front_settings(entrance, paths.web_dir(state_dir), listen, tls_cert, tls_key, verbose)
    except NoWebUser as error:
        log.error("no web front: %s", error)
        return None
