"""From a described host and groups to what the simulated host and the manager know: scenario and catalog."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from ...backend.simulated import Curve, Idle, Load, Scenario, ServerSpec, uuid_of
from ...errors import InvalidValue, NotUnique
from ...policy.catalog import NO_SETTINGS, Catalog, ServerSettings, empty_catalog
from ...policy.cpu_sets import parse_cpus
from ...policy.groups import DEFAULT_GROUP, WorkloadResourceGroup
from ...wire.groups import GroupCreate
from ...wire.simulations import Demand, DescribedHost, DescribedServer

#: Ids of simulated groups are made from their names below this.
NAMESPACE = uuid.UUID("5a0f2a5e-4b8e-4f0c-9d0e-6d1f0c3f7a12")
PERIOD_US = 100000

GROUPS = "workload-resource-groups"
SERVERS = "virtual-servers"


class Member(msgspec.Struct, frozen=True):
    """One virtual server after counting: its name, UUID, description, and the path of that."""

    name: str
    uuid: str
    said: DescribedServer
    path: str


def members(host: DescribedHost) -> list[Member]:
    """All virtual servers, those that are `count` alike one by one. Raises `NotUnique`, `InvalidValue`."""
    found: list[Member] = []
    names: set[str] = set()
    ids: set[str] = set()
    for index, said in enumerate(host.virtual_servers):
        path = f"{SERVERS}[{index}]"
        if said.count is not None and said.object_id is not None:
            raise InvalidValue("several virtual servers cannot have one id; leave it or count out", f"{path}.object-id")
        for name in [said.name] if said.count is None else [f"{said.name}{n}" for n in range(1, said.count + 1)]:
            member = Member(name, said.object_id or uuid_of(name), said, path)
            if name in names:
                raise NotUnique(f"there is a virtual server named {name!r} already; give each its own name",
                                f"{path}.name")  # fmt: skip
            if member.uuid in ids:
                raise NotUnique(f"there is a virtual server with the id {member.uuid} already", f"{path}.object-id")
            names.add(name)
            ids.add(member.uuid)
            found.append(member)
    return found


def scenario_of(host: DescribedHost, servers: Sequence[Member]) -> Scenario:
    """The host for the simulated hypervisor. Raises `InvalidValue`."""
    return Scenario(
        cores=host.cpus, servers=tuple(_spec(member, host.cpus) for member in servers), seed=host.seed,
        parents=dict(host.parents), host_load=host.host_load, steal=host.steal,
    )  # fmt: skip


def groups_of(groups: Sequence[GroupCreate], path: str) -> Catalog:
    """A catalog with these groups and no members; one named ``default`` says what that group's policies are.

    Schedules are left out. `path` is where the groups stand. Raises `InvalidValue`, `NotUnique`.
    """
    catalog, names = empty_catalog(), set[str]()
    for index, said in enumerate(groups):
        group_id = DEFAULT_GROUP if said.name == DEFAULT_GROUP else str(uuid.uuid5(NAMESPACE, said.name))
        active = said.active_policy
        if active is msgspec.UNSET:
            active = said.perf_policies[0].name if said.perf_policies else None
        group = WorkloadResourceGroup(
            id=group_id, name=said.name, description=said.description, perf_policies=said.perf_policies,
            active_policy=active,
        )  # fmt: skip
        if said.name in names:
            raise NotUnique(f"there is a group named {said.name!r} already; choose another name",
                            f"{path}[{index}].name")  # fmt: skip
        names.add(said.name)
        with below(f"{path}[{index}]"):
            catalog = catalog.with_group(group)
    return catalog


def with_members(catalog: Catalog, servers: Sequence[Member]) -> Catalog:
    """The catalog with all servers where they were said to be. Raises `InvalidValue`."""
    ids = {group.name: group.id for group in catalog.groups.values()}
    settings: dict[str, ServerSettings] = {}
    for member in servers:
        said, path = member.said, member.path
        group = ids.get(said.workload_resource_group)
        if group is None:
            known = ", ".join(sorted(ids))
            raise InvalidValue(
                f"there is no group named {said.workload_resource_group[:80]!r} among those of the simulation (there"
                f" are: {known[:400]}); add it to them, or put the server in another one",
                f"{path}.workload-resource-group",
            )
        if said.cpu_reserve is not None and said.cpu_cap is not None and said.cpu_reserve > said.cpu_cap:
            raise InvalidValue(f"the reserve of {said.cpu_reserve:g} CPUs is above the cap of {said.cpu_cap:g} CPUs",
                               f"{path}.cpu-reserve")  # fmt: skip
        its = ServerSettings(
            group=group, excluded=said.excluded, cpu_reserve=said.cpu_reserve, cpu_cap=said.cpu_cap
        )
        if its != NO_SETTINGS:
            settings[member.uuid] = its
    return msgspec.structs.replace(catalog, servers=settings)


@contextmanager
def below(path: str) -> Iterator[None]:
    """Errors in the block name places below `path` (empty: as they are)."""
    try:
        yield
    except InvalidValue as error:
        raise error.moved(path) from None


def _pins(said: DescribedServer, host_cpus: int, path: str) -> str | tuple[str, ...]:
    """Where its vCPUs may run, if the host has these CPUs. Raises `InvalidValue`."""
    pins = said.pinned or ()
    for pin in (pins,) if isinstance(pins, str) else pins:
        if pin and max(parse_cpus(pin, path)) >= host_cpus:
            raise InvalidValue(f"{pin} is more than the host's CPUs, 0-{host_cpus - 1}", path)
    return pins


def _spec(member: Member, host_cpus: int) -> ServerSpec:
    said = member.said
    facts: dict[str, str | tuple[str, ...]] = {str(name): value for name, value in said.attributes.items()}
    if said.metadata:
        facts["metadata"] = said.metadata
    return ServerSpec(
        name=member.name, uuid=member.uuid, vcpus=said.vcpus, load=_load(said, f"{member.path}.load"),
        shares=said.cpu_shares, facts=facts,
        status=said.status, parent=said.parent, constraint=said.constraint,
        pinned=_pins(said, host_cpus, f"{member.path}.pinned"),
        quota_us=None if said.cpu_quota is None else max(1000, round(said.cpu_quota * PERIOD_US)),
        period_us=PERIOD_US,
    )  # fmt: skip


def _load(said: DescribedServer, path: str) -> Load | tuple[Load, ...]:
    load = said.load
    if isinstance(load, tuple):
        if len(load) > said.vcpus:
            raise InvalidValue(f"{len(load)} loads for {_vcpus(said.vcpus)}; give one for each, or fewer", path)
        return load
    if not isinstance(load, Demand):
        return load
    vcpus = said.vcpus if load.vcpus is None else load.vcpus
    if vcpus > said.vcpus:
        raise InvalidValue(f"{vcpus} is more than the server's {_vcpus(said.vcpus)}", f"{path}.vcpus")
    if load.cpus > vcpus:
        raise InvalidValue(
            f"{_vcpus(vcpus)} cannot want {load.cpus:g} CPUs; {vcpus} is the most", f"{path}.cpus"
        )
    each = Curve(points=((0.0, load.cpus / vcpus),), grain_ms=load.grain_ms) if load.cpus else Idle()
    return each if vcpus == said.vcpus else (each,) * vcpus


def _vcpus(number: int) -> str:
    return f"{number} vCPU{'' if number == 1 else 's'}"
