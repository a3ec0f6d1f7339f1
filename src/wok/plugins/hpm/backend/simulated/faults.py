"""Faults that tests can let a simulated host have."""

from __future__ import annotations

import time
from collections.abc import Callable

from ...errors import HypervisorError, HypervisorUnreachable, ServerBusy
from ..rivals import Rival


class Faults:
    """What goes wrong now. Everything may be set at any time.

    `unreachable_until`: before this virtual time (ns) every call fails. `problem`: stands in the samples.
    `refusing`: UUIDs of servers whose settings cannot be changed. `vanishing`: UUIDs of servers that end
    right before the next setting meant for them. `slow_s`: how long every call takes, by `sleep`. `hanging`: UUIDs of
    servers whose QEMU does not answer libvirt, so that what it would tell stays as it was. `migrating`: UUIDs of
    servers that are on their way to another host. `rivals`: other managers of memory; `units`: the services that
    there are, and whether each one starts with the host; `stuck_units`: those that cannot be stopped or started;
    `no_units`: why none can. `unready`: why servers say that they are not ready, by UUID. `deaf`: UUIDs of servers
    that do not shut down when they are asked to. `broken`: why servers do not start, by UUID. `stale`: servers of which
    the host says that it does not know how they are now, and since when (unix time in seconds).
    """

    def __init__(self) -> None:
        self.unreachable_until = 0
        self.problem: str | None = None
        self.refusing: set[str] = set()
        self.vanishing: set[str] = set()
        self.slow_s = 0.0
        self.hanging: set[str] = set()
        self.migrating: set[str] = set()
        self.rivals: list[Rival] = []
        self.units: dict[str, bool] = {}
        self.stuck_units: set[str] = set()
        self.no_units: str | None = None
        self.unready: dict[str, str] = {}
        self.deaf: set[str] = set()
        self.broken: dict[str, str] = {}
        self.stale: dict[str, float] = {}
        self.sleep: Callable[[float], None] = time.sleep

    def delay(self) -> None:
        """Be slow."""
        if self.slow_s > 0:
            self.sleep(self.slow_s)

    def check_reachable(self, now: int) -> None:
        """Raise `HypervisorUnreachable` if nobody answers at this time."""
        if now < self.unreachable_until:
            raise HypervisorUnreachable("the simulated hypervisor does not answer (a fault set by a test)")

    def check_accepts(self, uuid: str, name: str) -> None:
        """Raise `HypervisorError` if settings of this server are refused."""
        if uuid in self.refusing:
            raise HypervisorError(f"the simulated host refused to change {name} (a fault set by a test)")

    def check_unit(self, unit: str) -> None:
        """Raise `HypervisorError` if this service cannot be stopped or started."""
        if unit in self.stuck_units or unit not in self.units:
            raise HypervisorError(f"the simulated {unit} cannot be stopped or started (a fault set by a test)")

    def check_idle(self, uuid: str) -> None:
        """Raise `ServerBusy` while this server migrates."""
        if uuid in self.migrating:
            raise ServerBusy(f"the simulated server {uuid} is being migrated (a fault set by a test)")
