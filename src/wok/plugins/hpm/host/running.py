"""A manager with all that it needs, from start to stop: what `hpm serve` and Wok have in common."""

from __future__ import annotations

import logging
import os
import resource
import sys
import time
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Protocol

from .. import paths
from ..backend.connect import Choice, choose, open_hypervisor
from ..backend.ports import port_answers
from ..control.heap import keep_one_heap, keep_searches_short
from ..errors import Conflict
from ..manager.lock import HostLock
from ..manager.manager import Manager
from ..manager.recorder import KINDS
from ..store.catalog_store import load_setting, save_setting
from ..store.database import Database
from ..store.history import History
from ..version import VERSION
from .access.front_socket import front_socket, front_uid
from .access.pam import Pam
from .delivery.courier import ProcessCourier
from .helpers.asking import NETWORK, PASSWORDS, NetworkHelper
from .mom_rpc import MomRpc
from .peer import PeerDoor
from .server import SocketServer

log = logging.getLogger(__name__)

#: Seconds that a thread which computes keeps Python's lock while others want it. A request takes it some ten times, so
#: with Python's own 5 ms it would wait that often for who makes the metrics of thousands of servers.
TURN = 0.0005

#: Sockets are for others too; what is kept is nobody else's business.
PRIVATE = 0o027


class Door(Protocol):
    """What answers requests, from `start` to `stop`."""

    def start(self) -> None:
        """Begin to answer. Raises `OSError`."""

    def stop(self) -> None:
        """Finish what is under way."""


class RunningManager:
    """Has the host's lock, runs the manager, and answers at its sockets, until `stop`.

    The second socket is for the web front (see `front_uid`); at `mom_rpc`, if that is named, programs that talk to MOM
    are answered, and below `plot_dir` files are written as MOM does. In `helpers` are the sockets of helpers that do
    what this process is kept from.
    Raises `ManagerBusy` if another one has the host, `HpmError` and `OSError` for whatever else is missing;
    nothing is left then.
    """

    def __init__(
        self, connect: str | None, state: Path | None, socket: Path | None, interval: float | None,
        mom_rpc: Path | None = None, plot_dir: Path | None = None, helpers: Path | None = None,
    ) -> None:  # fmt: skip
        self.choice = choose(connect)
        self.state = state or usual_state(self.choice)
        self.address = socket or paths.socket_path()
        self._mom_rpc, self._plot_dir, self._helpers = mom_rpc, plot_dir, helpers
        # of the state, only what is above it: that is for others too
        for directory in (paths.run_dir(), self.address.parent, self.state.parent):
            directory.mkdir(parents=True, exist_ok=True)
        prepare_process()
        self._undo = ExitStack()
        mask = os.umask(PRIVATE)
        try:
            self._start(interval)
        except BaseException:
            self._undo.close()
            raise
        finally:
            os.umask(mask)

    def stop(self) -> None:
        """Finish what is under way, put everything back, let go of the host."""
        self._undo.close()

    def __enter__(self) -> RunningManager:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def greet(self, how_it_ends: str) -> None:
        """Say what is managed, and where we are."""
        host, levels = self.manager.description, self.manager.snapshot.levels
        log.info("hpm %s manages %s: %s", VERSION, self.choice.uri, self.choice.why)
        log.info(
            "%d virtual servers, %s %s, an interval of %g s; CPU management is %s",
            len(self.manager.snapshot.sample.infos), host.hypervisor, host.hypervisor_version, self.manager.interval,
            levels.cpu_mgmt,
        )  # fmt: skip
        log.info("listening on %s, state in %s; %s", self.address, self.state, how_it_ends)

    def _start(self, interval: float | None) -> None:
        later = self._undo.callback
        lock = HostLock(lock_path(self.choice, self.state), f"state in {self.state}, socket {self.address}")
        later(lock.release)
        database = Database(self.state / "hpm.db")
        later(database.close)
        keep_to_host(database, self.choice)
        network = None if self._helpers is None else NetworkHelper(self._helpers / NETWORK)
        self.hypervisor = open_hypervisor(self.choice.uri, port_answers if network is None else network.ask_port)
        later(self.hypervisor.close)
        self.manager = Manager(
            self.hypervisor, database, interval, time.monotonic_ns, lambda: datetime.now(timezone.utc),
            History(self.state / "history.db", KINDS), network or ProcessCourier(), self._plot_dir,
        )  # fmt: skip
        server = SocketServer(self.manager, self.address, PeerDoor())
        pam = Pam(helper=None if self._helpers is None else self._helpers / PASSWORDS)
        entrance = front_socket(self.manager, paths.front_socket_path(self.address), front_uid(), pam)
        doors: list[Door] = [entrance]
        if self._mom_rpc is not None:
            doors.append(MomRpc(self.manager, self._mom_rpc))
        doors.append(server)    # the last: when the API answers, all of them do
        self.manager.start()
        later(self._put_back)
        for each in doors:
            each.start()
            later(each.stop)

    def _put_back(self) -> None:
        for said in self.manager.stop():
            log.info("restored %s", said)


def usual_state(choice: Choice) -> Path:
    """Where state is kept. Simulated hosts have one of their own, so that trying hpm never touches a real one's."""
    base = paths.state_dir()
    return base / "simulated" if choice.simulated else base


def keep_to_host(database: Database, choice: Choice) -> None:
    """See to it that a store is used for one hypervisor only: for another one, its journal would be of servers that
    are gone, and what hpm found at the start would be forgotten. Raises `Conflict`."""
    name = "simulated" if choice.simulated else choice.uri
    known = load_setting(database, "hypervisor")
    if known is None:
        save_setting(database, "hypervisor", name)
    elif known != name:
        raise Conflict(
            f"the state in {database.path.parent} is that of {known}, and {choice.uri} was chosen ({choice.why});"
            f" say --connect {known}, or another --state-dir"
        )


def lock_path(choice: Choice, state: Path) -> Path:
    """One manager per real host; of simulated hosts, one per state directory."""
    return state / "lock" if choice.simulated else paths.run_dir() / "host.lock"


def prepare_process() -> None:
    """Have this process take many files, few heaps, short turns, and short searches for garbage."""
    keep_one_heap()
    keep_searches_short()
    sys.setswitchinterval(TURN)
    # every vCPU thread has up to two files kept open
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
