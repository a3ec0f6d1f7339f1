"""What the front refuses by itself, in the words of the API."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from ...wire.errors import USUAL, ErrorBody
from .headers import Headers

#: Bytes of request line and headers that are kept while they are incomplete, of a body, and of one that is a file.
#: The manager has the same limits for its bodies, route by route; here they hold before one is kept.
MAX_HEADER = 64 * 1024
MAX_BODY = 1024 * 1024
MAX_FILE = 16 * 1024 * 1024

_RETRY = [(b"Retry-After", b"5")]


class Refused(Exception):
    """A request is answered by the front itself, with this status and message."""

    def __init__(self, status: int, message: str, headers: Headers | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or []


def unavailable(message: str) -> Refused:
    """503: it may be otherwise soon."""
    return Refused(503, message, list(_RETRY))


def body_of(refused: Refused, method: bytes, target: bytes) -> bytes:
    """The error body of the contract (`wire.errors`); what the client sent is cut."""
    reason = USUAL.get(refused.status, 0)
    words = (refused.message[:4096], method[:64].decode("latin-1"), target[:2048].decode("latin-1"))
    return msgspec.json.encode(ErrorBody(refused.status, reason, *words))


def phrase_of(status: int) -> bytes:
    """The words of a status line."""
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""
