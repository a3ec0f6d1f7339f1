"""Managers of hosts in virtual time, for the soak: each in a process of its own that goes through cycles as told.

All that a manager does in a cycle and between two happens in the order of the loop, and what its threads do beside it
(upkeep of the history, keeping what pollers know) right after it. Its API is at a socket, for clients in real time.
"""

from __future__ import annotations

import gc
import os
import random
import tempfile
import traceback
import tracemalloc
from datetime import datetime, timedelta, timezone
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from bench.pretended import SCRATCH
from hpm.backend.simulated import SimulatedHypervisor, demo
from hpm.heap import give_memory_back
from hpm.host.peer import PeerDoor
from hpm.host.running import prepare_process
from hpm.host.server import SocketServer, quiet_cherrypy
from hpm.manager.manager import Manager
from hpm.manager.recorder import KINDS
from hpm.manager.virtual import VirtualLoop
from hpm.store.database import Database
from hpm.store.history import History
from tests.soak import growing
from tests.soak.churning import ChurningHost
from tests.soak.standing import standing

SECOND = 1_000_000_000
BEGIN = datetime(2030, 1, 7, tzinfo=timezone.utc)    # a Monday
#: Cycles after which what pollers know is kept.
KEEPING = 3
#: Parts of the lively host's guests that go through something in a cycle.
EVENTFUL = 0.15

Kind: TypeAlias = Literal["large", "lively"]


class Pretended(Protocol):
    """A host whose servers come and go."""

    started: int

    @property
    def hypervisor(self) -> Any:
        """As the manager sees it."""

    def now(self) -> int:
        """Virtual monotonic nanoseconds."""

    def pass_time(self, manager: Manager, loop: VirtualLoop) -> None:
        """Let an interval pass, with all that the loop does in it."""

    def turn(self) -> None:
        """Servers start and stop, and whatever else happens to them."""


class Large:
    """Many servers, of which one in a hundred ends, and another starts, in each interval."""

    def __init__(self, servers: int, interval: float) -> None:
        self._now, self._interval, self._servers = 0, interval, servers
        self.hypervisor = ChurningHost(servers, 2, self.now)

    @property
    def started(self) -> int:
        return self.hypervisor.started

    def now(self) -> int:
        return self._now

    def pass_time(self, manager: Manager, loop: VirtualLoop) -> None:
        self._now += round(self._interval * SECOND)
        manager.look()
        manager.cycle()

    def turn(self) -> None:
        self.hypervisor.turn_over(max(1, self._servers // 100))


class Lively:
    """A host with a scheduler and memory; some servers of it start, stop, pause, restart, or are made and deleted."""

    def __init__(self, servers: int, interval: float) -> None:
        self._chance = random.Random(1)
        scenario = demo.scenario(servers)
        self.hypervisor = SimulatedHypervisor(scenario)
        self._specs = {self.hypervisor.uuid(spec.name): spec for spec in scenario.servers}
        self._made: list[str] = []
        self.started = 0

    def now(self) -> int:
        return self.hypervisor.now_ns

    def pass_time(self, manager: Manager, loop: VirtualLoop) -> None:
        loop.step()
        self.hypervisor.writes.clear()    # the host's own record of what was set, which no manager has

    def turn(self) -> None:
        infos = self.hypervisor.observe().infos
        for uuid in [uuid for uuid in self._specs if self._chance.random() < EVENTFUL]:
            status = infos[uuid].status
            if status == "paused":
                self.hypervisor.resume(uuid)
            elif status == "shut-off":
                self.hypervisor.start(uuid)
                self.started += 1
            else:
                what = self._chance.choice((self.hypervisor.stop, self.hypervisor.pause, self.hypervisor.restart))
                what(uuid)
                self.started += what == self.hypervisor.restart
        if len(self._made) > 4:
            self.hypervisor.delete(self._made.pop(0))
        spec = self._chance.choice(list(self._specs.values()))
        self._made.append(self.hypervisor.add_server(demo_spec(spec, self.started)))
        self.started += 1


def demo_spec(spec: Any, serial: int) -> Any:
    """As that one, under another name."""
    return msgspec.structs.replace(spec, name=f"{spec.name}-{serial}")


def serve(kind: Kind, name: str, servers: int, interval: float, trace: bool, pipe: Connection) -> None:
    """The process: goes through as many cycles as it is told by `pipe`, and tells how it stands; None: the end."""
    try:
        _serve(kind, name, servers, interval, trace, pipe)
    except BaseException:
        traceback.print_exc()
        os._exit(1)    # threads that serve would keep the process


def _serve(kind: Kind, name: str, servers: int, interval: float, trace: bool, pipe: Connection) -> None:
    prepare_process()
    quiet_cherrypy()
    directory = Path(name)
    host: Pretended = (Large if kind == "large" else Lively)(servers, interval)

    def wall() -> datetime:
        return BEGIN + timedelta(microseconds=host.now() // 1000)

    database = Database(directory / "hpm.db")
    database.rows("PRAGMA synchronous=OFF")    # what a disk takes is not what is looked for
    history = History(directory / "history.db", KINDS, wall=lambda: wall().timestamp())
    manager = Manager(host.hypervisor, database, interval, host.now, wall, history)
    loop = VirtualLoop(manager, host.now, lambda seconds: host.hypervisor.advance(seconds))
    host.hypervisor.on_change(loop.servers_changed)
    server = SocketServer(manager, directory / "s", PeerDoor())
    server.start()
    manager.recorder.tell()
    growing.sizes(manager)    # what Python then remembers of classes is none of hpm's growth
    cycles = 0
    first: tracemalloc.Snapshot | None = None
    pipe.send("ready")
    while (wanted := pipe.recv()) is not None:
        for _ in range(wanted):
            host.turn()
            host.pass_time(manager, loop)
            cycles += 1
            if cycles % KEEPING == 0:
                manager.recorder.ledger.save()
            while history.work(1.0):
                pass
        # As `hpm.heap` does once an hour, which is seconds here: what stays is what somebody refers to.
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        give_memory_back()
        if trace and first is None:
            tracemalloc.start()
            first = tracemalloc.take_snapshot()
        pipe.send({
            "cycles": cycles, "hours": host.now() / SECOND / 3600.0, "started": host.started,
            "standing": standing(os.getpid()), "sizes": growing.sizes(manager) if pipe.recv() else None,
        })  # fmt: skip
    if first is not None:
        pipe.send({"top": growing.top(first, tracemalloc.take_snapshot()), "objects": growing.objects()})
    server.stop()
    manager.stop()
    database.close()


def scratch() -> tempfile.TemporaryDirectory[str]:
    """Where a host's files are."""
    return tempfile.TemporaryDirectory(prefix="hpm-soak-", dir=SCRATCH)
