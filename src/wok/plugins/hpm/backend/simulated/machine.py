"""The simulated host itself: time, its servers, and what tests and demos do to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from random import Random
from threading import RLock

import msgspec

from ...engine.samples import IO_LIMITS, Constraint
from ...errors import Conflict, InvalidValue, NotFound, NotUnique, ServerGone
from ..hypervisor import ServerInfo, ServerStatus, check_shares
from .faults import Faults
from .loads import SECOND, Load, Periodic, Spin, Vcpu, program_of
from .memory import SimulatedMemory
from .scenario import Scenario, ServerSpec, stretch_for
from .scheduler import Scheduler
from .server import Server
from .threads import Group, Thread

#: Weight of a process of the host that is in no cgroup of its own.
PROCESS_SHARES = 1024
#: When virtual time begins, as guests tell it (2030-01-01, unix time).
VIRTUAL_BIRTH = 1893456000.0


class SimulatedMachine:
    """A host of `scheduler` cores with `server` guests. Safe for several threads.

    Without a `clock` time is virtual and passes by `advance` alone. With one (monotonic ns) every call
    first lets the simulation catch up with it. The same scenario and the same calls at the same times
    give the same counters.
    """

    def __init__(self, scenario: Scenario, clock: Callable[[], int] | None = None) -> None:
        self.faults = Faults()
        self._clock = clock
        self._ahead_ns = 0
        self._lock = RLock()
        self._callbacks: list[Callable[[], None]] = []
        self._starts = count(1)
        self._seed = scenario.seed
        start = clock() if clock is not None else SECOND
        # The time of day by which guests live: that of this host, or one that is always the same.
        self._born = VIRTUAL_BIRTH if clock is None else time.time() - start / SECOND
        self._scheduler = Scheduler(scenario.cores, start, stretch_for(scenario), scenario.steal, scenario.seed)
        for name, weight in scenario.parents.items():
            self._scheduler.parent(name, weight)
        self._memory = SimulatedMemory(scenario.memory_mib, start)
        self._servers: dict[str, Server] = {}
        self._infos: Mapping[str, ServerInfo] | None = None
        self._host_threads: list[Thread] = []
        self.set_host_load(scenario.host_load)
        for spec in scenario.servers:
            self.add_server(spec)

    # -- time ----------------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        """Virtual time as of the last call."""
        return self._scheduler.now

    @property
    def cores(self) -> int:
        """How many CPUs the host has."""
        return len(self._scheduler.cores)

    def advance(self, seconds: float) -> None:
        """Let virtual time pass, in addition to the clock's if there is one."""
        with self._lock:
            self._ahead_ns += int(seconds * SECOND)
            if self._clock is None:
                self._scheduler.run_until(self._scheduler.now + int(seconds * SECOND))
            else:
                self._catch_up()

    # -- servers -------------------------------------------------------------------------------------

    def add_server(self, spec: ServerSpec) -> str:
        """Define a server, start it if its status is running or paused, and return its UUID.

        Raises `NotUnique` if there is one of its name or UUID.
        """
        with self._change() as scheduler:
            server = Server(spec, scheduler, self._seed)
            for other in self._servers.values():
                if other.uuid == server.uuid or other.spec.name == spec.name:
                    raise NotUnique(f"there is a virtual server {other.spec.name} ({other.uuid}) already")
            self._servers[server.uuid] = server
            if spec.status in ("running", "paused"):
                server.boot(str(next(self._starts)))
            if spec.status == "paused":
                server.pause()
        return server.uuid

    def start(self, uuid: str) -> None:
        """Start a server that has no process. Raises `NotFound`, `Conflict`."""
        with self._change():
            server = self._server(uuid, "shut-off", "crashed")
            saved = server.saved
            server.boot(str(next(self._starts)))
            if saved is not None:
                self._memory.go_on(server, saved.memory)

    def stop(self, uuid: str, status: ServerStatus = "shut-off") -> None:
        """End a server's process; with status ``crashed`` as if it had crashed."""
        with self._change():
            self._server(uuid, "running", "paused").halt(status)

    def save(self, uuid: str) -> None:
        """End a server's process and keep its state: the next one goes on with it, and with what was set of it."""
        with self._change():
            server = self._server(uuid, "running", "paused")
            guest = self._memory.guest(server)
            assert guest is not None
            server.save(guest.current)

    def restart(self, uuid: str) -> None:
        """End a server's process and start another."""
        with self._change():
            server = self._server(uuid, "running", "paused")
            server.halt()
            server.boot(str(next(self._starts)))

    def pause(self, uuid: str) -> None:
        """Stop a running server's vCPUs."""
        with self._change():
            self._server(uuid, "running").pause()

    def resume(self, uuid: str) -> None:
        """Let a paused server go on."""
        with self._change():
            self._server(uuid, "paused").resume()

    def delete(self, uuid: str) -> None:
        """End and undefine a server."""
        with self._change():
            self._server(uuid).halt()
            del self._servers[uuid]
            self._memory.forget(uuid)

    def rename(self, uuid: str, name: str) -> None:
        """Give a server another name; its UUID stays. Raises `NotUnique`."""
        with self._change():
            if any(other.spec.name == name and other.uuid != uuid for other in self._servers.values()):
                raise NotUnique(f"there is a virtual server {name} already")
            self._alter(uuid, name=name)

    def set_vcpus(self, uuid: str, vcpus: int) -> None:
        """Plug or unplug vCPUs, the last ones first. Raises `InvalidValue` below 1."""
        if vcpus < 1:
            raise InvalidValue(f"{vcpus} vCPUs: a virtual server needs at least one")
        with self._change():
            self._alter(uuid, vcpus=vcpus)

    def plug_disk(self, uuid: str, disk: str, limits: tuple[int, ...] | None = (0,) * len(IO_LIMITS)) -> None:
        """Plug a disk with these limits into a server, or out of it (None)."""
        with self._change():
            self._server(uuid, "running", "paused").plug_disk(disk, limits)

    def set_load(self, uuid: str, load: Load | tuple[Load, ...]) -> None:
        """Have a server do something else from now on."""
        with self._lock:
            self._catch_up()
            self._alter(uuid, load=load)

    def set_memory_need(self, uuid: str, mib: float) -> None:
        """Have a server need this much memory for itself from now on."""
        with self._lock:
            self._catch_up()
            self._alter(uuid, memory_need_mib=mib)

    def set_memory_by_hand(self, uuid: str, mib: int) -> None:
        """Move a server's balloon as an administrator would: at once, and it is not in `writes`."""
        with self._lock:
            self._memory.set_balloon(self._server(uuid, "running", "paused"), mib << 20, at_once=True)

    def plug_memory(self, uuid: str, mib: int) -> None:
        """Plug memory into a server, or out of it (less than 0)."""
        with self._change():
            server = self._server(uuid, "running", "paused")
            self._alter(uuid, memory_mib=server.spec.memory_mib + mib)
            self._memory.plug(server, mib << 20)

    def reboot(self, uuid: str) -> None:
        """Have a running server boot anew, in the process that it has."""
        with self._lock:
            self._catch_up()
            self._memory.reboot(self._server(uuid, "running"))

    def set_host_memory(self, mib: int | None) -> None:
        """Have the host have so much memory; None: it does not tell."""
        with self._lock:
            self._memory.total = None if mib is None else mib << 20

    def set_ksm_pages(self, pages: int, *, advised: bool) -> None:
        """Have KSM scan so many pages at once, as the kernel's advisor has it, or as it leaves it when it goes."""
        with self._lock:
            self._memory.ksm = msgspec.structs.replace(self._memory.ksm, pages_to_scan=pages, advised=advised)

    def set_pins_by_hand(self, uuid: str, pins: Sequence[str]) -> None:
        """Pin a server's vCPUs as an administrator would: it is not in `writes`. Raises `InvalidValue`."""
        with self._change():
            self._server(uuid).pin(pins)

    def tune_by_hand(self, uuid: str, **changes: object) -> None:
        """Change fields of `server.Tuned` as an administrator would: it is not in `writes`."""
        with self._change():
            self._server(uuid, "running", "paused").retune(**changes)

    def set_constraint(self, uuid: str, constraint: Constraint | None) -> None:
        """Say that a server's CPU cannot be planned freely; scheduling does not change."""
        with self._change():
            self._alter(uuid, constraint=constraint)

    def set_shares_by_hand(self, uuid: str, shares: int) -> None:
        """Change a server's weight as an administrator would: it is not in `writes`."""
        check_shares(shares)
        with self._change() as scheduler:
            group = self._server(uuid, "running", "paused").group
            assert group is not None
            scheduler.set_shares(group, shares)

    def uuid(self, name: str) -> str:
        """The UUID of the server of this name. Raises `NotFound`."""
        with self._lock:
            for server in self._servers.values():
                if server.spec.name == name:
                    return server.uuid
        raise NotFound(f"there is no virtual server named {name}")

    # -- the host ------------------------------------------------------------------------------------

    def set_host_load(self, cpus: float) -> None:
        """Have processes of the host itself want this many CPUs, each process with a weight of 1024."""
        with self._lock:
            self._catch_up()
            for thread in self._host_threads:
                self._scheduler.remove_thread(thread)
            loads: list[Load] = [Spin()] * int(cpus)
            if cpus % 1:
                loads.append(Periodic(on_ms=20 * (cpus % 1), off_ms=20 * (1 - cpus % 1)))
            self._host_threads = [self._host_process(load) for load in loads]

    def set_steal(self, part: float) -> None:
        """Have the host's own hypervisor take this part of busy time, 0 to below 1."""
        with self._lock:
            self._catch_up()
            self._scheduler.set_steal(part)

    def unreachable_for(self, seconds: float) -> None:
        """Have every call fail for this much virtual time."""
        with self._lock:
            self._catch_up()
            self.faults.unreachable_until = self._scheduler.now + int(seconds * SECOND)

    # -- inside --------------------------------------------------------------------------------------

    @contextmanager
    def _call(self) -> Iterator[Scheduler]:
        """Around each call of the protocol: faults, the lock, and the time until now."""
        self.faults.delay()
        with self._lock:
            self._catch_up()
            self.faults.check_reachable(self._scheduler.now)
            yield self._scheduler

    @contextmanager
    def _tuning(self) -> Iterator[Scheduler]:
        """Around each change of a server that a call of the protocol makes: libvirt may not answer."""
        with self._call():
            pass
        with self._change() as scheduler:
            yield scheduler

    @contextmanager
    def _change(self) -> Iterator[Scheduler]:
        """Around each change of a server; callbacks are called outside of the lock."""
        with self._lock:
            self._catch_up()
            yield self._scheduler
            self._infos = None
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    @contextmanager
    def _entered(self) -> Iterator[Scheduler]:
        """Around what needs no hypervisor that answers: the kernel's own."""
        with self._lock:
            self._catch_up()
            yield self._scheduler

    def _catch_up(self) -> None:
        if self._clock is not None:
            target = self._clock() + self._ahead_ns
            if target > self._scheduler.now:
                self._scheduler.run_until(target)

    def _server(self, uuid: str, *wanted: ServerStatus) -> Server:
        server = self._servers.get(uuid)
        if server is None:
            raise NotFound(f"there is no virtual server {uuid}")
        if wanted and server.status not in wanted:
            raise Conflict(f"{server.spec.name} is {server.status}, not {' or '.join(wanted)}")
        return server

    def _group(self, uuid: str, start: str) -> Group:
        """What a setting is meant for. Raises `ServerGone` and what faults say."""
        server = self._servers.get(uuid)
        if server is None or server.group is None or server.start != start:
            name = uuid if server is None else server.spec.name
            raise ServerGone(f"that start of the virtual server {name} is no more")
        self.faults.check_accepts(uuid, server.spec.name)
        return server.group

    def _vanish(self, uuid: str) -> None:
        """End a server right before a setting meant for it, if a test wants that."""
        if uuid in self.faults.vanishing:
            self.faults.vanishing.discard(uuid)
            self.stop(uuid)

    def _alter(self, uuid: str, **changes: object) -> None:
        server = self._server(uuid)
        server.change(msgspec.structs.replace(server.spec, **changes))

    def _host_process(self, load: Load) -> Thread:
        scheduler = self._scheduler
        group = Group(scheduler.parent("", None), PROCESS_SHARES)
        vcpu = Vcpu(Random(self._seed), scheduler.stretch, scheduler.now)
        return scheduler.add_thread(group, program_of(load, vcpu))
