"""What hpm did, what people did, and how hpm is set: adjustments, the activity log, settings, tokens."""

from __future__ import annotations

from .conftest import Flow


def test_what_was_done_and_what_is_set(flow: Flow) -> None:
    flow("report")
