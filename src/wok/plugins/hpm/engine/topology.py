"""Which CPUs a host has, and how near to each other they are: cores, caches, NUMA nodes.

Only CPUs that are online count. Two CPUs of one core are its hardware threads. A cache is that of the last level: the
CPUs that share it share data cheaply.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec


class Cpu(msgspec.Struct, frozen=True, gc=False):
    """One CPU by its number; its core and its last-level cache, each by the lowest number of a CPU in it, and its NUMA
    node."""

    number: int
    core: int
    cache: int
    node: int


class Topology(msgspec.Struct, frozen=True):
    """All CPUs of a host that are online, by number, in order."""

    cpus: Mapping[int, Cpu]

    def __bool__(self) -> bool:
        """Whether anything is known of the CPUs."""
        return bool(self.cpus)

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers of all CPUs."""
        return frozenset(self.cpus)

    @property
    def nodes(self) -> tuple[int, ...]:
        """The NUMA nodes that have CPUs, in order."""
        return tuple(sorted({cpu.node for cpu in self.cpus.values()}))

    def on_node(self, node: int) -> frozenset[int]:
        """The CPUs of a NUMA node; none if there is no such node."""
        return frozenset(number for number, cpu in self.cpus.items() if cpu.node == node)

    def nodes_of(self, cpus: Iterable[int]) -> frozenset[int]:
        """The nodes that some CPUs are on."""
        return frozenset(self.cpus[number].node for number in cpus if number in self.cpus)

    def caches_of(self, cpus: Iterable[int]) -> frozenset[int]:
        """The last-level caches that some CPUs have."""
        return frozenset(self.cpus[number].cache for number in cpus if number in self.cpus)

    def cores(self, among: Collection[int]) -> list[tuple[int, ...]]:
        """The CPUs `among` those given, core by core, in order."""
        found: dict[int, list[int]] = {}
        for number, cpu in self.cpus.items():
            if number in among:
                found.setdefault(cpu.core, []).append(number)
        return [tuple(cpus) for cpus in found.values()]


#: Of a host that tells nothing.
NO_TOPOLOGY = Topology({})


def topology(cpus: Iterable[Cpu]) -> Topology:
    """A topology of these CPUs."""
    return Topology({cpu.number: cpu for cpu in sorted(cpus, key=lambda cpu: cpu.number)})


def flat(cpus: int) -> Topology:
    """A host of so many cores of one thread each, one cache and one node."""
    return regular(cpus, 1, 1)


def regular(cpus: int, nodes: int, threads: int) -> Topology:
    """A host of so many CPUs on equal nodes, of one cache each, with so many threads a core. Numbered as Linux does:
    the first threads of all cores, node by node, then the second ones. Raises `ValueError` if that does not work out.
    """
    if cpus % (nodes * threads):
        raise ValueError(f"{cpus} CPUs cannot be {nodes} equal nodes with cores of {threads} threads")
    cores = cpus // threads
    each = cores // nodes
    return topology(Cpu(n, n % cores, n % cores // each * each, n % cores // each) for n in range(cpus))
