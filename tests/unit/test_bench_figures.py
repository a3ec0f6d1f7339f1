"""What bench/goals.py makes of its intervals."""

from __future__ import annotations

from typing import Any

from bench.goal_figures import STEADILY, WOKEN, Block, PhaseRecord, figures_of, over_runs
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
