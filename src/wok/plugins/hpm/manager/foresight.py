"""From a snapshot to the planner: what is in force, and what other wishes would bring about."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ..engine.learned import Memory
from ..engine.nesting import plan_nested
from ..engine.pin_sets import cpu_set
from ..engine.plan import Candidate, Forecast
from ..engine.samples import HostSample, ServerSample
from ..engine.windows import HostWindow
from ..policy.assignment import Assignment, assign
from ..policy.catalog import Catalog
from .actuator import Actuator
from .eligibility import held_reason
from .partition_weights import compete
from .snapshot import Snapshot


class Foresight(msgspec.Struct, frozen=True):
    """What a catalog that is not in force would mean for each server, by UUID: its assignment, why it would be left
    alone, what the plan expects of it, and (where that changes) its shares and its velocity (0…1) then."""

    assignments: Mapping[str, Assignment]
    held: Mapping[str, str]
    forecasts: Mapping[str, Forecast]
    shares: Mapping[str, int]
    velocities: Mapping[str, float]


def foresee(
    snapshot: Snapshot, catalog: Catalog, actuator: Actuator, memory: Memory, usual: int, *, anew: bool = False
) -> Foresight:
    """Plan with `catalog`, from what was measured last; nothing comes into force. Without a window (nothing has been
    measured yet) there are assignments only. `anew`: as if no plan were in force, so that what two catalogs would do
    can be compared; else one that is in force already goes on. `usual` as in `partition_weights.compete`."""
    sample = snapshot.sample
    assignments = {uuid: assign(catalog, uuid, info.facts) for uuid, info in sample.infos.items()}
    held = {
        uuid: why
        for uuid, info in sample.infos.items()
        if (why := held_reason(info, sample.samples.get(uuid), assignments[uuid], actuator)) is not None
    }
    if snapshot.window is None:
        return Foresight(assignments, held, {}, {}, {})
    servers = candidates(sample, snapshot.window, assignments, held, snapshot.originals, actuator)
    field = compete(servers, catalog, sample, snapshot.window, snapshot.partitions, actuator, usual)
    if anew:
        memory = Memory(memory.servers, contests=memory.contests)
    made = plan_nested(
        snapshot.window, list(field.candidates.values()), field.nests, memory, snapshot.catalog.generation + 1
    )
    changes = [change for decision in made.decisions for change in decision.changes if change.uuid in servers]
    return Foresight(
        assignments, held, made.forecasts,
        {c.uuid: c.shares_after for c in changes},
        {c.uuid: c.velocity_after for c in changes if c.velocity_after is not None},
    )  # fmt: skip


def candidates(
    sample: HostSample,
    window: HostWindow,
    assignments: Mapping[str, Assignment],
    held: Mapping[str, str],
    originals: Mapping[str, int],
    actuator: Actuator,
) -> dict[str, Candidate]:
    """All running servers as the planner sees them, by UUID."""
    return {
        uuid: Candidate(
            uuid, server.start, server.parent, server.shares, _original(assignments[uuid], originals.get(uuid, 0)),
            window.servers.get(uuid), assignments[uuid], held.get(uuid),
            None if server.quota_us is None else own_quota(server, actuator),
            None if not (pins := sample.infos[uuid].tuning.vcpu_pins) else cpu_set(pins, len(server.threads)),
        )
        for uuid, server in sample.samples.items()
        if uuid in assignments
    }  # fmt: skip


def _original(assignment: Assignment, shares: int) -> int:
    """The shares that a server without a goal keeps: its policy's, or those that it had before hpm came."""
    weight = assignment.guest.policy.cpu_weight
    return shares if weight is None or assignment.goal is not None else weight


def own_quota(server: ServerSample, actuator: Actuator) -> float | None:
    """CPUs that a server's own quota lets it use. One that hpm set is its cap, and that may be another one now."""
    quota, _, period = (actuator.own_quota(server) or "max").partition(" ")
    return None if quota == "max" else int(quota) / int(period)
