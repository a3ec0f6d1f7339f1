"""Whether the loop works, as somebody outside sees it who could only start hpm anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .calendar import rfc3339

if TYPE_CHECKING:
    from .manager import Manager


def works(manager: Manager, grace: float) -> bool:
    """Whether a cycle ended well no longer ago than an interval and `grace` (seconds).

    One ends well if it was completed, or lost for a reason that is known: a libvirt or a store that does not answer, a
    full disk. Another start would find the same, and could not even begin. What a new start helps against is a loop
    that hangs, or fails in each cycle by a fault of hpm's own.
    """
    loop = manager.loop
    return loop.since_well() <= loop.interval + grace


def status_line(manager: Manager) -> str:
    """What hpm does, in one line: managed servers, levels, when the host was observed, what is wrong."""
    snapshot, loop = manager.snapshot, manager.loop
    running, levels = len(snapshot.sample.samples), snapshot.levels
    managed = len(snapshot.manageable) if levels.cpu_mgmt != "off" else 0
    parts = [
        f"{managed} of {running} running servers managed; CPU {levels.cpu_mgmt}, memory {levels.memory_mgmt}",
        f"last cycle {rfc3339(snapshot.taken)}, {loop.last_ns / 1e9:.3g} s" if loop.cycles else "no cycle yet",
    ]
    if loop.overruns:
        parts.append(f"{loop.overruns} of {loop.cycles} took longer than the interval")
    if snapshot.problem is not None:
        parts.append(f"PROBLEM: {snapshot.problem}")
    return "; ".join(parts)
