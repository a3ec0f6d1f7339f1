"""From raw counters to accounted time, with the delay that the kernel has not credited yet.

The kernel adds to a thread's delay (`run_delay` in schedstat) only when the thread next runs. A vCPU
that starves for seconds therefore reads 0 and 0, and then everything at once. `account` turns samples
into counters that grow steadily: while a vCPU hardly moves although its thread is runnable, the whole
time since the sample before is *pending* delay, and what the kernel credits later is taken off again.
Per vCPU, using + delay never grows by more than the time that has passed.
"""

from __future__ import annotations

import msgspec
import numpy as np

from .counters import Column, moved
from .samples import HostSample


class Accounted(msgspec.Struct, frozen=True, eq=False):
    """A host sample with the time accounted to each vCPU thread since it was first seen.

    Nanoseconds, a row per thread as in the sample's counters. `pending_ns` is the part of `delay_ns` that
    the kernel still owes. `since_ns` is from when on each thread was accounted, by the clock of samples.
    """

    sample: HostSample
    using_ns: Column
    delay_ns: Column
    pending_ns: Column
    since_ns: Column

    @property
    def time_ns(self) -> int:
        """When the sample was taken, on a monotonic clock."""
        return self.sample.time_ns


def account(before: Accounted | None, sample: HostSample) -> Accounted:
    """Account a new sample after the state `before` (None: nothing was seen yet)."""
    now = sample.counters
    if before is None:
        zeros: Column = np.zeros(now.layout.rows, dtype=np.int64)
        return Accounted(sample, zeros, zeros, zeros, zeros + sample.time_ns)
    then = before.sample.counters
    rows = now.layout.rows_in(then.layout)
    elapsed = sample.time_ns - before.time_ns
    # A thread that was not there before has counted nothing yet.
    ran = np.minimum(now.run_ns - moved(then.run_ns, rows, now.run_ns), elapsed)
    credited = now.delay_ns - moved(then.delay_ns, rows, now.delay_ns)
    owed = moved(before.pending_ns, rows)
    starving = now.starving if rows is None else now.starving & (rows >= 0)
    # What was credited settles the debt. A vCPU that slept or ran without being credited has none.
    waited = np.where(starving, elapsed - ran, np.minimum(np.maximum(0, credited - owed), elapsed - ran))
    return Accounted(
        sample,
        moved(before.using_ns, rows) + ran,
        moved(before.delay_ns, rows) + waited,
        np.where(starving, np.maximum(0, owed + waited - credited), 0),
        moved(before.since_ns, rows, sample.time_ns),
    )


def lost_from_sight(before: Accounted, after: Accounted) -> set[str]:
    """Servers that are in both, and were not in all samples between: what is accounted of them began anew meanwhile, so
    nothing can be said of the time between the two."""
    if after.since_ns is before.since_ns:
        return set()
    layout = after.sample.counters.layout
    rows = layout.rows_in(before.sample.counters.layout)
    anew = after.since_ns != moved(before.since_ns, rows, after.since_ns)
    lost = layout.sums(anew.astype(np.int64))
    return {server.uuid for server, number in zip(layout.servers, lost, strict=True) if number}
