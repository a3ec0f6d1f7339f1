"""The pages of a host that is looked at so seldom that what is fresh must have come by events."""

from __future__ import annotations

from .conftest import Flow

HOST = {"interval": 60.0}


def test_events_show_what_happens_at_once(flow: Flow) -> None:
    flow("fresh", title="events", words={"events": True, "name": "Told"})
