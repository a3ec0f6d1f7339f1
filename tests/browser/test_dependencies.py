"""Who needs whom before it starts, and what is started and stopped in that order."""

from __future__ import annotations

from .conftest import Flow

HOST = {"uri": "simulated:9"}


def test_dependencies_are_drawn_and_starts_are_followed(flow: Flow) -> None:
    flow("dependencies")
