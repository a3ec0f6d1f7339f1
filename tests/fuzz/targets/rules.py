"""Patterns of classification rules, lists of CPUs and hours, against the slow and plain way to look at them."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from hpm.engine.pin_sets import cpu_set
from hpm.errors import InvalidValue
from hpm.policy.classification import Filter, Value, compile_pattern, matches
from hpm.policy.cpu_sets import MAX_CPU, format_cpus, parse_cpus
from hpm.policy.names import Name
from hpm.policy.schedule import TimeOfDay, hours_hold, minutes

from ..target import Target

#: Above it the plain way takes too long.
SHORT: Final = 120


def run(data: bytes) -> None:
    """The first line is a pattern, the second what it is held against; both are looked at as other things, too."""
    lines = data.decode(errors="replace").split("\n")
    pattern, text = lines[0], "\n".join(lines[1:])
    _pattern(pattern, text)
    _cpus(pattern)
    _hours(pattern, text)
    for value in lines[:2]:
        try:
            name = msgspec.convert(value, Name)
        except msgspec.ValidationError:
            continue
        assert name == name.strip() and "/" not in name and name not in (".", "..")


def _pattern(pattern: str, text: str) -> None:
    try:
        msgspec.convert(pattern, Value)
    except msgspec.ValidationError:
        return
    found = compile_pattern(pattern).fullmatch(text) is not None
    rule = Filter("virtual-server-name", "string-match", pattern)
    assert matches(rule, {"virtual-server-name": text}) == found
    assert matches(msgspec.structs.replace(rule, operation="string-not-match"), {"metadata": (text,)})
    if len(pattern) <= SHORT and len(text) <= SHORT:
        assert found == plainly(pattern, text), "a pattern matches otherwise than it says"


def plainly(pattern: str, text: str) -> bool:
    """Whether a pattern matches, as its definition says."""
    parts: list[str | None] = []    # None: any text
    signs = iter(pattern)
    for sign in signs:
        if sign == "*":
            parts.append(None)
        elif sign == "?":
            parts.append("")    # one character
        else:
            parts.append(next(signs, "\\") if sign == "\\" else sign)

    @lru_cache(None)
    def fits(at: int, place: int) -> bool:
        if at == len(parts):
            return place == len(text)
        part = parts[at]
        if part is None:
            return fits(at + 1, place) or (place < len(text) and fits(at, place + 1))
        return place < len(text) and part in ("", text[place]) and fits(at + 1, place + 1)

    return fits(0, 0)


def _cpus(text: str) -> None:
    try:
        cpus = parse_cpus(text)
    except InvalidValue as error:
        assert len(error.message) < 1000
        return
    assert cpus and max(cpus) <= MAX_CPU
    assert parse_cpus(format_cpus(cpus)) == cpus, "a list of CPUs is another one the second time"
    assert cpu_set((text, text), 2) == cpus


def _hours(begin: str, end: str) -> None:
    try:
        hours = [msgspec.convert(one, TimeOfDay) for one in (begin, end)]
    except msgspec.ValidationError:
        return
    length = (minutes(hours[1]) - minutes(hours[0])) % 1440 or 1440
    week = [(day, minute) for day in range(7) for minute in range(0, 1440, 5)]
    held = 5 * sum(hours_hold(("sun", "wed"), hours[0], hours[1], day, minute) for day, minute in week)
    assert abs(held - 2 * length) < 20, "hours hold for more or less time than they say"


TARGET = Target(run, (
    b"*", b"?", b"\\*", b"\\", b"*a*", b"**", b"?*?", b"a*b", b"0-3,^2", b"0-8191", b",", b"-", b"^", b"22:00\n06:00",
    b"00:00", b"23:59", b"db", b"[", b"(", b")", b".", b"+", b"{", b"|", b"$",
), longest=600)  # fmt: skip
