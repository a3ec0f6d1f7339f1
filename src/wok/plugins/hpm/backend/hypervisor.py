"""The protocol between hpm and a host: one cheap observation, and a few range-checked operations.

`Hypervisor` is all that the manager knows of a host. The operations are the actuator: each one names
the virtual server *and its start*, so a value meant for a guest that restarted meanwhile is never
given to its successor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from ..engine.samples import Glance, HostSample, ServerInfo, ServerSample, ServerStatus
from ..errors import InvalidValue
from .extras import Extras

__all__ = [
    "Ability", "Extras", "HostDescription", "HostSample", "Hypervisor", "ServerInfo", "ServerSample", "ServerStatus",
    "check_quota", "check_shares",
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


class Ability(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether a control works on this host, how it is done, and if not, why not."""

    works: bool
    how: str = ""
    why_not: str = ""


class HostDescription(msgspec.Struct, frozen=True, rename="kebab"):
    """What kind of host this is. `controls` has an entry for `cpu-shares` and `cpu-quota`; `statistics` has one for
    what servers' sections hold and a host may be unable to tell."""

    uri: str
    hypervisor: str
    hypervisor_version: str
    libvirt_version: str
    kernel: str
    cgroup_version: int
    default_shares: int
    controls: Mapping[str, Ability]
    statistics: Mapping[str, Ability] = {}


class Hypervisor(Protocol):
    """A host with virtual servers."""

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

    def set_interval(self, seconds: float) -> None:
        """Have the tables of extras sampled so often, as far as that costs no more than a hundredth of a CPU."""
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


def check_quota(quota_us: int | None, period_us: int) -> None:
    """Raise `InvalidValue` unless quota and period are such that libvirt and the kernel accept."""
    if quota_us is not None and not MIN_QUOTA_US <= quota_us <= MAX_QUOTA_US:
        raise InvalidValue(f"cpu quota {quota_us} µs is out of range: {MIN_QUOTA_US} to {MAX_QUOTA_US}")
    if not MIN_PERIOD_US <= period_us <= MAX_PERIOD_US:
        raise InvalidValue(f"cpu period {period_us} µs is out of range: {MIN_PERIOD_US} to {MAX_PERIOD_US}")
