"""Types of options: what a user may type, and what it means."""

from __future__ import annotations

import math
import re
import shlex
from typing import Annotated, Any, get_args, get_origin

import click
import msgspec
from click.shell_completion import CompletionItem

from ..errors import InvalidValue
from ..policy.classification import And, Filter, FilterType, Operation, Rule
from ..policy.decode import convert, decode
from ..policy.goals import IMPORTANCES, VELOCITY_OF_LEVEL
from ..policy.schedule import DAYS, ScheduleEntry
from ..texts import t
from .words import parse_span, parse_time

#: Short words for the types of filters; the long ones of the API are taken too.
MATCH_TYPES: dict[str, FilterType] = {
    "name": "virtual-server-name", "uuid": "virtual-server-uuid", "title": "title", "hostname": "hostname",
    "os-type": "os-type", "os-name": "os-name", "os-level": "os-level", "metadata": "metadata",
}  # fmt: skip

_MATCH = re.compile(r"\s*(?P<type>[a-z-]+)\s*(?P<operation>!=|≠|=)\s*(?P<value>.+?)\s*", re.DOTALL)

Json = dict[str, Any]

IMPORTANCE = click.Choice(IMPORTANCES)


class NumberRange(click.FloatRange):
    """A number within bounds. click lets through what is none, as that is beyond neither bound."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See `click.ParamType`."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(t("{value} is not a number", value=repr(value)), param, ctx)
        return number


def one_of(words: Any) -> click.Choice:  # type: ignore[type-arg]    # generic only in newer click
    """A choice of the words that a type of the API allows (`wire`)."""
    literal = get_args(words)[0] if get_origin(words) is Annotated else words
    return click.Choice(get_args(literal))


def velocity_goal(text: str) -> Json:
    """A goal as JSON from a level, a number, or ``discretionary``. Raises ValueError."""
    if text == "discretionary":
        return {"type": "discretionary"}
    if text in VELOCITY_OF_LEVEL:
        return {"type": "velocity", "velocity": text}
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 99:
        return {"type": "velocity", "velocity": int(text)}
    levels = ", ".join(f"{level} ({number})" for level, number in VELOCITY_OF_LEVEL.items())
    raise ValueError(t(
        "{text} is not a velocity; right are {levels}, or a number from 1 to 99", text=repr(text), levels=levels,
    ))


def match_filter(text: str) -> Filter:
    """A filter from ``TYPE=PATTERN`` or ``TYPE!=PATTERN``. Raises ValueError."""
    match = _MATCH.fullmatch(text)
    if match is None:
        raise ValueError(t(
            "{text} is not of the form TYPE=PATTERN or TYPE!=PATTERN, such as 'name=db*'", text=repr(text),
        ))
    word = match["type"]
    type_ = MATCH_TYPES.get(word) or next((one for one in MATCH_TYPES.values() if one == word), None)
    if type_ is None:
        raise ValueError(t(
            "there is no type {word} to match; right are: {words}", word=repr(word), words=", ".join(MATCH_TYPES),
        ))
    if len(match["value"]) > 255:
        raise ValueError(t("a pattern has at most 255 characters"))
    operation: Operation = "string-match" if match["operation"] == "=" else "string-not-match"
    return Filter(type_, operation, match["value"])


_DAYS = {"daily": "mon-sun", "weekdays": "mon-fri", "weekend": "sat-sun"}
_TIMES = re.compile(r"([0-9]{2}:[0-9]{2})-([0-9]{2}:[0-9]{2})")


def entry_from_text(text: str) -> Json:
    """An entry of a schedule as JSON from ``POLICY DAYS FROM-TO``. Raises ValueError, InvalidValue."""
    parts = shlex.split(text)
    times = _TIMES.fullmatch(parts[-1]) if parts else None
    if len(parts) != 3 or times is None:
        raise ValueError(t(
            "{text} is not of the form 'POLICY DAYS FROM-TO', such as 'night mon-fri 22:00-06:00'", text=repr(text),
        ))
    entry = {"policy": parts[0], "days": _days(parts[1]), "from": times[1], "to": times[2]}
    convert(entry, ScheduleEntry)
    return entry


def _days(text: str) -> list[str]:
    """Days of ``mon,wed``, ``mon-fri``, ``daily``, ``weekdays``, ``weekend``. Raises ValueError."""
    found: list[str] = []
    for part in _DAYS.get(text, text).split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise ValueError(t(
                "{text} are no days; right are {days}, a range such as mon-fri, and {words}",
                text=repr(text), days=", ".join(DAYS), words=", ".join(_DAYS),
            ))
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found += [DAYS[place % 7] for place in range(begin, (end if end >= begin else end + 7) + 1)]
    return list(dict.fromkeys(found))


def all_of(filters: list[Filter]) -> Rule | None:
    """The rule that all filters match; None without any."""
    if len(filters) <= 1:
        return filters[0] if filters else None
    return And(tuple(filters))


def class_from_text(text: str) -> Json:
    """A service class as JSON from ``NAME GOAL [TYPE=PATTERN]...``. Raises ValueError."""
    parts = shlex.split(text)
    if len(parts) < 2:
        raise ValueError(t(
            "{text} is not of the form 'NAME GOAL [TYPE=PATTERN]...', such as 'db fast name=db*'", text=repr(text),
        ))
    made: Json = {"name": parts[0], "goal": velocity_goal(parts[1])}
    rule = all_of([match_filter(part) for part in parts[2:]])
    if rule is not None:
        made["classification"] = msgspec.to_builtins(rule)
    return made


class Parsed(click.ParamType):  # type: ignore[type-arg]    # generic only in newer click
    """An option whose text a function takes apart; its ValueError is the usage message."""

    def parse(self, value: str) -> Any:
        raise NotImplementedError

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self.parse(value)
        except (ValueError, InvalidValue) as error:
            self.fail(str(error), param, ctx)


class Velocity(Parsed):
    """A level, or a number from 1 to 99; gives the goal as JSON."""

    name = "velocity"

    def parse(self, value: str) -> Json:
        return velocity_goal(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem[str]]:
        return [
            CompletionItem(level, help=str(number)) for level, number in VELOCITY_OF_LEVEL.items()
            if level.startswith(incomplete)
        ]  # fmt: skip


class Match(Parsed):
    """A filter of a classification rule."""

    name = "match"

    def parse(self, value: str) -> Filter:
        return match_filter(value)


class ClassText(Parsed):
    """A service class in short."""

    name = "class"

    def parse(self, value: str) -> Json:
        return class_from_text(value)


class EntryText(Parsed):
    """An entry of a schedule in short."""

    name = "entry"

    def parse(self, value: str) -> Json:
        return entry_from_text(value)


class Until(Parsed):
    """How long from now: ``90m``, ``1h``, ``2d``, ``1w``; or a time; gives RFC 3339 UTC."""

    name = "until"

    def parse(self, value: str) -> str:
        try:
            return parse_time(value, ahead=True)
        except (ValueError, OverflowError):
            raise ValueError(t(
                "{value} is not a time; right would be 90m, 1h, 2d, 1w from now, '2026-02-03 14:00' or"
                " '2026-02-03T13:00:00Z'",
                value=repr(value),
            )) from None


class Span(Parsed):
    """A time from one thing to the next: ``30s``, ``5m``, ``1h``, ``1d``; gives seconds."""

    name = "span"

    def parse(self, value: str) -> float:
        try:
            return parse_span(value)
        except (ValueError, OverflowError):
            raise ValueError(t(
                "{value} is no span of time; right would be 30s, 5m, 1h or 1d", value=repr(value),
            )) from None


class RuleJson(Parsed):
    """A classification rule as JSON."""

    name = "rule"

    def parse(self, value: str) -> Rule:
        rule: Rule = convert(decode(value.encode(), dict[str, Any]), Rule)  # type: ignore[arg-type]
        return rule


class Cpus(Parsed):
    """A number of CPUs, or ``none``, which gives ``"none"``."""

    name = "cpus"

    def parse(self, value: str) -> float | str:
        if value == "none":
            return value
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not 0.01 <= number <= 4096:
            raise ValueError(t("{value} is not a number of CPUs; right are 0.01 to 4096, or none", value=repr(value)))
        return number


class Mebibytes(Parsed):
    """A size of memory in whole MiB, with a unit (``512M``, ``2G``) or without, or ``none``, which gives ``"none"``."""

    name = "size"

    def parse(self, value: str) -> int | str:
        if value == "none":
            return value
        text, unit = value.strip().lower().removesuffix("ib").removesuffix("b"), 1
        for letter, mebibytes in (("m", 1), ("g", 1024), ("t", 1024 * 1024)):
            if text.endswith(letter):
                text, unit = text[:-1], mebibytes
        number = int(text) * unit if text.isdecimal() else 0
        if not 1 <= number <= 1 << 30:
            raise ValueError(t(
                "{value} is not a size of memory; right are MiB such as 512, or 2G, or none", value=repr(value),
            ))
        return number


class WholeNumber(Parsed):
    """A whole number within bounds, or ``none``, which gives ``"none"``."""

    name = "number"

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most

    def parse(self, value: str) -> int | str:
        if value == "none":
            return value
        number = int(value) if value.isdecimal() and len(value) < 20 else -1
        if not self._least <= number <= self._most:
            raise ValueError(t(
                "{value} is not right; right are {least} to {most}, or none",
                value=repr(value), least=self._least, most=self._most,
            ))
        return number


class Device(Parsed):
    """Limits of a disk: ``/dev/sda,read-bytes-sec=1000000,write-iops-sec=50``; ``none`` gives None."""

    name = "device"

    def parse(self, value: str) -> Json | None:
        if value == "none":
            return None
        device, *limits = value.split(",")
        found: Json = {"device": device}
        for limit in limits:
            field, sign, text = limit.partition("=")
            if not sign or not text.isdecimal():
                raise ValueError(t(
                    "{limit} is no limit of a disk; right would be read-bytes-sec=1000000", limit=repr(limit),
                ))
            found[field] = int(text)
        return found


class Attribute(Parsed):
    """``KEY=VALUE``; gives the pair."""

    name = "attribute"

    def parse(self, value: str) -> tuple[str, str]:
        key, sign, text = value.partition("=")
        if not sign or not key.strip():
            raise ValueError(t("{value} is not of the form KEY=VALUE, such as 'os-type=linux'", value=repr(value)))
        return key.strip(), text


class Moment(Parsed):
    """A time, or how long ago; gives RFC 3339 UTC."""

    name = "time"

    def parse(self, value: str) -> str:
        try:
            return parse_time(value)
        except (ValueError, OverflowError):
            raise ValueError(t(
                "{value} is not a time; right would be '2026-02-03 14:00', '2026-02-03T13:00:00Z', or 90m, 2h, 1d, 1w"
                " for so long ago",
                value=repr(value),
            )) from None
