"""What waits to be delivered over one channel, and when that is tried. Time is passed in."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ...wire.notifications import Notification

#: Seconds between two deliveries at least: what comes meanwhile goes with the next one.
APART = 60.0
#: Seconds after which one that failed is tried again; after the last it is given up.
PAUSES = (30.0, 120.0, 600.0)
#: Notifications in one delivery, and that wait; of more, the oldest are dropped.
LARGEST, WAITING = 200, 2000


class Digest(msgspec.Struct, frozen=True):
    """What one delivery carries. `lost`: how many were dropped before."""

    id: str
    time: str
    notifications: tuple[Notification, ...]
    lost: int


class Outbox:
    """Notifications go out in order, several at once. One that failed is tried again as it was, so that its receiver
    can know it by its id. Times are seconds of one clock; who uses it sees to it that one thread does at a time."""

    def __init__(
        self, waiting: Sequence[Notification] = (), apart: float = APART, pauses: Sequence[float] = PAUSES
    ) -> None:
        #: Given up or dropped so far.
        self.given_up = 0
        self._apart, self._pauses = apart, pauses
        self._waiting = list(waiting)
        self._lost = 0    # that no digest has told yet
        self._digest: Digest | None = None
        self._tries = 0
        self._not_before = 0.0

    @property
    def waiting(self) -> tuple[Notification, ...]:
        """All that was not delivered yet."""
        return (*(self._digest.notifications if self._digest is not None else ()), *self._waiting)

    @property
    def due(self) -> float | None:
        """When to take something; None: there is nothing."""
        return self._not_before if self._digest is not None or self._waiting else None

    def add(self, notifications: Sequence[Notification]) -> None:
        """Have them delivered."""
        self._waiting += notifications
        dropped = max(0, len(self._waiting) - WAITING)
        del self._waiting[:dropped]
        self._lost += dropped
        self.given_up += dropped

    def take(self, now: float, id_: str, time: str) -> Digest | None:
        """What to deliver now, if anything is due. A new digest has that id and time."""
        due = self.due
        if due is None or now < due:
            return None
        if self._digest is None:
            self._digest = Digest(id_, time, tuple(self._waiting[:LARGEST]), self._lost)
            del self._waiting[:LARGEST]
            self._lost, self._tries = 0, 0
        return self._digest

    def delivered(self, now: float) -> None:
        """What was taken has arrived."""
        self._digest = None
        self._not_before = now + self._apart

    def failed(self, now: float) -> bool:
        """What was taken has not arrived; gives whether it is given up."""
        assert self._digest is not None
        if self._tries < len(self._pauses):
            self._not_before = now + self._pauses[self._tries]
            self._tries += 1
            return False
        self.given_up += len(self._digest.notifications)
        self._lost += len(self._digest.notifications) + self._digest.lost
        self._digest = None
        self._not_before = now + self._apart
        return True

    def begin_anew(self, now: float) -> None:
        """Another address was set: what failed at the old one is tried there at once."""
        self._tries = 0
        self._not_before = now if self._digest is not None else min(self._not_before, now + self._apart)
