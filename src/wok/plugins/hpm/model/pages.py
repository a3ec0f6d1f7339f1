"""Lists in pieces: which of the things that match come next, and where the rest is to be asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from ..errors import InvalidValue
from ..store.activity import ActivityRecord
from ..store.adjustments import AdjustmentRecord
from ..wire.activity import ActivityQuery
from ..wire.management import AdjustmentQuery

T = TypeVar("T")

#: What is kept with a number that grows, and asked for backwards.
Numbered = TypeVar("Numbered", AdjustmentRecord, ActivityRecord)
OlderQuery = AdjustmentQuery | ActivityQuery

#: What a list is sorted by: an order of kinds, a name, and an id that tells apart what has the same name.
Place = tuple[int, str, str]


def page(
    things: Iterable[T],
    place: Callable[[T], Place],
    query: msgspec.Struct,
    uri: str,
) -> tuple[list[T], str | None]:
    """Things sorted by place, those after the query's `after`, at most `limit`; and the URI of the rest, or None.

    A place is a place also when the thing that was there has gone, so nothing is given twice or left out between two
    pieces but what comes and goes itself. Raises `InvalidValue` for a place that no `next` has named.
    """
    asked: Mapping[str, object] = msgspec.to_builtins(query)
    ordered = sorted(things, key=place)
    after, limit = asked.get("after"), asked.get("limit")
    if after is not None:
        begin = _decode(str(after))
        ordered = [thing for thing in ordered if place(thing) > begin]
    if not isinstance(limit, int) or len(ordered) <= limit:
        return ordered, None
    given = ordered[:limit]
    parameters = {key: value for key, value in asked.items() if value is not None}
    parameters["after"] = _encode(place(given[-1]))
    return given, f"{uri}?{urlencode(parameters)}"


def older(found: Sequence[Numbered], query: OlderQuery, uri: str) -> tuple[Sequence[Numbered], str | None]:
    """Of one record more than the query's `limit`, newest first: those within it, and the URI of the older ones."""
    if len(found) <= query.limit:
        return found, None
    given = found[: query.limit]
    parameters = {key: value for key, value in msgspec.to_builtins(query).items() if value is not None}
    parameters["before"] = given[-1].id
    return given, f"{uri}?{urlencode(parameters)}"


def _encode(place: Place) -> str:
    kind, name, id_ = place
    return f"{kind}/{id_}/{name}"


def _decode(text: str) -> Place:
    kind, _, rest = text.partition("/")
    id_, slash, name = rest.partition("/")
    if not slash or not (kind.isascii() and kind.isdigit() and len(kind) < 4):
        raise InvalidValue("this is no place in a list; take the URI that next of an answer before gives", "after")
    return int(kind), name, id_
