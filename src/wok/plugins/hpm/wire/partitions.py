"""Partitions on the wire."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from ..policy.cpu_sets import CpuList
from ..policy.names import Description
from ..policy.partitions import (
    BlkioParameters,
    CpuParameters,
    DeviceLimits,
    EffectiveLimits,
    IoWeight,
    Mebibytes,
    MemoryParameters,
    NumaParameters,
    PartitionParameters,
    PartitionPath,
    PartitionReserve,
    PeriodUs,
    QuotaUs,
    Shares,
)
from .words import GroupUri, Problem, ServerUri, SnapshotTime, Uri

PartitionUri = Annotated[str, msgspec.Meta(
    description="The URI of a partition.", extra_json_schema={"format": "uri-reference"},
)]  # fmt: skip
#: What a request on parameters is about, as libvirt's flags `VIR_DOMAIN_AFFECT_LIVE` and `…_CONFIG`.
Affect: TypeAlias = Literal["live", "config", "both"]
PartitionStatus: TypeAlias = Literal["active", "inactive", "gone"]


class PartitionDetail(msgspec.Struct, rename="kebab", tag="partition", tag_field="class"):
    """A partition: a cgroup below libvirt's root partition in which virtual servers stand.

    object-id: A UUID, always the same for a path.
    path: Where it stands, as libvirt spells it.
    parent: The URI of the partition that it stands in; null: it is the root.
    children: The URIs of the partitions that stand in it, in order of their paths.
    virtual-servers: The URIs of the servers that stand directly in it now, in order of their names.
    workload-resource-groups: The URIs of the groups that are backed by it.
    state: `active`: it is there. `inactive`: it is defined, and not there. `gone`: neither, as of what was just done.
    persistent: Whether it is defined, so that it can be created again.
    description: What an administrator wrote about it.
    autostart: Whether hpm creates it when it starts.
    reserve: CPUs that all in it are entitled to together; null: none.
    reserved: CPUs that those in it are entitled to: servers that run, and partitions.
    live: The parameters in force; null: it is not active. What the kernel decides by itself is left out.
    config: The parameters that it is created with; null: it is not defined. What is left out, the kernel decides; of
        shares, hpm does while CPU management is on.
    drift: Names of defined parameters that are otherwise in force, because somebody else changed them.
    effective: What it can have at most, from its own limits and those of all that it stands in.
    shares-original: Its shares before hpm changed them, for the goals of those in it, or so that the CPUs reserved for
        it are kept; null: hpm did not.
    shares-planned: Whether hpm plans its shares, because it is defined without any and a server in it has a goal: the
        servers in it compete by goals and importance with those around it.
    shares-percent: Its part of the shares of all that stands beside it in its parent; null: it is the root, or not
        active.
    cpu-using: CPUs that vCPUs in it used, of the partitions in it too, a mean over the last interval; null: not known.
    memory-used-mib: Memory that is taken in it, in MiB; null: not known.
    """

    object_id: str
    object_uri: Uri
    path: str
    parent: PartitionUri | None
    children: list[PartitionUri]
    virtual_servers: list[ServerUri]
    workload_resource_groups: list[GroupUri]
    state: PartitionStatus
    persistent: bool
    description: str
    autostart: bool
    reserve: float | None
    reserved: float
    live: PartitionParameters | None
    config: PartitionParameters | None
    drift: list[str]
    effective: EffectiveLimits
    shares_original: int | None
    shares_planned: bool
    shares_percent: float | None
    cpu_using: float | None
    memory_used_mib: int | None


class PartitionList(msgspec.Struct, rename="kebab"):
    """All partitions.

    partitions: In order of their paths, which is that of the tree; the root first.
    how: What a partition is on this host.
    lacking: Why parameters do not work on this host, by their names or that of their group; empty: all work.
    """

    partitions: list[PartitionDetail]
    how: str
    lacking: dict[str, str]
    snapshot_time: SnapshotTime | None
    problem: Problem


class PartitionCreate(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """A new partition.

    path: Where it is to stand: `/machine` and up to five names of letters, digits and `_`. The one above it must be
        there (for a transient one), or be defined.
    persistent: Whether it is defined and kept; else it is transient: it is created now, and ends with the host.
    create: Whether it is created now, as a transient one always is.
    description: Up to 1024 characters, none of them a control character.
    autostart: Whether hpm creates it when it starts.
    reserve: CPUs that all in it are entitled to together; null: none.
    parameters: What holds for all in it together; what is left out, the kernel decides; of the shares of one that is
        defined, hpm does while CPU management is on.
    """

    path: PartitionPath
    persistent: bool = True
    create: bool = False
    description: Description = ""
    autostart: bool = True
    reserve: PartitionReserve | None = None
    parameters: PartitionParameters = PartitionParameters()


class PartitionUpdate(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Changes of what is said of a partition that is defined; what is left out stays.

    description: A new description.
    autostart: Whether hpm creates it when it starts.
    reserve: CPUs that all in it are entitled to together; null: none.
    """

    description: Description | msgspec.UnsetType = msgspec.UNSET
    autostart: bool | msgspec.UnsetType = msgspec.UNSET
    reserve: PartitionReserve | msgspec.UnsetType | None = msgspec.UNSET


class CreatePartition(msgspec.Struct, rename="kebab", forbid_unknown_fields=True, tag="create", tag_field="action"):
    """Create a partition that is defined, and is not there."""


class DestroyPartition(msgspec.Struct, rename="kebab", forbid_unknown_fields=True, tag="destroy", tag_field="action"):
    """Remove an empty partition from the host. Its definition stays; a transient one is gone."""


class UndefinePartition(msgspec.Struct, rename="kebab", forbid_unknown_fields=True, tag="undefine",
                        tag_field="action"):  # fmt: skip
    """Forget the definition of a partition. One that is active stays, as a transient one."""


PartitionAction: TypeAlias = CreatePartition | DestroyPartition | UndefinePartition


class AffectQuery(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """What it is about.

    affect: `live`: what is in force; `config`: what it is created with; `both`. Left out: whatever there is.
    """

    affect: Affect | None = None


class CpuState(msgspec.Struct, rename="kebab"):
    """CPU parameters of a partition.

    live: Those in force; null: not asked for, or not active.
    config: Those that it is created with; null: not asked for, or not defined.
    """

    live: CpuParameters | None
    config: CpuParameters | None


class BlkioState(msgspec.Struct, rename="kebab"):
    """Block-I/O parameters of a partition.

    live: Those in force; null: not asked for, or not active.
    config: Those that it is created with; null: not asked for, or not defined.
    """

    live: BlkioParameters | None
    config: BlkioParameters | None


class MemoryState(msgspec.Struct, rename="kebab"):
    """Memory parameters of a partition.

    live: Those in force; null: not asked for, or not active.
    config: Those that it is created with; null: not asked for, or not defined.
    """

    live: MemoryParameters | None
    config: MemoryParameters | None


class NumaState(msgspec.Struct, rename="kebab"):
    """CPUs and NUMA nodes of a partition.

    live: Those in force; null: not asked for, or not active.
    config: Those that it is created with; null: not asked for, or not defined.
    """

    live: NumaParameters | None
    config: NumaParameters | None


class CpuChanges(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Changes of CPU parameters; what is left out stays, and null is as the kernel has it by itself.

    shares: Its weight among what stands beside it in its parent; null, in its definition: hpm plans it while CPU
        management is on.
    quota-us: Microseconds of CPU time that all in it may use together in each period; null: no cap.
    period-us: That period; null: 100000.
    """

    shares: Shares | msgspec.UnsetType | None = msgspec.UNSET
    quota_us: QuotaUs | msgspec.UnsetType | None = msgspec.UNSET
    period_us: PeriodUs | msgspec.UnsetType | None = msgspec.UNSET


class BlkioChanges(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Changes of block-I/O parameters; what is left out stays.

    weight: Its weight among what stands beside it; null: as the kernel has it by itself.
    devices: Limits of single disks, all of them, instead of those before.
    """

    weight: IoWeight | msgspec.UnsetType | None = msgspec.UNSET
    devices: Annotated[tuple[DeviceLimits, ...], msgspec.Meta(max_length=64)] | msgspec.UnsetType = msgspec.UNSET


class MemoryChanges(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Changes of memory parameters; what is left out stays, and null is no limit.

    hard-limit-mib: What all in it never take more than together, in MiB.
    soft-limit-mib: What the kernel takes them back to when the host is short of memory, in MiB.
    swap-limit-mib: As the hard limit, for memory and swap together, in MiB.
    """

    hard_limit_mib: Mebibytes | msgspec.UnsetType | None = msgspec.UNSET
    soft_limit_mib: Mebibytes | msgspec.UnsetType | None = msgspec.UNSET
    swap_limit_mib: Mebibytes | msgspec.UnsetType | None = msgspec.UNSET


class NumaChanges(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Changes of where a partition may be; what is left out stays, and null is where its parent may be.

    cpus: The CPUs that all in it run on, such as 0-3,8.
    mems: The NUMA nodes that their memory is taken from, such as 0.
    """

    cpus: CpuList | msgspec.UnsetType | None = msgspec.UNSET
    mems: CpuList | msgspec.UnsetType | None = msgspec.UNSET


ParameterChanges: TypeAlias = CpuChanges | BlkioChanges | MemoryChanges | NumaChanges
ParameterState: TypeAlias = CpuState | BlkioState | MemoryState | NumaState
