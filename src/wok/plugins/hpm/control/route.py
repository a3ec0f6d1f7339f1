"""One operation of the API: its path, what it takes and gives, and who may call it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import msgspec

from ..errors import HpmError
from ..wire.events import EVENT_STREAM
from ..wire.words import UUID
from .answers import Source
from .caller import Caller, Login, Role

Method: TypeAlias = Literal["GET", "POST", "DELETE"]

#: Who may call an operation.
Needed: TypeAlias = Role | Literal["known", "anybody"]

#: Bytes of a request body. The largest legitimate one (64 policies of 64 classes) is well below. Only bodies that say
#: their length may be larger, where a route takes that.
MAX_BODY = 1024 * 1024


class Request(msgspec.Struct, frozen=True):
    """A request whose every part has been checked.

    `base` is the path that the API was asked for under, `names` are the variable parts of the path. `check` compares
    an object with the request's `If-Match` and raises (412) if it is another; None stands for a request on no single
    object that exists, where `If-Match` makes no sense (400). `accepted` are those media types of the route's answers
    that the client takes. `login` is what the door has, if people log in there. `last_event` is the header
    `Last-Event-ID`.
    """

    base: str
    caller: Caller
    names: dict[str, str]
    query: Any
    body: Any
    check: Callable[[Any], None]
    accepted: tuple[str, ...] = ("application/json",)
    login: Login | None = None
    last_event: str | None = None


#: A UUID among the ids of a path.
_UUID = re.compile(rf"\b{UUID}\b")


class Route(msgspec.Struct, frozen=True):
    """One operation.

    `path` has variable parts in braces; `summary` says the deed, and what is to be said beyond it after a colon or
    semicolon; `body` None: none is expected. `needs` is the role that it takes, where the
    method does not say it (GET: user, others: admin): ``known`` is whoever is known, in hpm's groups or not,
    ``anybody`` also who is not, where the door lets people log in. `changes`: whether it changes anything, where the
    role does not say it (admin: yes). The answer of one that is `kept` depends on nothing but the
    snapshot, the base, the path and the query. `refuses` are the errors that `call` raises beside those that any
    operation of its kind can (`refusals`): the document of the API says them, and tests hold that it is right.
    `source` is whose snapshot that is; None: the manager's.
    `several`: `id` may be several, with commas. `coded`: what is large is compressed for clients that take it.
    `silent`: it may have nothing to answer (204).

    `takes` and `answers` are media types. A body or an answer of the type `Document` is handed on as it is; all others
    are JSON. Where the answer is a stream of events, `answer` is what an event says, and `call` gives a `Feed`.
    `max_body` is in bytes.
    """

    method: Method
    path: str
    summary: str
    answer: Any
    call: Callable[[Request], Any]
    body: Any = None
    query: Any = None
    status: int = 200
    needs: Needed | None = None
    changes: bool | None = None
    kept: bool = False
    source: Source | None = None
    takes: tuple[str, ...] = ("application/json",)
    answers: tuple[str, ...] = ("application/json",)
    max_body: int = MAX_BODY
    refuses: tuple[type[HpmError], ...] = ()
    several: bool = False
    coded: bool = True
    silent: bool = False

    @property
    def deed(self) -> str:
        """The summary without what is beyond the deed: in a log, names of what it was done to come after it."""
        return re.split("[;:]", self.summary, maxsplit=1)[0]

    @property
    def names(self) -> list[str]:
        """The variable parts of the path."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]

    @property
    def streams(self) -> bool:
        """Whether it answers with events, for as long as both ends like."""
        return self.answers == (EVENT_STREAM,)

    @property
    def writes(self) -> bool:
        """Whether it changes anything, and is noted in the activity log."""
        return self.role == "admin" if self.changes is None else self.changes

    @property
    def role(self) -> Needed:
        """The role that is needed: `needs`, or by the method."""
        return self.needs or ("user" if self.method == "GET" else "admin")

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """The variable parts if `segments` are this path, else None. UUIDs are taken in any case, as elsewhere."""
        parts = self.path.strip("/").split("/")
        if len(parts) != len(segments):
            return None
        names: dict[str, str] = {}
        for part, segment in zip(parts, segments, strict=True):
            if part.startswith("{"):
                names[part[1:-1]] = _UUID.sub(lambda found: found[0].lower(), segment) if part == "{id}" else segment
            elif part != segment:
                return None
        return names
