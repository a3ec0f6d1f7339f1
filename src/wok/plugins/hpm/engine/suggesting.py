"""Goals from what was reached when nobody complained; docs/suggestions.md tells the reasoning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from ..policy.goals import VELOCITY_OF_LEVEL, DiscretionaryGoal, Goal, VelocityGoal
from .index import MET
from .reached import Reached

#: Of the active time, the share in which a velocity must have been reached.
SHARE = 0.9
#: A goal that was missed for more of the active time than this was too hard, and not missed now and then.
TOO_HARD = 0.1    # the rest of `SHARE`; as 1.0 - 0.9 it would be somewhat less than a tenth
#: Hours of activity, and intervals in it, that tell something.
LEAST_HOURS, LEAST_INTERVALS = 0.5, 20
#: Hours of history after which work that hardly ever was there counts as idle, and not as not yet seen.
IDLE_HOURS = 24.0
#: A level is named that differs by no more than this part of it (and one at least) from what would be suggested.
NEAR = 0.05
#: Work of this velocity hardly ever waited.
NO_WAIT = 97.0

_SLOW, _SLOWEST = VELOCITY_OF_LEVEL["slow"], VELOCITY_OF_LEVEL["slowest"]

#: Why that goal. ``reached``: so much was reached. ``missed-left-out``: the same, without what missed the goal.
#: ``too-hard``: what was reached is less than the goal, which was missed often. ``no-wait``: it hardly ever waited.
#: ``left-over``: it has no goal and got little. ``too-slow``: so little that a goal would promise nothing. ``idle``:
#: it hardly ever worked. ``too-little``: too little is known. ``nobody``: it had no servers.
Why: TypeAlias = Literal[
    "reached", "missed-left-out", "too-hard", "no-wait", "left-over", "too-slow", "idle", "too-little", "nobody"
]


@dataclass(frozen=True)
class Suggested:
    """A goal; `velocity` (percent, NaN: not known) was reached or exceeded in `SHARE` of the time that counts."""

    goal: Goal
    why: Why
    velocity: float

    @property
    def told(self) -> bool:
        """Whether the history says so, and not the want of one."""
        return self.why not in ("too-little", "nobody")


def needed_hours(interval: float) -> float:
    """Hours of activity that are needed where intervals are so many seconds."""
    return max(LEAST_HOURS, LEAST_INTERVALS * interval / 3600.0)


def suggest(reached: Reached, goal: Goal | None, needed: float) -> Suggested:
    """A goal for work that has `goal` now (None: it has no policy), from at least `needed` hours of activity."""
    if reached.active_hours < needed:
        kept, nan = goal or DiscretionaryGoal(), float("nan")
        if reached.hours == 0.0:
            return Suggested(kept, "nobody", nan)
        return Suggested(kept, "idle" if reached.hours >= IDLE_HOURS else "too-little", nan)
    promised = isinstance(goal, VelocityGoal)
    missed = reached.missed_share
    quiet = 0.0 < missed <= TOO_HARD
    velocity = reached.velocity(SHARE, quiet=quiet)
    percent = _below(velocity)
    if isinstance(goal, DiscretionaryGoal) and percent < _SLOW:
        return Suggested(goal, "left-over", velocity)
    if percent < _SLOWEST and not promised:
        return Suggested(DiscretionaryGoal(), "too-slow", velocity)
    found = goal_below(velocity)
    if missed > TOO_HARD and promised:
        return Suggested(found, "too-hard", velocity)
    if velocity >= NO_WAIT:
        return Suggested(found, "no-wait", velocity)
    return Suggested(found, "missed-left-out" if quiet else "reached", velocity)


def goal_below(velocity: float) -> VelocityGoal:
    """The goal that plans hold at that velocity (percent), since they aim 5 % above goals: a level if one is near, else
    a number. Never more than `fastest`, nor than the velocity itself, but for 1, which is the least there is."""
    percent = _below(velocity)
    for level, wanted in VELOCITY_OF_LEVEL.items():
        near = abs(wanted - percent) <= max(1.0, NEAR * wanted) or (level == "fastest" and percent > wanted)
        if near and wanted <= velocity:
            return VelocityGoal(level)
    return VelocityGoal(percent)


def _below(velocity: float) -> int:
    return int(np.clip(np.floor(velocity / MET + 1e-6), 1, 99))
