"""Metrics over time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple, TypeVar

import msgspec
import numpy as np

from ..engine.metrics.figures import GROUP_METRICS, HOST_METRICS, SERVER_METRICS
from ..engine.metrics.metric import FloatColumn, Metric, Unit, shown
from ..errors import InvalidValue, NotFound
from ..manager.manager import Manager
from ..manager.recorder import HOST_KEY
from ..store.history import History, Series
from ..wire.metrics import (
    LONGEST_STEP,
    MOST_FIGURES,
    MOST_POINTS,
    USUAL_POINTS,
    ClassPast,
    GroupHistories,
    GroupPast,
    GroupsMetricsQuery,
    HistoryLevel,
    HistoryQuery,
    HistoryState,
    MetricKind,
    MetricsHistory,
    Past,
    ServerHistories,
    ServerPast,
    ServersMetricsQuery,
)
from ..wire.times import moment_of, rfc3339
from .groups import group_page
from .metrics import GROUPS, HOST, SERVERS
from .references import server_id
from .servers import server_page
from .times import utc_time
from .views import Views

Q = TypeVar("Q", GroupsMetricsQuery, ServersMetricsQuery)

#: Steps that are taken where none is asked for: those of people, in seconds.
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
#: Seconds by which clocks may differ before a time is one of the future.
_AHEAD = 60.0
_HOUR = 3600.0

_ALL: Mapping[str, Sequence[Metric[Any, Any]]] = {
    "hypervisor": HOST_METRICS, "group": GROUP_METRICS, "class": GROUP_METRICS, "server": SERVER_METRICS,
}  # fmt: skip
_OF_KIND: Mapping[str, Mapping[MetricKind, Sequence[Metric[Any, Any]]]] = {
    "hypervisor": HOST, "group": GROUPS, "class": GROUPS, "server": SERVERS,
}  # fmt: skip


class _Range(NamedTuple):
    start: float
    end: float
    step: float


class Histories:
    """Requests for history. Raises `InvalidValue`, `NotFound`; what is not known is no error."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def hypervisor(self, kind: MetricKind, query: HistoryQuery) -> MetricsHistory:
        """Of the host."""
        return self._told("hypervisor", HOST_KEY, kind, query)

    def group(self, kind: MetricKind, group_id: str, query: HistoryQuery) -> MetricsHistory:
        """Of a group and the classes of its active policy."""
        roster = self._manager.snapshot.figures.roster
        self._manager.snapshot.catalog.group(group_id)
        told = self._told("group", group_id, kind, query)
        for (group, name), key in zip(roster.classes, roster.class_keys, strict=True):
            if group == group_id:
                told.service_classes.append(ClassPast(name, self._told("class", key, kind, query).metrics))
        return told

    def server(self, kind: MetricKind, reference: str, query: HistoryQuery) -> MetricsHistory:
        """Of a virtual server, also of one that the host has no more."""
        snapshot = self._manager.snapshot
        try:
            uuid = server_id(snapshot, reference)
        except NotFound:
            told = self._told("server", reference, kind, query)
            if any(value is not None for past in told.metrics.values() for value in past.mean):
                return told
            raise
        return self._told("server", uuid, kind, query)

    def groups(self, base: str, kind: MetricKind, query: GroupsMetricsQuery) -> GroupHistories:
        """Of groups and the classes of their active policies."""
        views = Views(self._manager.snapshot, base)
        uri = f"{base}/metrics/{kind}/workload-resource-groups"
        wanted, following = group_page(views, query, uri)
        roster = views.snapshot.figures.roster
        ids = [group.id for group in wanted]
        there = set(ids)
        classes = [(*one, key) for one, key in zip(roster.classes, roster.class_keys, strict=True) if one[0] in there]
        metrics = _wanted(GROUPS[kind], GROUP_METRICS, query.metrics)
        asked = self._range(query, len(ids) + len(classes), len(metrics))
        series = self._series("group", ids, metrics, asked)
        of_classes: dict[str, list[ClassPast]] = {}
        for (group, name, _), past in zip(
            classes, _pasts(self._series("class", [key for *_, key in classes], metrics, asked), metrics), strict=True
        ):
            of_classes.setdefault(group, []).append(ClassPast(name, past))
        found = [
            GroupPast(group.id, views.group_uri(group.id), group.name, past, of_classes.get(group.id, []))
            for group, past in zip(wanted, _pasts(series, metrics), strict=True)
        ]
        if following is not None:
            _, following = group_page(views, _pinned(query, asked), uri)
        return GroupHistories(_begin(series), series.step, found, following)

    def servers(self, base: str, kind: MetricKind, query: ServersMetricsQuery) -> ServerHistories:
        """Of virtual servers that the host has. Raises `NotFound` for an unknown group."""
        views = Views(self._manager.snapshot, base)
        uri = f"{base}/metrics/{kind}/virtual-servers"
        uuids, following = server_page(views, query, uri)
        metrics = _wanted(SERVERS[kind], SERVER_METRICS, query.metrics)
        asked = self._range(query, len(uuids), len(metrics))
        series = self._series("server", uuids, metrics, asked)
        infos = views.snapshot.sample.infos
        found = [
            ServerPast(uuid, views.server_uri(uuid), infos[uuid].name, past)
            for uuid, past in zip(uuids, _pasts(series, metrics), strict=True)
        ]
        if following is not None:
            _, following = server_page(views, _pinned(query, asked), uri)
        return ServerHistories(_begin(series), series.step, found, following)

    def state(self) -> HistoryState:
        """How it fares."""
        found = kept_history(self._manager).status()
        return HistoryState(
            found.size, found.bound, [
                HistoryLevel(level.seconds, level.kept, None if level.oldest is None else _time(level.oldest))
                for level in found.levels
            ],
            found.waiting, found.lost, found.problem, found.last_problem,
        )  # fmt: skip

    def _told(self, thing: str, key: str, kind: MetricKind, query: HistoryQuery) -> MetricsHistory:
        metrics = _wanted(_OF_KIND[thing][kind], _ALL[thing], query.metrics)
        series = self._series(thing, [key], metrics, self._range(query))
        return MetricsHistory(_begin(series), series.step, _pasts(series, metrics)[0], [])

    def _series(self, thing: str, keys: Sequence[str], metrics: Sequence[Metric[Any, Any]], asked: _Range) -> Series:
        return kept_history(self._manager).query_many(thing, keys, [metric.name for metric in metrics], *asked)

    def _range(self, query: HistoryQuery, things: int = 1, metrics: int = 1) -> _Range:
        """The range and the step; of several things such that an answer is not too long."""
        now = math.floor(self._manager.now().timestamp() * 1000) / 1000    # as times are told
        start, end = past_range(now, query.from_, query.to, _HOUR)
        most = MOST_POINTS if things <= 1 else min(MOST_POINTS, MOST_FIGURES // (3 * things * metrics))
        step = query.step
        if step is None:
            least = max((end - start) / max(1, min(USUAL_POINTS, most)), self._manager.interval)
            step = next((float(one) for one in _STEPS if one >= least), float(math.ceil(least / 86400) * 86400))
        if (end - start) / step > most:
            least = math.ceil((end - start) / most) if most else LONGEST_STEP + 1
            said = f"must be {least} or more" if least <= LONGEST_STEP else "none is long enough"
            raise InvalidValue(f"{said} for this range: {_bound(most, things, metrics)}", "step")
        return _Range(start, end, step)


def _bound(most: int, things: int, metrics: int) -> str:
    if things <= 1:
        return f"{MOST_POINTS} points are told at most"
    return (
        f"of {things} with {metrics} metrics each {most} points are told at most ({MOST_FIGURES} figures); ask for"
        " fewer metrics, or for fewer at a time (limit, or a filter)"
    )


def kept_history(manager: Manager) -> History:
    """The history. Raises `NotFound` where none is kept."""
    history = manager.recorder.history
    if history is None:
        raise NotFound("this hpm keeps no history")
    return history


def past_range(now: float, start: str | None, end: str | None, usual: float) -> tuple[float, float]:
    """A range that `from` and `to` of a request name, in seconds UTC: until `now` where no end is said, and for `usual`
    seconds where no start is. Raises `InvalidValue` for one that cannot be, or lies in the future."""
    until = now if end is None else _seconds(end, "to")
    since = until - usual if start is None else _seconds(start, "from")
    for name, time in (("from", since), ("to", until)):
        if time > now + _AHEAD:
            raise InvalidValue("lies in the future, of which nothing is known yet", name)
    if since >= until:
        raise InvalidValue("must be earlier than to", "from")
    if since < 0:
        raise InvalidValue("must be 1970 or later", "from")
    return since, until


def _seconds(text: str, path: str) -> float:
    return moment_of(utc_time(text, path)).timestamp()


def _wanted(
    of_kind: Sequence[Metric[Any, Any]], every: Sequence[Metric[Any, Any]], names: str | None
) -> list[Metric[Any, Any]]:
    """The metrics that are asked for by name (whatever their kind), or all of a kind whose history is kept."""
    if names is None:
        return [metric for metric in of_kind if metric.kept]
    known = {metric.name: metric for metric in every if metric.kept}
    found = []
    for name in dict.fromkeys(names.split(",")):
        if name not in known:
            raise InvalidValue(f"no history is kept of {name[:80]!r}; it is of {', '.join(known)}", "metrics")
        found.append(known[name])
    return found


def _pasts(series: Series, metrics: Sequence[Metric[Any, Any]]) -> list[dict[str, Past]]:
    """The metrics of each thing, by name."""
    columns = []
    for row, metric in enumerate(metrics):
        unit = "ratio" if metric.unit == "0 or 1" else metric.unit    # a mean of them is a share
        arrays = (series.minimum, metric.unit), (series.mean, unit), (series.maximum, metric.unit)
        columns.append([_shown(unit_, np.asarray(array[:, row])) for array, unit_ in arrays])
    return [
        {metric.name: Past(*(part[thing] for part in column)) for metric, column in zip(metrics, columns, strict=True)}
        for thing in range(len(series.mean))
    ]


def _shown(unit: Unit, figures: FloatColumn) -> list[list[float | None]]:
    """A row for each thing; made at once, which takes a tenth of the time."""
    flat, width = shown(unit, figures.reshape(-1)), figures.shape[1]
    return [flat[begin : begin + width] for begin in range(0, len(flat), max(1, width))] or [[]] * len(figures)


def _pinned(query: Q, asked: _Range) -> Q:
    """The same query for the next page: of the same points, also when it is later."""
    return msgspec.structs.replace(query, from_=_time(asked.start), to=_time(asked.end), step=asked.step)


def _begin(series: Series) -> str:
    return _time(series.times[0] if len(series.times) else 0.0)


def _time(unix: float) -> str:
    return rfc3339(datetime.fromtimestamp(float(unix), timezone.utc))
