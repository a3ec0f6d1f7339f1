"""What hpm is compared with in bench/goals.py does what it is said to do: or the comparison would be worth nothing."""

from __future__ import annotations

import random

import pytest

from bench.sides import LEAST, MOST, RATIO, ByImportance, Feedback, Fixed, Optimiser, Seen, Side, Stepper, Tuner

#: Goals of six that spin on two CPUs: they can all be met.
GOALS = (0.70, 0.45, 0.25, 0.15, None, None)
RANKS = (0, 1, 1, 3, 3, 3)


def shared(weights: list[int], cpus: float = 2.0) -> list[Seen]:
    """What guests that spin get of two CPUs with these weights, one CPU each at most."""
    given, left, hungry = [0.0] * len(weights), cpus, set(range(len(weights)))
    while hungry:
        unit = left / sum(weights[n] for n in hungry)
        full = {n for n in hungry if weights[n] * unit >= 1.0}
        for n in full or hungry:
            given[n] = min(1.0, weights[n] * unit)
        if not full:
            break
        left, hungry = left - len(full), hungry - full
    return [Seen(goal, rank, part, part) for goal, rank, part in zip(GOALS, RANKS, given, strict=True)]


def met(guests: list[Seen]) -> int:
    return sum(g.goal is None or (g.velocity or 0.0) >= g.goal / 1.05 for g in guests)


@pytest.mark.parametrize(
    ("side", "intervals"), [(Stepper(), 20), (Feedback(), 12), (Optimiser(), 6), (Tuner(GOALS), 14)],
    ids=lambda side: type(side).__name__,
)  # fmt: skip
def test_it_meets_goals_that_can_be_met(side: Side, intervals: int) -> None:
    weights = [1000] * 6
    for _ in range(intervals):
        weights = side.after(shared(weights), weights)
    assert met(shared(weights)) == 6, shared(weights)
    if isinstance(side, Tuner):
        assert met(shared(side.weights)) == 6


def test_fixed_sides_are_fixed() -> None:
    goals = [(70, "highest"), (45, "medium"), (15, "low"), (None, "low")]
    assert ByImportance().begin(goals, [1000] * 4) == [512, 333, 167, 100]
    fixed = Fixed([[1, 2], [3, 4]])
    assert [fixed.begin(goals, [5, 5]) for _ in range(3)] == [[1, 2], [3, 4], [1, 2]]
    assert fixed.after([], [3, 4]) == [3, 4]


@pytest.mark.parametrize(
    "side", [Stepper(), Feedback(), Optimiser(), Tuner(GOALS)], ids=lambda side: type(side).__name__
)
def test_whatever_it_sees_its_weights_keep_the_limits(side: Side) -> None:
    chance, weights = random.Random(1), [1000] * 6
    for _ in range(60):
        guests = [
            Seen(goal, rank, chance.choice((None, 0.0, chance.random(), 1.0)), chance.random())
            for goal, rank in zip(GOALS, RANKS, strict=True)
        ]
        weights = side.after(guests, weights)
        assert all(LEAST <= weight <= MOST for weight in weights)
        assert max(weights) <= RATIO * min(weights)
