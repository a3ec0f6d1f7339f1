"""Simulations without a running hpm: `hpm simulate`, in its own process."""

from __future__ import annotations

import logging

from ..model.simulation.limits import OFFLINE
from ..model.simulation.simulate import Progress, prepare
from ..model.simulation.simulate import simulate as run
from ..wire.simulations import Simulation, SimulationCreate


def simulate(wanted: SimulationCreate, progress: Progress | None = None) -> Simulation:
    """What would happen on a described host, with groups given or in its description.

    The same as POST `/simulations` answers, but larger hosts are possible. Raises `InvalidValue`.
    """
    logging.getLogger().addHandler(logging.NullHandler())    # its manager's log is no part of the result
    return run(prepare(wanted, OFFLINE), progress)
