"""Who sets the weights in bench/goals.py: hpm, and what it is compared with.

Sides without a program of their own look at each interval when it is over, as hpm does, and write the guests'
weights for the next. Velocities are 0…1 here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tests.system.goals import MET, Interval

IMPORTANCES = ("highest", "high", "medium", "low", "lowest")
LEAST, MOST, RATIO = 2.0, 10000.0, 500.0
#: Importance as a plain weight: the middle of 512, 333 and 167 is for `medium`.
BY_IMPORTANCE = {"highest": 512, "high": 512, "medium": 333, "low": 167, "lowest": 167}


class Seen(NamedTuple):
    """One guest in one interval: its goal (None: discretionary), velocity (None: it did nothing), CPUs."""

    goal: float | None
    rank: int
    velocity: float | None
    cpus: float

    @property
    def index(self) -> float | None:
        """The performance index."""
        if self.goal is None or self.velocity is None:
            return None
        return self.goal / max(0.001, self.velocity)


def seen(interval: Interval, goals: Sequence[tuple[int | None, str]]) -> list[Seen]:
    """An interval as sides see it."""
    return [
        Seen(_part(goal), IMPORTANCES.index(importance), _part(v), cpus)
        for (goal, importance), v, cpus in zip(goals, interval.velocities, interval.cpus, strict=True)
    ]  # fmt: skip


def _part(percent: float | None) -> float | None:
    return None if percent is None else percent / 100.0


def within_limits(weights: Sequence[float]) -> list[int]:
    """Whole weights within 2 … 10000 and 1 : 500, in the same proportion where that is possible."""
    most = max(weights)
    scale = min(1.0, MOST / most)
    least = max(LEAST, most * scale / RATIO)
    return [max(math.ceil(least), round(weight * scale)) for weight in weights]


class Side:
    """Sets no weight. `begin` is called when a block or a phase begins, `after` with each interval."""

    def begin(self, goals: Sequence[tuple[int | None, str]], weights: list[int]) -> list[int]:
        """Weights to begin with; `weights` are in force."""
        return weights

    def after(self, guests: Sequence[Seen], weights: list[int]) -> list[int]:
        """Weights for the next interval."""
        return weights


class Equal(Side):
    """Equal shares, as every host has them where nobody set any: an unmanaged host."""


class ByImportance(Side):
    """Fixed weights by importance, as VMware's and others' three levels of shares are."""

    def begin(self, goals: Sequence[tuple[int | None, str]], weights: list[int]) -> list[int]:
        return [BY_IMPORTANCE[importance] if goal is not None else 100 for goal, importance in goals]


class Fixed(Side):
    """Weights that were tuned for exactly this load, offline."""

    def __init__(self, phases: Sequence[Sequence[int]]) -> None:
        self._phases = list(phases)
        self._next = 0

    def begin(self, goals: Sequence[tuple[int | None, str]], weights: list[int]) -> list[int]:
        chosen = self._phases[self._next % len(self._phases)]
        self._next += 1
        return list(chosen)


class Stepper(Side):
    """One receiver, one step an interval, as z/OS WLM and z/VM VMRM are described: of the most important level
    with a missed goal the server that misses most gets a step; nobody misses: the one that exceeds its goal
    most, least important first, gives a step back."""

    STEP = 1.4

    def after(self, guests: Sequence[Seen], weights: list[int]) -> list[int]:
        indexes = {n: g.index for n, g in enumerate(guests) if g.index is not None}
        wanted = [float(weight) for weight in weights]
        missed = [n for n, index in indexes.items() if index > MET]
        if missed:
            receiver = min(missed, key=lambda n: (guests[n].rank, -indexes[n]))
            wanted[receiver] *= self.STEP
        else:
            rich = [n for n, index in indexes.items() if index < 0.8 and weights[n] > min(weights)]
            if not rich:
                return weights
            wanted[max(rich, key=lambda n: (guests[n].rank, -indexes[n]))] /= self.STEP
        return within_limits(wanted)


class Feedback(Side):
    """A controller per server: its weight follows the ratio of what it is to have (7 % above its goal) to what it
    has, integrating, in logarithms. A server gives way while a more important one misses its goal for long."""

    GAIN, MOST_STEP, ABOVE, LONG = 0.7, 2.5, 1.07, 3

    def __init__(self) -> None:
        self._missed: dict[int, int] = {}

    def after(self, guests: Sequence[Seen], weights: list[int]) -> list[int]:
        for number, guest in enumerate(guests):
            missed = guest.index is not None and guest.index > MET
            self._missed[number] = self._missed.get(number, 0) + 1 if missed else 0
        long = [g.rank for number, g in enumerate(guests) if self._missed[number] >= self.LONG]
        wanted = [float(weight) for weight in weights]
        for number, guest in enumerate(guests):
            if guest.index is None or 0.85 < guest.index <= 1.0:
                continue
            step = max(1.0 / self.MOST_STEP, min(self.MOST_STEP, (self.ABOVE * guest.index) ** self.GAIN))
            if step > 1.0 and any(rank < guest.rank for rank in long):
                step = 0.8
            wanted[number] *= step
        return within_limits(wanted)


class Optimiser(Side):
    """Fits one number per server to the last interval (velocity = it × weight / weight of all that want to run, at
    most 1), and minimises the shortfall of goals, weighted by importance, over all weights; half a step at a time."""

    PRICE = (10000.0, 1000.0, 100.0, 10.0, 1.0)
    ABOVE = 1.07

    def after(self, guests: Sequence[Seen], weights: list[int]) -> list[int]:
        active = [n for n, g in enumerate(guests) if g.velocity is not None]
        if len(active) < 2:
            return weights
        presence = {n: min(1.0, guests[n].cpus / max(0.01, guests[n].velocity or 0.01)) for n in active}
        present = {n: float(weights[n]) for n in active}

        def total(chosen: Mapping[int, float]) -> float:
            return sum(chosen[n] * presence[n] for n in active)

        fit = {n: max(0.01, guests[n].velocity or 0.0) * total(present) / present[n] for n in active}

        def cost(chosen: Mapping[int, float]) -> float:
            everything, price = total(chosen), 0.0
            for n in active:
                velocity, goal = min(1.0, fit[n] * chosen[n] / everything), guests[n].goal
                if goal is not None:
                    price += self.PRICE[guests[n].rank] * max(0.0, goal * self.ABOVE - velocity) ** 2
                price += 0.001 * math.log(chosen[n] / present[n]) ** 2 + 0.0005 / (0.01 + velocity)
            return price

        best = dict(present)
        for factor in (2.0, 1.4, 1.15, 1.05) * 3:
            for n in active:
                tries = [{**best, n: max(LEAST, min(MOST, best[n] * by))} for by in (factor, 1.0, 1.0 / factor)]
                best = min(tries, key=cost)
        scale = math.prod(best[n] / present[n] for n in active) ** (1.0 / len(active))    # only ratios matter
        return within_limits([
            math.sqrt(best[n] / scale * weight) if n in best else float(weight) for n, weight in enumerate(weights)
        ])  # fmt: skip


class Tuner(Side):
    """How `Fixed` gets its weights: odds of velocities are brought to those wanted, interval after interval, at first
    in large steps. `weights` are the mean of the last ones."""

    GAINS = (0.8, 0.8, 0.7, 0.7, 0.6, 0.5, 0.5, 0.4, 0.4, 0.3, 0.3, 0.3, 0.3)
    LAST = 4

    def __init__(self, targets: Sequence[float | None]) -> None:
        self._targets = targets
        self._tried: list[list[int]] = []

    def after(self, guests: Sequence[Seen], weights: list[int]) -> list[int]:
        gain = self.GAINS[min(len(self._tried), len(self.GAINS) - 1)]
        self._tried.append(list(weights))
        wanted = [float(weight) for weight in weights]
        for number, (guest, target) in enumerate(zip(guests, self._targets, strict=True)):
            if target is not None and guest.velocity is not None:
                wanted[number] *= max(0.4, min(2.5, (_odds(target) / _odds(guest.velocity)) ** gain))
        return within_limits(wanted)

    @property
    def weights(self) -> list[int]:
        """What was found."""
        columns = zip(*self._tried[-self.LAST :], strict=True)
        return [round(math.exp(sum(map(math.log, column)) / len(column))) for column in columns]


def _odds(velocity: float) -> float:
    inside = min(0.995, max(0.005, velocity))
    return inside / (1.0 - inside)
