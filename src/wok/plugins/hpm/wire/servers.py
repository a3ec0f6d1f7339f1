"""Virtual servers on the wire."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from ..policy.catalog import Attributes, Cpus
from ..policy.goals import Goal, Importance, TemporaryGoal
from .groups import ServerReference

GoalStatus: TypeAlias = Literal["met", "missed", "idle", "discretionary", "unmanaged", "paused"]
ServerStatus: TypeAlias = Literal["running", "paused", "shut-off"]


class ServerSummary(msgspec.Struct, rename="kebab", tag="virtual-server", tag_field="class"):
    """A virtual server in a list."""

    object_id: str
    object_uri: str
    name: str
    status: str
    workload_resource_group: str
    service_class: str | None
    goal_status: str
    performance_index: float | None


class ServerDetail(msgspec.Struct, rename="kebab", tag="virtual-server", tag_field="class"):
    """A virtual server, whole. CPUs in units of one host CPU, velocities in percent.

    `cpu-using` and `cpu-delay` are means over the last interval. `management` is ``managed`` or
    ``unmanaged``; then `management-reason` says why (``no-policy``, ``excluded``, ``not-running``,
    ``paused``, ``changed-by-administrator``, ``pinned``, ``own-quota``, ``real-time``, ``unreachable``). While a
    `temporary-goal` holds it is there, and is the `goal`.
    """

    object_id: str
    object_uri: str
    name: str
    status: str
    vcpus: int
    memory_mib: int
    workload_resource_group: str
    service_class: str | None
    importance: Importance | None
    goal: Goal | None
    management: str
    management_reason: str | None
    cpu_shares: int | None
    cpu_shares_original: int | None
    cpu_reserve: float | None
    cpu_cap: float | None
    excluded: bool
    cpu_using: float | None
    cpu_delay: float | None
    velocity: float | None
    performance_index: float | None
    goal_status: str
    attributes: dict[str, str | tuple[str, ...]]
    temporary_goal: TemporaryGoal | msgspec.UnsetType = msgspec.UNSET


class ServerList(msgspec.Struct, rename="kebab"):
    """Virtual servers in order of name. `snapshot-time` says how fresh the figures are; `problem`, if
    any, why they are not fresher. `next` is the URI of the rest, if a limit was asked for and there are more."""

    virtual_servers: list[ServerSummary]
    snapshot_time: str | None
    problem: str | None
    next: str | None = None


class ServerDetailList(msgspec.Struct, rename="kebab"):
    """Virtual servers, whole."""

    virtual_servers: list[ServerDetail]
    snapshot_time: str | None
    problem: str | None
    next: str | None = None


class ServerQuery(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Which virtual servers are wanted. `name` may have the wildcards ``*`` and ``?``, `workload-resource-group` is an
    id or URI, `after` the place that `next` of an answer before names; without a `limit` all are given."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=512)] | None = None
    workload_resource_group: ServerReference | None = None
    service_class: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    status: ServerStatus | None = None
    goal_status: GoalStatus | None = None
    management: Literal["managed", "unmanaged"] | None = None
    after: Annotated[str, msgspec.Meta(max_length=1024)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=10000)] | None = None


class ServerUpdate(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Changes of a virtual server; what is left out stays, null takes back.

    `release` true: manage the server again after an administrator changed its shares. A `temporary-goal` holds until
    its time, which lies ahead.
    """

    workload_resource_group: ServerReference | msgspec.UnsetType = msgspec.UNSET
    move: bool = False
    excluded: bool | msgspec.UnsetType = msgspec.UNSET
    cpu_reserve: Cpus | msgspec.UnsetType | None = msgspec.UNSET
    cpu_cap: Cpus | msgspec.UnsetType | None = msgspec.UNSET
    attributes: Attributes | msgspec.UnsetType = msgspec.UNSET
    temporary_goal: TemporaryGoal | msgspec.UnsetType | None = msgspec.UNSET
    release: bool = False


class Explanation(msgspec.Struct, rename="kebab"):
    """Why a virtual server is where it is: sentences for people, in the order of the reasoning, and the
    server itself for programs."""

    virtual_server: ServerDetail
    sentences: list[str]
