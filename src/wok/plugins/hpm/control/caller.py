"""Who asks: the one thing that differs between the doors (`host`)."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

import msgspec

from ..errors import HpmError

#: What a caller may do: `user` reads, `admin` reads and writes.
Role: TypeAlias = Literal["user", "admin"]


class Caller(msgspec.Struct, frozen=True):
    """An authenticated caller; `role` None: known, but in neither of hpm's groups."""

    user: str
    role: Role | None


class NotAuthenticated(HpmError):
    """Nobody knows who asks (HTTP 401)."""

    id = "not-authenticated"


class NotAllowed(HpmError):
    """The caller's role does not allow it (HTTP 403, reason 1)."""

    id = "not-allowed"


class Door(Protocol):
    """How the host of the tree establishes who asks, for the current CherryPy request."""

    def caller(self) -> Caller:
        """Raises `NotAuthenticated`."""
        ...
