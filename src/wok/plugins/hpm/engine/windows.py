"""What happened between two observations: using, delay and velocity of each virtual server.

velocity = 100 × using / (using + delay), the sums over the server's vCPUs (z/OS WLM's execution
velocity, with the kernel's run-queue delay in place of sampled delays).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from .accounting import Accounted, lost_from_sight
from .counters import moved
from .samples import HostSample

#: A server (or vCPU) that neither ran nor waited for more than this share of one CPU is idle.
IDLE_SHARE = 0.01
#: Delay of several servers together, in CPUs, below which nobody waits for anybody.
CONTENDED = 0.02
#: Parts of a window in which the runnable time of a vCPU is counted, where it is squared.
GRAINS = 100_000

Activity: TypeAlias = Literal["busy", "idle", "paused"]


class ServerWindow(msgspec.Struct, frozen=True, gc=False):
    """One server over a window; `using` and `delay` in CPUs (seconds per second, summed over vCPUs).

    `active` is the number of vCPUs that work: the participation number (Σq)² / Σq² of their runnable times q, which
    hardly counts one that only ticks beside one that spins. `throttled` is the time in CPUs that a quota took; it
    is not part of `delay`.
    """

    uuid: str
    activity: Activity
    vcpus: int
    active: float
    using: float
    delay: float
    throttled: float

    @property
    def velocity(self) -> float | None:
        """In percent; None for a server that is idle or paused."""
        if self.activity != "busy":
            return None
        return 100.0 * self.using / (self.using + self.delay)


class HostWindow(msgspec.Struct, frozen=True):
    """A host over a window. `idle` and `steal` in CPUs; `seconds` is the window's length. `idle_by_cpu` is the part of
    the window (0…1) in which each CPU did nothing, by its number; empty: not known."""

    seconds: float
    cpus: int
    idle: float
    steal: float
    servers: Mapping[str, ServerWindow]
    idle_by_cpu: Mapping[int, float] = {}


def window(before: Accounted, after: Accounted) -> HostWindow:
    """What happened between two accounted samples. Servers that were not in both are left out, and those
    that were lost from sight between."""
    elapsed = after.time_ns - before.time_ns
    if elapsed <= 0:
        raise ValueError("a window needs two samples in order of time")
    layout, older = after.sample.counters.layout, before.sample.counters.layout
    rows = layout.rows_in(older)
    ran = after.using_ns - moved(before.using_ns, rows)
    waited = after.delay_ns - moved(before.delay_ns, rows)
    limit = IDLE_SHARE * elapsed
    grain = max(1, elapsed // GRAINS)
    runnable = (ran + waited) // grain
    sums = zip(layout.servers, layout.sums(ran), layout.sums(waited), layout.sums(runnable * runnable), strict=True)
    servers: dict[str, ServerWindow] = {}
    for (uuid, _, threads), using, delay, squares in sums:
        busy = using + delay > limit
        active = 0.0
        if busy:
            active = min(float(len(threads)), max(1.0, ((using + delay) / grain) ** 2 / max(1, squares)))
        servers[uuid] = ServerWindow(
            uuid, "busy" if busy else "idle", len(threads), active, using / elapsed, delay / elapsed, 0.0
        )
    _take_out_throttling(before.sample, after.sample, servers, elapsed)
    for uuid, info in after.sample.infos.items():
        if info.status == "paused" and uuid in servers:
            servers[uuid] = ServerWindow(uuid, "paused", servers[uuid].vcpus, 0.0, 0.0, 0.0, 0.0)
    if rows is not None:
        starts = {server.uuid: server.start for server in older.servers}
        for server in layout.servers:
            if starts.get(server.uuid) != server.start:
                del servers[server.uuid]
    for uuid in lost_from_sight(before, after):
        servers.pop(uuid, None)
    return HostWindow(
        elapsed / 1e9,
        after.sample.cpus,
        max(0, after.sample.idle_ns - before.sample.idle_ns) / elapsed,
        max(0, after.sample.steal_ns - before.sample.steal_ns) / elapsed,
        servers,
        _idle_by_cpu(before.sample.idle_by_cpu, after.sample.idle_by_cpu, elapsed),
    )


def _idle_by_cpu(before: Mapping[int, int], after: Mapping[int, int], elapsed: int) -> dict[int, float]:
    """One that came online meanwhile has done nothing that is known of. The kernel's ticks may be late by a little."""
    return {
        cpu: min(1.0, max(0, idle - before[cpu]) / elapsed) if cpu in before else 0.0 for cpu, idle in after.items()
    }


def _take_out_throttling(
    before: HostSample, after: HostSample, servers: dict[str, ServerWindow], elapsed: int
) -> None:
    """Of servers that had a quota all the time, what it took is no delay."""
    counted = after.counters.throttled_ns
    for uuid in counted.keys() & before.counters.throttled_ns.keys() & servers.keys():
        seen = servers[uuid]
        took = max(0, counted[uuid] - before.counters.throttled_ns[uuid]) / elapsed
        throttled = min(took, seen.delay)
        delay = seen.delay - throttled
        idle = seen.using + delay <= IDLE_SHARE
        servers[uuid] = ServerWindow(
            uuid, "idle" if idle else "busy", seen.vcpus, 0.0 if idle else seen.active, seen.using, delay, throttled
        )
