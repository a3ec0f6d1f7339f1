"""Memory management on a host where other programs manage memory, too."""

from __future__ import annotations

from .conftest import Flow

HOST = {"uri": "simulated:3+momd+ksmtuned"}


def test_other_managers_of_memory_are_shown_and_taken_over_from(flow: Flow) -> None:
    flow("memory-rivals")
