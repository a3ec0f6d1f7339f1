"""Simulations without a running hpm: `hpm simulate`, in its own process."""

from __future__ import annotations

import logging

from ..errors import InvalidValue
from ..model.simulation.limits import OFFLINE
from ..model.simulation.policy_file import with_policy_file
from ..model.simulation.simulate import Progress, prepare
from ..model.simulation.simulate import simulate as run
from ..policy.files import notation
from ..policy.policies import PerformancePolicy
from ..wire.simulations import DescribedHost, Simulation, SimulationCreate


def with_policies(host: DescribedHost, data: bytes) -> DescribedHost:
    """The host with what a policy file (JSON or XML) says. Raises `InvalidValue`, with line and column."""
    content = notation.read(data)
    if isinstance(content, PerformancePolicy):
        raise InvalidValue(
            f"the file holds the policy {content.name!r} alone, and does not say for which group; right is a file of"
            " groups, as policy-export writes it"
        )
    return with_policy_file(host, content)


def simulate(wanted: SimulationCreate, progress: Progress | None = None) -> Simulation:
    """What would happen on a described host, with groups given or in its description.

    The same as POST `/simulations` answers, but larger hosts are possible. Raises `InvalidValue`.
    """
    logging.getLogger().addHandler(logging.NullHandler())    # its manager's log is no part of the result
    return run(prepare(wanted, OFFLINE), progress)
