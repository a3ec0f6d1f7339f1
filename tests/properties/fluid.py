"""A fluid model of a host: CPU shares in, what each virtual server ran and waited out.

It is not the planner's model. Parents share the host's capacity, and the servers of one parent share
what it got, by weighted max-min fairness; the water level is found by bisection. A vCPU works in cycles
of fixed work and fixed sleep. While runnable it runs at the rate that its part of its server's weight
gives it, at most 1; it divides that weight with those of the server's vCPUs that are runnable just then.
After each wake-up it waits as well, the longer the less of the weight it has and the busier the others
are; no weight makes up for that in full. A cap is a quota: once it is used up the server is throttled,
and before that it competes like any other. While it runs the others have less than in the mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, sqrt

import msgspec

from hpm.engine.windows import IDLE_SHARE, HostWindow, ServerWindow
from hpm.policy.goals import Importance

#: Steps of a bisection: enough for weights of 2 beside 10000.
STEPS = 50


class Plain(msgspec.Struct, frozen=True):
    """A value that is written as the code that makes it, without what is as usual."""

    def __repr__(self) -> str:
        said = []
        for field in msgspec.structs.fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                said.append(f"{field.name}={value!r}")
        return f"{type(self).__name__}({', '.join(said)})"


class Load(Plain, frozen=True):
    """What each working vCPU does, again and again: `work` seconds on a CPU, then `sleep` seconds of sleep.
    `latency` is what it waits after a wake-up, in seconds, if it has next to no weight on a busy host."""

    work: float
    sleep: float = 0.0
    latency: float = 0.0

    @property
    def spins(self) -> bool:
        """Whether it never sleeps."""
        return self.sleep == 0.0


SPIN = Load(1.0)


class Server(Plain, frozen=True):
    """One virtual server. `working` of its `vcpus` have work to do (0: it is idle).

    `goal` in percent, 0: discretionary, None: its group has no policy. `held` says why it is left alone.
    `shares` are those it had before hpm came. `reserve` and `cap` in CPUs.
    """

    name: str
    vcpus: int = 1
    working: int = 1
    load: Load = SPIN
    goal: int | None = 0
    importance: Importance = "highest"
    reserve: float | None = None
    cap: float | None = None
    held: str | None = None
    shares: int = 1024
    parent: str = "machine"

    @property
    def busy(self) -> bool:
        """Whether it has work and is not paused."""
        return self.working > 0 and self.held != "paused"

    @property
    def managed(self) -> bool:
        """Whether hpm may change its shares: it has a policy or a reserve, and nothing forbids it."""
        return (self.goal is not None or self.reserve is not None) and self.held is None

    @property
    def quota(self) -> float:
        """CPUs that its quota lets it use. An excluded server's cap is not applied."""
        return inf if self.cap is None or self.held == "excluded" else self.cap


class Host(Plain, frozen=True):
    """`cores` CPUs, of which `taken` (CPUs) go to steal and the host's own processes; `weights` of the
    parents, 1024 where none is named."""

    cores: int
    servers: tuple[Server, ...]
    taken: float = 0.0
    weights: Mapping[str, int] = {}

    @property
    def capacity(self) -> float:
        """CPUs for virtual servers."""
        return self.cores - self.taken

    def without(self, name: str) -> Host:
        """The same host, one server less."""
        return msgspec.structs.replace(self, servers=tuple(s for s in self.servers if s.name != name))


class Used(msgspec.Struct, frozen=True):
    """What one server did, in CPUs."""

    using: float
    delay: float
    throttled: float


def run(host: Host, shares: Mapping[str, int]) -> dict[str, Used]:
    """What every busy server does when these shares are in force."""
    wanted = sum(min(s.quota, s.working / (1.0 + s.load.sleep / s.load.work)) for s in host.servers if s.busy)
    families: dict[str, list[_Competitor]] = {}
    for server in host.servers:
        if server.busy:
            families.setdefault(server.parent, []).append(_Competitor(server, shares[server.name], host, wanted))
    for family in families.values():
        total = sum(c.weight for c in family)
        for c in family:
            c.wait *= 1.0 - c.weight / total
    most = {parent: sum(c.use(inf) for c in family) for parent, family in families.items()}
    weights = {parent: host.weights.get(parent, 1024) for parent in families}
    used: dict[str, Used] = {}
    for parent, cpus in _fill(most, weights, host.capacity).items():
        family = families[parent]
        level = _level(family, cpus) if most[parent] > cpus else inf
        for c in family:
            used[c.server.name] = c.used(level, cpus)
    return used


class _Competitor:
    """A busy server in competition at some water level (CPUs per share)."""

    def __init__(self, server: Server, weight: int, host: Host, wanted: float) -> None:
        load = server.load
        self.server = server
        self.weight = weight
        self.number = server.working
        self.sleep = load.sleep / load.work
        own = min(server.quota, server.working / (1.0 + self.sleep))
        #: Seconds runnable for a second of work if it has the host to itself until its quota is used up.
        self.fastest = self.number / host.capacity - self.sleep
        self.wait = load.latency / load.work * min(1.0, (wanted - own) / host.capacity)

    def slowness(self, level: float) -> float:
        """Seconds runnable for a second of work, at that water level.

        With y for it, the rate is 1 / (y − wait), and also weight × level over the vCPUs that are runnable
        beside this one, 1 + (number − 1) × y / (y + sleep): a quadratic equation with one positive root.
        """
        if level == inf:
            return max(1.0 + self.wait, self.fastest)
        part = self.weight * level
        if part == 0.0:
            return inf
        half = (part * (self.sleep - self.wait) - self.number) / (2.0 * part)
        root = sqrt(half * half + self.sleep * (self.wait + 1.0 / part))
        return max(1.0 + self.wait, self.fastest, root - half)

    def use(self, level: float) -> float:
        """CPUs used at that water level."""
        return min(self.server.quota, self.number / (self.slowness(level) + self.sleep))

    def used(self, level: float, cpus: float) -> Used:
        """What it does at that water level, when its family has so many CPUs. Until a quota stops it, its siblings
        have what it leaves them just then, in place of what it leaves them in the mean: the level is lower."""
        using = self.use(level)
        if using == self.server.quota and level < inf:
            level = cpus / (self.weight + (cpus - using) / level)
        slowness = self.slowness(level)
        # What is neither running, waiting nor sleeping is throttled.
        throttled = max(0.0, self.number - using * (slowness + self.sleep))
        return Used(using, using * (slowness - 1.0), throttled if using == self.server.quota else 0.0)


def _level(family: Sequence[_Competitor], cpus: float) -> float:
    """The water level at which a family uses that many CPUs."""
    low, high = 0.0, max(c.number / c.weight for c in family)
    for _ in range(STEPS):
        middle = (low + high) / 2.0
        if sum(c.use(middle) for c in family) > cpus:
            high = middle
        else:
            low = middle
    return high


def _fill(most: Mapping[str, float], weights: Mapping[str, int], capacity: float) -> dict[str, float]:
    """CPUs of each parent: in proportion to weight, at most what it can use."""
    low, high = 0.0, max((most[name] / weights[name] for name in most), default=0.0)
    if sum(most.values()) <= capacity:
        return dict(most)
    for _ in range(STEPS):
        middle = (low + high) / 2.0
        if sum(min(most[name], weights[name] * middle) for name in most) > capacity:
            high = middle
        else:
            low = middle
    return {name: min(most[name], weights[name] * low) for name in most}


def window(host: Host, used: Mapping[str, Used], seconds: float) -> HostWindow:
    """The window that hpm would see of that."""
    servers = {s.name: _server_window(s, used.get(s.name)) for s in host.servers}
    idle = max(0.0, host.capacity - sum(u.using for u in used.values()))
    return HostWindow(seconds, host.cores, idle, host.taken, servers)


def _server_window(server: Server, used: Used | None) -> ServerWindow:
    if server.held == "paused":
        return ServerWindow(server.name, "paused", server.vcpus, 0, 0.0, 0.0, 0.0)
    if used is None or used.using + used.delay <= IDLE_SHARE:
        return ServerWindow(server.name, "idle", server.vcpus, 0, 0.0, 0.0, 0.0 if used is None else used.throttled)
    moved = (used.using + used.delay + used.throttled) / server.working > IDLE_SHARE
    return ServerWindow(
        server.name, "busy", server.vcpus, server.working if moved else 1, used.using, used.delay, used.throttled
    )
