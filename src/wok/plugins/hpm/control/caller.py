"""Who asks, and how it is found out: what differs between the doors (`host`)."""

from __future__ import annotations

from typing import Protocol

import msgspec

from ..errors import HpmError
from ..wire.access import Means, Role

__all__ = ["Caller", "CrossSite", "Door", "Login", "NotAllowed", "NotAuthenticated", "Role", "SessionExpired",
           "Throttled", "Unavailable"]  # fmt: skip


class Caller(msgspec.Struct, frozen=True):
    """An authenticated caller; `role` None: known, but in neither of hpm's groups. `expires`: RFC 3339, of a session.

    `means` ``nobody``: a visitor, who may only use what is open to anybody. `uid`: the host's number of the user, where
    the door knows it.
    """

    user: str
    role: Role | None
    means: Means = "socket"
    expires: str | None = None
    uid: int | None = None


class NotAuthenticated(HpmError):
    """Nobody knows who asks (HTTP 401). `claimed`: who the client says it is, if there is such a user."""

    id = "not-authenticated"

    def __init__(self, message: str, claimed: str | None = None) -> None:
        super().__init__(message)
        self.claimed = claimed


class Throttled(NotAuthenticated):
    """There were too many wrong passwords or tokens; the next one is looked at in `seconds` (HTTP 429)."""

    id = "throttled"

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class Unavailable(HpmError):
    """Passwords cannot be checked now (HTTP 503)."""

    id = "unavailable"


class NotAllowed(HpmError):
    """The caller's role does not allow it (HTTP 403, reason 1). `claimed` as of `NotAuthenticated`."""

    id = "not-allowed"

    def __init__(self, message: str, claimed: str | None = None) -> None:
        super().__init__(message)
        self.claimed = claimed


class SessionExpired(NotAllowed):
    """The session was valid and is over (HTTP 403, reason 5)."""

    id = "session-expired"


class CrossSite(NotAllowed):
    """A page of another site made the caller's browser send this (HTTP 403, reason 2)."""

    id = "cross-site"


class Door(Protocol):
    """How the host of the tree establishes who asks, for the current CherryPy request."""

    def caller(self) -> Caller:
        """Raises `NotAuthenticated`, `NotAllowed`."""
        ...


class Login(Protocol):
    """What a door has where people log in with a password, for the current CherryPy request."""

    def visitor(self) -> Caller:
        """Somebody who need not say who it is, for what is open to anybody."""
        ...

    def log_in(self, user: str, password: str) -> Caller:
        """Begin a session. Raises `NotAuthenticated`, `NotAllowed`, `Unavailable`."""
        ...

    def log_out(self) -> None:
        """End the caller's session."""
        ...
