"""What is told of goals that are missed for long, and when: by itself, in any time."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpm.engine.missed import Lapse, Lapses, Rules, Said

RULES = Rules(300.0)
WINDOW = 10.0


class Played:
    """Windows of ten seconds, one after another, of one thing; what was told of it, and when."""

    def __init__(self, rules: Rules = RULES, lapses: dict[str, Lapse] | None = None, now: float = 1000.0) -> None:
        self.lapses, self.rules, self.now = Lapses(lapses), rules, now
        self.told: list[tuple[str, float, float]] = []

    def see(self, missed: bool | None, times: int = 1) -> Played:
        for _ in range(times):
            self.now += WINDOW
            self._note(self.lapses.see(self.now, WINDOW, {"x": missed}, self.rules))
        return self

    def forget(self) -> Played:
        self.now += WINDOW
        self._note(self.lapses.see(self.now, WINDOW, {}, self.rules))
        return self

    def _note(self, said: list[Said]) -> None:
        self.told += [(one.what, self.now - 1000.0, one.seconds) for one in said]


def test_it_is_told_once_when_it_was_missed_for_long_and_once_when_it_is_over() -> None:
    played = Played().see(False, 5).see(True, 29)
    assert played.told == []
    assert played.see(True, 50).told == [("begun", 350.0, 300.0)]
    assert played.see(False, 9).told == [("begun", 350.0, 300.0), ("over", 850.0, 800.0)]


def test_one_window_in_which_it_is_met_ends_it() -> None:
    assert Played().see(True, 29).see(False).see(True, 29).see(False).told == []


def test_windows_in_which_nothing_can_be_judged_neither_end_nor_extend_it() -> None:
    played = Played().see(True, 20).see(None, 20).see(True, 9)
    assert played.told == []
    assert played.see(True).told == [("begun", 500.0, 500.0)]


def test_it_is_over_when_nothing_could_be_judged_for_as_long() -> None:
    played = Played().see(True, 30).see(None, 29)
    assert [what for what, *_ in played.told] == ["begun"]
    assert played.see(None, 100).told[1:] == [("quiet", 600.0, 600.0)]
    assert Played().see(True, 29).see(None, 30).see(True, 29).told == []


def test_reminders_come_while_it_is_missed_and_only_then() -> None:
    played = Played(Rules(300.0, 600.0)).see(True, 30).see(True, 59)
    assert [what for what, *_ in played.told] == ["begun"]
    assert played.see(True).told[1:] == [("goes-on", 900.0, 900.0)]
    assert len(played.see(None, 29).told) == 2
    assert played.see(True, 40).told[2:] == [("goes-on", 1500.0, 1500.0)]
    assert [what for what, *_ in Played().see(True, 1000).told] == ["begun"]


def test_what_is_asked_for_no_more_is_told_if_it_was_told() -> None:
    assert Played().see(True, 30).forget().told[1:] == [("withdrawn", 310.0, 310.0)]
    assert Played().see(True, 20).forget().see(True, 29).told == []


def test_after_a_restart_it_is_neither_told_again_nor_forgotten() -> None:
    before = {"x": Lapse(began=500.0, told=800.0)}
    assert Played(lapses=before).see(None, 2).see(True, 100).told == []
    assert Played(lapses=before).see(True).see(False).told == [("over", 20.0, 520.0)]
    assert Played(lapses=before).see(None, 2).forget().told == [("withdrawn", 30.0, 530.0)]
    assert Played(Rules(300.0, 600.0), before).see(True, 50).told == [("goes-on", 400.0, 900.0)]


def test_time_of_which_nothing_is_known_is_not_counted() -> None:
    """A cycle was lost, or the window tells only the last part of the time: the rest may have been anything."""
    played = Played().see(True, 20)
    played.now += 3600.0
    assert played.see(True, 9).told == []
    assert [what for what, *_ in played.see(True).told] == ["begun"]


def test_windows_that_overlap_are_counted_once() -> None:
    lapses = Lapses()
    told = [lapses.see(float(second), 10.0, {"x": True}, RULES) for second in range(10, 300)]
    assert not any(told)
    assert [one.what for one in lapses.see(300.0, 10.0, {"x": True}, RULES)] == ["begun"]


def test_each_thing_has_a_lapse_of_its_own() -> None:
    lapses = Lapses()
    for number in range(30):
        said = lapses.see(10.0 * number, 10.0, {"a": True, "b": number > 5, "c": None}, RULES)
    assert said == [Said("a", "begun", 300.0)]


VERDICTS = st.lists(st.tuples(st.sampled_from([True, False, None]), st.integers(1, 40)), max_size=12)


@settings(deadline=None)
@given(VERDICTS, st.integers(1, 60), st.none() | st.integers(6, 90))
def test_whatever_happens_what_is_told_has_an_order(
    runs: list[tuple[bool | None, int]], after: int, repeat: int | None
) -> None:
    """One beginning, then reminders, then one end, and so on; never a beginning before its time, nor two within it."""
    rules = Rules(10.0 * after, None if repeat is None else 10.0 * repeat)
    played = Played(rules)
    for missed, times in runs:
        played.see(missed, times)
    open_ = False
    last = -1e9
    for what, at, seconds in played.told:
        assert open_ == (what != "begun")
        open_ = what in ("begun", "goes-on")
        if what == "begun":
            assert seconds >= rules.after - 1e-6
        if what == "goes-on":
            assert repeat is not None and at - last >= 10.0 * repeat - 1e-6
        last = at
    missed_at_the_end = bool(runs) and runs[-1][0] is True
    if missed_at_the_end and runs[-1][1] >= after:
        assert open_
    if runs and runs[-1][0] is False:
        assert not open_


@settings(deadline=None)
@given(VERDICTS, st.integers(1, 40))
def test_told_by_two_starts_as_by_one(runs: list[tuple[bool | None, int]], after: int) -> None:
    """If what was told is handed over at any moment, no beginning or end is told twice, and none gets lost."""
    rules = Rules(10.0 * after)
    played = Played(rules)
    for missed, times in runs:
        played.see(missed, times)
        if played.told and played.told[-1][0] in ("begun", "goes-on"):
            _, at, seconds = played.told[-1]
            told = 1000.0 + at
            played.lapses = Lapses({"x": Lapse(told - seconds, told=told)})
        else:
            played.lapses = Lapses()
    kinds = [what for what, *_ in played.told]
    assert all(a != b and "begun" in (a, b) for a, b in pairwise(kinds))


@pytest.mark.parametrize("back", [0.0, -50.0])
def test_a_clock_that_stands_or_goes_back_does_no_harm(back: float) -> None:
    lapses = Lapses()
    lapses.see(100.0, 10.0, {"x": True}, Rules(20.0))
    assert lapses.see(100.0 + back, 10.0, {"x": True}, Rules(20.0)) == []
