"""Metrics over time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

import numpy as np

from ..engine.metrics.figures import GROUP_METRICS, HOST_METRICS, SERVER_METRICS
from ..engine.metrics.metric import Metric, shown
from ..errors import InvalidValue, NotFound
from ..manager.calendar import rfc3339
from ..manager.manager import Manager
from ..manager.recorder import HOST_KEY
from ..store.history import History, Series
from ..wire.metrics import (
    MOST_POINTS,
    USUAL_POINTS,
    ClassPast,
    HistoryLevel,
    HistoryQuery,
    HistoryState,
    MetricKind,
    MetricsHistory,
    Past,
)
from .metrics import GROUPS, HOST, SERVERS
from .references import server_id
from .times import utc_time

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
        asked = self._range(query)
        series = kept_history(self._manager).query(thing, key, [metric.name for metric in metrics], *asked)
        return _answer(series, metrics)

    def _range(self, query: HistoryQuery) -> _Range:
        start, end = past_range(self._manager.now().timestamp(), query.from_, query.to, _HOUR)
        step = query.step
        if step is None:
            least = max((end - start) / USUAL_POINTS, self._manager.interval)
            step = next((float(one) for one in _STEPS if one >= least), float(math.ceil(least / 86400) * 86400))
        if (end - start) / step > MOST_POINTS:
            least = math.ceil((end - start) / MOST_POINTS)
            raise InvalidValue(f"must be {least} or more for this range: {MOST_POINTS} points are told at most", "step")
        return _Range(start, end, step)


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
    return datetime.fromisoformat(utc_time(text, path).replace("Z", "+00:00")).timestamp()


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


def _answer(series: Series, metrics: Sequence[Metric[Any, Any]]) -> MetricsHistory:
    def past(row: int, metric: Metric[Any, Any]) -> Past:
        unit = "ratio" if metric.unit == "0 or 1" else metric.unit    # a mean of them is a share
        lowest, mean, highest = (np.asarray(column[row]) for column in (series.minimum, series.mean, series.maximum))
        return Past(shown(metric.unit, lowest), shown(unit, mean), shown(metric.unit, highest))

    begin = series.times[0] if len(series.times) else 0.0
    told = {metric.name: past(row, metric) for row, metric in enumerate(metrics)}
    return MetricsHistory(_time(begin), series.step, told, [])


def _time(unix: float) -> str:
    return rfc3339(datetime.fromtimestamp(float(unix), timezone.utc))
