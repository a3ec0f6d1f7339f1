"""Performance policies one at a time, their revisions, and previews, on the wire."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ..policy.goals import Goal, Importance
from ..policy.policies import Description, Name, PerformancePolicy, ServiceClass

ServiceClasses = Annotated[tuple[ServiceClass, ...], msgspec.Meta(min_length=1, max_length=64)]


class PolicyDetail(msgspec.Struct, rename="kebab", tag="performance-policy", tag_field="class"):
    """A policy of a group: what it is, whether it is active, and who changed it last (see its revisions)."""

    object_uri: str
    workload_resource_group: str
    name: str
    description: str
    importance: Importance
    service_classes: tuple[ServiceClass, ...]
    active: bool
    revision: int
    changed_time: str | None
    changed_by: str | None


class PolicyList(msgspec.Struct, rename="kebab"):
    """A group's policies, in the group's order."""

    active_policy: str | None
    perf_policies: list[PolicyDetail]


class PolicyUpdate(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Changes of a policy; what is left out stays. `service-classes` replaces all classes. A new `name` is taken over
    by the active policy and by the schedule."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    description: Description | msgspec.UnsetType = msgspec.UNSET
    importance: Importance | msgspec.UnsetType = msgspec.UNSET
    service_classes: ServiceClasses | msgspec.UnsetType = msgspec.UNSET


class PolicyRevision(msgspec.Struct, rename="kebab"):
    """A policy as somebody left it; null: it was deleted then. Revisions are counted from 1 for each policy."""

    revision: int
    time: str
    user: str
    perf_policy: PerformancePolicy | None


class PolicyRevisionList(msgspec.Struct, rename="kebab"):
    """Revisions of a policy, newest first; the oldest of more than 100 are gone."""

    revisions: list[PolicyRevision]


class PreviewedServer(msgspec.Struct, rename="kebab"):
    """A virtual server under a policy that is not in force: what it would be, and its PI now and as projected.

    A PI is null where there is none (idle servers), or nothing was measured yet; `reason` says why a goal would be
    missed all the same, or why the server would be left alone.
    """

    virtual_server: str
    name: str
    service_class: str | None
    importance: Importance | None
    goal: Goal | None
    performance_index: float | None
    pi_projected: float | None
    cpu_shares: int | None
    shares_projected: int | None
    reason: str | None


class PreviewedClass(msgspec.Struct, rename="kebab"):
    """A service class of a policy that is not in force, and the servers that would fall in it."""

    name: str
    importance: Importance
    goal: Goal
    virtual_servers: list[str]


class Preview(msgspec.Struct, rename="kebab"):
    """What a policy would do if it were active: to the group's servers, and to the managed servers of other groups."""

    service_classes: list[PreviewedClass]
    virtual_servers: list[PreviewedServer]
    other_virtual_servers: list[PreviewedServer]
