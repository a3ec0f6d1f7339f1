"""The snapshot: what hpm knows and decided at one moment. Built once a cycle, never changed, and what
every reader reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from ..backend.extras import NO_EXTRAS, Extras
from ..engine.index import GoalStatus, goal_status, server_index
from ..engine.metrics.figures import Figures
from ..engine.plan import Forecast
from ..engine.samples import Constraint, HostSample
from ..engine.windows import HostWindow, ServerWindow
from ..policy.assignment import Assignment
from ..policy.catalog import Catalog
from ..wire.management import Level

#: Why a server is left alone.
HeldReason: TypeAlias = (
    Literal["no-policy", "excluded", "not-running", "paused", "changed-by-administrator", "unreachable"] | Constraint
)


class Levels(msgspec.Struct, frozen=True, rename="kebab"):
    """Management levels in force."""

    cpu_mgmt: Level = "off"
    memory_mgmt: Level = "off"


class Snapshot(msgspec.Struct, frozen=True):
    """One moment. `taken` (UTC) is when the host was observed; `window` is None until two samples are there; `problem`
    says why the figures are not fresher, or not whole.

    By UUID: `assignments` of all servers; `held`: why a server is not managed; `originals`: shares before
    hpm changed any; `forecasts` of the last plan. `figures` are all metrics, of this sample and window. `extras` are
    what was sampled beside the counters, as of then.
    """

    taken: datetime
    catalog: Catalog
    levels: Levels
    sample: HostSample
    window: HostWindow | None
    assignments: Mapping[str, Assignment]
    held: Mapping[str, HeldReason]
    originals: Mapping[str, int]
    forecasts: Mapping[str, Forecast]
    figures: Figures
    problem: str | None = None
    extras: Extras = NO_EXTRAS

    @property
    def manageable(self) -> set[tuple[str, str]]:
        """The servers that may be managed, and their starts."""
        return {(uuid, one.start) for uuid, one in self.sample.samples.items() if uuid not in self.held}

    def server_window(self, uuid: str) -> ServerWindow | None:
        """What one server did in the last window."""
        return None if self.window is None else self.window.servers.get(uuid)

    def status(self, uuid: str) -> GoalStatus:
        """How one server stands to its goal."""
        info = self.sample.infos.get(uuid)
        goal = self.assignments[uuid].goal
        if goal is not None and info is not None and info.status == "paused":
            return "paused"
        return goal_status(goal, self.server_window(uuid))

    def index(self, uuid: str) -> float | None:
        """PI of one server."""
        return server_index(self.assignments[uuid].goal, self.server_window(uuid))
