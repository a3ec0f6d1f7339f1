"""The snapshot: what hpm knows and decided at one moment. Built once a cycle, never changed, and what
every reader reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from ..backend.extras import NO_EXTRAS, Extras
from ..backend.partitions.host import PartitionState
from ..engine.index import GoalStatus, goal_status, server_index
from ..engine.metrics.figures import Figures
from ..engine.plan import Forecast
from ..engine.samples import Constraint, HostSample
from ..engine.windows import HostWindow, ServerWindow
from ..memory.plan import MemoryPlan
from ..memory.state import MemoryHeld, MemoryView
from ..policy.assignment import Assignment
from ..policy.catalog import Catalog
from ..wire.guest_policies import FieldState
from ..wire.management import Level

if TYPE_CHECKING:
    from .mom import MomDecision

#: Why a server is left alone.
HeldReason: TypeAlias = (
    Literal["no-policy", "excluded", "not-running", "paused", "changed-by-administrator", "unreachable"] | Constraint
)


class Levels(msgspec.Struct, frozen=True, rename="kebab"):
    """Management levels in force."""

    cpu_mgmt: Level = "off"
    memory_mgmt: Level = "off"


class MemoryStanding(msgspec.Struct, frozen=True):
    """How memory stands: why guests are left alone (by UUID), and, while it is managed, what was decided from which
    view: by goals (`plan`), by policies of MOM's language (`mom`), or both. `ksm_reason`: why merging is as it is (of
    the planner, or why it is left alone: `not-managed`, `changed-by-administrator`). `originals`: what balloons left
    before hpm moved them, in bytes by UUID; others it did not move."""

    held: Mapping[str, MemoryHeld] = {}
    view: MemoryView | None = None
    plan: MemoryPlan | None = None
    ksm_reason: str | None = None
    mom: MomDecision | None = None
    originals: Mapping[str, int] = {}


class FieldStanding(msgspec.Struct, frozen=True):
    """How a field of a guest policy stands that hpm sets itself, for the value that is wanted; and why."""

    value: object
    state: FieldState
    reason: str | None = None


#: While memory is not managed.
UNMANAGED = MemoryStanding()


class Snapshot(msgspec.Struct, frozen=True):
    """One moment. `taken` (UTC) is when the host was observed; `window` is None until two samples are there; `problem`
    says why the figures are not fresher, or not whole.

    By UUID: `assignments` of all servers; `held`: why a server is not managed; `originals`: shares before
    hpm changed any; `forecasts` of the last plan. `figures` are all metrics, of this sample and window. `extras` are
    what was sampled beside the counters, as of then. `partitions` are those that there are, by path. `guests`: how
    fields of guest policies stand, by UUID and field. `original_partitions`: shares of partitions before hpm changed
    any; `weighed` are those whose weight follows from the goals in them.
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
    memory: MemoryStanding = UNMANAGED
    partitions: Mapping[str, PartitionState] = {}
    guests: Mapping[str, Mapping[str, FieldStanding]] = {}
    original_partitions: Mapping[str, int] = {}
    weighed: frozenset[str] = frozenset()

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
