"""What came of a scenario: interval by interval, as facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from hpm.engine.windows import HostWindow
from hpm.policy.goals import Goal, VelocityGoal
from hpm.store.adjustments import AdjustmentRecord

from .form import Scenario


class Written(NamedTuple):
    """A value that hpm set: seconds after the interval began, guest, control, and values before and after.

    `planned` tells whether it was set at once because of an event, before time went on.
    """

    at: float
    name: str
    control: str
    before: int | None
    after: int | None
    planned: bool


class InForce(NamedTuple):
    """What is in force for a running guest; quota in CPUs, and the CPUs of each vCPU, ``0 1-2``."""

    shares: int
    quota: float | None
    pins: str = ""


class Seen(NamedTuple):
    """A guest in one interval, CPUs."""

    using: float
    delay: float

    @property
    def velocity(self) -> float:
        """Percent; 100 if it never wanted to run."""
        return 100.0 * self.using / (self.using + self.delay) if self.using + self.delay else 100.0


class Passed(msgspec.Struct):
    """One interval. `own`: what would be in force without hpm; `refused`: guests that refuse to be changed.

    `managed`: guests that hpm may change, by parent. `lost`: a cycle found nobody who answered.
    """

    number: int
    level: str
    window: HostWindow | None
    seen: Mapping[str, Seen]
    statuses: Mapping[str, str]
    goals: Mapping[str, Goal | None]
    reasons: Mapping[str, str]
    held: Mapping[str, str]
    in_force: Mapping[str, InForce]
    own: Mapping[str, InForce]
    caps: Mapping[str, float]
    managed: Mapping[str, tuple[str, ...]]
    refused: frozenset[str]
    writes: tuple[Written, ...]
    records: tuple[AdjustmentRecord, ...]
    lost: bool
    eventful: bool
    steady: bool
    spinning: frozenset[str]

    def index(self, name: str) -> float | None:
        """PI of a guest with a velocity goal over this interval."""
        goal, seen = self.goals.get(name), self.seen.get(name)
        if not isinstance(goal, VelocityGoal) or seen is None or self.statuses.get(name) not in ("met", "missed"):
            return None
        return goal.percent / max(0.1, seen.velocity)


class Outcome(msgspec.Struct):
    """A scenario that was played. `before` is the last interval of the warm-up; `left` says what was not as hpm
    had found it after management was switched off at the end."""

    scenario: Scenario
    before: Passed
    intervals: list[Passed]
    left: list[str]

    def within(self, numbers: range) -> list[Passed]:
        """Intervals by number, the first one is 1."""
        return [self.intervals[number - 1] for number in numbers]
