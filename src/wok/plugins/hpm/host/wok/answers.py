"""What all answers of ours in Wok have in common, whoever gives them: who may ask."""

from __future__ import annotations

import cherrypy

from ...control.caller import Caller, NotAllowed

#: Methods that change nothing.
READS = ("GET", "HEAD")


def writes() -> bool:
    """Whether the current request is to change something."""
    return cherrypy.request.method not in READS


def check_role(caller: Caller) -> None:
    """Raises `NotAllowed` if it takes another role."""
    if caller.role is None or (writes() and caller.role != "admin"):
        raise NotAllowed(f"{caller.user} may not do this: it takes a user with the role admin in Wok")
