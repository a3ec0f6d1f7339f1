"""Servers that may run on some of the host's CPUs only: who competes with whom, and what each can reach.

Servers of one parent compete where their CPUs meet. So a family falls into *pools*: servers whose sets overlap,
directly or over others. Each pool is planned by itself, with what its CPUs were measured to give. Within a pool sets
may differ. There an allocation has to fit: what servers get that are confined to some CPUs is no more than these give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from ..policy.cpu_sets import format_cpus, parse_cpus
from .allocation import Allocation, Claim, allocate
from .cpu_sharing import crowded
from .plan import Candidate
from .windows import HostWindow


@lru_cache(maxsize=8192)
def cpu_set(pins: tuple[str, ...], vcpus: int) -> frozenset[int] | None:
    """The CPUs that some vCPU of a server may run on, by `Tuning.vcpu_pins`; None: any. A server whose vCPUs cannot
    be seen has no set, either."""
    if not vcpus or len(pins) < vcpus or not all(pins[:vcpus]):
        return None
    return frozenset().union(*(parse_cpus(pin) for pin in pins[:vcpus]))


class Pool(NamedTuple):
    """Servers that compete with each other. `cpus` are those that they may run on, all together; None: any, and
    `idle` the CPUs of time that nobody used there. `sets` has those of each server that may not run on all of
    them, by UUID. `key` names the pool in what is remembered."""

    key: str
    parent: str
    servers: Sequence[Candidate]
    cpus: frozenset[int] | None
    idle: float
    sets: Mapping[str, frozenset[int]]

    def most(self, host: HostWindow) -> float:
        """CPUs that there are."""
        return float(host.cpus if self.cpus is None else len(self.cpus))


def pools(families: Mapping[str, Sequence[Candidate]], host: HostWindow) -> list[Pool]:
    """The pools of all parents. What nobody used is divided among those who wait for it: between pools of different
    parents that have the same CPUs."""
    parts: list[tuple[str, Sequence[Candidate], frozenset[int] | None]] = []
    for parent, family in families.items():
        if any(c.cpus is not None for c in family):
            parts += [(parent, servers, cpus) for servers, cpus in _overlapping(family)]
        else:
            parts.append((parent, family, None))
    waiting = [sum(c.window.delay for c in servers if c.window is not None) for _, servers, _ in parts]
    idle = _idle(waiting, [cpus for _, _, cpus in parts], host)
    found: list[Pool] = []
    for (parent, servers, cpus), free in zip(parts, idle, strict=True):
        key = parent if cpus is None else f"{parent} on CPUs {format_cpus(cpus)}"
        sets = {c.uuid: c.cpus for c in servers if c.cpus is not None and c.cpus != cpus}
        found.append(Pool(key, parent, servers, cpus, free, sets))
    return found


def _overlapping(family: Sequence[Candidate]) -> list[tuple[list[Candidate], frozenset[int] | None]]:
    """Servers whose sets overlap, directly or over others, and all their CPUs."""
    if any(c.cpus is None for c in family):
        return [(list(family), None)]
    by_set: dict[frozenset[int], list[Candidate]] = {}
    for c in family:
        assert c.cpus is not None
        by_set.setdefault(c.cpus, []).append(c)
    found: list[tuple[list[Candidate], frozenset[int]]] = []
    for cpus, servers in by_set.items():
        apart = [pool for pool in found if not pool[1] & cpus]
        meeting = [pool for pool in found if pool[1] & cpus]
        merged = [c for pool in meeting for c in pool[0]] + servers
        found = [*apart, (merged, cpus.union(*(pool[1] for pool in meeting)))]
    return [*found]


def _idle(waiting: Sequence[float], sets: Sequence[frozenset[int] | None], host: HostWindow) -> list[float]:
    """What nobody used, for each pool in the measure in which it waits for it. All of it, if nobody waits."""
    if all(cpus is None for cpus in sets):
        total = sum(waiting)
        return [host.idle * part / total if total > 0.0 else host.idle for part in waiting]
    idle = host.idle_by_cpu or dict.fromkeys(range(host.cpus), host.idle / max(1, host.cpus))
    found = [0.0] * len(sets)
    for cpu, free in idle.items():
        there = [index for index, cpus in enumerate(sets) if cpus is None or cpu in cpus]
        total = sum(waiting[index] for index in there)
        for index in there:
            found[index] += free * waiting[index] / total if total > 0.0 else free
    return found


class Confines:
    """What the servers of one pool can reach, each within its own set. Each of the pool's CPUs counts as the same part
    of its `capacity`: what host processes and steal take is not told by CPU."""

    def __init__(self, pool: Pool, host: HostWindow, capacity: float) -> None:
        every = pool.cpus
        if every is None:
            known = host.idle_by_cpu.keys() or range(host.cpus)
            every = frozenset(known).union(*pool.sets.values()) if pool.sets else frozenset(known)
        self._every = every
        self._sets = pool.sets
        self._each = capacity / len(every)

    def __bool__(self) -> bool:
        """Whether there are any: whether some may not run on all of the pool's CPUs."""
        return bool(self._sets)

    def reach(self, uuid: str) -> float:
        """CPUs that a server's own set gives at most."""
        return self._each * len(self._sets.get(uuid, self._every))

    def allocate(self, claims: Sequence[Claim], cpus: float, others: Mapping[str, float]) -> Allocation:
        """Share `cpus` out as `allocation.allocate` does, within the sets. `others` have what is theirs, in
        CPUs, spread evenly over their sets."""
        if not self._sets:
            return allocate(claims, cpus)
        room = dict.fromkeys(self._every, self._each)
        for uuid, theirs in others.items():
            own = self._sets.get(uuid, self._every)
            for cpu in own:
                room[cpu] = max(0.0, room[cpu] - theirs / len(own))
        return self._fit(claims, cpus, room)

    def _fit(self, claims: Sequence[Claim], cpus: float, room: Mapping[int, float]) -> Allocation:
        """Where some are given more than the CPUs that they are confined to can give, they have these alone, by the
        same rules, and the others have the rest."""
        allocation = allocate(claims, cpus)
        wanted: dict[frozenset[int], float] = {}
        for claim in claims:
            own = self._own(claim.uuid, room)
            wanted[own] = wanted.get(own, 0.0) + allocation.cpus[claim.uuid]
        tight = crowded(wanted, room)
        if not tight:
            return allocation
        confined = _sum(room, tight)
        inside = [c for c in claims if self._own(c.uuid, room) <= tight]
        if len(inside) == len(claims):
            # Nobody may run elsewhere: there is less for them than the whole pool has, and that is all.
            return allocation if cpus <= confined else self._fit(claims, confined, room)
        outside = [c for c in claims if not self._own(c.uuid, room) <= tight]
        rest = {cpu: part for cpu, part in room.items() if cpu not in tight}
        return self._fit(inside, confined, {cpu: room[cpu] for cpu in tight}).beside(
            self._fit(outside, min(max(0.0, cpus - confined), sum(rest.values())), rest)
        )

    def _own(self, uuid: str, room: Mapping[int, float]) -> frozenset[int]:
        return self._sets.get(uuid, self._every).intersection(room)


def _sum(room: Mapping[int, float], cpus: frozenset[int]) -> float:
    return sum(room[cpu] for cpu in cpus)
