"""A policy file beside a described host."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ...policy.files.content import FileGroup, FileServer, GroupsFile
from ...wire.groups import GroupCreate
from ...wire.simulations import DescribedHost, DescribedServer


def with_policy_file(host: DescribedHost, content: GroupsFile) -> DescribedHost:
    """The host as it would be with a checked policy file.

    As with an import, groups that the file names are as it says, and others stay. Servers whose ids it names are in the
    groups, and have the reserves, caps and attributes, that it says; all others are where the description puts them.
    """
    before = {group.name: group for group in host.workload_resource_groups or ()}
    named = {group.name: _group(group, before.get(group.name)) for group in content.workload_resource_groups}
    homes = {uuid: group.name for group in content.workload_resource_groups for uuid in group.virtual_servers}
    settings = {server.uuid: server for server in content.virtual_servers}
    return msgspec.structs.replace(
        host,
        workload_resource_groups=tuple({**before, **named}.values()),
        virtual_servers=tuple(_server(server, homes, settings) for server in host.virtual_servers),
    )


def _group(group: FileGroup, before: GroupCreate | None) -> GroupCreate:
    return GroupCreate(
        name=group.name,
        description=group.description,
        perf_policies=group.perf_policies,
        active_policy=_active(group, before) if group.schedule else group.active_policy,
        schedule=group.schedule or msgspec.UNSET,
        otherwise=group.otherwise if group.schedule else msgspec.UNSET,
    )


def _active(group: FileGroup, before: GroupCreate | None) -> str | msgspec.UnsetType | None:
    """Of a schedule, which is not played: the policy that was active, or else the one of most hours."""
    known = {policy.name for policy in group.perf_policies}
    if before is not None and before.active_policy in known:
        return before.active_policy
    return group.otherwise or group.schedule[0].policy


def _server(
    said: DescribedServer, homes: Mapping[str, str], settings: Mapping[str, FileServer]
) -> DescribedServer:
    if said.object_id is None:
        return said
    its = settings.get(said.object_id)
    if its is not None:
        said = msgspec.structs.replace(
            said, excluded=its.excluded, cpu_reserve=its.cpu_reserve, cpu_cap=its.cpu_cap,
            attributes={**said.attributes, **its.attributes},
        )  # fmt: skip
    home = homes.get(said.object_id or "", said.workload_resource_group)
    return msgspec.structs.replace(said, workload_resource_group=home)
