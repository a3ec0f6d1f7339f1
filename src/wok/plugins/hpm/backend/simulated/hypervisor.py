"""The simulated hypervisor: a host of `scheduler` cores with `server` guests, behind the protocol."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from random import Random
from threading import RLock
from typing import NamedTuple

import msgspec
import numpy as np

from ...engine.counters import Column, Counters, Layout
from ...engine.samples import Constraint, Glance
from ...errors import Conflict, InvalidValue, NotFound, NotUnique, ServerGone
from ..extras import NO_EXTRAS
from ..hypervisor import (
    Ability,
    Extras,
    HostDescription,
    HostSample,
    ServerInfo,
    ServerSample,
    ServerStatus,
    check_quota,
    check_shares,
)  # fmt: skip
from ..starving import Starvation
from ..statistics import simulated_statistics
from .faults import Faults
from .figures import Figures
from .loads import SECOND, Load, Periodic, Spin, Vcpu, program_of
from .scenario import Scenario, ServerSpec, stretch_for
from .scheduler import Scheduler
from .sections import SimulatedSections
from .server import Server
from .threads import PARKED, QUEUED, Group, Thread

#: Weight of a process of the host that is in no cgroup of its own.
PROCESS_SHARES = 1024


#: When virtual time begins, as guests tell it (2030-01-01, unix time).
VIRTUAL_BIRTH = 1893456000.0


class Write(NamedTuple):
    """One change that a caller of the protocol made. `control` is ``cpu-shares`` or ``cpu-quota``."""

    time_ns: int
    uuid: str
    control: str
    value: int | None


class SimulatedHypervisor:
    """A host that exists only here. Implements `Hypervisor`; safe for several threads.

    Without a `clock` time is virtual and passes by `advance` alone. With one (monotonic ns) every call
    first lets the simulation catch up with it. The same scenario and the same calls at the same times
    give the same counters.
    """

    def __init__(self, scenario: Scenario, clock: Callable[[], int] | None = None,
                 uri: str = "simulated") -> None:  # fmt: skip
        self.uri = uri
        self.faults = Faults()
        self.writes: list[Write] = []
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
        self._servers: dict[str, Server] = {}
        self._infos: Mapping[str, ServerInfo] | None = None
        self._starvation = Starvation()
        self._figures = Figures()
        self._sections = SimulatedSections()
        self._given = NO_EXTRAS
        self._host_threads: list[Thread] = []
        self.set_host_load(scenario.host_load)
        for spec in scenario.servers:
            self.add_server(spec)

    # -- the protocol --------------------------------------------------------------------------------

    def describe(self) -> HostDescription:
        """What this host is. Raises `HypervisorUnreachable` if a fault says so."""
        with self._call():
            works = Ability(works=True, how="simulated")
            return HostDescription(
                uri=self.uri,
                hypervisor="simulated",
                hypervisor_version="1",
                libvirt_version="",
                kernel="simulated",
                cgroup_version=1,
                default_shares=1024,
                controls={"cpu-shares": works, "cpu-quota": works},
                statistics=simulated_statistics(),
            )

    def observe(self) -> HostSample:
        """Counters as of now. Raises `HypervisorUnreachable` if a fault says so."""
        with self._call() as scheduler:
            scheduler.settle()
            if self._infos is None:
                self._infos = {uuid: server.info for uuid, server in self._servers.items()}
            samples = self._samples()
            return HostSample(
                time_ns=scheduler.now,
                cpus=len(scheduler.cores),
                idle_ns=scheduler.idle_ns(),
                steal_ns=scheduler.steal_ns,
                infos=self._infos,
                samples=samples,
                counters=self._counters(samples),
                problem=self.faults.problem,
            )

    def glance(self) -> Glance:
        """Counters as of now, and nothing else; see `Hypervisor`."""
        with self._call() as scheduler:
            scheduler.settle()
            layout, run, delay, threads = self._columns(self._samples())
            return Glance(scheduler.now, Counters(layout, run, delay, np.zeros(len(threads), dtype=np.bool_), {}))

    def extras(self) -> Extras:
        """What is known beside the counters; see `Hypervisor`."""
        with self._lock:
            servers, hanging, now = list(self._servers.values()), self.faults.hanging, self._scheduler.now
            unix = self._born + now / SECOND
            tables = self._figures.extras(now, [one for one in servers if one.start is not None], hanging, unix)
            sections = self._sections.sections(now, unix, servers, hanging, tables.balloon)
            if self._given.balloon is not tables.balloon or self._given.sections is not sections:
                self._given = msgspec.structs.replace(tables, sections=sections, devices=self._sections.table)
            return self._given

    def set_interval(self, seconds: float) -> None:
        """Sample extras so often; see `Hypervisor`."""
        with self._lock:
            self._figures.interval = seconds

    def set_devices_interval(self, seconds: float) -> None:
        """Sample devices so often; see `Hypervisor`."""
        with self._lock:
            self._sections.interval = seconds

    def _samples(self) -> dict[str, ServerSample]:
        every = {uuid: server.sample() for uuid, server in self._servers.items()}
        return {uuid: sample for uuid, sample in every.items() if sample is not None}

    def _columns(self, samples: Mapping[str, ServerSample]) -> tuple[Layout, Column, Column, list[Thread]]:
        """Run and delay of all threads, and which these are."""
        threads = [thread for uuid in samples for thread in self._servers[uuid].threads]
        run = np.array([thread.run_ns for thread in threads], dtype=np.int64)
        delay = np.array([thread.delay_ns for thread in threads], dtype=np.int64)
        return Layout(sample.started for sample in samples.values()), run, delay, threads

    def _counters(self, samples: Mapping[str, ServerSample]) -> Counters:
        layout, run, delay, threads = self._columns(samples)
        starving = self._starvation.judge(
            layout, run, delay, self._scheduler.now, lambda row: threads[row].state in (QUEUED, PARKED)
        )
        groups = [(uuid, self._servers[uuid].group) for uuid in samples]
        throttled = {
            uuid: group.throttled_ns for uuid, group in groups if group is not None and group.quota is not None
        }
        return Counters(layout, run, delay, starving, throttled)

    def set_cpu_shares(self, uuid: str, start: str, shares: int) -> None:
        """Set a server's weight; see `Hypervisor`."""
        check_shares(shares)
        self._vanish(uuid)
        with self._call() as scheduler:
            group = self._group(uuid, start)
            scheduler.set_shares(group, shares)
            self.writes.append(Write(scheduler.now, uuid, "cpu-shares", shares))

    def set_cpu_quota(self, uuid: str, start: str, quota_us: int | None, period_us: int = 100000) -> None:
        """Cap a server; see `Hypervisor`."""
        check_quota(quota_us, period_us)
        self._vanish(uuid)
        with self._call() as scheduler:
            group = self._group(uuid, start)
            scheduler.set_quota(group, None if quota_us is None else quota_us * 1000, period_us * 1000)
            self.writes.append(Write(scheduler.now, uuid, "cpu-quota", quota_us))

    def on_change(self, callback: Callable[[], None]) -> None:
        """Have `callback` called after each change of a server, in the thread that made it."""
        with self._lock:
            self._callbacks.append(callback)

    def close(self) -> None:
        """Call nobody back any more."""
        with self._lock:
            self._callbacks.clear()

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
            self._server(uuid, "shut-off", "crashed").boot(str(next(self._starts)))

    def stop(self, uuid: str, status: ServerStatus = "shut-off") -> None:
        """End a server's process; with status ``crashed`` as if it had crashed."""
        with self._change():
            self._server(uuid, "running", "paused").halt(status)

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

    def set_load(self, uuid: str, load: Load | tuple[Load, ...]) -> None:
        """Have a server do something else from now on."""
        with self._lock:
            self._catch_up()
            self._alter(uuid, load=load)

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
    def _change(self) -> Iterator[Scheduler]:
        """Around each change of a server; callbacks are called outside of the lock."""
        with self._lock:
            self._catch_up()
            yield self._scheduler
            self._infos = None
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

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
