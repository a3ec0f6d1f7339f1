"""Business importance and performance goals.

A velocity goal says how much of its runnable time a virtual server shall really run:
velocity = 100 × using / (using + delay). The five levels are those of zManager's PPM and zHPM.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

Importance: TypeAlias = Literal["highest", "high", "medium", "low", "lowest"]

#: From the most important to the least; the planner serves them in this order.
IMPORTANCES: tuple[Importance, ...] = ("highest", "high", "medium", "low", "lowest")

VelocityLevel: TypeAlias = Literal["fastest", "fast", "moderate", "slow", "slowest"]

#: Velocity in percent that each level stands for.
VELOCITY_OF_LEVEL: dict[VelocityLevel, int] = {
    "fastest": 90, "fast": 75, "moderate": 50, "slow": 30, "slowest": 10,
}  # fmt: skip


#: What a goal of velocity may be: a level, or an integer from 1 to 99 (percent).
Velocity: TypeAlias = VelocityLevel | Annotated[int, msgspec.Meta(ge=1, le=99)]


class VelocityGoal(msgspec.Struct, frozen=True, tag="velocity", tag_field="type", forbid_unknown_fields=True):
    """A goal of velocity: how much of its runnable time a virtual server shall really run.

    velocity: A level, or percent from 1 to 99. The levels: `fastest` 90, `fast` 75, `moderate` 50, `slow` 30,
        `slowest` 10.
    """

    velocity: Velocity

    @property
    def percent(self) -> int:
        """The goal in percent, 1 to 99."""
        return self.velocity if isinstance(self.velocity, int) else VELOCITY_OF_LEVEL[self.velocity]


class DiscretionaryGoal(
    msgspec.Struct, frozen=True, tag="discretionary", tag_field="type", forbid_unknown_fields=True
):
    """No goal: work that gets what is left."""


Goal: TypeAlias = VelocityGoal | DiscretionaryGoal


class TemporaryGoal(
    msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True
):
    """A goal that one virtual server has until a moment, whatever its service class says.

    velocity: A level, or percent from 1 to 99. The levels: `fastest` 90, `fast` 75, `moderate` 50, `slow` 30,
        `slowest` 10.
    until: When it ends: RFC 3339, such as 2026-11-21T14:00:00Z.
    importance: Its business importance meanwhile; null: that of its class, and high where its group has no policy.
    """

    velocity: Velocity
    until: Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
    importance: Importance | None = None

    @property
    def goal(self) -> VelocityGoal:
        """The goal while it holds."""
        return VelocityGoal(self.velocity)
