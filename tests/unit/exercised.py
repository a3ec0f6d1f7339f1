"""What the tests of the API did to it: which routes answered what, and which fields were sent and received.

Every `ApiHost` notes its requests here. `test_api_exercised` judges at the end, when all tests of the API ran.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec

from hpm.control.route import Route
from hpm.control.routes import routes
from hpm.control.types import alternatives, structs
from hpm.manager.manager import Manager
from hpm.wire.doors import BASES
from hpm.wire.metrics import Exposition
from hpm.wire.policy_files import Document

ROUTES = routes(cast(Manager, None))

_HARNESS = re.compile(r"\.(api|access)_host ")
_REFUSED = re.compile(rb'"http-status":(\d+),"reason":(\d+)')


class Record:
    """Routes are told apart by their method and path."""

    def __init__(self) -> None:
        self.accepted: set[tuple[str, str]] = set()
        self.refused: set[tuple[str, str, int, int]] = set()
        self.reasons: set[tuple[int, int]] = set()
        self.sent: set[str] = set()
        self.received: set[str] = set()

    def note(self, response: httpx.Response) -> None:
        """A request that was answered (httpx calls this)."""
        request = response.request
        response.read()
        route = route_of(request.method, request.url.raw_path.decode().partition("?")[0])
        if response.status_code >= 400:
            self.note_raw(response.content)
            if route is not None and request.method != "HEAD":
                self.refused.add((route.method, route.path, response.status_code, response.json()["reason"]))
        elif route is not None and response.status_code != 304:
            self.accepted.add((route.method, route.path))
            if route.query is not None:
                query = msgspec.convert(dict(request.url.params), route.query, strict=False)
                self.sent.update(_fields_of(query))
            streamed = not isinstance(request.stream, httpx.ByteStream)    # then it is gone by now
            if route.body not in (None, Document) and not streamed:
                self.sent.update(_fields_of(_decoded(request.content, route.body)))
            if route.streams:
                for data in re.findall(rb"^data: (.*)$", response.content, re.MULTILINE):
                    self.received.update(_fields_of(_decoded(data, route.answer)))
            elif route.answer not in (None, Document, Exposition):
                self.received.update(_fields_of(_decoded(response.content, route.answer)))

    def note_raw(self, data: bytes) -> None:
        """What came back of a raw connection."""
        self.reasons |= {(int(status), int(reason)) for status, reason in _REFUSED.findall(data)}


RECORD = Record()


def asks_the_api(path: Path) -> bool:
    """Whether a module of tests uses an `ApiHost`, and so adds to the record."""
    return _HARNESS.search(path.read_text()) is not None


def route_of(method: str, path: str) -> Route | None:
    """The route that such a request comes to."""
    base = next((base for base in BASES if path.startswith(f"{base}/")), None)
    if base is None:
        return None
    segments = tuple(path.removeprefix(base).strip("/").split("/"))
    fitting = [route for route in ROUTES if route.match(segments) is not None]
    fitting.sort(key=lambda route: [part.startswith("{") for part in route.path.split("/")])
    return next((r for r in fitting if r.method == method and r.path == fitting[0].path), None)


def fields(types: list[Any]) -> set[str]:
    """All fields of the structs in those types, as `Struct.field`."""
    wanted = [part for type_ in types if type_ not in (None, Document, Exposition) for part in alternatives(type_)]
    return {f"{s.__name__}.{name}" for s in structs(wanted) for name in s.__struct_encode_fields__}


def _decoded(content: bytes, type_: Any) -> Any:
    """The typed value; nothing where there is no content, as of HEAD."""
    if not content:
        return None
    try:
        return msgspec.json.decode(content, type=type_)
    except TypeError:    # one of several objects that no tag tells apart
        for option in alternatives(type_):
            with suppress(msgspec.ValidationError):
                return msgspec.json.decode(content, type=option)
        raise


def _fields_of(value: Any) -> Iterator[str]:
    """Fields that say something: not null, and not what they are when left out."""
    if isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            inner = getattr(value, field.name)
            if inner is not None and inner is not msgspec.UNSET and (field.required or inner != field.default):
                yield f"{type(value).__name__}.{field.encode_name}"
                yield from _fields_of(inner)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _fields_of(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _fields_of(inner)
