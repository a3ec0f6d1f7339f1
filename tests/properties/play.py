"""The manager's loop without a manager: window → plan → shares in force → next window, memory carried along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

import msgspec

from hpm.engine.index import MET
from hpm.engine.learned import Memory
from hpm.engine.plan import Candidate, Plan
from hpm.engine.planner import plan
from hpm.engine.weights import HIGHEST, RATIO
from hpm.engine.windows import HostWindow, ServerWindow
from hpm.policy.assignment import Assignment
from hpm.policy.goals import DiscretionaryGoal, VelocityGoal
from tests.properties.fluid import Host, Server, Used, run, window

SECONDS = 3.0


class Interval(msgspec.Struct, frozen=True):
    """One interval: what was seen, what was planned, and the new shares by server that were written at its end."""

    seen: HostWindow
    candidates: Sequence[Candidate]
    plan: Plan
    changes: dict[str, int]


class Play:
    """A host with the planner at work on it. `disturb` may change what the planner sees of a server."""

    def __init__(self, host: Host, disturb: Callable[[ServerWindow], ServerWindow] | None = None) -> None:
        self.host = host
        self.disturb = disturb
        self.shares = {s.name: s.shares for s in host.servers}
        self.memory = Memory()
        self.generation = 1
        self.intervals: list[Interval] = []

    def used(self) -> dict[str, Used]:
        """What the servers do with the shares that are in force now."""
        return run(self.host, self.shares)

    def velocity(self, name: str) -> float | None:
        """A busy server's velocity (0…1) with the shares in force now; None without work."""
        used = self.used().get(name)
        return None if used is None else used.using / (used.using + used.delay)

    def step(self, number: int = 1) -> list[Interval]:
        """Play some intervals."""
        for _ in range(number):
            seen = window(self.host, self.used(), SECONDS)
            if self.disturb is not None:
                servers = {name: self.disturb(one) for name, one in seen.servers.items()}
                seen = msgspec.structs.replace(seen, servers=servers)
            candidates = candidates_of(self.host, seen, self.shares)
            made = plan(seen, candidates, self.memory, self.generation)
            self.memory = made.memory
            changes = {c.uuid: c.shares_after for d in made.decisions for c in d.changes}
            self.shares.update(changes)
            self.intervals.append(Interval(seen, candidates, made, changes))
        return self.intervals[-number:]


def candidates_of(host: Host, seen: HostWindow, shares: dict[str, int]) -> list[Candidate]:
    """The servers of a host as the planner sees them."""
    return [
        Candidate(
            s.name, "1", s.parent, shares[s.name], s.shares, seen.servers[s.name], assignment_of(s),
            s.held or (None if s.managed else "no-policy"), None if s.quota == inf else s.quota,
        )
        for s in host.servers
    ]  # fmt: skip


def assignment_of(server: Server) -> Assignment:
    """What the catalog says of a server."""
    excluded = server.held == "excluded"
    if server.goal is None:
        return Assignment("default", excluded, server.reserve, server.cap)
    goal = VelocityGoal(server.goal) if server.goal else DiscretionaryGoal()
    return Assignment("app", excluded, server.reserve, server.cap, "day", "class", server.importance, goal)


def met(server: Server, used: Used, margin: float = 0.0) -> bool:
    """Whether a server's goal is met, by at least `margin` (a part of the goal). Discretionary goals are."""
    velocity = used.using / (used.using + used.delay)
    return velocity >= (server.goal or 0) / 100.0 / MET * (1.0 + margin)


def at_ratio(play: Play) -> bool:
    """Whether shares are about as far apart as they may be."""
    ours = [play.shares[s.name] for s in play.host.servers if s.managed]
    return bool(ours) and max(ours) >= 0.8 * RATIO * min(ours)


def at_limit(play: Play) -> bool:
    """Whether somebody has the largest shares there may be beside others whose shares are as they are."""
    most = max((play.shares[s.name] for s in play.host.servers if s.managed), default=0)
    return most >= HIGHEST and not all(s.managed for s in play.host.servers)
