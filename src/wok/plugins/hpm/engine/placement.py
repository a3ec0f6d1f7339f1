"""Where vCPUs would be better placed: servers that wait on crowded CPUs, while others have room.

What a placement brings is projected by one function, before and after alike: each vCPU that works competes on the CPUs
that it may run on, with its part of its server's weight and with the CPUs that it would use if nothing were in its way
(`demand`), and they share as `cpu_sharing.share_on_sets` has it: weighted max-min fairness. From its CPUs follows its
velocity. Of many placements that one is better in which the *typical velocity* is higher: the geometric mean of the
vCPUs' velocities, each counted by the CPUs that it wants, and each times the speed at which it runs beside those on
other threads of its core (`core_sharing`). It rises when more is used, and when what is used is shared more evenly: one
that starves counts more than one that is a little slower.

Few servers are moved: one after another, the one that gains most, as long as a move is worth it. Whoever is moved stays
near its caches, and near its memory or goes there, unless going farther brings clearly more.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from ..policy.cpu_sets import format_cpus
from .core_sharing import Cores
from .cpu_sharing import Sharer, share_on_sets
from .demand import Demand, demand_if
from .placement_choice import pack, spread
from .topology import Topology
from .vcpu_use import VcpuUse
from .windows import IDLE_SHARE

#: How a server that may be moved is to stand: its vCPUs far apart, close together, or wherever the kernel has them.
Manner: TypeAlias = Literal["spread", "pack", "anywhere"]

#: What a move must bring: the typical velocity of those whose velocity it changes, as a factor.
WORTH = 1.05
#: By what factor more, for leaving the caches that a server has now, and for leaving all of its memory on other NUMA
#: nodes (for a part of it: accordingly less). Coming nearer to its memory is preferred by as much.
FARTHER, FAR = 1.03, 1.05
#: Servers that are moved at once, at most; and of how many that lack most the best move is made.
MOVES = 4
LOOKED_AT = 6
#: Velocities that differ by less are the same.
SAME = 0.01
#: vCPUs that are runnable for at least this part of the time always are: clocks are not read at one moment.
ALWAYS = 0.97
#: A velocity for who gets nothing at all: logarithms need one.
LEAST = 0.001
#: How much may be computed at once: projections, times vCPUs that work, times sets of CPUs if these overlap. It is half
#: a second or so. Of projections there are at least so many, so that large hosts have fewer moves at once.
EFFORT = 5_000_000
LEAST_LOOKS = 4


class Placed(msgspec.Struct, frozen=True, gc=False):
    """A running server as placement sees it: its weight, what each of its vCPUs used and waited for over the long
    window, and the CPUs that each may run on (None: any). `manner` None: it must not be moved. `among`: the CPUs that
    it may be moved to. `goal` is its velocity (0…1), 0: none. `memory`: which part of its memory each NUMA node has
    (0…1); empty: not known."""

    uuid: str
    name: str
    weight: float
    vcpus: tuple[VcpuUse, ...]
    pins: tuple[frozenset[int] | None, ...]
    manner: Manner | None = None
    among: frozenset[int] = frozenset()
    goal: float = 0.0
    memory: Mapping[int, float] = {}
    limit: float | None = None


class Move(msgspec.Struct, frozen=True):
    """Other CPUs for the vCPUs of a server (None: any), and why."""

    uuid: str
    before: tuple[frozenset[int] | None, ...]
    after: tuple[frozenset[int] | None, ...]
    reason: str


class Proposal(msgspec.Struct, frozen=True):
    """Moves, and what they are to bring: velocities (0…1) of the servers that they change, as projected before and
    after, the CPUs that these use after, and the total velocity of all these servers (of the sums of what they use and
    wait for)."""

    moves: tuple[Move, ...]
    before: Mapping[str, float]
    after: Mapping[str, float]
    cpus: Mapping[str, float]
    total_before: float
    total_after: float


class _Vcpu(msgspec.Struct, frozen=True, gc=False):
    """One vCPU that works."""

    server: int
    number: int
    weight: float
    demand: Demand


class Projection(msgspec.Struct, frozen=True):
    """What each working vCPU gets, its velocity then (0…1), and how fast it runs beside others on its core (0…1)."""

    cpus: Sequence[float]
    velocities: Sequence[float]
    speeds: Sequence[float]


def propose(
    servers: Sequence[Placed], topology: Topology, room: Mapping[int, float], resting: Collection[str] = ()
) -> Proposal | None:
    """Moves that are worth it; None if there are none. `room` is what each CPU has to give to servers (0…1). Servers
    that are `resting` were moved a short while ago, and stay where they are. Goals that are met, by the projection, are
    not given up for a move."""
    host = _Host(servers, topology, room)
    looks = host.looks()
    pins = [server.pins for server in servers]
    first = now = host.project(pins)
    moves: list[Move] = []
    moved: set[int] = set()
    while len(moves) < MOVES and looks > 0:
        best: tuple[float, int, tuple[frozenset[int] | None, ...], Projection] | None = None
        for place in host.waiting(now, pins, moved, resting)[:LOOKED_AT]:
            for wanted in host.targets(place, pins):
                looks -= 1
                if looks < 0:
                    break
                trial = [*pins[:place], wanted, *pins[place + 1 :]]
                then = host.project(trial)
                bare = host.gain(now, then)
                gain = bare / host.farther(place, pins[place], wanted)
                worth = min(bare, gain) >= WORTH
                if worth and (best is None or gain > best[0]) and not host.fails_goals(now, then):
                    best = gain, place, wanted, then
        if best is None:
            break
        _, place, wanted, then = best
        moves.append(Move(servers[place].uuid, pins[place], wanted, host.reason(place, pins, now, wanted)))
        pins[place], now = wanted, then
        moved.add(place)
    return host.proposal(moves, first, now) if moves else None


class _Host:
    """The working vCPUs of a host, while placements are compared."""

    def __init__(self, servers: Sequence[Placed], topology: Topology, room: Mapping[int, float]) -> None:
        self.servers, self.topology, self.room = servers, topology, room
        self.every, self.cores = frozenset(room), Cores(topology)
        self.vcpus = list(_working(servers))
        self.of_server: dict[int, list[int]] = {}
        for index, vcpu in enumerate(self.vcpus):
            self.of_server.setdefault(vcpu.server, []).append(index)

    def project(self, pins: Sequence[tuple[frozenset[int] | None, ...]]) -> Projection:
        """What comes of these pinnings."""
        sets = [self._set(pins, v) for v in self.vcpus]
        given = share_on_sets(
            [Sharer(v.weight, v.demand.most, cpus) for v, cpus in zip(self.vcpus, sets, strict=True)], self.room
        )
        velocities = [v.demand.velocity(cpus) if cpus > 0.0 else 0.0 for v, cpus in zip(self.vcpus, given, strict=True)]
        return Projection(given, velocities, self.cores.speeds(list(zip(sets, given, strict=True))))

    def _set(self, pins: Sequence[tuple[frozenset[int] | None, ...]], vcpu: _Vcpu) -> frozenset[int]:
        its = pins[vcpu.server]
        own = its[vcpu.number] if vcpu.number < len(its) else None
        return self.every if own is None else own & self.every

    def waiting(
        self, now: Projection, pins: Sequence[tuple[frozenset[int] | None, ...]], moved: Collection[int],
        resting: Collection[str],
    ) -> list[int]:  # fmt: skip
        """Servers that are pinned and may be moved, those that lack most first. Who is to be packed shares cores, and
        lacks nothing by that."""
        lacks: dict[int, float] = {}
        for place, server in enumerate(self.servers):
            if server.manner is None or place in moved or server.uuid in resting or not any(pins[place]):
                continue
            packed = server.manner == "pack"
            lack = sum(
                self.vcpus[i].demand.most - now.cpus[i] * (1.0 if packed else now.speeds[i])
                for i in self.of_server.get(place, ())
            )
            if lack > IDLE_SHARE:
                lacks[place] = lack
        return sorted(lacks, key=lambda place: (-lacks[place], self.servers[place].uuid))

    def looks(self) -> int:
        """How many projections may be made."""
        sets = {cpus or self.every for server in self.servers for cpus in server.pins}
        overlap = sum(map(len, sets)) > len(self.every)
        return max(LEAST_LOOKS, EFFORT // max(1, len(self.vcpus) * (len(sets) if overlap else 1)))

    def targets(
        self, place: int, pins: Sequence[tuple[frozenset[int] | None, ...]]
    ) -> Iterator[tuple[frozenset[int] | None, ...]]:
        """Where a server could stand: within its caches, its nodes, where its memory is, and anywhere that it may."""
        server, crowd = self.servers[place], self._crowd(place, pins)
        own = frozenset().union(*(cpus for cpus in pins[place] if cpus)) & server.among
        caches, nodes = self.topology.caches_of(own), self.topology.nodes_of(own)
        near = frozenset(c for c in server.among if c in self.topology.cpus and self.topology.cpus[c].cache in caches)
        node = frozenset(c for c in server.among if c in self.topology.cpus and self.topology.cpus[c].node in nodes)
        most = max(server.memory, key=server.memory.__getitem__, default=-1)
        home = self.topology.on_node(most) & server.among
        seen = {pins[place]}
        rooms = (server.among,) if server.manner == "anywhere" else (near, node, home, server.among)
        for among in dict.fromkeys(rooms):
            if not among:
                continue
            found = self._stand(server.manner, len(server.vcpus), among, crowd)
            if found not in seen:
                seen.add(found)
                yield found

    def _stand(
        self, manner: Manner | None, vcpus: int, among: frozenset[int], crowd: Mapping[int, float]
    ) -> tuple[frozenset[int] | None, ...]:
        if manner == "spread":
            return tuple(spread(vcpus, self.topology, among, crowd))
        if manner == "pack":
            return (pack(vcpus, self.topology, among, crowd),) * vcpus
        return (None if among == self.every else among,) * vcpus

    def _crowd(self, place: int, pins: Sequence[tuple[frozenset[int] | None, ...]]) -> dict[int, float]:
        """CPUs of time that the others want on each CPU. Those that may run anywhere go where there is room."""
        crowd: dict[int, float] = {}
        for vcpu in self.vcpus:
            cpus = self._set(pins, vcpu)
            if vcpu.server != place and cpus != self.every:
                for cpu in cpus:
                    crowd[cpu] = crowd.get(cpu, 0.0) + vcpu.demand.most / len(cpus)
        return crowd

    def gain(self, before: Projection, after: Projection) -> float:
        """The factor by which the typical velocity of those rises whose velocity, or speed, changes."""
        wants = logs = 0.0
        old, new = ([v * s for v, s in zip(found.velocities, found.speeds, strict=True)] for found in (before, after))
        for vcpu, then, now in zip(self.vcpus, old, new, strict=True):
            if abs(now - then) > SAME:
                wants += vcpu.demand.most
                logs += vcpu.demand.most * math.log(max(now, LEAST) / max(then, LEAST))
        return math.exp(logs / wants) if wants > 0.0 else 1.0

    def farther(
        self, place: int, before: tuple[frozenset[int] | None, ...], after: tuple[frozenset[int] | None, ...]
    ) -> float:
        """What a move has to bring beside, because caches are cold there, or memory is far; below 1 where that is
        nearer. Of one that is let go the kernel sees to that."""
        server = self.servers[place]
        if server.manner == "anywhere":
            return 1.0
        old, new = (frozenset().union(*(cpus or self.every for cpus in pins)) for pins in (before, after))
        if server.memory:
            away = self._near(server.memory, old) - self._near(server.memory, new)
        else:    # most likely it is where the server runs
            away = 0.0 if self.topology.nodes_of(new) <= self.topology.nodes_of(old) else 1.0
        stays = self.topology.caches_of(new) <= self.topology.caches_of(old)
        return float(FAR**away) * (1.0 if stays else FARTHER)

    def _near(self, memory: Mapping[int, float], cpus: frozenset[int]) -> float:
        """Which part of this memory is on the nodes of these CPUs, in the mean over them."""
        nodes = [self.topology.cpus[cpu].node for cpu in cpus if cpu in self.topology.cpus]
        return sum(memory.get(node, 0.0) for node in nodes) / max(1, len(nodes))

    def fails_goals(self, before: Projection, after: Projection) -> bool:
        """Whether a server would miss its goal that meets it now."""
        return any(
            server.goal and self.velocity(place, before) >= server.goal > self.velocity(place, after)
            for place, server in enumerate(self.servers) if place in self.of_server
        )  # fmt: skip

    def velocity(self, place: int, found: Projection) -> float:
        """The velocity of a server, by the sums over its vCPUs."""
        return _velocity(self.of_server[place], found)

    def reason(
        self, place: int, pins: Sequence[tuple[frozenset[int] | None, ...]], now: Projection,
        after: tuple[frozenset[int] | None, ...],
    ) -> str:  # fmt: skip
        """Why a server is to be moved, in words."""
        crowded = frozenset().union(*(
            self._set(pins, self.vcpus[i]) for i in self.of_server[place]
            if self.vcpus[i].demand.most - now.cpus[i] > IDLE_SHARE
        ))  # fmt: skip
        new = _cpus(frozenset().union(*(cpus or self.every for cpus in after)))
        if not crowded:
            own = self.of_server[place]
            slow = min(own, key=lambda i: now.speeds[i])
            return (
                f"{self.servers[place].name} runs at {now.speeds[slow]:.0%} of its speed on"
                f" {_cpus(self._set(pins, self.vcpus[slow]))}, beside others on the same core; it would run on {new}"
            )
        wanted = sum(v.demand.most for v in self.vcpus if self._set(pins, v) <= crowded)
        there = sum(self.room[cpu] for cpu in crowded)
        return (
            f"{self.servers[place].name} waits on {_cpus(crowded)}, where {wanted:.2f} CPUs are wanted of {there:.2f};"
            f" it would run on {new}"
        )

    def proposal(self, moves: Sequence[Move], first: Projection, last: Projection) -> Proposal:
        """The moves with what they change."""
        movers = {move.uuid for move in moves}
        before: dict[str, float] = {}
        after: dict[str, float] = {}
        cpus: dict[str, float] = {}
        concerned: list[int] = []
        for place, indexes in self.of_server.items():
            server = self.servers[place]
            then, now = _velocity(indexes, first), _velocity(indexes, last)
            if server.uuid in movers or abs(now - then) > SAME:
                before[server.uuid], after[server.uuid] = then, now
                cpus[server.uuid] = sum(last.cpus[i] for i in indexes)
                concerned += indexes
        totals = _velocity(concerned, first), _velocity(concerned, last)
        return Proposal(tuple(moves), before, after, cpus, *totals)


def _working(servers: Sequence[Placed]) -> Iterator[_Vcpu]:
    """The vCPUs that work. A server's weight is shared by them; a quota limits what they can use, all together."""
    for place, server in enumerate(servers):
        busy = [(n, use) for n, use in enumerate(server.vcpus) if use.using + use.delay > IDLE_SHARE]
        sleeps = [_sleep(use) for _, use in busy]
        total = sum(1.0 / (1.0 + sleep) for sleep in sleeps)
        part = 1.0 if server.limit is None or total <= 0.0 else min(1.0, server.limit / total)
        for (number, _), sleep in zip(busy, sleeps, strict=True):
            most = 1.0 / (1.0 + sleep)
            limit = None if part == 1.0 else part * most
            yield _Vcpu(place, number, max(1.0, server.weight) / len(busy), demand_if(1.0, sleep, limit))


def _sleep(use: VcpuUse) -> float:
    """Seconds that a vCPU sleeps per second of work."""
    runnable = use.using + use.delay
    return 0.0 if runnable >= ALWAYS else (1.0 - runnable) / max(use.using, LEAST)


def _velocity(indexes: Sequence[int], found: Projection) -> float:
    """Of the sums of what these vCPUs use and wait for."""
    using = sum(found.cpus[i] for i in indexes)
    busy = sum(found.cpus[i] / found.velocities[i] for i in indexes if found.velocities[i] > 0.0)
    busy += sum(1.0 for i in indexes if found.velocities[i] <= 0.0)    # it waits all the time
    return using / busy if busy > 0.0 else 0.0


def _cpus(cpus: frozenset[int]) -> str:
    return f"CPU{'s' if len(cpus) > 1 else ''} {format_cpus(cpus)}"
