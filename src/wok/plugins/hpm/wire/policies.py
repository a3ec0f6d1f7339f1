"""Performance policies one at a time, their revisions, and previews, on the wire."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ..policy.goals import Goal, Importance
from ..policy.names import Description, Name
from ..policy.policies import PerformancePolicy, ServiceClass
from .words import GroupReference, GroupUri, PerformanceIndex, ServerReference, ServerUri, Time, Uri

ServiceClasses = Annotated[tuple[ServiceClass, ...], msgspec.Meta(min_length=1, max_length=64)]


class PolicyDetail(msgspec.Struct, rename="kebab", tag="performance-policy", tag_field="class"):
    """A policy of a group.

    name: The name of the policy; no other policy of the group has it.
    description: What an administrator wrote about it.
    importance: The business importance: goals of a higher one are met first.
    service-classes: In order: the first class whose rule matches takes a server; the last one takes all that are left.
    active: Whether it is the group's active policy.
    revision: The number of its newest revision; 0: it was never changed since revisions are kept.
    changed-time: When it was changed last, RFC 3339 in UTC; null: not known.
    changed-by: The user who changed it last; null: not known.
    """

    object_uri: Uri
    workload_resource_group: GroupUri
    name: str
    description: str
    importance: Importance
    service_classes: tuple[ServiceClass, ...]
    active: bool
    revision: int
    changed_time: Time | None
    changed_by: str | None


class PolicyList(msgspec.Struct, rename="kebab"):
    """A group's policies.

    active-policy: The name of the active policy; null: none, the group is unmanaged.
    perf-policies: In the group's order.
    """

    active_policy: str | None
    perf_policies: list[PolicyDetail]


class PolicyUpdate(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Changes of a policy; what is left out stays.

    name: A new name, which the active policy and the schedule take over.
    description: A new description.
    importance: Another business importance.
    service-classes: All its classes, instead of those that it has.
    """

    name: Name | msgspec.UnsetType = msgspec.UNSET
    description: Description | msgspec.UnsetType = msgspec.UNSET
    importance: Importance | msgspec.UnsetType = msgspec.UNSET
    service_classes: ServiceClasses | msgspec.UnsetType = msgspec.UNSET


class PolicyRevision(msgspec.Struct, rename="kebab"):
    """A policy as somebody left it.

    revision: Its number; revisions are counted from 1 for each policy.
    time: When it was changed, RFC 3339 in UTC.
    user: Who changed it.
    perf-policy: What it was from then on; null: it was deleted then.
    """

    revision: int
    time: Time
    user: str
    perf_policy: PerformancePolicy | None


class PolicyRevisionList(msgspec.Struct, rename="kebab"):
    """Revisions of a policy. They outlive it, so that a deleted policy can be restored.

    revisions: Newest first; the oldest of more than 100 are gone.
    """

    revisions: list[PolicyRevision]


class GroupPreview(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """A group as it might be.

    workload-resource-group: The id or URI of the group; null: one that does not exist yet.
    virtual-servers: The UUIDs or URIs of all servers that it would have, up to 10000; one that it has now and is not
        among them would go to `default`. Left out: those that it has now.
    perf-policy: The policy that would be active, which need not be there; null: none, it would be unmanaged.
    """

    workload_resource_group: GroupReference | None = None
    virtual_servers: Annotated[tuple[ServerReference, ...], msgspec.Meta(max_length=10000)] | msgspec.UnsetType = (
        msgspec.UNSET
    )
    perf_policy: PerformancePolicy | None = None


class PreviewedServer(msgspec.Struct, rename="kebab"):
    """A virtual server under a policy that is not in force: what it would be, and its PI now and as projected.

    name: The name of the virtual server.
    service-class: The service class that would take it; null: its group is unmanaged.
    importance: Its business importance then; null: its group is unmanaged.
    goal: Its goal then; null: its group is unmanaged.
    performance-index: With that goal, as it runs now; null: idle, or not measured yet.
    pi-projected: The performance index that is expected; null: idle, or not measured yet.
    cpu-shares: CPU shares now; null: it does not run, or they cannot be read.
    shares-projected: CPU shares that it would have; null: it would be left alone, or does not run.
    reason: Why its goal would be missed all the same, or why it would be left alone; null: neither.
    """

    virtual_server: ServerUri
    name: str
    service_class: str | None
    importance: Importance | None
    goal: Goal | None
    performance_index: PerformanceIndex
    pi_projected: PerformanceIndex
    cpu_shares: int | None
    shares_projected: int | None
    reason: str | None


class PreviewedClass(msgspec.Struct, rename="kebab"):
    """A service class of a policy that is not in force.

    name: The name of the class.
    importance: The business importance: its own, or that of the policy.
    goal: What its servers would have.
    virtual-servers: The URIs of the servers that would fall in it.
    """

    name: str
    importance: Importance
    goal: Goal
    virtual_servers: list[ServerUri]


class Preview(msgspec.Struct, rename="kebab"):
    """What a policy would do if it were active.

    service-classes: Its classes in order, with the servers that would fall in each.
    virtual-servers: The group's servers, in order of their names.
    other-virtual-servers: The managed servers of other groups, in order of their names.
    """

    service_classes: list[PreviewedClass]
    virtual_servers: list[PreviewedServer]
    other_virtual_servers: list[PreviewedServer]
