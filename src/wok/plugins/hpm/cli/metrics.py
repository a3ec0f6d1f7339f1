"""The commands for metrics."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, TypeVar

import click
import msgspec

from ..client.answers import Answer
from ..texts import later, t
from ..wire.metrics import (
    Figures,
    GroupHistories,
    GroupMetrics,
    GroupMetricsList,
    GroupPast,
    GroupsMetricsQuery,
    HistoryQuery,
    HistoryState,
    HostMetrics,
    MetricKind,
    MetricsHistory,
    Past,
    ServerHistories,
    ServerMetricsList,
    ServerPast,
    ServersMetricsQuery,
    described,
)
from ..wire.servers import ServerQuery
from ..wire.times import moment_of
from . import words
from .command import GROUP, SERVER, command
from .following import follow
from .names import GROUPS
from .option_types import Span, one_of
from .paging import SINCE, UNTIL
from .plain import plain
from .resolve import find_group, find_server
from .session import Session

T = TypeVar("T")
P = TypeVar("P", GroupPast, ServerPast)

KIND = click.option("--kind", type=one_of(MetricKind), default="calculated", show_default=True,
                    help="raw: what is counted or read; calculated: what comes of it in an interval.")  # fmt: skip
FOLLOW = click.option("--follow", "follows", is_flag=True,
                      help="Print them again whenever there are new ones, until Ctrl-C.")  # fmt: skip
STEP = click.option("--step", type=Span(), metavar="TIME", help="From one point of history to the next, such as 5m.")
METRIC = click.option("--metric", "metrics", multiple=True, metavar="METRIC",
                      help="Over time: this metric, whatever its kind (repeatable).")  # fmt: skip
#: What the lists show, by the metric's name: a heading. `--json` gives all.
_GROUP_COLUMNS: Mapping[MetricKind, Mapping[str, str]] = {
    "raw": {"virtual-servers": later("Servers"), "vcpus": "vCPUs", "vcpus-starving": later("Star-\nving"),
            "cpu-time": later("Ran s"), "cpu-delay-time": later("Waited s"), "cpu-shares": later("Shares")},
    "calculated": {"busy-virtual-servers": later("Busy"), "cpu-using": later("Ran\nCPUs"),
                   "cpu-delay": later("Waited\nCPUs"), "cpu-entitlement": later("Entitled\nCPUs"),
                   "velocity": later("Velo-\ncity %"), "performance-index": later("PI")},
}  # fmt: skip
_SERVER_COLUMNS: Mapping[MetricKind, Mapping[str, str]] = {
    "raw": {"vcpus": "vCPUs", "vcpus-starving": later("Star-\nving"), "cpu-time": later("Ran s"),
            "cpu-delay-time": later("Waited s"), "cpu-throttled-time": later("Throttled s"),
            "cpu-shares": later("Shares")},
    "calculated": {"cpu-using": later("Ran\nCPUs"), "cpu-delay": later("Waited\nCPUs"),
                   "cpu-entitlement": later("Entitled\nCPUs"), "cpu-utilization": later("Used\n%"),
                   "goal-velocity": later("Goal\n%"), "velocity": later("Velo-\ncity %"),
                   "performance-index": later("PI")},
}  # fmt: skip


#: The same of the host.
_HOST_COLUMNS: Mapping[MetricKind, Mapping[str, str]] = {
    "raw": {"running-virtual-servers": later("Running"), "memory-available": later("Memory\navailable"),
            "cpu-pressure": later("CPU\npress. %"), "memory-pressure": later("Memory\npress. %"),
            "io-pressure": later("I/O\npress. %")},
    "calculated": {"cpu-utilization": later("CPU\n%"), "cpu-using": later("Ran\nCPUs"),
                   "cpu-delay": later("Waited\nCPUs"), "cpu-contention": later("Conten-\ntion %"),
                   "cpu-steal": later("Stolen\nCPUs"), "goals": later("Goals"), "goals-met": later("Met")},
}  # fmt: skip


def past(function: Callable[..., None]) -> Callable[..., None]:
    """The options of history."""
    return SINCE(UNTIL(STEP(METRIC(function))))


@command("metrics-hypervisor", examples=["hpm metrics-hypervisor", "hpm metrics-hypervisor --follow --json",
                                         "hpm metrics-hypervisor --from 12h --step 15m"])  # fmt: skip
@past
@KIND
@FOLLOW
def metrics_hypervisor(session: Session, kind: MetricKind, follows: bool, **when: Any) -> None:
    """Show the host's metrics.

    As they are now, or over time with --from.
    """
    client = session.client
    query = _history(when, follows)
    if query is not None:
        session.emit(client.hypervisor_history(kind, query), lambda told: _over_time(
            told, told.metrics, _shown(query, _HOST_COLUMNS[kind])))  # fmt: skip
        return

    def show(found: HostMetrics) -> None:
        _tell(found)
        _show_all("hypervisor", kind, found.metrics)

    _emit(session, follows, lambda unless: client.hypervisor_metrics(kind, unless), show)


@command("metrics-wrg", dataclasses.replace(GROUP, what="The group, by name or id; default: all.", optional=True),
         examples=["hpm metrics-wrg", "hpm metrics-wrg Gold", "hpm metrics-wrg Gold --from 7d --step 1d",
                   "hpm metrics-wrg --from 1h --step 10m --metric velocity"])  # fmt: skip
@past
@KIND
@FOLLOW
def metrics_wrg(session: Session, group: str | None, kind: MetricKind, follows: bool, **when: Any) -> None:
    """Show metrics of groups and their service classes.

    They are those of the sums over a group's or a class's servers: as they are now, or over time with --from.
    """
    client = session.client
    query = _history(when, follows)
    if query is not None:
        columns = _shown(query, _GROUP_COLUMNS[kind])

        def show_past(told: MetricsHistory | GroupHistories, of: MetricsHistory | GroupPast) -> None:
            _over_time(told, of.metrics, columns)
            for one in of.service_classes:
                click.echo(f"\n{plain(one.name)}")
                _over_time(told, one.metrics, columns)

        def show_all(told: GroupHistories) -> None:
            _each(told.workload_resource_groups, lambda of: show_past(told, of))

        if group is None:
            session.emit(client.groups_history(kind, GroupsMetricsQuery(**msgspec.structs.asdict(query))), show_all)
        else:
            group_id = find_group(client, group).object_id
            session.emit(client.group_history(kind, group_id, query), lambda told: show_past(told, told))
        return
    if group is None:
        _emit(session, follows, lambda unless: client.groups_metrics(kind, None, unless), lambda g: _groups(g, kind))
        return
    group_id = find_group(client, group).object_id

    def show(found: GroupMetrics) -> None:
        _show_all("groups", kind, found.metrics)
        if found.service_classes:
            click.echo()
            _table(t("Class"), ((one.name, one.metrics) for one in found.service_classes), _GROUP_COLUMNS[kind])

    _emit(session, follows, lambda unless: client.group_metrics(kind, group_id, unless), show)


@command("metrics-vs", dataclasses.replace(SERVER, what="The server, by name or id; default: all.", optional=True),
         examples=["hpm metrics-vs", "hpm metrics-vs db1 --kind raw", "hpm metrics-vs --wrg Gold --json",
                   "hpm metrics-vs --wrg Gold --from 1d --step 1h --metric disk-write-rate"])  # fmt: skip
@click.option("--wrg", "group", metavar="GROUP", shell_complete=GROUPS, help="Only the servers of this group.")
@past
@KIND
@FOLLOW
def metrics_vs(
    session: Session, server: str | None, group: str | None, kind: MetricKind, follows: bool, **when: Any
) -> None:
    """Show metrics of virtual servers.

    As they are now, or over time with --from.
    """
    client = session.client
    if server is not None and group is not None:
        raise click.UsageError(t("VS and --wrg exclude each other; give one of them"))
    query = _history(when, follows)
    group_id = None if group is None else find_group(client, group).object_id
    if query is not None:
        columns = _shown(query, _SERVER_COLUMNS[kind])
        if server is not None:
            uuid = find_server(client, server).object_id
            session.emit(client.server_history(kind, uuid, query), lambda told: _over_time(told, told.metrics, columns))
            return

        def show_all(told: ServerHistories) -> None:
            _each(told.virtual_servers, lambda of: _over_time(told, of.metrics, columns))

        asked = ServersMetricsQuery(workload_resource_group=group_id, **msgspec.structs.asdict(query))
        session.emit(client.servers_history(kind, asked), show_all)
        return
    if server is not None:
        uuid = find_server(client, server).object_id
        _emit(session, follows, lambda unless: client.server_metrics(kind, uuid, unless),
              lambda found: _show_all("servers", kind, found.metrics))  # fmt: skip
        return
    wanted = None if group_id is None else ServerQuery(workload_resource_group=group_id)
    _emit(session, follows, lambda unless: client.servers_metrics(kind, wanted, unless), lambda s: _servers(s, kind))


@command("metrics-history", examples=["hpm metrics-history"])
def metrics_history(session: Session) -> None:
    """Show the size of the history, and how far it reaches."""
    session.emit(session.client.history_state(), _show_state)


def _show_state(found: HistoryState) -> None:
    from .output import Column, show_fields, show_table

    size, bound = f"{found.size_bytes / 2**20:.1f}", f"{found.bound_bytes / 2**20:.0f}"
    show_fields([
        (t("Size, MiB"), t("{size} of {bound} at most", size=size, bound=bound)),
        (t("Not written yet"), str(found.waiting)),
        (t("Lost"), str(found.lost)),
        (t("Trouble"), words.text_or_none(found.trouble)),
        (t("Last trouble"), words.text_or_none(found.last_trouble)),
    ])  # fmt: skip
    click.echo()
    columns = [Column(t("A point every"), whole=True), Column(t("Kept for days"), number=True),
               Column(t("Since"), whole=True)]  # fmt: skip
    show_table(columns, [
        (t("interval") if level.step_seconds is None else f"{level.step_seconds:g} s",
         f"{level.kept_seconds / 86400:.3g}",
         words.NONE if level.oldest is None else words.local_time(level.oldest)) for level in found.levels
    ])  # fmt: skip


def _history(when: Mapping[str, Any], follows: bool) -> HistoryQuery | None:
    """What history is asked for; None: none."""
    if not any(when.values()):
        return None
    if follows:
        raise click.UsageError(t("--follow tells what is now; leave it out, or --from, --to, --step and --metric"))
    metrics = ",".join(when["metrics"]) or None
    return HistoryQuery(from_=when["since"], to=when["until"], step=when["step"], metrics=metrics)


def _shown(query: HistoryQuery, columns: Mapping[str, str]) -> Mapping[str, str]:
    """The columns of a history: those that were asked for, or the usual ones."""
    if query.metrics is None:
        return {name: t(heading) for name, heading in columns.items()}
    return {name: name for name in query.metrics.split(",")}


def _each(things: Sequence[P], show: Callable[[P], None]) -> None:
    """One after another, each below its name."""
    for number, thing in enumerate(things):
        click.echo(f"{chr(10) if number else ''}{plain(thing.name)}:")
        show(thing)
    if not things:
        click.echo(t("There are none."))


def _over_time(
    told: MetricsHistory | GroupHistories | ServerHistories, metrics: Mapping[str, Past], columns: Mapping[str, str]
) -> None:
    """A line for each point, with means."""
    from .output import Column, show_table

    shown = {name: heading for name, heading in columns.items() if name in metrics}
    begin = moment_of(told.from_)
    columns_ = [Column(t("From"), whole=True), *(Column(heading, number=True) for heading in shown.values())]
    points = zip(*(metrics[name].mean for name in shown), strict=True)
    show_table(columns_, [
        (words.local_time((begin + timedelta(seconds=number * told.step_seconds)).isoformat()),
         *(_figure(figure) for figure in point)) for number, point in enumerate(points)
    ])  # fmt: skip


def _emit(
    session: Session, follows: bool, ask: Callable[[str | None], Answer[T]], show: Callable[[T], None]
) -> None:
    if follows:
        follow(session, ask, show)
    session.emit(ask(None), show)


def _groups(found: GroupMetricsList, kind: MetricKind) -> None:
    _tell(found)
    rows: list[tuple[str, Figures]] = []
    for group in found.workload_resource_groups:
        rows += [(group.name, group.metrics), *((f"  {one.name}", one.metrics) for one in group.service_classes)]
    _table(t("Group, class"), rows, _GROUP_COLUMNS[kind])


def _servers(found: ServerMetricsList, kind: MetricKind) -> None:
    _tell(found)
    if not found.virtual_servers:
        click.echo(t("No virtual servers."))
        return
    ordered = sorted(found.virtual_servers, key=lambda one: words.in_order(one.name))
    _table(t("Name"), ((one.name, one.metrics) for one in ordered), _SERVER_COLUMNS[kind])


def _table(first: str, rows: Iterable[tuple[str, Figures]], columns: Mapping[str, str]) -> None:
    from .output import Column, show_table

    show_table(
        [Column(first), *(Column(t(heading), number=True) for heading in columns.values())],
        [(name, *(_figure(figures.get(metric)) for metric in columns)) for name, figures in rows],
    )


def _show_all(scope: Literal["hypervisor", "groups", "servers"], kind: MetricKind, figures: Figures) -> None:
    from .output import Column, show_table

    known = described(scope, kind)
    columns = [Column(t("Metric"), whole=True), Column(t("Value"), number=True), Column(t("Unit"), whole=True),
               Column(t("Meaning"), words=True)]  # fmt: skip
    show_table(columns, [
        (name, _figure(value), "" if unit in ("number", "ratio", "0 or 1") else unit, meaning)
        for name, value in figures.items() for unit, meaning in (known.get(name, ("", "")),)
    ])  # fmt: skip


def _figure(value: float | None) -> str:
    return words.NONE if value is None else f"{value:.3f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.0f}"


def _tell(found: HostMetrics | GroupMetricsList | ServerMetricsList) -> None:
    """Say on stderr that the figures are old, if they are."""
    from .output import warn

    if found.problem:
        warn(t(
            "{problem}; the figures are of {time}", problem=found.problem, time=words.local_time(found.snapshot_time),
        ))
