"""Tokens: everybody's own, and for the role admin all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import msgspec

from ..errors import InvalidValue, NotFound
from ..manager.manager import Manager
from ..store.tokens import TokenRecord
from ..wire.access import NewToken, Role, Token, TokenCreate, TokenList
from ..wire.times import rfc3339
from .times import utc_time

#: After which a token ends if nobody says otherwise: who forgets one has not given it away for ever.
USUAL_LIFE = timedelta(days=90)


class TokenRequests:
    """Requests on tokens. `user` and `role` are those of who asks."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def list(self, base: str, user: str, role: Role | None) -> TokenList:
        """Tokens by user and name."""
        seen = [r for r in self._manager.tokens.records.values() if _may_see(r, user, role)]
        return TokenList([_token(base, r) for r in sorted(seen, key=lambda r: (r.user, r.name, r.id))])

    def get(self, base: str, user: str, role: Role | None, token_id: str) -> Token:
        """One token. Raises `NotFound`, also for one that is not to be seen."""
        return _token(base, self._find(user, role, token_id))

    def create(
        self, base: str, user: str, role: Role | None, wanted: TokenCreate, uid: int | None = None
    ) -> NewToken:
        """Make a token. `uid`: the user's number, if it is known. Raises `InvalidValue`, `Conflict`."""
        if wanted.role == "admin" and role != "admin":
            raise InvalidValue("you have the role user, so your tokens have no more", "role")
        expires: str | None
        if wanted.expires is msgspec.UNSET:
            expires = rfc3339(self._manager.now() + USUAL_LIFE)
        else:
            expires = None if wanted.expires is None else utc_time(wanted.expires, "expires")
        if expires is not None and expires <= self._manager.activity.time():
            raise InvalidValue("this time is past", "expires")
        record, secret = self._manager.tokens.create(wanted.name, user, wanted.role, expires, uid)
        token = _token(base, record)
        return NewToken(**{name: getattr(token, name) for name in token.__struct_fields__}, secret=secret)

    def revoke(self, base: str, user: str, role: Role | None, token_id: str, check: Callable[[Token], None]) -> None:
        """Make a token worth nothing. `check` is called with it, and may raise. Raises `NotFound`."""
        check(_token(base, self._find(user, role, token_id)))
        self._manager.tokens.revoke(token_id)

    def _find(self, user: str, role: Role | None, token_id: str) -> TokenRecord:
        record = self._manager.tokens.get(token_id)
        if not _may_see(record, user, role):
            raise NotFound("there is no token with this id among yours")
        return record


def _may_see(record: TokenRecord, user: str, role: Role | None) -> bool:
    return role == "admin" or record.user == user


def _token(base: str, record: TokenRecord) -> Token:
    return Token(
        object_id=record.id,
        object_uri=f"{base}/tokens/{record.id}",
        name=record.name,
        user=record.user,
        role=record.role,
        created=record.created,
        expires=record.expires,
        last_used=record.last_used,
    )
