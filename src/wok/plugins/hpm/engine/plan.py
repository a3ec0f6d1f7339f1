"""What goes into the planner and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ..policy.assignment import Assignment
from ..policy.goals import Importance, VelocityGoal
from .learned import Memory, Wish
from .windows import ServerWindow


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """One server as the planner sees it.

    `shares` are in force now (None: unknown), `original` were so before hpm changed any. `held` says why
    the server is left alone although it has a goal (``excluded``, ``changed-by-administrator``, …). `quota` is
    the CPU time per time that a quota in force lets it have, whoever set it. `cpus` are those that it may run on; None:
    on any. `inside` are the partitions that it stands in and whose weight is hpm's (`nesting`), the innermost first;
    `parent` is then the one that all these stand in.
    """

    uuid: str
    start: str
    parent: str
    shares: int | None
    original: int
    window: ServerWindow | None
    assignment: Assignment
    held: str | None
    quota: float | None = None
    cpus: frozenset[int] | None = None
    inside: tuple[str, ...] = ()

    @property
    def partition(self) -> bool:
        """Whether it is no server, but a partition that competes as a whole; it is known by its path then."""
        return self.uuid.startswith("/")

    @property
    def working(self) -> bool:
        """Whether it ran or waited in the window, and not for a moment only."""
        window = self.window
        return window is not None and window.activity == "busy" and min(window.active, window.using + window.delay) > 0

    @property
    def wanted(self) -> bool:
        """Whether anybody wants something for it: a policy that takes it, or a reserve."""
        return self.assignment.goal is not None or self.assignment.cpu_reserve is not None

    @property
    def limit(self) -> float | None:
        """CPUs that it can use at most; None: no limit."""
        quota, cap = self.quota, None if self.assignment.excluded else self.assignment.cpu_cap
        if quota is None or cap is None:
            return cap if quota is None else quota
        return min(quota, cap)

    @property
    def wish(self) -> Wish:
        """All that is wanted for it: the same as before needs no new plan."""
        return self.start, self.assignment.goal, self.importance, self.assignment.cpu_reserve, self.limit, self.cpus

    @property
    def goal(self) -> float:
        """The goal's velocity (0…1); 0 for discretionary work, and without a goal."""
        return self.assignment.goal.percent / 100.0 if isinstance(self.assignment.goal, VelocityGoal) else 0.0

    @property
    def importance(self) -> Importance:
        """How important it is; without a policy, nothing is less so."""
        return self.assignment.importance or "lowest"


class Forecast(msgspec.Struct, frozen=True, gc=False):
    """What the plan expects of a busy server: CPUs of use, and velocity (0…1). `reason` says why its goal
    will be missed all the same (``at-capacity``, ``at-floor``, ``ratio-limit``, ``no-gain``), or is None."""

    cpus: float
    velocity: float
    reason: str | None = None


class ServerChange(msgspec.Struct, frozen=True, gc=False):
    """New shares for one server, with using (CPUs) and velocity (0…1) before, and as planned. `gains`: whether it is to
    weigh more than before, where the weight of the partition around it changes, too; None: its shares say so."""

    uuid: str
    shares_before: int
    shares_after: int
    cpus_before: float
    cpus_after: float
    velocity_before: float | None
    velocity_after: float | None
    gains: bool | None = None


class Decision(msgspec.Struct, frozen=True):
    """One decision for the servers of one parent cgroup.

    Either `changes` say what is to be done, or they are empty and `blocked` says for each server that
    misses its goal why nothing can be done for it.
    """

    parent: str
    changes: tuple[ServerChange, ...]
    blocked: Mapping[str, str]


class Plan(msgspec.Struct, frozen=True):
    """Decisions (usually none), a forecast for each busy managed server, and the memory if they are carried out."""

    decisions: tuple[Decision, ...]
    forecasts: Mapping[str, Forecast]
    memory: Memory
