"""The main job by the pages alone, on the simulated host; on real guests it is in tests/system/test_pages.py."""

from __future__ import annotations

from .conftest import Flow


def test_from_an_empty_host_to_a_goal_that_is_met(flow: Flow) -> None:
    found = flow("goal", words={"servers": ["db1", "db2"]})
    assert found["seconds"] < 180
