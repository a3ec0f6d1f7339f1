"""The activity log on the wire."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from .access import Means, Role
from .words import Next, Time

ActivityOutcome: TypeAlias = Annotated[Literal["done", "refused", "failed"], msgspec.Meta(description=(
    "`refused`: nothing was done, for the reason given. `failed`: hpm or the host could not."
))]  # fmt: skip


class ActivityEntry(msgspec.Struct, rename="kebab"):
    """One write, done or not.

    object-id: The number of the entry; later ones have higher numbers.
    user: Who did it; where `means` is `nobody`, who was claimed, if there is such a user. null: nobody knows.
    role: The user's role then; null: none, or not known.
    address: The client's address; null: it came through this host's socket.
    request-method: The method of the request.
    request-uri: The path and query of the request.
    summary: What was to be done, in words.
    http-status: The status of the answer.
    reason: The reason of an answer of 400 and above, see *Errors*; else 0.
    message: Why it was not done; null: it was.
    """

    object_id: int
    time: Time
    user: str | None
    role: Role | None
    means: Means
    address: str | None
    request_method: str
    request_uri: str
    summary: str
    outcome: ActivityOutcome
    http_status: int
    reason: int
    message: str | None


class ActivityList(msgspec.Struct, rename="kebab"):
    """Entries of the activity log.

    activity-log: Entries, newest first.
    """

    activity_log: list[ActivityEntry]
    next: Next


class ActivityQuery(msgspec.Struct, rename={"from_": "from"}, forbid_unknown_fields=True):
    """Which entries are wanted.

    from: Not older than this time, RFC 3339.
    to: Not younger than this time, RFC 3339.
    user: Only of this user.
    before: Only those before the entry of this number.
    limit: At most so many.
    """

    from_: str | None = None
    to: str | None = None
    user: str | None = None
    outcome: ActivityOutcome | None = None
    before: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
