"""The simulated host, looked at without asking it: a question would change what hpm is answered next."""

from __future__ import annotations

from hpm.backend.simulated import ServerSpec
from hpm.engine.accounting import Accounted, account
from hpm.engine.samples import HostSample
from tests.weeks.host import WeeksHost

from .form import Guest
from .outcome import InForce
from .words import loads

PERIOD_US = 100000


class WatchedHost(WeeksHost):
    """A simulated host that keeps account of every sample that was taken from it."""

    accounted: Accounted | None = None

    def observe(self) -> HostSample:
        """Counters as of now; see `WeeksHost`."""
        sample = super().observe()
        self.accounted = account(self.accounted, sample)
        return sample

    def in_force(self) -> dict[str, InForce]:
        """Shares and quota of all guests that have a process, by name."""
        found: dict[str, InForce] = {}
        for server in self._servers.values():
            group = server.group
            if group is not None:
                quota = None if group.quota is None else group.quota / group.period
                found[server.spec.name] = InForce(group.shares, quota, " ".join(pin or "any" for pin in server.pins))
        return found

    def specs(self) -> dict[str, ServerSpec]:
        """All guests as they are defined now, by name."""
        return {server.spec.name: server.spec for server in self._servers.values()}

    def statuses(self) -> dict[str, str]:
        """Status of all guests by name: running, paused, shut-off, crashed."""
        return {server.spec.name: server.status for server in self._servers.values()}


def spec_of(name: str, guest: Guest) -> ServerSpec:
    """A guest as the simulated host wants it described. Raises `ValueError`."""
    return ServerSpec(
        name=name, vcpus=guest.vcpus, load=loads(guest.load), shares=guest.shares, status=guest.status,
        parent=guest.parent, constraint=guest.constraint, memory_node=guest.memory_node,
        pinned=guest.pinned if isinstance(guest.pinned, str) else tuple(guest.pinned),
        quota_us=None if guest.quota is None else round(guest.quota * PERIOD_US),
    )  # fmt: skip
