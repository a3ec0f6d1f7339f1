"""Tables of figures: a row for each server, in any order."""

from __future__ import annotations

import numpy as np
import pytest

from hpm.engine.table import Table, empty, of_rows

TABLE = of_rows(("used", "free"), {"a": (5, (1.0, 2.0)), "b": (7, (3.0, float("nan")))})


def test_a_figure_that_is_not_known_is_none() -> None:
    assert (TABLE.value("a", "used"), TABLE.value("b", "used"), TABLE.value("b", "free")) == (1.0, 3.0, None)
    assert (TABLE.value("c", "used"), TABLE.taken("a"), TABLE.taken("c")) == (None, 5, None)


def test_another_order_has_the_same_rows_and_nothing_of_others() -> None:
    moved = TABLE.aligned(("c", "b", "a"))
    assert moved.uuids == ("c", "b", "a")
    assert [moved.value(uuid, "used") for uuid in moved.uuids] == [None, 3.0, 1.0]
    assert moved.taken_ns.tolist() == [0, 7, 5]
    assert len(TABLE.aligned(())) == 0


def test_its_own_order_costs_nothing() -> None:
    assert TABLE.aligned(TABLE.uuids) is TABLE


def test_of_an_empty_table_nothing_is_known() -> None:
    moved = empty(("used",)).aligned(("a",))
    assert (moved.value("a", "used"), moved.taken("a")) == (None, None)


def test_it_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        TABLE.columns["used"][0] = 9
    with pytest.raises(ValueError, match="read-only"):
        TABLE.aligned(("b",)).taken_ns[0] = 9


def test_columns_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        Table(("a",), {"used": np.zeros(2)}, np.zeros(1, dtype=np.int64))
