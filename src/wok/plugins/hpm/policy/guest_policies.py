"""Guest policies: how a virtual server is placed, weighed, limited and started, whatever its goal is.

A policy may be said of a server, of a service class and of a group. What the server's own says is in force; what it
does not say is taken from its class, then from its group; and what nobody says is left as the host has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from ..errors import InvalidValue
from .cpu_sets import CpuList
from .start_policies import StartPolicy

#: A reserve or a cap: that many CPUs of the host.
Cpus = Annotated[float, msgspec.Meta(
    ge=0.01, le=4096, description="A number of CPUs, in units of one host CPU.",
)]  # fmt: skip

#: Memory that a server keeps whatever happens.
Mebibytes = Annotated[int, msgspec.Meta(ge=1, le=1 << 30, description="A size in MiB.")]

#: A limit of a disk per second; 0: none.
Limit = Annotated[int, msgspec.Meta(ge=0, le=1 << 50)]

#: A disk by its name in the guest; `*` is every disk that has no limits of its own.
DiskName = Annotated[str, msgspec.Meta(
    min_length=1, max_length=32, pattern=r"^(?:\*|[a-z][a-z0-9]*)$(?!\n)", description="a disk such as vda, or *",
)]  # fmt: skip

#: What backs a guest's memory: pages of the usual size only, transparent huge pages, or those of hugetlbfs.
HugePages: TypeAlias = Literal["none", "transparent", "hugetlbfs"]
#: What is done about values that are others than those of the policy.
Drift: TypeAlias = Literal["correct", "report"]


class OnCpus(msgspec.Struct, frozen=True, tag="cpus", tag_field="type", forbid_unknown_fields=True):
    """All vCPUs may run on these CPUs.

    cpus: CPUs of the host, such as 0-3,8.
    exclusive: Whether no other guest may.
    """

    cpus: CpuList
    exclusive: bool = False


class EachOnCpus(msgspec.Struct, frozen=True, tag="vcpus", tag_field="type", forbid_unknown_fields=True):
    """Each vCPU has CPUs of its own; those after the last entry may run anywhere.

    cpus: CPUs of the host for each vCPU, in their order, such as 0-3,8.
    exclusive: Whether no other guest may run on them.
    """

    cpus: Annotated[tuple[CpuList, ...], msgspec.Meta(min_length=1, max_length=1024)]
    exclusive: bool = False


class OnNode(msgspec.Struct, frozen=True, tag="node", tag_field="type", forbid_unknown_fields=True):
    """All vCPUs run on the CPUs of a NUMA node.

    node: The number of the node.
    exclusive: Whether no other guest may run there.
    """

    node: Annotated[int, msgspec.Meta(ge=0, le=1023)]
    exclusive: bool = False


class Spread(msgspec.Struct, frozen=True, tag="spread", tag_field="type", forbid_unknown_fields=True):
    """Each vCPU on a core of its own, as far from the others as possible.

    exclusive: Whether no other guest may run on those cores.
    """

    exclusive: bool = False


class Pack(msgspec.Struct, frozen=True, tag="pack", tag_field="type", forbid_unknown_fields=True):
    """All vCPUs on as few cores, caches and nodes as possible.

    exclusive: Whether no other guest may run on those cores.
    """

    exclusive: bool = False


class Anywhere(msgspec.Struct, frozen=True, tag="anywhere", tag_field="type", forbid_unknown_fields=True):
    """vCPUs run where the kernel has them run."""


Placement: TypeAlias = OnCpus | EachOnCpus | OnNode | Spread | Pack | Anywhere


class DiskLimits(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """Limits of a disk, per second; 0: none.

    total-bytes-sec: Bytes read and written; not beside one of the next two.
    read-bytes-sec: Bytes read.
    write-bytes-sec: Bytes written.
    total-iops-sec: Requests; not beside one of the next two.
    read-iops-sec: Requests to read.
    write-iops-sec: Requests to write.
    """

    total_bytes_sec: Limit = 0
    read_bytes_sec: Limit = 0
    write_bytes_sec: Limit = 0
    total_iops_sec: Limit = 0
    read_iops_sec: Limit = 0
    write_iops_sec: Limit = 0


class GuestPolicy(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """How a virtual server is placed, weighed, limited and started. What is null is not said here.

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
    start: When it starts, is ready, and stops.
    """

    placement: Placement | None = None
    emulator_cpus: CpuList | None = None
    cpu_weight: Annotated[int, msgspec.Meta(ge=2, le=10000)] | None = None
    cpu_reserve: Cpus | None = None
    cpu_cap: Cpus | None = None
    blkio_weight: Annotated[int, msgspec.Meta(ge=10, le=1000)] | None = None
    disk_limits: Annotated[dict[DiskName, DiskLimits], msgspec.Meta(max_length=64)] | None = None
    memory_minimum_mib: Mebibytes | None = None
    memory_swap_limit_mib: Mebibytes | None = None
    huge_pages: HugePages | None = None
    page_sharing: bool | None = None
    drift: Drift | None = None
    start: StartPolicy | None = None


#: What was said where nothing was said.
NO_POLICY: Final = GuestPolicy()

#: Where a value of a policy comes from, the strongest first.
Origin: TypeAlias = Literal["virtual-server", "service-class", "workload-resource-group"]

FIELDS: Final = GuestPolicy.__struct_fields__


class Effective(msgspec.Struct, frozen=True):
    """What is in force for one server, and where each field that is said comes from, by its name in Python."""

    policy: GuestPolicy = NO_POLICY
    origins: Mapping[str, Origin] = {}


#: Where nobody said anything.
NOTHING_SAID: Final = Effective()


def effective(said: Sequence[tuple[Origin, GuestPolicy]]) -> Effective:
    """The policies of one server as one, the strongest first. A reserve above the cap that another level says is cut to
    it: a cap always holds."""
    said = [(origin, policy) for origin, policy in said if policy != NO_POLICY]
    if not said:
        return NOTHING_SAID
    values: dict[str, object] = {}
    origins: dict[str, Origin] = {}
    for origin, policy in said:
        for name in FIELDS:
            value = getattr(policy, name)
            if value is not None and name not in values:
                values[name], origins[name] = value, origin
    reserve, cap = values.get("cpu_reserve"), values.get("cpu_cap")
    if isinstance(reserve, float) and isinstance(cap, float) and reserve > cap:
        values["cpu_reserve"] = cap
    return Effective(msgspec.structs.replace(NO_POLICY, **values), origins)


def check_guest_policy(policy: GuestPolicy, path: str = "") -> None:
    """Check what the types alone cannot say. Raises `InvalidValue` with the path of the value, below `path`."""
    where = f"{path}." if path else ""
    reserve, cap = policy.cpu_reserve, policy.cpu_cap
    if reserve is not None and cap is not None and reserve > cap:
        raise InvalidValue(f"the reserve of {reserve} CPUs is above the cap of {cap} CPUs", f"{where}cpu-reserve")
    if policy.disk_limits == {}:
        why = "say at least one disk (`*` is every one), or null: it is not said here"
        raise InvalidValue(why, f"{where}disk-limits")
    for disk, limits in (policy.disk_limits or {}).items():
        for unit in ("bytes", "iops"):
            parts = [getattr(limits, f"{kind}_{unit}_sec") for kind in ("read", "write")]
            if getattr(limits, f"total_{unit}_sec") and any(parts):
                raise InvalidValue(
                    f"of the limits of {disk}, total-{unit}-sec stands beside one of reading or writing; leave one out",
                    f"{where}disk-limits.{disk}.total-{unit}-sec",
                )
    for index, dependency in enumerate(() if policy.start is None else policy.start.depends_on):
        if (dependency.virtual_server is None) == (dependency.workload_resource_group is None):
            raise InvalidValue(
                "say a virtual-server or a workload-resource-group, one of both", f"{where}start.depends-on[{index}]"
            )
