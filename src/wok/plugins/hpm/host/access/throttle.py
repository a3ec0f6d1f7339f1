"""How often somebody may be wrong.

Wrong passwords (and tokens, which have no user) are counted by the client's address and by the user, never by
anything that the client could leave out, such as a cookie. One is forgiven every `FORGIVEN` seconds.

- An *address* may be wrong `FREE` times. Then it is blocked, also with the right password: for a minute, and for
  twice as long each time it is wrong again, at most an hour. In the long run that is one try in ten minutes. Being
  right does not clear the count, or who has one account could try those of others for ever.
- A *user* under attack from many addresses is slowed: after `FREE` wrong tries, the next one is looked at a second
  later, then two, at most half a minute. It never becomes a block that outlasts the attack. And it does not
  hold for addresses from which that user has logged in before, so an attacker elsewhere cannot shut users out from
  their own desks.

An IPv6 address counts as its /64 network, which is what one client has; all loopback addresses count as one, because
every local user has them all. What is remembered is bounded; the entry that
was longest quiet goes first.
"""

from __future__ import annotations

import ipaddress
import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from ...control.caller import Throttled
from ...wire.access import LONGEST_USER

#: Wrong tries that cost nothing: people mistype, and several may come from one address.
FREE = 10
#: Seconds in which one wrong try is forgiven.
FORGIVEN = 600.0
#: Seconds of the first and of the longest block of an address.
FIRST_BLOCK, LONGEST_BLOCK = 60.0, 3600.0
#: Seconds between tries for one user, at first and at most.
FIRST_DELAY, LONGEST_DELAY = 1.0, 30.0
#: Addresses, users, and pairs of both that are remembered, each.
REMEMBERED = 4096
#: What 127.0.0.0/8 and ::1 are counted as.
LOOPBACK = "loopback"


@dataclass
class _Count:
    wrong: float = 0.0
    at: float = 0.0
    until: float = 0.0


class _Counts:
    """Counts by key; the least recently wrong goes first when there are too many."""

    def __init__(self, first: float, longest: float) -> None:
        self._first = first
        self._longest = longest
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def wait(self, key: str, now: float) -> float:
        """Seconds until the next try is looked at."""
        count = self._counts.get(key)
        return 0.0 if count is None else max(0.0, count.until - now)

    def wrong(self, key: str, now: float) -> None:
        """One more wrong try."""
        count = self._counts.pop(key, None) or _Count(at=now)
        count.wrong = max(0.0, count.wrong - (now - count.at) / FORGIVEN) + 1.0
        count.at = now
        over = round(count.wrong) - FREE    # rounded: a little of one is forgiven between any two
        if over >= 0:
            count.until = now + min(self._first * 2.0 ** min(over, 64), self._longest)
        self._counts[key] = count
        if len(self._counts) > REMEMBERED:
            self._counts.popitem(last=False)


class Throttle:
    """Counts wrong tries. `clock` gives monotonic seconds. Any thread may ask."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._addresses = _Counts(FIRST_BLOCK, LONGEST_BLOCK)
        self._users = _Counts(FIRST_DELAY, LONGEST_DELAY)
        self._at_home: OrderedDict[tuple[str, str], None] = OrderedDict()

    def check(self, address: str, user: str | None = None) -> None:
        """Raises `Throttled` if no try from this address, or for this user, is looked at now."""
        place = network(address)
        with self._lock:
            now = self._clock()
            by_address = self._addresses.wait(place, now)
            by_user = 0.0
            if user is not None and (_key(user), place) not in self._at_home:
                by_user = self._users.wait(_key(user), now)
        if by_address > 0.0:
            raise Throttled("too many wrong passwords or tokens came from your address", math.ceil(by_address))
        if by_user > 0.0:
            raise Throttled("too many wrong passwords were tried for this user; try again soon", math.ceil(by_user))

    def wrong(self, address: str, user: str | None = None) -> None:
        """A password or token from this address was wrong."""
        with self._lock:
            now = self._clock()
            self._addresses.wrong(network(address), now)
            if user is not None:
                self._users.wrong(_key(user), now)

    def right(self, address: str, user: str) -> None:
        """A password was right: the user is at home there."""
        with self._lock:
            pair = (_key(user), network(address))
            self._at_home.pop(pair, None)
            self._at_home[pair] = None
            if len(self._at_home) > REMEMBERED:
                self._at_home.popitem(last=False)


def network(address: str) -> str:
    """What an address is counted as: itself, or its /64 network if it is of IPv6; `LOOPBACK` for this host."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if found.is_loopback:
        return LOOPBACK
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found)


def _key(user: str) -> str:
    """Nobody has a longer name, and who tries one must not have us remember all of it."""
    return user[: LONGEST_USER + 1].casefold()
