"""What gives way when cycles take too long, and when it comes back."""

from __future__ import annotations

import pytest

from hpm.manager.relief import EASY_IN_A_ROW, LONGEST, STEPS, Relief, Step


class Told:
    """Keeps what relief tells."""

    def __init__(self, interval: float = 10.0) -> None:
        self.steps: list[tuple[Step, str]] = []
        self.relief = Relief(interval, lambda step, why: self.steps.append((step, why)))

    def cycles(self, *seconds: float) -> int:
        """Let cycles take so long; gives the step that is in force then."""
        for each in seconds:
            self.relief.took(each)
        return self.relief.number


def test_cycles_within_half_of_the_interval_cut_nothing() -> None:
    told = Told()
    assert told.cycles(*[5.0] * 50) == 0
    assert not told.steps and told.relief.why is None


def test_one_heavy_cycle_is_no_reason_and_two_in_a_row_are_one() -> None:
    told = Told()
    assert told.cycles(6.0, 1.0, 6.0, 1.0) == 0
    assert told.cycles(6.0, 6.0) == 1
    assert told.steps[0][1] == "a cycle took 6 s, of an interval of 10 s"


def test_a_cycle_that_takes_the_whole_interval_is_a_reason_by_itself() -> None:
    assert Told().cycles(10.0) == 1


def test_samples_give_way_first_then_glances_and_the_interval_at_last() -> None:
    told = Told()
    told.cycles(*[80.0] * 20)
    assert [step for step, _ in told.steps] == list(STEPS[1:])
    assert [step.glances for step in STEPS] == [True, True, False, False, False, False]
    assert [step.longer for step in STEPS] == [1, 1, 1, 2, 4, 8]
    assert told.relief.interval == 80.0


def test_the_interval_in_force_has_a_bound_and_one_that_was_set_longer_is_left_alone() -> None:
    told = Told(100.0)
    told.cycles(*[1000.0] * 20)
    assert told.relief.interval == LONGEST == 300.0
    slow = Told(3600.0)
    assert slow.cycles(*[4000.0] * 20) == 2    # samples and glances alone
    assert slow.relief.interval == 3600.0


@pytest.mark.parametrize("easy, steps", [(EASY_IN_A_ROW - 1, 0), (EASY_IN_A_ROW, 1), (5 * EASY_IN_A_ROW, 5)])
def test_work_is_taken_up_again_step_by_step(easy: int, steps: int) -> None:
    told = Told()
    told.cycles(*[80.0] * 5)
    assert told.relief.number == 5
    told.cycles(*[0.1] * easy)
    assert told.relief.number == 5 - steps
    assert (told.relief.why is None) == (steps == 5)


def test_nothing_is_taken_up_that_would_be_too_much_at_once_again() -> None:
    """At twice the interval a cycle of 4 s is light; at the one that was set it would take two fifths."""
    told = Told()
    told.cycles(6.0, 6.0, 6.0, 6.0, 6.0, 6.0)
    assert told.relief.interval == 20.0
    assert told.cycles(*[4.0] * 100) == 3


def test_it_does_not_swing_where_load_stays_as_it_is() -> None:
    """Of any load, what is in force is the same after a while."""
    for seconds in range(1, 100):
        told = Told()
        told.cycles(*[float(seconds)] * 100)
        before = len(told.steps)
        told.cycles(*[float(seconds)] * 200)
        assert len(told.steps) == before, seconds


def test_another_interval_begins_with_all_of_the_work() -> None:
    told = Told()
    told.cycles(*[80.0] * 5)
    told.relief.set_interval(30.0)
    assert told.relief.number == 0 and told.relief.interval == 30.0
    assert told.steps[-1] == (STEPS[0], "the interval was set to 30 s")
