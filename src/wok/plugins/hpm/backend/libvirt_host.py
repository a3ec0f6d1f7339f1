"""The real thing: a host with libvirt and QEMU, sampled through the kernel's own files.

libvirt says which guests there are (`libvirt_inventory`); counters and weights go through files kept
open per guest (`sampling`, `guest`). Where a guest's files are not ours to read or write, libvirt is asked
instead: slower, and never waiting longer than a second.
"""

from __future__ import annotations

import logging
import os
import platform
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import libvirt

from ..engine.counters import ServerCounters
from ..engine.samples import Glance, HostSample, ServerInfo, ServerSample
from ..engine.topology import flat
from ..errors import HypervisorError, HypervisorUnreachable, ServerGone
from ..memory.state import KsmSettings
from ..policy.guest_policies import GuestPolicy
from ..policy.start_policies import Readiness
from .cgroups import find_mount, guest_cgroup
from .extras import Extras
from .guest import GuestFiles
from .host_files import HostFiles
from .hypervisor import (
    HostDescription,
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
from .kernel_text import is_no_room
from .libvirt_asked import asked_sample
from .libvirt_balloon import memory_controls, move_balloon
from .libvirt_connection import version_text
from .libvirt_extras import LibvirtExtras
from .libvirt_inventory import Entry, Inventory
from .libvirt_partition import define_partition, define_policy
from .libvirt_power import LibvirtPower
from .libvirt_tuning import cpu_controls, limit_memory, pin_emulator, pin_vcpus, tuning_controls, weigh_blkio
from .memory_nodes import MemoryNodes
from .partitions.finding import find_partitions
from .ports import PortAsked, port_answers
from .rivals import Rival, Rivals
from .sampling import Sampler
from .starts import StartUnknown, pid_of, ticks_of
from .statistics import libvirt_statistics
from .topology import read_topology
from .units import Units

log = logging.getLogger(__name__)

#: Seconds an observation may wait for libvirt, where it must ask it for counters at all.
STATS_TIMEOUT = 1.0
#: Seconds that a daemon which has just been started may take to tell versions: it tries every QEMU that there is.
VERSIONS_TIMEOUT = 60.0
#: Ticks of the kernel in a second.
TICKS = os.sysconf("SC_CLK_TCK")


class LibvirtHypervisor:
    """`Hypervisor` on a libvirt URI. `root` and `clock` are passed in for tests."""

    def __init__(
        self, uri: str, root: Path = Path("/"), clock: Callable[[], int] = time.monotonic_ns,
        ask_port: PortAsked = port_answers,
    ) -> None:  # fmt: skip
        self._uri, self._root, self._clock = uri, root, clock
        self._mount = find_mount(root)
        self._lock = threading.Lock()
        self._sampler = Sampler(root / "proc")
        self._memory_nodes = MemoryNodes(root, self._mount.version)
        # Guests without files of ours: their start, and the weight and quota that libvirt told or took last.
        self._asked: dict[str, str] = {}
        self._scheduled: dict[str, Mapping[str, int]] = {}
        self._unseen: set[str] = set()    # guests of which there was no room to see which start runs
        self._unknown: set[str] = set()    # those of which libvirt does not say, which is told
        self._infos: Mapping[str, ServerInfo] = {}
        self._callbacks: list[Callable[[], None]] = []
        host = HostFiles(root)
        self._host: HostFiles | None = host
        self._ksm, self._boot = host.ksm, host.boot
        self._extras = LibvirtExtras(uri, root, clock)
        self._inventory = Inventory(uri, _cpus(), self._inventory_changed)
        # A user's own guests are nobody else's.
        self._rivals = None if uri.endswith("/session") else Rivals(root, clock)
        self._units = Units(root)
        self.partitions = find_partitions(root, self._mount, system=not uri.endswith("/session"))
        self._power = LibvirtPower(uri, self._check_present, self._inventory.touch, ask_port)
        self._versions = ("", "")
        try:
            self._inventory.start()
            self._versions = self._inventory.connection.call(
                lambda conn: (version_text(conn.getLibVersion()), version_text(conn.getVersion())),
                "asking for versions", VERSIONS_TIMEOUT,
            )  # fmt: skip
        except HypervisorError:
            self.close()
            raise
        self._extras.start()
        if self._rivals is not None:
            self._rivals.look()    # so that nothing is done beside one before the thread has come round
            self._rivals.background.start()

    # -- the protocol

    def describe(self) -> HostDescription:
        libvirt_version, qemu_version = self._versions
        version = self._mount.version
        return HostDescription(
            uri=self._uri,
            hypervisor="QEMU",
            hypervisor_version=qemu_version,
            libvirt_version=libvirt_version,
            kernel=platform.release(),
            cgroup_version=version,
            default_shares=100 if version == 2 else 1024,
            controls={
                **cpu_controls(version), **memory_controls(self._ksm), **tuning_controls(self._root, version),
            },
            statistics=libvirt_statistics(version),
            topology=read_topology(self._root) or flat(_cpus()),
        )

    def observe(self) -> HostSample:
        asked = self._ask_libvirt() if self._asked else {}
        with self._lock:
            now, unread = self._clock(), self._inventory.unread()
            samples, counters, gone = self._sampler.sample(now)
            for uuid in (*gone, *self._unseen):
                self._inventory.touch(uuid)
            self._unseen.clear()
            more = [told for uuid, told in asked.items() if uuid not in samples]    # its files may be open by now
            if more:
                samples = {**samples, **{sample.uuid: sample for sample, _ in more}}
                counters = counters.with_more([(sample.started, counted) for sample, counted in more])
            if self._host is None:
                raise HypervisorUnreachable("the connection is closed")
            host = self._host.read()
            return HostSample(
                now, _cpus(), host.idle_ns, host.steal_ns, self._infos, samples, counters, self._inventory.problem,
                host.memory_bytes, host.available_bytes, host.pressure, host.limit, host.ksm, self._boot,
                self._host.nodes, host.details, host.idle_by_cpu, stale=self._inventory.stale, unread=unread,
            )  # fmt: skip

    def glance(self) -> Glance | None:
        with self._lock:
            counters = self._sampler.glance()
            return None if counters is None else Glance(self._clock(), counters)

    def extras(self) -> Extras:
        return self._extras.extras()

    def memory_nodes(self, uuids: Collection[str]) -> Mapping[str, Mapping[int, int]]:
        with self._lock:
            guests = {uuid: guest for uuid in uuids if (guest := self._sampler.guest(uuid)) is not None}
        return {uuid: self._memory_nodes.read(guest.sample.pid, guest.cgroup) for uuid, guest in guests.items()}

    def set_interval(self, seconds: float) -> None:
        self._extras.set_interval(seconds)

    def set_balloons_interval(self, seconds: float) -> None:
        self._extras.set_balloons_interval(seconds)

    def set_devices_interval(self, seconds: float) -> None:
        self._extras.set_devices_interval(seconds)

    def set_cpu_shares(self, uuid: str, start: str, shares: int) -> None:
        check_shares(shares)
        self._set(uuid, start, lambda guest: guest.write_shares(shares), {"cpu_shares": shares})

    def set_cpu_quota(self, uuid: str, start: str, quota_us: int | None, period_us: int = 100000) -> None:
        check_quota(quota_us, period_us)
        wanted = {"global_period": period_us, "global_quota": -1 if quota_us is None else quota_us}
        self._set(uuid, start, lambda guest: guest.write_quota(quota_us, period_us), wanted)

    def set_balloon(self, uuid: str, start: str, memory_bytes: int) -> None:
        check_balloon(memory_bytes)
        self._ask(uuid, start, f"setting the balloon of {uuid}", lambda domain: move_balloon(domain, memory_bytes))

    def set_stats_period(self, uuid: str, start: str, seconds: int) -> None:
        check_stats_period(seconds)
        self._tune(uuid, start, f"setting how often the balloon of {uuid} tells its statistics",
                   lambda domain: domain.setMemoryStatsPeriod(seconds, libvirt.VIR_DOMAIN_AFFECT_LIVE))  # fmt: skip

    def set_vcpu_quota(self, uuid: str, start: str, quota_us: int | None, period_us: int = 100000) -> None:
        check_quota(quota_us, period_us)
        wanted = {"vcpu_period": period_us, "vcpu_quota": -1 if quota_us is None else quota_us}
        live = libvirt.VIR_DOMAIN_AFFECT_LIVE
        self._tune(uuid, start, f"setting the quota of the vCPUs of {uuid}",
                   lambda domain: domain.setSchedulerParametersFlags(wanted, live))  # fmt: skip

    def set_io_limits(self, uuid: str, start: str, disk: str, limits: Mapping[str, int]) -> None:
        check_io_limits(limits)
        self._tune(uuid, start, f"setting limits of the disk {disk} of {uuid}",
                   lambda one: one.setBlockIoTune(disk, dict(limits), libvirt.VIR_DOMAIN_AFFECT_LIVE))  # fmt: skip

    def set_partition(self, uuid: str, path: str | None) -> str | None:
        return define_partition(self._inventory, uuid, path)

    def define_policy(self, uuid: str, policy: GuestPolicy, pins: Sequence[str]) -> None:
        define_policy(self._inventory, uuid, policy, pins)

    def set_vcpu_pins(self, uuid: str, start: str, pins: Sequence[str]) -> None:
        check_pins(pins)
        self._tune(uuid, start, f"pinning the vCPUs of {uuid}", lambda domain: pin_vcpus(domain, pins))

    def set_emulator_pin(self, uuid: str, start: str, cpus: str) -> None:
        check_pins([cpus])
        self._tune(uuid, start, f"pinning the emulator of {uuid}",
                   lambda domain: pin_emulator(domain, cpus))  # fmt: skip

    def set_blkio_weight(self, uuid: str, start: str, weight: int | None) -> None:
        check_blkio_weight(weight)
        self._tune(uuid, start, f"setting the weight of block I/O of {uuid}",
                   lambda domain: weigh_blkio(domain, weight, self._root, self._mount.version))  # fmt: skip

    def set_swap_limit(self, uuid: str, start: str, memory_kib: int | None, swap_kib: int | None) -> None:
        check_swap_limit(memory_kib, swap_kib)
        self._tune(uuid, start, f"limiting memory and swap of {uuid}",
                   lambda domain: limit_memory(domain, memory_kib, swap_kib))  # fmt: skip

    def start_server(self, uuid: str, change: Callable[[str], str] | None = None) -> None:
        self._power.start(uuid, change)

    def stop_server(self, uuid: str, start: str, *, at_once: bool = False) -> None:
        self._power.stop(uuid, start, at_once)

    def suspend_server(self, uuid: str, start: str) -> None:
        self._power.suspend(uuid, start)

    def resume_server(self, uuid: str, start: str) -> None:
        self._power.resume(uuid, start)

    def probe(self, uuid: str, start: str, how: Readiness) -> str | None:
        return self._power.probe(uuid, start, how, self._extras.extras().sections.get(uuid))

    def set_ksm(self, wanted: KsmSettings) -> None:
        check_ksm(wanted)
        self._ksm.write(wanted)

    def on_change(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)

    def rivals(self, *, now: bool = False) -> Sequence[Rival]:
        if self._rivals is None:
            return ()
        return self._rivals.look() if now else self._rivals.known()

    def why_no_units(self) -> str | None:
        return self._units.why_not

    def unit_enabled(self, unit: str) -> bool:
        return self._units.enabled(unit)

    def stop_unit(self, unit: str) -> None:
        self._units.stop(unit)

    def start_unit(self, unit: str, enabled: bool) -> None:
        self._units.start(unit, enabled)

    def close(self) -> None:
        if self._rivals is not None:
            self._rivals.background.close()
        self._inventory.close()
        self._extras.close()
        with self._lock:
            self._sampler.close()
            if self._host is not None:
                self._host.close()
                self._host = None

    # -- how it is done

    def _set(self, uuid: str, start: str, write: Callable[[GuestFiles], None], parameters: dict[str, int]) -> None:
        with self._lock:
            guest = self._present(uuid, start)
            if guest is not None and not guest.cgroup.systemd:
                try:
                    write(guest)
                    self._sampler.touch(uuid)
                    return
                except (FileNotFoundError, ProcessLookupError):
                    raise ServerGone(f"virtual server {uuid} ended") from None
                except PermissionError as error:
                    log.debug("%s; asking libvirt instead", error)
                except OSError as error:
                    if error.errno == 19:    # ENODEV: the cgroup was removed under the open file
                        raise ServerGone(f"virtual server {uuid} ended") from None
                    raise HypervisorError(f"virtual server {uuid}: {error}") from None

        def ask(conn: Any) -> None:
            domain = conn.lookupByUUIDString(uuid)
            domain.setSchedulerParametersFlags(parameters, libvirt.VIR_DOMAIN_AFFECT_LIVE)

        self._inventory.connection.call(ask, f"setting {', '.join(parameters)} of {uuid}")
        with self._lock:
            if guest is None:
                self._scheduled[uuid] = {**self._scheduled.get(uuid, {}), **parameters}
            elif guest is not None and self._sampler.guest(uuid) is guest and "global_quota" in parameters:
                self._sampler.touch(uuid)

    def _ask(self, uuid: str, start: str, what: str, deed: Callable[[Any], object]) -> None:
        """Have libvirt do something with that start of a server."""
        with self._lock:
            self._present(uuid, start)
        self._inventory.connection.call(lambda conn: deed(conn.lookupByUUIDString(uuid)), what)

    def _tune(self, uuid: str, start: str, what: str, deed: Callable[[Any], object]) -> None:
        """The same with what libvirt alone tells: it is asked anew what there is then. It may have done it, or do it
        yet, where no answer came in time."""
        try:
            self._ask(uuid, start, what, deed)
        finally:
            self._inventory.touch(uuid)

    def _check_present(self, uuid: str, start: str) -> None:
        """Raises `ServerGone`."""
        with self._lock:
            self._present(uuid, start)

    def _present(self, uuid: str, start: str) -> GuestFiles | None:
        """The files of that start of a server, if they are ours. Raises `ServerGone`. The lock is held."""
        guest = self._sampler.guest(uuid)
        if (guest.sample.start if guest is not None else self._asked.get(uuid)) != start:
            raise ServerGone(f"virtual server {uuid} ended or was started anew")
        return guest

    def _inventory_changed(self, entries: Mapping[str, Entry]) -> None:
        with self._lock:
            self._infos = {uuid: entry.info for uuid, entry in entries.items()}
            active = {uuid: entry for uuid, entry in entries.items() if entry.domain_id is not None}
            for uuid in self._sampler.uuids() - active.keys():
                self._sampler.drop(uuid)
            self._unknown &= active.keys()
            self._asked = {uuid: start for uuid, start in self._asked.items() if uuid in active}
            self._scheduled = {uuid: known for uuid, known in self._scheduled.items() if uuid in self._asked}
            for uuid, entry in active.items():
                self._adopt(uuid, entry)
        self._extras.servers_changed(entries, self._inventory.read)
        for callback in self._callbacks:
            callback()

    def _adopt(self, uuid: str, entry: Entry) -> None:
        """Open an active guest's files, unless they are open, or find out that we cannot."""
        guest = self._sampler.guest(uuid)
        start = f"{self._boot}-id{entry.domain_id}"
        try:
            pid = pid_of(self._root, self._uri, entry.info.name)
            ticks = ticks_of(self._root, pid)
            start = f"{self._boot}-{pid}-{ticks}"    # no two starts of any guest have the same
            if guest is not None and guest.sample.start == start:
                self._sampler.touch(uuid)
                self._extras.adopt(uuid, start, pid, ticks / TICKS, guest.cgroup)    # if its files could not be kept
                return
            self._sampler.drop(uuid)
            cgroup = guest_cgroup(self._root, self._mount, pid)
            self._extras.adopt(uuid, start, pid, ticks / TICKS, cgroup)
            if cgroup is not None:
                # the kernel also counts the time that the host slept, which the clock of samples does not
                age = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - ticks * 1_000_000_000 // TICKS
                self._sampler.open(uuid, start, cgroup, self._clock() - age, pid)
                self._asked.pop(uuid, None)
                return
        except (OSError, ValueError, LookupError, ServerGone) as error:
            log.debug("files of %s: %s", entry.info.name, error)
            if is_no_room(error):    # what tells this start from others is not known, so it is asked again
                self._unseen.add(uuid)
                return
            if isinstance(error, StartUnknown):    # by another name, the journal would forget what hpm changed of it
                if guest is None and uuid not in self._unknown:
                    self._unknown.add(uuid)
                    log.warning("%s is left alone: %s", entry.info.name, error)
                return
        if self._sampler.guest(uuid) is None:
            if self._asked.get(uuid) != start:
                self._scheduled.pop(uuid, None)    # that was another one's
            self._asked[uuid] = start
            if entry.scheduled:
                self._scheduled[uuid] = entry.scheduled

    def _ask_libvirt(self) -> dict[str, tuple[ServerSample, ServerCounters]]:
        """Counters of guests whose files are not ours. A guest that does not answer in time is left out."""
        wanted = dict(self._asked)

        def ask(conn: Any) -> list[tuple[str, dict[str, Any]]]:
            domains = [conn.lookupByUUIDString(uuid) for uuid in wanted]
            kinds = libvirt.VIR_DOMAIN_STATS_VCPU
            flags = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
            return [(d.UUIDString(), s) for d, s in conn.domainListGetStats(domains, kinds, flags)]

        try:
            answers = self._inventory.connection.call(ask, "reading vCPU statistics", STATS_TIMEOUT)
        except ServerGone:
            return {}    # one of them ended between the lines; the next observation knows
        except HypervisorUnreachable as error:
            log.debug("%s", error)
            return {}
        return {
            uuid: asked_sample(uuid, wanted[uuid], stats, self._scheduled.get(uuid, {})) for uuid, stats in answers
        }


def _cpus() -> int:
    """CPUs that are online: there may be more of them, or fewer, than there were."""
    return os.sysconf("SC_NPROCESSORS_ONLN")
