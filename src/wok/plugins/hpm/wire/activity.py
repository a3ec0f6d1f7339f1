"""The activity log on the wire."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from .access import Means, Role

#: `refused`: nothing was done, for the reason given; `failed`: hpm or the host could not.
ActivityOutcome: TypeAlias = Literal["done", "refused", "failed"]


class ActivityEntry(msgspec.Struct, rename="kebab"):
    """One write, done or not. `user` is who did it; where `means` is ``nobody``, who was claimed, if there is such
    a user. `address` is the client's, null on this host's socket. `message` says why it was not done."""

    object_id: int
    time: str
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
    """Entries, newest first. `next` is the URI of the older ones, if there are any."""

    activity_log: list[ActivityEntry]
    next: str | None


class ActivityQuery(msgspec.Struct, rename={"from_": "from"}, forbid_unknown_fields=True):
    """Which entries are wanted: times in RFC 3339, `before` an id."""

    from_: str | None = None
    to: str | None = None
    user: str | None = None
    outcome: ActivityOutcome | None = None
    before: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
