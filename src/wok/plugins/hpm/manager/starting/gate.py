"""What libvirt's hook asks before a guest starts: may it?"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import msgspec

from ...policy.start_order import Needs, circular, cycle_of, said_cycle
from ..snapshot import Snapshot
from .readiness import Probes
from .world import name_of, start_policy

log = logging.getLogger(__name__)

#: Seconds that probes are waited for: the hook waits for three.
PATIENCE = 1.8
#: Seconds that a hook waits at most, whatever the policy says. libvirt answers no question about that guest meanwhile.
LONGEST_WAIT = 30.0


class Verdict(msgspec.Struct, frozen=True):
    """`message` says why not, or what was overlooked. `wait_seconds`: where it may be asked again, for how long
    altogether; 0: it may not."""

    start: bool
    message: str = ""
    wait_seconds: float = 0.0


def verdict(
    snapshot: Snapshot, needs: Needs, probes: Probes, uuid: str, refusal: Callable[[str], str | None]
) -> Verdict:  # fmt: skip
    """Whether a server may start now. Asks those that it needs whether they are ready, for a short time. Those that
    wait for it themselves are not waited for: none of them could ever start."""
    waiting = {target for other, target in circular(needs) if other == uuid}
    needed = [other for other in needs.get(uuid, ()) if other not in waiting]
    probes.ask(snapshot, needed, now=True)
    deadline = time.monotonic() + PATIENCE
    while probes.asking(needed) and time.monotonic() < deadline:
        time.sleep(0.02)
    name = name_of(snapshot, uuid)
    blocking = [
        f"{name_of(snapshot, other)} ({why})" for other in needed
        if (why := probes.why_not(snapshot, other)) is not None
    ]
    if not blocking:
        refused = refusal(uuid)
        if refused is not None:
            return Verdict(False, f"hpm does not let {name} start: {refused}")
        if all(probes.why_not(snapshot, other) is None for other in waiting):
            return Verdict(True)
        cycle = cycle_of(needs, uuid) or ()
        names = {other: name_of(snapshot, other) for other in cycle}
        return Verdict(True, f"{name} starts without what it needs and what waits for it: {said_cycle(cycle, names)}")
    policy = start_policy(snapshot, uuid)
    message = (
        f"hpm does not let {name} start: it waits for {', '.join(sorted(blocking))}. To start them in order: hpm"
        f" vs-start {name}"
    )
    wait = min(float(policy.timeout_seconds), LONGEST_WAIT) if policy.not_ready == "wait" else 0.0
    return Verdict(False, message, wait)
