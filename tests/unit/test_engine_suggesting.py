"""Goals from what was reached: what is claimed of the history holds in the history."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hpm.engine.classing import CATCH_ALL, draft_classes, free_name
from hpm.engine.index import MET
from hpm.engine.reached import Reached, together
from hpm.engine.suggesting import SHARE, TOO_HARD, Why, goal_below, needed_hours, suggest
from hpm.policy.classification import Facts
from hpm.policy.goals import DiscretionaryGoal, Goal, VelocityGoal
from hpm.policy.name_families import families
from hpm.policy.policies import PerformancePolicy, ServiceClass, check_policy

MINUTE = 60.0
LEFT = DiscretionaryGoal()


def samples(velocities: Sequence[float], goal: float | None = None, *, watched: int | None = None) -> Reached:
    """History at full resolution, a sample a minute; NaN: idle. `goal` was in force; `watched` minutes in all."""
    column = np.array([*velocities, *[math.nan] * ((watched or 0) - len(velocities))])
    active = (~np.isnan(column)).astype(float)
    missed = np.zeros(len(column)) if goal is None else (np.nan_to_num(column, nan=100.0) < goal / MET).astype(float)
    return Reached(MINUTE, column, column, column, np.ones(len(column)), active, missed)


def points(velocities: Sequence[float], size: int) -> Reached:
    """The same, of so many samples summed up to a point."""
    parts = np.array(velocities).reshape(-1, size)
    whole = np.full(len(parts), float(size))
    return Reached(MINUTE * size, parts.min(axis=1), np.clip(parts.mean(axis=1), parts.min(axis=1), parts.max(axis=1)),
                   parts.max(axis=1), whole, whole, np.zeros(len(parts)))  # fmt: skip


velocity = st.integers(1, 1000).map(lambda tenths: tenths / 10)
velocities = st.lists(velocity, min_size=30, max_size=42)


@settings(deadline=None)
@given(velocities)
def test_the_goal_would_have_been_met_in_the_share_that_is_claimed(had: list[float]) -> None:
    found, reached = suggest(samples(had), None, 0.5), samples(had)
    assert found.told
    if isinstance(found.goal, VelocityGoal):
        met = sum(value >= found.goal.percent / MET for value in had) / len(had)
        assert reached.attained(found.goal.percent) == pytest.approx(met)
        assert met >= SHARE
        assert found.goal.percent <= 90
        assert found.goal.percent < found.velocity    # plans aim above goals
    else:
        assert sum(value < 10 * MET + 0.1 for value in had) / len(had) >= 1 - SHARE


@settings(deadline=None)
@given(velocities, st.integers(1, 99))
def test_what_missed_the_goal_now_and_then_is_left_out_and_what_missed_it_often_is_not(
    had: list[float], goal: int
) -> None:
    reached = samples(had, goal)
    found, quiet = suggest(reached, VelocityGoal(goal), 0.5), [value for value in had if value >= goal / MET]
    assert isinstance(found.goal, VelocityGoal)    # a promise is made smaller, and not taken back
    assume(found.goal.percent > 1)
    counted = quiet if len(had) - len(quiet) <= len(had) * TOO_HARD else had
    assert sum(value >= found.goal.percent / MET for value in counted) / len(counted) >= SHARE
    if counted is quiet:
        assert found.velocity >= round(goal / MET, 1)
    elif found.why == "too-hard":
        assert found.goal.percent <= goal


@settings(deadline=None)
@given(st.lists(velocity, min_size=6, max_size=36).map(lambda had: had[: len(had) // 6 * 6]), st.floats(0.0, 100.0))
def test_points_keep_the_mean_and_tell_no_more_than_they_know(had: list[float], at: float) -> None:
    reached = points(had, 6)
    grid = np.linspace(0.0, 100.0, 101)
    shares = [reached.share(value) for value in grid]
    assert all(later <= earlier + 1e-9 for earlier, later in pairwise(shares))
    assert sum(shares[1:]) <= float(np.mean(had)) + 1e-6 and sum(shares[:-1]) >= float(np.mean(had)) - 1e-6
    lowest, highest = reached.lowest, reached.highest
    assert (highest >= at).mean() + 1e-9 >= reached.share(at) >= (lowest >= at).mean() - 1e-9


def test_a_figure_of_history_that_is_cut_short_costs_no_point_of_a_goal() -> None:
    assert goal_below(84.0) == VelocityGoal(80)


@pytest.mark.parametrize(("had", "goal"), [
    (100.0, "fastest"), (95.0, "fastest"), (80.0, "fast"), (77.0, "fast"), (74.9, 71), (62.0, 59), (53.0, "moderate"),
    (50.0, 47), (31.0, "slow"), (11.0, "slowest"), (9.0, 8), (0.2, 1),
])  # fmt: skip
def test_goals_are_a_little_less_than_what_was_reached_and_named_as_levels_where_one_is_near(
    had: float, goal: str | int
) -> None:
    assert goal_below(had).velocity == goal


@pytest.mark.parametrize(("reached", "goal", "why", "wanted"), [
    (samples([63.0] * 60), None, "reached", VelocityGoal(60)),
    (samples([63.0] * 60), VelocityGoal(30), "reached", VelocityGoal(60)),
    (samples([63.0] * 60), LEFT, "reached", VelocityGoal(60)),
    (samples([63.0] * 57 + [20.0] * 3, 50), VelocityGoal(50), "missed-left-out", VelocityGoal(60)),
    (samples([40.0] * 57 + [60.0] * 3, 90), VelocityGoal("fastest"), "too-hard", VelocityGoal(38)),
    (samples([8.0] * 60, 90), VelocityGoal("fastest"), "too-hard", VelocityGoal(7)),
    (samples([99.5] * 60), None, "no-wait", VelocityGoal("fastest")),
    (samples([20.0] * 60), LEFT, "left-over", LEFT),
    (samples([20.0] * 60), None, "reached", VelocityGoal(19)),
    (samples([9.0] * 60), None, "too-slow", LEFT),
    (samples([90.0] * 29), None, "too-little", LEFT),
    (samples([90.0] * 29), VelocityGoal("slow"), "too-little", VelocityGoal("slow")),
    (samples([90.0] * 29, watched=24 * 60), VelocityGoal("slow"), "idle", VelocityGoal("slow")),
    (samples([], watched=24 * 60), None, "idle", LEFT),
    (samples([]), VelocityGoal("slow"), "nobody", VelocityGoal("slow")),
    (samples([]), None, "nobody", LEFT),
])  # fmt: skip
def test_why_a_goal_is_suggested(reached: Reached, goal: Goal | None, why: Why, wanted: Goal) -> None:
    found = suggest(reached, goal, 0.5)
    assert (found.why, found.goal) == (why, wanted)
    assert math.isnan(found.velocity) == (why in ("too-little", "idle", "nobody"))


def test_what_is_needed_and_what_there_is_is_told_in_hours() -> None:
    assert needed_hours(10) == 0.5
    assert needed_hours(3600) == 20.0    # intervals tell, and there must be some of them
    reached = samples([50.0] * 30, watched=120)
    assert (reached.hours, reached.active_hours) == (2.0, 0.5)
    assert together([reached, reached]).active_hours == 1.0
    with pytest.raises(ValueError, match="one length"):
        together([reached, points([50.0] * 12, 6)])
    assert math.isnan(reached.nothing().velocity(0.5)) and reached.nothing().hours == 0.0


# -- classes for a group that has none

names = st.lists(
    st.builds("{}{}{}".format, st.sampled_from(["db", "dbproxy", "web", "we*b", "a", "rest", "x y", "Ω"]),
              st.sampled_from(["", "-", "_", " "]), st.sampled_from(["", "1", "2", "03", "117"])),
    unique=True, max_size=24,
)  # fmt: skip


def facts(name: str) -> Facts:
    return {"virtual-server-name": name}


@settings(deadline=None)
@given(names, st.data())
def test_drafted_classes_are_a_policy_that_takes_each_server_where_it_was_measured(
    found: list[str], data: st.DataObject
) -> None:
    known = families(found)
    each = {name: samples([data.draw(velocity)] * 30) for name in found}
    whole = together(list(each.values())) if each else samples([])
    drafts = draft_classes(whole, each, known, 0.5)
    goals = {draft.name: suggest(draft.reached, None, 0.5).goal for draft in drafts.classes}
    policy = PerformancePolicy(
        "p", "medium", tuple(ServiceClass(draft.name, goals[draft.name], draft.rule) for draft in drafts.classes)
    )
    check_policy(policy)
    hours = dict.fromkeys(goals, 0.0)
    for name in found:
        hours[policy.classify(facts(name)).name] += each[name].hours
    assert hours == {draft.name: draft.reached.hours for draft in drafts.classes}


def test_families_are_names_that_are_the_same_but_for_a_number() -> None:
    found = families(["db1", "db2", "dbproxy1", "dbproxy2", "web-01", "web-02", "mail"])
    assert [(family.stem, family.rule.value, sorted(family.names)) for family in found] == [
        ("dbproxy", "dbproxy*", ["dbproxy1", "dbproxy2"]), ("web", "web*", ["web-01", "web-02"]),
        ("db", "db*", ["db1", "db2"]),
    ]  # fmt: skip
    assert families(["we*b1", "we*b2"])[0].rule.value == r"we\*b*"
    assert families(["db1", "db2", "dbold"]) == []    # db* would take dbold too
    assert families(["1", "2", "a1", "a2", "mail", "db1"]) == []    # nothing that people would call a family
    assert families([f"{letter * 2}{number}" for letter in "abcdefghi" for number in "12"]) == []    # too many


def drafted(**had: float) -> tuple[str, dict[str, Goal]]:
    each = {name: samples([value] * 60) for name, value in had.items()}
    drafts = draft_classes(samples([70.0] * 60), each, families(had), 0.5)
    return drafts.grounds, {one.name: suggest(one.reached, None, 0.5).goal for one in drafts.classes}


def test_one_class_where_servers_are_alike_and_one_for_each_name_where_that_tells_them_apart() -> None:
    assert drafted(db1=70, db2=75, web1=80, web2=84) == ("alike", {CATCH_ALL: VelocityGoal(66)})    # the group's own
    assert drafted(db1=90, db2=94, web1=40, web2=42, x=35) == (
        "names", {"web": VelocityGoal(38), "db": VelocityGoal(85), "rest": VelocityGoal(33)},
    )  # fmt: skip
    assert drafted(db1=94, db2=30, web1=96, web2=31) == ("no-names", {CATCH_ALL: VelocityGoal(28)})
    assert drafted(mail=94, wiki=30) == ("no-names", {CATCH_ALL: VelocityGoal(28)})
    assert drafted(rest1=94, rest2=94, mail=30)[1] == {"rest": VelocityGoal("fastest"), "rest-2": VelocityGoal(28)}
    assert drafted(db1=94) == ("alike", {CATCH_ALL: VelocityGoal(66)})
    assert free_name("a", ["a", "a-2", "a-3"]) == "a-4"
