"""From snapshots to notifications: which goals are missed for long, and whether the hypervisor is reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from math import isnan
from urllib.parse import quote

from ...engine.missed import Lapse, Lapses, Rules, Said, What
from ...policy.goals import Importance
from ...policy.groups import WorkloadResourceGroup
from ...policy.policies import ServiceClass
from ...store.settings import Wanted
from ...wire.doors import BASE
from ...wire.notifications import Notification, NotificationEvent
from ...wire.times import moment_of, rfc3339
from ..snapshot import Snapshot

#: The key of the host; those of classes have a slash (`Roster.class_keys`).
HOST = "host"

_OF_CLASS: Mapping[What, NotificationEvent] = {
    "begun": "goal-missed", "goes-on": "goal-still-missed", "over": "goal-met", "quiet": "goal-met",
    "withdrawn": "goal-withdrawn",
}  # fmt: skip
_OF_HOST: Mapping[What, NotificationEvent] = {
    "begun": "hypervisor-unreachable", "goes-on": "hypervisor-still-unreachable", "over": "hypervisor-reachable",
}  # fmt: skip


class Watch:
    """Is shown snapshots, in order, by one thread. `open` is what was told last of all that is not over, by key."""

    def __init__(self, open_: Mapping[str, Notification], now: float, wall: datetime) -> None:
        """`open_` is what an earlier start left; `now` is of the clock of samples, in seconds, `wall` UTC."""
        self.open: dict[str, Notification] = dict(open_)

        def ago(time: str) -> float:
            """A time of an earlier start by the clock of this one."""
            return now - max(0.0, (wall - moment_of(time)).total_seconds())

        lapses = {key: Lapse(ago(one.since), told=ago(one.time)) for key, one in open_.items()}
        self._classes = Lapses({key: lapse for key, lapse in lapses.items() if key != HOST})
        self._host = Lapses({key: lapse for key, lapse in lapses.items() if key == HOST})
        self._unreached: float | None = None    # when it was last seen so

    def look(self, snapshot: Snapshot, now: float, wall: datetime, rules: Rules) -> list[Notification]:
        """What is to be told of the host. The snapshot may be old; `now` is the present."""
        missed = snapshot.problem is not None
        window = 0.0 if self._unreached is None else now - self._unreached
        self._unreached = now if missed else None
        return [
            self._told(said.key, Notification(
                event=_OF_HOST[said.what], time=rfc3339(wall), since=_before(wall, said.seconds),
                seconds=round(said.seconds, 1), reason=snapshot.problem,
            )) for said in self._host.see(now, window, {HOST: missed}, rules)
        ]  # fmt: skip

    def judge(self, snapshot: Snapshot, wanted: Wanted) -> list[Notification]:
        """What is to be told of the service classes, by the window of a cycle that has ended."""
        if snapshot.window is None:
            return []
        classes = {key: (row, group, one) for key, row, group, one in _classes(snapshot, wanted.important)}
        missed = _missed(snapshot)
        verdicts = {key: missed[row] for key, (row, _, _) in classes.items()}
        said = self._classes.see(
            snapshot.sample.time_ns / 1e9, snapshot.window.seconds, verdicts, wanted.rules
        )
        return [self._told(one.key, self._of_class(snapshot, one, classes.get(one.key))) for one in said]

    def _told(self, key: str, notification: Notification) -> Notification:
        if notification.event in ("goal-met", "goal-withdrawn", "hypervisor-reachable"):
            self.open.pop(key, None)
        else:
            self.open[key] = notification
        return notification

    def _of_class(
        self, snapshot: Snapshot, said: Said, found: tuple[int, WorkloadResourceGroup, ServiceClass] | None
    ) -> Notification:
        event, time, seconds = _OF_CLASS[said.what], rfc3339(snapshot.taken), round(said.seconds, 1)
        if found is None:    # whatever it was called
            last = self.open[said.key]
            return Notification(
                event, time, last.since, seconds, last.object_uri, last.workload_resource_group, last.group_name,
                last.service_class, last.importance, last.goal_velocity,
                reason="the class, its goal or its importance is another now",
            )  # fmt: skip
        row, group, service_class = found
        assert group.policy is not None
        columns = snapshot.figures.classes
        # nobody asked for them under another base
        group_uri = f"{BASE}/workload-resource-groups/{group.id}"
        return Notification(
            event=event, time=time, since=_before(snapshot.taken, said.seconds), seconds=seconds,
            object_uri=f"{group_uri}/service-classes/{quote(service_class.name, safe='')}",
            workload_resource_group=group_uri, group_name=group.name, service_class=service_class.name,
            importance=group.policy.importance_of(service_class),
            goal_velocity=int(snapshot.figures.roster.class_goal[row]),
            velocity=_rounded(columns["velocity"][row], 1),
            performance_index=_rounded(columns["performance-index"][row], 2),
            reason="its servers do not work" if said.what == "quiet" else None,
        )  # fmt: skip


def _classes(
    snapshot: Snapshot, important: frozenset[Importance]
) -> Iterator[tuple[str, int, WorkloadResourceGroup, ServiceClass]]:
    """Classes with a goal of velocity that are important enough: key, row among the figures, group, class."""
    keys, goals = snapshot.figures.roster.class_keys, snapshot.figures.roster.class_goal.tolist()
    row = -1
    for group in snapshot.catalog.groups.values():
        if group.policy is None:
            continue
        for one in group.policy.service_classes:
            row += 1
            if not isnan(goals[row]) and group.policy.importance_of(one) in important:
                yield keys[row], row, group, one


def _missed(snapshot: Snapshot) -> list[bool | None]:
    """Whether each class missed its goal; None: none of its servers worked. There may be thousands, so in lists."""
    columns = snapshot.figures.classes
    judged, met, velocity = (columns[name].tolist() for name in ("goal-judged", "goal-met", "velocity"))
    return [
        None if one == 0.0 or isnan(speed) else well == 0.0
        for one, well, speed in zip(judged, met, velocity, strict=True)
    ]


def _rounded(value: float, digits: int) -> float | None:
    return None if isnan(value) else round(float(value), digits)


def _before(wall: datetime, seconds: float) -> str:
    return rfc3339(wall - timedelta(seconds=seconds))
