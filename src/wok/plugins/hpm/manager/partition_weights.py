"""Partitions among those who compete: which of them compete as wholes, and which as those that stand in them.

A weight counts against those who stand beside it in the same parent: servers, and other partitions. One that is
defined without shares leaves its weight to hpm: those in it are planned with those around it (`engine.nesting`).
All others compete as wholes, as if each were one server that uses and waits for what all in it do
together: where something is reserved for one of them, which gets the weight that it needs for that; and beside those
whose weight is hpm's. Who was not named keeps its weight.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from itertools import takewhile
from math import inf
from typing import NamedTuple

import msgspec

from ..backend.partitions.host import PartitionState
from ..backend.partitions.names import partition_of
from ..engine.bounds import Bound
from ..engine.nesting import Nest
from ..engine.plan import Candidate
from ..engine.samples import HostSample
from ..engine.windows import HostWindow, ServerWindow
from ..policy.assignment import Assignment
from ..policy.catalog import Catalog
from ..policy.cpu_sets import parse_cpus
from ..policy.groups import DEFAULT_GROUP
from ..policy.partitions import ROOT, lineage, parent_of
from ..store.journal import JournalEntry
from .actuator import Actuator


class Competition(msgspec.Struct, frozen=True):
    """Who competes: servers, and partitions as wholes, by UUID or path; and the partitions whose weight is hpm's."""

    candidates: Mapping[str, Candidate]
    nests: Mapping[str, Nest] = {}


def compete(
    servers: Mapping[str, Candidate], catalog: Catalog, sample: HostSample, window: HostWindow,
    states: Mapping[str, PartitionState], actuator: Actuator, usual: int,
) -> Competition:  # fmt: skip
    """Put partitions among these servers. `usual`: the shares of a partition that nobody gave any."""
    if not any(path in sample.partition_shares for path in catalog.partitions):
        return Competition(servers)
    return _Partitions(servers, catalog, sample, window, states, actuator, usual).compete()


class _Around(NamedTuple):
    """Where those in a partition of hpm's weight compete: it, and the partitions around it that are like it, outward
    without a gap; what the planner calls the parent of them all; and the CPUs that they are limited to within that one,
    None: not at all."""

    inside: tuple[str, ...]
    parent: str
    cpus: frozenset[int] | None


class _Partitions:
    def __init__(
        self, servers: Mapping[str, Candidate], catalog: Catalog, sample: HostSample, window: HostWindow,
        states: Mapping[str, PartitionState], actuator: Actuator, usual: int,
    ) -> None:  # fmt: skip
        self._servers, self._defined, self._sample = servers, catalog.partitions, sample
        self._states, self._usual = states, usual
        self._known: Mapping[str, JournalEntry] = actuator.partitions(sample.partition_shares)
        self._keys: dict[str | None, str] = {}
        self._direct: dict[str, list[Candidate]] = {}
        self._inside: dict[str, list[ServerWindow]] = {}
        for c in servers.values():
            place, seen = partition_of(c.parent), window.servers.get(c.uuid)
            if place is None:
                continue
            self._keys.setdefault(place, c.parent)
            self._direct.setdefault(place, []).append(c)
            if seen is not None:
                for path in lineage(place):
                    self._inside.setdefault(path, []).append(seen)
        self._below: dict[str | None, list[str]] = {}    # the partitions that stand in each
        for path in sample.partition_shares:
            self._below.setdefault(parent_of(path), []).append(path)
        #: Those whose weight is hpm's, with all that compete by themselves in each: servers, and partitions as wholes.
        self._open: dict[str, frozenset[str]] = {}
        for path in sorted(sample.partition_shares, key=lambda one: -one.count("/")):    # from within
            members = self._members(path)
            if members is not None:
                self._open[path] = members
        self._around = {path: self._surroundings(path) for path in self._open}

    def compete(self) -> Competition:
        reserved = {path for path, one in self._defined.items() if one.reserve is not None and path not in self._open}
        beside = {parent_of(path) for path in (*reserved, *self._open)} | self._open.keys()
        found = dict(self._servers)
        for path in self._open:
            for c in self._direct.get(path, ()):
                found[c.uuid] = self._placed(c, path)
        for path in self._sample.partition_shares:
            above = parent_of(path)
            if above is not None and above in beside and path not in self._open and path in self._inside:
                found[path] = self._placed(self._whole(path), above)
        return Competition(found, {path: self._nest(path) for path in self._open})

    # -- whose weight is hpm's

    def _members(self, path: str) -> frozenset[str] | None:
        """Who competes by itself in a partition, if its weight is hpm's; None: it is not. It is if nobody has said any
        shares, and somebody in it has a goal; and if something is reserved for it, only if all in it have one: what
        is reserved for those whom nobody named is kept for the whole."""
        defined = self._defined.get(path)
        if defined is None or defined.parameters.cpu.shares is not None or path == ROOT:
            return None
        entry = self._known.get(path)
        if entry.held if entry is not None else self._sample.partition_shares[path] != self._usual:
            return None    # somebody set what is in force
        servers = self._direct.get(path, [])
        below = self._below.get(path, [])
        wholes = [one for one in below if one not in self._open and one in self._inside]
        inner = [self._open[one] for one in below if one in self._open]
        if not inner and not any(c.assignment.goal is not None and _ours(c) for c in servers):
            return None
        if defined.reserve is not None and (wholes or not all(_ours(c) for c in servers)):
            return None
        return frozenset((*(c.uuid for c in servers), *wholes)).union(*inner)

    # -- what the planner gets

    def _surroundings(self, path: str) -> _Around:
        inside = tuple(takewhile(self._open.__contains__, lineage(path)))
        above = parent_of(inside[-1]) or ROOT
        listed = _listed(self._states, path)    # the kernel keeps it within those around it
        return _Around(inside, self._key(above), None if listed == _listed(self._states, above) else listed)

    def _placed(self, c: Candidate, path: str) -> Candidate:
        """In the pool of the nearest parent whose weight is said. `path`: the partition that it stands in."""
        around = self._around.get(path)
        if around is None:
            return c
        cpus = c.cpus
        if around.cpus is not None:
            cpus = around.cpus if cpus is None else (cpus & around.cpus) or around.cpus
        return msgspec.structs.replace(c, parent=around.parent, inside=around.inside, cpus=cpus)

    def _key(self, path: str) -> str:
        """What the planner calls a parent: the cgroup, as samples of those who stand there have it."""
        if path not in self._keys:
            for place, key in list(self._keys.items()):
                if place is not None and path in (around := lineage(place)):
                    return key.rsplit("/", around.index(path))[0]
        return self._keys.get(path, path)

    def _nest(self, path: str) -> Nest:
        around = self._around[path]
        defined, entry, state = self._defined[path], self._known.get(path), self._states.get(path)
        shares = self._sample.partition_shares[path]
        cap = None if state is None else state.parameters.cpu.cap
        bound = Bound(self._open[path], defined.reserve or 0.0, inf if cap is None else cap)
        return Nest(
            path, around.parent, around.inside[1:], shares,
            shares if entry is None else int(entry.original),
            bound if cap is not None or defined.reserve is not None else None,
        )  # fmt: skip

    def _whole(self, path: str) -> Candidate:
        shares, entry = self._sample.partition_shares[path], self._known.get(path)
        held = entry is not None and entry.held
        reserve = self._defined[path].reserve if path in self._defined else None
        state, above = self._states.get(path), parent_of(path) or ROOT
        return Candidate(
            path, self._sample.boot, self._key(above), shares,
            shares if entry is None or held else int(entry.original),
            together(path, self._inside.get(path, ())), Assignment(DEFAULT_GROUP, False, reserve, None),
            "changed-by-administrator" if held else None if reserve is not None else "no-policy",
            None if state is None else state.parameters.cpu.cap,
        )  # fmt: skip


def _ours(c: Candidate) -> bool:
    """Whether it is managed, or was and will be: it is paused."""
    return c.wanted and c.held in (None, "paused")


def _listed(states: Mapping[str, PartitionState], path: str) -> frozenset[int] | None:
    cpus = None if path not in states else states[path].parameters.numa.cpus
    return None if cpus is None else frozenset(parse_cpus(cpus))


def competes_in(parent: str, weighed: Container[str]) -> str:
    """The parent in whose pool the servers of a parent are planned: the nearest partition whose weight is not hpm's."""
    path = partition_of(parent)
    return parent if path is None else next(one for one in lineage(path) if one not in weighed)


def together(path: str, windows: Iterable[ServerWindow]) -> ServerWindow | None:
    """What all servers in a partition did, as one; None: there are none. It is busy if one of them is."""
    windows = list(windows)
    if not windows:
        return None
    working = [one for one in windows if one.activity == "busy"]
    return ServerWindow(
        path, "busy" if working else "idle", sum(one.vcpus for one in windows),
        sum(one.active for one in working), sum(one.using for one in windows), sum(one.delay for one in windows),
        sum(one.throttled for one in windows),
    )  # fmt: skip
