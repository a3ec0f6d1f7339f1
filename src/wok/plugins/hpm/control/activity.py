"""What is noted of a write, done or refused: one place in `api`, and whoever wants to know of it.

The tree's host gives `Api` a recorder. `ManagerRecorder` keeps the manager's activity log; another host may wrap it
to tell a log of its own as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from ..manager.manager import Manager
from ..model.activity import subject
from ..store.activity import ActivityRecord
from ..wire.activity import ActivityOutcome
from .caller import Caller

#: A secret of a token, wherever somebody put it by mistake.
_SECRET = re.compile(r"hpm_[\w-]{8,}")


class Deed(msgspec.Struct, frozen=True):
    """A write that was answered. `caller` None: nobody knows who it was; `claimed` is who it says it is."""

    caller: Caller | None
    claimed: str | None
    method: str
    uri: str
    summary: str
    status: int
    reason: int
    message: str | None

    @property
    def outcome(self) -> ActivityOutcome:
        """Whether it was done."""
        return "done" if self.status < 400 else "refused" if self.status < 500 else "failed"


class Recorder(Protocol):
    """Who is told of writes."""

    def subject(self, names: Mapping[str, str], body: object) -> str:
        """What a request is about, asked before it is done: afterwards what it deletes has no name any more."""
        ...

    def record(self, deed: Deed) -> None:
        """A write was answered. Must neither wait nor raise."""
        ...


class ManagerRecorder:
    """Keeps the manager's activity log. `address` gives the client's address for the current request."""

    def __init__(self, manager: Manager, address: Callable[[], str | None] = lambda: None) -> None:
        self._manager = manager
        self._address = address

    def subject(self, names: Mapping[str, str], body: object) -> str:
        """See `Recorder`."""
        return subject(self._manager, names, body)

    def record(self, deed: Deed) -> None:
        """See `Recorder`."""
        caller = deed.caller
        known = caller is not None and caller.means != "nobody"
        self._manager.activity.add(ActivityRecord(
            id=0,
            time=self._manager.activity.time(),
            user=_clean(caller.user if caller is not None and known else deed.claimed, 256),
            role=caller.role if caller is not None else None,
            means=caller.means if caller is not None else "nobody",
            address=_clean(self._address(), 64),
            method=_clean(deed.method, 32) or "",
            uri=_clean(deed.uri, 512) or "",
            summary=_clean(deed.summary, 300) or "",
            outcome=deed.outcome,
            status=deed.status,
            reason=deed.reason,
            message=_clean(deed.message, 500),
        ))  # fmt: skip


def _clean(text: str | None, length: int) -> str | None:
    """Without secrets, of a bounded length, and encodable."""
    if text is None:
        return None
    text = _SECRET.sub("hpm_…", text)
    text = text if len(text) <= length else text[: length - 1] + "…"
    return text.encode(errors="backslashreplace").decode()
