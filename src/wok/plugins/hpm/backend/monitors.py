"""Asking the monitors of many QEMUs through libvirt, of which any may hang.

libvirt's bulk statistics ask one guest after another, and hang at the first one that does not answer (a stopped QEMU,
for example). Found on libvirt 9.0: with the flag ``NOWAIT``, a second call comes back at once. It tells of the guest
at which the first one hangs only what libvirt knows by itself, because the first one holds that guest's job. So a call
that takes too long is given up and made again, and that tells who does not answer; all others are as fresh as ever.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias

import libvirt

from ..errors import HypervisorUnreachable
from .libvirt_connection import Connection
from .patience import Patience

log = logging.getLogger(__name__)

Statistics: TypeAlias = "dict[str, Any]"

#: Calls that may hang at once.
MOST_HANGING: Final = 4
#: Seconds that a call for one portion may take: hundreds of times the usual, also where a QEMU is short of CPU.
TIMEOUT: Final = 2.0
#: In the statistics of every guest whose job was to be had. (Always asked for: it costs next to nothing.)
_PROOF: Final = "balloon.rss"


class Monitors:
    """Bulk statistics of guests, without those that do not answer. Any thread may ask; they take turns.

    `connection` is for this alone: a call that hangs occupies it. `heard(uuid, answers)` is told of each guest that was
    asked whether it answered, as often as it is.
    """

    def __init__(
        self, connection: Connection, clock: Callable[[], int], heard: Callable[[str, bool], None]
    ) -> None:
        self.patience = Patience(clock, MOST_HANGING)
        self._connection = connection
        self._heard = heard
        self._turn = threading.Lock()
        self._domains: dict[str, Any] = {}
        self._full = False

    def ask(self, uuids: Sequence[str], kinds: int) -> dict[str, Statistics]:
        """Statistics of those `kinds` by UUID, of guests that answer now.

        Raises `HypervisorUnreachable` if libvirt itself does not answer.
        """
        with self._turn:
            return self._ask(uuids, kinds)

    def _ask(self, uuids: Sequence[str], kinds: int) -> dict[str, Statistics]:
        if self._connection.ensure():
            self._domains.clear()
        wanted = [uuid for uuid in uuids if self.patience.may_ask(uuid)]
        given_up = None
        while wanted:
            attempt = self.patience.attempt()
            if attempt is None:
                self._say(full=True)
                return {}
            try:
                found = self._connection.call(
                    lambda conn, attempt=attempt: attempt.run(lambda: self._statistics(conn, wanted, kinds)),  # type: ignore[misc]
                    "reading statistics", TIMEOUT,
                )  # fmt: skip
            except HypervisorUnreachable:
                if not attempt.hangs or not self._connection.alive:
                    raise
                self.patience.gave_up(attempt)
                given_up = attempt
                continue
            self._say(full=False)
            answers = {uuid: statistics for uuid, statistics in found.items() if _PROOF in statistics}
            self.patience.answered(answers)
            for uuid in answers:
                self._heard(uuid, True)
            if given_up is not None:
                for uuid in found.keys() - answers.keys():
                    self.patience.silent(uuid, given_up)
                    self._heard(uuid, False)
            return answers
        return {}

    def connect(self) -> None:
        """Connect if that is needed: events come by this connection, too. Raises `HypervisorUnreachable`."""
        with self._turn:
            if self._connection.ensure():
                self._domains.clear()

    def keep(self, uuids: Iterable[str]) -> None:
        """Forget all others: they have ended."""
        kept = set(uuids)
        self.patience.keep(kept)
        self._domains = {uuid: domain for uuid, domain in self._domains.items() if uuid in kept}

    def _statistics(self, conn: Any, uuids: Sequence[str], kinds: int) -> dict[str, Statistics]:
        domains = []
        for uuid in uuids:
            domain = self._domains.get(uuid)
            if domain is None:
                try:
                    domain = self._domains[uuid] = conn.lookupByUUIDString(uuid)
                except libvirt.libvirtError as error:
                    if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                        raise
                    continue    # it ended just now; the inventory will say so
            domains.append(domain)
        if not domains:
            return {}    # libvirt takes no list for all domains
        flags = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
        told = conn.domainListGetStats(domains, kinds | libvirt.VIR_DOMAIN_STATS_BALLOON, flags)
        return {domain.UUIDString(): statistics for domain, statistics in told}

    def _say(self, full: bool) -> None:
        if full and not self._full:
            log.warning("%d calls to guests' QEMU hang; no guest is asked before one of them returns", MOST_HANGING)
        self._full = full
