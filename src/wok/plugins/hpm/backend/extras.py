"""What a host tells beside its counters: figures that goals do not need, sampled in the background.

Nobody waits for them. Each row and section says when it was sampled, so that what is old is seen to be old.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from ..engine.table import Table, empty
from ..wire.sections import Devices, GuestDetails, Machine, Status

#: Columns of `Extras.balloon`, as libvirt's statistics of the balloon tell them. What the guest itself tells (unused,
#: available, usable, disk_caches, faults and swap, these since its boot) is as old as `last_update` says (unix time in
#: seconds), and NaN without a driver of the balloon in the guest. `sampled` is `taken_ns` as unix time in seconds;
#: `reported_bytes` is `current_bytes` as it was when this report was made; that may have been up to `blurred_bytes`
#: less.
BALLOON: Final = (
    "current_bytes", "maximum_bytes", "unused_bytes", "available_bytes", "usable_bytes", "rss_bytes",
    "disk_caches_bytes", "major_faults", "minor_faults", "swap_in_bytes", "swap_out_bytes", "last_update", "sampled",
    "reported_bytes", "blurred_bytes",
)  # fmt: skip

#: Columns of `Extras.processes`. CPU time of QEMU, of all its threads together (its vCPUs, too), since its start;
#: resident memory, and the size of its address space; time in which some, or all, tasks of its cgroup that wanted to
#: run waited for a CPU (NaN without cgroup v2).
PROCESSES: Final = (
    "user_seconds", "system_seconds", "resident_bytes", "virtual_bytes", "pressure_some_seconds",
    "pressure_full_seconds",
)  # fmt: skip


#: Counters of a disk and of a network interface, by their field's name, that columns of `DEVICES` have the sums of.
OF_DISKS: Final = ("read_bytes", "written_bytes", "read_requests", "write_requests")
OF_INTERFACES: Final = ("rx_bytes", "tx_bytes", "rx_packets", "tx_packets")

#: Columns of `Extras.devices`: those sums over the disks and interfaces that a server has (rx: received by the guest);
#: how fast they grew between the two last samples, of those that were there at both; when the last one was (unix time
#: in seconds), and how many seconds after the one before.
DEVICES: Final = (
    *OF_DISKS, *OF_INTERFACES, *(f"{name}_per_second" for name in (*OF_DISKS, *OF_INTERFACES)), "sampled", "seconds",
)  # fmt: skip


class Sections(msgspec.Struct, frozen=True):
    """The sections of one server. Each one is the same object until something in it changes.

    `configuration` is as far as the host knows it; group, class and goal are the manager's. The times are those of
    sampling (unix, in seconds), None: never. That of `status` is `sampled` of the balloon's table.
    """

    status: Status
    configuration: Machine
    devices: Devices
    guest_details: GuestDetails
    configuration_sampled: float | None = None
    devices_sampled: float | None = None
    guest_details_sampled: float | None = None


class Extras(msgspec.Struct, frozen=True, eq=False):
    """Replaced when anything is sampled anew, never changed.

    `balloon` (columns `BALLOON`), `processes` (columns `PROCESSES`) and `devices` (columns `DEVICES`) have a row for
    each active server that was seen by the sampler. What was counted before a server's present start is not in them.
    `sections` has all servers, active or not, by UUID; one that has just come may be missing.
    """

    balloon: Table
    processes: Table
    sections: Mapping[str, Sections] = {}
    devices: Table = empty(DEVICES)


NO_EXTRAS: Final = Extras(empty(BALLOON), empty(PROCESSES))

NO_DEVICES: Final = Devices(None, None, None, None, None)
NO_DETAILS: Final = GuestDetails(None, None)
