"""Lists of CPUs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpm.errors import InvalidValue
from hpm.policy.cpu_sets import format_cpus, parse_cpus


@pytest.mark.parametrize(("text", "cpus"), [
    ("0", {0}), ("0-3,8", {0, 1, 2, 3, 8}), ("0-3,^2,7", {0, 1, 3, 7}), ("3,1,2", {1, 2, 3}), ("0-1, 4", {0, 1, 4}),
])  # fmt: skip
def test_a_list_names_its_cpus(text: str, cpus: set[int]) -> None:
    assert parse_cpus(text) == cpus


@pytest.mark.parametrize("text", ["", "a", "3-1", "0-", "-1", "9999", "0-3,,4", "0,^0", "1;2", "٣"])
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        parse_cpus(text)


@given(st.sets(st.integers(0, 8191), min_size=1, max_size=40))
def test_what_is_written_is_read_as_it_was(cpus: set[int]) -> None:
    assert parse_cpus(format_cpus(cpus)) == cpus
