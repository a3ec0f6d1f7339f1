"""Who answers while our own manager does not run: the one that has this host, or nobody."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
from collections.abc import Callable
from pathlib import Path

import cherrypy

from ...control.activity import Deed
from ...control.caller import Caller, Door
from ...control.http_errors import HttpError, http_error
from ...control.request import refuse
from ...errors import Conflict, HpmError
from ...wire.doors import BASES
from .answers import check_role, writes

#: Seconds that the other manager has for an answer; it gives one from its snapshot, in milliseconds.
ANSWER_SECONDS = 10.0

#: What is passed on with a read, and what comes back with the answer.
ASKED = ("Accept", "If-None-Match", "Last-Event-ID")
ANSWERED = ("Content-Type", "Content-Disposition", "ETag", "Age", "Allow", "Retry-After")

_SOCKET = re.compile(r"socket (.+)$")


class Substitute:
    """Answers while no manager of ours does. `tell` is told of writes, all of which are refused."""

    def __init__(self, door: Door, tell: Callable[[Deed], None]) -> None:
        self._door = door
        self._tell = tell

    def answer(self) -> bytes:
        """As `Api.answer`."""
        caller: Caller | None = None
        try:
            caller = self._door.caller()
            check_role(caller)
            return self.reply()
        except HpmError as error:
            refusal = http_error(error)
            if writes():
                request = cherrypy.request
                uri = request.script_name + request.path_info
                self._tell(Deed(
                    caller, None, request.method, uri, "nothing was done", refusal.status, refusal.reason, error.message
                ))  # fmt: skip
            return refuse(refusal)

    def reply(self) -> bytes:
        """The answer to a caller who may ask. Raises `HpmError`."""
        raise NotImplementedError


class Down(Substitute):
    """Answers everything with 503 and why."""

    def __init__(self, door: Door, tell: Callable[[Deed], None], why: str) -> None:
        super().__init__(door, tell)
        self._why = why

    def reply(self) -> bytes:
        """Raises `HttpError`."""
        raise HttpError(503, 0, self._why, {"Retry-After": "5"})


class Elsewhere(Substitute):
    """Passes reads on to the manager that has this host, and refuses writes with `who` has it.

    `who` is the message of `ManagerBusy`, which ends with that one's socket.
    """

    def __init__(self, door: Door, tell: Callable[[Deed], None], who: str) -> None:
        super().__init__(door, tell)
        self._who = who
        found = _SOCKET.search(who)
        self._socket = Path(found[1]) if found else None

    def reply(self) -> bytes:
        """What the other one says. Raises `Conflict` for a write, `HttpError` where it does not answer."""
        if writes():
            raise Conflict(f"{self._who}; here it can only be looked at, so make changes there")
        return self._ask()

    def _ask(self) -> bytes:
        request, response = cherrypy.request, cherrypy.response
        if self._socket is None:    # `hpm restore` has the host for a moment, and no socket
            raise HttpError(503, 0, self._who, {"Retry-After": "5"})
        headers = {name: request.headers[name] for name in ASKED if name in request.headers}
        target = BASES[1] + _at_once(_raw_path())
        try:
            with contextlib.closing(_Connection(self._socket)) as connection:
                connection.request("GET", target, headers=headers)
                answer = connection.getresponse()
                body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise HttpError(
                503, 0, f"{self._who}; it does not answer now ({error or type(error).__name__})", {"Retry-After": "5"}
            ) from None
        response.status = answer.status
        for name in ANSWERED:
            value = answer.getheader(name)
            if value is not None:
                response.headers[name] = value
            else:
                response.headers.pop(name, None)
        return body


class _Connection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(ANSWER_SECONDS)
        self.sock.connect(str(self._path))


def _at_once(target: str) -> str:
    """An answer that would go on is to end at once: it is passed on whole."""
    path, _, query = target.partition("?")
    if path.rstrip("/") != "/events":
        return target
    said = [pair for pair in query.split("&") if pair and not re.fullmatch(r"wait=[0-9]{1,2}", pair)]
    return f"{path}?{'&'.join([*said, 'wait=0'])}"


def _raw_path() -> str:
    """Path and query below our mount, as they were sent: encoded as the client did it."""
    request = cherrypy.request
    path: str = request.wsgi_environ.get("REQUEST_URI") or request.path_info
    return path.removeprefix(request.script_name)
