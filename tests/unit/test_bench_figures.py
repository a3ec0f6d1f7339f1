"""What bench/goals.py makes of its intervals."""

from __future__ import annotations

from typing import Any

from bench.goal_figures import IN_TIME, STEADILY, WOKEN, Block, PhaseRecord, figures_of, over_runs
from bench.goal_scenarios import Scenario, Spec
from tests.system.goals import Interval

GUESTS = Scenario("two", [Spec("a", "spin", 60, "high"), Spec("b", "spin")], wakes="a")


def block(side: str, velocities: list[float], wakes: tuple[float, ...] = ()) -> Block:
    phase = PhaseRecord(0, wakes=list(wakes))
    for velocity in velocities:
        cpus = (velocity / 100.0, 1.0 - velocity / 100.0)
        phase.intervals.append(Interval(3.0, cpus, (velocity, 100.0 - velocity), (1.0, 1.0), 0.0, 0.0))
        phase.changes.append(0)
        phase.shares.append([1000, 1000])
    return Block(side, [phase], 0.001, True)


def run(hpm: list[float], wakes: tuple[float, ...] = ()) -> dict[str, Any]:
    return figures_of(GUESTS, [block("hpm", hpm, wakes), block("fixed", [65.0] * 10)])


def test_one_interval_of_thirty_that_misses_breaks_a_run_and_not_three() -> None:
    good, bad = run([65.0] * 34), run([65.0] * 33 + [50.0])
    assert good["promises"][STEADILY] and not bad["promises"][STEADILY]
    assert over_runs(GUESTS, [good, bad, good])[STEADILY]
    assert not over_runs(GUESTS, [bad, bad, bad])[STEADILY]


def test_wake_ups_count_together() -> None:
    good, bad = run([65.0] * 34, (65.0,) * 5), run([65.0] * 34, (65.0, 65.0, 65.0, 65.0, 40.0))
    assert good["promises"][WOKEN] and not bad["promises"][WOKEN]
    assert over_runs(GUESTS, [good, bad])[WOKEN]
    assert not over_runs(GUESTS, [bad, bad])[WOKEN]


def test_an_interval_at_whose_end_a_guest_only_woke_does_not_count() -> None:
    def woken(seconds: float) -> dict[str, Any]:
        awake = block("hpm", [65.0] * 10)
        asleep = Interval(3.0, (0.0, 1.0), (None, 100.0), (0.0, 1.0), 0.0, 0.0)
        woke = Interval(3.0, (seconds * 0.5 / 3.0, 1.0), (50.0, 100.0), (1.0, 1.0), 0.0, 0.0)
        awake.phases[0].intervals[4:6] = [asleep, woke]
        return figures_of(GUESTS, [awake, block("fixed", [65.0] * 10)])["sides"]["hpm"]["guests"]["a"]

    assert woken(0.5)["intervals"] == 8 and woken(0.5)["met"] == 1.0
    assert woken(1.5)["intervals"] == 9 and woken(1.5)["met"] < 1.0


def test_what_is_promised_of_a_run_has_to_hold_in_each() -> None:
    good, bad = run([65.0] * 34), run([65.0] * 34)
    bad["sides"]["hpm"]["put-back"] = False
    assert not over_runs(GUESTS, [good, bad])["put back"]


def test_a_goal_that_fixed_weights_do_not_meet_is_promised_to_nobody() -> None:
    figures = figures_of(GUESTS, [block("hpm", [50.0] * 20), block("fixed", [58.0] * 10)])
    assert figures["promises"][STEADILY]
    assert figures["sides"]["hpm"]["guests"]["a"]["met"] == 0.0


def test_indexes_are_compared_unless_nothing_is_left() -> None:
    equals = Scenario("two", [Spec("a", "spin", 60, "high"), Spec("b", "spin", 60, "high")])

    def apart(one: float, other: float) -> float | None:
        phase = PhaseRecord(0)
        for _ in range(10):
            phase.intervals.append(Interval(3.0, (0.3, 0.3), (one, other), (1.0, 1.0), 0.0, 0.0))
            phase.changes.append(0)
            phase.shares.append([1000, 1000])
        found: float | None = figures_of(equals, [Block("hpm", [phase], 0.001, True)])["sides"]["hpm"]["equal-index"]
        return found

    assert apart(40.0, 20.0) == 2.0
    assert apart(4.0, 0.5) == 8.0
    assert apart(1.0, 0.5) is None


def test_a_goal_that_is_met_too_late_breaks_a_promise() -> None:
    soon, late = run([50.0] + [65.0] * 33), run([50.0] * 2 + [65.0] * 32)
    at_once = run([65.0] * 34)
    assert at_once["promises"][IN_TIME]
    assert not soon["promises"][IN_TIME] and not late["promises"][IN_TIME]


def test_less_important_work_gets_no_more_than_its_floor_beside_a_goal_that_is_missed() -> None:
    missed = Scenario("two", [Spec("a", "spin", 60, "high"), Spec("b", "spin")])

    def held(rest: float) -> bool:
        phase = PhaseRecord(0)
        for _ in range(10):
            phase.intervals.append(Interval(3.0, (0.5, rest), (50.0, 5.0), (1.0, 1.0), 0.0, 0.0))
            phase.changes.append(0)
            phase.shares.append([1000, 1000])
        figures = figures_of(missed, [Block("hpm", [phase], 0.001, True), block("fixed", [65.0] * 10)])
        return bool(figures["promises"]["less important ones at their floor"])

    assert held(0.02) and not held(0.1)


def test_changes_are_those_of_the_guest_that_has_the_most() -> None:
    often = block("hpm", [65.0] * 20)
    for number, shares in enumerate(often.phases[0].shares):
        shares[0] += number // 5
    seldom = block("hpm", [65.0] * 20)
    seldom.phases[0].shares[-1] = [1001, 1000]
    promises = [figures_of(GUESTS, [hpm, block("fixed", [65.0] * 10)])["promises"] for hpm in (often, seldom)]
    assert [p["one change in ten intervals"] for p in promises] == [False, True]


def test_a_new_kind_of_load_has_two_intervals() -> None:
    turning = Scenario("two", [Spec("a", "turns:10/10,18", 60, "high"), Spec("b", "spin")])

    def turned(first: float, second: float) -> dict[str, Any]:
        phase = PhaseRecord(0)
        for velocity, wanted in [(65.0, 0.6)] * 5 + [(50.0, 0.9), (first, 1.0), (second, 1.0)] + [(65.0, 1.0)] * 3:
            cpus = (velocity / 100.0 * wanted, 0.5)
            phase.intervals.append(Interval(3.0, cpus, (velocity, 30.0), (1.0, 1.0), 0.0, 0.0))
            phase.changes.append(0)
            phase.shares.append([1000, 1000])
        return figures_of(turning, [Block("hpm", [phase], 0.001, True), block("fixed", [65.0] * 10)])

    name = "a new kind of load is served in 2 intervals"
    soon, late = turned(40.0, 65.0), turned(40.0, 40.0)
    assert soon["sides"]["hpm"]["turns"] == [2] and soon["promises"][name]
    assert late["sides"]["hpm"]["turns"] == [3] and not late["promises"][name]
    guest = soon["sides"]["hpm"]["guests"]["a"]
    assert guest["intervals"] == 11 - 3 and guest["met"] == 1.0    # not the first, the one with the change, the next
