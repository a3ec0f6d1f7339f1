"""Guest policies on the wire: what is said of a virtual server itself, and what is in force for it."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from ..policy.cpu_sets import CpuList
from ..policy.field_reasons import ReasonId
from ..policy.guest_policies import (
    Cpus,
    DiskLimits,
    DiskName,
    Drift,
    GuestPolicy,
    HugePages,
    Mebibytes,
    Origin,
    Placement,
)
from ..policy.start_policies import StartPolicy
from .words import ServerUri

#: How a field of a guest policy stands.
FieldState: TypeAlias = Annotated[
    Literal[
        "unsaid", "holds", "waits", "next-start", "drifts", "not-managed", "advised", "overruled", "impossible",
    ],
    msgspec.Meta(description=(
        "`unsaid`: nobody says anything, so it is as the host has it. `holds`: it is in force. `waits`: it will be in"
        " force soon, or when the server runs. `next-start`: from its next start by hpm on. `drifts`: somebody changed"
        " it, and it is left so. `not-managed`: management is off for it. `advised`: it would be set, and management is"
        " on `advise`. `overruled`: something else decides. `impossible`: it cannot be had here."
    )),
]  # fmt: skip
PolicyFieldName: TypeAlias = Literal[
    "placement", "emulator-cpus", "cpu-weight", "cpu-reserve", "cpu-cap", "blkio-weight", "disk-limits",
    "memory-minimum-mib", "memory-swap-limit-mib", "huge-pages", "page-sharing", "drift", "start",
]  # fmt: skip


class GuestPolicyUpdate(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Changes of what is said of a server itself; what is left out stays, null: it is not said any more.

    placement: The CPUs of its vCPUs.
    emulator-cpus: The CPUs of the emulator's threads, such as 0-3,8.
    cpu-weight: CPU shares while no goal decides on them, 2 to 10000.
    cpu-reserve: CPUs that it is entitled to whatever the goals say, not above the cap.
    cpu-cap: CPUs that it never exceeds.
    blkio-weight: The weight of its block I/O, 10 to 1000.
    disk-limits: Limits of its disks, by their names in the guest; `*` for every other one.
    memory-minimum-mib: Memory that it keeps while memory is managed, in MiB.
    memory-swap-limit-mib: Memory and swap that it may have together on the host, in MiB.
    huge-pages: What backs its memory; from its next start on.
    page-sharing: Whether its memory takes part in kernel same-page merging; from its next start on.
    drift: What is done about values that somebody else has changed.
    start: When it starts, is ready, and stops; whole.
    """

    placement: Placement | msgspec.UnsetType | None = msgspec.UNSET
    emulator_cpus: CpuList | msgspec.UnsetType | None = msgspec.UNSET
    cpu_weight: Annotated[int, msgspec.Meta(ge=2, le=10000)] | msgspec.UnsetType | None = msgspec.UNSET
    cpu_reserve: Cpus | msgspec.UnsetType | None = msgspec.UNSET
    cpu_cap: Cpus | msgspec.UnsetType | None = msgspec.UNSET
    blkio_weight: Annotated[int, msgspec.Meta(ge=10, le=1000)] | msgspec.UnsetType | None = msgspec.UNSET
    disk_limits: Annotated[dict[DiskName, DiskLimits], msgspec.Meta(max_length=64)] | msgspec.UnsetType | None = (
        msgspec.UNSET
    )
    memory_minimum_mib: Mebibytes | msgspec.UnsetType | None = msgspec.UNSET
    memory_swap_limit_mib: Mebibytes | msgspec.UnsetType | None = msgspec.UNSET
    huge_pages: HugePages | msgspec.UnsetType | None = msgspec.UNSET
    page_sharing: bool | msgspec.UnsetType | None = msgspec.UNSET
    drift: Drift | msgspec.UnsetType | None = msgspec.UNSET
    start: StartPolicy | msgspec.UnsetType | None = msgspec.UNSET


class PolicyField(msgspec.Struct, rename="kebab"):
    """One field of the guest policy that is in force for a server.

    name: The name of the field.
    value: What is wanted, in words; null: nobody says anything.
    origin: Who says it.
    of: The name of the service class or group that says it; null: the server itself does, or nobody.
    in-force: What the host has now, in words; null: the server does not run, or it cannot be seen.
    reason: Why it does not hold, or not as it was said; null: it does.
    reason-id: The same as a word for programs, of which pages in other languages make a sentence; null: there is no
        reason, or none of those.
    reason-values: What stands in the words of that reason, by name; names of several things with commas.
    """

    name: PolicyFieldName
    value: str | None
    origin: Origin | Literal["host"]
    of: str | None
    in_force: str | None
    state: FieldState
    reason: str | None
    reason_id: ReasonId | None
    reason_values: dict[str, str]


class PolicyInForce(msgspec.Struct, rename="kebab"):
    """What the host has of a running server, of what guest policies decide on.

    vcpu-cpus: The CPUs that each of its vCPUs may run on, such as 0-3,8; empty: any.
    emulator-cpus: The CPUs of the emulator's threads; empty: any.
    cpu-weight: CPU shares; null: they cannot be read.
    cpu-cap: CPUs that it cannot exceed; null: no cap.
    blkio-weight: The weight of its block I/O; null: none is set.
    disk-limits: Limits of its disks, by their names in the guest.
    memory-swap-limit-mib: Memory and swap that it may have together on the host, in MiB; null: no limit.
    huge-pages: Whether hugetlbfs backs its memory.
    page-sharing: Whether its memory takes part in kernel same-page merging.
    """

    vcpu_cpus: tuple[str, ...]
    emulator_cpus: str
    cpu_weight: int | None
    cpu_cap: float | None
    blkio_weight: int | None
    disk_limits: dict[str, DiskLimits]
    memory_swap_limit_mib: float | None
    huge_pages: bool
    page_sharing: bool


class EffectivePolicy(msgspec.Struct, rename="kebab"):
    """The guest policy that is in force for a server: its own, and below that those of its service class and its group.

    guest-policy: All that is said, for programs.
    fields: Each field, whether it is said or not, with where it comes from and how it stands.
    in-force: What the host has of these fields now, for programs; null: the server does not run.
    """

    virtual_server: ServerUri
    guest_policy: GuestPolicy
    fields: list[PolicyField]
    in_force: PolicyInForce | None


class PersistedPolicy(msgspec.Struct, rename="kebab"):
    """What was written into the definition of a virtual server: it holds from its next start on, whoever makes it.

    written: Fields that were written.
    left-out: Why others that are said were not, by field.
    """

    virtual_server: ServerUri
    written: list[PolicyFieldName]
    left_out: dict[PolicyFieldName, str]
