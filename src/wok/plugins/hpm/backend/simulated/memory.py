"""The memory of a simulated host: what its guests take of it, their balloons, and pages that are merged.

A guest needs a part of its memory for itself, fills most of the rest with its caches, and takes from the host what it
has touched. A balloon moves with a speed of its own; what it takes comes out of the caches first, then out of what the
guest needs, which it then swaps. (Not modelled: NUMA, huge pages, swap of the host, what QEMU keeps for itself but for
a constant.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from random import Random
from typing import Final

import msgspec

from ...engine.samples import KsmState
from ...memory.state import KsmSettings
from .loads import SECOND
from .server import Server

_MIB: Final = 1 << 20
_PAGE: Final = 4096
#: Seconds in which a guest's need of memory goes up and down once.
SWING: Final = 600.0
#: Bytes per second by which a balloon moves; seconds until a guest that boots anew has loaded its driver.
SPEED: Final = 400.0 * _MIB
BOOTING: Final = 15.0
#: Part of what is free in a guest that it fills with caches, of its memory that its own kernel keeps, and bytes that
#: QEMU takes for itself.
CACHED, KERNEL, QEMU = 0.6, 0.03, 60 * _MIB
#: Part of the host's memory that it needs for itself; of its guests' memory that has equals elsewhere.
HOST, EQUAL = 0.02, 0.06


class GuestState(msgspec.Struct):
    """One start of a server: what its balloon leaves it and is to leave it, what it swapped since its start, and when
    it has booted."""

    start: str
    current: float
    target: float
    swapped: float = 0.0
    faults: float = 0.0
    booted_ns: int = 0


class SimulatedMemory:
    """Not thread-safe: the machine's lock is held. `total` None: nobody described how much the host has.
    `now_ns` is as of when it stands so."""

    def __init__(self, total_mib: int | None, now_ns: int) -> None:
        self.total = None if total_mib is None else total_mib * _MIB
        self.ksm = KsmState(0, 100, 20, 1, general_profit=0)
        self._taken = 0.0
        self._scanned = 0.0
        self._guests: dict[str, GuestState] = {}
        self._natures: dict[str, tuple[float, float]] = {}
        self.now_ns = now_ns

    @property
    def available(self) -> int | None:
        """Bytes that nobody takes; None: not known."""
        if self.total is None:
            return None
        merged = self.ksm.pages_sharing * _PAGE
        return max(0, int(self.total * (1 - HOST) - self._taken + merged))

    def advance(self, now_ns: int, servers: Iterable[Server]) -> None:
        """Let time pass."""
        seconds = (now_ns - self.now_ns) / SECOND
        self.now_ns = now_ns
        taken = 0.0
        for server in servers:
            guest = self.guest(server)
            if guest is None:
                continue
            way = guest.target - guest.current if now_ns >= guest.booted_ns else 0.0
            guest.current += math.copysign(min(abs(way), SPEED * seconds), way)
            need, usable = self.need(server), guest.current * (1 - KERNEL)
            if need > usable:
                lacking = need - usable
                guest.swapped += min(lacking, 0.1 * need) * min(1.0, seconds)
                guest.faults += lacking / _MIB * min(1.0, seconds)
            taken += self.resident(server, guest)
        self._taken = taken
        self._merge(seconds)

    def guest(self, server: Server) -> GuestState | None:
        """What there is of this start of a server; None: it does not run."""
        if server.start is None:
            self._guests.pop(server.uuid, None)
            return None
        guest = self._guests.get(server.uuid)
        if guest is None or guest.start != server.start:
            whole = float(server.spec.memory_mib * _MIB)
            guest = self._guests[server.uuid] = GuestState(server.start, whole, whole)
        return guest

    def go_on(self, server: Server, memory: float) -> None:
        """It has just been started with what it had before, and its balloon leaves it so many bytes."""
        guest = self.guest(server)
        assert guest is not None
        guest.current = guest.target = memory

    def forget(self, uuid: str) -> None:
        """A server is not defined any more."""
        self._guests.pop(uuid, None)
        self._natures.pop(uuid, None)

    def need(self, server: Server) -> float:
        """Bytes that a guest needs for itself now."""
        if server.spec.memory_need_mib is not None:
            return server.spec.memory_need_mib * _MIB
        if server.uuid not in self._natures:
            random = Random(server.uuid)
            self._natures[server.uuid] = random.uniform(0.3, 0.75), random.random()
        share, phase = self._natures[server.uuid]
        swing = 0.08 * math.sin(2 * math.pi * (self.now_ns / SECOND / SWING + phase))
        return server.spec.memory_mib * _MIB * (share + swing)

    def caches(self, server: Server, guest: GuestState) -> float:
        """Bytes of a guest that its caches fill."""
        return max(0.0, guest.current * (1 - KERNEL) - self.need(server)) * CACHED

    def resident(self, server: Server, guest: GuestState) -> float:
        """Bytes that a guest takes of the host."""
        return min(self.need(server), guest.current) + self.caches(server, guest) + QEMU

    def set_balloon(self, server: Server, memory_bytes: int, *, at_once: bool = False) -> None:
        """Move a balloon; never beyond what the server is defined with."""
        guest = self.guest(server)
        if guest is None or not server.spec.balloon:
            return
        guest.target = float(min(memory_bytes, server.spec.memory_mib * _MIB))
        if at_once:
            guest.current = guest.target

    def reboot(self, server: Server) -> None:
        """Have a guest boot anew: it has all its memory until its driver fills the balloon as it was."""
        guest = self.guest(server)
        if guest is not None:
            guest.current = float(server.spec.memory_mib * _MIB)
            guest.booted_ns = self.now_ns + int(BOOTING * SECOND)

    def plug(self, server: Server, memory_bytes: int) -> None:
        """What a guest got beside its balloon, just now; less than 0: it has lost that."""
        guest = self.guest(server)
        if guest is not None:
            guest.current += memory_bytes
            guest.target += memory_bytes

    def set_ksm(self, wanted: KsmSettings) -> None:
        """Set merging; 2 and another way of merging undo what was merged."""
        if wanted.run == 2 or wanted.merge_across_nodes != self.ksm.merge_across_nodes:
            self._scanned = 0.0
        left = wanted.pages_to_scan is None or self.ksm.advised
        self.ksm = msgspec.structs.replace(
            self.ksm, run=wanted.run, pages_to_scan=self.ksm.pages_to_scan if left else wanted.pages_to_scan,
            sleep_millisecs=wanted.sleep_millisecs, merge_across_nodes=wanted.merge_across_nodes,
        )  # fmt: skip
        self._merge(0.0)

    def _merge(self, seconds: float) -> None:
        ksm, pages = self.ksm, max(1.0, self._taken / _PAGE)
        if ksm.run == 1:
            self._scanned += ksm.pages_to_scan * seconds * 1000 / max(1, ksm.sleep_millisecs)
        # a page is merged when it is seen for the second time
        merged = int(EQUAL * pages * min(1.0, self._scanned / (2 * pages)))
        self.ksm = msgspec.structs.replace(
            ksm, pages_shared=merged // 8, pages_sharing=merged, pages_unshared=int(min(pages, self._scanned)) - merged,
            full_scans=int(self._scanned / pages), general_profit=merged * _PAGE - int(min(pages, self._scanned)) * 64,
        )  # fmt: skip
