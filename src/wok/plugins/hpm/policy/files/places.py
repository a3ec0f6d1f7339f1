"""Line and column of a place in a text, and where in JSON text the value of a path stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ..decode import MAX_NESTING

_TOKENS = re.compile(rb'["\[\]{},:]|[^\s\[\]{},:"]+')
_STEPS = re.compile(r"\[(\d+)\]|\.?([^.\[\]]+)")

_QUOTE = ord('"')

#: Names in paths are cut at this length (see `policy.decode`).
_CUT = 80


def place(data: bytes, offset: int) -> tuple[int, int]:
    """Line and column, both from 1, of a byte of UTF-8 text. A column is a character."""
    begin = data.rfind(b"\n", 0, offset) + 1
    return data.count(b"\n", 0, offset) + 1, len(data[begin:offset].decode(errors="replace")) + 1


def json_offset(data: bytes, path: str, *, name: int = 0) -> int:
    """Where in JSON text the value of a path begins, or (`name` 1 or 2) its name, for the first or second time; where
    there is none, where the value of the longest part of the path begins for which there is one."""
    wanted = [int(index) if index else field for index, field in _STEPS.findall(path)]
    steps: list[int | str] = []    # of the values that are open; the last one is that of the next value
    matched = 0    # of so many steps it is known that they are those wanted
    best, found = -1, 0
    field = False    # whether a text is the name of a field
    for begin, token in _tokens(data):
        first = token[:1]
        if first == b'"' and field and matched >= len(steps) - 1:
            matched = len(steps) - 1
            if matched < len(wanted) and _name(token) == wanted[matched]:
                matched += 1
                if name and matched == len(wanted):
                    best, found = matched, begin
                    name -= 1
                    if not name:
                        break
        elif first == b":":
            field = False
        elif first in b"]}":
            steps = steps[:-1]
            matched = min(matched, len(steps))
        elif first == b",":
            field = bool(steps) and isinstance(steps[-1], str)
            if steps and isinstance(steps[-1], int):
                if matched == len(steps):
                    break    # the item that was wanted is over
                steps[-1] += 1
                if matched == len(steps) - 1 and matched < len(wanted):
                    matched += steps[-1] == wanted[matched]
        elif not field:
            if matched == len(steps) and matched > best:
                best, found = matched, begin
                if matched == len(wanted) and not name:
                    break
            if first in b"[{":
                if len(steps) == MAX_NESTING:
                    break
                field = first == b"{"
                steps.append("" if field else 0)
                if not field and matched == len(steps) - 1 and matched < len(wanted) and wanted[matched] == 0:
                    matched += 1
    return found


def _tokens(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Where each token of JSON text begins, and the token; a text without its end is one, too."""
    at = 0
    while (found := _TOKENS.search(data, at)) is not None:
        begin, at = found.span()
        if data[begin] == _QUOTE:
            at = _end_of_text(data, at)
        yield begin, data[begin:at]


def _end_of_text(data: bytes, at: int) -> int:
    # by hand: an expression that knows escapes takes memory for each of them
    while (quote := data.find(b'"', at)) >= 0:
        before = data[at:quote]
        at = quote + 1
        if (len(before) - len(before.rstrip(b"\\"))) % 2 == 0:
            return at
    return len(data)


def _name(token: bytes) -> str:
    try:
        name = str(json.loads(token))
    except ValueError:
        return ""
    return name if len(name) <= _CUT else f"{name[:_CUT]}…"
