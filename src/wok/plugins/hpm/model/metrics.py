"""Metrics as they are now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..engine.metrics import groups, host, servers
from ..engine.metrics.metric import FloatColumn, Metric, shown
from ..manager.manager import Manager
from ..wire.metrics import (
    ClassMetrics,
    Figures,
    GroupMetrics,
    GroupMetricsList,
    GroupsMetricsQuery,
    HostMetrics,
    MetricKind,
    ServerMetrics,
    ServerMetricsList,
    ServersMetricsQuery,
)
from .groups import group_page
from .references import present_server
from .servers import server_page
from .views import Views

HOST: Mapping[MetricKind, tuple[host.HostMetric, ...]] = {"raw": host.RAW, "calculated": host.CALCULATED}
GROUPS: Mapping[MetricKind, tuple[groups.GroupMetric, ...]] = {"raw": groups.RAW, "calculated": groups.CALCULATED}
SERVERS: Mapping[MetricKind, tuple[servers.ServerMetric, ...]] = {
    "raw": servers.RAW, "calculated": servers.CALCULATED,
}  # fmt: skip


class Metrics:
    """Requests for metrics of a kind. `base` is the base path of the request; ids are as they stand in the path."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def hypervisor(self, kind: MetricKind) -> HostMetrics:
        """Of the host."""
        views = self._views("")
        figures = views.snapshot.figures.host
        found = {
            metric.name: shown(metric.unit, np.array([figures[metric.name]]))[0] for metric in HOST[kind]
        }
        return HostMetrics(found, views.taken, views.problem)

    def groups(self, base: str, kind: MetricKind, query: GroupsMetricsQuery) -> GroupMetricsList:
        """Of groups. Raises `InvalidValue`."""
        views = self._views(base)
        wanted, following = group_page(views, query, f"{base}/metrics/{kind}/workload-resource-groups")
        found = self._groups(views, kind, [group.id for group in wanted])
        return GroupMetricsList(found, views.taken, views.problem, following)

    def group(self, base: str, kind: MetricKind, group_id: str) -> GroupMetrics:
        """Of one group. Raises `NotFound`."""
        views = self._views(base)
        return self._groups(views, kind, [views.snapshot.catalog.group(group_id).id])[0]

    def servers(self, base: str, kind: MetricKind, query: ServersMetricsQuery) -> ServerMetricsList:
        """Of virtual servers. Raises `InvalidValue`, `NotFound` for an unknown group."""
        views = self._views(base)
        uuids, following = server_page(views, query, f"{base}/metrics/{kind}/virtual-servers")
        return ServerMetricsList(self._servers(views, kind, uuids), views.taken, views.problem, following)

    def server(self, base: str, kind: MetricKind, reference: str) -> ServerMetrics:
        """Of one virtual server. Raises `NotFound`."""
        views = self._views(base)
        return self._servers(views, kind, [present_server(views.snapshot, reference)])[0]

    def _groups(self, views: Views, kind: MetricKind, ids: Sequence[str]) -> list[GroupMetrics]:
        figures, catalog = views.snapshot.figures, views.snapshot.catalog
        places = {group: row for row, group in enumerate(figures.roster.groups)}
        rows = _rows(GROUPS[kind], figures.groups, [places[group] for group in ids])
        classes: dict[str, list[ClassMetrics]] = {}
        of_classes = _rows(GROUPS[kind], figures.classes, range(len(figures.roster.classes)))
        for (group, name), row in zip(figures.roster.classes, of_classes, strict=True):
            classes.setdefault(group, []).append(ClassMetrics(name, row))
        return [
            GroupMetrics(group, views.group_uri(group), catalog.groups[group].name, row, classes.get(group, []))
            for group, row in zip(ids, rows, strict=True)
        ]

    def _servers(self, views: Views, kind: MetricKind, uuids: Sequence[str]) -> list[ServerMetrics]:
        figures = views.snapshot.figures
        places, names = figures.roster.place, figures.roster.names
        found = [places[uuid] for uuid in uuids]
        return [
            ServerMetrics(uuid, views.server_uri(uuid), names[place], row)
            for uuid, place, row in zip(uuids, found, _rows(SERVERS[kind], figures.servers, found), strict=True)
        ]

    def _views(self, base: str) -> Views:
        return Views(self._manager.snapshot, base)


def _rows(
    metrics: Sequence[Metric[Any, FloatColumn]], columns: Mapping[str, FloatColumn], rows: Sequence[int]
) -> list[Figures]:
    """Figures by name, of each of these rows."""
    names = [metric.name for metric in metrics]
    chosen = np.array(rows, dtype=np.int64)
    values = [shown(metric.unit, columns[metric.name][chosen]) for metric in metrics]
    return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]
