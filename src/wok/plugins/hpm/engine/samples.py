"""What a host shows of itself at one moment: the values every decision starts from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from .counters import NO_COUNTERS, Counters, Started

ServerStatus: TypeAlias = Literal["running", "paused", "shut-off", "crashed", "unknown"]

#: Why a server's CPU cannot be planned freely.
Constraint: TypeAlias = Literal["own-quota", "real-time"]


class MemoryFacts(msgspec.Struct, frozen=True):
    """What a server's definition says of its memory: whether it has a balloon, and how often its driver is asked for
    statistics (seconds, 0: never); whether its memory is pinned (an assigned device, locked or huge pages), and can
    only be taken in vain; what it must keep (bytes; None: nobody said); whether hugetlbfs backs it; whether equal pages
    of it are merged with others'."""

    balloon: bool = False
    stats_period: int = 0
    pinned: bool = False
    minimum_bytes: int | None = None
    huge_pages: bool = False
    page_sharing: bool = True


#: Limits of one disk (bytes, and requests, per second; 0: none), by libvirt's names.
IO_LIMITS = (
    "total_bytes_sec", "read_bytes_sec", "write_bytes_sec", "total_iops_sec", "read_iops_sec", "write_iops_sec",
)  # fmt: skip


class DiskTuning(msgspec.Struct, frozen=True):
    """A disk by its name in the guest, its source on the host, and its `IO_LIMITS` in force."""

    name: str
    path: str | None
    limits: tuple[int, ...]


class Tuning(msgspec.Struct, frozen=True):
    """What a server's definition says of CPU and disks beside weights: the quota of each of its vCPUs in µs (None:
    none) per period, the percent of its CPUs that its user may have (oVirt's metadata; 100: all), and its disks.
    `vcpu_pins` are the CPUs that each vCPU may run on, by its number, `emulator_pin` those of the emulator's threads;
    in the form of `format_cpus`, empty: on any. `blkio_weight` is that of its block I/O (None: not set), and
    `memory_limit_kib` and `swap_limit_kib` are what it may have of memory, and of memory and swap (None: no limit)."""

    quota_us: int | None = None
    period_us: int = 100000
    user_limit: int = 100
    disks: tuple[DiskTuning, ...] = ()
    vcpu_pins: tuple[str, ...] = ()
    emulator_pin: str = ""
    blkio_weight: int | None = None
    memory_limit_kib: int | None = None
    swap_limit_kib: int | None = None


class ServerInfo(msgspec.Struct, frozen=True):
    """What changes seldom of a virtual server; the same object is given again until something changes.

    `facts` are the values that classification rules compare (by filter type, product words).
    `constraint` names why its CPU cannot be planned freely, or is None. `partition` is where it
    stands, or is to stand when it starts, as libvirt spells it; None: its definition does not say, so it is the root.
    `carried`: what was set of this start holds for another one, too: it was saved, or went to another host, and does
    not run now; or it goes on so, where it runs.
    """

    uuid: str
    name: str
    status: ServerStatus
    vcpus: int
    memory_mib: int
    facts: Mapping[str, str | tuple[str, ...]]
    constraint: Constraint | None = None
    memory: MemoryFacts = MemoryFacts()
    tuning: Tuning = Tuning()
    partition: str | None = None
    carried: bool = False


class ServerSample(msgspec.Struct, frozen=True, gc=False):
    """An active virtual server; the same object is given again until something of this changes.

    `start` changes when the guest is started anew. `threads` are its vCPUs' threads on the host. `shares` is
    the CPU weight in force, None where it cannot be read. `quota_us` is the quota in force per `period_us`,
    None: no cap. `parent` is the cgroup whose children compete with each other. `memory_bytes` is what its balloon
    leaves it, `memory_maximum_bytes` what it would have without one; None: not known. `started_ns` is when its process
    began (monotonic; 0: not known), `pid` that process' id (0: not known).
    """

    uuid: str
    start: str
    parent: str
    threads: tuple[int, ...]
    shares: int | None
    quota_us: int | None = None
    period_us: int = 100000
    memory_bytes: int | None = None
    memory_maximum_bytes: int | None = None
    started_ns: int = 0
    pid: int = 0

    @property
    def started(self) -> Started:
        """What the layout of the counters knows of it."""
        return Started(self.uuid, self.start, self.threads)


class HostPressure(msgspec.Struct, frozen=True, gc=False):
    """Percent of the last 10 s in which tasks waited (Linux' PSI): some of them, or all that were not idle. None: the
    kernel does not tell."""

    cpu_some: float | None = None
    memory_some: float | None = None
    memory_full: float | None = None
    io_some: float | None = None
    io_full: float | None = None


class KsmState(msgspec.Struct, frozen=True, gc=False):
    """Kernel same-page merging as `/sys/kernel/mm/ksm` shows it (Documentation/admin-guide/mm/ksm.rst of the kernel).

    `run`: 0 off, 1 on, 2 off and unmerged. `general_profit`: bytes that merging saves, less what it takes itself; None:
    the kernel does not tell. Counters are pages of `page_size` bytes. `advised`: the kernel itself sets
    `pages_to_scan`, and refuses another one (its `advisor_mode`, since 6.7).
    """

    run: int
    pages_to_scan: int
    sleep_millisecs: int
    merge_across_nodes: int
    pages_shared: int = 0
    pages_sharing: int = 0
    pages_unshared: int = 0
    pages_volatile: int = 0
    full_scans: int = 0
    general_profit: int | None = None
    page_size: int = 4096
    advised: bool = False


class MemoryLimit(msgspec.Struct, frozen=True, gc=False):
    """What all guests together may take, where that is limited (the cgroup that they stand in): bytes of the limit, and
    what is left below it or could be reclaimed."""

    bytes: int
    available_bytes: int


class HostDetails(msgspec.Struct, frozen=True, gc=False):
    """What else the kernel tells of the host's memory: bytes (free: used for nothing), pages swapped since it started,
    and CPU time of its thread that merges pages (ns; None: there is none)."""

    free: int = 0
    buffers: int = 0
    cached: int = 0
    anonymous: int = 0
    swap_total: int = 0
    swap_free: int = 0
    swapped_in: int = 0
    swapped_out: int = 0
    ksmd_ns: int | None = None


class HostSample(msgspec.Struct, frozen=True):
    """One observation of a whole host.

    `time_ns` is a monotonic clock. `idle_ns` and `steal_ns` are summed over the host's `cpus` since
    boot. `infos` has every defined or active server, `samples` those that have a process (paused ones
    too), and `counters` what these have counted. A host may give the same mappings again while nothing in
    them changes. `problem` says why the hypervisor could not be asked; the rest is then as fresh as it can be.
    `memory_bytes` and `available_bytes` are the host's; None: not known. `limit` is there where guests may take less
    than that. `ksm` None: the host has none. `boot` tells the host's starts apart, `nodes` counts its NUMA nodes.
    `idle_by_cpu` is the idle time of each CPU that is online, by its number; empty: not known. `partition_shares` are
    the weights of the partitions that there are, by path. `stale` are servers of which the hypervisor, although it
    answers, tells nothing now, and since when (unix time in seconds): what stands in `infos` is from before
    (it may lack them). `unread` are those of which something was set, or is said to have changed, since they were read.
    """

    time_ns: int
    cpus: int
    idle_ns: int
    steal_ns: int
    infos: Mapping[str, ServerInfo]
    samples: Mapping[str, ServerSample]
    counters: Counters = NO_COUNTERS
    problem: str | None = None
    memory_bytes: int | None = None
    available_bytes: int | None = None
    pressure: HostPressure | None = None
    limit: MemoryLimit | None = None
    ksm: KsmState | None = None
    boot: str = ""
    nodes: int = 1
    details: HostDetails = HostDetails()
    idle_by_cpu: Mapping[int, int] = {}
    partition_shares: Mapping[str, int] = {}
    stale: Mapping[str, float] = {}
    unread: frozenset[str] = frozenset()


class Glance(msgspec.Struct, frozen=True, eq=False):
    """The counters of all servers and the monotonic time they were read at, and nothing else: an observation that
    is cheap enough to be made several times a second. Their `starving` is never set."""

    time_ns: int
    counters: Counters
