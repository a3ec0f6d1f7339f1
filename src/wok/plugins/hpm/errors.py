"""The one exception tree of hpm.

::

    HpmError                       stable id, message, where
    ├── InvalidValue               what a caller gave cannot be used; `path` names the place
    │   ├── MissingField           a field that must be there is not
    │   ├── UnknownField           a field that nobody knows
    │   └── NotUnique              a second thing of one name
    ├── NotFound                   the thing named does not exist
    ├── Conflict                   the thing is in another state than the request needs
    ├── HypervisorError            the host did not do what it was asked
    │   ├── HypervisorUnreachable  nobody answers there (now)
    │   ├── ServerBusy             the virtual server must be left alone now
    │   └── ServerGone             the virtual server ended meanwhile
    ├── StoreError                 what should survive cannot be read or written
    │   └── StoreDamaged           its file is damaged
    └── ManagerBusy                another manager has this host

Each carries what is wrong, where, and what would be right. The `id` of a class never changes;
programs may rely on it.
"""

from __future__ import annotations


class HpmError(Exception):
    """Base of all errors that hpm raises on purpose.

    `message` is one sentence for people: what is wrong, and what would be right. `field_reason` is the same with an id,
    where clients are told that (see `policy.field_reasons`).
    """

    id = "hpm"
    field_reason: str | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidValue(HpmError):
    """A value of the wrong type or out of range; `path` is like ``perf-policies[0].name`` or empty, `said` is the
    message without it, `place` is line and column where a text was read."""

    id = "invalid-value"

    def __init__(self, message: str, path: str = "", place: tuple[int, int] | None = None) -> None:
        where = f"line {place[0]}, column {place[1]}: " if place is not None else ""
        super().__init__(where + (f"{path}: {message}" if path else message))
        self.said = message
        self.path = path
        self.place = place

    def moved(self, below: str = "", place: tuple[int, int] | None = None) -> InvalidValue:
        """The same error for a value that stands below a path, or at a line and column (from 1) of a text."""
        path = f"{below}.{self.path}" if below and self.path and self.path[0] != "[" else below + self.path
        return type(self)(self.said, path, place or self.place)


class MissingField(InvalidValue):
    """A field that must be there is missing."""

    id = "missing-field"


class UnknownField(InvalidValue):
    """A field that is not part of the object."""

    id = "unknown-field"


class NotUnique(InvalidValue):
    """A name or id that is there already."""

    id = "not-unique"


class NotFound(HpmError):
    """What was named does not exist."""

    id = "not-found"


class Conflict(HpmError):
    """The object's state does not allow the request (HTTP 409, reason 2)."""

    id = "conflict"


class HypervisorError(HpmError):
    """The host refused or failed an operation."""

    id = "hypervisor"


class HypervisorUnreachable(HypervisorError):
    """The hypervisor does not answer; it may again later."""

    id = "hypervisor-unreachable"


class ServerGone(HypervisorError):
    """The virtual server ended, or restarted, since it was last seen."""

    id = "server-gone"


class ServerBusy(HypervisorError):
    """Something is being done with the virtual server (it migrates, for example), and it is left alone meanwhile."""

    id = "server-busy"


class StoreError(HpmError):
    """The store cannot be read or written."""

    id = "store"


class StoreDamaged(StoreError):
    """The store's file is damaged: another try will not help. `why` is that alone, where `message` says what to do,
    too."""

    id = "store-damaged"

    def __init__(self, message: str, why: str = "") -> None:
        super().__init__(message)
        self.why = why or message


class ManagerBusy(HpmError):
    """Another manager manages this host; the message says which."""

    id = "manager-busy"
