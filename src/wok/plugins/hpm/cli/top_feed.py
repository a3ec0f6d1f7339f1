"""What `hpm top` shows: asked for at hpm, again and again, and kept while hpm does not answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from threading import Event, Thread
from typing import Any, TypeVar

from ..client.answers import Answer
from ..client.errors import ClientError
from ..client.rest import Client
from ..policy.goals import TemporaryGoal
from ..wire.groups import GroupList, GroupSummary
from ..wire.management import ManagementLevels, Version
from ..wire.servers import ServerDetail, ServerDetailList
from ..wire.times import moment_of
from . import words

T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """A line of the table: one virtual server, or (with `servers`) one group. CPUs, velocity in percent.

    `met`, `missed`: servers with such a goal status.
    """

    name: str
    group: str
    service_class: str | None
    importance: str | None
    goal: str
    velocity: float | None
    index: float | None
    using: float | None
    delay: float | None
    shares: int | None
    status: str
    running: bool = True
    servers: int = 1
    met: int = 0
    missed: int = 0
    policy: str | None = None

    @property
    def busy(self) -> bool:
        """Whether it runs and is not idle."""
        return self.running and self.status != "idle"


@dataclass(frozen=True)
class Reading:
    """What was known at `at` (seconds on the clock of `Feed`), `snapshot_age` seconds after hpm had measured it.

    `problem`: why hpm's figures are not fresher. `lost`: why the last question of hpm had no answer.
    """

    servers: tuple[Row, ...]
    groups: tuple[Row, ...]
    levels: ManagementLevels
    version: Version
    snapshot_age: float | None
    at: float
    problem: str | None
    lost: str | None = None

    def age(self, now: float) -> float | None:
        """Age of the figures in seconds."""
        return None if self.snapshot_age is None else self.snapshot_age + now - self.at


@dataclass(frozen=True)
class _Kept:
    """The last answers, with their ETags."""

    servers: Answer[ServerDetailList] | None = None
    groups: Answer[GroupList] | None = None
    version: Answer[Version] | None = None


@dataclass
class Feed:
    """Readings of one hpm. What has not changed is not sent again (`If-None-Match`). With `group` (an id): of its
    servers only."""

    client: Client
    group: str | None = None
    clock: Callable[[], float] = time.monotonic
    last: Reading | None = None
    _kept: _Kept = field(default_factory=_Kept)

    def poll(self) -> Reading:
        """Ask once. Raises `ClientError` if there was no answer yet; later that is told by `Reading.lost`."""
        try:
            self.last = self._ask()
        except ClientError as error:
            if self.last is None:
                raise
            self.last = replace(self.last, lost=error.message.partition("\n")[0])
        return self.last

    def servers(self) -> Any:
        """The servers as the API has sent them: JSON text, or the same without those of other groups."""
        assert self._kept.servers is not None
        if self.group is None:
            return self._kept.servers.text
        whole = dict(self._kept.servers.json)
        whole["virtual-servers"] = [
            s for s in whole["virtual-servers"] if words.id_of(s["workload-resource-group"]) == self.group
        ]
        return whole

    def _ask(self) -> Reading:
        kept = self._kept
        answer = self.client.servers_detail(unless=_tag(kept.servers))
        servers = _newer(kept.servers, answer)
        groups = _newer(kept.groups, self.client.groups(unless=_tag(kept.groups)))
        # it tells the interval, which may have been changed
        version = kept.version if kept.version and servers is kept.servers else self.client.version()
        levels = self.client.management_levels().value
        if self.last is not None and servers is kept.servers and groups is kept.groups:
            rows, sums = self.last.servers, self.last.groups
        else:
            rows, sums = table(servers.value.virtual_servers, groups.value.workload_resource_groups, self.group)
        age = _age(servers.value.snapshot_time, answer.date)
        self._kept = _Kept(servers, groups, version)    # only now: rows and answers belong together
        return Reading(rows, sums, levels, version.value, age, self.clock(), servers.value.problem)


class Poller:
    """Polls a feed in a thread of its own, so that keys work while hpm does not answer; calls `told` each time."""

    def __init__(self, feed: Feed, interval: float, told: Callable[[], None]) -> None:
        self.count = 1
        self.fault: Exception | None = None
        self._feed, self._interval, self._told = feed, interval, told
        self._end = Event()
        self._thread = Thread(target=self._run, name="top", daemon=True)

    def __enter__(self) -> Poller:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(0.5)    # one that waits for an answer ends with the program

    def _run(self) -> None:
        while not self._end.wait(self._interval) and self.fault is None:
            try:
                self._feed.poll()
            except Exception as error:    # a fault of ours, which the view must not hide
                self.fault = error
            self.count += 1
            self._told()


def table(
    servers: list[ServerDetail], groups: list[GroupSummary], only: str | None = None
) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """Rows of servers and of groups; `only` of the group with that id."""
    names = {group.object_id: group.name for group in groups}
    members: dict[str, list[Row]] = {}
    for server in servers:
        group = words.id_of(server.workload_resource_group)
        if only in (None, group):
            members.setdefault(group, []).append(_server(server, names.get(group, words.NONE)))
    rows = tuple(row for some in members.values() for row in some)
    return rows, tuple(_group(g, members.get(g.object_id, [])) for g in groups if only in (None, g.object_id))


def _server(server: ServerDetail, group: str) -> Row:
    return Row(
        name=server.name, group=group, service_class=server.service_class, importance=server.importance,
        goal=words.goal_percent(server.goal) + ("*" if isinstance(server.temporary_goal, TemporaryGoal) else ""),
        velocity=server.velocity, index=server.performance_index,
        using=server.cpu_using, delay=server.cpu_delay, shares=server.cpu_shares,
        status=server.goal_status if server.status in ("running", "paused") else server.status,
        running=server.status == "running",
    )  # fmt: skip


def _group(group: GroupSummary, rows: list[Row]) -> Row:
    using, delay = sum(row.using or 0.0 for row in rows), sum(row.delay or 0.0 for row in rows)
    busy = any(row.busy for row in rows)
    return Row(
        name=group.name, group=group.name, service_class=None, importance=group.importance, goal=words.NONE,
        velocity=100.0 * using / (using + delay) if busy and using + delay > 0.0 else None,
        index=group.performance_index, using=using, delay=delay, shares=None, status=group.goal_status,
        servers=len(rows), met=sum(row.status == "met" for row in rows),
        missed=sum(row.status == "missed" for row in rows), policy=group.active_policy,
    )  # fmt: skip


def _tag(kept: Answer[T] | None) -> str | None:
    return None if kept is None else kept.etag


def _newer(kept: Answer[T] | None, answer: Answer[T]) -> Answer[T]:
    return kept if kept is not None and answer.unchanged else answer


def _age(snapshot: str | None, date: str | None) -> float | None:
    """Seconds between two times of the server's own clock; ours may be another."""
    if snapshot is None:
        return None
    try:
        measured = moment_of(snapshot)
        now = parsedate_to_datetime(date) if date else datetime.now(timezone.utc)
        return max(0.0, (now - measured).total_seconds())
    except (ValueError, TypeError):
        return None
