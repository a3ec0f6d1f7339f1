"""The API as a CherryPy object: find the route, check who asks and what, call, encode.

A request is checked in this order: path (404), method (405), who (401, 403), Accept (406), query, body
(413, 415, 400), and only then is anything done.
"""

from __future__ import annotations

import hashlib
import logging
from typing import Any
from urllib.parse import parse_qsl

import cherrypy
import msgspec

from ..errors import HpmError, UnknownField
from ..policy.decode import convert, decode
from ..wire import errors as reasons
from ..wire.errors import ErrorBody
from .caller import Door, NotAllowed
from .http_errors import HttpError, http_error
from .routes import Request, Route

log = logging.getLogger(__name__)

#: Bytes of a request body. The largest legitimate one (64 policies of 64 classes) is well below.
MAX_BODY = 1024 * 1024


class Api:
    """Serves `routes` below the path it is mounted at; `door` says who asks."""

    _cp_config = {"request.process_request_body": False, "tools.encode.on": False}    # noqa: RUF012

    def __init__(self, routes: tuple[Route, ...], door: Door) -> None:
        self._routes = routes
        self._door = door

    def default(self, *segments: str, **_parameters: str) -> bytes:
        """Answer any path below the mount."""
        try:
            answer = self._answer(tuple(segments))
        except HpmError as error:
            return self._refuse(http_error(error))
        except Exception:
            log.exception("%s %s", cherrypy.request.method, cherrypy.request.path_info)
            return self._refuse(HttpError(500, 0, "hpm has a fault here; its log says more"))
        return answer

    default.exposed = True    # type: ignore[attr-defined]    # what CherryPy's untyped decorator does
    index = default

    def _answer(self, segments: tuple[str, ...]) -> bytes:
        request, response = cherrypy.request, cherrypy.response
        route, names = self._find(segments)
        caller = self._door.caller()
        if caller.role is None or (route.writes and caller.role != "admin"):
            needed = "hpmadm" if route.writes else "hpmuser or hpmadm"
            raise NotAllowed(f"{caller.user} may not do this: it takes membership in the group {needed}")
        _check_accept(request.headers.get("Accept"))
        query = _query(request.query_string, route)
        body = _body(route)
        result = route.call(Request(request.script_name, names, query, body, _check_match))
        response.status = route.status
        if route.answer is None:
            response.headers.pop("Content-Type", None)
            return b""
        encoded = msgspec.json.encode(result)
        response.headers["Content-Type"] = "application/json"
        response.headers["ETag"] = etag(encoded)
        if route.status == 201:
            response.headers["Location"] = result.object_uri
        if not route.writes and _listed(request.headers.get("If-None-Match"), etag(encoded)):
            response.status = 304
            return b""
        return encoded

    def _find(self, segments: tuple[str, ...]) -> tuple[Route, dict[str, str]]:
        method = "GET" if cherrypy.request.method == "HEAD" else cherrypy.request.method
        allowed: list[str] = []
        for route in self._routes:
            names = route.match(segments)
            if names is not None:
                if route.method == method:
                    return route, names
                allowed.append(route.method)
        if allowed:
            allow = ", ".join(dict.fromkeys(allowed))
            raise HttpError(405, 0, f"{method} is not possible here; possible: {allow}", {"Allow": allow})
        raise HttpError(404, 1, f"there is no such path: {cherrypy.request.path_info}")

    def _refuse(self, error: HttpError) -> bytes:
        request, response = cherrypy.request, cherrypy.response
        uri = request.script_name + request.path_info
        if request.query_string:
            uri += f"?{request.query_string}"
        response.status = error.status
        response.headers.update(error.headers)
        response.headers["Content-Type"] = "application/json"
        body = ErrorBody(error.status, error.reason, error.message, request.method, uri[:2048])
        return msgspec.json.encode(body)


def etag(encoded: bytes) -> str:
    """The entity tag of a representation."""
    return f'"{hashlib.blake2b(encoded, digest_size=12).hexdigest()}"'


def _listed(header: str | None, tag: str) -> bool:
    return header is not None and (
        header.strip() == "*" or tag in [part.strip().removeprefix("W/") for part in header.split(",")]
    )


def _check_match(current: Any) -> None:
    """Compare with `If-Match`: somebody else's change must not be lost."""
    header = cherrypy.request.headers.get("If-Match")
    if header is not None and not _listed(header, etag(msgspec.json.encode(current))):
        raise HttpError(412, 0, "the object was changed by somebody else since you read it; read it again")


def _check_accept(header: str | None) -> None:
    if header is None:
        return
    kinds = {part.split(";")[0].strip().lower() for part in header.split(",")}
    if not kinds & {"application/json", "application/*", "*/*", ""}:
        raise HttpError(406, 0, f"answers are application/json, which Accept: {header[:80]} does not take")


def _query(text: str, route: Route) -> Any:
    pairs: list[tuple[str, str]]
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), errors="strict")
    except (ValueError, UnicodeDecodeError):
        raise HttpError(400, reasons.MALFORMED_QUERY, "the query is malformed; write name=value&name=value") from None
    values = dict(pairs)
    if len(values) != len(pairs):
        raise HttpError(400, reasons.MALFORMED_QUERY, "a query parameter is there twice")
    if route.query is None:
        if values:
            name = next(iter(values))
            raise HttpError(400, reasons.UNKNOWN_QUERY_PARAMETER, f"there is no query parameter {name[:80]!r} here")
        return None
    try:
        return convert(values, route.query, strict=False)
    except UnknownField as error:
        raise HttpError(400, reasons.UNKNOWN_QUERY_PARAMETER, error.message) from None


def _body(route: Route) -> Any:
    data = _read_body()
    if route.body is None:
        if data:
            raise HttpError(400, reasons.BODY_NOT_EXPECTED, "a body is not expected here")
        return None
    if not data:
        raise HttpError(400, reasons.BODY_MISSING, "a JSON body is expected")
    kind = cherrypy.request.headers.get("Content-Type")
    if kind is not None and kind.split(";")[0].strip().lower() != "application/json":
        raise HttpError(415, 0, f"the body must be application/json, not {kind[:80]}")
    return decode(data, route.body)


def _read_body() -> bytes:
    """The body, or 413 before it is read; then the connection is closed, for its rest is in the way."""
    headers = cherrypy.request.headers
    length = headers.get("Content-Length")
    if length is None and "chunked" not in headers.get("Transfer-Encoding", "").lower():
        return b""
    try:
        wanted = MAX_BODY + 1 if length is None else int(length)
    except ValueError:
        raise HttpError(400, reasons.BAD_HEADER, "Content-Length is not a number") from None
    data = b"" if wanted > MAX_BODY and length is not None else _read(min(wanted, MAX_BODY + 1))
    if wanted > MAX_BODY if length is not None else len(data) > MAX_BODY:
        raise HttpError(413, 0, f"the body is too large; at most {MAX_BODY} bytes", {"Connection": "close"})
    return data


def _read(size: int) -> bytes:
    data: bytes = cherrypy.request.rfile.read(size)
    return data
