"""Decode JSON into typed values, with errors that say where, what, and what would be right.

msgspec does the work; this module turns its messages into `InvalidValue`, `MissingField` and
`UnknownField` with the path of the offending value (``perf-policies[0].service-classes[1].goal.velocity``)
and a description of what the type at that path accepts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Iterator
from functools import lru_cache
from typing import Any, TypeVar, cast

import msgspec
from msgspec import inspect

from ..errors import InvalidValue, MissingField, UnknownField

T = TypeVar("T")

#: No object of ours needs more levels; a rule of `MAX_DEPTH` levels of and/or/not fits.
MAX_NESTING = 64

# Texts without an alternative for each character, which would cost memory for each.
_BRACKETS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}:,]', re.DOTALL)
_AT = re.compile(r"(?P<key>key` in `)?\$(?P<path>.*)`", re.DOTALL)
_VALUE = re.compile(r"value '(?P<value>.*)'", re.DOTALL)
_FIELD = re.compile(r"field `(?P<name>.*)`", re.DOTALL)
_STEP = re.compile(r"\.(?P<field>[^.\[\]]+)|\[(?P<index>\d+|\.\.\.)\]")


class NotJSON(InvalidValue):
    """The text is not JSON."""

    id = "not-json"


class RepeatedField(InvalidValue):
    """A field that is there twice."""

    id = "repeated-field"


def decode(data: bytes, type_: type[T]) -> T:
    """Decode `data` as `type_`. Raises `NotJSON`, `MissingField`, `UnknownField`, `InvalidValue`."""
    check_nesting(data)
    check_text(data)
    try:
        return msgspec.json.decode(data, type=type_)
    except msgspec.ValidationError as error:
        raise explain(error, type_, lambda: msgspec.json.decode(data)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotJSON(f"the text is not JSON: {error}") from None


def convert(value: Any, type_: type[T], *, strict: bool = True) -> T:
    """As `decode`, from plain lists and dicts. Not `strict`: numbers may be given as texts."""
    try:
        return msgspec.convert(value, type=type_, strict=strict)
    except msgspec.ValidationError as error:
        raise explain(error, type_, lambda: value) from None


def check_nesting(data: bytes) -> None:
    """Raises `InvalidValue` if JSON text is nested deeper than `MAX_NESTING`."""
    if _nesting(data) > MAX_NESTING:
        raise InvalidValue(f"the text is nested more than {MAX_NESTING} levels deep", _deep_path(data))


def check_text(data: bytes) -> None:
    """Check what msgspec does not: JSON text as a whole, and that no field is there twice. Raises `NotJSON`,
    `InvalidValue`."""
    try:
        text = data.decode()
        try:
            _parse(text, _once)
        except _Again:
            path, name = next(_twice(_parse(text, _mark_twice), ""))
            raise RepeatedField(f"the field {name[:80]!r} is there twice; leave one out", path) from None
    except (ValueError, UnicodeDecodeError) as error:
        raise NotJSON(f"the text is not JSON: {error}") from None


def _parse(text: str, collect: Callable[[list[tuple[str, Any]]], Any]) -> Any:
    # numbers stay texts: a long one would take long
    return json.loads(text, object_pairs_hook=collect, parse_int=str, parse_float=str, parse_constant=_refuse_constant)


class _Again(Exception):
    """An object has a field twice."""


def _once(pairs: list[tuple[str, Any]]) -> None:
    """Make nothing of an object (a large text would be much in memory), but see that its fields are there once."""
    if len(dict(pairs)) < len(pairs):
        raise _Again


def _mark_twice(pairs: list[tuple[str, Any]]) -> Any:
    fields = dict(pairs)
    if len(fields) == len(pairs):
        return fields
    names = [name for name, _ in pairs]
    return _Twice(next(name for name in names if names.count(name) > 1))


def _refuse_constant(word: str) -> None:
    raise ValueError(f"there is no {word} in JSON")


class _Twice(msgspec.Struct):
    name: str


def _twice(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, _Twice):
        yield _join(path, value.name), value.name
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _twice(part, _join(path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _twice(part, f"{path}[{index}]")


def _nesting(data: bytes) -> int:
    """Levels of nesting; counted up to one more than are allowed, and not where there cannot be so many."""
    if data.count(b"[") + data.count(b"{") <= MAX_NESTING:
        return 0
    depth = deepest = 0
    for found in _BRACKETS.finditer(data):
        first = data[found.start()]
        if first in b"[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_NESTING:
                break
        elif first in b"]}":
            depth -= 1
    return deepest


def _deep_path(data: bytes) -> str:
    """Where a text that is too deep begins to be: the first levels of the path to the first such place."""
    steps: list[str | int] = []
    key = ""
    for token in _TOKENS.finditer(data):
        text = token.group()
        if text == b"{":
            steps.append("")
        elif text == b"[":
            steps.append(0)
        elif text in b"]}" and steps:
            steps.pop()
        elif text.startswith(b'"'):
            key = text.strip(b'"').decode(errors="replace")
        elif steps and text == b":":
            steps[-1] = key
        elif steps and text == b"," and isinstance(steps[-1], int):
            steps[-1] += 1
        if len(steps) > MAX_NESTING:
            break
    path = ""
    for step in steps[:8]:
        path = f"{path}[{step}]" if isinstance(step, int) else _join(path, step)
    return f"{path}…"


def explain(
    error: msgspec.ValidationError, type_: type[Any], whole: Callable[[], Any] | None = None
) -> InvalidValue:
    """What msgspec said of a value that should have been of that type, in our words. `whole` gives the value."""
    what, path, key = _parted(str(error))
    place = path.lstrip(".")
    field = _FIELD.search(what)
    if field is not None and "missing required field" in what:
        return MissingField(f"the field {field['name']!r} is missing", _join(place, field["name"]))
    wanted = _type_at(_info(cast(Hashable, type_)), path)
    if field is not None and "unknown field" in what:
        return _unknown(field["name"], _fields(wanted), place)
    value = _VALUE.search(what)
    if key and isinstance(wanted, inspect.DictType) and value is not None:
        return _unknown(value["value"], _keys(wanted), place)
    if "matching regex" in what:
        # nobody wants to read the expression
        text = None if whole is None else _text_at(whole(), path)
        wish = "a name" if place.rpartition(".")[2] == "name" else "used here"
        what = f"{'this text' if text is None else repr(text[:80])} cannot be {wish}"
    expected = describe_type(wanted)
    return InvalidValue(f"{what[0].lower()}{what[1:200]}" + (f"; allowed: {expected}" if expected else ""), place)


@lru_cache(256)    # a refusal must not cost more than what is refused: finding it out takes a millisecond and more
def _info(type_: Hashable) -> inspect.Type:
    return inspect.type_info(type_)


def _parted(said: str) -> tuple[str, str, bool]:
    """What msgspec says, of which path, and whether that is about a key. What it says may be a megabyte, of which
    anything may be a name that somebody sent; so it is read from its end."""
    what, _, place = said.rpartition(" - at `")
    at = _AT.fullmatch(place)
    return (said, "", False) if at is None else (what, at["path"], at["key"] is not None)


def _unknown(name: str, known: list[str], place: str) -> UnknownField:
    return UnknownField(
        f"there is no field {name[:80]!r} here" + (f"; known are: {', '.join(known)}" if known else ""),
        _join(place, name),
    )


def _join(path: str, field: str) -> str:
    field = field if len(field) <= 80 else f"{field[:80]}…"
    return f"{path}.{field}" if path else field


def _type_at(info: inspect.Type, path: str) -> inspect.Type | None:
    """Follow a path of msgspec through a type; None where it cannot be followed."""
    here: list[inspect.Type] = _alternatives(info)
    for step in _STEP.finditer(path):
        following: list[inspect.Type] = []
        for option in here:
            if step["field"] is not None and isinstance(option, inspect.StructType):
                if option.tag_field == step["field"]:
                    return inspect.LiteralType(tuple(str(o.tag) for o in here if isinstance(o, inspect.StructType)))
                following += [f.type for f in option.fields if f.encode_name == step["field"]]
            elif step["index"] is not None and isinstance(option, inspect.VarTupleType | inspect.ListType):
                following.append(option.item_type)
            elif step["index"] == "..." and isinstance(option, inspect.DictType):
                following.append(option.value_type)
        here = [part for option in following for part in _alternatives(option)]
    if not here:
        return None
    return here[0] if len(here) == 1 else inspect.UnionType(tuple(here))


def _text_at(value: Any, path: str) -> str | None:
    """The text at a path of msgspec; None where it cannot be followed."""
    for step in _STEP.finditer(path):
        if step["field"] is not None and isinstance(value, dict):
            value = value.get(step["field"])
        elif step["index"] not in (None, "...") and isinstance(value, list | tuple):
            value = value[int(step["index"])]
        else:
            return None
    return value if isinstance(value, str) else None


def _alternatives(info: inspect.Type) -> list[inspect.Type]:
    if isinstance(info, inspect.Metadata):
        said = (info.extra_json_schema or {}).get("description")
        if said is not None and isinstance(info.type, inspect.StrType) and info.type.pattern is not None:
            return [_Described(**msgspec.structs.asdict(info.type), said=said)]
        return _alternatives(info.type)
    if isinstance(info, inspect.UnionType):
        return [part for option in info.types for part in _alternatives(option)]
    return [info]


def _fields(info: inspect.Type | None) -> list[str]:
    names: list[str] = []
    for option in [] if info is None else _alternatives(info):
        if isinstance(option, inspect.StructType):
            tag = [option.tag_field] if option.tag_field else []
            names += [n for n in (*tag, *(f.encode_name for f in option.fields)) if n not in names]
    return names


def _keys(info: inspect.DictType) -> list[str]:
    key = info.key_type
    return sorted(map(str, key.values)) if isinstance(key, inspect.LiteralType) else []


def describe_type(info: inspect.Type | None) -> str:
    """What a type accepts, in words; empty where the error already says it."""
    words: list[str] = []
    for option in [] if info is None else _alternatives(info):
        if isinstance(option, inspect.LiteralType):
            words += [str(value) for value in option.values]
        elif isinstance(option, inspect.IntType | inspect.FloatType):
            noun = "an integer" if isinstance(option, inspect.IntType) else "a number"
            low = option.ge if option.ge is not None else option.gt
            high = option.le if option.le is not None else option.lt
            if low is not None and high is not None:
                words.append(f"{noun} from {low} to {high}")
            elif low is not None:
                words.append(f"{noun} {'of at least' if option.ge is not None else 'above'} {low}")
            else:
                words.append(noun)
        elif isinstance(option, inspect.StrType):
            words.append(_describe_text(option))
        elif isinstance(option, inspect.NoneType):
            words.append("null")
        elif isinstance(option, inspect.BoolType):
            words.append("true, false")
        elif isinstance(option, inspect.StructType):
            tag = f"type {option.tag!r}" if option.tag_field else ", ".join(_fields(option))
            words.append(f"an object ({tag})")
        elif isinstance(option, inspect.VarTupleType | inspect.ListType):
            words.append(_describe_list(option))
        elif isinstance(option, inspect.DictType):
            words.append(f"an object ({', '.join(_keys(option))})")
    return ", ".join(dict.fromkeys(words))


def _describe_list(option: inspect.VarTupleType | inspect.ListType) -> str:
    if option.max_length is None:
        return "a list"
    return f"a list of {option.min_length or 0} to {option.max_length} items"


class _Described(inspect.StrType):
    """A text whose type says in words what is right."""

    said: str = ""


def _describe_text(option: inspect.StrType) -> str:
    if isinstance(option, _Described):
        return option.said
    if option.max_length is None:
        return "a text"
    return f"a text of {option.min_length or 0} to {option.max_length} characters"
