"""What stands in a request before its body: path, query, and headers that say what a client takes, has or is."""

from __future__ import annotations

import re
from typing import Final, cast
from urllib.parse import unquote

from hpm.control import api, etags
from hpm.control.caller import CrossSite
from hpm.control.codings import CODINGS, chosen
from hpm.control.http_errors import HttpError
from hpm.control.origin import check_origin
from hpm.control.routes import routes
from hpm.errors import HpmError, InvalidValue
from hpm.manager.manager import Manager
from hpm.model.times import utc_time

from ..target import Target

ROUTES: Final = routes(cast(Manager, None))
#: One of each kind.
QUERIED: Final = list({route.query: route for route in ROUTES if route.query is not None}.values())
TAG: Final = '"0123456789abcdef01234567"'


def run(data: bytes) -> None:
    """The first line is a path, the second a query, those after it are headers."""
    path, query, *headers = [*data.decode("latin-1").split("\n"), "", ""]
    _route(path)
    for route in QUERIED:
        try:
            api._query(query, route)
        except (HttpError, InvalidValue) as error:
            assert error.message and len(error.message) < 2000
    for header in headers[:4]:
        _headers(header)


def _route(path: str) -> None:
    segments = tuple(unquote(path).removeprefix("/").removesuffix("/").split("/"))
    for route in ROUTES:
        names = route.match(segments)
        assert names is None or list(names) == route.names


def _headers(header: str) -> None:
    try:
        assert api._accepted(header, ("application/json", "application/xml"))
    except HttpError as error:
        assert error.status == 406
    assert chosen(header, 5000) in (None, *CODINGS)
    etags.same(header, TAG)
    etags.unchanged(header, {"a": 1})
    for name in ("Origin", "Referer", "Sec-Fetch-Site", "Host"):
        given = {"Host": "example.org:8643", "Origin": "https://example.org:8643", name: header}
        try:
            check_origin(given)
        except CrossSite as error:
            assert len(error.message) < 1000
            continue
        if name == "Origin" and header:
            host = re.split("[/?#]", header.partition("//")[2])[0].lower()
            assert host in ("example.org:8643", "example.org.:8643"), "a page of another site"
    try:
        told = utc_time(header, "from")
    except InvalidValue:
        return
    except HpmError as error:
        raise AssertionError("another error than is told") from error
    assert utc_time(told, "from") == told, "a time is another one the second time"


_NAMES: Final = {name for route in QUERIED for name in route.query.__struct_encode_fields__}
TARGET = Target(run, tuple(word.encode() for word in (
    *(f"{name}=" for name in sorted(_NAMES)),
    *sorted({part for route in ROUTES for part in route.path.split("/")}),
    "&", "=", "%2F", "%00", "%FF", "+", ";", "&&", "a=1&a=2", "true", "2026-11-21T14:00:00Z",
    "2026-11-21T14:00:00.5+01:00", "0001-01-01T00:00:00+23:59", "application/json", "*/*", ";q=0", ";q=0.000",
    "gzip", "zstd", "identity", ",", "https://", "http://", "example.org:8643", "example.org:8643.", "@", "[::1]",
    "same-origin", "W/", TAG, "*",
)))  # fmt: skip
