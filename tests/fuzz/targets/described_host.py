"""Hosts that are described to be simulated: what is checked of them before anything is simulated."""

from __future__ import annotations

import msgspec

from hpm.errors import InvalidValue
from hpm.model.simulation.limits import OFFLINE, OVER_REST
from hpm.model.simulation.simulate import prepare
from hpm.policy.decode import decode
from hpm.wire.simulations import SimulationCreate

from ..target import Target
from ..words import of_json


def run(data: bytes) -> None:
    """As POST /simulations does, and as `hpm simulate` does."""
    try:
        wanted = decode(data, SimulationCreate)
    except InvalidValue as error:
        assert error.message and len(error.message) < 2000
        return
    for limits in (OVER_REST, OFFLINE):
        try:
            prepared = prepare(wanted, limits, "host")
        except InvalidValue as error:
            assert error.message and len(error.message) < 2000
            continue
        assert len(prepared.servers) == len(prepared.scenario.servers) <= limits.servers
        assert decode(msgspec.json.encode(wanted), SimulationCreate) == wanted


TARGET = Target(run, of_json(SimulationCreate), seconds=3.0)
