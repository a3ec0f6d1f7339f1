"""Memory management, on a host that is short of memory."""

from __future__ import annotations

from .conftest import Flow

HOST = {"uri": "simulated:9"}


def test_memory_is_managed_and_the_pages_say_why(flow: Flow) -> None:
    flow("memory")


def test_memory_policies_are_written_tried_and_explained(flow: Flow) -> None:
    flow("memory-policies")
