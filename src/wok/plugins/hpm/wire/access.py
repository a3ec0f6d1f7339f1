"""Logging in, and tokens, on the wire."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from ..policy.names import Name
from .words import Uri

#: What a caller may do: `user` reads, `admin` reads and writes.
Role: TypeAlias = Literal["user", "admin"]

Means: TypeAlias = Annotated[
    Literal["socket", "session", "password", "token", "wok", "nobody"], msgspec.Meta(description=(
        "How the caller showed who it is: `socket` by the kernel's word, `wok` by Wok's session; `nobody`: not at all."
    ))]  # fmt: skip

#: Longest user name and password that are taken, in characters.
LONGEST_USER = 256
LONGEST_PASSWORD = 1024


class LogIn(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """User and password of this host, as PAM knows them.

    user: The user's name.
    password: The password; it is neither kept nor logged.
    """

    user: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_USER)]
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_PASSWORD)]


class WhoIAm(msgspec.Struct, rename="kebab"):
    """Who asks.

    user: The user of this host.
    role: What the caller may do; null: in neither of hpm's groups.
    expires: When the session or token ends, whatever is done with it, RFC 3339 in UTC; null: never.
    """

    user: str
    role: Role | None
    means: Means
    expires: str | None


class TokenCreate(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """A token to be.

    name: What it is for.
    role: What may be done with it: at most what its maker may.
    expires: When it ends, RFC 3339; left out: after 90 days; null: never.
    """

    name: Name
    role: Role = "user"
    expires: str | msgspec.UnsetType | None = msgspec.UNSET


class Token(msgspec.Struct, rename="kebab", tag="token", tag_field="class"):
    """A token, without its secret, which nobody has but who made it.

    object-id: The token's id.
    name: What it is for.
    user: Who made it; what is done with it counts as done by this user.
    role: What may be done with it; never more than the user may by then.
    created: When it was made, RFC 3339 in UTC.
    expires: When it ends, RFC 3339 in UTC; null: never.
    last-used: When it was used last, to within ten minutes, RFC 3339 in UTC; null: never.
    """

    object_id: str
    object_uri: Uri
    name: str
    user: str
    role: Role
    created: str
    expires: str | None
    last_used: str | None


class NewToken(Token, rename="kebab", tag="token", tag_field="class"):
    """A token just made.

    last-used: null: it was never used.
    secret: What a program sends, `Authorization: Bearer SECRET`. It is shown only now.
    """

    secret: str


class TokenList(msgspec.Struct, rename="kebab"):
    """Tokens by user and name.

    tokens: One's own; for the role admin all.
    """

    tokens: list[Token]
