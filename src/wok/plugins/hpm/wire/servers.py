"""Virtual servers on the wire."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ..policy.catalog import Attributes
from ..policy.goals import Goal, Importance, TemporaryGoal
from ..policy.guest_policies import Cpus, Mebibytes
from ..policy.partitions import PartitionPath
from .words import (
    After,
    GoalStatus,
    GroupReference,
    GroupUri,
    Limit,
    Management,
    ManagementReason,
    MemoryReason,
    NamePattern,
    Next,
    PerformanceIndex,
    Problem,
    ServerStatus,
    SnapshotTime,
    Time,
    Uri,
    Velocity,
)


class ServerSummary(msgspec.Struct, rename="kebab", tag="virtual-server", tag_field="class"):
    """A virtual server in a list.

    object-id: Its UUID.
    name: Its name, which libvirt keeps unique on a host.
    service-class: The service class that takes it; null: its group is unmanaged.
    """

    object_id: str
    object_uri: Uri
    name: str
    status: ServerStatus
    workload_resource_group: GroupUri
    service_class: str | None
    goal_status: GoalStatus
    performance_index: PerformanceIndex


class ServerDetail(msgspec.Struct, rename="kebab", tag="virtual-server", tag_field="class"):
    """A virtual server, whole. CPUs are in units of one host CPU.

    object-id: Its UUID.
    name: Its name, which libvirt keeps unique on a host.
    started: When it was started, to the second; null: it does not run, or that is not known.
    vcpus: Virtual CPUs that it has now.
    memory-mib: Its memory, in MiB.
    memory-current-mib: What its balloon leaves it of that now, in MiB; null: it does not run, or that is not known.
    memory-used-mib: What it cannot give without swapping, in MiB, as the driver of its balloon says; null: it does not.
    memory-original-mib: What its balloon left it before hpm moved it, in MiB; null: hpm did not move it.
    memory-minimum-mib: What it keeps while memory is managed, in MiB; null: as its definition says, if at all.
    memory-management: Whether hpm moves its balloon while memory management is on; null: memory management is off.
    memory-management-reason: Why its memory is left alone; null: it is managed, or memory management is off.
    service-class: The service class that takes it; null: its group is unmanaged.
    importance: Its business importance; null: its group is unmanaged.
    goal: Its goal; null: its group is unmanaged.
    management: Whether hpm sets its shares while CPU management is on.
    management-reason: Why it is left alone; null: it is managed.
    cpu-shares: CPU shares in force; null: it does not run, or they cannot be read.
    cpu-shares-original: CPU shares before hpm changed them; null: hpm did not change them.
    cpu-reserve: CPUs that it is entitled to whatever the goals say; null: none.
    cpu-cap: CPUs that it never exceeds; null: no cap.
    excluded: Whether an administrator said that hpm leaves it alone.
    cpu-using: CPUs that it used, a mean over the last interval; null: not known.
    cpu-delay: CPUs that it waited for, a mean over the last interval; null: not known.
    attributes: What rules can compare, by filter type: set by an administrator or found out.
    temporary-goal: The goal that it has until a moment; it is the `goal` while it holds. Left out: none.
    partition: The partition that it stands in, such as `/machine/gold`; while it does not run, the one that it is to
        stand in. null: not known.
    partition-at-start: The partition that hpm starts it in, said of itself or of its group; null: as its definition
        says.
    partition-at-start-origin: Of whom that is said; null: as its definition says.
    stale-since: Since when the hypervisor tells nothing of it, although it answers (a hook of its start is running,
        say); what it does is as it was then. null: it is known.
    """

    object_id: str
    object_uri: Uri
    name: str
    status: ServerStatus
    started: Time | None
    vcpus: int
    memory_mib: int
    workload_resource_group: GroupUri
    service_class: str | None
    importance: Importance | None
    goal: Goal | None
    management: Management
    management_reason: ManagementReason | None
    cpu_shares: int | None
    cpu_shares_original: int | None
    cpu_reserve: float | None
    cpu_cap: float | None
    excluded: bool
    cpu_using: float | None
    cpu_delay: float | None
    velocity: Velocity
    performance_index: PerformanceIndex
    goal_status: GoalStatus
    attributes: dict[str, str | tuple[str, ...]]
    temporary_goal: TemporaryGoal | msgspec.UnsetType = msgspec.UNSET
    memory_current_mib: int | None = None
    memory_used_mib: int | None = None
    memory_original_mib: int | None = None
    memory_minimum_mib: int | None = None
    memory_management: Management | None = None
    memory_management_reason: MemoryReason | None = None
    partition: str | None = None
    partition_at_start: str | None = None
    partition_at_start_origin: Literal["virtual-server", "workload-resource-group"] | None = None
    stale_since: Time | None = None


class ServerList(msgspec.Struct, rename="kebab"):
    """Virtual servers in short.

    virtual-servers: In order of name.
    """

    virtual_servers: list[ServerSummary]
    snapshot_time: SnapshotTime | None
    problem: Problem
    next: Next = None


class ServerDetailList(msgspec.Struct, rename="kebab"):
    """Virtual servers, whole.

    virtual-servers: In order of name.
    """

    virtual_servers: list[ServerDetail]
    snapshot_time: SnapshotTime | None
    problem: Problem
    next: Next = None


class ServerQuery(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Which virtual servers are wanted.

    workload-resource-group: Only those of this group.
    service-class: Only those in a service class of this name.
    status: Only those that do this.
    goal-status: Only those that stand so to their goal.
    management: Only those that are managed, or that are not.
    """

    name: NamePattern | None = None
    workload_resource_group: GroupReference | None = None
    service_class: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    status: ServerStatus | None = None
    goal_status: GoalStatus | None = None
    management: Management | None = None
    after: After | None = None
    limit: Limit | None = None


class ServerUpdate(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Changes of a virtual server; what is left out stays.

    workload-resource-group: Put it in this group.
    move: Take it also from another group than `default`; else that is refused (409).
    excluded: Whether hpm leaves it alone.
    cpu-reserve: CPUs that it is entitled to whatever the goals say, not above the cap; null: none.
    cpu-cap: CPUs that it never exceeds; null: no cap.
    memory-minimum-mib: Memory that it keeps while memory is managed, in MiB; null: as its definition says, if at all.
    attributes: All that an administrator says of it for classification, instead of what was said before.
    temporary-goal: A goal until a moment, which lies ahead; null: no longer.
    release: Manage it again after an administrator changed its shares.
    partition: The partition that it stands in from its next start on; null: as its definition says. hpm keeps it, and
        uses it when hpm starts the server.
    persist: Write the partition into the server's lasting definition, too, so that it holds whoever starts it (null: in
        the root).
    """

    workload_resource_group: GroupReference | msgspec.UnsetType = msgspec.UNSET
    move: bool = False
    excluded: bool | msgspec.UnsetType = msgspec.UNSET
    cpu_reserve: Cpus | msgspec.UnsetType | None = msgspec.UNSET
    cpu_cap: Cpus | msgspec.UnsetType | None = msgspec.UNSET
    memory_minimum_mib: Mebibytes | msgspec.UnsetType | None = msgspec.UNSET
    attributes: Attributes | msgspec.UnsetType = msgspec.UNSET
    temporary_goal: TemporaryGoal | msgspec.UnsetType | None = msgspec.UNSET
    release: bool = False
    partition: PartitionPath | msgspec.UnsetType | None = msgspec.UNSET
    persist: bool = False


class Explanation(msgspec.Struct, rename="kebab"):
    """Why a virtual server is where it is.

    virtual-server: The server itself, for programs.
    sentences: For people, in the order of the reasoning.
    """

    virtual_server: ServerDetail
    sentences: list[str]
