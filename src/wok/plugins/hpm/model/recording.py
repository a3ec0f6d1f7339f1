"""A host as it is now, as a description that can be simulated."""

from __future__ import annotations

from contextlib import suppress
from typing import get_args

import msgspec

from ..backend.hypervisor import ServerInfo
from ..engine.windows import HostWindow, ServerWindow
from ..manager.snapshot import Snapshot
from ..policy.assignment import facts_of
from ..policy.catalog import Attribute, Catalog
from ..policy.classification import Facts, Value
from ..policy.cpu_sets import parse_cpus
from ..wire.groups import GroupCreate
from ..wire.loads import Idle, Load, Spin
from ..wire.simulations import Constraint, Demand, DescribedHost, DescribedServer
from .views import rounded

#: A vCPU that wanted this part of the time wants all of it: the rest is what measuring is worth.
SPINS = 0.98
#: Load of other processes below this many CPUs is not worth describing.
LEAST_LOAD = 0.05
#: What classification may know of a server beside its name, one text each.
NAMES: tuple[Attribute, ...] = ("title", "hostname", "os-type", "os-name", "os-level")


def recorded_host(snapshot: Snapshot, interval: float) -> DescribedHost:
    """CPUs, virtual servers with what they wanted in the last window, groups and policies.

    What a server wanted is what it used, waited for, and was kept from by its quota, at most its vCPUs. Of one that
    waited it is too much rather than too little: work that is late is waited for, but done only once.
    """
    window, sample = snapshot.window, snapshot.sample
    infos = sorted(sample.infos.values(), key=lambda info: (info.name, info.uuid))
    return DescribedHost(
        cpus=sample.cpus,
        virtual_servers=tuple(_server(snapshot, info) for info in infos),
        workload_resource_groups=recorded_groups(snapshot.catalog),
        interval_seconds=interval,
        host_load=0.0 if window is None else _host_load(window),
        steal=0.0 if window is None else _steal(window),
    )


def recorded_groups(catalog: Catalog) -> tuple[GroupCreate, ...]:
    """All groups with their policies, by name, `default` last."""
    groups = sorted(catalog.groups.values(), key=lambda group: (group.is_default, group.name))
    return tuple(
        GroupCreate(
            name=group.name, description=group.description, perf_policies=group.perf_policies,
            active_policy=group.active_policy, schedule=group.schedule or msgspec.UNSET,
            otherwise=group.otherwise if group.schedule else msgspec.UNSET,
        )
        for group in groups
    )  # fmt: skip


def _server(snapshot: Snapshot, info: ServerInfo) -> DescribedServer:
    uuid, catalog = info.uuid, snapshot.catalog
    facts = facts_of(catalog, uuid, info.facts)
    assignment, sample = snapshot.assignments[uuid], snapshot.sample.samples.get(uuid)
    vcpus = info.vcpus if sample is None else len(sample.threads)
    quota = None
    if sample is not None and sample.quota_us is not None and assignment.cpu_cap is None:    # else it may be hpm's
        quota = max(0.01, sample.quota_us / sample.period_us)
    return DescribedServer(
        name=info.name,
        object_id=uuid,
        vcpus=max(1, vcpus),
        load=_load(snapshot.server_window(uuid), max(1, vcpus)),
        cpu_shares=snapshot.originals.get(uuid, 1024),
        workload_resource_group=catalog.groups[assignment.group].name,
        attributes={name: texts[0] for name in NAMES if (texts := _texts(facts, name))},
        metadata=_texts(facts, "metadata"),
        status=info.status if info.status in ("running", "paused") and sample is not None else "shut-off",
        cpu_reserve=assignment.cpu_reserve,
        cpu_cap=assignment.cpu_cap,
        excluded=assignment.excluded,
        parent="machine" if sample is None else sample.parent,
        cpu_quota=quota,
        constraint=next((c for c in get_args(Constraint) if c == info.constraint), None),
        pinned=_pins(info.tuning.vcpu_pins, snapshot.sample.cpus),
    )


def _pins(pins: tuple[str, ...], cpus: int) -> tuple[str, ...] | None:
    """Where its vCPUs may run. In a description CPUs are numbered from 0 on: of a host on which some are offline,
    pinnings to others than these are left out."""
    known = all(max(parse_cpus(pin)) < cpus for pin in pins if pin)
    return pins if pins and known else None


def _load(window: ServerWindow | None, vcpus: int) -> Load | Demand | tuple[Load, ...]:
    if window is None or window.activity != "busy":
        return Idle()
    wanted = min(float(vcpus), window.using + window.delay + window.throttled)
    active = min(vcpus, max(int(-(-wanted // 1)), round(window.active), 1))
    if wanted >= SPINS * active:
        return Spin() if active == vcpus else (Spin(),) * active
    return Demand(cpus=rounded(wanted, 3) or 0.0, vcpus=None if active == vcpus else active)


def _texts(facts: Facts, name: str) -> tuple[str, ...]:
    """What is known of a server under this name. A text that is too long for a description is left out."""
    known = facts.get(name, ())
    found: list[str] = []
    for text in (known,) if isinstance(known, str) else known:
        with suppress(msgspec.ValidationError):
            found.append(msgspec.convert(text, Value))
    return tuple(found[:64])


def _host_load(window: HostWindow) -> float:
    """CPUs that others than vCPUs used."""
    using = sum(server.using for server in window.servers.values())
    other = window.cpus - window.idle - window.steal - using
    return round(other, 2) if other >= LEAST_LOAD else 0.0


def _steal(window: HostWindow) -> float:
    """The part of busy time that the host's own hypervisor took."""
    busy = window.cpus - window.idle
    return min(0.95, round(window.steal / busy, 3)) if busy > 0 else 0.0
