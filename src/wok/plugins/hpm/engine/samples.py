"""What a host shows of itself at one moment: the values every decision starts from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from .counters import NO_COUNTERS, Counters, Started

ServerStatus: TypeAlias = Literal["running", "paused", "shut-off", "crashed", "unknown"]

#: Why a server's CPU cannot be planned freely.
Constraint: TypeAlias = Literal["pinned", "own-quota", "real-time"]


class ServerInfo(msgspec.Struct, frozen=True):
    """What changes seldom of a virtual server; the same object is given again until something changes.

    `facts` are the values that classification rules compare (by filter type, product words).
    `constraint` names why its CPU cannot be planned freely, or is None.
    """

    uuid: str
    name: str
    status: ServerStatus
    vcpus: int
    memory_mib: int
    facts: Mapping[str, str | tuple[str, ...]]
    constraint: Constraint | None = None


class ServerSample(msgspec.Struct, frozen=True, gc=False):
    """An active virtual server; the same object is given again until something of this changes.

    `start` changes when the guest is started anew. `threads` are its vCPUs' threads on the host. `shares` is
    the CPU weight in force, None where it cannot be read. `quota_us` is the quota in force per `period_us`,
    None: no cap. `parent` is the cgroup whose children compete with each other.
    """

    uuid: str
    start: str
    parent: str
    threads: tuple[int, ...]
    shares: int | None
    quota_us: int | None = None
    period_us: int = 100000

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


class HostSample(msgspec.Struct, frozen=True):
    """One observation of a whole host.

    `time_ns` is a monotonic clock. `idle_ns` and `steal_ns` are summed over the host's `cpus` since
    boot. `infos` has every defined or active server, `samples` those that have a process (paused ones
    too), and `counters` what these have counted. A host may give the same mappings again while nothing in
    them changes. `problem` says why the hypervisor could not be asked; the rest is then as fresh as it can be.
    `memory_bytes` and `available_bytes` are the host's; None: not known.
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


class Glance(msgspec.Struct, frozen=True, eq=False):
    """The counters of all servers and the monotonic time they were read at, and nothing else: an observation that
    is cheap enough to be made several times a second. Their `starving` is never set."""

    time_ns: int
    counters: Counters
