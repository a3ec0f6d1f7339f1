"""What a policy that is not in force would do to others: two plans from the same figures, compared class by class."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..engine.index import MET, performance_index
from ..manager.foresight import Foresight
from ..manager.manager import Manager
from ..manager.snapshot import Snapshot
from ..policy.goals import Goal, VelocityGoal
from ..policy.groups import WorkloadResourceGroup
from ..policy.policies import PerformancePolicy
from ..wire.suggestions import PolicyEffect
from ..wire.words import GoalStatus
from .previews import with_active
from .views import Views, rounded


class Planned(NamedTuple):
    """What a plan makes of a class: velocity in percent, PI, and how it stands to its goal then."""

    velocity: float
    pi: float
    status: GoalStatus


class Effects:
    """What a policy of one group would do. Raises `Busy`."""

    def __init__(self, manager: Manager, views: Views, group: WorkloadResourceGroup, policy: PerformancePolicy) -> None:
        catalog = views.snapshot.catalog
        self._views, self._group = views, group
        self._before = manager.foresee(catalog, anew=True)
        self._after = manager.foresee(with_active(catalog, group, policy), anew=True)
        self._members = _managed(self._after)    # those of other groups are the same on both sides

    def own(self, name: str, goal: Goal) -> Planned | None:
        """A class of the policy, as it would be; None: nobody of it works, or may be managed."""
        return _planned(self._views.snapshot, self._after, self._members.get((self._group.id, name), ()), goal)

    def count(self, name: str) -> int:
        """How many servers a class of the policy would take, managed or not."""
        taken = (a for a in self._after.assignments.values() if a.group == self._group.id)
        return sum(assignment.service_class == name for assignment in taken)

    def others(self) -> list[PolicyEffect]:
        """The classes of all other groups of which somebody works and is managed, by group, `default` last."""
        snapshot = self._views.snapshot
        found: list[PolicyEffect] = []
        for group in sorted(snapshot.catalog.groups.values(), key=lambda g: (g.is_default, g.name)):
            if group.id == self._group.id or group.policy is None:
                continue
            for one in group.policy.service_classes:
                uuids = self._members.get((group.id, one.name), ())
                before = _planned(snapshot, self._before, uuids, one.goal)
                after = _planned(snapshot, self._after, uuids, one.goal)
                if before is not None and after is not None:
                    found.append(PolicyEffect(
                        self._views.group_uri(group.id), group.name, one.name, group.policy.importance_of(one),
                        one.goal, round(before.velocity, 1), round(after.velocity, 1), rounded(before.pi, 2),
                        rounded(after.pi, 2), before.status, after.status,
                    ))  # fmt: skip
        return found


def _managed(foreseen: Foresight) -> dict[tuple[str, str | None], list[str]]:
    """The servers that may be managed, by group and class."""
    found: dict[tuple[str, str | None], list[str]] = {}
    for uuid, assignment in foreseen.assignments.items():
        if uuid not in foreseen.held:
            found.setdefault((assignment.group, assignment.service_class), []).append(uuid)
    return found


def _planned(snapshot: Snapshot, foreseen: Foresight, uuids: Iterable[str], goal: Goal) -> Planned | None:
    """From the sums over those that work, as the PI of a class is. Who waits for nobody goes on as it runs."""
    using = runnable = 0.0
    for uuid in uuids:
        window = snapshot.server_window(uuid)
        if window is None or window.velocity is None:
            continue
        cpus, velocity = window.using, window.velocity / 100.0
        if uuid in foreseen.forecasts:
            cpus, velocity = foreseen.forecasts[uuid].cpus, foreseen.forecasts[uuid].velocity
        velocity = foreseen.velocities.get(uuid, velocity)
        using += cpus
        # One that would get nothing would wait all the time in which it wants to run.
        runnable += cpus / velocity if velocity > 0.0 and cpus > 0.0 else window.using + window.delay
    index = performance_index(goal, using, runnable - using)
    if index is None:
        return None
    status: GoalStatus = "met" if index <= MET else "missed"
    return Planned(100.0 * using / runnable, index, status if isinstance(goal, VelocityGoal) else "discretionary")
