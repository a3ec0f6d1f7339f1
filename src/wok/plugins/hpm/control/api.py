"""The API as a CherryPy object: find the route, check who asks and what, call, encode.

A request is checked in this order: path (404), method (405), who (401, 403), Accept (406), query, body
(413, 415, 400), and only then is anything done.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import cherrypy
from cheroot.errors import MaxSizeExceeded

from ..errors import HpmError, InvalidValue, UnknownField
from ..heap import give_memory_back
from ..model.events import Feed
from ..policy.decode import convert, decode
from ..wire import errors as reasons
from ..wire.access import WhoIAm
from ..wire.events import EVENT_STREAM
from ..wire.policy_files import Document
from ..wire.times import rfc3339
from . import etags
from .activity import Deed, Recorder
from .answers import KeptAnswers, Source, encode
from .caller import Caller, Door, Login, NotAllowed, NotAuthenticated
from .codings import chosen
from .http_errors import Changed, HttpError, challenge, http_error
from .request import refuse
from .route import MAX_BODY, Request, Route

log = logging.getLogger(__name__)

#: How a door has the answer to the current request go on with what a feed tells, and end the feed in the end: the body
#: that CherryPy sends. None: it has no place for that.
Carrier: TypeAlias = Callable[[Feed], "Iterable[bytes] | None"]


@dataclass
class _Seen:
    """What is known of a request so far, for the activity log."""

    route: Route | None = None
    names: dict[str, str] = field(default_factory=dict)
    caller: Caller | None = None
    subject: str | None = None
    dry: bool = False    # it was only to be tried


class Api:
    """Serves `routes` below the path it is mounted at; `door` says who asks, `recorder` is told of writes.

    `login` is the door's where people log in with a password; elsewhere nothing is open to visitors. `carry` has
    answers go on that tell events; without it they all end at once, and readers ask again.
    """

    _cp_config = {"request.process_request_body": False, "tools.encode.on": False}    # noqa: RUF012

    def __init__(
        self, routes: tuple[Route, ...], door: Door, source: Source, recorder: Recorder | None = None,
        login: Login | None = None, carry: Carrier | None = None,
    ) -> None:  # fmt: skip
        # of two that a path could be, the one with the fixed word stands first
        self._routes = sorted(routes, key=lambda route: [part.startswith("{") for part in route.path.split("/")])
        self._door = door
        self._source = source
        self._recorder = recorder
        self._login = login
        self._carry = carry
        self._kept = KeptAnswers()

    def default(self, *_segments: str, **_parameters: str) -> bytes | Iterable[bytes]:
        """Answer any path below the mount (for CherryPy's own dispatcher)."""
        return self.answer()

    default.exposed = True    # type: ignore[attr-defined]    # what CherryPy's untyped decorator does
    index = default

    def answer(self) -> bytes | Iterable[bytes]:
        """Answer the current request."""
        seen = _Seen()
        try:
            answer = self._answer(seen)
        except HpmError as error:
            claimed = error.claimed if isinstance(error, NotAuthenticated | NotAllowed) else None
            return self._refuse(http_error(error), seen, claimed)
        except Exception:
            log.exception("%s %s", cherrypy.request.method, cherrypy.request.path_info)
            return self._refuse(HttpError(500, 0, "hpm has a fault here; its log says more"), seen)
        finally:
            if seen.route is not None and seen.route.max_body > MAX_BODY:
                give_memory_back()
        self._note(seen, cherrypy.response.status, 0, None)
        return answer

    def _answer(self, seen: _Seen) -> bytes | Iterable[bytes]:
        request, response = cherrypy.request, cherrypy.response
        route, names = seen.route, seen.names = self._find(request.path_info)
        caller = seen.caller = self._caller(route)
        _check_role(caller, route)
        accepted = _accepted(request.headers.get("Accept"), route.answers)
        query = _query(request.query_string, route)
        seen.dry = getattr(query, "dry_run", False)
        body = _body(route)
        asked = Request(
            request.script_name, caller, names, query, body, _check_match, accepted, self._login,
            request.headers.get("Last-Event-ID"),
        )  # fmt: skip
        if route.kept:
            response.headers["Age"] = str(self._age())
            key = (request.script_name, request.path_info, request.query_string)
            answer = self._kept.get(key, route.source or self._source, lambda: route.call(asked))
        else:
            if route.writes and self._recorder is not None:
                seen.subject = self._recorder.subject(names, body)
            result = route.call(asked)
            if isinstance(result, WhoIAm):    # who has logged in is known from here on
                seen.caller = Caller(result.user, result.role, result.means, result.expires)
            response.status = route.status
            if isinstance(result, Feed):
                return self._tell(result)
            if route.answer is None:
                response.headers.pop("Content-Type", None)
                return b""
            answer = encode(result)
            if route.status == 201:
                response.headers["Location"] = result.object_uri
            if isinstance(result, Document) and result.file_name:
                response.headers["Content-Disposition"] = f'attachment; filename="{result.file_name}"'
        if not answer.body:
            response.status = 204
            response.headers.pop("Content-Type", None)
            return b""
        coding = None
        if route.method == "GET" and route.coded:
            response.headers["Vary"] = "Accept-Encoding"
            coding = chosen(request.headers.get("Accept-Encoding"), len(answer.body))
        body, tag = answer.coded(coding)
        response.headers["Content-Type"] = answer.media_type
        response.headers["ETag"] = tag
        known = request.headers.get("If-None-Match")
        if route.method == "GET" and known is not None and etags.same(known, tag):
            response.status = 304
            return b""
        if coding is not None:
            response.headers["Content-Encoding"] = coding
        return body

    def _tell(self, feed: Feed) -> bytes | Iterable[bytes]:
        """Events: an answer that goes on where that is wanted and there is a place, else what there is."""
        request, response = cherrypy.request, cherrypy.response
        response.headers["Content-Type"] = EVENT_STREAM
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Accel-Buffering"] = "no"    # for nginx, which is Wok's proxy
        if request.method == "HEAD":
            response.stream = True    # whose length nobody knows
            return b""
        body = self._carry(feed) if feed.seconds and self._carry is not None else None
        if body is None:
            return feed.whole()
        response.stream = True
        return body

    def _find(self, path: str) -> tuple[Route, dict[str, str]]:
        # the path itself: what CherryPy makes of it depends on its dispatcher
        segments = tuple(path.removeprefix("/").removesuffix("/").split("/"))
        method = "GET" if cherrypy.request.method == "HEAD" else cherrypy.request.method
        allowed: list[str] = []
        found = ""
        for route in self._routes:
            names = route.match(segments)
            if names is not None and found in ("", route.path):    # the first path that fits; `detail` is no id
                if route.method == method:
                    return route, names
                found = route.path
                allowed.append(route.method)
        if allowed:
            if "GET" in allowed:
                allowed.append("HEAD")
            allow = ", ".join(dict.fromkeys(allowed))
            raise HttpError(405, 0, f"{method} is not possible here; possible: {allow}", {"Allow": allow})
        whole = cherrypy.request.script_name + path
        raise HttpError(404, reasons.NOTHING_THERE, f"there is no such path: {whole[:200]}")

    def _caller(self, route: Route) -> Caller:
        if route.role == "anybody" and self._login is not None:
            return self._login.visitor()
        return self._door.caller()

    def _note(self, seen: _Seen, status: int, reason: int, message: str | None, claimed: str | None = None) -> None:
        """Tell the recorder of a write, done or not, and of a wrong password or token, whatever it was for."""
        request, route = cherrypy.request, seen.route
        writes = route.writes if route is not None else request.method not in ("GET", "HEAD")
        wrong = status in (401, 429) and "Authorization" in request.headers
        if self._recorder is None or not (writes or wrong) or (seen.dry and status < 400):
            return
        if seen.caller is None and status in (404, 405):    # the path was looked at before anybody was asked
            with suppress(HpmError):
                seen.caller = self._door.caller()
        subject = seen.subject if seen.subject is not None else self._recorder.subject(seen.names, None)
        title = route.deed if route is not None else "no such operation"
        summary = f"{title}: {subject}" if subject else title
        uri = request.script_name + request.path_info
        if request.query_string and seen.subject is not None:    # before it was checked, it may have anything in it
            uri += "?" + request.query_string
        self._recorder.record(Deed(seen.caller, claimed, request.method, uri, summary, status, reason, message))

    def _refuse(self, error: HttpError, seen: _Seen, claimed: str | None = None) -> bytes:
        self._note(seen, error.status, error.reason, error.message, claimed)
        if error.status == 401:
            error.headers["WWW-Authenticate"] = challenge(cherrypy.request.headers)
        if error.status == 503:
            error.details = {
                "snapshot-time": rfc3339(self._source.snapshot.taken), "snapshot-age-seconds": self._age(),
            }  # fmt: skip
        return refuse(error)

    def _age(self) -> int:
        """Seconds since the host was observed."""
        return max(0, int((self._source.now() - self._source.snapshot.taken).total_seconds()))


def _check_role(caller: Caller, route: Route) -> None:
    """Raises `NotAllowed`."""
    needs = route.role
    if caller.role == "admin" or needs == "known" or (caller.role == "user" and needs != "admin"):
        return
    if caller.means == "nobody" and needs == "anybody":
        return
    if caller.means == "token" and caller.role == "user":
        raise NotAllowed("this token has the role user, and this takes the role admin; 'hpm token-create --role admin'")
    group = "hpmadm" if needs == "admin" else "hpmuser or hpmadm"
    raise NotAllowed(f"{caller.user} may not do this: it takes membership in the group {group}")


def _check_match(current: object | None) -> None:
    """Compare with `If-Match`: somebody else's change must not be lost. None: there is no one object; a tuple: the
    object in several representations, of which the client may have read any."""
    header = cherrypy.request.headers.get("If-Match")
    if header is None:
        return
    if current is None:
        raise HttpError(400, reasons.BAD_HEADER, "If-Match is for requests on one object that exists")
    states = current if isinstance(current, tuple) else (current,)
    if not any(etags.unchanged(header, state) for state in states):
        raise Changed("the object was changed by somebody else since you read it; read it again")


def _accepted(header: str | None, offered: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the media types that a client takes. Raises (406) if there are none."""
    if header is None:
        return offered
    parts = [part.lower().replace(" ", "").split(";") for part in header.split(",")]
    kinds = {kind for kind, *more in parts if not any(re.fullmatch(r"q=0(\.0*)?", one) for one in more)}
    accepted = tuple(kind for kind in offered if kinds & {kind, f"{kind.partition('/')[0]}/*", "*/*", ""})
    if not accepted:
        raise HttpError(406, 0, f"answers are {' or '.join(offered)}, which Accept: {header[:80]} does not take")
    return accepted


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
        query = convert(values, route.query, strict=False)
    except UnknownField as error:
        raise HttpError(400, reasons.UNKNOWN_QUERY_PARAMETER, error.message) from None
    except InvalidValue as error:    # a parameter is left out, or has a value: there is no null
        said = error.said.replace(", null", "").replace(" | null", "")
        raise type(error)(said, error.path) from None
    for attribute, name in zip(route.query.__struct_fields__, route.query.__struct_encode_fields__, strict=True):
        if name in values and getattr(query, attribute) is None:    # msgspec takes the text `null` for None
            raise InvalidValue(f"{values[name]!r} is no value; leave the parameter out", name)
    return query


def _body(route: Route) -> Any:
    data = _read_body(route.max_body)
    if route.body is None:
        if data:
            raise HttpError(400, reasons.BODY_NOT_EXPECTED, "a body is not expected here")
        return None
    if not data:
        raise HttpError(400, reasons.BODY_MISSING, f"a {_kinds(route.takes)} body is expected")
    headers = cherrypy.request.headers
    kind = headers.get("Content-Type", "")
    media_type = kind.split(";")[0].strip().lower()
    if media_type not in ("", *route.takes):
        raise HttpError(415, 0, f"the body must be {' or '.join(route.takes)}, not {kind[:80]}")
    coding = headers.get("Content-Encoding", "identity")
    if coding.strip().lower() != "identity":
        raise HttpError(415, 0, f"the body must not be encoded, but is {coding[:80]}")
    return Document(media_type, data) if route.body is Document else decode(data, route.body)


def _read_body(most: int) -> bytes:
    """The body, whole. What is wrong with it closes the connection, for its rest would be in the way."""
    headers = cherrypy.request.headers
    length = headers.get("Content-Length")
    if length is None and "chunked" not in headers.get("Transfer-Encoding", "").lower():
        return b""
    if length is not None and not (length.isascii() and length.isdigit()):
        raise _broken(400, "Content-Length is not a number")
    if length is None:
        most = min(most, MAX_BODY)    # else megabytes would be read before it shows that they are too many
    elif int(length) > most:
        raise _broken(413, too_large(most))
    try:
        data: bytes = cherrypy.request.rfile.read(most + 1)
    except TimeoutError:
        raise _broken(408, "the body did not arrive in time") from None
    except (MaxSizeExceeded, OSError):
        raise _broken(413, too_large(most)) from None
    except ValueError as error:
        raise _broken(400, f"the body's transfer coding is malformed: {str(error)[:200]}") from None
    if len(data) > most:
        raise _broken(413, too_large(most))
    if length is not None and len(data) < int(length):
        raise _broken(400, f"the body ended after {len(data)} bytes, but Content-Length says {int(length)}")
    return data


def _kinds(media_types: tuple[str, ...]) -> str:
    return " or ".join(kind.partition("/")[2].upper() for kind in media_types if not kind.startswith("text/"))


def too_large(most: int) -> str:
    """What a client is told whose body has more bytes than that."""
    return f"the body is too large; at most {most} bytes are taken"


def _broken(status: int, message: str) -> HttpError:
    return HttpError(status, reasons.BAD_HEADER if status == 400 else 0, message, {"Connection": "close"})
