"""What CherryPy does with a request before and around us, held to our contract.

CherryPy's own dispatcher would walk the attributes of our objects by the words of a path, parse the query
a second time, and answer in HTML whatever it refuses.
"""

from __future__ import annotations

from typing import Any

import cherrypy
from cherrypy import _cprequest

from ..wire import errors as reasons
from .http_errors import HttpError, error_body


def refuse(error: HttpError) -> bytes:
    """Make an error the answer to the current request; gives the body."""
    request, response = cherrypy.request, cherrypy.response
    response.status = error.status
    response.headers.update(error.headers)
    response.headers["Content-Type"] = "application/json"
    uri = request.wsgi_environ.get("REQUEST_URI") or request.script_name + request.path_info
    return error_body(error.status, error.reason, error.message, request.method, uri, error.details)


def error_page(status: str, message: str, **_rest: object) -> bytes:
    """An error of CherryPy's as our error body."""
    code = int(status.split()[0])
    text = message if code < 500 else "hpm has a fault here; its log says more"
    return refuse(HttpError(code, reasons.USUAL.get(code, 0), text))


class ApiRequest(_cprequest.Request):    # type: ignore[misc]    # CherryPy is untyped
    """A request that goes to the `answer` method of the application's root, whatever its path."""

    error_page: dict[str, Any] = {"default": error_page}    # noqa: RUF012
    header_list: list[tuple[str, str]]
    process_request_body = False
    show_tracebacks = False

    def process_headers(self) -> None:
        """As CherryPy does, but for two things. Values stand as they came: encoded words (RFC 2047) are none of HTTP's,
        the web front sees through none, and Python has decoders that take seconds for one. And no cookie is taken
        apart: nobody asks here, and that takes seconds, too, in Pythons that are not the newest.
        """
        given = [(name.title(), value.strip()) for name, value in self.header_list]
        self.header_list = [(name, value) for name, value in given if name != "Cookie" and "=?" not in value]
        super().process_headers()
        self.header_list = given
        self.headers.update({name: value for name, value in given if name != "Host"})

    def get_resource(self, path: str) -> None:
        """There is one handler, and no configuration by path."""
        cherrypy.response.headers.pop("Server", None)    # who serves is said by the server that does
        self.config: dict[str, Any] = {}
        self.handler = self.app.root.answer

    def process_query_string(self) -> None:
        """Routes say which parameters they know (`api`)."""
