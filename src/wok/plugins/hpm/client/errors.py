"""What can go wrong between a client and hpm.

::

    HpmError
    └── ClientError
        ├── NoConnection       nobody answers: not running, not allowed, not reachable, or too slow
        ├── BadAnswer          somebody answers, but not in the words of hpm's API
        └── ApiError           hpm refused; has status, reason and details of the error body
            └── ChangedMeanwhile   somebody else changed the object since it was read (412)
"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import HpmError


class ClientError(HpmError):
    """Base of the client's errors."""

    id = "client"


class NoConnection(ClientError):
    """Nobody answers; `message` says where it was tried, and what would help."""

    id = "no-connection"

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(message)
        self.place = place    # the URL or socket alone, if there is one


class BadAnswer(ClientError):
    """The answer is not one of hpm's: another program, a proxy, or a version too far away. `status` is the HTTP status,
    where that says more than the body."""

    id = "bad-answer"

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class ApiError(ClientError):
    """hpm refused. `status` is the HTTP status, `reason` the number of the API's convention (0: none)."""

    id = "refused"

    def __init__(
        self, status: int, reason: int, message: str, details: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.details = details or {}


class ChangedMeanwhile(ApiError):
    """The object is no longer as it was read: read it again, and repeat the change on that."""

    id = "changed-meanwhile"
