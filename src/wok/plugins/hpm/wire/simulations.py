"""Simulations on the wire: a host as described or recorded, and what hpm would do on it."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from ..policy.catalog import Attributes
from ..policy.classification import Value
from ..policy.cpu_sets import CpuList
from ..policy.goals import Goal, Importance
from ..policy.groups import DEFAULT_GROUP
from ..policy.guest_policies import Cpus
from ..policy.names import Description
from ..policy.start_policies import Uuid
from .groups import GroupCreate
from .loads import Idle, Load
from .management import Outcome
from .words import PerformanceIndex, Velocity

#: Intervals that are simulated where nobody says how many.
INTERVALS: Final = 20

Intervals = Annotated[int, msgspec.Meta(ge=1, le=10000)]
Constraint: TypeAlias = Literal["own-quota", "real-time"]
Side: TypeAlias = Literal["unmanaged", "managed", "compared"]


class Demand(msgspec.Struct, frozen=True, tag="demand", rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """A steady demand of a whole server. What was not done in time is not made up for.

    cpus: CPUs that it wants.
    vcpus: How many of its vCPUs it is spread over evenly; null: all.
    grain-ms: Work comes in pieces, one every so many milliseconds.
    """

    cpus: Annotated[float, msgspec.Meta(ge=0, le=4096)]
    vcpus: Annotated[int, msgspec.Meta(ge=1, le=512)] | None = None
    grain_ms: Annotated[float, msgspec.Meta(ge=1, le=10000)] = 40.0


VcpuLoads = Annotated[tuple[Load, ...], msgspec.Meta(min_length=1, max_length=512)]

#: Where each vCPU may run; empty: on any CPU.
VcpuPins = Annotated[tuple[Annotated[str, msgspec.Meta(
    max_length=1024, pattern=r"^(?:[0-9]{1,4}(?:-[0-9]{1,4})?(?:,[0-9]{1,4}(?:-[0-9]{1,4})?)*)?$(?!\n)",
    description="CPUs of the host such as 0-3,8; empty: any.",
)], ...], msgspec.Meta(min_length=1, max_length=512)]  # fmt: skip


class DescribedServer(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """A virtual server, or several alike.

    name: Its name; of several alike, the beginning of their names, with a number from 1 on behind it.
    count: How many there are alike; null: one, of just this name.
    object-id: Its UUID; null: one is made from its name.
    vcpus: Virtual CPUs that it has.
    load: What each vCPU does; or a list, one for each, and vCPUs after it are idle; or a demand of them all.
    cpu-shares: CPU shares without hpm.
    workload-resource-group: The name of the group that it is in.
    attributes: What classification knows of it beside its name.
    metadata: The texts of its metadata elements, for classification.
    status: What it does.
    cpu-reserve: CPUs that it is entitled to whatever the goals say; null: none.
    cpu-cap: CPUs that it never exceeds; null: no cap.
    excluded: Whether hpm leaves it alone.
    parent: The cgroup in whose share of the host it competes.
    cpu-quota: A quota that somebody else than hpm set, in CPUs; null: none.
    constraint: Why its CPU cannot be planned freely; null: it can.
    pinned: The CPUs that its vCPUs may run on, such as 0-1,4; or a list, one for each, and vCPUs after it run on any;
        null: all on any.
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
    pinned: CpuList | VcpuPins | None = None


Groups = Annotated[tuple[GroupCreate, ...], msgspec.Meta(max_length=1000)]


class DescribedHost(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """A host: its CPUs and virtual servers, and perhaps the groups with their policies.

    cpus: CPUs of the host.
    virtual-servers: Its virtual servers, 1 to 10000.
    description: What is said about it.
    workload-resource-groups: Its groups; null: nothing is said about them.
    interval-seconds: Seconds between two of hpm's decisions.
    intervals: Intervals to simulate.
    host-load: What other processes of the host want, in CPUs.
    steal: The part of busy time that the host's own hypervisor takes.
    parents: Weights of parent cgroups among each other, by name; 1024 where not named.
    seed: The same seed gives the same chances.
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
    """What to simulate.

    host: The host; null: this host as it is now.
    workload-resource-groups: Groups with their policies; null: those of the host's description, or the ones in force.
    compare-with: Other groups, on the same host beside them; null: none.
    intervals: Intervals to simulate; null: as many as the host's description says.
    """

    host: DescribedHost | None = None
    workload_resource_groups: Groups | None = None
    compare_with: Groups | None = None
    intervals: Intervals | None = None


class SimulatedServer(msgspec.Struct, frozen=True, rename="kebab"):
    """How a virtual server fared on one side. Means are over the counted intervals.

    The lists have a value for each interval, also those not counted; null: not known, or idle.

    name: Its name.
    object-id: Its UUID.
    workload-resource-group: The name of its group.
    service-class: The service class that took it; null: its group was unmanaged.
    importance: Its business importance; null: its group was unmanaged.
    goal: Its goal; null: its group was unmanaged.
    management: Whether hpm set its shares.
    management-reason: Why it was left alone; null: it was managed.
    vcpus: Virtual CPUs that it had.
    cpu-shares: CPU shares at the end; null: it did not run.
    cpu-using: CPUs that it used; null: it did not run.
    cpu-delay: CPUs that it waited for; null: it did not run.
    goal-status: How it stood to its goal, over all counted intervals together.
    intervals-busy: Counted intervals in which it worked.
    intervals-met: Counted intervals in which it worked and met its goal.
    met-after-seconds: The end of the first interval in which the goal was met, in seconds; null: it never was.
    velocities: Its velocity in each interval, in percent.
    performance-indexes: Its performance index in each interval.
    goal-statuses: How it stood to its goal in each interval.
    cpus: CPUs that it used in each interval.
    shares: CPU shares at the end of each interval.
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
    velocity: Velocity
    performance_index: PerformanceIndex
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
    """How a service class fared: as for a server, from the sums of its members.

    name: The name of the class.
    importance: The business importance: its own, or that of the policy.
    goal: What its servers should have.
    virtual-server-count: How many servers it took.
    goal-status: How it stood to its goal, over all counted intervals together.
    intervals-busy: Counted intervals in which it worked.
    intervals-met: Counted intervals in which it worked and met its goal.
    met-after-seconds: The end of the first interval in which the goal was met, in seconds; null: it never was.
    """

    name: str
    importance: Importance
    goal: Goal
    virtual_server_count: int
    velocity: Velocity
    performance_index: PerformanceIndex
    goal_status: str
    intervals_busy: int
    intervals_met: int
    met_after_seconds: float | None


class SimulatedGroup(msgspec.Struct, frozen=True, rename="kebab"):
    """How a group fared: as well as its worst class.

    name: The name of the group.
    active-policy: The name of the active policy; null: none, the group was unmanaged.
    importance: The business importance of the active policy; null: none was active.
    virtual-server-count: How many servers were in it.
    goal-status: How it stood to its goal, over all counted intervals together.
    intervals-busy: Counted intervals in which it worked.
    intervals-met: Counted intervals in which it worked and all its classes met their goals.
    met-after-seconds: The end of the first interval in which the goal was met, in seconds; null: it never was.
    service-classes: The classes of the active policy, in order.
    """

    name: str
    active_policy: str | None
    importance: Importance | None
    virtual_server_count: int
    performance_index: PerformanceIndex
    goal_status: str
    intervals_busy: int
    intervals_met: int
    met_after_seconds: float | None
    service_classes: list[SimulatedClass]


class UnmetGoal(msgspec.Struct, frozen=True, rename="kebab"):
    """A goal that was missed over the counted intervals, and why.

    virtual-server: The name of the server.
    workload-resource-group: The name of its group.
    service-class: The service class that took it; null: none.
    importance: Its business importance; null: none.
    goal: The goal that was missed.
    reason: The planner's reason; null: there was none.
    sentences: Why, for people, as of the last interval in which it was missed.
    """

    virtual_server: str
    workload_resource_group: str
    service_class: str | None
    importance: Importance | None
    goal: Goal
    performance_index: PerformanceIndex
    reason: str | None
    sentences: list[str]


class SimulatedShares(msgspec.Struct, frozen=True, rename="kebab"):
    """A receiver or donor of a simulated adjustment.

    name: The name of the virtual server.
    service-class: The service class that it was in; null: none.
    importance: The business importance that it had; null: none.
    shares-before: CPU shares before; null: not known.
    shares-after: CPU shares that were decided; null: none were.
    pi-before: The performance index before; null: idle.
    pi-projected: The performance index that was expected of it; null: none was.
    pi-measured: The performance index one interval later; null: not measured, or idle.
    """

    name: str
    service_class: str | None
    importance: Importance | None
    shares_before: int | None
    shares_after: int | None
    pi_before: PerformanceIndex
    pi_projected: PerformanceIndex
    pi_measured: PerformanceIndex


class SimulatedAdjustment(msgspec.Struct, frozen=True, rename="kebab"):
    """A dynamic resource adjustment.

    after-seconds: Seconds after management was switched on.
    outcome: `applied`: done. `advised`: only planned. `failed`: not done, or not possible.
    reason: Why not, in a word; null: nothing was in the way.
    detail: More about the reason, in words; null: nothing.
    receivers: Servers that were to get more.
    donors: Servers that were to give.
    """

    after_seconds: float
    outcome: Outcome
    reason: str | None
    detail: str | None
    receivers: list[SimulatedShares]
    donors: list[SimulatedShares]


class SimulatedSide(msgspec.Struct, frozen=True, rename="kebab"):
    """The host under one of the ways to manage it.

    side: `unmanaged`: management off. `managed`: on. `compared`: on, with the other groups.
    cpu-using: CPUs that all servers used together, a mean over the counted intervals.
    virtual-servers: Its servers, in the same order on all sides.
    workload-resource-groups: Its groups, by name.
    unmet: Goals that were missed.
    adjustments: What hpm decided, oldest first.
    """

    side: Side
    cpu_using: float
    virtual_servers: list[SimulatedServer]
    workload_resource_groups: list[SimulatedGroup]
    unmet: list[UnmetGoal]
    adjustments: list[SimulatedAdjustment]


class Simulation(msgspec.Struct, frozen=True, rename="kebab"):
    """What would happen. Sides have the same load and the same virtual servers in the same order.

    description: What was said about the host.
    cpus: CPUs of the host.
    interval-seconds: Seconds between two of hpm's decisions.
    intervals: Intervals that were simulated; they count from 1.
    counted-from: Means and counts begin with this interval, when hpm has seen what its first plan did.
    sides: The ways to manage it.
    notes: What should be known about the figures, for people.
    """

    description: str
    cpus: int
    interval_seconds: float
    intervals: int
    counted_from: int
    sides: list[SimulatedSide]
    notes: list[str]

