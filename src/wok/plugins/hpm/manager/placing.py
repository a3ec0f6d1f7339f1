"""Where vCPUs are to run, by the guest policies of all running servers: who has CPUs alone keeps others off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..engine.placement_choice import choose
from ..engine.samples import ServerSample
from ..engine.topology import Topology
from ..errors import Conflict, InvalidValue
from ..policy.cpu_sets import format_cpus, parse_cpus
from ..policy.field_reasons import Reason
from ..policy.guest_policies import Anywhere, Pack, Placement, Spread
from .actuator import Actuator
from .controls import in_force, pins_of, pins_text
from .snapshot import Snapshot

#: By these the host is not told which CPUs: what was chosen once stays, until it cannot.
_OPEN = (Spread, Pack, Anywhere)
#: Who runs on CPUs that somebody should have alone, and why.
_INTRUDERS = {
    "pinned": "is pinned there by somebody else", "excluded": "may run there, for it is excluded from management",
    "anew": "was pinned anew by somebody else",
}  # fmt: skip


class Place(NamedTuple):
    """Where the vCPUs of a server are to run: a list of CPUs for each; None: they stay. With a place, the reason is
    what else is to be said of it. `kept`: that is where they run, and by the policy they might as well elsewhere:
    whoever moves them does not act against it. `impossible`: where the policy says cannot be, for that reason."""

    pins: tuple[str, ...] | None
    reason: str | None = None
    kept: bool = False
    impossible: bool = False


class Placing:
    """Remembers what was chosen. Not thread-safe: the manager's lock is held."""

    def __init__(self, actuator: Actuator, topology: Topology) -> None:
        self._actuator, self._topology = actuator, topology
        # For which placement the pins in force were chosen; None: to keep it off CPUs that others have alone.
        self._chosen: dict[tuple[str, str], Placement | None] = {}

    def places(self, snapshot: Snapshot) -> Mapping[str, Place]:
        """Of running servers, by UUID; those that are not there are left as they are. Those that have CPUs alone come
        first: of them those that are told which, then those that are in place already; the rest by name."""
        sample, wanted = snapshot.sample, _wanted(snapshot)
        if not self._topology.cpus or not wanted:
            self._chosen = {}
            return {}
        infos = sample.infos
        order = sorted(wanted, key=lambda uuid: (
            not _alone(wanted[uuid]), isinstance(wanted[uuid], _OPEN),
            not self._in_place(sample.samples[uuid], wanted[uuid]), infos[uuid].name, uuid,
        ))  # fmt: skip
        found: dict[str, Place] = {}
        taken: set[int] = set()
        owners: dict[str, frozenset[int]] = {}
        crowd: dict[int, float] = {}
        for uuid in order:
            server, placement = sample.samples[uuid], wanted[uuid]
            place = self._place(snapshot, server, placement, frozenset(taken), crowd)
            found[uuid] = place
            if place.pins is None:
                continue
            cpus = self._union(place.pins)
            if _alone(placement):
                taken |= cpus
                owners[uuid] = cpus
            for pin in place.pins:
                mine = parse_cpus(pin) if pin else self._topology.numbers
                for cpu in mine:
                    crowd[cpu] = crowd.get(cpu, 0.0) + 1.0 / len(mine)
        chosen = {uuid: wanted[uuid] for uuid, place in found.items() if place.pins is not None}
        places = self._without_others(snapshot, found, owners, frozenset(taken)) if taken else found
        self._chosen = {(uuid, sample.samples[uuid].start): chosen.get(uuid) for uuid in places}
        return places

    def _place(
        self, snapshot: Snapshot, server: ServerSample, placement: Placement, taken: frozenset[int],
        crowd: Mapping[int, float],
    ) -> Place:  # fmt: skip
        key, opened = (server.uuid, server.start), isinstance(placement, _OPEN) and not _alone(placement)
        if isinstance(placement, _OPEN) and self._chosen.get(key, placement) == placement:
            kept = self._where_it_is(snapshot, server, alone=not opened)
            cpus = None if kept is None or kept.pins is None else self._union(kept.pins)
            free = len(self._topology.cpus) - len(taken)
            enough = opened or (cpus is not None and len(server.threads) <= len(cpus) < free)
            if kept is not None and cpus is not None and enough and not taken & cpus:
                return kept if opened else Place(kept.pins)
        try:
            chosen = choose(placement, len(server.threads), self._topology, taken, crowd)
            return Place(chosen, kept=opened)
        except (InvalidValue, Conflict) as error:
            return Place(None, error.field_reason or str(error), impossible=True)

    def _in_place(self, server: ServerSample, placement: Placement) -> bool:
        """Whether a server stands already where its placement had hpm put it."""
        key = (server.uuid, server.start)
        if key in self._chosen:
            return self._chosen[key] == placement
        entry = self._actuator.entry(server, "vcpu-pins")
        if entry is None:
            return False
        if isinstance(placement, _OPEN):    # before hpm itself started anew
            return any(pins_of(entry.intended))
        try:
            return pins_text(choose(placement, len(server.threads), self._topology, ())) == entry.intended
        except (InvalidValue, Conflict):
            return False

    def _where_it_is(self, snapshot: Snapshot, server: ServerSample, *, alone: bool) -> Place | None:
        """Where hpm placed a server before (dynamic placement may have moved it since), or whoever else did: that does
        not count where hpm placed one that has CPUs alone. None: nobody did, or it has more vCPUs now."""
        entry, vcpus = self._actuator.entry(server, "vcpu-pins"), len(server.threads)
        mine = entry is not None and (alone or not entry.held)
        text = entry.intended if entry is not None and mine else in_force(snapshot.sample, server.uuid, "vcpu-pins")
        pins = pins_of(text or "[]")[:vcpus]
        if not (mine or any(pins)) or (any(pins) and len(pins) != vcpus):
            return None
        reason = None
        if not mine:
            reason = Reason("pinned-elsewhere" if entry is None else "pinned-elsewhere-held")
        return Place((*pins, *[""] * (vcpus - len(pins))), reason, kept=True)

    def _without_others(
        self, snapshot: Snapshot, found: dict[str, Place], owners: Mapping[str, frozenset[int]], taken: frozenset[int]
    ) -> Mapping[str, Place]:
        """Keep the other servers off CPUs that somebody has alone, and name those that hpm may not keep off."""
        sample, rest = snapshot.sample, format_cpus(self._topology.numbers - taken)
        intruders: dict[str, list[str]] = {kind: [] for kind in _INTRUDERS}
        for uuid, server in sample.samples.items():
            placed = found.get(uuid, Place(None, Reason("kept-off")))
            if placed.pins is not None or uuid not in sample.infos:
                continue
            entry = self._actuator.entry(server, "vcpu-pins")
            own = pins_of(entry.original if entry is not None else in_force(sample, uuid, "vcpu-pins") or "[]")
            name = sample.infos[uuid].name
            if any(own):
                own += [""] * (len(server.threads) - len(own))    # the others may run anywhere
                if taken & self._union(own):
                    intruders["pinned"].append(name)
            elif snapshot.assignments[uuid].excluded:
                intruders["excluded"].append(name)
            elif self._actuator.held(server, "vcpu-pins"):
                intruders["anew"].append(name)
            else:
                found[uuid] = placed._replace(pins=(rest,) * len(server.threads))
        if any(intruders.values()):
            who = "; ".join(f"{name} {_INTRUDERS[kind]}" for kind, names in intruders.items() for name in names)
            values = {kind: ", ".join(names) for kind, names in intruders.items() if names}
            for uuid in owners:
                found[uuid] = found[uuid]._replace(reason=Reason("not-alone", who=who, **values))
        return found

    def _union(self, pins: tuple[str, ...] | list[str]) -> frozenset[int]:
        if not all(pins):
            return self._topology.numbers
        return frozenset().union(*(parse_cpus(pin) for pin in pins))


def _wanted(snapshot: Snapshot) -> dict[str, Placement]:
    found: dict[str, Placement] = {}
    for uuid in snapshot.sample.samples:
        assignment = snapshot.assignments.get(uuid)
        if assignment is not None and not assignment.excluded:
            placement = assignment.guest.policy.placement
            if placement is not None:
                found[uuid] = placement
    return found


def _alone(placement: Placement) -> bool:
    return not isinstance(placement, Anywhere) and placement.exclusive
