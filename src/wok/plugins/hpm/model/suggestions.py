"""Goals suggested from history: a policy to be stored, what its goals come from, and what it would cost others."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import NamedTuple

from msgspec.structs import replace

from ..engine.classing import draft_classes, free_name
from ..engine.reached import Reached
from ..engine.suggesting import Suggested, needed_hours, suggest
from ..errors import Conflict
from ..manager.manager import Manager
from ..policy.goals import DiscretionaryGoal, Goal, VelocityGoal
from ..policy.groups import WorkloadResourceGroup
from ..policy.name_families import families
from ..policy.policies import PerformancePolicy, ServiceClass, check_policy
from ..wire.suggestions import SuggestedClass, Suggestion, SuggestionQuery
from ..wire.times import rfc3339
from .effects import Effects
from .history import kept_history, past_range
from .pasts import Pasts, spread_evenly
from .suggestion_words import consequences, grounds, reason, too_little
from .views import Views

_WEEK = 7 * 86400.0
#: Servers of a group without a policy whose own history is read: what a request may cost.
MOST_SERVERS = 32
_NAME = "suggested"


class _Class(NamedTuple):
    """A class to be: without its goal, with the one that it has now (None: it is new), and what it reached."""

    shape: ServiceClass
    goal: Goal | None
    reached: Reached


class Suggestions:
    """Requests for goals. Nothing is changed by them."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def suggest(self, base: str, group_id: str, query: SuggestionQuery) -> Suggestion:
        """A policy for a group. Raises `NotFound`, `InvalidValue` for a range that cannot be, `Conflict` where there
        is too little history, `Busy`."""
        views = Views(self._manager.snapshot, base)
        group = views.snapshot.catalog.group(group_id)
        start, end = past_range(self._manager.now().timestamp(), query.from_, query.to, _WEEK)
        pasts = Pasts(kept_history(self._manager), start, end, self._manager.interval)
        needed, since, until = needed_hours(self._manager.interval), _time(pasts.start), _time(end)
        notes: list[str] = []
        if group.policy is not None:
            classes = self._present(views, group, group.policy, pasts)
        else:
            classes = self._new(views, group, pasts, needed, notes)
        found = [suggest(one.reached, one.goal, needed) for one in classes]
        if not any(one.told for one in found):
            raise Conflict(too_little(group.name, since, [one.reached for one in classes], needed))
        policy = PerformancePolicy(
            query.name or free_name(_NAME, [policy.name for policy in group.perf_policies]),
            query.importance or ("medium" if group.policy is None else group.policy.importance),
            tuple(replace(one.shape, goal=said.goal) for one, said in zip(classes, found, strict=True)),
            f"Suggested from what was reached from {since} to {until}.",
        )
        check_policy(policy)
        return self._answer(views, group, policy, classes, found, needed, (since, until), notes)

    def _present(
        self, views: Views, group: WorkloadResourceGroup, policy: PerformancePolicy, pasts: Pasts
    ) -> list[_Class]:
        """The classes of the active policy. A single one is the whole group, whose history may reach back farther."""
        classes = policy.service_classes
        if len(classes) == 1:
            return [_Class(classes[0], classes[0].goal, pasts.of_group(group.id))]
        roster = views.snapshot.figures.roster
        keys = dict(zip(roster.classes, roster.class_keys, strict=True))
        reached = pasts.of_classes([keys[group.id, one.name] for one in classes])
        return [_Class(one, one.goal, had) for one, had in zip(classes, reached, strict=True)]

    def _new(
        self, views: Views, group: WorkloadResourceGroup, pasts: Pasts, needed: float, notes: list[str]
    ) -> list[_Class]:
        """Classes for a group that has none."""
        uuids = {views.snapshot.sample.infos[uuid].name: uuid for uuid in views.members(group.id)}
        known = families(uuids)
        parts = [family.names for family in known]
        parts.append(frozenset(uuids).difference(*parts))
        share = MOST_SERVERS // len(parts)
        chosen = [name for part in parts for name in spread_evenly(sorted(part), share)] if len(uuids) > 1 else []
        each = dict(zip(chosen, pasts.of_servers([uuids[name] for name in chosen]), strict=True))
        drafts = draft_classes(pasts.of_group(group.id), each, known, needed)
        notes.append(grounds(drafts))
        if 0 < len(each) < len(uuids):
            notes.append(
                f"Of the group's {len(uuids)} virtual servers the history of {len(each)} was read, chosen evenly by"
                " name."
            )
        return [
            _Class(ServiceClass(draft.name, DiscretionaryGoal(), draft.rule), None, draft.reached)
            for draft in drafts.classes
        ]

    def _answer(
        self, views: Views, group: WorkloadResourceGroup, policy: PerformancePolicy, classes: list[_Class],
        found: list[Suggested], needed: float, span: tuple[str, str], notes: list[str],
    ) -> Suggestion:  # fmt: skip
        effects = Effects(self._manager, views, group, policy)
        planned = {one.name: effects.own(one.name, one.goal) for one in policy.service_classes}
        told = []
        for one, said, made in zip(classes, found, policy.service_classes, strict=True):
            plan, reached = planned[made.name], one.reached
            told.append(SuggestedClass(
                name=made.name,
                importance=policy.importance_of(made),
                goal=one.goal,
                suggested_goal=made.goal,
                virtual_server_count=effects.count(made.name),
                history_hours=round(reached.hours, 2),
                active_percent=_shown(100.0 * reached.active_hours / reached.hours if reached.hours else math.nan),
                velocity_low=_shown(said.velocity),
                velocity_median=_shown(reached.velocity(0.5)),
                attainment=_attained(reached, made.goal),
                attainment_now=_attained(reached, one.goal),
                pi_projected=None if plan is None else round(plan.pi, 2),
                reason=reason(said, reached, one.goal, needed),
            ))  # fmt: skip
        others = effects.others()
        missing = [name for name, plan in planned.items() if plan is not None and plan.status == "missed"]
        notes += consequences(told, others, missing)
        if views.snapshot.window is None:
            notes.append("Nothing has been measured yet, so what it would do to others is not known.")
        elif views.snapshot.levels.cpu_mgmt != "on":
            notes.append(
                f"CPU management is {views.snapshot.levels.cpu_mgmt}: goals are not held, so that one which is missed"
                " may be met when it is on; what is projected comes true only then."
            )
        return Suggestion(views.group_uri(group.id), *span, policy, told, others, notes)


def _attained(reached: Reached, goal: Goal | None) -> float | None:
    return _shown(100.0 * reached.attained(goal.percent)) if isinstance(goal, VelocityGoal) else None


def _shown(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 1)


def _time(unix: float) -> str:
    return rfc3339(datetime.fromtimestamp(unix, timezone.utc))
