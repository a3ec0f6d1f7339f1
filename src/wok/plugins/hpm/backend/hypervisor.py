"""The protocol between hpm and a host: one cheap observation, and a few range-checked operations.

`Hypervisor` is all that the manager knows of a host. The operations are the actuator: each one names
the virtual server *and its start*, so a value meant for a guest that restarted meanwhile is never
given to its successor.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from ..engine.samples import IO_LIMITS, Glance, HostSample, ServerInfo, ServerSample, ServerStatus
from ..engine.topology import NO_TOPOLOGY, Topology
from ..errors import InvalidValue
from ..memory.state import KsmSettings
from ..policy.cpu_sets import parse_cpus
from ..policy.guest_policies import GuestPolicy
from ..policy.start_policies import Readiness
from .extras import Extras
from .partitions.host import PartitionHost
from .rivals import Rival

__all__ = [
    "Ability", "Extras", "HostDescription", "HostSample", "Hypervisor", "ServerInfo", "ServerSample", "ServerStatus",
    "check_balloon", "check_blkio_weight", "check_io_limits", "check_ksm", "check_pins", "check_quota", "check_shares",
    "check_stats_period", "check_swap_limit",
]  # fmt: skip

#: What the kernel accepts as CPU shares (from 1 in cgroup v2, to 262144 in v1). A *plan* stays within
#: 2…10000; this wider range is for putting an administrator's own value back.
MIN_SHARES = 1
MAX_SHARES = 262144

#: Limits of libvirt for a quota, and of the kernel for its period (microseconds).
MIN_QUOTA_US = 1000
MAX_QUOTA_US = 17592186044415
MIN_PERIOD_US = 1000
MAX_PERIOD_US = 1000000

#: Weights of block I/O that libvirt takes: of cgroup v2 these, of v1 10 to 1000. A policy stays within the latter; this
#: wider range is for putting an administrator's own value back.
MIN_BLKIO, MAX_BLKIO = 1, 10000

#: Less than this no guest can do anything with; it is a mistake of whoever asks.
MIN_MEMORY = 1 << 20
MAX_STATS_PERIOD = 3600
#: What the kernel takes for pages and milliseconds of KSM.
MAX_KSM = 2**32 - 1


class Ability(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether a control works on this host, how it is done, and if not, why not."""

    works: bool
    how: str = ""
    why_not: str = ""


class HostDescription(msgspec.Struct, frozen=True, rename="kebab"):
    """What kind of host this is. `controls` has an entry for `cpu-shares`, `cpu-quota`, `balloon`, `ksm`,
    `vcpu-quota`, `io-tune`, `vcpu-pins`, `emulator-pin`, `blkio-weight` and `swap-limit`;
    `statistics` has one for what servers' sections hold and a host may be unable to tell.
    `topology` has the CPUs that were online when hpm reached the host.
    """

    uri: str
    hypervisor: str
    hypervisor_version: str
    libvirt_version: str
    kernel: str
    cgroup_version: int
    default_shares: int
    controls: Mapping[str, Ability]
    statistics: Mapping[str, Ability] = {}
    topology: Topology = NO_TOPOLOGY


class Hypervisor(Protocol):
    """A host with virtual servers, and the partitions that they stand in."""

    @property
    def partitions(self) -> PartitionHost:
        """The partitions of this host."""
        ...

    def describe(self) -> HostDescription:
        """What this host is and can do. Raises `HypervisorUnreachable`."""
        ...

    def observe(self) -> HostSample:
        """Read all counters now. Never waits for a guest; a server that vanishes meanwhile is left out."""
        ...

    def glance(self) -> Glance | None:
        """Read the counters alone, of the servers of the last observation. None: some of them are gone."""
        ...

    def extras(self) -> Extras:
        """What was sampled in the background, as it is now. Never waits; the same object until something is new."""
        ...

    def memory_nodes(self, uuids: Collection[str]) -> Mapping[str, Mapping[int, int]]:
        """How many bytes of these servers are on each NUMA node, where that is known. Costs some microseconds for each,
        and never waits for a guest."""
        ...

    def set_interval(self, seconds: float) -> None:
        """Have the tables of extras sampled so often, as far as that costs no more than a hundredth of a CPU."""
        ...

    def set_balloons_interval(self, seconds: float) -> None:
        """The same of balloons alone, until `set_interval`."""
        ...

    def set_devices_interval(self, seconds: float) -> None:
        """Have the sections `devices` sampled so often, as far as that costs no more than a hundredth of a CPU."""
        ...

    def set_cpu_shares(self, uuid: str, start: str, shares: int) -> None:
        """Set the CPU weight of a running server, `MIN_SHARES` to `MAX_SHARES`.

        Raises `InvalidValue` out of range, `ServerGone` if that start of the server is no more,
        `HypervisorError` if the host refused.
        """
        ...

    def set_cpu_quota(self, uuid: str, start: str, quota_us: int | None, period_us: int = 100000) -> None:
        """Cap a running server at `quota_us` of CPU time (all vCPUs together) per period; None: no cap.

        Raises as `set_cpu_shares` does.
        """
        ...

    def set_balloon(self, uuid: str, start: str, memory_bytes: int) -> None:
        """Ask a running server's balloon to leave it that much memory; whole KiB. It takes its time.

        Raises as `set_cpu_shares` does, and `ServerBusy` if it migrates, or its memory is being worked on otherwise.
        """
        ...

    def set_stats_period(self, uuid: str, start: str, seconds: int) -> None:
        """Have the balloon's driver tell its statistics so often; 0: never. Raises as `set_cpu_shares` does."""
        ...

    def set_vcpu_quota(self, uuid: str, start: str, quota_us: int | None, period_us: int = 100000) -> None:
        """Let each vCPU of a running server run for `quota_us` per period; None: as long as it likes. Raises as
        `set_cpu_shares` does."""
        ...

    def set_vcpu_pins(self, uuid: str, start: str, pins: Sequence[str]) -> None:
        """Say on which CPUs each vCPU of a running server may run: lists such as ``0-3,8``; empty, and for vCPUs after
        the last one: on any. Raises as `set_cpu_shares` does."""
        ...

    def set_io_limits(self, uuid: str, start: str, disk: str, limits: Mapping[str, int]) -> None:
        """Limit a disk of a running server: `IO_LIMITS`, those that are not named stay; 0: no limit. Raises as
        `set_cpu_shares` does."""
        ...

    def define_policy(self, uuid: str, policy: GuestPolicy, pins: Sequence[str]) -> None:
        """Write a guest policy into the lasting definition of a server, as far as it can stand there: it holds from the
        next start on. `pins` are the CPUs that its placement comes to (see `set_vcpu_pins`). Raises as `set_partition`.
        """
        ...

    def set_partition(self, uuid: str, path: str | None) -> str | None:
        """Write into the lasting definition of a server where it is to stand from its next start on; None: in the root.
        Gives what stood there before.

        Raises `ServerGone` if there is no such server, `Conflict` if it has no lasting definition, `HypervisorError`.
        """
        ...

    def set_emulator_pin(self, uuid: str, start: str, cpus: str) -> None:
        """Say on which CPUs the emulator's threads of a running server may run. Raises as `set_cpu_shares` does."""
        ...

    def set_blkio_weight(self, uuid: str, start: str, weight: int | None) -> None:
        """Set the weight of a running server's block I/O, `MIN_BLKIO` to `MAX_BLKIO`; None: the one that it has by
        itself. Raises as `set_cpu_shares` does."""
        ...

    def set_swap_limit(self, uuid: str, start: str, memory_kib: int | None, swap_kib: int | None) -> None:
        """Limit what a running server may have of memory, and of memory and swap together, on the host; None: no limit.
        Raises as `set_cpu_shares` does."""
        ...

    def start_server(self, uuid: str, change: Callable[[str], str] | None = None) -> None:
        """Start a server that does not run; returns when it runs, which may take a minute. `change` gives the
        definition (XML) that this one start has for the one that is kept, which stays as it is. One that was saved is
        restored as it was. Nothing happens where it runs already. Raises `ServerGone` if there is none,
        `HypervisorUnreachable` if that took too long (and may happen later), `HypervisorError` if the host refused.
        """
        ...

    def stop_server(self, uuid: str, start: str, *, at_once: bool = False) -> None:
        """Ask a server to shut down, which it does in its own time, if at all; `at_once`: end it. Raises as
        `set_cpu_shares` does; one that has ended already is no error."""
        ...

    def suspend_server(self, uuid: str, start: str) -> None:
        """Stop all vCPUs of a running server. Raises as `set_cpu_shares` does."""
        ...

    def resume_server(self, uuid: str, start: str) -> None:
        """Let a suspended server go on. Raises as `set_cpu_shares` does."""
        ...

    def probe(self, uuid: str, start: str, how: Readiness) -> str | None:
        """Ask a running server whether it is ready; None: it is, else why not, in words after its name. May take some
        seconds. (How long it has been running is not asked here.) Raises `HypervisorError`."""
        ...

    def set_ksm(self, wanted: KsmSettings) -> None:
        """Set kernel same-page merging. Raises `InvalidValue` for what would harm the host, `HypervisorError`."""
        ...

    def rivals(self, *, now: bool = False) -> Sequence[Rival]:
        """Other programs that manage memory here, as they were found in the background; `now`: look at once."""
        ...

    def why_no_units(self) -> str | None:
        """Why services of this host cannot be stopped and started; None: they can."""
        ...

    def unit_enabled(self, unit: str) -> bool:
        """Whether a service starts with the host. Raises `InvalidValue`, `HypervisorError`."""
        ...

    def stop_unit(self, unit: str) -> None:
        """Stop a service, and have it not start with the host. Raises as `unit_enabled` does."""
        ...

    def start_unit(self, unit: str, enabled: bool) -> None:
        """Start a service; `enabled`: and have it start with the host. Raises as `unit_enabled` does."""
        ...

    def on_change(self, callback: Callable[[], None]) -> None:
        """Have `callback` called, from any thread, when a server starts, stops, pauses or is changed."""
        ...

    def close(self) -> None:
        """Give back files, threads and connections. Guests go on."""
        ...


def check_shares(shares: int) -> None:
    """Raise `InvalidValue` unless `shares` is a weight that the kernel accepts."""
    if not MIN_SHARES <= shares <= MAX_SHARES:
        raise InvalidValue(f"cpu shares {shares} are out of range: {MIN_SHARES} to {MAX_SHARES}")


def check_balloon(memory_bytes: int) -> None:
    """Raise `InvalidValue` for less memory than any guest can live with."""
    if memory_bytes < MIN_MEMORY:
        raise InvalidValue(f"{memory_bytes} bytes of memory are too few: at least {MIN_MEMORY}")


def check_stats_period(seconds: int) -> None:
    """Raise `InvalidValue` unless `seconds` is a period that makes sense."""
    if not 0 <= seconds <= MAX_STATS_PERIOD:
        raise InvalidValue(f"a period of {seconds} s is out of range: 0 to {MAX_STATS_PERIOD}")


def check_io_limits(limits: Mapping[str, int]) -> None:
    """Raise `InvalidValue` for limits that there are not, or that are negative."""
    for name, limit in limits.items():
        if name not in IO_LIMITS or limit < 0:
            raise InvalidValue(f"{name} {limit} is no limit of a disk: {', '.join(IO_LIMITS)}, 0 or more")


def check_blkio_weight(weight: int | None) -> None:
    """Raise `InvalidValue` unless `weight` is one that libvirt accepts."""
    if weight is not None and not MIN_BLKIO <= weight <= MAX_BLKIO:
        raise InvalidValue(f"a weight of block I/O of {weight} is out of range: {MIN_BLKIO} to {MAX_BLKIO}")


def check_swap_limit(memory_kib: int | None, swap_kib: int | None) -> None:
    """Raise `InvalidValue` for limits with which no guest can live, or of which the whole is less than a part."""
    for limit in (memory_kib, swap_kib):
        if limit is not None and limit * 1024 < MIN_MEMORY:
            raise InvalidValue(f"a limit of {limit} KiB of memory is too little: at least {MIN_MEMORY // 1024}")
    if swap_kib is not None and (memory_kib is None or memory_kib > swap_kib):
        raise InvalidValue(f"memory and swap together cannot be limited to {swap_kib} KiB unless memory alone is too")


def check_ksm(wanted: KsmSettings) -> None:
    """Raise `InvalidValue` for settings that the kernel refuses. (A *plan* never has it sleep less than 10 ms; this is
    for putting an administrator's own value back, too.)"""
    if wanted.run not in (0, 1, 2) or wanted.merge_across_nodes not in (0, 1):
        raise InvalidValue(f"KSM run {wanted.run}, merge across nodes {wanted.merge_across_nodes}: 0 to 2, and 0 or 1")
    for name, number in (("pages to scan", wanted.pages_to_scan), ("milliseconds of sleep", wanted.sleep_millisecs)):
        if number is not None and not 0 <= number <= MAX_KSM:
            raise InvalidValue(f"{number} {name} are out of range: 0 to {MAX_KSM}")


def check_pins(pins: Sequence[str]) -> None:
    """Raise `InvalidValue` unless these are lists of CPUs, or empty."""
    for vcpu, pin in enumerate(pins):
        if pin:
            parse_cpus(pin, f"pins[{vcpu}]")


def check_quota(quota_us: int | None, period_us: int) -> None:
    """Raise `InvalidValue` unless quota and period are such that libvirt and the kernel accept."""
    if quota_us is not None and not MIN_QUOTA_US <= quota_us <= MAX_QUOTA_US:
        raise InvalidValue(f"cpu quota {quota_us} µs is out of range: {MIN_QUOTA_US} to {MAX_QUOTA_US}")
    if not MIN_PERIOD_US <= period_us <= MAX_PERIOD_US:
        raise InvalidValue(f"cpu period {period_us} µs is out of range: {MIN_PERIOD_US} to {MAX_PERIOD_US}")
