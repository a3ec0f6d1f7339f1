"""From raw counters to accounted time, with the delay that the kernel has not credited yet.

The kernel adds to a thread's delay (`run_delay` in schedstat) only when the thread next runs. A vCPU
that starves for seconds therefore reads 0 and 0, and then everything at once. `account` turns samples
into counters that grow steadily: while a vCPU hardly moves although its thread is runnable, the whole
time since the sample before is *pending* delay, and what the kernel credits later is taken off again.
Per vCPU, using + delay never grows by more than the time that has passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import add, sub

import msgspec

from .samples import HostSample, ServerInfo, ServerSample


class AccountedServer(msgspec.Struct, frozen=True, gc=False):
    """Time accounted to each vCPU of a server since it was first seen, in nanoseconds.

    `pending_ns` is the part of `delay_ns` that the kernel still owes.
    """

    sample: ServerSample
    using_ns: tuple[int, ...]
    delay_ns: tuple[int, ...]
    pending_ns: tuple[int, ...]


class Accounted(msgspec.Struct, frozen=True):
    """A host sample with its accounted servers."""

    time_ns: int
    cpus: int
    idle_ns: int
    steal_ns: int
    infos: Mapping[str, ServerInfo]
    servers: Mapping[str, AccountedServer]
    problem: str | None


def account(before: Accounted | None, sample: HostSample) -> Accounted:
    """Account a new sample after the state `before` (None: nothing was seen yet)."""
    servers: dict[str, AccountedServer] = {}
    known = {} if before is None else before.servers
    elapsed = 0 if before is None else sample.time_ns - before.time_ns
    for uuid, now in sample.samples.items():
        old = known.get(uuid)
        if old is None or old.sample.start != now.start:
            zeros = (0,) * len(now.threads)
            servers[uuid] = AccountedServer(now, zeros, zeros, zeros)
        else:
            servers[uuid] = _account_server(old, now, elapsed)
    return Accounted(
        sample.time_ns, sample.cpus, sample.idle_ns, sample.steal_ns, sample.infos, servers, sample.problem
    )


def _account_server(old: AccountedServer, now: ServerSample, elapsed: int) -> AccountedServer:
    then = old.sample
    if then.threads == now.threads:
        if then.run_ns == now.run_ns and then.delay_ns == now.delay_ns and True not in now.starving:
            return AccountedServer(now, old.using_ns, old.delay_ns, old.pending_ns)
        if not any(old.pending_ns) and True not in now.starving:    # nearly always: nothing is owed to anybody
            ran_ns, waited_ns = list(map(sub, now.run_ns, then.run_ns)), list(map(sub, now.delay_ns, then.delay_ns))
            if min(waited_ns) >= 0 and max(map(add, ran_ns, waited_ns)) <= elapsed:
                using_ns, delay_ns = map(add, old.using_ns, ran_ns), map(add, old.delay_ns, waited_ns)
                return AccountedServer(now, tuple(using_ns), tuple(delay_ns), old.pending_ns)
        places: range | list[int] = range(len(now.threads))
    else:    # vCPUs were plugged: match by thread; a new thread starts at nothing
        index = {thread: place for place, thread in enumerate(then.threads)}
        places = [index.get(thread, -1) for thread in now.threads]
    using: list[int] = []
    delay: list[int] = []
    pending: list[int] = []
    for here, place in enumerate(places):
        if place < 0:
            using.append(0)
            delay.append(0)
            pending.append(0)
            continue
        ran = min(now.run_ns[here] - then.run_ns[place], elapsed)
        credited = now.delay_ns[here] - then.delay_ns[place]
        owed = old.pending_ns[place]
        if now.starving[here]:
            waited = elapsed - ran
            owed = max(0, owed + waited - credited)
        else:
            waited = min(max(0, credited - owed), elapsed - ran)
            # What was credited settles the debt. A vCPU that slept or ran without being credited has none.
            owed = 0
        using.append(old.using_ns[place] + ran)
        delay.append(old.delay_ns[place] + waited)
        pending.append(owed)
    return AccountedServer(now, tuple(using), tuple(delay), tuple(pending))
