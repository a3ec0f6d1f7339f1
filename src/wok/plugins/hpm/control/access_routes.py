"""Routes of logging in, tokens and the activity log."""

from __future__ import annotations

from ..errors import Conflict
from ..manager.manager import Manager
from ..model.activity import ActivityRequests
from ..model.tokens import TokenRequests
from ..wire.access import LogIn, NewToken, Token, TokenCreate, TokenList, WhoIAm
from ..wire.activity import ActivityList, ActivityQuery
from .caller import Caller, NotAllowed
from .http_errors import Changed
from .route import Request, Route


def access_routes(manager: Manager) -> tuple[Route, ...]:
    """See `routes`."""
    tokens, activity = TokenRequests(manager), ActivityRequests(manager)
    return (
        Route("GET", "/login", "Who you are", WhoIAm, lambda r: _who(r.caller), needs="known"),
        Route("POST", "/login", "Log in: begin a session", WhoIAm, _log_in, body=LogIn, needs="anybody",
              changes=True, refuses=(Conflict,)),
        Route("POST", "/logout", "Log out: end the session", None, _log_out, status=204, needs="known", changes=True,
              refuses=(Conflict,)),
        Route(
            "GET", "/tokens", "List tokens: your own, as admin all", TokenList,
            lambda r: tokens.list(r.base, r.caller.user, r.caller.role),
        ),
        Route(
            "POST", "/tokens", "Create a token", NewToken, lambda r: _create(tokens, r),
            body=TokenCreate, status=201, needs="user", changes=True, refuses=(Conflict,),
        ),
        Route(
            "GET", "/tokens/{id}", "Get a token, without its secret", Token,
            lambda r: tokens.get(r.base, r.caller.user, r.caller.role, r.names["id"]),
        ),
        Route(
            "DELETE", "/tokens/{id}", "Revoke a token", None,
            lambda r: _revoke(tokens, r),
            status=204, needs="user", changes=True, refuses=(Changed,),
        ),
        Route(
            "GET", "/activity-log", "Who wrote what, newest first", ActivityList,
            lambda r: activity.list(r.base, r.query), query=ActivityQuery,
        ),
    )  # fmt: skip


def _who(caller: Caller) -> WhoIAm:
    return WhoIAm(caller.user, caller.role, caller.means, caller.expires)


def _log_in(request: Request) -> WhoIAm:
    if request.login is None:
        raise Conflict("nobody logs in here: hpm knows who you are already; GET /login tells")
    return _who(request.login.log_in(request.body.user, request.body.password))


def _log_out(request: Request) -> None:
    if request.login is None or request.caller.means != "session":
        raise Conflict("there is no session to end; a token is revoked with DELETE /tokens/{id}")
    request.login.log_out()


def _create(tokens: TokenRequests, request: Request) -> NewToken:
    caller = request.caller
    if caller.means == "token":
        raise NotAllowed("a token makes no tokens, or a stolen one would never expire; use your password")
    return tokens.create(request.base, caller.user, caller.role, request.body, caller.uid)


def _revoke(tokens: TokenRequests, request: Request) -> None:
    caller = request.caller
    if caller.means == "token" and caller.role != "admin":
        raise NotAllowed("this token has the role user, and reads only; revoke tokens with your password, or as admin")
    tokens.revoke(request.base, caller.user, caller.role, request.names["id"], request.check)
