"""Writes in Wok's Activity Log: who wanted what, and what came of it. Wok itself keeps no record of refused ones."""

from __future__ import annotations

from wok.reqlogger import log_request

from ...control.activity import Deed, ManagerRecorder
from ...manager.manager import Manager
from .door import client_address

#: Characters of what was wanted, and of a path, that are kept.
WHAT_LENGTH = 300
PATH_LENGTH = 200
REASON_LENGTH = 500


class WokRecorder(ManagerRecorder):
    """Keeps the manager's own activity log, and tells Wok's as well."""

    def __init__(self, manager: Manager) -> None:
        super().__init__(manager, client_address)

    def record(self, deed: Deed) -> None:
        """See `Recorder`."""
        super().record(deed)
        tell_wok(deed)


class Refusal:
    """Why a request was refused, as Wok's log wants errors."""

    code = "HPMACT0001E"

    def __init__(self, reason: str) -> None:
        self.params = {"reason": reason}


def tell_wok(deed: Deed) -> None:
    """Record the current request in Wok's log."""
    user = deed.caller.user if deed.caller is not None else deed.claimed or "N/A"
    log_request(
        "HPMACT0001L", {"what": deed.summary[:WHAT_LENGTH], "path": deed.uri[:PATH_LENGTH]},
        Refusal((deed.message or "")[:REASON_LENGTH]) if deed.status >= 400 else None,
        deed.method, deed.status, user=user, ip=client_address(),
    )  # fmt: skip
