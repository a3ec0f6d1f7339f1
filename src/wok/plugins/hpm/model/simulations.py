"""Simulations: what policies would do on a described host, or on this one as it is now."""

from __future__ import annotations

import msgspec

from ..manager.manager import Manager
from ..wire.simulations import DescribedHost, SimulationCreate
from .recording import recorded_groups, recorded_host
from .simulation.limits import OVER_REST
from .simulation.process import Runner
from .simulation.simulate import prepare


class Simulations:
    """Requests on simulations. None of them changes anything."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self._runner = Runner()

    def recorded_host(self) -> DescribedHost:
        """This host as it is now, as a description."""
        return recorded_host(self._manager.snapshot, self._manager.interval)

    def run(self, wanted: SimulationCreate) -> msgspec.Raw:
        """What would happen: a `Simulation`, as JSON already. Raises `InvalidValue`, `Busy`, `Conflict`."""
        whole = self._whole(wanted)
        prepare(whole, OVER_REST, "host")
        return msgspec.Raw(self._runner.run(whole))

    def _whole(self, wanted: SimulationCreate) -> SimulationCreate:
        """With the present host and groups where none are given."""
        snapshot = self._manager.snapshot
        host = wanted.host or self.recorded_host()
        groups = wanted.workload_resource_groups
        if groups is None and host.workload_resource_groups is None:
            groups = recorded_groups(snapshot.catalog)
        return msgspec.structs.replace(wanted, host=host, workload_resource_groups=groups)
