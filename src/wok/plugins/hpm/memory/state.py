"""What memory planning starts from: the host, its guests, and its kernel same-page merging (KSM), at one moment.

All sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from ..engine.samples import KsmState
from ..policy.goals import Importance

__all__ = ["GuestMemory", "HostMemory", "KsmSettings", "KsmState", "MemoryHeld", "MemoryView"]

#: Why the memory of a guest is left alone. `no-policy`, `excluded`, `changed-by-administrator`, `not-running`,
#: `paused`: as for CPU. `no-balloon`: it has none. `no-report`: its driver tells nothing. `booting`: it has just begun
#: to. `pinned-memory`: a device is assigned to it (VFIO), or its pages are locked. `migrating`: it is on its way.
#: `by-policy`: a policy of MOM's language decides on it. `another-manager`: another program manages memory here.
#: `unreachable`: libvirt, or its QEMU, does not answer.
MemoryHeld: TypeAlias = Literal[
    "no-policy", "excluded", "changed-by-administrator", "not-running", "paused", "no-balloon", "no-report", "booting",
    "pinned-memory", "migrating", "by-policy", "another-manager", "unreachable",
]  # fmt: skip


class HostMemory(msgspec.Struct, frozen=True, gc=False):
    """The host: memory, what is available of it (MemAvailable), and percent of the last 10 s in which some tasks, or
    all, waited for memory (PSI); None: the kernel does not tell."""

    total: int
    available: int
    some: float | None = None
    full: float | None = None


class GuestMemory(msgspec.Struct, frozen=True, gc=False):
    """One guest that runs.

    `current` is what its balloon leaves it; `maximum` what it can have, `minimum` what it must keep. `used` is what it
    cannot give without swapping: current less what it says is usable (free, or in caches that can be dropped); None:
    it does not say. `told_ns` is when it said so (monotonic; 0: never).
    `swap_in` and `swap_out` are bytes per second, `major_faults` are per second, since the report before.
    `held` says why it is left alone.
    `resident` is how much of it the host really holds in memory now (RSS of its QEMU; None: unknown): a guest has not
    touched all that it may use, and what is given back to it costs the host nothing until it does.
    `blurred`: `used` may be so much less, as the balloon moved when the guest reported.
    """

    uuid: str
    start: str
    name: str
    importance: Importance
    current: int
    maximum: int
    minimum: int
    used: int | None
    told_ns: int
    swap_in: float = 0.0
    swap_out: float = 0.0
    major_faults: float = 0.0
    held: MemoryHeld | None = None
    resident: int | None = None
    blurred: int = 0


class KsmSettings(msgspec.Struct, frozen=True, gc=False):
    """What KSM is to be set to; fields as in `KsmState`. `pages_to_scan` None: the kernel's advisor sets them."""

    run: int
    pages_to_scan: int | None
    sleep_millisecs: int
    merge_across_nodes: int


class MemoryView(msgspec.Struct, frozen=True):
    """All of it, at `time_ns` (monotonic); `seconds` since the view before. `nodes`: NUMA nodes of the host. `ksm`
    None: the host has none, or it may not be set; `guests` by UUID: all that run, also those that do not answer (held),
    since who is missing here is forgotten."""

    time_ns: int
    seconds: float
    host: HostMemory
    guests: Mapping[str, GuestMemory]
    ksm: KsmState | None = None
    nodes: int = 1
