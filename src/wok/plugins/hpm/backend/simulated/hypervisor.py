"""The simulated hypervisor: a `machine` behind the protocol."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, get_args

import msgspec
import numpy as np

from ...engine.counters import Column, Counters, Layout
from ...engine.samples import Glance
from ...engine.topology import regular
from ...memory.state import KsmSettings
from ...policy.guest_policies import GuestPolicy
from ..extras import NO_EXTRAS
from ..hypervisor import (
    Ability,
    Extras,
    HostDescription,
    HostSample,
    ServerSample,
    ServerStatus,
    check_balloon,
    check_blkio_weight,
    check_io_limits,
    check_ksm,
    check_pins,
    check_quota,
    check_shares,
    check_stats_period,
    check_swap_limit,
)  # fmt: skip
from ..rivals import Rival
from ..starving import Starvation
from ..statistics import simulated_statistics
from .figures import Figures
from .loads import SECOND
from .partitions import SimulatedPartitions
from .power import SimulatedPower
from .scenario import Scenario
from .sections import SimulatedSections
from .threads import PARKED, QUEUED, Thread

#: What was set last is known of so many times; a host that is shown for days sets much.
MOST_WRITES = 20_000

CONTROLS = (
    "cpu-shares", "cpu-quota", "balloon", "ksm", "vcpu-quota", "io-tune", "vcpu-pins", "emulator-pin", "blkio-weight",
    "swap-limit",
)


class Write(NamedTuple):
    """One change that a caller of the protocol made. `control` is ``cpu-shares``, ``cpu-quota``, ``balloon``,
    ``stats-period`` or, without a `uuid`, ``ksm`` (its `value` is what it is to run)."""

    time_ns: int
    uuid: str
    control: str
    value: int | None


class SimulatedHypervisor(SimulatedPower):
    """A host that exists only here. Implements `Hypervisor`."""

    def __init__(self, scenario: Scenario, clock: Callable[[], int] | None = None,
                 uri: str = "simulated") -> None:  # fmt: skip
        self.uri = uri
        self.writes: list[Write] = []
        self._starvation = Starvation()
        self._figures = Figures()
        self._sections = SimulatedSections()
        self._given = NO_EXTRAS
        self._stopped: dict[str | None, Rival] = {}    # by unit
        self._nodes, self._threads = scenario.nodes, scenario.threads
        super().__init__(scenario, clock)
        self.partitions = SimulatedPartitions(self._entered, self._standing, self.cores)

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
                controls=dict.fromkeys(CONTROLS, works),
                statistics=simulated_statistics(),
                topology=regular(len(self._scheduler.cores), self._nodes, self._threads),
            )

    def observe(self) -> HostSample:
        """Counters as of now. Raises `HypervisorUnreachable` if a fault says so."""
        with self._call() as scheduler:
            scheduler.settle()
            if scheduler.now - self._memory.now_ns >= SECOND:    # it costs something for each server
                self._memory.advance(scheduler.now, self._servers.values())
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
                memory_bytes=self._memory.total,
                available_bytes=self._memory.available,
                ksm=self._memory.ksm,
                boot="simulated",
                idle_by_cpu=scheduler.idle_by_core(),
                stale=self.faults.stale,
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
            active = [one for one in servers if one.start is not None]
            tables = self._figures.extras(now, active, hanging, unix, self._memory)
            sections = self._sections.sections(now, unix, servers, hanging, tables.balloon)
            if self._given.balloon is not tables.balloon or self._given.sections is not sections:
                self._given = msgspec.structs.replace(tables, sections=sections, devices=self._sections.table)
            return self._given

    def memory_nodes(self, uuids: Collection[str]) -> Mapping[str, Mapping[int, int]]:
        """Where servers' memory is, as their descriptions say; see `Hypervisor`."""
        with self._lock:
            known = {uuid: self._servers[uuid].spec for uuid in uuids if uuid in self._servers}
            return {
                uuid: {} if spec.memory_node is None else {spec.memory_node: spec.memory_mib << 20}
                for uuid, spec in known.items()
            }

    def set_interval(self, seconds: float) -> None:
        """Sample extras so often; see `Hypervisor`."""
        with self._lock:
            self._figures.interval = seconds

    def set_balloons_interval(self, seconds: float) -> None:
        """The same: here all of them are sampled at once."""
        self.set_interval(seconds)

    def set_devices_interval(self, seconds: float) -> None:
        """Sample devices so often; see `Hypervisor`."""
        with self._lock:
            self._sections.interval = seconds

    def set_partition(self, uuid: str, path: str | None) -> str | None:
        """Write a server's partition into its definition; see `Hypervisor`."""
        with self._tuning():
            return self._server(uuid, *get_args(ServerStatus)).define_partition(path)

    def define_policy(self, uuid: str, policy: GuestPolicy, pins: Sequence[str]) -> None:
        """Write a guest policy into a server's definition; see `Hypervisor`."""
        with self._tuning():
            self._server(uuid, *get_args(ServerStatus)).define_policy(policy, pins)

    def _standing(self) -> list[str]:
        """The parents of the servers that have a process."""
        return [server.parent for server in self._servers.values() if server.start is not None]

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
            self._wrote(Write(scheduler.now, uuid, "cpu-shares", shares))

    def set_cpu_quota(self, uuid: str, start: str, quota_us: int | None, period_us: int = 100000) -> None:
        """Cap a server; see `Hypervisor`."""
        check_quota(quota_us, period_us)
        self._vanish(uuid)
        with self._call() as scheduler:
            group = self._group(uuid, start)
            scheduler.set_quota(group, None if quota_us is None else quota_us * 1000, period_us * 1000)
            self._wrote(Write(scheduler.now, uuid, "cpu-quota", quota_us))

    def set_balloon(self, uuid: str, start: str, memory_bytes: int) -> None:
        """Ask a server's balloon to leave it that much; see `Hypervisor`."""
        check_balloon(memory_bytes)
        self._vanish(uuid)
        with self._call() as scheduler:
            self._group(uuid, start)
            self.faults.check_idle(uuid)
            self._memory.set_balloon(self._servers[uuid], memory_bytes)
            self._wrote(Write(scheduler.now, uuid, "balloon", memory_bytes))

    def set_stats_period(self, uuid: str, start: str, seconds: int) -> None:
        """Have a server's balloon tell its statistics so often; see `Hypervisor`."""
        check_stats_period(seconds)
        with self._tuning() as scheduler:
            self._group(uuid, start)
            self._alter(uuid, stats_period=seconds)
            self._wrote(Write(scheduler.now, uuid, "stats-period", seconds))

    def set_vcpu_quota(self, uuid: str, start: str, quota_us: int | None, period_us: int = 100000) -> None:
        """Set the quota of each vCPU; see `Hypervisor`."""
        check_quota(quota_us, period_us)
        with self._tuning() as scheduler:
            self._group(uuid, start)
            self._servers[uuid].tune((quota_us, period_us))
            self._wrote(Write(scheduler.now, uuid, "vcpu-quota", quota_us))

    def set_vcpu_pins(self, uuid: str, start: str, pins: Sequence[str]) -> None:
        """Say where each vCPU may run; see `Hypervisor`."""
        check_pins(pins)
        self._vanish(uuid)
        with self._tuning() as scheduler:
            self._group(uuid, start)
            self._servers[uuid].pin(pins)
            self._wrote(Write(scheduler.now, uuid, "vcpu-pins " + " ".join(pin or "any" for pin in pins), None))

    def set_emulator_pin(self, uuid: str, start: str, cpus: str) -> None:
        """Say where the emulator may run; see `Hypervisor`."""
        check_pins([cpus])
        self._retune(uuid, start, f"emulator-pin {cpus or 'any'}", None, emulator_pin=cpus)

    def set_blkio_weight(self, uuid: str, start: str, weight: int | None) -> None:
        """Set the weight of block I/O; see `Hypervisor`."""
        check_blkio_weight(weight)
        self._retune(uuid, start, "blkio-weight", weight, blkio_weight=weight)

    def set_swap_limit(self, uuid: str, start: str, memory_kib: int | None, swap_kib: int | None) -> None:
        """Limit memory and swap; see `Hypervisor`."""
        check_swap_limit(memory_kib, swap_kib)
        self._retune(uuid, start, "swap-limit", swap_kib, memory_limit_kib=memory_kib, swap_limit_kib=swap_kib)

    def _wrote(self, write: Write) -> None:
        self.writes.append(write)
        del self.writes[:-MOST_WRITES]

    def _retune(self, uuid: str, start: str, control: str, value: int | None, **changes: object) -> None:
        self._vanish(uuid)
        with self._tuning() as scheduler:
            self._group(uuid, start)
            self._servers[uuid].retune(**changes)
            self._wrote(Write(scheduler.now, uuid, control, value))

    def set_io_limits(self, uuid: str, start: str, disk: str, limits: Mapping[str, int]) -> None:
        """Limit a disk; see `Hypervisor`."""
        check_io_limits(limits)
        with self._tuning() as scheduler:
            self._group(uuid, start)
            self._servers[uuid].limit(disk, limits)
            self._wrote(Write(scheduler.now, uuid, f"io-tune {disk}", sum(limits.values())))

    def set_ksm(self, wanted: KsmSettings) -> None:
        """Set kernel same-page merging; see `Hypervisor`."""
        check_ksm(wanted)
        with self._call() as scheduler:
            self._memory.set_ksm(wanted)
            self._wrote(Write(scheduler.now, "", "ksm", wanted.run))

    def rivals(self, *, now: bool = False) -> Sequence[Rival]:
        """Those that a test has let run; see `Hypervisor`."""
        return tuple(self.faults.rivals)

    def why_no_units(self) -> str | None:
        """As a test says; see `Hypervisor`."""
        return self.faults.no_units

    def unit_enabled(self, unit: str) -> bool:
        """See `Hypervisor`."""
        return self.faults.units.get(unit, False)

    def stop_unit(self, unit: str) -> None:
        """See `Hypervisor`."""
        self.faults.check_unit(unit)
        self.faults.units[unit] = False
        self._stopped |= {rival.unit: rival for rival in self.faults.rivals if rival.unit == unit}
        self.faults.rivals = [rival for rival in self.faults.rivals if rival.unit != unit]

    def start_unit(self, unit: str, enabled: bool) -> None:
        """See `Hypervisor`."""
        self.faults.check_unit(unit)
        self.faults.units[unit] |= enabled
        if unit in self._stopped:
            self.faults.rivals.append(self._stopped.pop(unit))

    def on_change(self, callback: Callable[[], None]) -> None:
        """Have `callback` called after each change of a server, in the thread that made it."""
        with self._lock:
            self._callbacks.append(callback)

    def close(self) -> None:
        """Call nobody back any more."""
        with self._lock:
            self._callbacks.clear()
