"""Which errors an operation can answer: those that any operation of its kind can, and those that its call raises."""

from __future__ import annotations

from typing import Any

from msgspec import inspect

from ..policy.files.content import PolicyFile
from ..wire import errors as reasons
from ..wire.policy_files import Document
from .http_errors import status_of
from .route import Route
from .types import alternatives, structs

#: What any request can come to: it is checked before anybody knows what is asked for. (Passwords and sessions are those
#: of the web front.)
_ALWAYS = (
    (400, reasons.UNKNOWN_QUERY_PARAMETER), (400, reasons.BAD_HEADER), (400, reasons.MALFORMED_QUERY),
    (401, 0), (403, reasons.SESSION_EXPIRED), (406, 0), (408, 0), (413, 0), (414, 0), (429, 0), (500, 0), (503, 0),
)  # fmt: skip
_WITH_BODY = ((400, reasons.BODY_MISSING), (400, reasons.NOT_JSON), (415, 0))
_OF_VALUES = ((400, reasons.FIELD_UNKNOWN), (400, reasons.WRONG_VALUE))


def refusals(route: Route) -> list[tuple[int, int]]:
    """Status and reason of every error that the operation can answer, in order."""
    found = {*_ALWAYS, *map(status_of, route.refuses)}
    if route.role != "known":    # what is open to anybody on the web is, on this host, to those in hpm's groups
        found.add((403, reasons.ROLE))
    if route.writes:
        found.add((403, reasons.OTHER_SITE))
    if route.body is None:
        found.add((400, reasons.BODY_NOT_EXPECTED))
    else:
        found |= {*_WITH_BODY, *_OF_VALUES}
        if _needs_something(route.body):
            found.add((400, reasons.FIELD_MISSING))
    if route.query is not None:
        found.add((400, reasons.WRONG_VALUE))
        if _needs_something(route.query):
            found.add((400, reasons.FIELD_MISSING))
    if route.names:
        found.add((404, reasons.NOTHING_THERE))
    if route.writes:
        found.add((409, reasons.BUSY))
    return sorted(found)


def _needs_something(type_: Any) -> bool:
    """Whether there is a field in it, at any depth, that must be there."""
    types = alternatives(PolicyFile) if type_ is Document else [type_]
    return any(
        struct.tag_field is not None or any(field.required for field in struct.fields)
        for struct in map(inspect.type_info, structs(types)) if isinstance(struct, inspect.StructType)
    )  # fmt: skip
