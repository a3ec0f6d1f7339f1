"""Which servers may be managed, and why others are left alone."""

from __future__ import annotations

from ..engine.samples import ServerInfo, ServerSample
from ..policy.assignment import Assignment
from .actuator import Actuator
from .snapshot import HeldReason

#: Reasons for which a server that was managed gets its own shares back.
GIVEN_BACK = frozenset({"excluded", "no-policy", "own-quota", "real-time"})


def held_reason(
    info: ServerInfo, sample: ServerSample | None, assignment: Assignment, actuator: Actuator
) -> HeldReason | None:
    """Why a server is not managed, or None: it is. In the order in which an administrator would ask."""
    if assignment.excluded:
        return "excluded"
    if assignment.goal is None and assignment.cpu_reserve is None:
        return "no-policy"
    if info.status == "paused":
        return "paused"
    if sample is None:
        return "not-running" if info.status != "running" else "unreachable"
    if sample.shares is None:
        return "unreachable"
    if actuator.held(sample):
        return "changed-by-administrator"
    return info.constraint
