"""Putting a policy file into a catalog, as one change: the new catalog, or an error and nothing.

A file is explicit. A group that it names is afterwards as the file says: it has these policies and no others, these
servers and no others. What it does not name stays, unless all is to be replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from ...errors import InvalidValue
from ..catalog import NO_SETTINGS, Catalog, ServerSettings, check_known_partition
from ..decode import convert
from ..groups import DEFAULT_GROUP, WorkloadResourceGroup, check_group
from ..partitions import ROOT, Partition, parent_of
from ..policies import PerformancePolicy
from .content import FileGroup, FileServer, GroupsFile, as_group
from .group_references import Lookup, ids_of, in_guest_policy, in_policies, in_policy

#: Gives the id of a group that is new.
NewId: TypeAlias = Callable[[], str]


def with_groups(catalog: Catalog, content: GroupsFile, new_id: NewId, *, replace: bool = False) -> Catalog:
    """The catalog with a checked file's groups: those of a name that is known are changed and keep their id.

    With `replace` afterwards nothing else is there: other groups are deleted (of `default`, the policies), and what was
    said of other servers is forgotten. Gives the same catalog if that changes nothing. Raises `InvalidValue` for a
    partition or a group that something refers to and that is neither there nor in the file.
    """
    known = {group.name: group.id for group in catalog.groups.values()}
    named = {group.name: known.get(group.name) or new_id() for group in content.workload_resource_groups}
    groups = dict(catalog.groups)
    if replace:
        kept = {DEFAULT_GROUP: _emptied(catalog.groups[DEFAULT_GROUP])}
        groups = {key: kept.get(key, group) for key, group in groups.items() if key in kept or key in named.values()}
    look = ids_of({group.name: group.id for group in groups.values()} | named)
    homes: dict[str, str] = {}
    for index, wanted in enumerate(content.workload_resource_groups):
        group_id = named[wanted.name]
        known_by_id = _by_id(wanted, look, f"workload-resource-groups[{index}]")
        groups[group_id] = _changed(catalog.groups.get(group_id), known_by_id, group_id)
        homes.update(dict.fromkeys(wanted.virtual_servers, group_id))
    left = {group_id for group_id in catalog.groups if group_id in named.values() or group_id not in groups}
    servers = {
        uuid: msgspec.structs.replace(said, group=DEFAULT_GROUP) if said.group in left else said
        for uuid, said in catalog.servers.items()
    }
    if replace:
        servers = {uuid: _told(said, FileServer(uuid)) for uuid, said in servers.items()}
    for index, server in enumerate(content.virtual_servers):
        policy = in_guest_policy(server.guest_policy, look, f"virtual-servers[{index}].guest-policy")
        said = msgspec.structs.replace(server, guest_policy=policy)
        servers[server.uuid] = _told(servers.get(server.uuid, NO_SETTINGS), said)
    for uuid, home in homes.items():
        servers[uuid] = msgspec.structs.replace(servers.get(uuid, NO_SETTINGS), group=home)
    partitions = {} if replace else dict(catalog.partitions)
    partitions.update({one.path: one for one in content.partitions})
    _check_references(content, partitions)
    return _next(catalog, groups, servers, partitions)


def _check_references(content: GroupsFile, partitions: Mapping[str, Partition]) -> None:
    """Partitions that a file names are there after it. Raises `InvalidValue`."""
    for index, one in enumerate(content.partitions):
        above = parent_of(one.path) or ROOT
        check_known_partition(above, {ROOT: None, **partitions}, f"partitions[{index}].path")
    for index, group in enumerate(content.workload_resource_groups):
        if group.partition is not None:
            check_known_partition(group.partition, partitions, f"workload-resource-groups[{index}].partition")
    for index, server in enumerate(content.virtual_servers):
        if server.partition is not None:
            known = {ROOT: None, **partitions}
            check_known_partition(server.partition, known, f"virtual-servers[{index}].partition")


def with_group(catalog: Catalog, group_id: str, content: GroupsFile) -> Catalog:
    """The catalog with that group as the only one of a checked file describes it. Raises `NotFound`, `InvalidValue`."""
    group = catalog.group(group_id)
    names = [wanted.name for wanted in content.workload_resource_groups]
    if names != [group.name]:
        have = f"there are {len(names)}" if len(names) != 1 else f"there is {names[0]!r}"
        raise InvalidValue(
            f"the file must hold the group {group.name!r} alone, or one policy, but {have} in it",
            "workload-resource-groups" + ("[0].name" if names else ""),
        )
    return with_groups(catalog, content, lambda: group_id)


def with_policy(catalog: Catalog, group_id: str, policy: PerformancePolicy) -> Catalog:
    """The catalog with a policy added to a group, or in the place of the one of its name. The first one that a group
    without a schedule has becomes active. Raises `NotFound`, `InvalidValue`."""
    group = catalog.group(group_id)
    policy = in_policy(policy, ids_of({one.name: one.id for one in catalog.groups.values()}))
    policies = [policy if old.name == policy.name else old for old in group.perf_policies]
    if policy not in policies:
        policies.append(policy)
    active = policy.name if not group.perf_policies and not group.schedule else group.active_policy
    new = msgspec.structs.replace(group, perf_policies=tuple(policies), active_policy=active)
    convert(msgspec.to_builtins(new), WorkloadResourceGroup)    # not more policies than there may be
    check_group(new)
    return _next(catalog, {**catalog.groups, group_id: new}, catalog.servers, catalog.partitions)


def _changed(old: WorkloadResourceGroup | None, wanted: FileGroup, group_id: str) -> WorkloadResourceGroup:
    new = as_group(wanted, group_id)
    if old is None or not new.schedule or old.active_policy not in {p.name for p in new.perf_policies}:
        return new
    # A schedule that is another one decides anew; until then what is active stays.
    same = (old.schedule, old.otherwise) == (new.schedule, new.otherwise)
    return msgspec.structs.replace(new, active_policy=old.active_policy, scheduled=old.scheduled if same else None)


def _by_id(wanted: FileGroup, look: Lookup, path: str) -> FileGroup:
    return msgspec.structs.replace(
        wanted, perf_policies=in_policies(wanted.perf_policies, look, path),
        guest_policy=in_guest_policy(wanted.guest_policy, look, f"{path}.guest-policy"),
    )  # fmt: skip


def _emptied(default: WorkloadResourceGroup) -> WorkloadResourceGroup:
    return WorkloadResourceGroup(default.id, default.name, default.description)


def _told(said: ServerSettings, server: FileServer) -> ServerSettings:
    return msgspec.structs.replace(
        said, excluded=server.excluded, cpu_reserve=server.cpu_reserve, cpu_cap=server.cpu_cap,
        memory_minimum_mib=server.memory_minimum_mib, attributes=server.attributes, partition=server.partition,
        guest_policy=server.guest_policy,
    )  # fmt: skip


def _next(
    catalog: Catalog, groups: Mapping[str, WorkloadResourceGroup], servers: Mapping[str, ServerSettings],
    partitions: Mapping[str, Partition],
) -> Catalog:  # fmt: skip
    kept = {uuid: said for uuid, said in servers.items() if said != NO_SETTINGS}
    if groups == catalog.groups and kept == catalog.servers and partitions == catalog.partitions:
        return catalog
    return Catalog(catalog.generation + 1, groups, kept, partitions)
