"""What differs between two catalogs, in words: for people to read before they agree, and for programs as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from ..catalog import Catalog, ServerSettings
from ..classification import describe
from ..goals import VelocityGoal
from ..groups import WorkloadResourceGroup
from ..guest_policies import GuestPolicy
from ..guest_words import said as in_words
from ..partitions import Partition
from ..policies import PerformancePolicy, ServiceClass
from ..schedule import DAYS, ScheduleEntry
from .content import members_by_group

Kind: TypeAlias = Literal["created", "changed", "deleted", "unchanged"]

#: Gives the name of a group by its id.
Names: TypeAlias = Callable[[str], str]
#: Fields of one thing, in words.
Words: TypeAlias = Mapping[str, "str | None"]


class FieldDifference(msgspec.Struct, frozen=True, rename="kebab"):
    """One field, before and after, in words.

    field: The name of the field.
    before: What it was; null: nothing.
    after: What it is; null: nothing.
    """

    field: str
    before: str | None
    after: str | None


class ClassDifference(msgspec.Struct, frozen=True, rename="kebab"):
    """A service class of a changed policy.

    name: The name of the class.
    change: What became of it.
    fields: What is another than before, where it is changed.
    """

    name: str
    change: Kind
    fields: tuple[FieldDifference, ...] = ()


class PolicyDifference(msgspec.Struct, frozen=True, rename="kebab"):
    """A policy of a group.

    name: The name of the policy.
    change: What became of it.
    fields: What is another than before, where it is changed.
    service-classes: Its classes that are others than before, where it is changed.
    """

    name: str
    change: Kind
    fields: tuple[FieldDifference, ...] = ()
    service_classes: tuple[ClassDifference, ...] = ()


class GroupDifference(msgspec.Struct, frozen=True, rename="kebab"):
    """A group, before and after.

    name: The name of the group.
    change: What became of it.
    fields: What is another than before, where it is changed.
    perf-policies: Its policies that are others than before.
    servers-added: UUIDs of servers that were put in it.
    servers-removed: UUIDs of servers that left it.
    """

    name: str
    change: Kind
    fields: tuple[FieldDifference, ...] = ()
    perf_policies: tuple[PolicyDifference, ...] = ()
    servers_added: tuple[str, ...] = ()
    servers_removed: tuple[str, ...] = ()


class ServerDifference(msgspec.Struct, frozen=True, rename="kebab"):
    """A virtual server of which something else is said (besides its group).

    uuid: Its UUID.
    fields: What is another than before.
    """

    uuid: str
    fields: tuple[FieldDifference, ...]


class PartitionDifference(msgspec.Struct, frozen=True, rename="kebab"):
    """A partition whose definition is another than before.

    path: Its path.
    change: What became of it.
    fields: What is another than before.
    """

    path: str
    change: Kind
    fields: tuple[FieldDifference, ...] = ()


class Difference(msgspec.Struct, frozen=True, rename="kebab"):
    """All groups of both, by name, `default` last; the servers of which something else is said; and the partitions that
    are others than before."""

    workload_resource_groups: tuple[GroupDifference, ...]
    virtual_servers: tuple[ServerDifference, ...]
    partitions: tuple[PartitionDifference, ...]


def difference(before: Catalog, after: Catalog) -> Difference:
    """What changed. Groups are the same by id."""
    groups = {**before.groups, **after.groups}
    was, now = members_by_group(before), members_by_group(after)

    def names(group_id: str) -> str:
        return groups[group_id].name if group_id in groups else group_id

    told = [
        _group(before.groups.get(key), after.groups.get(key), was.get(key, ()), now.get(key, ()), names)
        for key in sorted(groups, key=lambda key: (groups[key].is_default, groups[key].name))
    ]
    return Difference(tuple(told), tuple(_servers(before, after, names)), tuple(_partitions(before, after)))


def _group(
    old: WorkloadResourceGroup | None, new: WorkloadResourceGroup | None, was: Sequence[str], now: Sequence[str],
    names: Names,
) -> GroupDifference:  # fmt: skip
    one = new or old
    assert one is not None
    fields = _fields(_of_group(old, names), _of_group(new, names))
    old_policies, new_policies = (group.perf_policies if group else () for group in (old, new))
    policies = [_policy(name, a, b, names) for name, a, b in _paired(old_policies, new_policies) if a != b]
    fields += _order("order of perf-policies", old_policies, new_policies)
    held, held_now = set(was), set(now)
    found = GroupDifference(
        one.name, "unchanged", tuple(fields), tuple(policies),
        tuple(u for u in now if u not in held), tuple(u for u in was if u not in held_now),
    )  # fmt: skip
    if old is None:
        return msgspec.structs.replace(found, change="created")
    if new is None:
        return GroupDifference(one.name, "deleted", perf_policies=found.perf_policies, servers_removed=tuple(was))
    nothing = GroupDifference(one.name, "unchanged")
    return found if found == nothing else msgspec.structs.replace(found, change="changed")


def _policy(
    name: str, old: PerformancePolicy | None, new: PerformancePolicy | None, names: Names
) -> PolicyDifference:
    if old is None or new is None:
        return PolicyDifference(name, "created" if old is None else "deleted")
    fields = _fields(_of_policy(old), _of_policy(new))
    fields += _order("order of service-classes", old.service_classes, new.service_classes)
    classes = [
        _class(class_name, a, b, names)
        for class_name, a, b in _paired(old.service_classes, new.service_classes)
        if a != b
    ]
    return PolicyDifference(name, "changed", tuple(fields), tuple(classes))


def _class(name: str, old: ServiceClass | None, new: ServiceClass | None, names: Names) -> ClassDifference:
    if new is None:
        return ClassDifference(name, "deleted")
    fields = _fields(_of_class(old, names), _of_class(new, names))
    return ClassDifference(name, "created" if old is None else "changed", tuple(fields))


def _servers(before: Catalog, after: Catalog, names: Names) -> Iterator[ServerDifference]:
    for uuid in sorted({**before.servers, **after.servers}):
        was, now = before.settings(uuid), after.settings(uuid)
        fields = _fields(_of_server(was, names), _of_server(now, names))
        if fields:
            yield ServerDifference(uuid, tuple(fields))


def _partitions(before: Catalog, after: Catalog) -> Iterator[PartitionDifference]:
    for path in sorted({**before.partitions, **after.partitions}):
        old, new = before.partitions.get(path), after.partitions.get(path)
        if old == new:
            continue
        change: Kind = "created" if old is None else "deleted" if new is None else "changed"
        fields = [] if new is None else _fields(_of_partition(old), _of_partition(new))
        yield PartitionDifference(path, change, tuple(fields))


# -- fields in words; what is empty is not told


def _of_group(group: WorkloadResourceGroup | None, names: Names) -> Words:
    if group is None:
        return {}
    return {
        "description": group.description, "active-policy": group.active_policy, "schedule": _schedule(group),
        "partition": group.partition,
        **_guest(group.guest_policy, names),
    }  # fmt: skip


def _of_policy(policy: PerformancePolicy) -> Words:
    return {"importance": policy.importance, "description": policy.description}


def _of_class(service_class: ServiceClass | None, names: Names) -> Words:
    if service_class is None:
        return {}
    rule, goal = service_class.classification, service_class.goal
    return {
        "goal": f"velocity {goal.velocity}" if isinstance(goal, VelocityGoal) else "discretionary",
        "classification": "all that are left" if rule is None else describe(rule),
        "importance": service_class.importance,
        "description": service_class.description,
        **_guest(service_class.guest_policy, names),
    }


def _of_server(said: ServerSettings, names: Names) -> Words:
    numbers = {"cpu-reserve": said.cpu_reserve, "cpu-cap": said.cpu_cap, "memory-minimum-mib": said.memory_minimum_mib}
    return {
        "excluded": "true" if said.excluded else None,
        **{name: None if value is None else f"{value:.15g}" for name, value in numbers.items()},
        **{f"attributes.{name}": value for name, value in sorted(said.attributes.items())},
        "partition": said.partition,
        **_guest(said.guest_policy, names),
    }


def _guest(policy: GuestPolicy, names: Names) -> Words:
    return {f"guest-policy.{name}": text for name, text in in_words(policy, names).items()}


def _of_partition(partition: Partition | None) -> Words:
    if partition is None:
        return {}
    found: dict[str, str | None] = {
        "description": partition.description, "autostart": None if partition.autostart else "false",
        "reserve": None if partition.reserve is None else f"{partition.reserve:.15g}",
    }  # fmt: skip
    for group, values in msgspec.to_builtins(partition.parameters).items():
        for name, value in values.items():
            if name != "devices":
                found[f"{group}.{name}"] = None if value is None else str(value)
    for one in partition.parameters.blkio.devices:
        limits = msgspec.to_builtins(one)
        told = ", ".join(f"{name} {value}" for name, value in limits.items() if name != "device" and value is not None)
        found[f"blkio.devices {one.device}"] = told or "no limit"
    return found


def _schedule(group: WorkloadResourceGroup) -> str | None:
    if not group.schedule:
        return None
    return "; ".join([*map(_entry, group.schedule), f"otherwise {group.otherwise or 'no policy'}"])


def _entry(entry: ScheduleEntry) -> str:
    days = "every day" if set(entry.days) == set(DAYS) else " ".join(entry.days)
    return f"{days} {entry.from_} to {entry.to} {entry.policy}"


# -- comparing


def _fields(before: Words, after: Words) -> list[FieldDifference]:
    pairs = ((name, before.get(name) or None, after.get(name) or None) for name in {**before, **after})
    return [FieldDifference(name, old, new) for name, old, new in pairs if old != new]


def _paired(old: Sequence[Any], new: Sequence[Any]) -> Iterator[tuple[str, Any, Any]]:
    """Things of one name, in the new order; then those that are gone."""
    was, now = {one.name: one for one in old}, {one.name: one for one in new}
    for name in (*now, *(name for name in was if name not in now)):
        yield name, was.get(name), now.get(name)


def _order(field: str, old: Sequence[Any], new: Sequence[Any]) -> list[FieldDifference]:
    """A field for the order of what is in both, if that changed."""
    was, now = [one.name for one in old], [one.name for one in new]
    before, after = [n for n in was if n in now], [n for n in now if n in was]
    return [] if before == after else [FieldDifference(field, ", ".join(before), ", ".join(after))]

