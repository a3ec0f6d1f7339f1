"""A host that exists only in memory: for scale, faults, golden scenarios and demonstrations.

Its scheduling model (threads on cores, slices, queues, wake-ups) is its own and not the planner's.
`from_uri` makes a demo host, `SimulatedHypervisor` one of a described `Scenario`.
Not modelled: disks, I/O threads, pinning, real-time classes, SMT, NUMA, frequencies.
"""

from __future__ import annotations

from collections.abc import Callable

from .demo import from_uri
from .faults import Faults
from .hypervisor import SimulatedHypervisor, Write
from .loads import BusyIdle, Curve, Idle, Load, Periodic, Spin, Wave, Web
from .scenario import Scenario, ServerSpec, stretch_for
from .server import uuid_of


def from_scenario(scenario: Scenario, clock: Callable[[], int] | None = None) -> SimulatedHypervisor:
    """A host as described; with a `clock` (monotonic ns) it lives by it."""
    return SimulatedHypervisor(scenario, clock)


__all__ = [
    "BusyIdle", "Curve", "Faults", "Idle", "Load", "Periodic", "Scenario", "ServerSpec",
    "SimulatedHypervisor", "Spin", "Wave", "Web", "Write", "from_scenario", "from_uri", "stretch_for", "uuid_of",
]  # fmt: skip
