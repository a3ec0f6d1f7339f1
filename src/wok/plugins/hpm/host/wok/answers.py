"""What all answers of ours in Wok have in common, whoever gives them: who may ask, and how a refusal looks."""

from __future__ import annotations

import cherrypy

from ...control.caller import Caller, NotAllowed
from ...control.http_errors import HttpError, error_body

#: Methods that change nothing.
READS = ("GET", "HEAD")


def writes() -> bool:
    """Whether the current request is to change something."""
    return cherrypy.request.method not in READS


def check_role(caller: Caller) -> None:
    """Raises `NotAllowed` if it takes another role."""
    if caller.role is None or (writes() and caller.role != "admin"):
        raise NotAllowed(f"{caller.user} may not do this: it takes a user with the role admin in Wok")


def refuse(error: HttpError) -> bytes:
    """Make the error the answer to the current request; gives the body."""
    request, response = cherrypy.request, cherrypy.response
    response.status = error.status
    response.headers.update(error.headers)
    response.headers["Content-Type"] = "application/json"
    uri = request.wsgi_environ.get("REQUEST_URI") or request.script_name + request.path_info
    return error_body(error.status, error.reason, error.message, request.method, uri)
