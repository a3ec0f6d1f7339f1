"""What the soak says of figures over time: growth is seen, and neither a beginning nor noise is taken for it."""

from __future__ import annotations

import random

import msgspec
import pytest

from tests.soak.growing import grown, sizes
from tests.soak.judging import HEAD, Series, growth, least, more, most, rows

HOUR = 3600.0


def series(seconds: float, of: object) -> Series:
    times = tuple(float(at) for at in range(0, round(seconds) + 1, 10))
    return Series(times, tuple(of(at) for at in times))    # type: ignore[operator]


@pytest.mark.parametrize(("percent", "good"), [(0.0, True), (1.5, True), (4.0, False), (50.0, False)])
def test_growth_over_two_hours_is_seen_within_noise(percent: float, good: bool) -> None:
    chance = random.Random(1)
    held = growth("memory", series(2 * HOUR, lambda at: 1e8 * (1 + percent / 100 * at / (2 * HOUR))
                                   * chance.uniform(0.98, 1.02)), 2.0)  # fmt: skip
    assert held.good is good, held


def test_what_it_has_at_the_begin_is_no_growth_and_neither_is_a_burst() -> None:
    begins = series(2 * HOUR, lambda at: 5e7 if at < 500 else 1e8)
    assert growth("memory", begins, 2.0).good
    burst = series(2 * HOUR, lambda at: 3e8 if 7000 < at < 7200 else 1e8)
    assert growth("memory", burst, 2.0).good


def test_one_file_a_quarter_of_an_hour_is_too_much() -> None:
    assert more("files", series(2 * HOUR, lambda at: 40.0 + at // 900), 2.0).good is False
    assert more("files", series(2 * HOUR, lambda at: 40.0 + at % 3), 2.0).good


def test_a_run_that_is_too_short_says_so() -> None:
    short = growth("memory", series(100.0, lambda at: 1e8), 2.0)
    assert short.good is None and rows([short])[0][HEAD.index("held")] == "too short"
    assert growth("memory", Series((), ()), 2.0).good is None
    assert most("late", "s", [], 3.0).good is None
    assert most("late", "s", [0.0, 4.0, 0.1], 3.0).good is False


def test_what_was_hardly_looked_at_is_no_good() -> None:
    assert least("compared", "", 3.0, 4.0).good is False
    assert least("compared", "", 4.0, 4.0).good is True


class Holder:
    """As hpm's own objects are."""

    def __init__(self) -> None:
        self.known: dict[int, list[int]] = {}
        self.still = (1, 2, 3)


Holder.__module__ = "hpm.somewhere"


def test_a_container_that_grows_is_named() -> None:
    holder = Holder()
    before = sizes(holder)
    holder.known = {number: [] for number in range(100)}
    assert grown(before, sizes(holder), 10) == {"Holder.known": (0, 100)}


def test_verdicts_can_be_written_as_json() -> None:
    assert b'"good":true' in msgspec.json.encode(most("late", "s", [1.0], 3.0))
