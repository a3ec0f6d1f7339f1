"""What each vCPU used and waited for between two observations."""

from __future__ import annotations

from typing import NamedTuple

from .accounting import Accounted, lost_from_sight
from .counters import moved


class VcpuUse(NamedTuple):
    """CPUs that one vCPU used, and waited for (0…1 each)."""

    using: float
    delay: float


def vcpu_use(before: Accounted, after: Accounted) -> dict[str, tuple[VcpuUse, ...]]:
    """Of each server that ran, and was seen, all the time, an entry for each of its vCPUs, by UUID. One that was
    plugged in meanwhile counts from then on."""
    elapsed = after.time_ns - before.time_ns
    if elapsed <= 0:
        raise ValueError("two observations in order of time are needed")
    layout, older = after.sample.counters.layout, before.sample.counters.layout
    rows = layout.rows_in(older)
    using = ((after.using_ns - moved(before.using_ns, rows)) / elapsed).tolist()
    delay = ((after.delay_ns - moved(before.delay_ns, rows)) / elapsed).tolist()
    starts, lost = {server.uuid: server.start for server in older.servers}, lost_from_sight(before, after)
    found: dict[str, tuple[VcpuUse, ...]] = {}
    for server in layout.servers:
        if starts.get(server.uuid) == server.start and server.uuid not in lost:
            own = layout.rows_of(server.uuid)
            found[server.uuid] = tuple(map(VcpuUse, using[own], delay[own]))
    return found
