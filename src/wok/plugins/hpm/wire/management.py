"""Management levels, adjustments and versions on the wire."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from ..policy.goals import Importance
from .notifications import NotificationSettings, NotificationsUpdate
from .words import GroupReference, PerformanceIndex, Problem, ServerReference, ServerUri, Time

Outcome: TypeAlias = Literal["applied", "advised", "failed"]
Resource: TypeAlias = Annotated[Literal["cpu", "memory"], msgspec.Meta(
    description="What was decided on: CPU (shares), or memory (balloons, and the merging of equal pages).",
)]  # fmt: skip
#: In a query. There are many, and later versions have others: one that nobody knows finds nothing.
Cause: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[a-z]+(?:-[a-z]+)*$(?!\n)", max_length=64)]
Level: TypeAlias = Annotated[Literal["off", "advise", "on"], msgspec.Meta(
    description="`off`: observe only. `advise`: plan and report, change nothing. `on`: change.",
)]  # fmt: skip


MemoryPolicy: TypeAlias = Annotated[Literal["goals", "mom", "goals-and-mom"], msgspec.Meta(description=(
    "What decides on memory. `goals`: business importance. `mom`: policies of oVirt MOM's language."
    " `goals-and-mom`: those policies, where they set something, and importance elsewhere."
))]  # fmt: skip


Admission: TypeAlias = Annotated[Literal["running", "all"], msgspec.Meta(description=(
    "Whose reserves a start, and a new reserve, must leave room for. `running`: those of the servers that run. `all`:"
    " also those of stopped ones, so that each of them can start at any time."
))]  # fmt: skip


class ManagementLevels(msgspec.Struct, rename="kebab"):
    """What hpm may do. `off`: observe only. `advise`: plan and report, change nothing. `on`: change.

    cpu-mgmt: With CPU shares and quotas.
    memory-mgmt: With the balloons of servers, and with the kernel's merging of equal pages (KSM).
    """

    cpu_mgmt: Level
    memory_mgmt: Level


class ManagementLevelsUpdate(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """New levels; what is left out stays.

    cpu-mgmt: `off` puts everything back that hpm changed, and the answer comes when that is done.
    memory-mgmt: `off` asks balloons to leave servers what they had; that takes them some seconds.
    """

    cpu_mgmt: Level | msgspec.UnsetType = msgspec.UNSET
    memory_mgmt: Level | msgspec.UnsetType = msgspec.UNSET


#: Seconds between two cycles.
Interval = Annotated[float, msgspec.Meta(ge=1, le=3600)]


#: Seconds between two samples of devices.
DevicesInterval = Annotated[float, msgspec.Meta(ge=10, le=86400)]


#: Seconds between two decisions on where vCPUs run.
PlacementInterval = Annotated[float, msgspec.Meta(ge=5, le=86400)]


Days = Annotated[float, msgspec.Meta(ge=0, le=4000)]


class HistorySettings(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """How long the history of metrics is kept, and how large it may become. Full resolution is kept for an hour.

    minutes-days: Days for which there is a point a minute, 0 to 4000.
    ten-minutes-days: Days for which there is a point every ten minutes, 0 to 4000.
    hours-days: Days for which there is a point an hour, 0 to 4000.
    size-mib: The most that its file may take, in MiB, 16 to 1000000. This wins: the oldest of the finest goes first.
    """

    minutes_days: Days
    ten_minutes_days: Days
    hours_days: Days
    size_mib: Annotated[int, msgspec.Meta(ge=16, le=1_000_000)]


class Settings(msgspec.Struct, rename="kebab"):
    """What can be set for hpm as a whole.

    interval-seconds: Seconds between two decisions.
    devices-interval-seconds: Seconds between two samples of a server's devices (its section `devices`).
    history: How long the history of metrics is kept.
    notifications: What is told of goals that are missed for long, and where to; null: nothing is.
    memory-policy: What decides on memory while it is managed.
    allow-guest-swap: Whether memory policies may bring a server below what it uses, so that it swaps.
    manage-ksm: Whether hpm may change the kernel's merging of equal pages (KSM), where it manages memory.
    placement-interval-seconds: Seconds between two decisions on where vCPUs run.
    admission: Whose reserves a start, and a new reserve, must leave room for.
    """

    interval_seconds: float
    devices_interval_seconds: float
    history: HistorySettings
    notifications: NotificationSettings | None
    memory_policy: MemoryPolicy = "goals"
    allow_guest_swap: bool = False
    manage_ksm: bool = True
    placement_interval_seconds: float = 60.0
    admission: Admission = "running"


class SettingsUpdate(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """New settings; what is left out stays.

    interval-seconds: Seconds between two decisions, 1 to 3600.
    devices-interval-seconds: Seconds between two samples of a server's devices, 10 to 86400. With thousands of servers
        it takes longer, so that it never takes more than a hundredth of a CPU.
    history: How long the history of metrics is kept, whole.
    notifications: What is told of goals that are missed for long, and where to; null: nothing, and what was set for it
        is forgotten, secrets too.
    memory-policy: What decides on memory while it is managed.
    allow-guest-swap: Whether memory policies may bring a server below what it uses, so that it swaps.
    manage-ksm: Whether hpm may change the kernel's merging of equal pages (KSM), where it manages memory. `false` puts
        back what hpm changed, at once. A change of KSM that an administrator made by hand stays, and is forgotten: with
        `true` after it, hpm manages KSM again, and what was in force counts as what it was before.
    placement-interval-seconds: Seconds between two decisions on where vCPUs run, 5 to 86400.
    admission: Whose reserves a start, and a new reserve, must leave room for. What runs stays, also where `all` are
        more than there is.
    """

    interval_seconds: Interval | msgspec.UnsetType = msgspec.UNSET
    devices_interval_seconds: DevicesInterval | msgspec.UnsetType = msgspec.UNSET
    history: HistorySettings | msgspec.UnsetType = msgspec.UNSET
    notifications: NotificationsUpdate | msgspec.UnsetType | None = msgspec.UNSET
    memory_policy: MemoryPolicy | msgspec.UnsetType = msgspec.UNSET
    allow_guest_swap: bool | msgspec.UnsetType = msgspec.UNSET
    manage_ksm: bool | msgspec.UnsetType = msgspec.UNSET
    placement_interval_seconds: PlacementInterval | msgspec.UnsetType = msgspec.UNSET
    admission: Admission | msgspec.UnsetType = msgspec.UNSET


class AdjustedServer(msgspec.Struct, rename="kebab"):
    """One receiver or donor of an adjustment.

    name: The name of the virtual server then.
    service-class: The service class that it was in; null: none.
    importance: The business importance that it had; null: none.
    shares-before: CPU shares before; null: not known.
    shares-after: CPU shares that were decided; null: none were.
    pi-before: The performance index before; null: idle.
    pi-projected: The performance index that was expected of it; null: none was.
    pi-measured: The performance index one interval later; null: not measured yet, or idle.
    goal: The velocity that was its goal, in percent; null: it had none, or that was not kept by the hpm of then.
    velocity-before: Its velocity before, in percent; null: idle, or not kept.
    velocity-projected: The velocity that was expected of it; null: none was, or not kept.
    velocity-measured: Its velocity in the interval after; null: not measured yet, idle, or not kept.
    cpu-before: CPUs that it used before, in the mean of the interval; null: idle, or not known.
    cpu-projected: CPUs of use that were expected of it; null: none were.
    cpu-measured: CPUs that it used in the mean of the interval after; null: not measured yet, or not kept.
    memory-before-mib: What its balloon left it before, in MiB; null: this was about CPU.
    memory-after-mib: What its balloon is to leave it, in MiB; null: this was about CPU, or nothing was decided.
    memory-measured-mib: What its balloon left it an interval later, in MiB; null: not measured yet, or about CPU.
    memory-used-mib: What it used of that before, in MiB; null: not known, or this was about CPU.
    pinned-before: The CPUs that each of its vCPUs might run on, before it was to be moved; empty: any; null: it was
        not.
    pinned-after: The same, as it was decided.
    """

    virtual_server: ServerUri
    name: str
    service_class: str | None
    importance: Importance | None
    shares_before: int | None
    shares_after: int | None
    pi_before: PerformanceIndex
    pi_projected: PerformanceIndex
    pi_measured: PerformanceIndex
    goal: int | None = None
    velocity_before: float | None = None
    velocity_projected: float | None = None
    velocity_measured: float | None = None
    cpu_before: float | None = None
    cpu_projected: float | None = None
    cpu_measured: float | None = None
    memory_before_mib: int | None = None
    memory_after_mib: int | None = None
    memory_measured_mib: int | None = None
    memory_used_mib: int | None = None
    pinned_before: list[str] | None = None
    pinned_after: list[str] | None = None


class Adjustment(msgspec.Struct, rename="kebab"):
    """A dynamic resource adjustment: what was decided, why, and what came of it.

    object-id: Its number; a later one has a greater number.
    outcome: `applied`: done. `advised`: only planned, at the level `advise`. `failed`: not done, or not possible.
    reason: Why not: `at-capacity`, `at-floor`, `no-gain`, `ratio-limit`, `changed-by-administrator`, `unreachable` or
        another word; null: nothing was in the way.
    interval-seconds: The length of the interval that it was decided for, in seconds.
    receivers: Servers that were to get more.
    donors: Servers that were to give.
    detail: More about the reason, in words; null: nothing.
    cause: Of memory, why it was decided: `host-pressure`: the host had too little available; `distress`: a server used
        up what it had, or swapped; `pressure-over`: servers got back what they had given; `another-manager`: another
        program manages memory, so nothing is done; or a word of KSM's. `placement`: of CPU, vCPUs were to be moved to
        CPUs that are less crowded; `partition`: partitions alone were to have other shares, for the goals of those in
        them, or for the CPUs reserved for them.
        Of guest policies: `guest-policy`: something was advised; `drift-corrected`: somebody else had changed a value,
        and hpm set it again; `drift-reported`: it was left, as the policy says; `drift-given-up`: it was left, because
        hpm had set it often enough. null: it is of servers' CPU shares, or of a server that is left alone.
    total-velocity-before: Of a placement, the velocity of all its servers together, in percent, over the time that it
        was decided from; null: it is another decision.
    total-velocity-projected: The same, as it was expected.
    total-velocity-measured: The same, in the interval after; null: not measured yet.
    """

    object_id: int
    time: Time
    outcome: Outcome
    reason: str | None
    interval_seconds: float
    receivers: list[AdjustedServer]
    donors: list[AdjustedServer]
    detail: str | None = None
    resource: Resource = "cpu"
    cause: str | None = None
    total_velocity_before: float | None = None
    total_velocity_projected: float | None = None
    total_velocity_measured: float | None = None


class AdjustmentList(msgspec.Struct, rename="kebab"):
    """Adjustments, newest first.

    dynamic-resource-adjustments: At most as many as `limit` says.
    next: The URI of older ones; null: there are none.
    """

    dynamic_resource_adjustments: list[Adjustment]
    next: str | None


class AdjustmentQuery(msgspec.Struct, rename={"from_": "from", "virtual_server": "virtual-server"},
                      forbid_unknown_fields=True):  # fmt: skip
    """Which adjustments are wanted.

    from: Only those of this time or later: RFC 3339, such as 2026-11-21T14:00:00Z.
    to: Only those of this time or earlier: RFC 3339, such as 2026-11-21T14:00:00Z.
    group: Only those with a server of this group.
    virtual-server: Only those with this server.
    outcome: Only those with this outcome.
    resource: Only those that were decided on this.
    cause: Only those of this `cause`; `none`: those of servers' CPU shares, which have none.
    before: Only those with a lower number.
    limit: At most so many, 1 to 1000.
    """

    from_: Time | None = None
    to: Time | None = None
    group: GroupReference | None = None
    virtual_server: ServerReference | None = None
    outcome: Outcome | None = None
    resource: Resource | None = None
    cause: Cause | None = None
    before: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100


class ControlAbility(msgspec.Struct, rename="kebab"):
    """A control or a figure, on this host.

    works: Whether hpm can use it, or tell it.
    how: By which means.
    why-not: Why it cannot; empty where it works.
    """

    works: bool
    how: str
    why_not: str


class HostNode(msgspec.Struct, rename="kebab"):
    """A NUMA node of the host, with the CPUs that were online when hpm reached it.

    node: Its number.
    cpus: Its CPUs, such as 0-3,8-11.
    cores: The CPUs of each core: its hardware threads.
    caches: The CPUs of each cache of the last level.
    """

    node: int
    cpus: str
    cores: list[str]
    caches: list[str]


class Version(msgspec.Struct, rename="kebab"):
    """Versions and abilities of hpm and of the host.

    hpm-version: The version of hpm.
    api-version: The version of this API.
    hypervisor: Its name; null while none was reached.
    hypervisor-uri: The URI of the connection.
    hypervisor-version: The version of the hypervisor; null: not known.
    libvirt-version: The version of libvirt; null: not known, or there is none.
    kernel: The release of the host's kernel; null: not known.
    cgroup-version: 1 or 2; null: not known, or there are no cgroups.
    interval-seconds: Seconds between two looks at the host, as it is set.
    interval-in-force-seconds: The same, as it is: longer where cycles took too long.
    work-cut: What hpm does less than usually because cycles took too long, in words; null: nothing.
    overruns: How many cycles took longer than the interval, since hpm was started.
    controls: What hpm can change here, by name: `cpu-shares`, `cpu-quota`, `balloon`, `ksm`.
    statistics: What this host tells of its servers beside what they do, or why not, by the name that it has in their
        sections (see GET `/virtual-servers/status` and the others).
    time-zone: What the host calls its time zone now, such as CET; schedules go by it.
    utc-offset-minutes: How far the host's clocks are ahead of UTC now, in minutes; negative: behind it.
    numa-nodes: The host's NUMA nodes with their CPUs, at least one; empty: not known.
    """

    hpm_version: str
    api_version: str
    hypervisor: str | None
    hypervisor_uri: str
    hypervisor_version: str | None
    libvirt_version: str | None
    kernel: str | None
    cgroup_version: int | None
    interval_seconds: float
    controls: dict[str, ControlAbility]
    statistics: dict[str, ControlAbility]
    time_zone: str
    utc_offset_minutes: int
    problem: Problem
    numa_nodes: list[HostNode] = []
    interval_in_force_seconds: float = 0.0
    work_cut: str | None = None
    overruns: int = 0
