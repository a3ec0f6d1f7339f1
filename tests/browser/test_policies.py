"""Policies, in the browser: made, changed, scheduled, imported, compared, by two at once."""

from __future__ import annotations

from .conftest import Flow

HOST = {"uri": "simulated:12"}


def test_policies(flow: Flow) -> None:
    flow("policies")
