"""How much one client may have at once, and all together.

A *client* is an IPv4 address, or an IPv6 network of 64 bits, because whoever has one of its addresses has them all.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


def plain_address(address: str) -> str:
    """An address as people write it: without the scope, and IPv4 as such where it comes mapped into IPv6."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def client_of(address: str) -> str:
    """The client to whom a plain address is counted."""
    found = ipaddress.ip_address(address)
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else address


class Share:
    """So many of something for each client, and so many for all."""

    def __init__(self, each: int, total: int) -> None:
        self._each = each
        self._total = total
        self._taken: Counter[str] = Counter()
        self._sum = 0

    def take(self, client: str, amount: int = 1) -> bool:
        """Take some, if they are left."""
        if self._sum + amount > self._total or self._taken[client] + amount > self._each:
            return False
        self._taken[client] += amount
        self._sum += amount
        return True

    @property
    def full(self) -> bool:
        """Whether nothing is left for anybody."""
        return self._sum >= self._total

    def greediest(self, than: str) -> str | None:
        """Who has the most, if that is more than `than` would have with one more."""
        client, amount = self._taken.most_common(1)[0] if self._taken else ("", 0)
        return client if amount > self._taken[than] + 1 else None

    def give(self, client: str, amount: int = 1) -> None:
        """Give some back."""
        self._sum -= amount
        self._taken[client] -= amount
        if self._taken[client] <= 0:
            del self._taken[client]


class Turns:
    """Requests that the manager may have at once; the others wait in line, each client in its own."""

    def __init__(self, each: int, total: int) -> None:
        self._each = each
        self._all = asyncio.Semaphore(total)
        self._lines: dict[str, asyncio.Semaphore] = {}
        self._users: Counter[str] = Counter()

    @asynccontextmanager
    async def of(self, client: str) -> AsyncIterator[None]:
        """A turn of a client's, for as long as the block."""
        line = self._lines.setdefault(client, asyncio.Semaphore(self._each))
        self._users[client] += 1
        try:
            async with line, self._all:
                yield
        finally:
            self._users[client] -= 1
            if not self._users[client]:
                del self._users[client], self._lines[client]
