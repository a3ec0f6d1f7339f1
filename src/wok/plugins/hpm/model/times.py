"""Times in requests."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from ..errors import InvalidValue
from ..wire.times import rfc3339

#: As RFC 3339 has it (section 5.6); Python's own parser takes more, and each release other things.
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-]\d\d:\d\d))", re.ASCII
)


def utc_time(text: str, path: str) -> str:
    """A time of a request (RFC 3339) in the form that records have: UTC, milliseconds. Raises `InvalidValue`."""
    match = _TIME.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        day, clock, fraction, offset = match.groups()
        micros = (fraction or "").ljust(6, "0")[:6]
        moment = datetime.fromisoformat(f"{day}T{clock}.{micros}{offset or '+00:00'}")
        return rfc3339(moment.astimezone(timezone.utc))
    except (ValueError, OverflowError):
        raise InvalidValue(
            f"{text[:40]!r} is no RFC 3339 time with seconds and a time zone, such as 2026-11-21T14:00:00Z", path
        ) from None
