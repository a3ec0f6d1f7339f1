"""Answers of the API: decoded into the wire types, and kept as they came.

The types of policies forbid unknown fields, because a request must not carry any. An *answer* may:
a newer server knows more than we do. `decode_answer` leaves such fields out of the typed value; they
stay in `Answer.json`, so a client that reads, changes and writes loses nothing if it works on that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import inspect

from ..texts import t
from .errors import BadAnswer

T = TypeVar("T")

#: What decoding raises; the last one where it is nested without end.
_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True)
class Answer(Generic[T]):
    """One answer: `text` is the body as it came, `etag` (if any) its version for `if_match`, `date` the time at
    the server (the header's text; a client's own clock may be wrong)."""

    text: bytes
    type_: type[T]
    etag: str | None = None
    status: int = 200
    date: str | None = None

    @property
    def unchanged(self) -> bool:
        """Whether the object still is what the client has: there is no body."""
        return self.status == 304

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to say: there is no body."""
        return self.status == 204

    @cached_property
    def value(self) -> T:
        """The body as a wire type. Raises `BadAnswer`."""
        return decode_answer(self.text, self.type_)

    @cached_property
    def json(self) -> Any:
        """The body as plain dicts and lists, nothing left out. Raises `BadAnswer`."""
        return _plain(self.text)


def decode_answer(text: bytes, type_: type[T]) -> T:
    """Decode a body, leaving out what this version does not know. Raises `BadAnswer`."""
    try:
        return msgspec.json.decode(text, type=type_)
    except msgspec.ValidationError:    # first of the type, and of JSON only as far as it was read
        known = _without_unknown(_plain(text), inspect.type_info(type_))
        try:
            return msgspec.convert(known, type=type_)
        except msgspec.ValidationError as error:
            raise BadAnswer(t(
                "the answer is not as this version of hpm knows it ({error}); is the server much older or newer?",
                error=error,
            )) from None
    except _NO_JSON as error:
        raise BadAnswer(t("the answer is not JSON: {error}", error=error)) from None


def _plain(text: bytes) -> Any:
    """JSON as dicts and lists. Raises `BadAnswer`."""
    try:
        return msgspec.json.decode(text)
    except _NO_JSON as error:
        raise BadAnswer(t("the answer is not JSON: {error}", error=error)) from None


def _without_unknown(value: Any, info: inspect.Type) -> Any:
    """`value` without the fields that the type does not have, however deep."""
    if isinstance(info, inspect.Metadata):
        return _without_unknown(value, info.type)
    if isinstance(info, inspect.UnionType):
        return _without_unknown(value, _chosen(value, info))
    if isinstance(info, inspect.StructType) and isinstance(value, dict):
        types = {field.encode_name: field.type for field in info.fields}
        kept = {name: _without_unknown(part, types[name]) for name, part in value.items() if name in types}
        if info.tag_field is not None and info.tag_field in value:
            kept[info.tag_field] = value[info.tag_field]
        return kept
    if isinstance(info, inspect.VarTupleType | inspect.ListType) and isinstance(value, list):
        return [_without_unknown(part, info.item_type) for part in value]
    if isinstance(info, inspect.DictType) and isinstance(value, dict):
        return {name: _without_unknown(part, info.value_type) for name, part in value.items()}
    return value


def _chosen(value: Any, union: inspect.UnionType) -> inspect.Type:
    """The alternative that `value` is of; where none is, any (decoding says what is wrong)."""
    for option in union.types:
        plain = option.type if isinstance(option, inspect.Metadata) else option
        if isinstance(plain, inspect.StructType):
            if isinstance(value, dict) and (
                plain.tag_field is None or value.get(plain.tag_field) == plain.tag
            ):
                return plain
        elif isinstance(plain, inspect.VarTupleType | inspect.ListType):
            if isinstance(value, list):
                return plain
        elif isinstance(plain, inspect.DictType) and isinstance(value, dict):
            return plain
    return inspect.AnyType()
