"""Workload resource groups on the wire."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from ..policy.goals import Goal, Importance
from ..policy.groups import Policies
from ..policy.guest_policies import GuestPolicy
from ..policy.names import Description, Name
from ..policy.partitions import PartitionPath
from ..policy.policies import PerformancePolicy
from ..policy.schedule import Schedule, ScheduleEntry
from .starts import StartServers, StopServers
from .words import (
    After,
    GoalStatus,
    Limit,
    NamePattern,
    Next,
    PerformanceIndex,
    ServerReference,
    ServerUri,
    Uri,
    Velocity,
)


class GroupSummary(msgspec.Struct, rename="kebab", tag="workload-resource-group", tag_field="class"):
    """A group in a list.

    object-id: The id of the group: a UUID or `default`.
    name: The name of the group; no other group has it.
    description: What an administrator wrote about it.
    is-default: Whether it is the group `default`, which always exists and takes servers that were put nowhere.
    active-policy: The name of the active policy; null: none, the group is unmanaged.
    importance: The business importance of the active policy; null: none is active.
    virtual-server-count: How many virtual servers of this host are in it.
    performance-index: That of its worst service class; null: none has one.
    goal-status: That of its worst service class.
    """

    object_id: str
    object_uri: Uri
    name: str
    description: str
    is_default: bool
    active_policy: str | None
    importance: Importance | None
    virtual_server_count: int
    performance_index: PerformanceIndex
    goal_status: GoalStatus


class GroupDetail(msgspec.Struct, rename="kebab", tag="workload-resource-group", tag_field="class"):
    """A group, whole; `schedule` and `otherwise` are there where it has a schedule, `guest-policy` where it says
    anything.

    object-id: The id of the group: a UUID or `default`.
    name: The name of the group; no other group has it.
    description: What an administrator wrote about it.
    is-default: Whether it is the group `default`, which always exists and takes servers that were put nowhere.
    virtual-servers: The URIs of its virtual servers, in order of their names; then of those that this host does not
        have now.
    active-policy: The name of the active policy; null: none, the group is unmanaged.
    perf-policies: Its performance policies, in the order in which they were given.
    schedule: Days and hours of its policies; the first entry that holds says which policy is active.
    otherwise: The policy where no entry holds; null: none, the group is unmanaged then.
    partition: The partition that its servers should stand in, such as `/machine/gold`. Left out: none.
    virtual-servers-elsewhere: The URIs of its servers that run and do not stand there. Left out: there is no partition.
    guest-policy: How its servers are placed, weighed, limited and started, where neither they themselves nor their
        service class say otherwise.
    """

    object_id: str
    object_uri: Uri
    name: str
    description: str
    is_default: bool
    virtual_servers: list[ServerUri]
    active_policy: str | None
    perf_policies: tuple[PerformancePolicy, ...]
    schedule: tuple[ScheduleEntry, ...] | msgspec.UnsetType = msgspec.UNSET
    otherwise: str | msgspec.UnsetType | None = msgspec.UNSET
    partition: str | msgspec.UnsetType = msgspec.UNSET
    virtual_servers_elsewhere: list[ServerUri] | msgspec.UnsetType = msgspec.UNSET
    guest_policy: GuestPolicy | msgspec.UnsetType = msgspec.UNSET


class GroupList(msgspec.Struct, rename="kebab"):
    """Groups in short.

    workload-resource-groups: In order of name, `default` last.
    """

    workload_resource_groups: list[GroupSummary]
    next: Next = None


class GroupDetailList(msgspec.Struct, rename="kebab"):
    """Groups, whole.

    workload-resource-groups: In order of name, `default` last.
    """

    workload_resource_groups: list[GroupDetail]
    next: Next = None


class GroupQuery(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Which groups are wanted."""

    name: NamePattern | None = None
    after: After | None = None
    limit: Limit | None = None


class GroupCreate(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """A new group.

    name: 1 to 64 characters, none of them a slash or a control character, no blanks at the ends; no other group has it.
    description: Up to 1024 characters, none of them a control character.
    perf-policies: Up to 64 policies, each with a name of its own.
    active-policy: The name of one of them; null: none. Left out: the first one, if there is any.
    schedule: Days and hours of the policies; left out: they are activated by hand only.
    otherwise: The policy where no entry of the schedule holds; null: none.
    partition: A partition that is defined and that its servers should stand in; null: none.
    guest-policy: How its servers are placed, weighed, limited and started, where neither they themselves nor their
        service class say otherwise.
    """

    name: Name
    description: Description = ""
    perf_policies: Policies = ()
    active_policy: str | msgspec.UnsetType | None = msgspec.UNSET
    schedule: Schedule | msgspec.UnsetType = msgspec.UNSET
    otherwise: str | msgspec.UnsetType | None = msgspec.UNSET
    partition: PartitionPath | msgspec.UnsetType | None = msgspec.UNSET
    guest_policy: GuestPolicy | msgspec.UnsetType = msgspec.UNSET


class GroupUpdate(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Changes of a group; what is left out stays.

    name: A new name; not for several groups at once.
    description: A new description.
    perf-policies: All its policies, instead of those that it has.
    active-policy: The name of the policy to be active; null: none. Left out where policies are replaced: the same
        name stays active if it is still there, and the first one becomes active if there were none before.
    schedule: All entries, instead of those that it has; none: policies are activated by hand only.
    otherwise: The policy where no entry of the schedule holds; null: none.
    partition: A partition that is defined and that its servers should stand in; null: none.
    guest-policy: Another guest policy, whole, instead of the one that it has.
    """

    name: Name | msgspec.UnsetType = msgspec.UNSET
    description: Description | msgspec.UnsetType = msgspec.UNSET
    perf_policies: Policies | msgspec.UnsetType = msgspec.UNSET
    active_policy: str | msgspec.UnsetType | None = msgspec.UNSET
    schedule: Schedule | msgspec.UnsetType = msgspec.UNSET
    otherwise: str | msgspec.UnsetType | None = msgspec.UNSET
    partition: PartitionPath | msgspec.UnsetType | None = msgspec.UNSET
    guest_policy: GuestPolicy | msgspec.UnsetType = msgspec.UNSET


class AddServers(msgspec.Struct, rename="kebab", forbid_unknown_fields=True,
                 tag="add-virtual-servers", tag_field="action"):  # fmt: skip
    """Put virtual servers in the group.

    virtual-servers: Their UUIDs or URIs, 1 to 10000.
    move: Take them also from another group than `default`; else that is refused (409).
    """

    virtual_servers: Annotated[tuple[ServerReference, ...], msgspec.Meta(min_length=1, max_length=10000)]
    move: bool = False


class RemoveServers(msgspec.Struct, rename="kebab", forbid_unknown_fields=True,
                    tag="remove-virtual-servers", tag_field="action"):  # fmt: skip
    """Take virtual servers out of the group; they go to `default`.

    virtual-servers: Their UUIDs or URIs, 1 to 10000.
    """

    virtual_servers: Annotated[tuple[ServerReference, ...], msgspec.Meta(min_length=1, max_length=10000)]


class ActivatePolicy(msgspec.Struct, rename="kebab", forbid_unknown_fields=True,
                     tag="activate-policy", tag_field="action"):  # fmt: skip
    """Make one of the group's policies the active one.

    policy: Its name; null: none, which leaves the group unmanaged.
    """

    policy: str | None


GroupAction: TypeAlias = AddServers | RemoveServers | ActivatePolicy | StartServers | StopServers


class ServiceClassState(msgspec.Struct, rename="kebab", tag="service-class", tag_field="class"):
    """A service class of the active policy, and how its members fare (over the last interval).

    name: The name of the class.
    policy: The name of the active policy.
    importance: The business importance: its own, or that of the policy.
    goal: What its servers shall have.
    virtual-servers: The URIs of the servers that it takes, in order of their names.
    velocity: Of all its busy members together, in percent; null: all are idle.
    performance-index: From the sums of its busy members; null: all are idle.
    """

    name: str
    object_uri: Uri
    policy: str
    importance: Importance
    goal: Goal
    virtual_servers: list[ServerUri]
    velocity: Velocity
    performance_index: PerformanceIndex
    goal_status: GoalStatus


class ServiceClassList(msgspec.Struct, rename="kebab"):
    """The active policy's classes.

    active-policy: The name of the active policy; null: none, the group is unmanaged.
    service-classes: In the order of the policy, which is the order in which they take servers.
    """

    active_policy: str | None
    service_classes: list[ServiceClassState]
