"""Simulations on the wire: a host as described or recorded, and what hpm would do on it."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from ..policy.catalog import Attributes, Cpus
from ..policy.classification import Value
from ..policy.goals import Goal, Importance
from ..policy.groups import DEFAULT_GROUP
from ..policy.policies import Description
from .groups import GroupCreate
from .loads import Idle, Load
from .management import Outcome

#: Intervals that are simulated where nobody says how many.
INTERVALS: Final = 20

Uuid = Annotated[str, msgspec.Meta(
    pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$(?!\n)", min_length=36, max_length=36,
    description="a UUID in small letters",
)]  # fmt: skip
Intervals = Annotated[int, msgspec.Meta(ge=1, le=10000)]
Constraint: TypeAlias = Literal["pinned", "own-quota", "real-time"]
Side: TypeAlias = Literal["unmanaged", "managed", "compared"]


class Demand(msgspec.Struct, frozen=True, tag="demand", rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """A steady demand of `cpus` for the whole server, spread evenly over `vcpus` of its vCPUs (all if null).

    Work comes in pieces, one every `grain_ms`; what was not done in time is not made up for.
    """

    cpus: Annotated[float, msgspec.Meta(ge=0, le=4096)]
    vcpus: Annotated[int, msgspec.Meta(ge=1, le=512)] | None = None
    grain_ms: Annotated[float, msgspec.Meta(ge=1, le=10000)] = 40.0


VcpuLoads = Annotated[tuple[Load, ...], msgspec.Meta(min_length=1, max_length=512)]


class DescribedServer(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """A virtual server, or `count` alike, whose names are `name` and a number from 1 on.

    `load` is that of each vCPU; or a list, one for each, and vCPUs after it are idle; or a demand of them all.
    `cpu_shares` are those without hpm. `workload_resource_group` is a group's name. `parent` is the cgroup in whose
    share of the host it competes, `cpu_quota` (CPUs) and `constraint` what somebody else than hpm set. `attributes` and
    `metadata` are what classification knows of it beside its name.
    """

    name: Value
    count: Annotated[int, msgspec.Meta(ge=1, le=10000)] | None = None
    object_id: Uuid | None = None
    vcpus: Annotated[int, msgspec.Meta(ge=1, le=512)] = 1
    load: Load | Demand | VcpuLoads = Idle()
    cpu_shares: Annotated[int, msgspec.Meta(ge=2, le=262144)] = 1024
    workload_resource_group: str = DEFAULT_GROUP
    attributes: Attributes = {}
    metadata: Annotated[tuple[Value, ...], msgspec.Meta(max_length=64)] = ()
    status: Literal["running", "paused", "shut-off"] = "running"
    cpu_reserve: Cpus | None = None
    cpu_cap: Cpus | None = None
    excluded: bool = False
    parent: Value = "machine"
    cpu_quota: Cpus | None = None
    constraint: Constraint | None = None


Groups = Annotated[tuple[GroupCreate, ...], msgspec.Meta(max_length=1000)]


class DescribedHost(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """A host: its CPUs and virtual servers, and perhaps the groups with their policies.

    `interval_seconds` is hpm's. `host_load` is what other processes of the host want, in CPUs; `steal` the part of
    busy time that the host's own hypervisor takes. `parents` are weights of parent cgroups among each other (1024
    where not named). The same `seed` gives the same chances.
    """

    cpus: Annotated[int, msgspec.Meta(ge=1, le=1024)]
    virtual_servers: Annotated[tuple[DescribedServer, ...], msgspec.Meta(min_length=1, max_length=10000)]
    description: Description = ""
    workload_resource_groups: Groups | None = None
    interval_seconds: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 10.0
    intervals: Intervals = INTERVALS
    host_load: Annotated[float, msgspec.Meta(ge=0, le=1024)] = 0.0
    steal: Annotated[float, msgspec.Meta(ge=0, le=0.95)] = 0.0
    parents: dict[Value, Annotated[float, msgspec.Meta(ge=1, le=262144)]] = {}
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 1


class SimulationCreate(msgspec.Struct, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """What to simulate. `host` null: the host as it is now. `workload_resource_groups` null: those of the host's
    description, or else the ones that are in force. `compare_with`: other groups, on the same host beside them.
    """

    host: DescribedHost | None = None
    workload_resource_groups: Groups | None = None
    compare_with: Groups | None = None
    intervals: Intervals | None = None


class SimulatedServer(msgspec.Struct, frozen=True, rename="kebab"):
    """How a virtual server fared on one side. Means are over the counted intervals, CPUs in units of one host CPU.

    `cpu-shares` are those at the end. `goal-status` is over all counted intervals together. `intervals-busy` and
    `intervals-met` count those in which it worked, and in which its goal was met as well. `met-after-seconds` is the
    end of the first interval in which it was. The lists have a value for each interval, also those not counted.
    """

    name: str
    object_id: str
    workload_resource_group: str
    service_class: str | None
    importance: Importance | None
    goal: Goal | None
    management: str
    management_reason: str | None
    vcpus: int
    cpu_shares: int | None
    cpu_using: float | None
    cpu_delay: float | None
    velocity: float | None
    performance_index: float | None
    goal_status: str
    intervals_busy: int
    intervals_met: int
    met_after_seconds: float | None
    velocities: list[float | None]
    performance_indexes: list[float | None]
    goal_statuses: list[str]
    cpus: list[float | None]
    shares: list[int | None]


class SimulatedClass(msgspec.Struct, frozen=True, rename="kebab"):
    """How a service class fared: as for a server, from the sums of its members."""

    name: str
    importance: Importance
    goal: Goal
    virtual_server_count: int
    velocity: float | None
    performance_index: float | None
    goal_status: str
    intervals_busy: int
    intervals_met: int
    met_after_seconds: float | None


class SimulatedGroup(msgspec.Struct, frozen=True, rename="kebab"):
    """How a group fared: as well as its worst class. `intervals-met`: the goals of all its classes were met."""

    name: str
    active_policy: str | None
    importance: Importance | None
    virtual_server_count: int
    performance_index: float | None
    goal_status: str
    intervals_busy: int
    intervals_met: int
    met_after_seconds: float | None
    service_classes: list[SimulatedClass]


class UnmetGoal(msgspec.Struct, frozen=True, rename="kebab"):
    """A goal that was missed over the counted intervals, and why: the planner's reason, and sentences for people
    (as of the last interval in which it was missed)."""

    virtual_server: str
    workload_resource_group: str
    service_class: str | None
    importance: Importance | None
    goal: Goal
    performance_index: float | None
    reason: str | None
    sentences: list[str]


class SimulatedShares(msgspec.Struct, frozen=True, rename="kebab"):
    """A receiver or donor of a simulated adjustment."""

    name: str
    service_class: str | None
    importance: Importance | None
    shares_before: int | None
    shares_after: int | None
    pi_before: float | None
    pi_projected: float | None
    pi_measured: float | None


class SimulatedAdjustment(msgspec.Struct, frozen=True, rename="kebab"):
    """A dynamic resource adjustment: so many seconds after management was switched on."""

    after_seconds: float
    outcome: Outcome
    reason: str | None
    detail: str | None
    receivers: list[SimulatedShares]
    donors: list[SimulatedShares]


class SimulatedSide(msgspec.Struct, frozen=True, rename="kebab"):
    """The host under one of the ways to manage it. `cpu-using` is the mean of all servers together."""

    side: Side
    cpu_using: float
    virtual_servers: list[SimulatedServer]
    workload_resource_groups: list[SimulatedGroup]
    unmet: list[UnmetGoal]
    adjustments: list[SimulatedAdjustment]


class Simulation(msgspec.Struct, frozen=True, rename="kebab"):
    """What would happen. Sides have the same load and the same virtual servers in the same order: ``unmanaged``
    (management off), ``managed``, and ``compared`` if other groups were given.

    Intervals count from 1; means and counts begin with `counted_from`, when hpm has seen what its first plan did.
    """

    description: str
    cpus: int
    interval_seconds: float
    intervals: int
    counted_from: int
    sides: list[SimulatedSide]
    notes: list[str]

