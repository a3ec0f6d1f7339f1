"""What happened between two observations: using, delay and velocity of each virtual server.

velocity = 100 × using / (using + delay), the sums over the server's vCPUs (z/OS WLM's execution
velocity, with the kernel's run-queue delay in place of sampled delays).
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import sub
from typing import Literal, TypeAlias

import msgspec

from .accounting import Accounted, AccountedServer

#: A server (or vCPU) that neither ran nor waited for more than this share of one CPU is idle.
IDLE_SHARE = 0.01

Activity: TypeAlias = Literal["busy", "idle", "paused"]


class ServerWindow(msgspec.Struct, frozen=True, gc=False):
    """One server over a window; `using` and `delay` in CPUs (seconds per second, summed over vCPUs).

    `active` counts the vCPUs that ran or waited. `throttled` is the time in CPUs that a quota took; it
    is not part of `delay`.
    """

    uuid: str
    activity: Activity
    vcpus: int
    active: int
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
    """A host over a window. `idle` and `steal` in CPUs; `seconds` is the window's length."""

    seconds: float
    cpus: int
    idle: float
    steal: float
    servers: Mapping[str, ServerWindow]


def window(before: Accounted, after: Accounted) -> HostWindow:
    """What happened between two accounted samples. Servers that were not in both are left out."""
    elapsed = after.time_ns - before.time_ns
    if elapsed <= 0:
        raise ValueError("a window needs two samples in order of time")
    servers: dict[str, ServerWindow] = {}
    old_servers, infos = before.servers, after.infos
    for uuid, now in after.servers.items():
        then = old_servers.get(uuid)
        if then is None or then.sample.start != now.sample.start:
            continue
        info = infos.get(uuid)
        servers[uuid] = _server_window(then, now, elapsed, info is not None and info.status == "paused")
    return HostWindow(
        elapsed / 1e9,
        after.cpus,
        max(0, after.idle_ns - before.idle_ns) / elapsed,
        max(0, after.steal_ns - before.steal_ns) / elapsed,
        servers,
    )


def _server_window(then: AccountedServer, now: AccountedServer, elapsed: int, paused: bool) -> ServerWindow:
    uuid, count = now.sample.uuid, len(now.using_ns)
    if paused:
        return ServerWindow(uuid, "paused", count, 0, 0.0, 0.0, 0.0)
    if now.using_ns is then.using_ns and now.delay_ns is then.delay_ns:    # nothing moved at all
        return ServerWindow(uuid, "idle", count, 0, 0.0, 0.0, 0.0)
    limit = IDLE_SHARE * elapsed
    active = using = delay = 0
    if now.sample.threads == then.sample.threads:
        ran_ns, waited_ns = list(map(sub, now.using_ns, then.using_ns)), list(map(sub, now.delay_ns, then.delay_ns))
        using, delay = sum(ran_ns), sum(waited_ns)
        if using + delay > limit:
            active = sum([ran + waited > limit for ran, waited in zip(ran_ns, waited_ns, strict=True)])
    else:
        index = {thread: place for place, thread in enumerate(then.sample.threads)}
        for thread, u1, d1 in zip(now.sample.threads, now.using_ns, now.delay_ns, strict=True):
            place = index.get(thread, -1)
            ran = u1 - (then.using_ns[place] if place >= 0 else 0)
            waited = d1 - (then.delay_ns[place] if place >= 0 else 0)
            using += ran
            delay += waited
            if ran + waited > limit:
                active += 1
    capped = then.sample.quota_us is not None and now.sample.quota_us is not None
    throttled = min(max(0, now.sample.throttled_ns - then.sample.throttled_ns), delay) if capped else 0
    delay -= throttled
    if using + delay <= limit:
        activity: Activity = "idle"
    else:
        activity, active = "busy", max(active, 1)
    return ServerWindow(uuid, activity, count, active, using / elapsed, delay / elapsed, throttled / elapsed)
