"""In which order virtual servers start and stop: who needs whom, and cycles, which nobody could start.

A dependency on a group is one on each of its servers but the one that has it. Orders are not lists: whatever needs
nothing that is not ready may start at once, beside all others, and whatever nobody needs any more may stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from ..errors import Conflict, InvalidValue
from .catalog import Catalog
from .guest_policies import GuestPolicy
from .start_policies import Dependency, StartPolicy, WhenItStops

#: What each server needs, by UUID: the UUIDs, and what becomes of it when that one stops. Who needs nothing is absent.
Needs: TypeAlias = Mapping[str, Mapping[str, WhenItStops]]

_STRENGTH: Mapping[WhenItStops, int] = {"ignore": 0, "warn": 1, "stop": 2}

#: Names of a cycle that a message names; of longer ones, those in the middle are left out.
MOST_NAMED = 12


class DependencyCycle(InvalidValue):
    """Servers would wait for each other for ever. `cycle` are their UUIDs, the first one again at the end."""

    id = "dependency-cycle"

    def __init__(self, message: str, path: str = "", place: tuple[int, int] | None = None,
                 cycle: tuple[str, ...] = ()) -> None:  # fmt: skip
        super().__init__(message, path, place)
        self.cycle = cycle


def needs_of(policies: Mapping[str, StartPolicy], groups: Mapping[str, str]) -> dict[str, dict[str, WhenItStops]]:
    """What each server needs. `policies` are those in force by UUID; `groups` are the groups of all servers that there
    are. If two dependencies come to the same server, the one counts that does more when it stops."""
    members: dict[str, list[str]] = {}
    for uuid, group in groups.items():
        members.setdefault(group, []).append(uuid)
    found: dict[str, dict[str, WhenItStops]] = {}
    for uuid, policy in policies.items():
        needed: dict[str, WhenItStops] = {}
        for dependency in policy.depends_on:
            for target in _targets(dependency, members):
                known = needed.get(target, "ignore")
                if target != uuid or dependency.virtual_server is not None:
                    needed[target] = max(known, dependency.when_it_stops, key=_STRENGTH.__getitem__)
        if needed:
            found[uuid] = needed
    return found


def dependants_of(needs: Needs) -> dict[str, dict[str, WhenItStops]]:
    """The same the other way round: who needs each server."""
    found: dict[str, dict[str, WhenItStops]] = {}
    for uuid, needed in needs.items():
        for target, then in needed.items():
            found.setdefault(target, {})[uuid] = then
    return found


def reached(graph: Mapping[str, Iterable[str]], uuids: Iterable[str]) -> list[str]:
    """These, and all that is reached from them, each once, in the order in which they are met."""
    found: dict[str, None] = {}
    left = list(uuids)[::-1]
    while left:
        uuid = left.pop()
        if uuid not in found:
            found[uuid] = None
            left += sorted(graph.get(uuid, ()), reverse=True)
    return list(found)


def find_cycle(needs: Mapping[str, Iterable[str]]) -> tuple[str, ...] | None:
    """Servers that wait for each other, the first one again at the end; None: there are none. Always the same ones of
    several."""
    done: set[str] = set()
    for begin in sorted(needs):
        path: list[str] = []
        on_path: set[str] = set()
        left: list[tuple[str, bool]] = [(begin, False)]
        while left:
            uuid, leaving = left.pop()
            if leaving:
                path.pop()
                on_path.discard(uuid)
                done.add(uuid)
            elif uuid in on_path:
                return (*path[path.index(uuid):], uuid)
            elif uuid not in done:
                path.append(uuid)
                on_path.add(uuid)
                left.append((uuid, True))
                left += [(target, False) for target in sorted(needs.get(uuid, ()), reverse=True)]
    return None


def said_cycle(cycle: tuple[str, ...], names: Mapping[str, str]) -> str:
    """A cycle in names: ``web → db → web``."""
    words = [names.get(uuid, uuid) for uuid in cycle]
    if len(words) > MOST_NAMED:
        words = [*words[: MOST_NAMED // 2], "…", *words[-(MOST_NAMED // 2):]]
    return " → ".join(words)


def circular(needs: Needs) -> set[tuple[str, str]]:
    """Which server needs which one, of those only that wait for each other: the edges of all cycles."""
    if find_cycle(needs) is None:
        return set()
    # Who needs nobody that is left, or is needed by nobody, is on no cycle; few are left.
    left = {uuid: set(needed) for uuid, needed in needs.items()}
    while True:
        needed_ones = {target for needed in left.values() for target in needed}
        kept = {uuid: needed & left.keys() for uuid, needed in left.items() if uuid in needed_ones}
        kept = {uuid: needed for uuid, needed in kept.items() if needed}
        if kept == left:
            break
        left = kept
    beyond = {uuid: set(reached(left, [uuid])) for uuid in left}
    return {(uuid, target) for uuid, needed in left.items() for target in needed if uuid in beyond[target]}


def cycle_of(needs: Needs, uuid: str) -> tuple[str, ...] | None:
    """The shortest cycle that a server is on, beginning with it; None: it is on none."""
    edges = circular(needs)
    first = min((edge for edge in edges if edge[0] == uuid), default=None)
    return None if first is None else _through(first, edges)


def check_cycles(needs: Needs, names: Mapping[str, str], known: Callable[[], Iterable[Needs]] = tuple) -> None:
    """Raise `DependencyCycle` if servers would wait for each other; not for cycles all of which one of `known` has.
    `names` are those of servers, by UUID."""
    edges = circular(needs)
    if not edges:
        return
    fresh = set(edges)
    for before in known():
        new = {(uuid, target) for uuid, target in edges if target not in before.get(uuid, ())}
        if not new:
            return
        fresh = min(fresh, new, key=len)
    cycle = _through(min(fresh), edges)
    if len(cycle) == 2:
        raise DependencyCycle(f"{said_cycle(cycle, names)}: a server cannot wait for itself; leave that dependency out",
                              "start.depends-on", cycle=cycle)  # fmt: skip
    raise DependencyCycle(
        f"these servers would wait for each other for ever: {said_cycle(cycle, names)}; leave one of these"
        " dependencies out", "start.depends-on", cycle=cycle,
    )  # fmt: skip


def _through(edge: tuple[str, str], edges: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The shortest cycle of these edges that goes over one of them."""
    begin, first = edge
    following: dict[str, list[str]] = {}
    for uuid, target in sorted(edges):
        following.setdefault(uuid, []).append(target)
    ways: dict[str, tuple[str, ...]] = {first: (begin, first)}
    left = [first]
    for uuid in left:
        if uuid == begin:
            break
        for target in following.get(uuid, ()):
            if target not in ways:
                ways[target] = (*ways[uuid], target)
                left.append(target)
    return ways[begin]


def check_targets(before: Catalog, after: Catalog, servers: Mapping[str, object]) -> None:
    """Raise `InvalidValue` for a dependency that is new and on a group or server that there is not, `Conflict` where a
    group goes that others wait for. `servers` are those of the host; one that went away since its dependency was made
    is waited for all the same."""
    known = {(d.virtual_server, d.workload_resource_group) for _, d in _said(before)}
    for path, dependency in _said(after):
        group, server = dependency.workload_resource_group, dependency.virtual_server
        if group is not None and group not in after.groups:
            if group in before.groups:
                name = before.groups[group].name
                raise Conflict(f"the group {name!r} is what others wait for ({path}); take these dependencies out")
            raise InvalidValue(f"there is no workload resource group with id {group!r}", path)
        if server is not None and server not in servers and (server, group) not in known:
            raise InvalidValue(f"there is no virtual server with id {server}", path)


def depends(catalog: Catalog) -> bool:
    """Whether anybody said any dependency."""
    return next(_said(catalog), None) is not None


def _said(catalog: Catalog) -> Iterator[tuple[str, Dependency]]:
    for policy in _policies(catalog):
        if policy.start is not None:
            for index, dependency in enumerate(policy.start.depends_on):
                yield f"start.depends-on[{index}]", dependency


def _policies(catalog: Catalog) -> Iterator[GuestPolicy]:
    for said in catalog.servers.values():
        yield said.guest_policy
    for group in catalog.groups.values():
        yield group.guest_policy
        for policy in group.perf_policies:
            for service_class in policy.service_classes:
                yield service_class.guest_policy


def _targets(dependency: Dependency, members: Mapping[str, list[str]]) -> Iterable[str]:
    if dependency.virtual_server is not None:
        return (dependency.virtual_server,)
    return members.get(dependency.workload_resource_group or "", ())
