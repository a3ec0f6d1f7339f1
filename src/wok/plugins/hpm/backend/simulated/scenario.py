"""A simulated host described as data."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ...engine.samples import Constraint
from ..hypervisor import ServerStatus
from .loads import Idle, Load


class ServerSpec(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """A virtual server. `load` is that of each vCPU, or a list: one for each, vCPUs after it are idle.

    `facts` are by filter type; name and UUID are added. Without `uuid` it is made from the name. `memory_need_mib` is
    what the guest needs for itself; None: a part of its memory, a little more and less with time. `stats_period`: how
    often its balloon tells, in seconds (0: never); `pinned_memory`: what it has cannot be taken. `pinned`: the CPUs
    that its vCPUs may run on, a list such as ``0-1`` for all of them, or one for each (empty, or missing: any CPU).
    `memory_node`: the NUMA node that its memory is on; None: not known.
    """

    name: Annotated[str, msgspec.Meta(min_length=1)]
    vcpus: Annotated[int, msgspec.Meta(ge=1, le=512)] = 1
    load: Load | tuple[Load, ...] = Idle()
    shares: Annotated[int, msgspec.Meta(ge=2, le=262144)] = 1024
    facts: dict[str, str | tuple[str, ...]] = {}
    memory_mib: Annotated[int, msgspec.Meta(ge=1)] = 1024
    status: ServerStatus = "running"
    parent: str = "machine"
    quota_us: int | None = None
    period_us: int = 100000
    constraint: Constraint | None = None
    uuid: str | None = None
    balloon: bool = True
    stats_period: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 2
    pinned_memory: bool = False
    memory_minimum_mib: Annotated[int, msgspec.Meta(ge=1)] | None = None
    memory_need_mib: Annotated[float, msgspec.Meta(ge=0)] | None = None
    pinned: str | tuple[str, ...] = ()
    vcpu_user_limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 100
    memory_node: int | None = None


class Scenario(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """A host: its cores, servers, and what else takes its time.

    `parents` are weights of parent cgroups among each other (1024 where not named). `host_load` is the number of CPUs'
    worth of other processes; `steal` the part of busy time that the host's own hypervisor takes. `memory_mib` is the
    host's memory; None: not known. `stretch` is the grain of the simulation; without it the host's size decides.
    `nodes` and `threads`: NUMA nodes that the CPUs (`cores`) are on, each with a cache, and hardware threads that each
    core has: both divide the CPUs. They are told; what is far, or shares a core, is simulated as fast as all else.
    """

    cores: Annotated[int, msgspec.Meta(ge=1, le=1024)]
    servers: tuple[ServerSpec, ...] = ()
    seed: int = 1
    parents: dict[str, Annotated[float, msgspec.Meta(gt=0)]] = {}
    host_load: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    steal: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    stretch: Annotated[float, msgspec.Meta(ge=1, le=32)] | None = None
    memory_mib: Annotated[int, msgspec.Meta(ge=1)] | None = None
    nodes: Annotated[int, msgspec.Meta(ge=1)] = 1
    threads: Annotated[int, msgspec.Meta(ge=1)] = 1


def stretch_for(scenario: Scenario) -> float:
    """How coarsely to simulate a host of this size: exactly up to 500 vCPUs, then slices grow with it."""
    if scenario.stretch is not None:
        return scenario.stretch
    vcpus = sum(server.vcpus for server in scenario.servers)
    return min(8.0, max(1.0, vcpus / 500))
