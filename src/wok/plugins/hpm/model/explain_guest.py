"""What is said of a virtual server's guest policy, in sentences."""

from __future__ import annotations

from ..wire.guest_policies import PolicyField
from .effective import effective_policy
from .views import Views

_STATES = {
    "holds": "that holds", "waits": "that is not in force yet", "next-start": "that is in force later",
    "drifts": "that is not in force", "not-managed": "that is not in force", "advised": "that is advised only",
    "overruled": "something else decides", "impossible": "that cannot be had here",
}  # fmt: skip


def explain_guest(views: Views, uuid: str) -> list[str]:
    """A sentence for each field that somebody has said something of, and for CPUs that it is kept off."""
    told = []
    for field in effective_policy(views, uuid).fields:
        if field.value is not None:
            told.append(f"Guest policy of {_who(field)}: {field.name} {field.value}; {_how(field)}.")
        elif field.reason is not None:
            told.append(f"No guest policy says {field.name}, and {field.reason} (now: {field.in_force}).")
    return told


def _who(field: PolicyField) -> str:
    if field.origin == "virtual-server":
        return "the server itself"
    return f"the {'service class' if field.origin == 'service-class' else 'group'} {field.of}"


def _how(field: PolicyField) -> str:
    return _STATES[field.state] + (f": {field.reason}" if field.reason else "")
