"""Partitions of a host, on their page and where servers and groups tell of them."""

from __future__ import annotations

from .conftest import Flow

HOST = {"uri": "simulated:6"}


def test_partitions_are_shown_made_and_changed(flow: Flow) -> None:
    flow("partitions")
