"""What a policy file says, whatever its notation; and what the catalog has to say.

Nothing in a file is volatile: groups are known by their names (`default` by its own), virtual servers by their UUIDs,
and which policy a schedule has made the active one is left to the schedule.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import msgspec

from ...errors import InvalidValue, NotUnique
from ..catalog import Attributes, Catalog
from ..groups import DEFAULT_GROUP, Policies, WorkloadResourceGroup, check_group
from ..guest_policies import NO_POLICY, Cpus, GuestPolicy, Mebibytes, check_guest_policy
from ..names import Description, Name
from ..partitions import ROOT, Partition, PartitionPath, check_partition, check_path, lineage
from ..policies import PerformancePolicy, check_policy
from ..schedule import Schedule
from ..start_policies import Uuid
from .group_references import in_guest_policy, in_policies, names_of

#: Bytes of a policy file. 200 groups of 5 policies with nested rules and thousands of servers are below 8 MiB.
MAX_SIZE = 16 * 1024 * 1024


class FileGroup(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """A group, whole: what is left out it does not have.

    name: The name of the group; `default` for the one that always exists.
    description: Up to 1024 characters, none of them a control character.
    active-policy: The name of the active policy; null: none. Left out: the first one, or what the schedule says.
    schedule: Days and hours of its policies.
    otherwise: The policy where no entry of the schedule holds; null: none.
    perf-policies: Up to 64 policies, each with a name of its own.
    virtual-servers: UUIDs of the servers that are put in it.
    partition: The partition that its servers should stand in; null: none.
    guest-policy: How its servers are placed, weighed, limited and started. Groups that they depend on stand here and
        elsewhere in a file by their names.
    """

    name: Name
    description: Description = ""
    active_policy: Name | msgspec.UnsetType | None = msgspec.UNSET
    schedule: Schedule = ()
    otherwise: Name | None = None
    perf_policies: Policies = ()
    virtual_servers: tuple[Uuid, ...] = ()
    partition: PartitionPath | None = None
    guest_policy: GuestPolicy = NO_POLICY


class FileServer(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """What was said of a virtual server, besides its group.

    uuid: Its UUID, in small letters.
    excluded: Whether hpm leaves it alone.
    cpu-reserve: CPUs that it is entitled to whatever the goals say, not above the cap; null: none.
    cpu-cap: CPUs that it never exceeds; null: no cap.
    memory-minimum-mib: Memory that it keeps while memory is managed, in MiB; null: as its definition says, if at all.
    attributes: What an administrator says of it for classification.
    partition: The partition that hpm starts it in; null: as its definition says.
    guest-policy: How it is placed, weighed, limited and started; reserve, cap and least memory stand beside it.
    """

    uuid: Uuid
    excluded: bool = False
    cpu_reserve: Cpus | None = None
    cpu_cap: Cpus | None = None
    attributes: Attributes = {}
    memory_minimum_mib: Mebibytes | None = None
    partition: PartitionPath | None = None
    guest_policy: GuestPolicy = NO_POLICY


class GroupsFile(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """Groups, what was said of virtual servers, and partitions.

    workload-resource-groups: Groups, each with a name of its own.
    virtual-servers: Servers of which something is said.
    partitions: Partitions, each with a path of its own.
    """

    workload_resource_groups: tuple[FileGroup, ...] = ()
    virtual_servers: tuple[FileServer, ...] = ()
    partitions: tuple[Partition, ...] = ()


PolicyFile: TypeAlias = GroupsFile | PerformancePolicy


def check(content: PolicyFile) -> None:
    """Check what the types alone cannot say. Raises `InvalidValue`, `NotUnique` with the path of the value."""
    if isinstance(content, PerformancePolicy):
        check_policy(content)
        return
    if content == GroupsFile():    # with `replace` it would delete everything
        raise InvalidValue("the file says nothing: there is no group, virtual server or partition in it")
    names: set[str] = set()
    homes: dict[str, str] = {}
    for index, group in enumerate(content.workload_resource_groups):
        here = f"workload-resource-groups[{index}]"
        try:
            _check_group(group, names, homes)
        except InvalidValue as error:
            raise error.moved(here) from None
    _check_partitions(content.partitions)
    told: set[str] = set()
    for index, server in enumerate(content.virtual_servers):
        here = f"virtual-servers[{index}]"
        if server.uuid in told:
            raise NotUnique("this virtual server is there twice; leave one out", f"{here}.uuid")
        told.add(server.uuid)
        if server.cpu_reserve is not None and server.cpu_cap is not None and server.cpu_reserve > server.cpu_cap:
            raise InvalidValue(
                f"the reserve of {server.cpu_reserve} CPUs is above the cap of {server.cpu_cap} CPUs",
                f"{here}.cpu-reserve",
            )
        if server.partition is not None:
            check_path(server.partition, f"{here}.partition")
        for field in ("cpu_reserve", "cpu_cap", "memory_minimum_mib"):
            if getattr(server.guest_policy, field) is not None:
                name = field.replace("_", "-")
                raise InvalidValue(
                    f"of a virtual server, {name} stands beside its guest policy, not in it",
                    f"{here}.guest-policy.{name}",
                )
        check_guest_policy(server.guest_policy, f"{here}.guest-policy")


def _check_partitions(partitions: Iterable[Partition]) -> None:
    known: set[str] = set()
    for index, partition in enumerate(partitions):
        here = f"partitions[{index}]"
        try:
            check_partition(partition)
        except InvalidValue as error:
            raise error.moved(here) from None
        if partition.path in known:
            raise NotUnique(f"the partition {partition.path} is there twice; leave one out", f"{here}.path")
        if partition.path == ROOT:
            raise InvalidValue(f"{ROOT} always exists and is not defined; leave it out", f"{here}.path")
        known.add(partition.path)


def check_group_alone(group: FileGroup) -> None:
    """Check a group without the others. Raises as `check`, with the path within the group."""
    _check_group(group, set(), {})


def _check_group(group: FileGroup, names: set[str], homes: dict[str, str]) -> None:
    if group.name in names:
        raise NotUnique(f"there are two groups named {group.name!r} in the file; leave one out", "name")
    names.add(group.name)
    if group.name != DEFAULT_GROUP and group.name.casefold() == DEFAULT_GROUP:
        raise NotUnique(f"the name {group.name!r} is too much like that of the group default; choose another", "name")
    check_group(as_group(group, ""))
    if group.partition is not None:
        check_path(group.partition, "partition")
    if group.schedule and group.active_policy is not msgspec.UNSET:
        raise InvalidValue("the group has a schedule, which says what is active; leave this out", "active-policy")
    inside: set[str] = set()
    for index, uuid in enumerate(group.virtual_servers):
        home = homes.setdefault(uuid, group.name)
        if home != group.name or uuid in inside:
            raise NotUnique(
                f"this virtual server is in the group {home!r} already; a server is in one group",
                f"virtual-servers[{index}]",
            )
        inside.add(uuid)


def as_group(group: FileGroup, group_id: str) -> WorkloadResourceGroup:
    """The group that a file describes. Of one with a schedule no policy is active yet."""
    active = group.active_policy
    if active is msgspec.UNSET:
        active = group.perf_policies[0].name if group.perf_policies and not group.schedule else None
    return WorkloadResourceGroup(
        group_id, group.name, group.description, group.perf_policies, active, group.schedule, group.otherwise,
        partition=group.partition, guest_policy=group.guest_policy,
    )  # fmt: skip


def of_host(catalog: Catalog) -> GroupsFile:
    """All that the catalog says and that lasts: groups by name, `default` last; servers by UUID."""
    members = members_by_group(catalog)
    groups = sorted(catalog.groups.values(), key=lambda group: (group.is_default, group.name))
    return GroupsFile(
        tuple(_file_group(catalog, group, members.get(group.id, ())) for group in groups),
        _servers(catalog, catalog.servers),
        tuple(catalog.partitions[path] for path in sorted(catalog.partitions)),
    )


def of_group(catalog: Catalog, group_id: str) -> GroupsFile:
    """One group, what was said of its servers, and the partitions that these need. Raises `NotFound`."""
    group = catalog.group(group_id)
    inside = [uuid for uuid, said in catalog.servers.items() if said.group == group_id]
    members = () if group.is_default else tuple(sorted(inside))
    needed = {group.partition, *(catalog.settings(uuid).partition for uuid in inside)}
    above = {one for path in needed if path is not None for one in lineage(path)}
    return GroupsFile(
        (_file_group(catalog, group, members),), _servers(catalog, inside),
        tuple(one for path, one in sorted(catalog.partitions.items()) if path in above),
    )  # fmt: skip


def members_by_group(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """UUIDs of the servers that were put in each group but `default`, sorted."""
    found: dict[str, list[str]] = {}
    for uuid, said in catalog.servers.items():
        if said.group != DEFAULT_GROUP:
            found.setdefault(said.group, []).append(uuid)
    return {group: tuple(sorted(uuids)) for group, uuids in found.items()}


def _file_group(catalog: Catalog, group: WorkloadResourceGroup, members: tuple[str, ...]) -> FileGroup:
    names = names_of(catalog)
    unsaid = bool(group.schedule) or not group.perf_policies
    return FileGroup(
        group.name, group.description, msgspec.UNSET if unsaid else group.active_policy, group.schedule,
        group.otherwise, in_policies(group.perf_policies, names), members, group.partition,
        in_guest_policy(group.guest_policy, names, ""),
    )  # fmt: skip


def _servers(catalog: Catalog, uuids: Iterable[str]) -> tuple[FileServer, ...]:
    said = ((uuid, catalog.settings(uuid)) for uuid in sorted(uuids))
    servers = (
        FileServer(
            uuid, s.excluded, s.cpu_reserve, s.cpu_cap, dict(sorted(s.attributes.items())), s.memory_minimum_mib,
            s.partition,
            in_guest_policy(s.guest_policy, names_of(catalog), ""),
        )
        for uuid, s in said
    )  # fmt: skip
    return tuple(server for server in servers if server != FileServer(server.uuid))
