"""Routes of metrics."""

from __future__ import annotations

from typing import get_args

from ..errors import HypervisorUnreachable, NotFound
from ..manager.manager import Manager
from ..model.history import Histories
from ..model.metrics import Metrics
from ..model.prometheus import Prometheus
from ..wire.metrics import (
    Exposition,
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
from .route import Request, Route


def metrics_routes(manager: Manager) -> tuple[Route, ...]:
    """See `routes`."""
    metrics, histories = Metrics(manager), Histories(manager)
    return (
        Route(
            "GET", "/metrics/{kind}/hypervisor", "Metrics of the host, now or over time", HostMetrics | MetricsHistory,
            lambda r: (
                histories.hypervisor(_kind(r), r.query) if _past(r) else metrics.hypervisor(_kind(r))
            ),
            query=HistoryQuery, kept=True,
        ),
        Route(
            "GET", "/metrics/{kind}/workload-resource-groups", "Metrics of groups and their classes, now or over time",
            GroupMetricsList | GroupHistories,
            lambda r: (
                histories.groups(r.base, _kind(r), r.query) if _past(r) else metrics.groups(r.base, _kind(r), r.query)
            ),
            query=GroupsMetricsQuery, kept=True,
        ),
        Route(
            "GET", "/metrics/{kind}/workload-resource-groups/{id}",
            "Metrics of a group and its classes, now or over time", GroupMetrics | MetricsHistory,
            lambda r: (
                histories.group(_kind(r), r.names["id"], r.query) if _past(r)
                else metrics.group(r.base, _kind(r), r.names["id"])
            ),
            query=HistoryQuery, kept=True,
        ),
        Route(
            "GET", "/metrics/{kind}/virtual-servers", "Metrics of virtual servers, now or over time",
            ServerMetricsList | ServerHistories,
            lambda r: (
                histories.servers(r.base, _kind(r), r.query) if _past(r) else metrics.servers(r.base, _kind(r), r.query)
            ),
            query=ServersMetricsQuery, kept=True, refuses=(NotFound,),
        ),
        Route(
            "GET", "/metrics/{kind}/virtual-servers/{id}", "Metrics of a virtual server, now or over time",
            ServerMetrics | MetricsHistory,
            lambda r: (
                histories.server(_kind(r), r.names["id"], r.query) if _past(r)
                else metrics.server(r.base, _kind(r), r.names["id"])
            ),
            query=HistoryQuery, kept=True, refuses=(HypervisorUnreachable,),
        ),
        Route(
            "GET", "/metrics/history", "How the history of metrics fares: its size, and since when there is any",
            HistoryState, lambda r: histories.state(),
        ),
        scraped(manager, "/metrics/prometheus"),
    )  # fmt: skip


def scraped(manager: Manager, path: str) -> Route:
    """The route that Prometheus reads, at that path: hpm's own server also has it where Prometheus looks by itself."""
    prometheus = Prometheus(manager)
    return Route(
        "GET", path, "All metrics, as Prometheus reads them", Exposition, lambda r: prometheus.exposition(), kept=True,
        answers=("text/plain",), coded=False,    # Prometheus is near, and it asks again and again
    )  # fmt: skip


def _past(request: Request) -> bool:
    """Whether history is wanted."""
    return any(getattr(request.query, name) is not None for name in HistoryQuery.__struct_fields__)


def _kind(request: Request) -> MetricKind:
    """Raises `NotFound`."""
    wanted = request.names["kind"]
    for kind in get_args(MetricKind):
        if wanted == kind:
            return kind    # type: ignore[no-any-return]
    raise NotFound(f"there are no {wanted[:80]!r} metrics; there are {' and '.join(get_args(MetricKind))} ones")
