"""Logging in, and tokens, on the wire."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from ..policy.policies import Name

#: What a caller may do: `user` reads, `admin` reads and writes.
Role: TypeAlias = Literal["user", "admin"]

#: How a caller showed who it is: `socket` by the kernel's word, `nobody`: it did not.
Means: TypeAlias = Literal["socket", "session", "password", "token", "wok", "nobody"]

#: Longest user name and password that are taken, in characters.
LONGEST_USER = 256
LONGEST_PASSWORD = 1024


class LogIn(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """User and password of this host, as PAM knows them."""

    user: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_USER)]
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_PASSWORD)]


class WhoIAm(msgspec.Struct, rename="kebab"):
    """Who asks: `role` null: in neither of hpm's groups. `expires`: when the session ends whatever is done in it."""

    user: str
    role: Role | None
    means: Means
    expires: str | None


class TokenCreate(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """A token to be: its role is at most that of its maker; `expires` in RFC 3339, null: never."""

    name: Name
    role: Role = "user"
    expires: str | None = None


class Token(msgspec.Struct, rename="kebab", tag="token", tag_field="class"):
    """A token, without its secret, which nobody has but who made it. `last-used` is kept to within ten minutes."""

    object_id: str
    object_uri: str
    name: str
    user: str
    role: Role
    created: str
    expires: str | None
    last_used: str | None


class NewToken(Token, rename="kebab", tag="token", tag_field="class"):
    """A token just made. `secret` is shown only now: ``Authorization: Bearer SECRET``."""

    secret: str


class TokenList(msgspec.Struct, rename="kebab"):
    """Tokens by user and name: one's own, for the role admin all."""

    tokens: list[Token]
