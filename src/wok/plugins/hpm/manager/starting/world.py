"""The world as jobs see it: the newest snapshot, what probes said, and what deeds have come to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from ...engine.samples import ServerStatus
from ...policy.assignment import Assignment
from ...policy.start_order import Needs, needs_of
from ...policy.start_policies import StartPolicy
from ..snapshot import Snapshot
from .readiness import Probes

#: Servers that a refusal names.
MOST_NAMES = 10

#: Of a server of which nobody said any.
NO_START = StartPolicy()


class SeenWorld:
    """`progress.World` for one job and one moment. `outcomes` are those of its deeds, `busy_with` the servers to which
    the host is doing something, to `room` more it can; `refusal` says why a server must not start now (with others that
    do), apart from what it needs."""

    def __init__(
        self, snapshot: Snapshot, needs: Needs, probes: Probes, now: datetime, outcomes: Mapping[str, str],
        busy_with: Collection[str], refusal: Callable[[str, Collection[str]], str | None], room: int,
    ) -> None:  # fmt: skip
        self.needs, self.now, self._room = needs, now, room
        self._snapshot, self._probes = snapshot, probes
        self._outcomes, self._busy_with, self._refusal = outcomes, busy_with, refusal
        self._admitted: set[str] = set()

    def status(self, uuid: str) -> ServerStatus | None:
        """See `progress.World`, as all of these."""
        info = self._snapshot.sample.infos.get(uuid)
        return None if info is None else info.status

    def stale(self, uuid: str) -> bool:
        sample = self._snapshot.sample
        return sample.problem is not None or uuid in sample.stale

    def name(self, uuid: str) -> str:
        return name_of(self._snapshot, uuid)

    def not_ready(self, uuid: str) -> str | None:
        return self._probes.why_not(self._snapshot, uuid)

    def timeout(self, uuid: str) -> float:
        return float(start_policy(self._snapshot, uuid).timeout_seconds)

    def refused(self, uuid: str) -> str | None:
        why = self._refusal(uuid, self._admitted)
        if why is None:
            self._admitted.add(uuid)
        return why

    def room(self) -> int:
        return self._room

    def busy(self, uuid: str) -> bool:
        return uuid in self._busy_with

    def outcome(self, uuid: str) -> str | None:
        return self._outcomes.get(uuid)


def name_of(snapshot: Snapshot, uuid: str) -> str:
    """A server's name; its UUID where that is all that is known."""
    info = snapshot.sample.infos.get(uuid)
    return uuid if info is None else info.name


def start_policy(snapshot: Snapshot, uuid: str) -> StartPolicy:
    """The policy in force for when a server starts."""
    assignment = snapshot.assignments.get(uuid)
    return NO_START if assignment is None else assignment.guest.policy.start or NO_START


class KnownNeeds:
    """What servers need, worked out anew only where something of it may have changed."""

    def __init__(self) -> None:
        self._of: object = None
        self._needs: Needs = {}

    def of(self, snapshot: Snapshot) -> Needs:
        """By the policies in force in that snapshot."""
        assignments = snapshot.assignments
        if self._of is not assignments:
            self._needs, self._of = needs_by(assignments), assignments
        return self._needs


def needs_by(assignments: Mapping[str, Assignment]) -> Needs:
    """What servers need by the policies in force."""
    policies = {
        uuid: a.guest.policy.start for uuid, a in assignments.items()
        if a.guest.policy.start is not None and a.guest.policy.start.depends_on
    }  # fmt: skip
    return needs_of(policies, {uuid: a.group for uuid, a in assignments.items()}) if policies else {}


def said_names(snapshot: Snapshot, uuids: Collection[str]) -> str:
    """Names in order; of many only the first."""
    names = sorted(name_of(snapshot, uuid) for uuid in uuids)
    return ", ".join(names) if len(names) <= MOST_NAMES else f"{', '.join(names[:MOST_NAMES])} and others"
