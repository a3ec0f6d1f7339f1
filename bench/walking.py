"""A host of which every figure of every server moves, for what depends on figures alone: no guests, no scheduler.

`WalkingHost` is a `Hypervisor` whose counters grow as random walks say: use, velocity, QEMU's own CPU time, memory.
Quiet servers stand still. What changes seldom (sections) changes when it is told to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec
import numpy as np

from hpm.backend.device_figures import device_row
from hpm.backend.extras import BALLOON, DEVICES, PROCESSES, Extras, Sections
from hpm.backend.hypervisor import Ability, HostDescription
from hpm.backend.partitions.finding import NoPartitions
from hpm.engine.counters import Counters, Layout
from hpm.engine.samples import Glance, HostSample, ServerInfo, ServerSample
from hpm.engine.table import Table, of_rows
from hpm.policy.guest_policies import GuestPolicy
from hpm.wire.sections import (
    BalloonInfo,
    Devices,
    Disk,
    GuestDetails,
    GuestInterface,
    Machine,
    MemoryStats,
    NetworkInterface,
    Status,
)

SECOND = 1_000_000_000
GIB = 2**30


class WalkingHost:
    """`size` servers with so many vCPUs each, on enough CPUs; `moving` is the part of them that works."""

    def __init__(self, size: int, vcpus: int, clock: Callable[[], int], *, seed: int = 0, moving: float = 1.0) -> None:
        self._rng = np.random.default_rng(seed)
        self.partitions = NoPartitions("its servers stand in no cgroup")
        self._clock = clock
        self.cpus = max(2, size * vcpus)
        self.uuids = tuple(f"{seed:08x}-0000-4000-8000-{number:012x}" for number in range(size))
        names = [f"vm{seed:03d}-{number:05d}" for number in range(size)]
        self.infos = {
            uuid: ServerInfo(uuid, name, "running", vcpus, 2048, {"virtual-server-name": name})
            for uuid, name in zip(self.uuids, names, strict=True)
        }
        threads = iter(range(1000, 1000 + size * vcpus))
        self._samples = {
            uuid: ServerSample(uuid, f"s-{uuid}", "machine", tuple(next(threads) for _ in range(vcpus)), 1024)
            for uuid in self.uuids
        }
        self._layout = Layout(sample.started for sample in self._samples.values())
        self._works = self._rng.random(size) < moving
        self._vcpus = vcpus
        self._use = self._rng.uniform(0.1, 0.9, size)
        self._velocity = self._rng.uniform(0.2, 0.95, size)
        self._system = self._rng.uniform(0.02, 0.2, size)
        self._memory = self._rng.uniform(0.2, 0.8, size)
        self._run = np.zeros(size)
        self._delay = np.zeros(size)
        self._cpu = np.zeros((2, size))
        self._now = clock()
        self._sections = {uuid: _sections(number, vcpus) for number, uuid in enumerate(self.uuids)}
        told = {uuid: (one.devices.disks or (), one.devices.network or ()) for uuid, one in self._sections.items()}
        self._devices = of_rows(DEVICES, {uuid: (1, device_row(one, one, 300.0, 0.0)) for uuid, one in told.items()})
        self._extras = self._sampled()

    def touch(self, uuids: Iterable[str]) -> None:
        """Give these another size: their configuration changes."""
        changed = dict(self._sections)
        for uuid in uuids:
            old = changed[uuid]
            machine = msgspec.structs.replace(old.configuration, memory=old.configuration.memory + 1024)
            changed[uuid] = msgspec.structs.replace(old, configuration=machine)
        self._sections = changed

    # -- the protocol

    def describe(self) -> HostDescription:
        controls = dict.fromkeys(("cpu-shares", "cpu-quota"), Ability(True, "not at all"))
        return HostDescription("walking:", "none", "", "", "none", 1, 1024, controls)

    def observe(self) -> HostSample:
        now = self._clock()
        self._pass((now - self._now) / SECOND)
        self._now = now
        each = np.repeat(self._run / self._vcpus * SECOND, self._vcpus).astype(np.int64)
        waited = np.repeat(self._delay / self._vcpus * SECOND, self._vcpus).astype(np.int64)
        counters = Counters(self._layout, each, waited, np.zeros(len(each), dtype=np.bool_), {})
        return HostSample(now, self.cpus, 0, 0, self.infos, self._samples, counters)

    def glance(self) -> Glance | None:
        return None

    def extras(self) -> Extras:
        return self._extras

    def set_interval(self, seconds: float) -> None:
        """Every observation samples everything."""

    def set_balloons_interval(self, seconds: float) -> None:
        """The same."""

    def set_devices_interval(self, seconds: float) -> None:
        """Devices stand still."""

    def set_cpu_shares(self, uuid: str, start: str, shares: int) -> None:
        self._samples = {**self._samples, uuid: msgspec.structs.replace(self._samples[uuid], shares=shares)}

    def set_cpu_quota(self, uuid: str, start: str, quota_us: int | None, period_us: int = 100000) -> None:
        raise NotImplementedError

    def set_partition(self, uuid: str, path: str | None) -> None:
        raise NotImplementedError

    def define_policy(self, uuid: str, policy: GuestPolicy, pins: Sequence[str]) -> None:
        raise NotImplementedError

    def on_change(self, callback: Callable[[], None]) -> None:
        """Nothing comes or goes."""

    def close(self) -> None:
        """There is nothing to give back."""

    # -- walks

    def _pass(self, seconds: float) -> None:
        if seconds <= 0:
            return
        size = len(self.uuids)
        for walk in (self._use, self._velocity, self._system, self._memory):
            step = np.exp(self._rng.normal(0, 0.03, size))
            walk[self._works] = np.clip(walk * step, 0.02, 0.97)[self._works]
        use = np.where(self._works, self._use * self._vcpus, 0.0)
        self._run += use * seconds
        self._delay += np.minimum(use * (1 / self._velocity - 1), self._vcpus - use) * seconds
        self._cpu += np.stack([use * (1 - self._system), use * self._system]) * seconds
        self._extras = self._sampled()

    def _sampled(self) -> Extras:
        size = len(self.uuids)
        taken = np.full(size, self._now, dtype=np.int64)
        empty = np.full(size, np.nan)
        processes = dict.fromkeys(PROCESSES, empty) | {
            "user_seconds": self._cpu[0].copy(), "system_seconds": self._cpu[1].copy(),
            "resident_bytes": np.full(size, 2.0 * GIB),
        }  # fmt: skip
        balloon = dict.fromkeys(BALLOON, empty) | {
            "current_bytes": np.full(size, 2.0 * GIB), "available_bytes": np.full(size, 2.0 * GIB),
            "unused_bytes": 2.0 * GIB * (1 - self._memory), "usable_bytes": 2.0 * GIB * (1 - 0.9 * self._memory),
            "sampled": np.full(size, self._now / SECOND),
        }  # fmt: skip
        tables = Table(self.uuids, balloon, taken), Table(self.uuids, processes, taken)
        return Extras(*tables, self._sections, self._devices)


def _sections(number: int, vcpus: int) -> Sections:
    """What a guest with an agent, a disk and a network card has."""
    address = f"192.0.2.{number % 250 + 1}"
    mac = f"52:54:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
    return Sections(
        Status(0, 0, None, None, "logged-off", (address,), None),
        Machine(
            acpi_enable=True, display_port=5900 + number, display_secure_port=None, display_type="vnc",
            display_ip="127.0.0.1", pid=10_000 + number, started="2026-11-01T10:00:00.000Z", vm_type="kvm",
            kvm_enable=True, vcpus=vcpus, memory=2048, boot=("hd",),
        ),
        Devices(
            MemoryStats(GIB, 2 * GIB, GIB, 0, 10, 1000, 0, 0, 2 * GIB),
            BalloonInfo(2 * GIB, 2 * GIB, None, 2 * GIB), None,
            (NetworkInterface(f"vnet{number}", mac, "virtio", 10**6, 10**5, 1000, 100, 1000.0, 100.0, 0, 0, 0, 0),),
            (Disk("vda", f"/var/lib/libvirt/images/vm{number}.qcow2", 10**9, 10**8, 10**5, 10**4, 10, 1e5, 1e4, 10.0,
                  5.0, 1.0, 20 * GIB, 4 * GIB),),
        ),
        GuestDetails(None, (GuestInterface("eth0", mac, (address,), ()),)), 0.0, 0.0, 0.0,
    )  # fmt: skip
