"""A manager with all that it needs, from start to stop: what `hpm serve` and Wok have in common."""

from __future__ import annotations

import logging
import os
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Protocol, TypeAlias

from .. import paths
from ..backend.connect import SIMULATED, Choice, choose, open_hypervisor
from ..backend.ports import port_answers
from ..engine.samples import HostSample
from ..errors import Conflict, InvalidValue
from ..heap import keep_one_heap, keep_searches_short, take_small_arrays
from ..manager.backing_up import BackingUp
from ..manager.controls import in_force, start_of
from ..manager.lock import HostLock
from ..manager.manager import Manager
from ..manager.recorder import KINDS
from ..store.catalog_store import load_setting, save_setting
from ..store.database import Database
from ..store.history import History
from ..store.journal import Control, Journal, JournalEntry
from ..store.recovery import Recovered, open_store
from ..version import VERSION
from .access.front_socket import front_socket, front_uid
from .access.pam import Pam
from .delivery.courier import ProcessCourier
from .helpers.asking import NETWORK, PASSWORDS, NetworkHelper
from .mom_rpc import MomRpc
from .own_places import check_files, check_parent, check_place
from .peer import PeerDoor
from .server import SocketServer

log = logging.getLogger(__name__)

#: Seconds that a thread which computes keeps Python's lock while others want it. A request takes it some ten times, so
#: with Python's own 5 ms it would wait that often for who makes the metrics of thousands of servers.
TURN = 0.0005

#: Sockets are for others too; what is kept is nobody else's business.
PRIVATE = 0o027


Entries: TypeAlias = "Mapping[tuple[str, Control], JournalEntry]"


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
    Raises `ManagerBusy` if another one has the host, `UnsafePlace` if others could change what is kept, `HpmError` and
    `OSError` for whatever else is missing; nothing is left then.
    """

    def __init__(
        self, connect: str | None, state: Path | None, socket: Path | None, interval: float | None,
        mom_rpc: Path | None = None, plot_dir: Path | None = None, helpers: Path | None = None,
    ) -> None:  # fmt: skip
        self.choice = choose(connect)
        self.state = state or usual_state(self.choice)
        self.address = socket or paths.socket_path()
        self._mom_rpc, self._plot_dir, self._helpers = mom_rpc, plot_dir, helpers
        ours = {os.path.realpath(each) for each in (self.address, paths.front_socket_path(self.address))}
        if mom_rpc is not None and os.path.realpath(mom_rpc) in ours:
            raise InvalidValue(f"{mom_rpc} is a socket of hpm's own already; say another place for it with --mom-rpc")
        # of the state, only what is above it: that is for others too
        own = [paths.run_dir()]
        with suppress(InvalidValue):    # a user without a home
            own.append(paths.state_dir())
        sockets = (self.address,) if mom_rpc is None else (self.address, mom_rpc)
        for directory in (paths.run_dir(), *(each.absolute().parent for each in (*sockets, self.state))):
            (check_place if directory in own else check_parent)(directory)
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
        check_place(self.state)
        check_files(self.state)
        later(take_locks(self.choice, self.state, f"state in {self.state}, socket {self.address}").close)
        database, recovered = open_store(self.state / "hpm.db")
        later(database.close)
        keep_to_host(database, self.choice)
        found = Journal(database, aside_path(self.choice, self.state)).entries
        network = None if self._helpers is None else NetworkHelper(self._helpers / NETWORK)
        self.hypervisor = open_hypervisor(self.choice.uri, port_answers if network is None else network.ask_port)
        later(self.hypervisor.close)
        self.manager = Manager(
            self.hypervisor, database, interval, time.monotonic_ns, lambda: datetime.now(timezone.utc),
            History(self.state / "history.db", KINDS), network or ProcessCourier(), self._plot_dir,
            aside_path(self.choice, self.state),
        )  # fmt: skip
        if recovered is not None:
            self._tell(recovered, doubtful(found, Journal(database).entries, self.manager.snapshot.sample))
        backing_up = BackingUp(database)
        server = SocketServer(self.manager, self.address, PeerDoor())
        pam = Pam(helper=None if self._helpers is None else self._helpers / PASSWORDS)
        entrance = front_socket(self.manager, paths.front_socket_path(self.address), front_uid(), pam)
        doors: list[Door] = [entrance]
        if self._mom_rpc is not None:
            doors.append(MomRpc(self.manager, self._mom_rpc))
        doors.append(server)    # the last: when the API answers, all of them do
        backing_up.start()
        later(backing_up.stop)
        later(self._put_back)    # also what its threads did where the last of them could not be started
        self.manager.start()
        for each in doors:
            each.start()
            later(each.stop)

    def _tell(self, recovered: Recovered, unknown: Sequence[JournalEntry]) -> None:
        """What became of a damaged store, in the log and in the activity log."""
        said = [recovered.said()]
        infos = self.manager.snapshot.sample.infos
        for entry in unknown if not recovered.journal else ():
            name = infos[entry.uuid].name if entry.uuid in infos else entry.uuid
            said.append(
                f"{name}: whether hpm or an administrator set its {entry.control} is not known any more; it is left as"
                f" it is. Before hpm it was {entry.original}: set that if you want it, and release the server"
            )
        for sentence in said:
            log.error("%s", sentence)
            self.manager.activity.add(self.manager.activity.own(sentence))

    def _put_back(self) -> None:
        for said in self.manager.stop():
            log.info("restored %s", said)


def doubtful(found: Entries, now: Entries, sample: HostSample) -> list[JournalEntry]:
    """Of the entries that were `found`, those whose control has a value that they do not know: they are held `now`, or
    dropped, and what was there before hpm is not there."""
    left = [entry for key, entry in found.items() if key not in now or now[key].held]
    return [
        entry for entry in left
        if start_of(sample, entry.uuid) == entry.start
        and in_force(sample, entry.uuid, entry.control) not in (None, entry.original)
    ]  # fmt: skip


def usual_state(choice: Choice) -> Path:
    """Where state is kept. Simulated hosts have one of their own, so that trying hpm never touches a real one's."""
    base = paths.state_dir()
    return base / "simulated" if choice.simulated else base


def keep_to_host(database: Database, choice: Choice) -> None:
    """See to it that a store is used for one hypervisor only: for another one, its journal would be of servers that
    are gone, and what hpm found at the start would be forgotten. Raises `Conflict`."""
    name = host_name(choice)
    known = load_setting(database, "hypervisor")
    if known is None:
        save_setting(database, "hypervisor", name)
    elif known != name:
        raise Conflict(
            f"the state in {database.path.parent} is that of {known}, and {choice.uri} was chosen ({choice.why});"
            f" say --connect {known}, or another --state-dir"
        )


def host_name(choice: Choice) -> str:
    """By what a store knows whose it is. All simulated hosts are one."""
    return SIMULATED if choice.simulated else choice.uri


def take_locks(choice: Choice, state: Path, who: str) -> ExitStack:
    """One manager per state directory, and per real host; closing it lets go. Raises `ManagerBusy`, `OSError`."""
    with ExitStack() as taken:
        for path in (state / "lock", *(() if choice.simulated else (paths.run_dir() / "host.lock",))):
            taken.callback(HostLock(path, who).release)
        return taken.pop_all()


def aside_path(choice: Choice, state: Path) -> Path:
    """Where the journal keeps what its store could not take; of a real host in memory, beside the host's lock."""
    return (state if choice.simulated else paths.run_dir()) / "put-back.json"


def prepare_process() -> None:
    """Have this process take many files, few heaps, short turns, and short searches for garbage."""
    keep_one_heap()
    take_small_arrays()
    keep_searches_short()
    sys.setswitchinterval(TURN)
    # every vCPU thread has up to two files kept open
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
