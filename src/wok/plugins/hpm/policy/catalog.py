"""The catalog: everything that administrators have told hpm, as one value.

Changing it gives a new catalog and leaves the old one as it was, so a request is either done whole or
not at all, and a reader never sees half of it. Whoever keeps a catalog (the manager) says when it is
in force.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, TypeAlias, get_args

import msgspec

from ..errors import Conflict, InvalidValue, NotFound, NotUnique
from .classification import Value
from .goals import TemporaryGoal
from .groups import DEFAULT_GROUP, Activation, WorkloadResourceGroup, check_group
from .guest_policies import NO_POLICY, GuestPolicy, check_guest_policy
from .partitions import ROOT, Partition, PartitionPath, check_partition, check_path, children_of, parent_of
from .schedule import scheduled

#: What an administrator may say of a virtual server for classification; name and UUID are facts.
Attribute: TypeAlias = Literal["title", "hostname", "os-type", "os-name", "os-level", "metadata"]
Attributes: TypeAlias = Annotated[dict[Attribute, Value], msgspec.Meta(
    extra_json_schema={"propertyNames": {"enum": list(get_args(Attribute))}},    # msgspec's schema forgets the keys
)]  # fmt: skip

class ServerSettings(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """What an administrator said of one virtual server. CPUs are counted in units of one host CPU; the time of a
    temporary goal is UTC with milliseconds, so that such times can be compared as texts. Its `guest_policy` does not
    say what stands here: reserve, cap and least memory (see `own_policy`)."""

    group: str = DEFAULT_GROUP
    excluded: bool = False
    cpu_reserve: float | None = None
    cpu_cap: float | None = None
    attributes: Attributes = {}
    temporary_goal: TemporaryGoal | None = None
    memory_minimum_mib: int | None = None
    guest_policy: GuestPolicy = NO_POLICY
    partition: PartitionPath | None = None

    @property
    def own_policy(self) -> GuestPolicy:
        """The server's guest policy, whole."""
        return msgspec.structs.replace(
            self.guest_policy, cpu_reserve=self.cpu_reserve, cpu_cap=self.cpu_cap,
            memory_minimum_mib=self.memory_minimum_mib,
        )  # fmt: skip

    def with_policy(self, policy: GuestPolicy) -> ServerSettings:
        """The settings with another guest policy of the server."""
        rest = msgspec.structs.replace(policy, cpu_reserve=None, cpu_cap=None, memory_minimum_mib=None)
        return msgspec.structs.replace(
            self, guest_policy=rest, cpu_reserve=policy.cpu_reserve, cpu_cap=policy.cpu_cap,
            memory_minimum_mib=policy.memory_minimum_mib,
        )  # fmt: skip


NO_SETTINGS = ServerSettings()


class Catalog(msgspec.Struct, frozen=True):
    """All groups by id, the settings of virtual servers by UUID (absent: `NO_SETTINGS`), and the partitions that are
    defined, by path."""

    generation: int
    groups: Mapping[str, WorkloadResourceGroup]
    servers: Mapping[str, ServerSettings]
    partitions: Mapping[str, Partition] = {}

    def group(self, group_id: str) -> WorkloadResourceGroup:
        """The group of that id. Raises `NotFound`."""
        try:
            return self.groups[group_id]
        except KeyError:
            raise NotFound(f"there is no workload resource group with id {group_id!r}") from None

    def settings(self, uuid: str) -> ServerSettings:
        """What was said of a virtual server."""
        return self.servers.get(uuid, NO_SETTINGS)

    def partition_at_start(self, uuid: str) -> str | None:
        """The partition that hpm starts a server in: its own, or its group's; None: as its definition says."""
        said = self.settings(uuid)
        return said.partition or self.groups[said.group].partition

    def members(self, group_id: str) -> list[str]:
        """UUIDs of the servers that were put in that group, sorted (not those of `default`)."""
        return sorted(uuid for uuid, said in self.servers.items() if said.group == group_id)

    # -- changes: each gives a new catalog, or raises and leaves everything as it was

    def with_group(self, group: WorkloadResourceGroup) -> Catalog:
        """Add or replace a group. Raises `InvalidValue`, `NotUnique`."""
        check_group(group)
        if not group.is_default and group.name.casefold() == DEFAULT_GROUP:
            raise NotUnique(f"the name {group.name!r} is that of the group default; choose another name", "name")
        for other in self.groups.values():
            if other.id != group.id and other.name == group.name:
                raise NotUnique(f"there is a group named {group.name!r} already; choose another name", "name")
        if group.partition is not None:
            check_known_partition(group.partition, self.partitions, "partition")
        return self._next(groups={**self.groups, group.id: group})

    def without_group(self, group_id: str) -> Catalog:
        """Delete a group; its servers go to `default`. Raises `NotFound`, `Conflict`."""
        if self.group(group_id).is_default:
            raise Conflict("the group default always exists and cannot be deleted")
        servers = {
            uuid: msgspec.structs.replace(said, group=DEFAULT_GROUP) if said.group == group_id else said
            for uuid, said in self.servers.items()
        }
        groups = {key: group for key, group in self.groups.items() if key != group_id}
        return self._next(groups=groups, servers=servers)

    def with_members(self, group_id: str, uuids: Iterable[str], *, move: bool) -> Catalog:
        """Put servers in a group. Without `move`, one that is in another group than `default` is a
        `Conflict`. Raises `NotFound` for an unknown group."""
        self.group(group_id)
        servers = dict(self.servers)
        for uuid in uuids:
            said = self.settings(uuid)
            if said.group not in (group_id, DEFAULT_GROUP) and not move:
                other = self.groups[said.group].name
                raise Conflict(f"virtual server {uuid} is in group {other!r}; say move to take it from there")
            servers[uuid] = msgspec.structs.replace(said, group=group_id)
        return self._next(servers=servers)

    def without_members(self, group_id: str, uuids: Iterable[str]) -> Catalog:
        """Take servers out of a group; they go to `default`. Raises `NotFound`, `Conflict`."""
        if self.group(group_id).is_default:
            raise Conflict("servers leave the group default only by being put in another one")
        servers = dict(self.servers)
        for uuid in uuids:
            said = self.settings(uuid)
            if said.group != group_id:
                raise Conflict(f"virtual server {uuid} is not in group {self.groups[group_id].name!r}")
            servers[uuid] = msgspec.structs.replace(said, group=DEFAULT_GROUP)
        return self._next(servers=servers)

    def with_settings(self, uuid: str, settings: ServerSettings) -> Catalog:
        """Set what is said of one virtual server. Raises `NotFound`, `InvalidValue`."""
        self.group(settings.group)
        check_guest_policy(settings.own_policy)
        if settings.partition is not None and settings.partition != self.settings(uuid).partition:
            check_known_partition(settings.partition, {ROOT: None, **self.partitions}, "partition")
        return self._next(servers={**self.servers, uuid: settings})

    def with_partition(self, partition: Partition) -> Catalog:
        """Define a partition, or change its definition. Raises `InvalidValue`, `NotUnique`."""
        check_partition(partition)
        if partition.path == ROOT:
            raise InvalidValue(f"{ROOT} always exists and is not defined; define one below it", "path")
        check_known_partition(parent_of(partition.path) or ROOT, {ROOT: None, **self.partitions}, "path")
        return self._next(partitions={**self.partitions, partition.path: partition})

    def without_partition(self, path: str) -> Catalog:
        """Forget a partition. Raises `NotFound`, `Conflict` where something refers to it."""
        if path not in self.partitions:
            raise NotFound(f"no partition {path} is defined")
        inside = children_of(path, self.partitions)
        if inside:
            raise Conflict(f"the partition {path} stays: {', '.join(inside)} stand in it; undefine these first")
        backed = sorted(group.name for group in self.groups.values() if group.partition == path)
        if backed:
            raise Conflict(f"the partition {path} stays: the group {', '.join(map(repr, backed))} is backed by it")
        wanted = sorted(uuid for uuid, said in self.servers.items() if said.partition == path)
        if wanted:
            more = f" and {len(wanted) - 5} more" if len(wanted) > 5 else ""
            names = ", ".join(wanted[:5]) + more
            raise Conflict(f"the partition {path} stays: virtual server {names} is to start in it")
        return self._next(partitions={key: one for key, one in self.partitions.items() if key != path})

    # -- what time changes

    def at(self, weekday: int, minute: int, now: str) -> Catalog:
        """The catalog as it is to be at that time of the host: schedules activate policies, temporary goals end.

        `weekday` 0 is Monday, `minute` is that of the day; `now` is UTC in the form of `TemporaryGoal.until`. A
        schedule acts when it wants another policy than before: what was activated by hand holds until then. Gives
        this very catalog where nothing is to change.
        """
        groups: dict[str, WorkloadResourceGroup] = {}
        for group in self.groups.values():
            wanted = scheduled(group.schedule, group.otherwise, weekday, minute)
            if group.schedule and Activation(wanted) != group.scheduled:
                groups[group.id] = msgspec.structs.replace(group, active_policy=wanted, scheduled=Activation(wanted))
        servers = {
            uuid: msgspec.structs.replace(said, temporary_goal=None)
            for uuid, said in self.servers.items()
            if said.temporary_goal is not None and said.temporary_goal.until <= now
        }
        if not groups and not servers:
            return self
        return self._next(groups={**self.groups, **groups}, servers={**self.servers, **servers})

    def next_end(self) -> str | None:
        """When the next temporary goal ends; None: there is none."""
        ends = [said.temporary_goal.until for said in self.servers.values() if said.temporary_goal is not None]
        return min(ends, default=None)

    def _next(
        self,
        groups: Mapping[str, WorkloadResourceGroup] | None = None,
        servers: Mapping[str, ServerSettings] | None = None,
        partitions: Mapping[str, Partition] | None = None,
    ) -> Catalog:
        kept = {
            uuid: said
            for uuid, said in (self.servers if servers is None else servers).items()
            if said != NO_SETTINGS
        }
        return Catalog(
            self.generation + 1, self.groups if groups is None else groups, kept,
            self.partitions if partitions is None else partitions,
        )  # fmt: skip


def check_known_partition(path: str, known: Mapping[str, object], field: str) -> None:
    """Raise `InvalidValue` unless it is one of the partitions that are known."""
    check_path(path, field)
    if path not in known:
        there = ", ".join(sorted(known)) or "none yet"
        raise InvalidValue(f"no partition {path} is defined (there are: {there}); define it first", field)


def empty_catalog() -> Catalog:
    """The catalog of a host that nobody has told anything: the group `default`, unmanaged."""
    default = WorkloadResourceGroup(
        id=DEFAULT_GROUP, name="default", description="Virtual servers that were put in no other group."
    )
    return Catalog(0, {DEFAULT_GROUP: default}, {})
