"""Errors of hpm as answers: status, reason and body (see `wire.errors`)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ..errors import (
    Conflict,
    HpmError,
    HypervisorUnreachable,
    InvalidValue,
    ManagerBusy,
    MissingField,
    NotFound,
    NotUnique,
    UnknownField,
)
from ..manager.change import Busy
from ..policy.decode import NotJSON
from ..policy.files.xml_notation import NotXML
from ..wire import errors as reasons
from ..wire.errors import ErrorBody
from .caller import CrossSite, NotAllowed, NotAuthenticated, SessionExpired, Throttled, Unavailable


class Changed(HpmError):
    """The object was changed by somebody else since the client read it (HTTP 412)."""

    id = "changed"


class HttpError(HpmError):
    """An error that exists only in HTTP: a status, a reason, headers, details for programs."""

    id = "http"

    def __init__(
        self, status: int, reason: int, message: str, headers: dict[str, str] | None = None,
        details: dict[str, object] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.headers = headers or {}
        self.details = details


#: The first class that fits decides, so special ones stand before general ones.
_STATUS: tuple[tuple[type[HpmError], int, int], ...] = (
    (NotJSON, 400, reasons.NOT_JSON),
    (NotXML, 400, reasons.NOT_JSON),
    (MissingField, 400, reasons.FIELD_MISSING),
    (UnknownField, 400, reasons.FIELD_UNKNOWN),
    (NotUnique, 400, reasons.NOT_UNIQUE),
    (InvalidValue, 400, reasons.WRONG_VALUE),
    (Throttled, 429, 0),
    (NotAuthenticated, 401, 0),
    (SessionExpired, 403, reasons.SESSION_EXPIRED),
    (CrossSite, 403, reasons.OTHER_SITE),
    (NotAllowed, 403, reasons.ROLE),
    (NotFound, 404, reasons.NOTHING_THERE),
    (Busy, 409, reasons.BUSY),
    (ManagerBusy, 409, reasons.WRONG_STATE),
    (Conflict, 409, reasons.WRONG_STATE),
    (Changed, 412, 0),
    (HypervisorUnreachable, 503, 0),
    (Unavailable, 503, 0),
)


def http_error(error: HpmError) -> HttpError:
    """The answer that an error of ours means; what nobody expected is a 500."""
    if isinstance(error, HttpError):
        return error
    status, reason = status_of(type(error))
    wait = error.seconds if isinstance(error, Throttled) else 5 if status == 503 else None
    headers = {} if wait is None else {"Retry-After": str(wait)}
    return HttpError(status, reason, str(error), headers, _details(error))


def status_of(class_: type[HpmError]) -> tuple[int, int]:
    """Status and reason of such errors."""
    for known, status, reason in _STATUS:
        if issubclass(class_, known):
            return status, reason
    return 500, 0


def _details(error: HpmError) -> dict[str, object] | None:
    """Which value is wrong, and where in a text."""
    if not isinstance(error, InvalidValue):
        return None
    if error.place is not None:
        return {"line": error.place[0], "column": error.place[1], "path": error.path[:1024]}
    return {"path": error.path[:1024]} if error.path else None


def error_body(
    status: int, reason: int, message: str, method: str, uri: str, details: dict[str, object] | None = None
) -> bytes:
    """The body that every answer of 400 and above carries. Long texts of the client's are cut."""
    return msgspec.json.encode(ErrorBody(status, reason, message[:4096], method[:64], uri[:2048], details))


def challenge(headers: Mapping[str, str]) -> str:
    """What `WWW-Authenticate` says in an answer of 401.

    To programs: that they may use a token or a password. To browsers only the first, which they do not know: on
    ``Basic`` they would open a dialog of their own above our page, and send that password until they are closed.
    """
    by_token, by_password = 'Bearer realm="hpm"', 'Basic realm="hpm", charset="UTF-8"'
    if "Sec-Fetch-Mode" in headers or "X-Requested-With" in headers:
        return by_token
    return f"{by_token}, {by_password}"
