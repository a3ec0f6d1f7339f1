"""Who asks through the web front: by a token, by user and password, or by the session that the cookie names.

What a request carries is looked at in that order, and only at the first of them. Accounts are looked up anew with
every request, so who is taken out of a group has lost its role at once, in sessions and with tokens too, and so has who
was deleted; whoever gets the name later, with another number, is somebody else.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import time
from collections.abc import Callable

import cherrypy
from msgspec.structs import replace

from ...control.caller import Caller, NotAllowed, NotAuthenticated
from ...control.http_errors import HttpError
from ...control.origin import check_origin
from ...manager.tokens import PREFIX, Tokens
from ...wire import errors as reasons
from ...wire.access import Means
from ...wire.doors import CLIENT_ADDRESS, CLIENT_SCHEME
from ...wire.times import rfc3339
from ..peer import Account, account_of
from .passwords import PasswordChecker, Passwords
from .sessions import Session, Sessions
from .throttle import Throttle

COOKIE = "__Host-hpm-session"
_ATTRIBUTES = "HttpOnly; Secure; SameSite=Strict; Path=/"


def since_boot() -> float:
    """Monotonic seconds, with those that the host slept: who left a browser open is gone for as long."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class FrontDoor:
    """The door and the login of the web front. `clock` gives monotonic seconds, `account` a user's account by name,
    and `sleep` waits some seconds."""

    def __init__(
        self,
        checker: PasswordChecker,
        tokens: Tokens,
        clock: Callable[[], float] = since_boot,
        account: Callable[[str], Account | None] = account_of,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._throttle = Throttle(clock)
        self._passwords = Passwords(checker, self._throttle, clock, sleep)
        self._sessions = Sessions(clock)
        self._tokens = tokens
        self._account = account

    def caller(self) -> Caller:
        """See `Door`."""
        address = client_address()
        given = cherrypy.request.headers.get("Authorization")
        if given is not None:
            scheme, _, value = given.strip().partition(" ")
            if scheme.lower() == "bearer":
                return self._by_token(value.strip(), address)
            if scheme.lower() == "basic":
                return self._by_password(value.strip(), address)
            raise NotAuthenticated("the header Authorization may say 'Bearer TOKEN' or 'Basic …', and nothing else")
        return self._by_session()

    def visitor(self) -> Caller:
        """See `Login`. What the request carries is not looked at: a session that is over is in nobody's way here."""
        client_address()
        return Caller("", None, "nobody")

    def log_in(self, user: str, password: str) -> Caller:
        """See `Login`. The session is a new one, whatever cookie came; the one that it names ends."""
        _check_origin(required=False)
        name = self._passwords.check(user, password, client_address())
        account = self._account(name)
        if account is None or account.role is None:
            raise NotAllowed(f"{name} may not use hpm: it takes membership in the group hpmuser or hpmadm", name)
        old = _cookie()
        if old is not None:
            self._sessions.end(old)
        secret = self._sessions.begin(name, account.uid)
        _set_cookie(f"{COOKIE}={secret}; {_ATTRIBUTES}")
        session = self._sessions.find(secret)
        assert session is not None
        return self._in_session(session)

    def log_out(self) -> None:
        """See `Login`."""
        secret = _cookie()
        if secret is not None:
            self._sessions.end(secret)
        _set_cookie(f"{COOKIE}=; Max-Age=0; {_ATTRIBUTES}")

    def _by_token(self, secret: str, address: str) -> Caller:
        # A right one is let through from a blocked address as well: nobody guesses 256 bits.
        token = self._tokens.find(secret) if secret.startswith(PREFIX) else None
        if token is None:
            self._throttle.check(address)
            self._throttle.wrong(address)
            raise NotAuthenticated("this token is unknown, revoked or expired; 'hpm token-create' makes a new one")
        caller = self._known(token.user, token.uid, "token", token.expires)    # worth no more than who made it
        return replace(caller, role="user") if caller.role == "admin" and token.role == "user" else caller

    def _by_password(self, value: str, address: str) -> Caller:
        if _writes():
            _check_origin(required=False)    # browsers send it by themselves once they were asked for it
        try:
            user, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user = colon = password = ""
        if not colon:
            raise NotAuthenticated("after 'Basic', Authorization has USER:PASSWORD in UTF-8 and base64")
        name = self._passwords.check(user, password, address, remember=True)
        return self._known(name, None, "password")

    def _by_session(self) -> Caller:
        secret = _cookie()
        session = None if secret is None else self._sessions.find(secret)
        if session is None:
            raise NotAuthenticated("log in with POST /login, or send a token or a password in Authorization")
        if _writes():
            _check_origin(required=True, user=session.user)
        self._sessions.use(session)
        return self._in_session(session)

    def _in_session(self, session: Session) -> Caller:
        return self._known(session.user, session.uid, "session", rfc3339(session.ends))

    def _known(self, user: str, uid: int | None, means: Means, expires: str | None = None) -> Caller:
        """Who was known as `user` with that number, as it is now."""
        account = self._account(user)
        if account is None:
            return Caller(user, None, means, expires)
        if uid is not None and uid != account.uid:
            raise NotAuthenticated(f"{user} has become another user since this was made; log in, or make a new token")
        return Caller(user, account.role, means, expires, account.uid)


def client_address() -> str:
    """The client's address, as the front says. Raises `HttpError` if it does not say one."""
    said = cherrypy.request.headers.get(CLIENT_ADDRESS, "")
    try:
        return str(ipaddress.ip_address(said))
    except ValueError:
        raise HttpError(400, reasons.BAD_HEADER, "only hpm's web front asks here; use hpm.sock") from None


def noted_address() -> str | None:
    """The client's address for the activity log."""
    try:
        return client_address()
    except HttpError:
        return None


def _writes() -> bool:
    return cherrypy.request.method not in ("GET", "HEAD")


def _check_origin(*, required: bool, user: str | None = None) -> None:
    headers = cherrypy.request.headers
    try:
        check_origin(headers, required=required, scheme=headers.get(CLIENT_SCHEME))
    except NotAllowed as error:
        error.claimed = user
        raise


def _cookie() -> str | None:
    """The secret in our cookie. The first counts if there are several: it is the one with the longest path."""
    for part in cherrypy.request.headers.get("Cookie", "").split(";"):
        name, sign, value = part.strip().partition("=")
        if sign and name == COOKIE:
            return str(value)
    return None


def _set_cookie(value: str) -> None:
    cherrypy.response.headers["Set-Cookie"] = value
