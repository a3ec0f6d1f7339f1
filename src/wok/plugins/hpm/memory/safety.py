"""What may be applied of what a policy of MOM's language wants: values within what is safe, and why they differ.

MOM applies whatever it is told. A balloon below a guest's use has it swap, or end processes; a pause of 0 has the
kernel's thread for merging take a CPU for itself; libvirt refuses a quota below a millisecond.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from .ksm import SLEEP
from .mom.values import shown
from .standing import STALE, reserve
from .state import GuestMemory, KsmSettings, KsmState

MIB: Final = 1 << 20
#: Milliseconds that the kernel's thread for merging pauses at least.
LEAST_SLEEP: Final = 10
#: Pages that it looks at in one go, at most: about a CPU for itself.
MOST_PAGES: Final = 100_000
DAY: Final = 86_400_000
#: Microseconds: libvirt's least quota and the kernel's longest, the kernel's least and longest period.
LEAST_QUOTA, MOST_QUOTA, LEAST_PERIOD, MOST_PERIOD = 1000, 17_592_186_044_415, 1000, 1_000_000
#: Libvirt's most for a limit of a disk.
MOST_LIMIT: Final = 10**15
#: What a host can be told, and a guest.
HOST_CONTROLS: Final = ("ksm_run", "ksm_pages_to_scan", "ksm_sleep_millisecs", "ksm_merge_across_nodes")
GUEST_CONTROLS: Final = ("balloon_target", "vcpu_quota", "vcpu_period")


class Safe(msgspec.Struct, frozen=True):
    """What may be applied of one control (None: nothing), and why that is not what was wanted (None: it is)."""

    value: Any
    note: str | None = None


def whole(value: Any) -> int | None:
    """A number, cut to an integer as MOM does; None: it is no number that could be."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, float) and abs(value) < 1e18 else None


def safe_balloon(wanted: Any, guest: GuestMemory, now: int, *, swap: bool) -> Safe:
    """The bytes that a balloon may leave a guest, of `wanted` kB, at the time `now` (monotonic ns). `swap`: it may be
    brought below its use."""
    number = whole(wanted)
    if number is None:
        return Safe(None, f"balloon_target is no number: {shown(wanted)}")
    if guest.held is not None:
        return Safe(None, f"left alone: {guest.held}")
    target, floor, why = number * 1024, guest.minimum, f"it keeps at least {guest.minimum // MIB} MiB"
    if guest.used is None or (target < guest.current and now - guest.told_ns > STALE * 1e9):
        return Safe(None, "left alone: no-report")    # what it uses by now is not known
    if not swap:
        kept = guest.used + reserve(guest.used, guest.maximum)
        if kept > floor:
            floor = kept
            why = f"it uses {guest.used // MIB} MiB, and keeps {(kept - guest.used) // MIB} MiB beyond that"
    floor = min(max(floor, 64 * MIB), guest.maximum)
    if target > guest.maximum:
        return Safe(guest.maximum, f"{target // MIB} MiB are more than the {guest.maximum // MIB} MiB that it can have")
    if target < floor:
        return Safe(floor, f"{target // MIB} MiB are too few: {why}")
    return Safe(target)


def safe_quota(quota: Any, period: Any, now: tuple[int | None, int]) -> Safe:
    """The quota of each vCPU (µs, None: none) and its period; one that is not wanted (None) stays as it is `now`."""
    notes: list[str] = []
    found = now[1]
    if period is not None:
        number = whole(period)
        if number is None:
            return Safe(None, f"vcpu_period is no number: {shown(period)}")
        found = min(max(number, LEAST_PERIOD), MOST_PERIOD)
        if found != number:
            notes.append(f"a period of {shown(number)} µs is out of range: {LEAST_PERIOD} to {MOST_PERIOD}")
    kept = now[0]
    if quota is not None:
        number = whole(quota)
        if number is None:
            return Safe(None, f"vcpu_quota is no number: {shown(quota)}")
        kept = None if number <= 0 else min(max(number, LEAST_QUOTA), MOST_QUOTA)
        if kept is not None and kept != number:
            notes.append(f"a quota of {shown(number)} µs is out of range: {LEAST_QUOTA} to {MOST_QUOTA}")
    return Safe((kept, found), "; ".join(notes) or None)


def safe_ksm(wanted: Mapping[str, Any], now: KsmState) -> Safe:
    """`KsmSettings` of the host's controls; what is not wanted stays as it is `now`, and so do the pages that the
    kernel's advisor sets."""
    numbers: dict[str, int] = {}
    notes: list[str] = []
    for name in HOST_CONTROLS:
        if wanted.get(name) is None:
            continue
        number = whole(wanted[name])
        if number is None:
            return Safe(None, f"{name} is no number: {shown(wanted[name])}")
        numbers[name] = number
    least = {"ksm_run": 0, "ksm_pages_to_scan": 1, "ksm_sleep_millisecs": LEAST_SLEEP, "ksm_merge_across_nodes": 0}
    most = {"ksm_run": 2, "ksm_pages_to_scan": MOST_PAGES, "ksm_sleep_millisecs": DAY, "ksm_merge_across_nodes": 1}
    for name, number in numbers.items():
        numbers[name] = min(max(number, least[name]), most[name])
        if numbers[name] != number:
            notes.append(f"{name} {shown(number)} is out of range: {least[name]} to {most[name]}")
    sleep = numbers.get("ksm_sleep_millisecs", now.sleep_millisecs)
    if numbers.get("ksm_run", now.run) == 1 and sleep < LEAST_SLEEP:
        sleep = SLEEP
        notes.append(f"a pause of {now.sleep_millisecs} ms would take a CPU: {SLEEP} instead")
    pages: int | None = numbers.get("ksm_pages_to_scan", now.pages_to_scan)
    if now.advised:
        pages = None
        if "ksm_pages_to_scan" in numbers:
            notes.append("ksm_pages_to_scan is left alone: the kernel's advisor sets it (advisor_mode)")
    made = KsmSettings(
        numbers.get("ksm_run", now.run), pages, sleep,
        numbers.get("ksm_merge_across_nodes", now.merge_across_nodes),
    )  # fmt: skip
    return Safe(made, "; ".join(notes) or None)
