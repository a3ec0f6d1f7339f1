"""Times as the API has them: RFC 3339, in UTC."""

from __future__ import annotations

from datetime import datetime


def rfc3339(moment: datetime) -> str:
    """UTC with milliseconds, as the API has all times."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_of(text: str) -> datetime:
    """The moment of such a time, or of another one of ISO 8601. Raises ValueError."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def by_local_zone(moment: datetime) -> datetime:
    """A moment (UTC) by the time zone of this process. One of a day or more is none: TZ is then taken for UTC, as libc
    takes other nonsense."""
    try:
        return moment.astimezone()
    except ValueError:
        return moment
