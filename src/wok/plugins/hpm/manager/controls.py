"""The controls that hpm changes: what of each is in force, as the journal has it, and whether that is ours."""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_
from typing import Final

import msgspec

from ..engine.samples import HostSample, KsmState, ServerSample
from ..memory.state import KsmSettings
from ..policy.field_reasons import Reason
from ..store.journal import HOST, Control, JournalEntry
from .disk_limits import (
    first_limits,
    io_text,
    io_tuples,
    judged_disks,
    leaving,
    left_disks,
    limits_before,
    limits_so_far,
    same_limits,
    together,
    with_disks,
)

#: The controls of each management level.
CPU_CONTROLS: Final[frozenset[Control]] = frozenset({
    "cpu-shares", "cpu-quota", "vcpu-pins", "emulator-pin", "blkio-weight", "partition-shares",
})  # fmt: skip
MEMORY_CONTROLS: Final[frozenset[Control]] = frozenset({
    "balloon", "stats-period", "ksm", "vcpu-quota", "io-tune", "swap-limit",
})  # fmt: skip

#: Those of which the value comes from what libvirt tells of a server, read again after each change, when it answers.
TOLD_BY_LIBVIRT: Final[frozenset[Control]] = frozenset({
    "stats-period", "vcpu-quota", "io-tune", "vcpu-pins", "emulator-pin", "blkio-weight", "swap-limit",
})  # fmt: skip


def cpu_controls(mom_limits: bool) -> frozenset[Control]:
    """What goes by CPU management now: limits of disks, too, as guest policies say them, unless memory policies do."""
    return CPU_CONTROLS if mom_limits else CPU_CONTROLS | {"io-tune"}


#: Stands for a weight of block I/O that nobody set.
USUAL: Final = "usual"

#: Bytes by which a balloon may miss what it was asked for: drivers take and give pages in lots.
NEAR: Final = 1 << 20
#: Bytes by which a guest's memory may be less than all of it, and yet count as that.
ALL: Final = 4 << 20
#: Stands for KSM's pages to scan where the kernel's advisor sets them.
ADVISOR: Final = "advisor"


class Change(msgspec.Struct, frozen=True):
    """A wanted value of one control of one start of a server (or of the host), and what is there now; as text (see
    `JournalEntry`)."""

    uuid: str
    start: str
    control: Control
    now: str
    value: str


def changing(sample: HostSample, uuid: str, control: Control, value: str) -> Change:
    """The change of a control whose value is known (see `in_force`) to another one."""
    now, start = in_force(sample, uuid, control), start_of(sample, uuid)
    assert now is not None and start is not None
    return Change(uuid, start, control, now, value)


def with_last(change: Change, last: JournalEntry) -> Change:
    """The change where that was set since libvirt told what is there."""
    now = last.intended
    if change.control == "io-tune":
        now = together(change.now, io_text(io_tuples(now)))
    return msgspec.structs.replace(change, now=now)


def start_of(sample: HostSample, uuid: str) -> str | None:
    """What tells this start of a server, or of the host, apart; None: it does not run, or cannot be seen."""
    if uuid == HOST:
        return sample.boot
    if uuid.startswith("/"):    # a partition
        return sample.boot if uuid in sample.partition_shares else None
    server = sample.samples.get(uuid)
    return None if server is None else server.start


def is_over(sample: HostSample, entry: JournalEntry) -> bool:
    """Whether that start of a server that has no process now, as far as is seen, is certainly over, with all that was
    set of it; or the partition is not there any more."""
    if entry.uuid.startswith("/"):
        return sample.problem is None
    info = sample.infos.get(entry.uuid)
    if info is None:    # there is none; or it could not be read yet
        return sample.problem is None and entry.uuid not in sample.stale
    return info.status in ("shut-off", "crashed") and not info.carried


def is_carried(sample: HostSample, entry: JournalEntry) -> bool:
    """Whether the start of a server that runs now may have what was set of the one before."""
    info = sample.infos.get(entry.uuid)
    return info is not None and info.carried and not entry.held


def in_force(sample: HostSample, uuid: str, control: Control) -> str | None:
    """The value that a sample shows; None where it cannot be read."""
    if control == "ksm":
        return None if sample.ksm is None else ksm_text(sample.ksm)
    if control == "partition-shares":
        return str(sample.partition_shares[uuid]) if uuid in sample.partition_shares else None
    server = sample.samples.get(uuid)
    if server is None:
        return None
    if control == "cpu-shares":
        return None if server.shares is None else str(server.shares)
    if control == "cpu-quota":
        return own_quota_text(server)
    if control == "balloon":
        return None if server.memory_bytes is None else str(server.memory_bytes)
    info = sample.infos.get(uuid)
    if info is None:
        return None
    if control == "vcpu-quota":
        return quota_text(info.tuning.quota_us, info.tuning.period_us)
    if control == "io-tune":
        return io_text({disk.name: disk.limits for disk in info.tuning.disks})
    tuning = info.tuning
    match control:
        case "vcpu-pins":
            return pins_text(tuning.vcpu_pins[: len(server.threads)])
        case "emulator-pin":
            return tuning.emulator_pin
        case "blkio-weight":
            return USUAL if tuning.blkio_weight is None else str(tuning.blkio_weight)
        case "swap-limit":
            return swap_text(tuning.memory_limit_kib, tuning.swap_limit_kib)
    return str(info.memory.stats_period)


def ours(entry: JournalEntry, value: str, vcpus: int = 0) -> bool:
    """Whether a value in force is what hpm set, or what was there when it did. A balloon is anywhere in between while
    it moves; the pages that the kernel's advisor sets are nobody's. `vcpus` are those that the server has."""
    if entry.control == "io-tune":
        return left_disks(judged_disks(entry, value).intended) <= left_disks(entry.intended)
    if entry.control != "balloon":
        return any(same(entry.control, value, known, vcpus) for known in (entry.previous, entry.intended))
    low, high = sorted((int(entry.previous), int(entry.intended)))
    return low - NEAR <= int(value) <= high + NEAR


def arrived(entry: JournalEntry, value: str, vcpus: int = 0) -> JournalEntry | None:
    """The entry from now on, if what was intended is in force now and was not before; None: it stays as it is."""
    if entry.control == "ksm":
        return _arrived_ksm(entry, value)
    if entry.control == "balloon":
        there = abs(int(value) - int(entry.intended)) <= NEAR and entry.previous != entry.intended
    else:
        there = same(entry.control, value, entry.intended, vcpus) and entry.intended != entry.previous
    return msgspec.structs.replace(entry, previous=entry.intended) if there else None


def _arrived_ksm(entry: JournalEntry, value: str) -> JournalEntry | None:
    """The same of KSM. When the kernel's advisor is switched on or off, it sets another number of pages by itself: that
    one is taken for ours, and for the original one if there was none."""
    if not same_ksm(value, entry.intended):
        return None
    run, pages, *rest = entry.original.split()
    if pages == ADVISOR:
        pages = value.split()[1]
    made = msgspec.structs.replace(entry, original=" ".join((run, pages, *rest)), previous=value, intended=value)
    return made if made != entry else None


def judged(entry: JournalEntry, value: str, vcpus: int) -> JournalEntry:
    """An entry as it is to be in the light of the value in force."""
    if entry.control == "io-tune":
        return judged_disks(entry, value)
    if entry.held:
        return entry
    if not ours(entry, value, vcpus):
        return msgspec.structs.replace(entry, held=True)
    return arrived(entry, value, vcpus) or entry


def left(entry: JournalEntry) -> bool:
    """Whether an administrator changed all that it is about."""
    return entry.held and (entry.control != "io-tune" or with_disks(entry, left=False) is None)


def farthest(entry: JournalEntry, value: str) -> str:
    """What may be in force while it is put back: what is now, or what was set last, where libvirt tells the original
    one and may not know of that yet; of a balloon, what is farthest from where it was, as it may still move to where it
    was asked to go before."""
    if entry.control == "io-tune":
        return limits_so_far(entry, value)
    if entry.control != "balloon":
        last = entry.previous if entry.intended == entry.original else entry.intended
        return last if value == entry.original else value
    return max((value, entry.previous, entry.intended), key=lambda one: abs(int(one) - int(entry.original)))


def same(control: Control, value: str, known: str, vcpus: int = 0) -> bool:
    """Whether a value in force is what the journal has. Disks that were plugged in or out since make no difference, nor
    do vCPUs: there are `vcpus` now."""
    if control == "ksm":
        return same_ksm(value, known)
    if control == "io-tune":
        return same_limits(value, known)
    if control == "vcpu-pins":
        return value == pins_text(pins_of(known)[:vcpus])
    return value == known


def holds(control: Control, value: str | None, wanted: str) -> bool:
    """Whether what is wanted is in force; of disks, of those that are spoken of."""
    return value == wanted or (control == "io-tune" and value is not None and same_limits(value, wanted))


def has_all(server: ServerSample) -> bool:
    """Whether a balloon leaves its guest all memory."""
    has, can = server.memory_bytes, server.memory_maximum_bytes
    return has is not None and can is not None and has >= can - ALL


def same_ksm(one: str, other: str) -> bool:
    """Whether two texts mean the same, apart from pages if those are the advisor's in one of them."""
    first, second = one.split(), other.split()
    if ADVISOR in (first[1], second[1]):
        first[1] = second[1] = ADVISOR
    return first == second


def first_value(change: Change, known: JournalEntry | None) -> str:
    """What was in force before hpm's first change."""
    if known is None:
        return change.now
    return first_limits(change.now, known) if change.control == "io-tune" else known.original


def intention(change: Change, known: JournalEntry | None) -> str:
    """What is intended from a change on."""
    return together(known.intended, change.value) if known is not None and change.control == "io-tune" else change.value


def before_hpm(entry: JournalEntry) -> str:
    """What is put back; of disks, of those alone that are hpm's."""
    return limits_before(entry) if entry.control == "io-tune" else entry.original


def value_before(change: Change, known: JournalEntry | None) -> str:
    """What was in force before a change. A balloon may still be on its way to where it was asked to go before. What an
    administrator set, and is not left so, is not ours: who sets it once more is noticed, however soon that is."""
    if change.control == "io-tune" and known is not None:
        return leaving(change.now, left_disks(known.intended) & io_tuples(change.value).keys())
    if change.control != "balloon":
        return change.value if known is not None and known.held else change.now
    if known is None or known.held:
        return change.now
    between = sorted((int(change.now), int(known.previous), int(known.intended)))
    return str(between[0] if int(change.value) > int(change.now) else between[-1])


def is_untold(sample: HostSample, uuid: str) -> bool:
    """Whether what libvirt tells of a server may be what was there before something was set."""
    return uuid in sample.unread or uuid in sample.stale


def is_back(sample: HostSample, entry: JournalEntry, value: str, vcpus: int) -> bool:
    """Whether what was there before hpm came is in force, and stays. (A balloon may not have begun to move yet; and
    what libvirt told may be older than what hpm set last.)"""
    if entry.control in TOLD_BY_LIBVIRT and (
        is_untold(sample, entry.uuid) or not same(entry.control, entry.intended, before_hpm(entry), vcpus)
    ):  # fmt: skip
        return False
    if entry.control != "balloon":
        return same(entry.control, value, before_hpm(entry), vcpus)
    return entry.intended == entry.original and abs(int(value) - int(entry.original)) <= NEAR


#: A balloon is on its way for a while; of disks, some may be put back and others not. Neither is over at once.
_BY_AND_BY: Final[frozenset[Control]] = frozenset({"balloon", "io-tune"})


def over(entry: JournalEntry, keep_held: bool, set_since: bool) -> JournalEntry:
    """How an entry is kept aside that the store should have forgotten: what was put back is what is intended;
    what an administrator has set since hpm did is left from now on (`keep_held`), or an original like any other."""
    if entry.control in _BY_AND_BY:
        return entry
    if set_since and keep_held:
        return msgspec.structs.replace(entry, held=True)
    own = before_hpm(entry)
    now = msgspec.structs.replace(entry, previous=own if set_since else entry.previous, intended=own)
    return entry if now == entry else now


def is_new_original(entry: JournalEntry, value: str, vcpus: int) -> bool:
    """Whether hpm put back what an entry tells of that is aside, and somebody has set another value since."""
    put_back = not entry.held and entry.control not in _BY_AND_BY and entry.intended == before_hpm(entry)
    return put_back and not ours(entry, value, vcpus)


def plugged(entry: JournalEntry, before: ServerSample | None, now: ServerSample) -> JournalEntry:
    """The entry of a balloon after memory was plugged in or out since the look before: that comes on top of what the
    balloon leaves the guest, and of what it was asked to leave it. (QEMU has the driver keep as many pages as before.)
    """
    if before is None or before.start != now.start:
        return entry
    had, could, has, can = (
        before.memory_bytes, before.memory_maximum_bytes, now.memory_bytes, now.memory_maximum_bytes
    )  # fmt: skip
    if had is None or could is None or has is None or can is None or can == could:
        return entry
    more, moved = can - could, has - had
    shifted = msgspec.structs.replace(entry, **{
        name: str(int(getattr(entry, name)) + more) for name in ("original", "previous", "intended")
    })  # fmt: skip
    # Where both could be: memory of some kinds counts only once the guest has taken it.
    likely = abs(moved - more) < abs(moved) or not ours(entry, str(has))
    return shifted if likely and ours(shifted, str(has)) else entry


def pins_text(pins: Sequence[str]) -> str:
    """The CPUs of each vCPU as the journal has them; those after the last one run on any."""
    kept = list(pins)
    while kept and not kept[-1]:
        kept.pop()
    return msgspec.json.encode(kept).decode()


def pins_of(text: str) -> list[str]:
    """What such a text means."""
    return msgspec.json.decode(text, type=list[str])


def swap_text(memory_kib: int | None, swap_kib: int | None) -> str:
    """Limits of memory, and of memory and swap, as the journal has them."""
    return " ".join("max" if limit is None else str(limit) for limit in (memory_kib, swap_kib))


def too_little(mebibytes: int, memory_mib: int) -> str | None:
    """Why a server that has so much memory cannot live with that limit of memory and swap; None: it can."""
    if mebibytes >= memory_mib:
        return None
    return Reason("too-little-memory", memory=memory_mib, limit=mebibytes)


def limit_of(text: str) -> int | None:
    """A number of such a text; None for ``max`` and ``usual``."""
    return None if text in ("max", USUAL) else int(text)


def quota_text(quota_us: int | None, period_us: int) -> str:
    """A quota as the journal has it."""
    return f"{'max' if quota_us is None else quota_us} {period_us}"


def own_quota_text(server: ServerSample) -> str:
    """The quota in force of a server, as the journal has it."""
    return quota_text(server.quota_us, server.period_us)


def ksm_text(ksm: KsmState | KsmSettings) -> str:
    """KSM as the journal has it."""
    advised = ksm.advised if isinstance(ksm, KsmState) else ksm.pages_to_scan is None
    return f"{ksm.run} {ADVISOR if advised else ksm.pages_to_scan} {ksm.sleep_millisecs} {ksm.merge_across_nodes}"


def ksm_settings(text: str) -> KsmSettings:
    """What such a text means."""
    run, pages, sleep, merge = text.split()
    return KsmSettings(int(run), None if pages == ADVISOR else int(pages), int(sleep), int(merge))


def identical(one: Sequence[object], other: Sequence[object]) -> bool:
    """Whether these are the very same objects: what was found out from the ones holds for the others."""
    return len(one) == len(other) and all(map(is_, one, other))
