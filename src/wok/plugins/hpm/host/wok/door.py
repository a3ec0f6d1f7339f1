"""Who asks in Wok: its session tells, or HTTP Basic, which Wok checks. There is no anonymous access at all."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import time

import cherrypy
from wok import auth, template
from wok.config import config

from ...control.caller import Caller, NotAuthenticated, Role
from ...control.origin import check_origin
from ..access.throttle import Throttle
from .answers import writes

#: Wok's pages know by this word that they must tell the user why the login page comes.
TIMEOUT = "sessionTimeout"


class WokDoor:
    """Establishes the caller of the current request.

    `port` is that of Wok's proxy. Wrong passwords are counted by `throttle`: Wok counts only those of its login page.

    Wok's own tool for it sends whoever does not say `Accept: application/json` to the login page, and takes no
    Basic from them; so the same checks of Wok are asked here one by one.
    """

    def __init__(self, port: int, throttle: Throttle) -> None:
        self._port = port
        self._throttle = throttle

    def caller(self) -> Caller:
        """Who asks, by a page of Wok's if it is by a page. Raises `NotAuthenticated`, `CrossSite`."""
        caller = self.known()
        headers = cherrypy.request.headers
        if writes():
            # a page of another site can have the cookie sent, and no password
            check_origin(headers, required="Authorization" not in headers, host=self._host())
        return caller

    def known(self) -> Caller:
        """Who asks. Raises `NotAuthenticated`, `Throttled`."""
        request = cherrypy.serving.request
        found: Caller | None = getattr(request, "hpm_caller", None)
        if found is None:
            if not (_by_session() or self._by_basic()):
                raise NotAuthenticated(_why())
            session = cherrypy.session
            roles: dict[object, Role] = {"admin": "admin", "user": "user"}
            found = Caller(str(session.get(auth.USER_NAME)), roles.get(session.get(auth.USER_ROLE)), "wok")
            request.hpm_caller = found
            # Wok's page warns before the session ends, which it does when nothing but pages has asked for so long
            ends = float(session[template.REFRESH]) + 60 * config.getfloat("server", "session_timeout")
            cherrypy.response.headers[template.EXPIRES_ON] = f"{ends - time.time():.0f}"
        return found

    def _host(self) -> str:
        """What the browser calls us. Wok's proxy passes on the host without the port."""
        host: str = cherrypy.request.headers.get("Host", "")
        return host if re.search(r":\d+$", host) else f"{host}:{self._port}"

    def _by_basic(self) -> bool:
        if auth.from_browser():    # it would keep the password, and there would be no logging out
            return False
        kind, _, encoded = cherrypy.request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "basic":
            return False
        user, password = _user_and_password(encoded.strip())
        address = client_address()
        self._throttle.check(address, user)
        try:
            right = auth.login(user, password) is not None
        except cherrypy.HTTPError:
            right = False
        if right:
            self._throttle.right(address, user)
        else:
            self._throttle.wrong(address, user)
        return right


def client_address() -> str:
    """Whence the request comes; Wok's proxy, which is on this host, says it in a header of its own."""
    request = cherrypy.request
    for said in (request.headers.get("X-Real-Ip", ""), request.remote.ip):
        try:
            return str(ipaddress.ip_address(said.strip()))
        except ValueError:
            continue
    return "127.0.0.1"


def _by_session() -> bool:
    try:
        return bool(auth.check_auth_session())
    except cherrypy.HTTPError:    # a page of Wok's that asks by itself does not keep a session alive
        raise NotAuthenticated(f"your session has ended ({TIMEOUT}); log in again") from None


def _user_and_password(encoded: str) -> tuple[str, str]:
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        raise NotAuthenticated("the header Authorization is no HTTP Basic; user and password are UTF-8") from None
    if not (user and colon and password and (user + password).isprintable()):
        raise NotAuthenticated("the header Authorization holds no user and password")
    return user, password


def _why() -> str:
    if not auth.from_browser():
        cherrypy.response.headers["WWW-Authenticate"] = 'Basic realm="wok", charset="UTF-8"'
    if cherrypy.session.missing and "lastPage" in cherrypy.request.cookie:
        return f"your session has ended ({TIMEOUT}); log in again"
    if "Authorization" in cherrypy.request.headers:
        return "user or password is wrong"
    return "log in to Wok first, or send user and password as HTTP Basic"
