"""The route of events."""

from __future__ import annotations

from ..manager.manager import Manager
from ..model.events import EventFeeds
from ..wire.events import EVENT_STREAM, Event, EventQuery
from .route import Route


def event_routes(manager: Manager) -> tuple[Route, ...]:
    """See `routes`."""
    feeds = EventFeeds(manager)
    return (
        Route(
            "GET", "/events", "Events as they happen: an answer that goes on", Event,
            lambda r: feeds.open(r.base, r.caller.user, r.last_event, r.query), query=EventQuery,
            answers=(EVENT_STREAM,),
        ),
    )  # fmt: skip
