"""Guest policies in the pages."""

from __future__ import annotations

from .conftest import Flow


def test_guest_policies(flow: Flow) -> None:
    flow("guest")


def test_starts_and_stops(flow: Flow) -> None:
    flow("starts")
