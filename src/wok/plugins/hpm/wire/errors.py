"""The error body of the API, and the reasons for HTTP 400 and others (the HMC's convention)."""

from __future__ import annotations

from typing import Final

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

#: Reasons of HTTP 409.
BUSY: Final = 1
WRONG_STATE: Final = 2

#: Reasons of HTTP 403.
ROLE: Final = 1
OTHER_SITE: Final = 2
SESSION_EXPIRED: Final = 5


class ErrorBody(msgspec.Struct, rename="kebab"):
    """What every answer of 400 and above carries.

    `message` says what is wrong, where (a path like ``perf-policies[0].name``) and what would be right. With 503,
    `error-details` has `snapshot-time` and `snapshot-age-seconds`: how old the figures are that can still be read.
    """

    http_status: int
    reason: int
    message: str
    request_method: str
    request_uri: str
    error_details: dict[str, object] | None = None
