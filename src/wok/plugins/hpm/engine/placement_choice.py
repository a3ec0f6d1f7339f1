"""From what is wanted of a server's vCPUs to the CPUs of this host that each one may run on.

`spread` gives each vCPU a core of its own, as far from the others as can be: on another node, behind another cache.
`pack` gives them as few cores as can be, behind one cache. Where several places are equally good, the one wins where
fewest vCPUs are placed already (`crowd`), then the lowest number. Nothing here knows what guests do: that is
`placement`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ..errors import Conflict, InvalidValue
from ..policy.cpu_sets import format_cpus, parse_cpus
from ..policy.field_reasons import Reason
from ..policy.guest_policies import Anywhere, EachOnCpus, OnCpus, OnNode, Pack, Placement, Spread
from .topology import Topology


def choose(
    placement: Placement, vcpus: int, topology: Topology, taken: Collection[int],
    crowd: Mapping[int, float] | None = None,
) -> tuple[str, ...]:  # fmt: skip
    """Where each of so many vCPUs may run: a list of CPUs for each, empty: on any.

    `taken` are CPUs that other servers have for themselves alone; `crowd` says how many vCPUs are placed on each CPU
    already. Raises `InvalidValue` for a CPU or a node that the host has not, and `Conflict`, with the numbers, where
    others have the CPUs alone, or there are too few of them.
    """
    free = topology.numbers.difference(taken)
    if not free:
        raise _conflict(Reason("none-free", cpus=format_cpus(topology.numbers)))
    sets = _chosen(placement, vcpus, topology, free, crowd)
    if not isinstance(placement, Anywhere) and placement.exclusive:
        enough(len(frozenset().union(*sets)), free)
    return tuple("" if cpus == topology.numbers else format_cpus(cpus) for cpus in sets)


def _chosen(
    placement: Placement, vcpus: int, topology: Topology, free: frozenset[int], crowd: Mapping[int, float] | None
) -> tuple[frozenset[int], ...]:
    taken = topology.numbers - free
    if isinstance(placement, OnCpus):
        return (on_these(parse_cpus(placement.cpus, "cpus"), topology, taken, "cpus"),) * vcpus
    if isinstance(placement, EachOnCpus):
        lists = [parse_cpus(one, f"cpus[{index}]") for index, one in enumerate(placement.cpus)]
        sets = [on_these(cpus, topology, taken, f"cpus[{index}]") for index, cpus in enumerate(lists)]
        return (*sets, *(free for _ in range(vcpus - len(sets))))[:vcpus]
    if isinstance(placement, OnNode):
        cpus = on_node(placement.node, topology, taken, "node")
        if placement.exclusive:
            on_these(topology.on_node(placement.node), topology, taken, "node")
        return (cpus,) * vcpus
    if isinstance(placement, Anywhere):
        return (free,) * vcpus
    if placement.exclusive:
        enough(vcpus, free)
    if isinstance(placement, Spread):
        return spread(vcpus, topology, free, crowd)
    return (pack(vcpus, topology, free, crowd),) * vcpus


def on_these(wanted: frozenset[int], topology: Topology, taken: Collection[int], path: str = "") -> frozenset[int]:
    """The CPUs of a list, if the host has them all and none belongs to another server alone.

    Raises `InvalidValue` naming those that the host has not, `Conflict` naming those that others have.
    """
    unknown = wanted - topology.numbers
    if unknown:
        raise _invalid(Reason("no-cpu", cpus=format_cpus(unknown), there=format_cpus(topology.numbers)), path)
    lost = wanted.intersection(taken)
    if lost:
        raise _conflict(
            Reason("belongs-to-another", cpus=format_cpus(lost),
                   free=format_cpus(topology.numbers.difference(taken)) or "none")
        )  # fmt: skip
    return wanted


def on_node(node: int, topology: Topology, taken: Collection[int], path: str = "") -> frozenset[int]:
    """The CPUs of a NUMA node that belong to nobody alone. Raises `InvalidValue` if there is no such node,
    `Conflict` if none of its CPUs is free."""
    cpus = topology.on_node(node)
    if not cpus:
        nodes = ", ".join(map(str, topology.nodes))
        raise _invalid(Reason("no-node", node=node, nodes=nodes), path)
    free = cpus.difference(taken)
    if not free:
        raise _conflict(Reason("node-is-taken", node=node, cpus=format_cpus(cpus)))
    return free


def spread(
    vcpus: int, topology: Topology, among: Collection[int], crowd: Mapping[int, float] | None = None
) -> tuple[frozenset[int], ...]:
    """A core for each vCPU (all its threads that are `among` the CPUs given), as far apart as can be. With fewer cores
    than vCPUs each one gets a single CPU, and with fewer CPUs than that some get the same one."""
    cores = topology.cores(among)
    places = cores if len(cores) >= vcpus else [(cpu,) for core in cores for cpu in core]
    used: dict[tuple[str, int], int] = {}

    def badness(place: tuple[int, ...]) -> tuple[float, ...]:
        cpu = topology.cpus[place[0]]
        return (
            used.get(("place", place[0]), 0), used.get(("core", cpu.core), 0), _crowd(place, crowd) / len(place),
            used.get(("node", cpu.node), 0), used.get(("cache", cpu.cache), 0), -len(place), place[0],
        )  # fmt: skip

    chosen: list[frozenset[int]] = []
    for _ in range(vcpus):
        place = min(places, key=badness)
        cpu = topology.cpus[place[0]]
        for key in (("place", place[0]), ("core", cpu.core), ("node", cpu.node), ("cache", cpu.cache)):
            used[key] = used.get(key, 0) + 1
        chosen.append(frozenset(place))
    return tuple(chosen)


def pack(
    vcpus: int, topology: Topology, among: Collection[int], crowd: Mapping[int, float] | None = None
) -> frozenset[int]:
    """As many CPUs as vCPUs in as few cores as can be, within one cache, or else one node, if one is large enough; all
    of `among` if there are fewer."""
    for group in ("core", "cache", "node"):
        rooms: dict[int, list[int]] = {}
        for number in among:
            rooms.setdefault(getattr(topology.cpus[number], group), []).append(number)
        fitting = [cpus for cpus in rooms.values() if len(cpus) >= vcpus]
        if fitting:
            room = min(fitting, key=lambda cpus: (_crowd(cpus, crowd) / len(cpus), len(cpus), min(cpus)))
            return _fewest_cores(vcpus, topology, room, crowd)
    return _fewest_cores(vcpus, topology, among, crowd)


def _fewest_cores(
    vcpus: int, topology: Topology, room: Collection[int], crowd: Mapping[int, float] | None
) -> frozenset[int]:
    cores = sorted(topology.cores(room), key=lambda core: (-len(core), _crowd(core, crowd), core))
    cpus = [cpu for core in cores for cpu in core]
    return frozenset(cpus[:vcpus])


def _crowd(cpus: Collection[int], crowd: Mapping[int, float] | None) -> float:
    return sum(crowd.get(cpu, 0.0) for cpu in cpus) if crowd else 0.0


def enough(wanted: int, free: Collection[int]) -> None:
    """Whether one server can have so many of the `free` CPUs for itself alone, and one is left for everybody else.
    Raises `Conflict` with the numbers."""
    if len(free) < wanted:
        raise _conflict(Reason("alone-too-few", wanted=wanted, count=len(free), free=format_cpus(free)))
    if len(free) == wanted:
        raise _conflict(Reason("alone-leaves-none", wanted=wanted, count=len(free), free=format_cpus(free)))


def holds(
    placement: Placement, pins: Sequence[str], vcpus: int, topology: Topology, taken: Collection[int]
) -> bool:
    """Whether vCPUs that may run on `pins` (a list of CPUs for each, empty: any) are placed as the policy says. Many
    places are as good for what is to be spread or packed, so it holds wherever `placement` has moved a server to.

    Raises as `choose` does.
    """
    wanted = choose(placement, vcpus, topology, taken)
    own = tuple([*pins, *[""] * (vcpus - len(pins))][:vcpus])
    if own == wanted or not isinstance(placement, Spread | Pack) or placement.exclusive:
        return own == wanted
    now, then = ([parse_cpus(one) if one else topology.numbers for one in lists] for lists in (own, wanted))
    if any(cpus.intersection(taken) or cpus - topology.numbers for cpus in now):
        return False
    if isinstance(placement, Spread):
        return _cores(now, topology) == _cores(then, topology)
    return len(set(now)) == 1 and _extent(now[0], topology) == _extent(then[0], topology)


def _cores(sets: Sequence[frozenset[int]], topology: Topology) -> tuple[int, int]:
    """How many cores there are in all, and in the largest set."""
    cores = [frozenset(topology.cpus[cpu].core for cpu in cpus) for cpus in sets]
    return len(frozenset().union(*cores)), max(map(len, cores))


def _extent(cpus: frozenset[int], topology: Topology) -> tuple[int, int, int, int]:
    """How many CPUs, cores, caches and nodes these are."""
    cores = {topology.cpus[cpu].core for cpu in cpus}
    return len(cpus), len(cores), len(topology.caches_of(cpus)), len(topology.nodes_of(cpus))


def _conflict(reason: Reason) -> Conflict:
    error = Conflict(str(reason))
    error.field_reason = reason
    return error


def _invalid(reason: Reason, path: str) -> InvalidValue:
    error = InvalidValue(str(reason), path)
    error.field_reason = reason
    return error
