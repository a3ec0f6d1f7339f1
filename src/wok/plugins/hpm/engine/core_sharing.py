"""How fast vCPUs run beside each other on the hardware threads of one core.

Two that run on two threads of a core both have a CPU, and wait for nobody; but they share what the core can do. CPU
time, and so velocity, does not show that. It is estimated from how busy the other threads of the core are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from .topology import Topology

#: What a core does when twice as many of its threads are busy, as a factor. D. T. Marr and others, *Hyper-Threading
#: Technology Architecture and Microarchitecture*, Intel Technology Journal 6(1), 2002: 1.21 for transactions, 1.16 to
#: 1.28 for web servers. (The kernel's scheduler long reckoned with 1178/1024, `smt_gain`.) Cores of four and eight
#: threads gain about that with each doubling, too.
SMT_GAIN = 1.25

_LOSS = 1.0 - math.log2(SMT_GAIN)

#: A set of CPUs, and what one vCPU on it uses of them.
Use: TypeAlias = "tuple[frozenset[int], float]"


class _Sharer(NamedTuple):
    """Those with the same CPUs, on one core: on which of its threads they may run, and what they use there, in so many
    equal parts."""

    cpus: frozenset[int]
    threads: tuple[int, ...]
    parts: int
    used: float


class Cores:
    """The cores of a host that have several threads."""

    def __init__(self, topology: Topology) -> None:
        cores = [core for core in topology.cores(topology.numbers) if len(core) > 1]
        self._core = {cpu: core for core in cores for cpu in core}
        self._parts: dict[frozenset[int], Mapping[tuple[int, ...], tuple[int, ...]]] = {}

    def speeds(self, uses: Sequence[Use]) -> list[float]:
        """How fast each one runs while it runs (0…1]; 1: as if it had its core for itself. Those with the same CPUs are
        taken to be alike, and to use each core of theirs alike."""
        if not self._core:
            return [1.0] * len(uses)
        total: dict[frozenset[int], float] = {}
        count: dict[frozenset[int], int] = {}
        for cpus, used in uses:
            total[cpus] = total.get(cpus, 0.0) + used
            count[cpus] = count.get(cpus, 0) + 1
        there: dict[tuple[int, ...], list[_Sharer]] = {}
        for cpus, used in total.items():
            for core, threads in self._cores_of(cpus).items():
                # On several cores each has its own, as long as there are enough.
                parts = count[cpus] if len(threads) == len(cpus) else 1
                there.setdefault(core, []).append(_Sharer(cpus, threads, parts, used * len(threads) / len(cpus)))
        lost: dict[frozenset[int], float] = {}
        for core, sharers in there.items():
            for one, speed in zip(sharers, _on_core(core, sharers), strict=True):
                lost[one.cpus] = lost.get(one.cpus, 0.0) + one.used * (1.0 - speed)
        return [1.0 - lost.get(cpus, 0.0) / total[cpus] if total[cpus] > 0.0 else 1.0 for cpus, _ in uses]

    def _cores_of(self, cpus: frozenset[int]) -> Mapping[tuple[int, ...], tuple[int, ...]]:
        """The cores of several threads that these CPUs are of, and which threads of each they are."""
        known = self._parts.get(cpus)
        if known is None:
            found: dict[tuple[int, ...], list[int]] = {}
            for cpu in cpus:
                if cpu in self._core:
                    found.setdefault(self._core[cpu], []).append(cpu)
            known = self._parts[cpus] = {core: tuple(sorted(threads)) for core, threads in found.items()}
        return known


def _on_core(core: Sequence[int], sharers: Sequence[_Sharer]) -> list[float]:
    """How fast each runs on that core. Who may run on several threads is on the one that is used least, as the kernel
    has it; those on the same thread take turns, and do not slow each other."""
    if len(sharers) == 1 and sharers[0].parts == 1 and sharers[0].used <= 1.0:
        return [1.0]
    load = dict.fromkeys(core, 0.0)
    placed: list[dict[int, float]] = [{} for _ in sharers]
    for index in sorted(range(len(sharers)), key=lambda index: (len(sharers[index].threads), sharers[index].threads)):
        one = sharers[index]
        for _ in range(one.parts):
            left = one.used / one.parts
            for thread in sorted(one.threads, key=lambda thread: (load[thread], thread)):
                amount = min(left, max(0.0, 1.0 - load[thread]))
                load[thread] += amount
                placed[index][thread] = placed[index].get(thread, 0.0) + amount
                left -= amount
    busy = sum(load.values())
    return [
        sum(amount * (1.0 + busy - load[thread])**-_LOSS for thread, amount in where.items())
        / sum(where.values()) if sum(where.values()) > 0.0 else 1.0
        for where in placed
    ]  # fmt: skip
