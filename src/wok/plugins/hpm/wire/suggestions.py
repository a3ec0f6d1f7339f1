"""Goals suggested from history, on the wire."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ..policy.goals import Goal, Importance
from ..policy.names import Name
from ..policy.policies import PerformancePolicy
from .words import GoalStatus, GroupUri, PerformanceIndex, Time


class SuggestionQuery(msgspec.Struct, rename={"from_": "from"}, forbid_unknown_fields=True):
    """Of which time, and for what policy, goals are wanted.

    from: History from then on counts: RFC 3339, such as 2026-11-21T14:00:00Z. Left out: 7 days before `to`, or as much
        as there is.
    to: Before then: RFC 3339. Left out: now.
    importance: The business importance of the policy. Left out: that of the active policy, or medium.
    name: The name of the policy. Left out: one that the group has no policy of, such as suggested.
    """

    from_: Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})] | None = None
    to: Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})] | None = None
    importance: Importance | None = None
    name: Name | None = None


class SuggestedClass(msgspec.Struct, rename="kebab"):
    """A service class of the suggested policy, and what its goal comes from.

    name: The name of the class.
    importance: The business importance: its own, or that of the policy.
    goal: Its goal in the active policy; null: the group has none.
    suggested-goal: Its goal in the suggested policy.
    virtual-server-count: How many virtual servers of this host it takes.
    history-hours: Hours of history that count; where the history of single servers was read, those of all of them.
    active-percent: The part of that time in which it was active.
    velocity-low: In percent, reached or exceeded in nine tenths of the active time; where the goal was missed now and
        then, of the time without that. null: too little is known.
    velocity-median: In percent, reached or exceeded in half of the active time; null: it was never active.
    attainment: Of the active time, the percentage in which the suggested goal would have been met; null: it is
        discretionary, or the class was never active.
    attainment-now: The same for the goal in the active policy; null: none, or discretionary, or never active.
    pi-projected: The performance index that is expected with the suggested policy, as the host is loaded now; null:
        all are idle, or not measured yet.
    reason: Why this goal, in a sentence.
    """

    name: str
    importance: Importance
    goal: Goal | None
    suggested_goal: Goal
    virtual_server_count: int
    history_hours: float
    active_percent: float | None
    velocity_low: float | None
    velocity_median: float | None
    attainment: float | None
    attainment_now: float | None
    pi_projected: PerformanceIndex
    reason: str


class PolicyEffect(msgspec.Struct, rename="kebab"):
    """What the suggested policy would do to a service class of another group, as the host is loaded now. Both sides are
    what is planned: with the policies as they are, and with the suggested one active.

    name: The name of the group.
    service-class: The name of the class.
    importance: The business importance of the class.
    goal: Its goal.
    velocity-before: Of its busy managed servers together, in percent, with the policies as they are.
    velocity-after: The same with the suggested policy.
    pi-before: The performance index, with the policies as they are.
    pi-after: The same with the suggested policy.
    goal-status-before: How it stands to its goal, with the policies as they are.
    goal-status-after: The same with the suggested policy.
    """

    workload_resource_group: GroupUri
    name: str
    service_class: str
    importance: Importance
    goal: Goal
    velocity_before: float
    velocity_after: float
    pi_before: PerformanceIndex
    pi_after: PerformanceIndex
    goal_status_before: GoalStatus
    goal_status_after: GoalStatus


class Suggestion(msgspec.Struct, rename={
    "workload_resource_group": "workload-resource-group", "from_": "from",
}, tag="suggestion", tag_field="class"):  # fmt: skip
    """A policy with goals that the group's virtual servers reached, and what it would cost others. Nothing is stored.

    from: Since when history counts, RFC 3339 in UTC; not before there is any.
    to: Until when.
    policy: The policy, as it can be sent to the group's policies.
    classes: Its service classes, in its order.
    effects: Classes of other groups whose servers are managed and busy, by group and in the order of the policy.
    notes: What else is to be known, in sentences: who would miss a goal that is met else, what was not looked at.
    """

    workload_resource_group: GroupUri
    from_: Time
    to: Time
    policy: PerformancePolicy
    classes: list[SuggestedClass]
    effects: list[PolicyEffect]
    notes: list[str]
