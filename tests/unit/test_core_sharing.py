"""How fast vCPUs run beside each other on threads of one core."""

from __future__ import annotations

import pytest

from hpm.engine.core_sharing import SMT_GAIN, Cores
from hpm.engine.topology import flat, regular

#: Two cores of two threads: 0 and 2, 1 and 3.
CORES = Cores(regular(4, 1, 2))
HALF = SMT_GAIN / 2


def speeds(*uses: tuple[set[int], float], cores: Cores = CORES) -> list[float]:
    return cores.speeds([(frozenset(cpus), used) for cpus, used in uses])


def test_two_busy_threads_of_a_core_do_a_quarter_more_than_one() -> None:
    assert speeds(({0}, 1.0), ({2}, 1.0)) == pytest.approx([HALF, HALF])
    assert speeds(({0, 2}, 1.0), ({0, 2}, 1.0)) == pytest.approx([HALF, HALF])
    assert speeds(({0}, 1.0), ({1}, 1.0)) == [1.0, 1.0]


def test_one_that_may_use_both_threads_does_not_slow_itself() -> None:
    assert speeds(({0, 2}, 1.0)) == [1.0]


def test_more_cpus_of_the_same_core_make_nobody_faster() -> None:
    for used in (1.0, 0.5):
        alone = speeds(({0}, used), ({2}, used))
        assert speeds(({0, 2}, used), ({2}, used)) == pytest.approx(alone)
        assert speeds(({0, 2}, used), ({0, 2}, used)) == pytest.approx(alone)


def test_on_several_cores_each_has_its_own_while_there_are_enough() -> None:
    every = {0, 1, 2, 3}
    assert speeds(*[(every, 1.0)] * 2) == [1.0, 1.0]
    assert speeds(*[(every, 1.0)] * 4) == pytest.approx([HALF] * 4)


def test_who_shares_a_cpu_takes_turns() -> None:
    assert speeds(({0}, 0.5), ({0}, 0.5)) == [1.0, 1.0]


def test_one_that_works_little_slows_little() -> None:
    slowed, other = speeds(({0}, 1.0), ({2}, 0.1))
    assert other == pytest.approx(HALF) and 0.9 < slowed < 1.0


def test_more_threads_than_there_are_slow_no_further() -> None:
    crowd = [({2}, 1.0 / 3)] * 3
    assert speeds(({0}, 1.0), *crowd)[0] == pytest.approx(HALF)


def test_cores_of_four_threads_gain_with_each_doubling() -> None:
    four = Cores(regular(8, 2, 4))
    assert speeds(*(({cpu}, 1.0) for cpu in (0, 2, 4, 6)), cores=four) == pytest.approx([SMT_GAIN**2 / 4] * 4)


def test_without_threads_nobody_is_slowed() -> None:
    assert speeds(({0}, 1.0), ({1}, 1.0), cores=Cores(flat(2))) == [1.0, 1.0]
    assert speeds((set(), 0.0)) == [1.0]
