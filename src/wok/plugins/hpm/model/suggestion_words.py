"""Why a goal is suggested, in sentences."""

from __future__ import annotations

from collections.abc import Iterable

from ..engine.classing import Drafts
from ..engine.reached import Reached
from ..engine.suggesting import Suggested
from ..policy.goals import Goal, VelocityGoal
from ..wire.suggestions import PolicyEffect, SuggestedClass


def reason(found: Suggested, reached: Reached, goal: Goal | None, needed: float) -> str:
    """Why that goal for a class; `goal` is its present one, None: it has no policy."""
    velocity, wanted = f"{found.velocity:.0f}", _percent(found.goal)
    missed = f"Its goal was missed in {100 * reached.missed_share:.1f} % of its active time"
    less = f"{wanted} is a little less, since plans aim 5 % above a goal"
    keeps = "it keeps its goal" if isinstance(goal, VelocityGoal) else "it gets no goal"
    active = f"{reached.active_hours:.2f} of {reached.hours:.2f} hours"
    return {
        "reached": f"It reached {velocity} or more in nine tenths of its active time; {less}.",
        "missed-left-out": f"{missed}, which is left out; in nine tenths of the rest it reached {velocity} or more;"
                           f" {less}.",
        "too-hard": f"{missed}, too often for an exception, so all of it counts: it reached {velocity} or more in nine"
                    f" tenths of it; {less}.",
        "no-wait": f"It hardly ever waited for a CPU, so that {wanted} costs nobody what he had; history does not tell"
                   " whether less would do.",
        "left-over": f"It has no goal and got what others left, {velocity} or more in nine tenths of its active time;"
                     " so little was promised to nobody, and it stays so.",
        "too-slow": f"It reached {velocity} or more in nine tenths of its active time; a goal as low promises nothing,"
                    " so it gets what is left.",
        "idle": f"It was active in {active}, too little to tell what it needs; {keeps}"
                + (", which costs nobody anything while it is idle." if isinstance(goal, VelocityGoal) else "."),
        "too-little": f"It was active in {active}, and {needed:g} hours are needed to tell what it reaches; {keeps}.",
        "nobody": f"It had no servers in that time; {keeps}.",
    }[found.why]  # fmt: skip


def too_little(name: str, since: str, reached: Iterable[Reached], needed: float) -> str:
    """That there is too little history of a group."""
    every = list(reached)
    hours, active = max(one.hours for one in every), max(one.active_hours for one in every)
    return (
        f"since {since} there are {hours:.2f} hours of history of the group {name!r}, and no class of it worked in more"
        f" than {active:.2f} of them, of which {needed:g} are needed: wait, or say an earlier from"
    )


def grounds(drafts: Drafts) -> str:
    """Why there is one class, or are several."""
    span = f"what the servers reached differs, from {drafts.slowest:.0f} to {drafts.fastest:.0f}"
    return {
        "alike": "The group has no policy. One class takes all servers: what they reached is alike, or of less than"
                 " two of them it is known.",
        "names": f"The group has no policy, and {span}: there is a class for each name that several share but for a"
                 " number.",
        "no-names": f"The group has no policy, and {span}, but names do not tell how: one class takes all servers, with"
                    " a goal that each of them reached. Give those that differ classes of their own.",
    }[drafts.grounds]  # fmt: skip


def consequences(
    classes: Iterable[SuggestedClass], effects: Iterable[PolicyEffect], missing: Iterable[str]
) -> list[str]:
    """Who would miss a goal: others that meet theirs else, and classes (their names) of the suggested policy."""
    told = [
        f"The class {one.service_class!r} of the group {one.name!r} would miss its goal, which it meets with the"
        f" policies as they are: PI {one.pi_before:.2f}, then {one.pi_after:.2f}."
        for one in effects if (one.goal_status_before, one.goal_status_after) == ("met", "missed")
    ]  # fmt: skip
    missed = set(missing)
    return told + [
        f"As the host is loaded now, the class {one.name!r} itself would miss the suggested goal: PI"
        f" {one.pi_projected:.2f}."
        for one in classes if one.name in missed
    ]


def _percent(goal: Goal) -> str:
    if not isinstance(goal, VelocityGoal):
        return "no goal"
    return str(goal.percent) if isinstance(goal.velocity, int) else f"{goal.velocity} ({goal.percent})"
