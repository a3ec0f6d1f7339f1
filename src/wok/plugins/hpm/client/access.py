"""Who one is, tokens, and the activity log."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from ..wire.access import NewToken, Token, TokenCreate, TokenList, WhoIAm
from ..wire.activity import ActivityList
from .answers import Answer
from .calls import Calls, query_of

TOKENS = "/tokens"
ACTIVITY = "/activity-log"


class AccessCalls(Calls):
    """The operations on `/login`, `/tokens` and `/activity-log`. Sessions are for browsers; programs have tokens."""

    def who_am_i(self) -> Answer[WhoIAm]:
        """Who hpm says one is."""
        return self._get("/login", WhoIAm)

    def tokens(self) -> Answer[TokenList]:
        """One's own tokens; those of all for the role admin."""
        return self._get(TOKENS, TokenList)

    def token(self, token_id: str) -> Answer[Token]:
        """One token."""
        return self._get(_token(token_id), Token)

    def create_token(self, token: TokenCreate | Mapping[str, object]) -> Answer[NewToken]:
        """Make a token. The answer has its secret, which cannot be asked for again."""
        return self._post(TOKENS, token, NewToken)

    def revoke_token(self, token_id: str) -> None:
        """Make a token worth nothing."""
        self._request("DELETE", _token(token_id))

    def activity(
        self,
        *,
        since: str | None = None,
        until: str | None = None,
        user: str | None = None,
        outcome: str | None = None,
        limit: int | None = None,
    ) -> Answer[ActivityList]:
        """Entries of the activity log, newest first. `since` and `until` are RFC 3339 times.

        If the answer's `next` is not null, `more_activity(next)` gives the older ones.
        """
        query = {
            "from": since, "to": until, "user": user, "outcome": outcome,
            "limit": None if limit is None else str(limit),
        }  # fmt: skip
        return self._get(ACTIVITY, ActivityList, {k: v for k, v in query.items() if v is not None})

    def more_activity(self, following: str) -> Answer[ActivityList]:
        """The page after one whose `next` is `following`."""
        return self._get(ACTIVITY, ActivityList, query_of(following))


def _token(token_id: str) -> str:
    return f"{TOKENS}/{quote(token_id, safe='')}"
