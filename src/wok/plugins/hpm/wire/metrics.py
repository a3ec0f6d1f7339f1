"""Metrics as the API gives them: figures by the metric's name, each described by what gives it (`engine.metrics`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from ..engine.metrics import groups, host, servers
from ..engine.metrics.metric import Metric
from .policy_files import Document
from .words import (
    After,
    GoalStatus,
    GroupReference,
    GroupUri,
    Limit,
    Management,
    NamePattern,
    Next,
    Problem,
    ServerStatus,
    ServerUri,
    SnapshotTime,
    Time,
)

#: `raw`: what is counted or read. `calculated`: what comes of it over the last interval.
MetricKind: TypeAlias = Literal["raw", "calculated"]


def _figures(raw: Sequence[Metric[Any, Any]], calculated: Sequence[Metric[Any, Any]]) -> msgspec.Meta:
    """The schema of figures by name; a newer server may give more of them."""
    described = {
        metric.name: {
            "anyOf": [{"type": "number"}, {"type": "null"}], "description": metric.described,
            "x-metric": kind, "x-unit": metric.unit, "x-kind": metric.kind,
        }
        for kind, metrics in (("raw", raw), ("calculated", calculated)) for metric in metrics
    }  # fmt: skip
    return msgspec.Meta(
        description="Figures by the metric's name, either the raw or the calculated ones; null: not known.",
        extra_json_schema={"properties": described},
    )


Figures: TypeAlias = dict[str, float | None]
HostFigures = Annotated[Figures, _figures(host.RAW, host.CALCULATED)]
GroupFigures = Annotated[Figures, _figures(groups.RAW, groups.CALCULATED)]
ServerFigures = Annotated[Figures, _figures(servers.RAW, servers.CALCULATED)]


class Exposition(Document, frozen=True):
    """All metrics in the text format of Prometheus."""


class HostMetrics(msgspec.Struct, rename="kebab", tag="hypervisor-metrics", tag_field="class"):
    """Metrics of the host."""

    metrics: HostFigures
    snapshot_time: SnapshotTime
    problem: Problem


class ClassMetrics(msgspec.Struct, rename="kebab"):
    """Metrics of a service class.

    name: The name of the class.
    """

    name: str
    metrics: GroupFigures


class GroupMetrics(msgspec.Struct, rename="kebab", tag="workload-resource-group-metrics", tag_field="class"):
    """Metrics of a workload resource group, from the sums of its servers.

    object-id: Its id.
    name: Its name.
    service-classes: Metrics of the active policy's classes, in its order.
    """

    object_id: str
    workload_resource_group: GroupUri
    name: str
    metrics: GroupFigures
    service_classes: list[ClassMetrics]


class ServerMetrics(msgspec.Struct, rename="kebab", tag="virtual-server-metrics", tag_field="class"):
    """Metrics of a virtual server.

    object-id: Its UUID.
    name: Its name.
    """

    object_id: str
    virtual_server: ServerUri
    name: str
    metrics: ServerFigures


class GroupMetricsList(msgspec.Struct, rename="kebab"):
    """Metrics of workload resource groups.

    workload-resource-groups: In the order of the list of groups.
    """

    workload_resource_groups: list[GroupMetrics]
    snapshot_time: SnapshotTime
    problem: Problem
    next: Next = None


class ServerMetricsList(msgspec.Struct, rename="kebab"):
    """Metrics of virtual servers.

    virtual-servers: In order of name.
    """

    virtual_servers: list[ServerMetrics]
    snapshot_time: SnapshotTime
    problem: Problem
    next: Next = None


#: Points of a history that are made at most, and that are made where no step is asked for.
MOST_POINTS, USUAL_POINTS = 10_000, 500
#: Seconds of the longest step.
LONGEST_STEP = 86_400


class HistoryQuery(msgspec.Struct, rename={"from_": "from"}, forbid_unknown_fields=True):
    """Whether history is wanted, and which. Without any of these, what is known now is told.

    from: From then on: RFC 3339, such as 2026-11-21T14:00:00Z. Left out: an hour before `to`.
    to: Before then: RFC 3339. Left out: now.
    step: Seconds from one point to the next; each stands for the time until the next. At most 10000 points. Left out:
        such that there are 500 at most, and at least the interval.
    metrics: Names of metrics, with commas; left out: all whose history is kept.
    """

    from_: Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})] | None = None
    to: Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})] | None = None
    step: Annotated[float, msgspec.Meta(ge=1, le=LONGEST_STEP)] | None = None
    metrics: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)] | None = None


#: Figures (the three of a point count as three) that one answer about several tells at most.
MOST_FIGURES = 1_000_000


class GroupsMetricsQuery(HistoryQuery, rename="kebab", forbid_unknown_fields=True):
    """Which groups are wanted, and whether their history is. An answer tells at most 1000000 figures of history.

    step: Seconds from one point to the next; each stands for the time until the next. Left out: such that there are 500
        points at most, fewer where that would be too many figures, and at least the interval.
    """

    name: NamePattern | None = None
    after: After | None = None
    limit: Limit | None = None


class ServersMetricsQuery(HistoryQuery, rename="kebab", forbid_unknown_fields=True):
    """Which virtual servers are wanted, and whether their history is. An answer tells at most 1000000 figures of
    history.

    step: Seconds from one point to the next; each stands for the time until the next. Left out: such that there are 500
        points at most, fewer where that would be too many figures, and at least the interval.
    workload-resource-group: Only those of this group.
    service-class: Only those in a service class of this name.
    status: Only those that do this.
    goal-status: Only those that stand so to their goal.
    management: Only those that are managed, or that are not.
    """

    name: NamePattern | None = None
    workload_resource_group: GroupReference | None = None
    service_class: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    status: ServerStatus | None = None
    goal_status: GoalStatus | None = None
    management: Management | None = None
    after: After | None = None
    limit: Limit | None = None


class Past(msgspec.Struct, rename="kebab"):
    """A metric over time: a figure for each point; null: not known.

    minimum: The lowest that was seen in the time of the point.
    mean: The mean of what was seen.
    maximum: The highest.
    """

    minimum: list[float | None]
    mean: list[float | None]
    maximum: list[float | None]


class ClassPast(msgspec.Struct, rename="kebab"):
    """A service class over time.

    name: The name of the class.
    metrics: By the metric's name.
    """

    name: str
    metrics: dict[str, Past]


class MetricsHistory(msgspec.Struct, rename={"from_": "from", "step_seconds": "step-seconds",
                                             "service_classes": "service-classes"},
                     tag="metrics-history", tag_field="class"):  # fmt: skip
    """Metrics over time. Full resolution is kept for an hour, then a point a minute, later fewer.

    from: The time of the first point, RFC 3339 in UTC. The others follow a step apart.
    step-seconds: Seconds from one point to the next.
    metrics: By the metric's name.
    service-classes: Of a group: its active policy's classes. Of others, none.
    """

    from_: Time
    step_seconds: float
    metrics: dict[str, Past]
    service_classes: list[ClassPast]


class GroupPast(msgspec.Struct, rename="kebab"):
    """A workload resource group over time.

    object-id: Its id.
    name: Its name.
    metrics: By the metric's name.
    service-classes: Its active policy's classes.
    """

    object_id: str
    workload_resource_group: GroupUri
    name: str
    metrics: dict[str, Past]
    service_classes: list[ClassPast]


class ServerPast(msgspec.Struct, rename="kebab"):
    """A virtual server over time.

    object-id: Its UUID.
    name: Its name.
    metrics: By the metric's name.
    """

    object_id: str
    virtual_server: ServerUri
    name: str
    metrics: dict[str, Past]


class GroupHistories(msgspec.Struct, rename={"from_": "from", "step_seconds": "step-seconds",
                                             "workload_resource_groups": "workload-resource-groups"},
                     tag="workload-resource-group-histories", tag_field="class"):  # fmt: skip
    """Workload resource groups over time, all at the same points.

    from: The time of the first point, RFC 3339 in UTC. The others follow a step apart.
    step-seconds: Seconds from one point to the next.
    workload-resource-groups: In the order of the list of groups.
    """

    from_: Time
    step_seconds: float
    workload_resource_groups: list[GroupPast]
    next: Next = None


class ServerHistories(msgspec.Struct, rename={"from_": "from", "step_seconds": "step-seconds",
                                              "virtual_servers": "virtual-servers"},
                      tag="virtual-server-histories", tag_field="class"):  # fmt: skip
    """Virtual servers over time, all at the same points.

    from: The time of the first point, RFC 3339 in UTC. The others follow a step apart.
    step-seconds: Seconds from one point to the next.
    virtual-servers: In order of name.
    """

    from_: Time
    step_seconds: float
    virtual_servers: list[ServerPast]
    next: Next = None


class HistoryLevel(msgspec.Struct, rename="kebab"):
    """A resolution of the history.

    step-seconds: Seconds from one point to the next; null: as often as figures were taken.
    kept-seconds: For how long it is kept.
    oldest: Since when there are points; null: there are none.
    """

    step_seconds: float | None
    kept_seconds: float
    oldest: Time | None


class HistoryState(msgspec.Struct, rename="kebab"):
    """How the history of metrics fares.

    size-bytes: What it takes on disk.
    bound-bytes: What it may take.
    levels: Its resolutions, the finest first.
    waiting: Moments that are in memory only, because they could not be written.
    lost: Moments that could never be written.
    trouble: What is wrong, in words; null: nothing.
    last-trouble: What was wrong last; null: nothing was since hpm started.
    """

    size_bytes: int
    bound_bytes: int
    levels: list[HistoryLevel]
    waiting: int
    lost: int
    trouble: str | None
    last_trouble: str | None


def described(scope: Literal["hypervisor", "groups", "servers"], kind: MetricKind) -> dict[str, tuple[str, str]]:
    """Unit and meaning of a scope's metrics, by name."""
    tables: dict[tuple[str, MetricKind], Sequence[Metric[Any, Any]]] = {
        ("hypervisor", "raw"): host.RAW, ("hypervisor", "calculated"): host.CALCULATED,
        ("groups", "raw"): groups.RAW, ("groups", "calculated"): groups.CALCULATED,
        ("servers", "raw"): servers.RAW, ("servers", "calculated"): servers.CALCULATED,
    }  # fmt: skip
    return {metric.name: (metric.unit, metric.meaning) for metric in tables[scope, kind]}
