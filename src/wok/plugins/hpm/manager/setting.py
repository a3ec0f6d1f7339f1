"""From a value as the journal has it to the operation of the hypervisor that sets it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from ..backend.hypervisor import Hypervisor
from ..errors import HypervisorError, ServerGone
from ..store.journal import Control, JournalEntry
from .controls import ksm_settings, limit_of, pins_of
from .disk_limits import to_set


def set_control(host: Hypervisor, entry: JournalEntry) -> None:
    """Set what is intended of one control of one start of a server (or of the host). Raises `ServerGone`,
    `HypervisorError`, `InvalidValue`."""
    _SETTERS[entry.control](host, entry)


def _shares(host: Hypervisor, entry: JournalEntry) -> None:
    host.set_cpu_shares(entry.uuid, entry.start, int(entry.intended))


def _quota(host: Hypervisor, entry: JournalEntry) -> None:
    quota, period = entry.intended.split()
    host.set_cpu_quota(entry.uuid, entry.start, limit_of(quota), int(period))


def _vcpu_quota(host: Hypervisor, entry: JournalEntry) -> None:
    quota, period = entry.intended.split()
    host.set_vcpu_quota(entry.uuid, entry.start, limit_of(quota), int(period))


def _balloon(host: Hypervisor, entry: JournalEntry) -> None:
    host.set_balloon(entry.uuid, entry.start, int(entry.intended))


def _stats_period(host: Hypervisor, entry: JournalEntry) -> None:
    host.set_stats_period(entry.uuid, entry.start, int(entry.intended))


def _io(host: Hypervisor, entry: JournalEntry) -> None:
    failed: HypervisorError | None = None
    for disk, limits in to_set(entry.previous, entry.intended).items():
        try:
            host.set_io_limits(entry.uuid, entry.start, disk, limits)
        except ServerGone:
            raise
        except HypervisorError as error:    # of this disk: the others are set all the same
            failed = failed or error
    if failed is not None:
        raise failed


def _ksm(host: Hypervisor, entry: JournalEntry) -> None:
    host.set_ksm(ksm_settings(entry.intended))


def _pins(host: Hypervisor, entry: JournalEntry) -> None:
    host.set_vcpu_pins(entry.uuid, entry.start, pins_of(entry.intended))


def _emulator(host: Hypervisor, entry: JournalEntry) -> None:
    host.set_emulator_pin(entry.uuid, entry.start, entry.intended)


def _blkio(host: Hypervisor, entry: JournalEntry) -> None:
    host.set_blkio_weight(entry.uuid, entry.start, limit_of(entry.intended))


def _swap(host: Hypervisor, entry: JournalEntry) -> None:
    memory, swap = entry.intended.split()
    host.set_swap_limit(entry.uuid, entry.start, limit_of(memory), limit_of(swap))


def _partition(host: Hypervisor, entry: JournalEntry) -> None:
    state = host.partitions.states().get(entry.uuid)
    if state is None:
        raise ServerGone(f"the partition {entry.uuid} is gone")
    cpu = msgspec.structs.replace(state.parameters.cpu, shares=int(entry.intended))
    host.partitions.configure(entry.uuid, msgspec.structs.replace(state.parameters, cpu=cpu))


_SETTERS: Mapping[Control, Callable[[Hypervisor, JournalEntry], None]] = {
    "cpu-shares": _shares, "cpu-quota": _quota, "vcpu-quota": _vcpu_quota, "balloon": _balloon,
    "stats-period": _stats_period, "io-tune": _io, "ksm": _ksm, "vcpu-pins": _pins, "emulator-pin": _emulator,
    "blkio-weight": _blkio, "swap-limit": _swap, "partition-shares": _partition,
}  # fmt: skip
