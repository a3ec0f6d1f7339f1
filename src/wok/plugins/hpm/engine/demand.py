"""How much CPU a server needs for a given velocity, from what it was seen doing.

Model: each active vCPU works in cycles of fixed CPU work w and fixed sleep s. At velocity v a cycle
lasts w/v + s, so it uses w / (w/v + s) of a CPU. Of a window we know the mean use u and the mean
runnable time q = u + delay of an active vCPU; s/w = (1 − q)/u does not depend on how fast it ran.
For work that never sleeps (q = 1) the need at velocity v is v itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from .windows import ServerWindow

#: Work that sleeps less than this (seconds per second of work) is always runnable.
SPINS = 0.05

Numbers: TypeAlias = "npt.NDArray[np.float64]"


class Demand(msgspec.Struct, frozen=True, gc=False):
    """`active` vCPUs (see `ServerWindow`), each sleeping `sleep` seconds per second of CPU work; `limit` CPUs of use at
    most."""

    active: float
    sleep: float
    limit: float

    def need(self, velocity: float) -> float:
        """CPUs used at that velocity (0…1]; never above `limit`."""
        return min(self.limit, self.active * velocity / (1.0 + self.sleep * velocity))

    def velocity(self, cpus: float) -> float:
        """Velocity (0…1] at which that many CPUs are used; the inverse of `need`."""
        each = cpus / self.active
        rest = 1.0 - each * self.sleep
        return 1.0 if rest <= each else each / rest

    def pull(self, velocity: float) -> float:
        """CPUs for which it competes at that velocity when one of its vCPUs wants to run: that one, and those of the
        others that are runnable just then. Its weight is shared by them. For one vCPU it is the velocity itself."""
        return velocity * (1.0 + (self.active - 1) / (1.0 + self.sleep * velocity))

    @property
    def stopped(self) -> bool:
        """Whether a quota stops it before all its work is done."""
        return self.limit < self.active / (1.0 + self.sleep)

    @property
    def most(self) -> float:
        """CPUs it would use if nothing were in its way."""
        return self.need(1.0)


class Demands:
    """Many demands as columns, for what is computed again and again for all of them."""

    def __init__(self, demands: Iterable[Demand]) -> None:
        columns = np.array([(d.active, d.sleep, d.limit) for d in demands], dtype=np.float64).reshape(-1, 3).T
        self.active, self.sleep, self.limit = columns.copy()

    def need(self, velocities: Numbers) -> Numbers:
        """`Demand.need` of each, at its velocity."""
        needed: Numbers = np.minimum(self.limit, self.active * velocities / (1.0 + self.sleep * velocities))
        return needed


def demand_of(window: ServerWindow, limit: float | None) -> Demand:
    """Demand of a busy server. `limit`: the CPUs that a quota lets it use, None: no quota.

    While a quota stopped it, it would have worked.
    """
    active = max(1.0, window.active)
    each = window.using / active
    runnable = min(1.0, (window.using + window.delay + window.throttled) / active)
    # One that got next to nothing tells little of its sleep: that it waited all the time says it has none.
    return demand_if(active, (1.0 - runnable) / max(each, 0.001), limit)


def demand_if(active: float, sleep: float, limit: float | None) -> Demand:
    """Demand of `active` vCPUs that each sleep so long per second of work."""
    return Demand(active, sleep, active if limit is None else min(limit, active))
