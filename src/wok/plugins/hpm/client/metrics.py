"""Metrics."""

from __future__ import annotations

from urllib.parse import quote

from ..wire.groups import GroupQuery
from ..wire.metrics import (
    GroupHistories,
    GroupMetrics,
    GroupMetricsList,
    GroupsMetricsQuery,
    HistoryQuery,
    HistoryState,
    HostMetrics,
    MetricKind,
    MetricsHistory,
    ServerHistories,
    ServerMetrics,
    ServerMetricsList,
    ServersMetricsQuery,
)
from ..wire.servers import ServerQuery
from .answers import Answer
from .calls import Calls, text_query


class MetricCalls(Calls):
    """The operations below `/metrics`. `unless` is an ETag (see `Answer.unchanged`)."""

    def hypervisor_metrics(self, kind: MetricKind, unless: str | None = None) -> Answer[HostMetrics]:
        """Of the host."""
        return self._get(f"/metrics/{quote(kind)}/hypervisor", HostMetrics, unless=unless)

    def hypervisor_history(self, kind: MetricKind, query: HistoryQuery) -> Answer[MetricsHistory]:
        """Of the host, over time."""
        return self._get(f"/metrics/{quote(kind)}/hypervisor", MetricsHistory, _asked(query))

    def group_history(self, kind: MetricKind, group_id: str, query: HistoryQuery) -> Answer[MetricsHistory]:
        """Of one group and its service classes, over time."""
        path = f"/metrics/{quote(kind)}/workload-resource-groups/{quote(group_id, safe='')}"
        return self._get(path, MetricsHistory, _asked(query))

    def groups_history(self, kind: MetricKind, query: GroupsMetricsQuery) -> Answer[GroupHistories]:
        """Of groups and their service classes, over time."""
        return self._get(f"/metrics/{quote(kind)}/workload-resource-groups", GroupHistories, _asked(query))

    def servers_history(self, kind: MetricKind, query: ServersMetricsQuery) -> Answer[ServerHistories]:
        """Of virtual servers, over time: in pieces, where a limit is given."""
        return self._get(f"/metrics/{quote(kind)}/virtual-servers", ServerHistories, _asked(query))

    def server_history(self, kind: MetricKind, server_id: str, query: HistoryQuery) -> Answer[MetricsHistory]:
        """Of one virtual server, over time; also of one that is gone."""
        path = f"/metrics/{quote(kind)}/virtual-servers/{quote(server_id, safe='')}"
        return self._get(path, MetricsHistory, _asked(query))

    def history_state(self) -> Answer[HistoryState]:
        """How the history of metrics fares."""
        return self._get("/metrics/history", HistoryState)

    def groups_metrics(
        self, kind: MetricKind, query: GroupQuery | None = None, unless: str | None = None
    ) -> Answer[GroupMetricsList]:
        """Of groups and their service classes; of all of them without a query."""
        path = f"/metrics/{quote(kind)}/workload-resource-groups"
        return self._get(path, GroupMetricsList, text_query(query), unless)

    def group_metrics(self, kind: MetricKind, group_id: str, unless: str | None = None) -> Answer[GroupMetrics]:
        """Of one group and its service classes."""
        path = f"/metrics/{quote(kind)}/workload-resource-groups/{quote(group_id, safe='')}"
        return self._get(path, GroupMetrics, unless=unless)

    def servers_metrics(
        self, kind: MetricKind, query: ServerQuery | None = None, unless: str | None = None
    ) -> Answer[ServerMetricsList]:
        """Of virtual servers; of all of them without a query."""
        path = f"/metrics/{quote(kind)}/virtual-servers"
        return self._get(path, ServerMetricsList, text_query(query), unless)

    def server_metrics(self, kind: MetricKind, server_id: str, unless: str | None = None) -> Answer[ServerMetrics]:
        """Of one virtual server."""
        path = f"/metrics/{quote(kind)}/virtual-servers/{quote(server_id, safe='')}"
        return self._get(path, ServerMetrics, unless=unless)


def _asked(query: HistoryQuery) -> dict[str, str]:
    """The parameters of a query. Raises `ValueError` for an empty one: without any, no history is asked for."""
    asked = text_query(query)
    if all(getattr(query, name) is None for name in HistoryQuery.__struct_fields__):
        raise ValueError("say from when on, or until when, or in which steps")
    return asked
