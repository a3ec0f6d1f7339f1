"""Values in words: how goals, indexes, shares, statuses and times read in a table."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from math import isfinite

from ..policy.goals import Goal, VelocityGoal
from ..texts import t
from ..wire.times import by_local_zone, moment_of

#: What stands where there is no value.
NONE = "-"

#: A status is never told by its symbol or colour alone.
_SYMBOLS = {"met": "●", "missed": "▲", "idle": "◌", "discretionary": "–"}

_DIGITS = re.compile("([0-9]{1,18})")

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def goal_status(status: str) -> str:
    """``● met``; statuses without a symbol are indented, so that the words align."""
    return f"{_SYMBOLS.get(status, ' ')} {status}"


def goal_status_style(status: str) -> str:
    """Colour of a goal status on a terminal."""
    return {"met": "green", "missed": "bold red"}.get(status, "dim")


def goal(value: Goal | None) -> str:
    """``fast (75)``, ``60``, ``discretionary``."""
    if value is None:
        return NONE
    if not isinstance(value, VelocityGoal):
        return "discretionary"
    return str(value.velocity) if isinstance(value.velocity, int) else f"{value.velocity} ({value.percent})"


def goal_percent(value: Goal | None) -> str:
    """The goal's velocity in percent."""
    return str(value.percent) if isinstance(value, VelocityGoal) else NONE


def index(value: float | None) -> str:
    """A performance index: two places."""
    return NONE if value is None else f"{value:.2f}"


def percent(value: float | None) -> str:
    """A velocity: whole percent; less than that cannot be measured."""
    return NONE if value is None else f"{value:.0f}"


def cpus(value: float | None) -> str:
    """CPUs: up to two places."""
    return NONE if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def text_or_none(value: object | None) -> str:
    """Any value, or the sign for none."""
    return NONE if value is None or value == "" else str(value)


def yes_no(value: bool | None) -> str:
    """``yes``, ``no``, or the sign for none."""
    return NONE if value is None else t("yes") if value else t("no")


def in_order(name: str) -> list[str | int]:
    """What to sort names by, so that app2 comes before app10, and upper case beside lower case."""
    return [int(part) if place % 2 else part for place, part in enumerate(_DIGITS.split(name.casefold()))]


def id_of(uri: str) -> str:
    """The id that an object's URI ends in."""
    return uri.rstrip("/").rpartition("/")[2]


def local_time(text: str) -> str:
    """An RFC 3339 time in the user's time zone: ``2026-02-03 14:05:10``; as it is, where it has none there."""
    try:
        return by_local_zone(moment_of(text)).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError):    # the end of the year 9999 is one of the year 10000 further east
        return text


def parse_span(text: str) -> float:
    """Seconds of ``30s``, ``5m``, ``2h``, ``1d``, ``1w``, or a plain number of them. Raises ValueError."""
    span = _SPAN.fullmatch(text.strip())
    if span is None:
        seconds = float(text)
        if not isfinite(seconds):
            raise ValueError(text)
        return seconds
    return timedelta(**{_UNITS[span[2]]: float(span[1])}).total_seconds()


def parse_time(text: str, now: datetime | None = None, *, ahead: bool = False) -> str:
    """What a user says of a time, as RFC 3339 UTC: ``2026-02-03 14:00`` (local unless a zone is said),
    or ``90m``, ``2h``, ``1d``, ``1w`` ago (`ahead`: from now). Raises ValueError."""
    now = now or datetime.now(timezone.utc)
    span = _SPAN.fullmatch(text.strip())
    if span is not None:
        distance = timedelta(**{_UNITS[span[2]]: float(span[1])})
        moment = now + distance if ahead else now - distance
    else:
        moment = moment_of(text.strip()).astimezone(timezone.utc)
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
