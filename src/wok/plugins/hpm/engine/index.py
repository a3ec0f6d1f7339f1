"""Performance index and goal status.

PI = goal velocity / achieved velocity (z/OS WLM). Discretionary work has PI 0.81 by WLM's convention.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from ..policy.goals import Goal, VelocityGoal
from .windows import ServerWindow

GoalStatus: TypeAlias = Literal["met", "missed", "idle", "discretionary", "unmanaged", "paused"]

#: A goal is met up to this PI; plans aim as far above the goal.
MET = 1.05
DISCRETIONARY_PI = 0.81
#: Work that only waits counts as of this velocity (percent), so that a PI is always a finite number.
LEAST_VELOCITY = 0.1


def performance_index(goal: Goal | None, using: float, delay: float) -> float | None:
    """PI of work with that goal; None without a goal or without work."""
    if goal is None or using + delay <= 0.0:
        return None
    if not isinstance(goal, VelocityGoal):
        return DISCRETIONARY_PI
    return goal.percent / max(LEAST_VELOCITY, 100.0 * using / (using + delay))


def server_index(goal: Goal | None, window: ServerWindow | None) -> float | None:
    """PI of one server over a window; None when it is idle, paused or has no goal."""
    if window is None or window.activity != "busy":
        return None
    return performance_index(goal, window.using, window.delay)


def goal_status(goal: Goal | None, window: ServerWindow | None) -> GoalStatus:
    """How one server stands to its goal. A server that nothing is known of yet counts as idle."""
    if goal is None:
        return "unmanaged"
    if window is not None and window.activity == "paused":
        return "paused"
    if window is None or window.activity == "idle":
        return "idle"
    if not isinstance(goal, VelocityGoal):
        return "discretionary"
    index = performance_index(goal, window.using, window.delay)
    return "met" if index is not None and index <= MET else "missed"
