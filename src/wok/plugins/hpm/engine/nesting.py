"""Partitions whose weight nobody has said: those in them are planned as if they stood beside them.

Any division x of CPUs among servers can be had with a tree of weights, too: within each partition in proportion to
x, and with the sum of these x for the partition. So a tree is planned flat, in one pool with the nearest parent whose
weight is said (`flat`), and what comes of it is made into weights of the tree (`real`).

One weight in the flat pool is a weight in the partition times a *factor*: the partition's own weight, by all that
competes within it. Work that sleeps leaves its part to those beside it, so a partition weighs less than the sum
(`gathered`).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from math import prod

import msgspec

from .bounds import Bound
from .learned import Memory
from .plan import Candidate, Decision, Plan, ServerChange
from .planner import plan
from .weights import HIGHEST, LOWEST, settle
from .windows import HostWindow

#: Weights within a partition whose scale is free are at least so large, so that they are not rounded badly.
FINE = 20
#: Part of what it takes for any one in a partition to have its whole weight when it wakes, that the partition weighs
#: above the mean. With all of it, those beside a sleeper have too much while it sleeps, with nothing it has too little;
#: on simulated hosts half of it met goals best, with the fewest changes (docs/planner.md).
WAKING = 0.5


class Nest(msgspec.Struct, frozen=True):
    """A partition whose weight is hpm's. `parent` is that of the pool, `inside` the partitions around it that are like
    it, the innermost first. `shares` are in force, `original` were so before hpm changed any; `bound` is what holds
    for all in it together."""

    path: str
    parent: str
    inside: tuple[str, ...]
    shares: int
    original: int
    bound: Bound | None = None

    @property
    def level(self) -> str:
        """What it competes in: the partition around it, or the pool's parent."""
        return self.inside[0] if self.inside else self.parent


class _Entry(msgspec.Struct, frozen=True):
    """A server, or a partition, among those beside it. `runnable` is the part of the time in which it wants to run;
    None: it sleeps."""

    key: str
    shares: int
    original: int
    runnable: float | None
    managed: bool


def plan_nested(
    host: HostWindow, candidates: Sequence[Candidate], nests: Mapping[str, Nest], memory: Memory, generation: int
) -> Plan:
    """Plan as `planner.plan` does; changes of partitions are among those of servers, by their path."""
    if not nests:
        return plan(host, candidates, memory, generation)
    tree = _Tree(candidates, nests)
    bounds = [nest.bound for nest in nests.values() if nest.bound is not None]
    made = plan(host, [tree.flat(c) for c in candidates], memory, generation, bounds)
    return msgspec.structs.replace(made, decisions=tree.real(made.decisions))


def gathered(weights: Iterable[tuple[float, float | None]]) -> float:
    """The weight that a partition needs for those in it: (weight, part of the time in which it is runnable). Those that
    sleep for long count where all do: whoever wakes first has its weight."""
    entries = list(weights)
    awake = [(weight, part) for weight, part in entries if part is not None]
    if not awake:
        return max((weight for weight, _ in entries), default=0.0)
    return sum(weight * part for weight, part in awake) + WAKING * max(weight * (1.0 - part) for weight, part in awake)


class _Tree:
    def __init__(self, candidates: Sequence[Candidate], nests: Mapping[str, Nest]) -> None:
        self._nests, self._servers = nests, candidates
        self._inward = sorted(nests.values(), key=lambda nest: len(nest.inside))
        self._levels: dict[str, list[_Entry]] = {nest.level: [] for nest in nests.values()}
        self._levels.update((path, []) for path in nests)
        for c in candidates:
            level = c.inside[0] if c.inside else c.parent
            if c.shares is not None and level in self._levels:
                self._levels[level].append(
                    _Entry(c.uuid, c.shares, c.original, _runnable(c), c.wanted and c.held is None)
                )
        for nest in reversed(self._inward):    # from within
            inside = [entry.runnable for entry in self._levels[nest.path]]
            if not inside:
                continue
            awake = [part for part in inside if part is not None]
            runnable = 1.0 - prod(1.0 - part for part in awake) if awake else None
            self._levels[nest.level].append(_Entry(nest.path, nest.shares, nest.original, runnable, True))
        self._now: dict[str, float] = {}
        self._before: dict[str, float] = {}
        for nest in self._inward:
            inside_now = gathered((entry.shares, entry.runnable) for entry in self._levels[nest.path])
            before = gathered((entry.original, entry.runnable) for entry in self._levels[nest.path])
            self._now[nest.path] = self._now.get(nest.level, 1.0) * nest.shares / max(1.0, inside_now)
            self._before[nest.path] = self._before.get(nest.level, 1.0) * nest.original / max(1.0, before)

    def flat(self, c: Candidate) -> Candidate:
        """As if it stood in the pool's parent."""
        if not c.inside or c.shares is None:
            return c
        shares, original = c.shares * self._now[c.inside[0]], c.original * self._before[c.inside[0]]
        return msgspec.structs.replace(
            c, shares=max(1, round(shares)), original=max(1, round(original)) if c.original else 0
        )

    def real(self, decisions: Sequence[Decision]) -> tuple[Decision, ...]:
        """The decisions on the tree. All of one parent are carried out together."""
        parents = {nest.parent for nest in self._nests.values()}
        found: list[Decision] = []
        for parent in dict.fromkeys(decision.parent for decision in decisions):
            these = [decision for decision in decisions if decision.parent == parent]
            if parent in parents and any(decision.changes for decision in these):
                these = self._carried_out(parent, these)
            found += these
        return tuple(found)

    def _carried_out(self, parent: str, decisions: Sequence[Decision]) -> list[Decision]:
        planned = {change.uuid: change for decision in decisions for change in decision.changes}
        settled = self._settled(parent, {uuid: change.shares_after for uuid, change in planned.items()})
        found: list[Decision] = []
        for decision in decisions:
            changes = [self._change(c, settled) for c in decision.changes]
            if changes and not found:    # what else changes is said once
                changes += [
                    ServerChange(key, before, after, 0.0, 0.0, None, None)
                    for key, (before, after) in settled.items() if key not in planned and before != after
                ]  # fmt: skip
            if changes:
                found.append(msgspec.structs.replace(decision, changes=tuple(changes)))
            elif decision.blocked:
                found.append(decision)
        differ = any(change.shares_before != change.shares_after for one in found for change in one.changes)
        return found if differ else [one for one in found if one.blocked]

    def _change(self, change: ServerChange, settled: Mapping[str, tuple[int, int]]) -> ServerChange:
        before, after = settled[change.uuid]
        gains = change.shares_after > change.shares_before
        return msgspec.structs.replace(change, shares_before=before, shares_after=after, gains=gains)

    def _settled(self, parent: str, planned: Mapping[str, int]) -> dict[str, tuple[int, int]]:
        """Shares in force and as they are to be, of all that are managed in a parent, and of the partitions there."""
        wanted: dict[str, float] = {}
        for c in self._servers:
            if c.parent != parent or c.shares is None:
                continue
            path = c.inside[0] if c.inside else ""
            managed = c.wanted and c.held is None    # others are as they were before hpm came
            factor = (self._now if managed else self._before).get(path, 1.0)
            wanted[c.uuid] = float(planned[c.uuid]) if c.uuid in planned else c.shares * factor
        here = [nest for nest in self._inward if nest.parent == parent]
        for nest in reversed(here):
            inside = self._levels[nest.path]
            wanted[nest.path] = gathered((wanted[entry.key], entry.runnable) for entry in inside)
        found: dict[str, tuple[int, int]] = {}
        for level in (parent, *(nest.path for nest in here)):
            ours = [entry for entry in self._levels[level] if entry.managed]
            if not ours:
                continue
            scale = 1.0 if level == parent else self._scale(level, wanted)
            most = max(wanted[entry.key] for entry in ours)
            scale = min(scale, HIGHEST / most)
            in_force = {entry.key: entry.shares for entry in ours}
            shares = {key: max(LOWEST, round(wanted[key] * scale)) for key in in_force}
            awake = {entry.key for entry in ours if entry.runnable is not None}
            found.update(
                (key, (in_force[key], after)) for key, after in settle(in_force, shares, awake).items()
            )
        return found

    def _scale(self, path: str, wanted: Mapping[str, float]) -> float:
        """Weight within a partition for one in the flat pool. Others that work there keep theirs; if there are none,
        the scale is free, and the one that changes the fewest weights is taken."""
        entries = self._levels[path]
        if any(entry.runnable is not None and not entry.managed for entry in entries):
            return 1.0 / self._before[path]
        ours = [entry for entry in entries if entry.managed]
        awake = [entry for entry in ours if entry.runnable is not None] or ours
        scale = statistics.median_low([entry.shares / wanted[entry.key] for entry in awake])
        parts = [wanted[entry.key] for entry in ours]
        if min(parts) * scale < FINE:
            scale = max(scale, min(FINE / min(parts), HIGHEST / max(parts)))
        return scale


def _runnable(c: Candidate) -> float | None:
    """The part of the time in which it wants to run; None: it does not work."""
    if c.window is None or not c.working:
        return None
    return min(1.0, (c.window.using + c.window.delay) / c.window.active)
