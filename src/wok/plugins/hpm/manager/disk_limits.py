"""Limits of a server's disks as the journal has them: one text for all, in which each disk stands by itself.

What is intended names the disks that hpm sets, and no others. One whose limits an administrator changed is null there:
it is left alone, and hpm goes on with the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeAlias

import msgspec

from ..engine.samples import IO_LIMITS
from ..store.journal import JournalEntry

Limits: TypeAlias = tuple[int, ...]


def io_text(limits: Mapping[str, Limits | None]) -> str:
    """Limits of disks by name; disks without any limit are there, too, and null are those that are left alone."""
    return msgspec.json.encode(dict(sorted(limits.items()))).decode()


def io_tuples(text: str) -> dict[str, Limits]:
    """What such a text means, without the disks that are left alone."""
    return {disk: limits for disk, limits in _all(text).items() if limits is not None}


def to_set(previous: str, intended: str) -> dict[str, dict[str, int]]:
    """What is set to come from the ones to the others: not what is so already, nor of disks that were plugged out. One
    that is null before is set whatever it has."""
    before, wanted = _all(previous), io_tuples(intended)
    made = {disk: limits for disk, limits in wanted.items() if disk in before and limits != before[disk]}
    return {disk: dict(zip(IO_LIMITS, limits, strict=True)) for disk, limits in made.items()}


def left_disks(text: str) -> frozenset[str]:
    """The disks that are left alone."""
    return frozenset(disk for disk, limits in _all(text).items() if limits is None)


def leaving(text: str, disks: Collection[str]) -> str:
    """The text with these left alone."""
    return io_text({**_all(text), **dict.fromkeys(disks)})


def together(known: str, wanted: str) -> str:
    """What is intended from now on, where something was before: what is not spoken of stays so."""
    return io_text({**_all(known), **_all(wanted)})


def same_limits(value: str, wanted: str) -> bool:
    """Whether what is wanted is in force. Disks that were plugged in or out since make no difference."""
    now = io_tuples(value)
    return all(now.get(disk, limits) == limits for disk, limits in io_tuples(wanted).items())


def first_limits(value: str, known: JournalEntry) -> str:
    """Limits as they were before hpm changed them, with those of disks that it has not changed yet."""
    ours, original = _all(known.intended), io_tuples(known.original)
    return io_text({**io_tuples(value), **{disk: limits for disk, limits in original.items() if disk in ours}})


def judged_disks(entry: JournalEntry, value: str) -> JournalEntry:
    """An entry as it is to be in the light of the limits in force: disks that an administrator changed are left alone
    from now on, and of those that were plugged out nothing is known any more: another one may come by that name. It is
    the very same where there is nothing new."""
    now = io_tuples(value)
    there = _all(entry.intended).keys() & now.keys()
    if there != _all(entry.intended).keys():
        entry = _of(entry, there)
        entry = msgspec.structs.replace(entry, held=bool(left_disks(entry.intended)))
    previous, intended = _all(entry.previous), io_tuples(entry.intended)
    foreign = [
        disk for disk, limits in now.items()
        if disk in intended and limits not in (intended[disk], previous.get(disk))
    ]
    if foreign:
        entry = msgspec.structs.replace(entry, intended=leaving(entry.intended, foreign), held=True)
    if entry.previous != entry.intended and same_limits(value, entry.intended):
        return msgspec.structs.replace(entry, previous=entry.intended)
    return entry


def limits_before(entry: JournalEntry) -> str:
    """What is to be put back: of the disks that hpm set, and that are not left alone."""
    original = io_tuples(entry.original)
    back: dict[str, Limits | None] = {
        disk: original[disk] for disk in io_tuples(entry.intended) if disk in original
    }
    return io_text({**back, **dict.fromkeys(left_disks(entry.intended))})


def limits_so_far(entry: JournalEntry, value: str) -> str:
    """The limits in force, with what was set last of disks that seem to have what they had before: libvirt may not have
    told that yet."""
    original, before, set_last = map(io_tuples, (entry.original, entry.previous, entry.intended))
    set_last |= {disk: before.get(disk, limits) for disk, limits in set_last.items() if limits == original.get(disk)}
    return io_text({
        disk: set_last.get(disk, limits) if limits == original.get(disk) else limits
        for disk, limits in io_tuples(value).items()
    })  # fmt: skip


def with_disks(entry: JournalEntry, *, left: bool) -> JournalEntry | None:
    """The entry with those disks alone that are left alone, or that are not; None: there are none."""
    kept = left_disks(entry.intended) if left else io_tuples(entry.intended).keys()
    return msgspec.structs.replace(_of(entry, kept), held=left) if kept else None


def without_unwanted(entry: JournalEntry, value: str, wanted: str) -> JournalEntry | None:
    """The entry without the disks of which nothing is wanted any more, and that have again what they had before hpm
    came: these are not hpm's. It is the very same where there are none such; None: no other disk is left."""
    now, original, named = io_tuples(value), io_tuples(entry.original), io_tuples(wanted)
    over = {
        disk for disk, limits in io_tuples(entry.intended).items()
        if disk not in named and disk in now and limits == original.get(disk) == now[disk]
    }  # fmt: skip
    kept = _all(entry.intended).keys() - over
    return entry if not over else _of(entry, kept) if kept else None


def _of(entry: JournalEntry, disks: Collection[str]) -> JournalEntry:
    """The entry with these disks alone."""
    original, previous, intended = (
        io_text({disk: limits for disk, limits in _all(text).items() if disk in disks})
        for text in (entry.original, entry.previous, entry.intended)
    )
    return msgspec.structs.replace(entry, original=original, previous=previous, intended=intended)


def _all(text: str) -> dict[str, Limits | None]:
    return msgspec.json.decode(text, type=dict[str, Limits | None])
