"""What a host tells beside its counters: figures that goals do not need, sampled in the background.

Nobody waits for them. Each row and section says when it was sampled, so that what is old is seen to be old.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ..engine.table import Table, empty

#: Columns of `Extras.balloon`, as libvirt's statistics of the balloon tell them. What the guest itself tells (unused,
#: available, usable, disk_caches, faults and swap, these since its boot) is as old as `last_update` says (unix time in
#: seconds), and NaN without a driver of the balloon in the guest.
BALLOON: Final = (
    "current_bytes", "maximum_bytes", "unused_bytes", "available_bytes", "usable_bytes", "rss_bytes",
    "disk_caches_bytes", "major_faults", "minor_faults", "swap_in_bytes", "swap_out_bytes", "last_update",
)  # fmt: skip

#: Columns of `Extras.processes`. CPU time of QEMU, of all its threads together (its vCPUs, too), since its start;
#: resident memory; time in which some, or all, tasks of its cgroup that wanted to run waited for a CPU (NaN without
#: cgroup v2).
PROCESSES: Final = (
    "user_seconds", "system_seconds", "resident_bytes", "pressure_some_seconds", "pressure_full_seconds",
)  # fmt: skip


class Extras(msgspec.Struct, frozen=True, eq=False):
    """Replaced when anything is sampled anew, never changed.

    `balloon` (columns `BALLOON`) and `processes` (columns `PROCESSES`) have a row for each active server that was
    seen by the sampler. What was counted before a server's present start is not in them.
    """

    balloon: Table
    processes: Table


NO_EXTRAS: Final = Extras(empty(BALLOON), empty(PROCESSES))
