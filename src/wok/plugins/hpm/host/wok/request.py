"""A request below /plugins/hpm: everything is for the API, but for the few files of the page in Wok.

Wok attaches nodes of its own to every plugin (tasks, logs, config, …). They would be open to anybody, and in the way of
the API's paths, so they are not reachable below ours at all.
"""

from __future__ import annotations

from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from typing import Any

import cherrypy
from cherrypy import _cprequest, _cpwsgi

from ...control.caller import NotAuthenticated
from ...control.http_errors import http_error
from ...control.request import ApiRequest, error_page
from .answers import READS

#: Paths, and beginnings of paths, that Wok's own dispatcher and file server answer.
PAGES = ("/i18n.json", "/ui/config/tab-ext.xml")
FOLDERS = ("/tabs/", "/js/", "/images/")

#: Bytes of an unread body that are thrown away at a time.
PIECE = 64 * 1024


class _Cookies(SimpleCookie):
    """Cookies of a request. Those of other programs on this host come too; one malformed is no reason to refuse."""

    def load(self, rawdata: Any) -> None:
        with suppress(CookieError):
            super().load(rawdata)


class WokRequest(ApiRequest):
    """Asks who it is before anything else is done; then to the page, or to the API."""

    def process_headers(self) -> None:
        """As those of the API; Wok's sessions are found by cookies."""
        super().process_headers()
        self.cookie = _Cookies(self.headers.get("Cookie", ""))

    def get_resource(self, path: str) -> None:
        """As CherryPy's: sets handler and configuration."""
        super().get_resource(path)
        if self.method in READS and (path in PAGES or path.startswith(FOLDERS)):
            _cprequest.Request.get_resource(self, path)
        else:
            self.config = dict(self.app.config["/"])    # sessions, proxy, no caching: as Wok has it
            self.handler = self.app.root.answer
        # before the tools that serve files, which have 50
        self.hooks.attach("before_handler", self._admit, priority=10)
        self.hooks.attach("on_end_resource", self._drain)

    def _admit(self) -> None:
        try:
            self.app.root.door.known()
        except NotAuthenticated as error:    # also `Throttled`
            refusal = http_error(error)

            def page(**said: Any) -> bytes:    # in our words on Wok's pages too
                cherrypy.response.headers.update(refusal.headers)
                return error_page(**said)

            self.error_page = {"default": page}
            raise cherrypy.HTTPError(refusal.status, refusal.message) from None

    def _drain(self) -> None:
        """Throw away a body that nobody read: the server would have it all in memory, or take it for a request.

        Only at 413 it closes the connection instead.
        """
        if str(cherrypy.response.status).startswith("413"):
            return
        try:
            while self.rfile.read(PIECE):
                pass
        except Exception as error:
            cherrypy.log.error_log.debug("the rest of a body could not be read: %s", error)


class WokResponse(_cpwsgi.AppResponse):    # type: ignore[misc]    # CherryPy is untyped
    """The one place where a plugin's configuration reaches the application that Wok makes for it."""

    def __init__(self, environ: dict[str, Any], start_response: Any, cpapp: Any) -> None:
        cpapp.request_class = WokRequest
        super().__init__(environ, start_response, cpapp)
