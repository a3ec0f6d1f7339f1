"""What agents in the guests know: users, file systems, addresses. And what DHCP leases know where there is no agent.

An agent may answer late or never. A call that takes too long is given up, and its guest is left in peace; see
`patience`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

import libvirt

from ..errors import HypervisorError, HypervisorUnreachable
from .agent_answers import AgentAnswer, filesystems, interfaces, reachable, users
from .libvirt_connection import Connection
from .pacing import Background
from .patience import Patience
from .section_book import Heard, SectionBook
from .turns import Turns

log = logging.getLogger(__name__)

#: Seconds between two questions to an agent: who is logged in may be as old as this.
PERIOD: Final = 60.0
#: Seconds that an agent may take. A guest that is short of CPU takes its time.
TIMEOUT: Final = 5.0
#: Calls to agents that may hang at once.
MOST_HANGING: Final = 3
#: A call's time counts as CPU time up to so much (s). Most of it is the guest's.
MOST_COST: Final = 0.003

#: An agent that does not know a question says so with one of these.
_UNKNOWN: Final = {
    libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED, libvirt.VIR_ERR_OPERATION_UNSUPPORTED, libvirt.VIR_ERR_NO_SUPPORT,
    libvirt.VIR_ERR_INTERNAL_ERROR,
}  # fmt: skip


class Agents:
    """Asks agents in the background, and says in the `book` what it learns. `wall` gives unix time.

    `silent()` are guests whose QEMU does not answer: their agents are not asked at all.
    """

    def __init__(
        self, uri: str, book: SectionBook, active: Callable[[], Mapping[str, object]],
        silent: Callable[[], Mapping[str, int]], clock: Callable[[], int], wall: Callable[[], float],
    ) -> None:  # fmt: skip
        self._connection = Connection(uri, lambda _uuid: None, (), "libvirt-agents")
        self._patience = Patience(clock, MOST_HANGING)
        self._book = book
        self._active = active
        self._silent = silent
        self._clock = clock
        self._wall = wall
        self._turns = Turns()
        self._agents: set[str] = set()
        self.background = Background("libvirt-agents", PERIOD, self._sample, clock)

    def close(self) -> None:
        """End asking."""
        self.background.close()
        self._connection.close()

    def _sample(self) -> Iterator[float]:
        active = self._active()
        self._patience.keep(active)
        self._connection.ensure()
        yield from self._look_for_leases(active)
        self._agents &= active.keys()
        for uuid, run in active.items():
            heard = self._book.heard(uuid)
            if heard is None or heard.run != run:
                continue
            if heard.xml.has_agent and uuid not in self._agents:
                self._turns.again(uuid)    # one that has just come is asked at once
                self._agents.add(uuid)
            elif not heard.xml.has_agent:
                self._agents.discard(uuid)
                if heard.agent is not None:
                    self._book.hear(uuid, run, agent=None, agent_sampled=None)
        for uuid in self._turns.due(active, self._clock(), self.background.period):
            if uuid in self._agents and uuid not in self._silent() and self._patience.may_ask(uuid):
                before = self._clock()
                self._ask(uuid, active[uuid])
                now = self._clock()
                self._turns.asked(uuid, active[uuid], now)
                yield min((now - before) / 1e9, MOST_COST)

    def _ask(self, uuid: str, run: object) -> None:
        attempt = self._patience.attempt()
        if attempt is None:
            return
        try:
            answer = self._connection.call(
                lambda conn: attempt.run(lambda: _questions(conn.lookupByUUIDString(uuid))), "asking an agent", TIMEOUT
            )
        except HypervisorUnreachable:
            if not attempt.hangs or not self._connection.alive:
                raise
            self._patience.gave_up(attempt)
            self._patience.silent(uuid, attempt)
        except (HypervisorError, ValueError) as error:    # it does not answer, has ended, or speaks no UTF-8
            log.debug("the agent of %s: %s", uuid, error)
        else:
            self._patience.answered([uuid])
            self._book.hear(uuid, run, agent=answer, agent_sampled=self._wall())

    def _look_for_leases(self, active: Mapping[str, object]) -> Iterator[float]:
        before = self._clock()
        try:
            leases = self._connection.call(_leases, "reading DHCP leases", TIMEOUT)
        except HypervisorError as error:    # libvirt without its driver of networks
            log.debug("%s", error)
            leases = {}
        yield min((self._clock() - before) / 1e9, MOST_COST)
        for uuid, run in active.items():
            heard = self._book.heard(uuid)
            if heard is not None and (found := _leased(heard, leases)) != heard.leases:
                self._book.hear(uuid, run, leases=found)


def _leased(heard: Heard, leases: Mapping[str, list[str]]) -> tuple[str, ...] | None:
    found = [address for mac in heard.xml.macs for address in leases.get(mac.lower(), ())]
    return reachable(found) if found else None


def _leases(conn: Any) -> dict[str, list[str]]:
    """Addresses that networks of libvirt have leased, by hardware address."""
    found: dict[str, list[str]] = {}
    for network in conn.listAllNetworks(libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE):
        for lease in network.DHCPLeases():
            if lease.get("mac") and lease.get("ipaddr"):
                found.setdefault(str(lease["mac"]).lower(), []).append(str(lease["ipaddr"]))
    return found


def _questions(domain: Any) -> AgentAnswer:
    def ask(kind: int) -> Any:
        try:
            return domain.guestInfo(kind)
        except libvirt.libvirtError as error:
            if error.get_error_code() not in _UNKNOWN:
                raise
            return None

    people = ask(libvirt.VIR_DOMAIN_GUEST_INFO_USERS)
    systems = ask(libvirt.VIR_DOMAIN_GUEST_INFO_FILESYSTEM)
    devices = None
    with suppress(AttributeError):    # libvirt before 7.10 knows them by another call alone
        devices = ask(libvirt.VIR_DOMAIN_GUEST_INFO_INTERFACES)
    return AgentAnswer(
        None if people is None else users(people),
        None if systems is None else filesystems(systems),
        None if devices is None else interfaces(devices),
    )
