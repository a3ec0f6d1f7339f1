"""The page of workload resource groups."""

from __future__ import annotations

from .conftest import Flow


def test_groups_are_made_changed_and_deleted(flow: Flow) -> None:
    flow("groups")
