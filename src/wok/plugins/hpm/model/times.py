"""Times in requests."""

from __future__ import annotations

from datetime import datetime, timezone

from ..errors import InvalidValue
from ..manager.calendar import rfc3339


def utc_time(text: str, path: str) -> str:
    """A time of a request (RFC 3339) in the form that records have: UTC, milliseconds. Raises `InvalidValue`."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        if moment.tzinfo is None:
            raise InvalidValue(f"{text[:40]!r} has no time zone; write 2026-11-21T14:00:00Z", path)
        return rfc3339(moment.astimezone(timezone.utc))
    except (ValueError, OverflowError):
        raise InvalidValue(f"{text[:40]!r} is no RFC 3339 time such as 2026-11-21T14:00:00Z", path) from None
