"""How each server stands: what the catalog says of it, why it is not managed, and what shares it had before."""

from __future__ import annotations

from collections.abc import Mapping

from ..engine.metrics.roster import Roster
from ..engine.samples import HostSample, ServerInfo
from ..policy.assignment import Assignment, assign
from ..policy.catalog import Catalog
from .actuator import Actuator
from .controls import identical
from .eligibility import held_reason
from .snapshot import HeldReason


class Standing:
    """Keeps its last answers: most cycles ask the same again. Not thread-safe: the manager's lock is held."""

    def __init__(self, actuator: Actuator) -> None:
        self._actuator = actuator
        self._assigned: tuple[Mapping[str, ServerInfo], int, Mapping[str, Assignment]] = ({}, -1, {})
        self._roster: Roster | None = None
        self._stood: tuple[tuple[object, ...], dict[str, HeldReason], dict[str, int]] = ((), {}, {})

    def assign(self, catalog: Catalog, infos: Mapping[str, ServerInfo]) -> Mapping[str, Assignment]:
        """What the catalog says of each server, by UUID."""
        before, generation, known = self._assigned
        same = generation == catalog.generation
        if same and before is infos:
            return known
        assignments = {
            uuid: known[uuid] if same and before.get(uuid) is info else assign(catalog, uuid, info.facts)
            for uuid, info in infos.items()
        }
        self._assigned = (infos, catalog.generation, assignments)
        return assignments

    def roster(
        self, catalog: Catalog, infos: Mapping[str, ServerInfo], assignments: Mapping[str, Assignment]
    ) -> Roster:
        """The servers and what is wanted of them, as columns."""
        if self._roster is None or not self._roster.covers(infos, catalog, assignments):
            self._roster = Roster(infos, catalog, assignments)
        return self._roster

    def stand(
        self, sample: HostSample, assignments: Mapping[str, Assignment]
    ) -> tuple[Mapping[str, HeldReason], Mapping[str, int]]:
        """Why servers are not managed, and what shares they had before hpm came, by UUID."""
        basis = (sample.samples, sample.infos, assignments, self._actuator.state())
        known, held, originals = self._stood
        if not identical(basis, known):
            held, originals = {}, {}
            for uuid, info in sample.infos.items():
                server = sample.samples.get(uuid)
                reason = held_reason(info, server, assignments[uuid], self._actuator)
                if reason is not None:
                    held[uuid] = reason
                if server is not None and server.shares is not None:
                    originals[uuid] = self._actuator.original(server)
            self._stood = (basis, held, originals)
        return held, originals
