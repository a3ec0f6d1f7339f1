"""Routes of simulations."""

from __future__ import annotations

from ..errors import Conflict, NotUnique
from ..manager.change import Busy
from ..manager.manager import Manager
from ..model.simulations import Simulations
from ..wire.simulations import DescribedHost, Simulation, SimulationCreate
from .route import Route


def simulation_routes(manager: Manager) -> tuple[Route, ...]:
    """See `routes`. Who may read may simulate: it changes nothing, tells nothing new, and takes little of the host."""
    simulations = Simulations(manager)
    return (
        Route(
            "GET", "/simulations/recorded-host", "This host as it is now, as a description", DescribedHost,
            lambda _: simulations.recorded_host(), kept=True,
        ),
        Route(
            "POST", "/simulations", "What policies would do on a described host, or on this one", Simulation,
            lambda r: simulations.run(r.body), body=SimulationCreate, needs="user",
            refuses=(Busy, Conflict, NotUnique),
        ),
    )  # fmt: skip
