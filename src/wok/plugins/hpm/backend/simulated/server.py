"""One virtual server of a simulated host: what is known of it, and its threads while it is up."""

from __future__ import annotations

import uuid as uuids
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import NamedTuple

import msgspec

from ...engine.samples import IO_LIMITS, DiskTuning, MemoryFacts, Tuning
from ...errors import HypervisorError, InvalidValue
from ...policy.cpu_sets import format_cpus, parse_cpus
from ...policy.guest_policies import GuestPolicy
from ...policy.partitions import ROOT
from ..hypervisor import ServerInfo, ServerSample, ServerStatus
from ..partitions.names import from_plain, plain_directory
from .loads import Idle, Load, Program, Vcpu, program_of
from .scenario import ServerSpec
from .scheduler import Scheduler
from .threads import ANYWHERE, Group, Thread

#: UUIDs of simulated servers are made from their names below this.
NAMESPACE = uuids.UUID("5a0f2a5e-4b8e-4f0c-9d0e-6d1f0c3f7a11")


def uuid_of(name: str) -> str:
    """The UUID that a simulated server of this name has unless it is given another."""
    return str(uuids.uuid5(NAMESPACE, name))


class Tuned(msgspec.Struct, frozen=True):
    """What else was set of a running server, as `Tuning` has it."""

    emulator_pin: str = ""
    blkio_weight: int | None = None
    memory_limit_kib: int | None = None
    swap_limit_kib: int | None = None


class Saved(NamedTuple):
    """What was set of a start that was saved, and what its balloon left it, in bytes."""

    shares: int
    quota: tuple[int | None, int]
    tuned: Tuned
    io_limits: tuple[int, ...]
    pins: tuple[str, ...]
    memory: float


class Memory(NamedTuple):
    """How its memory is backed, as `MemoryFacts` has it."""

    huge_pages: bool = False
    page_sharing: bool = True


class Server:
    """A defined server. `group` and `start` are None while it has no process."""

    def __init__(self, spec: ServerSpec, scheduler: Scheduler, seed: int) -> None:
        self.uuid = spec.uuid or uuid_of(spec.name)
        self.spec = spec
        self.group: Group | None = None
        self.start: str | None = None
        self.booted_ns = 0    # when that was
        self.vcpu_quota: tuple[int | None, int] = (None, 100000)
        self.io_limits = (0,) * len(IO_LIMITS)    # of vda
        self.plugged: dict[str, tuple[int, ...]] = {}    # those of disks that were plugged in
        self.tuned, self.memory = Tuned(), Memory()
        self.lasting = self.tuned, self.io_limits, self.memory    # what its definition says of them
        self.parent = spec.parent    # where its process stands, or stood
        self.partition = from_plain(spec.parent)    # where its next one is to stand
        self.saved: Saved | None = None
        self.carried = False
        self._scheduler = scheduler
        self.pins = self._own_pins()
        self._random = Random(f"{seed}/{self.uuid}")
        self.info = self._info("crashed" if spec.status == "crashed" else "shut-off")

    @property
    def status(self) -> ServerStatus:
        """Its status now."""
        return self.info.status

    def boot(self, start: str) -> None:
        """Begin a process with this start's id, with the shares and the quota that it is defined with."""
        spec = self.spec
        self.start, self.booted_ns = start, self._scheduler.now
        self.tuned, self.io_limits, self.memory = self.lasting
        self.pins, self.plugged = self._own_pins(), {}
        saved, self.saved = self.saved, None
        self.carried = saved is not None
        if saved is not None:
            self.tuned, self.io_limits, self.pins = saved.tuned, saved.io_limits, saved.pins
        if self.partition is not None:
            self.parent = plain_directory(self.partition)
        self.group = Group(self._scheduler.parent(self.parent), spec.shares)
        for index in range(spec.vcpus):
            self._add_thread(index)
        if saved is not None:
            self._scheduler.set_shares(self.group, saved.shares)
            self._scheduler.set_quota(self.group, *saved.quota)
        elif spec.quota_us is not None:
            self._scheduler.set_quota(self.group, spec.quota_us * 1000, spec.period_us * 1000)
        self._show("running")

    def save(self, memory: float) -> None:
        """End its process, and have the next one begin with what was set of it, and so much memory (bytes)."""
        group = self.group
        assert group is not None
        quota = group.quota, group.period
        self.saved = Saved(group.shares, quota, self.tuned, self.io_limits, self.pins, memory)
        self.halt()

    def halt(self, status: ServerStatus = "shut-off") -> None:
        """End its process."""
        if self.group is not None:
            for thread in list(self.group.threads):
                self._scheduler.remove_thread(thread)
        self.group = self.start = None
        self.carried = self.saved is not None
        self._show(status)

    def pause(self) -> None:
        """Stop all its vCPUs; counters stand still."""
        for thread in self.threads:
            self._scheduler.stop_thread(thread)
        self._show("paused")

    def resume(self) -> None:
        """Let its vCPUs go on."""
        for thread in self.threads:
            self._scheduler.resume_thread(thread)
        self._show("running")

    def tune(self, quota: tuple[int | None, int]) -> None:
        """Take over a quota for each vCPU. It is shown; nothing is scheduled by it."""
        self.vcpu_quota = quota
        self._show(self.status)

    def limit(self, disk: str, limits: Mapping[str, int]) -> None:
        """Take over limits of a disk. They are shown; nothing is scheduled by them. Raises `HypervisorError` if there
        is no such disk."""
        if disk != "vda" and disk not in self.plugged:
            raise HypervisorError(f"{self.spec.name} has no disk {disk}")
        known = dict(zip(IO_LIMITS, self.plugged.get(disk, self.io_limits), strict=True)) | dict(limits)
        made = tuple(known[name] for name in IO_LIMITS)
        if disk == "vda":
            self.io_limits = made
        else:
            self.plugged[disk] = made
        self._show(self.status)

    def plug_disk(self, disk: str, limits: tuple[int, ...] | None) -> None:
        """Plug a disk in, until it starts anew; None: out."""
        if limits is None:
            del self.plugged[disk]
        else:
            self.plugged[disk] = limits
        self._show(self.status)

    def retune(self, **changes: object) -> None:
        """Take over fields of `Tuned`, until it starts anew. They are shown; nothing is done by them."""
        self.tuned = msgspec.structs.replace(self.tuned, **changes)
        self._show(self.status)

    def pin(self, pins: Sequence[str]) -> None:
        """Have its vCPUs run on these CPUs alone, until it starts anew. Raises `InvalidValue` for CPUs that there are
        not."""
        masks = [self._mask(pin) for pin in (*pins, *[""] * (len(self.threads) - len(pins)))]
        self.pins = tuple(pins) if any(mask != ANYWHERE for mask in masks) else ()
        for thread, mask in zip(self.threads, masks, strict=False):
            self._scheduler.set_affinity(thread, mask)
        self._show(self.status)

    def _own_pins(self) -> tuple[str, ...]:
        """What it is defined with, in the form of `Tuning.vcpu_pins`."""
        pinned = self.spec.pinned
        lists = [pinned] * self.spec.vcpus if isinstance(pinned, str) else [*pinned]
        pins = [format_cpus(_bits(mask)) if (mask := self._mask(one)) != ANYWHERE else "" for one in lists]
        pins += [""] * (self.spec.vcpus - len(pins))
        return tuple(pins[: self.spec.vcpus]) if any(pins) else ()

    def _mask(self, pin: str) -> int:
        """A bit for each CPU of a list. Raises `InvalidValue`."""
        if not pin:
            return ANYWHERE
        cpus, cores = parse_cpus(pin), len(self._scheduler.cores)
        if max(cpus) >= cores:
            raise InvalidValue(f"{self.spec.name} cannot be pinned to CPU {max(cpus)}: this host has 0-{cores - 1}")
        return sum(1 << cpu for cpu in cpus) if len(cpus) < cores else ANYWHERE

    def define_policy(self, policy: GuestPolicy, pins: Sequence[str]) -> None:
        """Have its next process begin with what a guest policy says."""
        spec, (tuned, limits, memory) = self.spec, self.lasting
        self.spec = msgspec.structs.replace(
            spec, shares=policy.cpu_weight or spec.shares,
            pinned=spec.pinned if policy.placement is None else tuple(pins),
            quota_us=spec.quota_us if policy.cpu_cap is None else round(policy.cpu_cap * spec.period_us),
        )  # fmt: skip
        tuned = msgspec.structs.replace(
            tuned, emulator_pin=policy.emulator_cpus or tuned.emulator_pin,
            blkio_weight=policy.blkio_weight or tuned.blkio_weight,
        )  # fmt: skip
        if policy.memory_swap_limit_mib is not None:
            limit = policy.memory_swap_limit_mib * 1024
            own = min(limit, tuned.memory_limit_kib or limit)
            tuned = msgspec.structs.replace(tuned, memory_limit_kib=own, swap_limit_kib=limit)
        if policy.disk_limits is not None:
            said = policy.disk_limits.get("vda", policy.disk_limits.get("*"))
            limits = limits if said is None else tuple(getattr(said, name) for name in IO_LIMITS)
        memory = Memory(
            memory.huge_pages if policy.huge_pages is None else policy.huge_pages == "hugetlbfs",
            memory.page_sharing if policy.page_sharing is None else policy.page_sharing,
        )
        self.lasting = tuned, limits, memory
        self._show(self.status)

    def define_partition(self, path: str | None) -> str | None:
        """Have its next process stand there; None: in the root. Gives where it was to stand before."""
        before, self.partition = self.partition, path or ROOT
        self._show(self.status)
        return before

    def change(self, spec: ServerSpec) -> None:
        """Take over a name, facts, vCPUs, memory, constraint or load; a running server at once."""
        old, self.spec = self.spec, spec
        if self.group is not None:
            threads = self.group.threads
            for thread in threads[spec.vcpus :]:
                self._scheduler.remove_thread(thread)
            if spec.load != old.load:
                for index, thread in enumerate(threads):
                    self._scheduler.set_program(thread, self._program(index))
            for index in range(len(threads), spec.vcpus):
                self._add_thread(index)
        self._show(self.status)

    def sample(self) -> ServerSample | None:
        """It as it is now; None if it has no process."""
        group = self.group
        if group is None or self.start is None:
            return None
        quota_us = None if group.quota is None else group.quota // 1000
        threads = tuple([thread.tid for thread in group.threads])
        return ServerSample(
            self.uuid, self.start, self.parent, threads, group.shares, quota_us, group.period // 1000,
            started_ns=self.booted_ns,
        )  # fmt: skip

    @property
    def threads(self) -> list[Thread]:
        """Its vCPUs' threads; none while it has no process."""
        return [] if self.group is None else self.group.threads

    def _add_thread(self, index: int) -> None:
        assert self.group is not None
        pin = self.pins[index] if index < len(self.pins) else ""
        thread = self._scheduler.add_thread(self.group, self._program(index), self._mask(pin))
        if self.status == "paused":
            self._scheduler.stop_thread(thread)

    def _program(self, index: int) -> Program:
        load: Load | tuple[Load, ...] = self.spec.load
        if isinstance(load, tuple):
            load = load[index] if index < len(load) else Idle()
        return program_of(load, Vcpu(self._random, self._scheduler.stretch, self._scheduler.now))

    def _show(self, status: ServerStatus) -> None:
        info = self._info(status)
        if info != self.info:
            self.info = info

    def _info(self, status: ServerStatus) -> ServerInfo:
        spec = self.spec
        facts = {"virtual-server-name": spec.name, "virtual-server-uuid": self.uuid, **spec.facts}
        return ServerInfo(
            uuid=self.uuid,
            name=spec.name,
            status=status,
            vcpus=spec.vcpus,
            memory_mib=spec.memory_mib,
            facts=facts,
            constraint=spec.constraint,
            memory=MemoryFacts(
                spec.balloon, spec.stats_period, spec.pinned_memory,
                None if spec.memory_minimum_mib is None else spec.memory_minimum_mib << 20, *self.memory,
            ),
            tuning=Tuning(
                self.vcpu_quota[0], self.vcpu_quota[1], spec.vcpu_user_limit,
                tuple(
                    DiskTuning(disk, f"/var/lib/libvirt/images/{spec.name}{disk.removeprefix('vda')}.qcow2", limits)
                    for disk, limits in {"vda": self.io_limits, **self.plugged}.items()
                ),
                self.pins, *msgspec.structs.astuple(self.tuned),
            ),
            partition=self.partition if self.start is None else from_plain(self.parent),
            carried=self.carried,
        )


def _bits(mask: int) -> Iterator[int]:
    """The numbers of the bits that are set."""
    return (bit for bit in range(mask.bit_length()) if mask >> bit & 1)
