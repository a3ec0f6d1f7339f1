"""Policy files as JSON, in the shape of the API."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from ...errors import InvalidValue, UnknownField
from ..decode import NotJSON, RepeatedField, check_nesting, check_text, explain
from ..policies import PerformancePolicy
from .content import GroupsFile, PolicyFile, check
from .places import json_offset, place

#: Lists whose items are written field by field, one a line; other objects of plain values are one line.
_LARGE = ("workload-resource-groups", "perf-policies", "service-classes")

#: Objects that say nothing where they are empty.
_EMPTY = ("guest-policy", "parameters", "cpu", "blkio", "memory", "numa")

_AT_BYTE = re.compile(r" \(byte (\d+)\)")
_AT_LINE = re.compile(r": line (\d+) column (\d+)")


def read(data: bytes) -> PolicyFile:
    """Raises `NotJSON`, `InvalidValue` and its kinds, with path, line and column. `data` is UTF-8 (see `text`)."""
    try:
        try:
            content = _decode(data)
            check(content)
        except RecursionError:
            check_nesting(data)
            raise
    except NotJSON as error:
        raise _broken(data, error) from None
    except InvalidValue as error:
        raise located(data, error) from None
    return content


def located(data: bytes, error: InvalidValue) -> InvalidValue:
    """An error in what was read of a text, with line and column of its path."""
    name = 2 if isinstance(error, RepeatedField) else 1 if isinstance(error, UnknownField) else 0
    return error.moved(place=place(data, json_offset(data, error.path, name=name)))


def _decode(data: bytes) -> PolicyFile:
    # Types before the text as a whole: then nothing large is made of what is wrong at its beginning.
    kind: type[Any] = GroupsFile
    try:
        kind = kind_of(msgspec.json.decode(data, type=dict[str, msgspec.Raw]))
        content: PolicyFile = msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise explain(error, kind) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotJSON(f"the text is not JSON: {error}") from None
    check_text(data)
    return content


def kind_of(fields: Mapping[str, object]) -> type[Any]:
    """Whether it holds groups or one policy, by its fields."""
    if not fields or {"workload-resource-groups", "virtual-servers", "partitions"} & fields.keys():
        return GroupsFile
    if {"importance", "service-classes"} & fields.keys():
        return PerformancePolicy
    name = next(iter(fields))[:80]
    raise UnknownField(
        f"there is no field {name!r} here; a file of groups has workload-resource-groups, virtual-servers and"
        " partitions, a file of one policy has name, importance and service-classes",
        name,
    )


def _broken(data: bytes, error: NotJSON) -> NotJSON:
    """The error with the place that the parsers tell in their words: where the text ends to be JSON."""
    said = error.said.replace("JSON is malformed: ", "")
    at_byte, at_line = _AT_BYTE.search(said), _AT_LINE.search(said)
    if at_byte is not None:
        return NotJSON(said[: at_byte.start()], place=place(data, int(at_byte[1])))
    if at_line is not None:
        return NotJSON(said[: at_line.start()], place=(int(at_line[1]), int(at_line[2])))
    return NotJSON(said, place=place(data, len(data.rstrip())))


def write(content: PolicyFile) -> bytes:
    """The one text for this content: what has its default is left out, an object of plain values is one line."""
    return ("".join(_lines(_without_empty(msgspec.to_builtins(content)), "", True)) + "\n").encode()


def _without_empty(value: Any) -> Any:
    """Without the descriptions and the objects that say nothing, which some types write and others do not. (An empty
    `start`, or limits of a disk, say something.)"""
    if isinstance(value, dict):
        parts = {k: _without_empty(_in_order(k, v)) for k, v in value.items() if not (k == "description" and v == "")}
        return {k: v for k, v in parts.items() if v != {} or k not in _EMPTY}
    return [_without_empty(part) for part in value] if isinstance(value, list | tuple) else value


def _in_order(name: str, value: Any) -> Any:
    return dict(sorted(value.items())) if name == "disk-limits" else value


def _lines(value: Any, indent: str, large: bool) -> list[str]:
    """Pieces of text for a value whose first line stands after `indent` already."""
    deeper = indent + "  "
    if isinstance(value, dict) and (large or not all(map(_plain, value.values()))) and value:
        parts = []
        for name, part in value.items():
            parts.append([f"{json.dumps(name)}: ", *_lines(part, deeper, name in _LARGE)])
        return _block("{", parts, "}", indent)
    if isinstance(value, list) and not _plain(value) and value:
        return _block("[", [_lines(part, deeper, large) for part in value], "]", indent)
    return [json.dumps(value, ensure_ascii=False)]


def _block(begin: str, parts: list[list[str]], end: str, indent: str) -> list[str]:
    text = [begin]
    for number, part in enumerate(parts):
        text += [",\n" if number else "\n", indent, "  ", *part]
    return [*text, "\n", indent, end]


def _plain(value: Any) -> bool:
    """A text or a number, or a list of days."""
    if isinstance(value, list):
        return all(isinstance(part, str) and len(part) == 3 for part in value)
    return not isinstance(value, dict)
