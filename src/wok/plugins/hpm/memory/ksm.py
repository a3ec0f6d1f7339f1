"""Kernel same-page merging (KSM): when it pays, how fast it scans, and what it was before.

Facts about the kernel are from Documentation/admin-guide/mm/ksm.rst.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from .pressure import MIB, watermarks
from .state import KsmSettings, KsmState, MemoryView

#: What the kernel keeps for each page that it looks at (its struct ksm_rmap_item), in bytes.
ITEM = 64

#: Merging begins before guests have to give anything, since it takes minutes to tell; and is over where there would be
#: enough without what it saves. In parts of the mark where pressure begins.
ON, OVER = 2.0, 3.0
#: The pause between two scans of `pages_to_scan`, in ms: the kernel's own. (Below 10 it would hardly be one.)
SLEEP = 20
#: All memory of the guests is scanned in so many seconds, and the faster the longer pressure lasts.
FULL_SCAN = 600.0
BOOST, DECAY, BOOST_MOST = 2.0, 0.8, 8.0
#: Pages at once, least and most. The least is the kernel's own. A scanned page costs some µs, so that the most is about
#: a third of a CPU.
PAGES_LEAST, PAGES_MOST = 100, 2500
#: Another number of pages is only written if it differs by that part.
WORTH = 0.1
#: Whole scans after which the gain can be told: a page must stay the same for one to be looked up in the next, and its
#: twin as well.
TELLING = 3
#: Gain below which it does not pay: a part of the host, within bounds. One that pays must fall below half of it to end.
GAIN, GAIN_LEAST, GAIN_MOST = 0.005, 8 * MIB, 1024 * MIB
#: Seconds until it is tried again where it did not pay; twice that each time that it did not, up to the second.
COOL_DOWN, COOL_DOWN_MOST = 1800.0, 28800.0

#: `unavailable`: there is no KSM, or it may not be set. `not-needed`: there is memory enough. `cool-down`: it did not
#: pay, and is not tried again yet. `pressure`: it begins, or scans faster. `scanning`: it goes on as it is, or slower.
#: `unmerging`: pages are taken apart, as the kernel wants before NUMA nodes can be set. `no-gain`: it did not pay;
#: `pressure-over`: it is not needed any more: all is as it was before.
KsmReason: TypeAlias = Literal[
    "unavailable", "not-needed", "cool-down", "pressure", "scanning", "unmerging", "no-gain", "pressure-over"
]


class KsmMemory(msgspec.Struct, frozen=True):
    """What is remembered of KSM.

    `original` is what it was set to before hpm did (None: hpm has not). `on`: hpm wants it to run, since the kernel had
    counted `scans` whole ones. `nodes` is what merge_across_nodes is to be, `boost` how much faster it scans than
    usual; `paid`: it does pay. `until_ns`: it is not tried before, as it did not pay; that lasts `cool_down` seconds.
    """

    original: KsmSettings | None = None
    on: bool = False
    scans: int = 0
    nodes: int = 1
    boost: float = 1.0
    paid: bool = False
    until_ns: int = 0
    cool_down: float = 0.0


class KsmPlan(msgspec.Struct, frozen=True):
    """What to set (None: nothing), why, what is gained (bytes), and what to remember. To be written in the order of the
    kernel: merge_across_nodes before run."""

    settings: KsmSettings | None
    reason: KsmReason
    gain: int
    memory: KsmMemory


def gain_of(ksm: KsmState) -> int:
    """Bytes that merging saves, less what it takes itself; may be negative."""
    if ksm.general_profit is not None:
        return ksm.general_profit
    items = ksm.pages_shared + ksm.pages_sharing + ksm.pages_unshared + ksm.pages_volatile
    return ksm.pages_sharing * ksm.page_size - items * ITEM


def plan_ksm(view: MemoryView, remembered: KsmMemory) -> KsmPlan:
    """What KSM is to do next."""
    ksm = view.ksm
    if ksm is None:
        return KsmPlan(None, "unavailable", 0, remembered)
    remembered = _unadvised(ksm, remembered)
    gain, marks = gain_of(ksm), watermarks(view.host.total)
    pressed = view.host.available < ON * marks.begin
    if not remembered.on:
        if remembered.original is not None:
            return _put_back(ksm, gain, remembered, "pressure-over")
        if not pressed or view.time_ns < remembered.until_ns:
            return KsmPlan(None, "cool-down" if pressed else "not-needed", gain, remembered)
        return _scan(view, ksm, gain, _begun(view, ksm, remembered), pressed=True)
    enough = int(min(max(GAIN * view.host.total, GAIN_LEAST), GAIN_MOST))
    pays = gain >= (enough // 2 if remembered.paid else enough)
    told = ksm.full_scans - remembered.scans >= TELLING
    over = view.host.available - max(gain, 0) >= OVER * marks.begin
    if told and not pays:
        again = bool(remembered.cool_down) and not over
        cool = min(2.0 * remembered.cool_down, COOL_DOWN_MOST) if again else COOL_DOWN
        until = view.time_ns + int(cool * 1e9)
        stopped = msgspec.structs.replace(remembered, on=False, paid=False, until_ns=until, cool_down=cool)
        return _put_back(ksm, gain, stopped, "pressure-over" if over else "no-gain")
    known = msgspec.structs.replace(
        remembered, paid=told and pays, cool_down=0.0 if told else remembered.cool_down,
        boost=min(remembered.boost * BOOST, BOOST_MOST) if pressed else max(remembered.boost * DECAY, 1.0),
    )  # fmt: skip
    return _scan(view, ksm, gain, known, pressed=pressed)


def _begun(view: MemoryView, ksm: KsmState, remembered: KsmMemory) -> KsmMemory:
    """Remember how it was. Pages of several NUMA nodes are not merged with each other, as remote memory is slow; unless
    memory is scarce, or so much is merged that taking it apart would make it so."""
    nodes = 0 if view.nodes > 1 and _may_unmerge(view, ksm) else ksm.merge_across_nodes
    original = _settings(ksm)
    return msgspec.structs.replace(
        remembered, original=original, on=True, scans=ksm.full_scans, nodes=nodes, boost=1.0, paid=False)  # fmt: skip


def _may_unmerge(view: MemoryView, ksm: KsmState) -> bool:
    """Whether there would be enough memory with all pages taken apart."""
    return view.host.available - ksm.pages_sharing * ksm.page_size >= watermarks(view.host.total).begin


def _settings(ksm: KsmState) -> KsmSettings:
    pages = None if ksm.advised else ksm.pages_to_scan
    return KsmSettings(ksm.run, pages, ksm.sleep_millisecs, ksm.merge_across_nodes)


def _unadvised(ksm: KsmState, remembered: KsmMemory) -> KsmMemory:
    """Once the kernel's advisor is switched off, what it leaves counts as what was there before: hpm sets it from now
    on."""
    original = remembered.original
    if original is None or original.pages_to_scan is not None or ksm.advised:
        return remembered
    original = msgspec.structs.replace(original, pages_to_scan=ksm.pages_to_scan)
    return msgspec.structs.replace(remembered, original=original)


def _scan(view: MemoryView, ksm: KsmState, gain: int, known: KsmMemory, *, pressed: bool) -> KsmPlan:
    """Let it run as fast as it should; with the kernel's advisor on, as fast as that wants."""
    if known.nodes != ksm.merge_across_nodes and not _may_unmerge(view, ksm):
        known = msgspec.structs.replace(known, nodes=ksm.merge_across_nodes)
    if ksm.advised:
        wanted = KsmSettings(1, None, ksm.sleep_millisecs, known.nodes)
        return _step(ksm, wanted, gain, known, "pressure" if pressed and ksm.run != 1 else "scanning")
    pages = _pages(view, ksm.page_size, known.boost)
    if ksm.run == 1 and abs(pages - ksm.pages_to_scan) < WORTH * ksm.pages_to_scan:
        pages = ksm.pages_to_scan
    wanted = KsmSettings(1, pages, SLEEP, known.nodes)
    faster = ksm.run != 1 or pages > ksm.pages_to_scan
    return _step(ksm, wanted, gain, known, "pressure" if pressed and faster else "scanning")


def _pages(view: MemoryView, page_size: int, boost: float) -> int:
    guests = sum(guest.resident or guest.current for guest in view.guests.values())
    wanted = boost * guests / page_size / FULL_SCAN * SLEEP / 1000.0
    return int(min(max(wanted, PAGES_LEAST), PAGES_MOST))


def _put_back(ksm: KsmState, gain: int, known: KsmMemory, reason: KsmReason) -> KsmPlan:
    """All as it was; forgotten once it is so."""
    assert known.original is not None
    made = _step(ksm, known.original, gain, known, reason)
    if made.reason == "unmerging":
        return made
    return msgspec.structs.replace(made, memory=msgspec.structs.replace(known, original=None))


def _step(ksm: KsmState, wanted: KsmSettings, gain: int, known: KsmMemory, reason: KsmReason) -> KsmPlan:
    """The next step to what is wanted: the kernel refuses another merge_across_nodes while pages are merged."""
    has = _settings(ksm)
    if ksm.advised:
        wanted = msgspec.structs.replace(wanted, pages_to_scan=None)
    if wanted.merge_across_nodes != ksm.merge_across_nodes and ksm.pages_shared:
        wanted, reason = msgspec.structs.replace(has, run=2), "unmerging"
    return KsmPlan(None if wanted == has else wanted, reason, gain, known)
