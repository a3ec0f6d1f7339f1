"""The error body of the API, and the reasons for HTTP 400 and others (the HMC's convention)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

#: Reasons of HTTP 400.
UNKNOWN_QUERY_PARAMETER: Final = 1
BAD_HEADER: Final = 2
BODY_MISSING: Final = 3
BODY_NOT_EXPECTED: Final = 4
FIELD_MISSING: Final = 5
FIELD_UNKNOWN: Final = 6
WRONG_VALUE: Final = 7
NOT_UNIQUE: Final = 8
NOT_JSON: Final = 9
MALFORMED_QUERY: Final = 14

#: The reason of HTTP 404.
NOTHING_THERE: Final = 1

#: Reasons of HTTP 409.
BUSY: Final = 1
WRONG_STATE: Final = 2

#: Reasons of HTTP 403.
ROLE: Final = 1
OTHER_SITE: Final = 2
SESSION_EXPIRED: Final = 5

#: Reasons of what is refused before it is known what it is about (by the web front, by CherryPy); of others 0.
USUAL: Final = {400: BAD_HEADER, 404: NOTHING_THERE}

#: What each reason means, by HTTP status. A status that needs no distinction has reason 0.
MEANINGS: Final[dict[tuple[int, int], str]] = {
    (400, UNKNOWN_QUERY_PARAMETER): "unknown query parameter",
    (400, BAD_HEADER): "bad header",
    (400, BODY_MISSING): "a body is missing",
    (400, BODY_NOT_EXPECTED): "a body is not expected",
    (400, FIELD_MISSING): "a field is missing",
    (400, FIELD_UNKNOWN): "a field is unknown",
    (400, WRONG_VALUE): "wrong type, or out of range",
    (400, NOT_UNIQUE): "not unique",
    (400, NOT_JSON): "not JSON",
    (400, MALFORMED_QUERY): "the query is malformed",
    (401, 0): "nobody knows who asks",
    (403, ROLE): "the role does not allow it",
    (403, OTHER_SITE): "a page of another site made the browser send it",
    (403, SESSION_EXPIRED): "the session has expired: log in again",
    (404, NOTHING_THERE): "there is no such path or object",
    (405, 0): "the path does not know that method; `Allow` lists those that it knows",
    (406, 0): "the answer has a media type that `Accept` does not take",
    (408, 0): "the request did not arrive in time",
    (409, BUSY): "another change is under way: try again",
    (409, WRONG_STATE): "the state of the object, of hpm or of the host does not allow it",
    (412, 0): "changed by somebody else (`If-Match`)",
    (413, 0): "the body is larger than 1 MiB",
    (414, 0): "the path and query are larger than 64 KiB",
    (415, 0): "the body has another media type than is expected",
    (429, 0): "too many wrong passwords or tokens: wait (`Retry-After`)",
    (500, 0): "a fault in hpm; its log says more",
    (503, 0): "the hypervisor does not answer, or passwords cannot be checked now (`Retry-After`)",
}


class ErrorBody(msgspec.Struct, rename="kebab"):
    """What every answer of 400 and above carries.

    http-status: The status of the answer.
    reason: What is wrong, for programs; see *Errors*. 0: the status says all.
    message: What is wrong, where (a path like ``perf-policies[0].name``) and what would be right.
    request-method: The method of the request.
    request-uri: The path and query of the request; its first 2,048 bytes.
    error-details: More for programs, else null. `path`: which value is wrong, as the message names it; a form can show
        the message beside its field. `line` and `column`: where it stands in a policy file. With 503 it has
        `snapshot-time` and `snapshot-age-seconds`: how old the figures are that can still be read.
    """

    http_status: int
    reason: int
    message: str
    request_method: str
    request_uri: str
    error_details: dict[str, Any] | None = None
