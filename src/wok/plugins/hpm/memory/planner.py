"""The planner of memory: what guests give up, what they get, and why not. docs/memory.md tells the whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from ..policy.goals import IMPORTANCES
from .plan import (
    HostMind,
    MemoryBlocked,
    MemoryChange,
    MemoryMemory,
    MemoryPlan,
    MemoryWhy,
    Remembered,
)
from .pressure import judge, lacking, watermarks
from .standing import DEAD_BAND_LEAST, IDLE_PART, Standing, asked, standing
from .state import MemoryView

#: At most this is taken from all guests together: part of the host's memory a second, and in one interval. A balloon
#: takes a host some 1 to 4 GiB a second, and guests need a while to drop their caches.
TAKEN_PER_SECOND, TAKEN_AT_MOST = 0.01, 0.1
#: The same for what they get back after pressure: there is no hurry, and what it does must be seen in time.
GIVEN_PER_SECOND, GIVEN_AT_MOST = 0.005, 0.05
#: Part of what is available that may be promised to guests in distress before others have given it.
AHEAD = 0.5
#: Seconds for which nobody takes again what a guest got because it had hardly any left; and because it swapped, at
#: first and at most.
KEPT, KEPT_SWAPPED, KEPT_MOST = 30.0, 600.0, 7200.0
LAST: Final = len(IMPORTANCES) - 1
#: The levels that are less important than each, the least important one first.
_BELOW: Final = tuple(tuple(range(LAST, rank, -1)) for rank in range(LAST + 1))


def plan(view: MemoryView, remembered: MemoryMemory) -> MemoryPlan:
    """What to change at the moment of this view. Raises nothing, whatever was measured."""
    return _Planning(view, remembered).made()


class _Planning:
    """The guests of a host while a plan is made for them."""

    def __init__(self, view: MemoryView, remembered: MemoryMemory) -> None:
        self.view = view
        self.now: Final = view.time_ns
        self.host: Final = view.host
        self.marks: Final = watermarks(view.host.total)
        self.mind: HostMind = judge(view.host, self.marks, remembered.host, self.now)
        self.blocked: dict[str, MemoryBlocked] = {}
        self.guests: dict[str, Remembered] = {}
        self.levels: list[list[Standing]] = [[] for _ in IMPORTANCES]
        self.donors: dict[int, list[Standing]] = {}
        self._look(remembered)
        seconds = max(view.seconds, 0.0)
        self.limit: Final = int(min(TAKEN_PER_SECOND * seconds, TAKEN_AT_MOST) * self.host.total)
        self.back: Final = int(min(GIVEN_PER_SECOND * seconds, GIVEN_AT_MOST) * self.host.total)
        self.taken = 0
        self.given = 0
        self.owed = 0
        self.needed = 0
        self.full = False    # no more is taken in this interval, from nobody

    def _look(self, remembered: MemoryMemory) -> None:
        """Sort the guests: by importance, and what is on its way. Those that are held keep what is known of them, but
        for those that others have taken over: when they come back, what they have is theirs."""
        known, guests, levels, now = remembered.guests, self.guests, self.levels, self.now
        self.floors: dict[str, int] = {}
        self.arriving = self.promised = 0
        self.poor: list[Standing] = []    # in distress
        self.lean: list[Standing] = []    # less than they had
        self.held: list[tuple[str, MemoryBlocked]] = []
        for uuid, guest in self.view.guests.items():
            old = known.get(uuid)
            if guest.held is not None or guest.used is None:
                self.held.append((uuid, guest.held or "no-report"))
                kept = guest.held not in ("changed-by-administrator", "excluded", "no-policy")
                if old is not None and old.start == guest.start and kept:
                    guests[uuid] = old
                continue
            one = standing(guest, guest.used, old, now)
            guests[uuid] = one.known
            self.floors[uuid] = one.floor
            levels[one.rank].append(one)
            if one.wish:
                self._stop(one)
            if one.known.asked_ns:
                if one.force < one.known.original:
                    self.lean.append(one)
                if one.moving:
                    self.arriving += max(0, one.occupied - one.force)
                self.promised += one.expected - one.occupied

    def _stop(self, one: Standing) -> None:
        """Take no more from a guest in distress, also if it is still giving what it was asked for."""
        self.poor.append(one)
        if one.force < one.guest.current:
            one.halt, one.force, one.moving = one.force < one.guest.current - one.band, one.guest.current, False

    def made(self) -> MemoryPlan:
        """The plan: distress first, then the host, then what is owed."""
        self._help()
        self.mind = msgspec.structs.replace(self.mind, owed=self.owed)
        self._relieve()
        self._give_back()
        moved = [one for level in self.levels for one in level if one.give or one.get or one.halt]
        givers = [one for one in reversed(moved) if one.give]
        changes = [self._change(one) for one in (*givers, *(one for one in moved if not one.give))]
        memory = MemoryMemory(self.guests, self.mind)
        return MemoryPlan(
            self.mind.state, tuple(changes), self.blocked, self.needed, self.taken, self.limit, self.marks,
            self.floors, tuple(one.guest.uuid for one in self.poor), memory,
        )  # fmt: skip

    # -- guests in distress

    def _help(self) -> None:
        """Help those in distress: from what the host can spare; then, and before it has arrived, from what guests give
        that are less important, or equal and idle."""
        wanting = [one for one in self.poor if one.sure > one.force]
        wanting.sort(key=lambda one: (one.rank, one.force - one.sure))
        for one in self.poor:
            if one.guest.current >= one.guest.maximum:
                self.blocked[one.guest.uuid] = "at-maximum"
        if not wanting:
            return
        spare = self.host.available - self.promised
        owed = min(self.mind.owed, spare)
        self._spend(wanting, max(spare - self.marks.critical, owed), sure=True)
        beyond = spare - self.marks.begin if self.mind.state == "relaxed" else 0
        self._spend(wanting, max(beyond, owed) - self.given, sure=False)
        self._collect(wanting)

    def _collect(self, wanting: Sequence[Standing]) -> None:
        """Take what those in distress still lack from less important guests; of what they cannot do without, also from
        equals. A part is promised before it has arrived, the rest is owed."""
        coming, ahead = self.arriving, int(AHEAD * max(self.host.available, 0))
        for one in wanting:
            has = one.force + one.get
            for ranks, want in ((_BELOW[one.rank], one.wish), ((one.rank,), one.sure)):
                unmet = want - has
                if coming > 0 and unmet > 0:
                    arrives = min(unmet, coming)
                    coming -= arrives
                    unmet -= arrives
                    has += arrives
                if unmet >= one.band:
                    self.needed += unmet
                    got = 0 if self.full else min(self._take(ranks, unmet, "for-distress"), unmet)
                    if got:
                        ahead -= self._grant(one, min(got, ahead))
                        has += got
            self.owed += has - one.force - one.get
            if one.force + one.get < one.sure - one.band:
                self.blocked[one.guest.uuid] = "settling" if has >= one.sure - one.band else "host-pressure"

    def _spend(self, wanting: Sequence[Standing], room: int, *, sure: bool) -> None:
        """Give those in distress what they need, or what they wish, of so many bytes."""
        for one in wanting:
            if room < DEAD_BAND_LEAST:
                return
            amount = min((one.sure if sure else one.wish) - one.force - one.get, room)
            room -= self._grant(one, amount)

    def _grant(self, one: Standing, amount: int) -> int:
        """Give a guest in distress so many bytes, unless it is too little to matter."""
        if amount <= 0 or one.get + amount < min(one.band, one.sure - one.force):
            return 0
        one.get += amount
        one.why = "distress"
        self.given += amount
        return amount

    # -- taking

    def _take(self, ranks: Iterable[int], amount: int, why: MemoryWhy) -> int:
        """Take so many bytes from these levels, one after another, in each from those first that have most to give;
        what was taken."""
        rest = amount
        for rank in ranks:
            donors = self._donors(rank)
            while donors and rest > 0 and not self.full:
                one = donors[-1]
                part = min(max(rest, one.band), one.may - one.give, self.limit - self.taken)
                if one.give + part < one.band or part <= 0:
                    self.full = True
                    break
                if _in_vain(one, one.give + part):
                    one.why_not = "no-gain"
                    donors.pop()
                    continue
                one.give += part
                one.why = one.why or why
                self.taken += part
                rest -= part
                if one.give == one.may:
                    donors.pop()
        return amount - rest

    def _donors(self, rank: int) -> list[Standing]:
        """Those of a level that may give now; the one with most to give comes last. (Sorted once, as there may be
        thousands in distress who ask.)"""
        donors = self.donors.get(rank)
        if donors is None:
            donors = self.donors[rank] = sorted((one for one in self.levels[rank] if one.may), key=_idle)
        return donors

    def _relieve(self) -> None:
        """Take what the host lacks. While it is not critical, guests wait for those that are less important and have
        not given all that they can."""
        if self.mind.state == "relaxed":
            return
        coming = self.arriving + self.taken - self.given - self.promised
        lack = lacking(self.host, self.marks, self.mind) - coming
        if lack <= 0:
            return
        self.needed += lack
        for rank in range(LAST, -1, -1):
            level = self.levels[rank]
            lack -= self._take((rank,), lack, "host-pressure")
            if lack > 0:
                self._tell_why_not(level)
            if lack <= 0 or (self.mind.state == "pressure" and any(_gives_later(one) for one in level)):
                break
        if lack > 0:
            for uuid, why in self.held:
                self.blocked.setdefault(uuid, why)

    def _tell_why_not(self, level: Sequence[Standing]) -> None:
        for one in level:
            if not one.give and not one.get:
                self.blocked.setdefault(one.guest.uuid, one.why_not or "rate-limit")

    # -- giving back

    def _give_back(self) -> None:
        """Give back what was taken, the most important guests first, but nothing that would bring pressure back."""
        lean = [one for one in self.lean if not one.get and not one.give and not one.wish]
        if self.mind.state != "relaxed" or not lean:
            return
        lean.sort(key=lambda one: (one.rank, -one.lack))
        calm = self.now - self.mind.calm_ns >= self.mind.patience * 1e9
        quiet = calm and not self.mind.waits
        room = self.host.available - self.promised - self.given - max(self.marks.aim, self.mind.bar)
        budget = self.back
        for one in lean:
            if one.moving or not quiet:
                self.blocked.setdefault(one.guest.uuid, "settling")
                continue
            if one.force < one.guest.current - one.band:    # its driver never gave that much
                one.halt, one.why, one.force = True, "pressure-over", one.guest.current
            amount = max(0, min(one.lack, budget))
            costs = max(0, one.before - one.force)    # what it has touched before, it will touch again
            if min(amount, costs) > room:
                amount = max(0, room)
            if amount < min(one.lack, one.band):
                self.blocked.setdefault(one.guest.uuid, "rate-limit" if budget < one.band else "host-pressure")
                continue
            one.get, one.why = amount, "pressure-over"
            budget -= amount
            room -= min(amount, costs)
            self.mind = msgspec.structs.replace(self.mind, given_ns=self.now)

    # -- the result

    def _change(self, one: Standing) -> MemoryChange:
        """The change of one guest, remembered."""
        why: MemoryWhy = one.why or "distress"
        guest = one.guest
        target = guest.current - one.give if one.give else min(one.force + one.get, guest.maximum)
        known = asked(one, target, self.now)
        if why == "distress":
            known = _keep(known, target, self.now, swapped=one.swaps)
        self.guests[guest.uuid] = known
        return MemoryChange(guest.uuid, guest.current, target, why)


def _idle(one: Standing) -> int:
    return one.idle


def _in_vain(one: Standing, give: int) -> bool:
    """Whether it was asked for so much already, and gave a little less: that is all that it gives."""
    return one.known.asked_ns > 0 and one.guest.current - give >= one.known.target


def _gives_later(one: Standing) -> bool:
    """Whether it has more to give, and will soon: it is on its way, or has given as much as it may now."""
    if one.why_not == "settling":
        return one.idle >= IDLE_PART * one.band
    return one.why_not is None and one.idle - one.give >= IDLE_PART * one.band


def _keep(known: Remembered, target: int, now: int, *, swapped: bool) -> Remembered:
    """Remember that nobody takes for a while what a guest got in distress."""
    if not swapped:
        return msgspec.structs.replace(known, needs=target, needs_ns=max(known.needs_ns, now + int(KEPT * 1e9)))
    soon = known.needs_seconds and now - known.needs_ns < 2e9 * known.needs_seconds
    seconds = min(2.0 * known.needs_seconds, KEPT_MOST) if soon else KEPT_SWAPPED
    return msgspec.structs.replace(known, needs=target, needs_ns=now + int(seconds * 1e9), needs_seconds=seconds)
