"""Workload resource groups on the wire."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from ..policy.goals import Goal, Importance
from ..policy.groups import Policies
from ..policy.policies import Description, Name, PerformancePolicy
from ..policy.schedule import Schedule, ScheduleEntry


class GroupSummary(msgspec.Struct, rename="kebab", tag="workload-resource-group", tag_field="class"):
    """A group in a list."""

    object_id: str
    object_uri: str
    name: str
    description: str
    is_default: bool
    active_policy: str | None
    importance: Importance | None
    virtual_server_count: int
    performance_index: float | None
    goal_status: str


class GroupDetail(msgspec.Struct, rename="kebab", tag="workload-resource-group", tag_field="class"):
    """A group, whole; `schedule` and `otherwise` are there where it has a schedule."""

    object_id: str
    object_uri: str
    name: str
    description: str
    is_default: bool
    virtual_servers: list[str]
    active_policy: str | None
    perf_policies: tuple[PerformancePolicy, ...]
    schedule: tuple[ScheduleEntry, ...] | msgspec.UnsetType = msgspec.UNSET
    otherwise: str | msgspec.UnsetType | None = msgspec.UNSET


class GroupList(msgspec.Struct, rename="kebab"):
    """Groups in order of name, `default` last. `next` is the URI of the rest, if a limit was asked for and there are
    more."""

    workload_resource_groups: list[GroupSummary]
    next: str | None = None


class GroupDetailList(msgspec.Struct, rename="kebab"):
    """Groups, whole."""

    workload_resource_groups: list[GroupDetail]
    next: str | None = None


class GroupQuery(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Which groups are wanted. `name` may have the wildcards ``*`` and ``?``, `after` is the place that `next` of an
    answer before names; without a `limit` all are given."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=512)] | None = None
    after: Annotated[str, msgspec.Meta(max_length=1024)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=10000)] | None = None


class GroupCreate(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """A new group. Without `active-policy`, the first of `perf-policies` (if any) is active."""

    name: Name
    description: Description = ""
    perf_policies: Policies = ()
    active_policy: str | msgspec.UnsetType | None = msgspec.UNSET
    schedule: Schedule | msgspec.UnsetType = msgspec.UNSET
    otherwise: str | msgspec.UnsetType | None = msgspec.UNSET


class GroupUpdate(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Changes of a group; what is left out stays. `perf-policies` replaces all policies, `schedule` all entries
    (none: policies are activated by hand only)."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    description: Description | msgspec.UnsetType = msgspec.UNSET
    perf_policies: Policies | msgspec.UnsetType = msgspec.UNSET
    active_policy: str | msgspec.UnsetType | None = msgspec.UNSET
    schedule: Schedule | msgspec.UnsetType = msgspec.UNSET
    otherwise: str | msgspec.UnsetType | None = msgspec.UNSET


ServerReference = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]


class AddServers(msgspec.Struct, rename="kebab", forbid_unknown_fields=True,
                 tag="add-virtual-servers", tag_field="action"):  # fmt: skip
    """Put virtual servers (by id or URI) in the group; with `move`, also those of another group."""

    virtual_servers: Annotated[tuple[ServerReference, ...], msgspec.Meta(min_length=1, max_length=10000)]
    move: bool = False


class RemoveServers(msgspec.Struct, rename="kebab", forbid_unknown_fields=True,
                    tag="remove-virtual-servers", tag_field="action"):  # fmt: skip
    """Take virtual servers (by id or URI) out of the group; they go to `default`."""

    virtual_servers: Annotated[tuple[ServerReference, ...], msgspec.Meta(min_length=1, max_length=10000)]


class ActivatePolicy(msgspec.Struct, rename="kebab", forbid_unknown_fields=True,
                     tag="activate-policy", tag_field="action"):  # fmt: skip
    """Make one of the group's policies the active one; null leaves the group unmanaged."""

    policy: str | None


GroupAction: TypeAlias = AddServers | RemoveServers | ActivatePolicy


class ServiceClassState(msgspec.Struct, rename="kebab", tag="service-class", tag_field="class"):
    """A service class of the active policy, and how its members fare (over the last interval)."""

    name: str
    object_uri: str
    policy: str
    importance: Importance
    goal: Goal
    virtual_servers: list[str]
    velocity: float | None
    performance_index: float | None
    goal_status: str


class ServiceClassList(msgspec.Struct, rename="kebab"):
    """The active policy's classes in order; empty for an unmanaged group."""

    active_policy: str | None
    service_classes: list[ServiceClassState]
