"""Where each guest stands: what it can give, what it wants, and whether it does as it was asked."""

from __future__ import annotations

from typing import Final

import msgspec

from ..policy.goals import IMPORTANCES
from .plan import MemoryBlocked, MemoryWhy, Remembered
from .state import GuestMemory

MIB: Final = 2**20

#: What a guest keeps beyond what it uses, of caches and of free memory: an eighth of its use, and not less than an
#: eighth of its maximum within these bounds. Caches hold the programs that run and the files that they work on, and
#: both grow with what is in use; a kernel begins to reclaim in the background at 1 to 2 % free, and a burst until the
#: next interval (a login, a compiler) takes some tens of MiB in a guest of any size.
RESERVE = 8
RESERVE_LEAST: Final = 32 * MIB
RESERVE_MOST: Final = 256 * MIB
#: A guest is in distress with less than half of that left. (All of it would be no hysteresis: each guest at its floor
#: would be in distress with the next page that it uses.) It gets its use and this many reserves then.
DISTRESS_RESERVES = 2
#: The same, by what it says of swapping (bytes a second) and of major faults (a second); these only where hpm took from
#: it or less than a quarter is usable: a program that starts faults as well, and more memory is no cure.
SWAP_IN, SWAP_OUT, MAJOR_FAULTS = 256 * 1024, 1024 * 1024, 100.0
USABLE = 0.25
#: Seconds for which the growth of its use is taken to go on, where hpm took from it: help takes about so long. And
#: seconds that its growth is looked at over at least: reports tell their time in whole ones.
SOON, GROWN_IN = 5.0, 2.0
#: What it gets at least when it swaps, as a part of what it has: its use cannot be seen beyond that.
STEP = 0.25

#: Seconds: what a guest used in this span and the one before, it may use again at any moment, faster than it can be
#: given back. (Without swap it would end its programs.) So that is not taken from it.
SPAN = 300.0

#: Less than this changes nobody's memory: part of its maximum, and bytes.
DEAD_BAND = 200
DEAD_BAND_LEAST: Final = 4 * MIB
#: At most this is taken from a guest in one interval: part of its maximum, and of what it has beyond its floor. Its
#: kernel must choose which caches to drop, and must see what that does, before it is asked again.
GUEST_PART, IDLE_PART = 8, 2

#: Seconds without coming nearer to its target after which a guest is known to give no more. It is not asked again until
#: it moves: what it was asked for stands, and a driver that can give more does so by itself.
STUCK = 30.0
#: Seconds after which a report says nothing any more.
STALE = 60.0

RANK: Final = {importance: rank for rank, importance in enumerate(IMPORTANCES)}


def reserve(used: int, maximum: int) -> int:
    """What a guest keeps beyond its use."""
    base = maximum // RESERVE
    base = RESERVE_LEAST if base < RESERVE_LEAST else RESERVE_MOST if base > RESERVE_MOST else base
    part = used // RESERVE
    return part if part > base else base


def is_low(current: int, used: int, maximum: int, growth: float = 0.0) -> bool:
    """Whether a guest has less than half of its reserve left, or soon will if its use grows on by so many bytes a
    second."""
    return 2 * (current - used - int(growth * SOON)) < reserve(used, maximum)


def grown(known: Remembered, used: int, told_ns: int) -> float:
    """Bytes a second by which use had grown at a report, since the one that a plan saw before. 0.0: not at all, or the
    balloon has been moved meanwhile, which blurs it."""
    if told_ns == known.told_ns:
        return known.growth
    if known.told_ns <= known.asked_ns:
        return 0.0
    return max(0.0, (used - known.used) / max((told_ns - known.told_ns) / 1e9, GROWN_IN))


def dead_band(maximum: int) -> int:
    """Changes below that are not worth making."""
    part = maximum // DEAD_BAND
    return part if part > DEAD_BAND_LEAST else DEAD_BAND_LEAST


class Standing(msgspec.Struct, gc=False):
    """One guest while a plan is made.

    `force` is what it was asked to have, or has; `band` the least change, `floor` what it must keep. `idle` is what it
    has beyond that, `may` what of it it may give now (`why_not`, if nothing). `occupied`: what the host holds of it.
    `sure` is what it needs in distress, `wish` what it gets if there is as much (0: it is in no distress); `swaps`: it
    says so itself. `give` and `get` are what the plan takes and gives, and `why`; `halt`: it is to give no more of
    what it was asked for before.
    """

    guest: GuestMemory
    known: Remembered
    rank: int
    force: int
    band: int
    floor: int
    idle: int
    may: int
    why_not: MemoryBlocked | None
    occupied: int
    moving: bool
    sure: int = 0
    wish: int = 0
    swaps: bool = False
    give: int = 0
    get: int = 0
    why: MemoryWhy | None = None
    halt: bool = False

    @property
    def lack(self) -> int:
        """What hpm has taken from it and not given back."""
        return self.known.original - self.force

    @property
    def expected(self) -> int:
        """What the host will hold of it, once it has touched again what it got back."""
        return max(self.occupied, min(self.force, self.before))

    @property
    def before(self) -> int:
        known = self.known
        return known.original if known.before is None else known.before


def standing(guest: GuestMemory, used: int, old: Remembered | None, now: int) -> Standing:
    """Where a guest that may be changed stands, from its report and what is remembered of it (None: nothing)."""
    current, maximum = guest.current, guest.maximum
    band = dead_band(maximum)
    kept = reserve(used, maximum)
    resident = guest.resident
    occupied = current if resident is None or resident > current else resident
    if old is None or old.start != guest.start:
        old = Remembered(guest.start, current, current)
    moving = False
    if old.asked_ns:
        there = old.nearest == old.target and -band <= current - old.target <= band
        known = old if there else follow(old, current, band, now)
        if known.before is not None and occupied > known.before:
            known = msgspec.structs.replace(known, before=occupied)
        force = known.target
        moving = abs(current - force) > band and not known.stuck_ns
    else:
        # Nobody but others has changed it: that is what it had before hpm did.
        known = old if old.original == current else msgspec.structs.replace(old, original=current, target=current)
        force = current
    growth = 0.0 if moving or guest.blurred else grown(known, used, guest.told_ns)
    known = remember_use(known, used, guest.told_ns, growth, now)
    lately = max(known.peaks)
    floor = lately + reserve(lately, maximum)
    if floor < guest.minimum:
        floor = guest.minimum
    bottom = floor
    if known.needs > bottom and now < known.needs_ns:
        bottom = known.needs
    idle = current - bottom
    made = Standing(guest, known, RANK[guest.importance], force, band, floor, idle, 0, None, occupied, moving)
    if idle < IDLE_PART * band:
        made.why_not = "at-floor"
    elif moving or guest.told_ns <= known.asked_ns:
        made.why_not = "settling" if now - guest.told_ns < STALE * 1e9 else "no-report"
    elif now - guest.told_ns > STALE * 1e9:
        made.why_not = "no-report"
    elif known.stuck_ns:
        made.why_not = "no-gain"
    else:
        made.may = max(min(idle // IDLE_PART, maximum // GUEST_PART), band)
        if known.asked_ns and current - made.may >= known.target:
            made.may, made.why_not = 0, "no-gain"    # it was asked for that already, and gave a little less
    low = is_low(current, used - guest.blurred, maximum, growth if known.lean else 0.0)
    swaps = guest.swap_in >= SWAP_IN or guest.swap_out >= SWAP_OUT or guest.major_faults >= MAJOR_FAULTS
    if low or swaps:
        _want(made, used, kept, low, swaps)
    return made


def _want(made: Standing, used: int, kept: int, low: bool, swaps: bool) -> None:
    """What a guest needs that may be in distress."""
    guest, known = made.guest, made.known
    current = guest.current
    took = known.original > current or made.lack > 0
    made.swaps = swaps and guest.told_ns > known.asked_ns and (took or current - used < USABLE * current)
    if not (low or made.swaps):
        return
    sure = used + DISTRESS_RESERVES * kept + int(known.growth * SOON) if low else current
    wish = max(sure, known.original)
    if made.swaps:
        sure = max(sure, min(int((1.0 + STEP) * current), wish) if took else int((1.0 + STEP) * current))
        wish = max(sure, wish)
    made.sure, made.wish = min(sure, guest.maximum), min(wish, guest.maximum)
    made.may, made.why_not = 0, "at-floor"


def remember_use(known: Remembered, used: int, told_ns: int, growth: float, now: int) -> Remembered:
    """What a guest used by its newest report, and lately, in two spans of time."""
    peaks, span_ns = known.peaks, known.span_ns
    age = (now - span_ns) / 1e9
    if age >= SPAN:
        peaks, span_ns = (peaks[1] if age < 2 * SPAN else used, used), now
    elif used > peaks[1]:
        peaks = peaks[0], used
    elif (used, told_ns, growth) == (known.used, known.told_ns, known.growth):
        return known
    return msgspec.structs.replace(
        known, peaks=peaks, span_ns=span_ns, used=used, told_ns=told_ns, growth=growth)  # fmt: skip


def follow(old: Remembered, current: int, band: int, now: int) -> Remembered:
    """How far a guest has come on its way to what it was asked to have."""
    away = abs(current - old.target)
    if away <= band:
        return msgspec.structs.replace(old, nearest=old.target, nearest_ns=now, stuck_ns=0)
    if abs(old.nearest - old.target) - away >= band // 2:
        return msgspec.structs.replace(old, nearest=current, nearest_ns=now, stuck_ns=0)
    if not old.stuck_ns and now - old.nearest_ns > STUCK * 1e9:
        return msgspec.structs.replace(old, stuck_ns=now)
    return old


def asked(one: Standing, target: int, now: int) -> Remembered:
    """What is remembered of a guest that is now asked to have `target`."""
    known, current = one.known, one.guest.current
    first = target < current and (not known.asked_ns or known.target >= known.original)
    before = one.occupied if first else known.before
    if one.wish and target > current:
        before = max(one.before if known.asked_ns else one.occupied, min(target, one.sure))
    return msgspec.structs.replace(
        known, target=target, asked_ns=now, before=before, nearest=current, nearest_ns=now, stuck_ns=0)  # fmt: skip
