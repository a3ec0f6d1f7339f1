"""Simulations: what policies would do."""

from __future__ import annotations

from collections.abc import Mapping

from ..wire.simulations import DescribedHost, Simulation, SimulationCreate
from .answers import Answer
from .calls import Calls

SIMULATIONS = "/simulations"


class SimulationCalls(Calls):
    """The operations below `/simulations`. None of them changes anything."""

    def recorded_host(self) -> Answer[DescribedHost]:
        """The host as it is now, as a description that can be simulated."""
        return self._get(f"{SIMULATIONS}/recorded-host", DescribedHost)

    def simulate(self, wanted: SimulationCreate | Mapping[str, object]) -> Answer[Simulation]:
        """What would happen on a described host, or on this one; takes some seconds."""
        return self._post(SIMULATIONS, wanted, Simulation)
