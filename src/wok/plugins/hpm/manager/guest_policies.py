"""Guest policies come into force: placement, weights and limits of running servers; and what somebody else changes of
them is set again, or shown."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterator, Mapping
from typing import NamedTuple

from ..backend.start_xml import at_start
from ..engine.samples import IO_LIMITS, ServerSample
from ..engine.topology import Topology
from ..policy.cpu_sets import format_cpus, parse_cpus
from ..policy.field_reasons import Reason
from ..policy.guest_policies import GuestPolicy
from ..store.adjustments import AdjustmentRecord
from ..store.journal import Control, JournalEntry
from ..wire.management import Level, Outcome, Resource
from .actuator import Actuator
from .adjusting import AdjustmentLog
from .controls import (
    Change,
    changing,
    in_force,
    io_limits,
    io_text,
    limit_of,
    pins_text,
    swap_text,
    too_little,
    with_new_disks,
)
from .placing import Place, Placing
from .records import bystander
from .snapshot import FieldStanding, Snapshot

log = logging.getLogger(__name__)

#: The fields that are set here, by which control, and which management governs them.
FIELDS: Mapping[str, tuple[Control, Resource]] = {
    "placement": ("vcpu-pins", "cpu"), "emulator_cpus": ("emulator-pin", "cpu"), "cpu_weight": ("cpu-shares", "cpu"),
    "blkio_weight": ("blkio-weight", "cpu"), "disk_limits": ("io-tune", "cpu"),
    "memory_swap_limit_mib": ("swap-limit", "memory"),
}  # fmt: skip
#: So often a value is set again that somebody else changes, before hpm gives in: two who both insist would go on for
#: ever. Before that it counts anew where the value held for so many seconds.
MOST, CALM = 3, 600.0
#: Seconds until what the host refused is asked for again.
AGAIN = 60.0


class Wish(NamedTuple):
    """What is wanted of one field of one running server: the text of its control (None: nothing can be set), and how
    that stands where it is not set by hpm or not as it was said, or what else is to be said of it. `kept`: another
    value would do as well."""

    field: str
    value: object
    text: str | None
    state: str | None = None
    reason: str | None = None
    kept: bool = False


class GuestPolicies:
    """`time` gives the time in RFC 3339; `mom_limits` whether memory policies decide on limits of disks now. `standing`
    says how fields stand, by UUID. Not thread-safe: the manager's lock is held."""

    def __init__(
        self, actuator: Actuator, adjustments: AdjustmentLog, topology: Topology, time: Callable[[], str],
        mom_limits: Callable[[], bool],
    ) -> None:  # fmt: skip
        self.standing: Mapping[str, Mapping[str, FieldStanding]] = {}
        self._actuator, self._adjustments, self._time, self._mom_limits = actuator, adjustments, time, mom_limits
        self._topology, self._placing = topology, Placing(actuator, topology)
        self._corrected: dict[tuple[str, str, Control], tuple[int, int]] = {}    # how often, and when last (ns)
        self._refused: dict[tuple[str, str, Control], tuple[str, int, str]] = {}    # what, until when (ns), and why
        self._told: set[tuple[str, str, str]] = set()
        self._insists: frozenset[tuple[str, Control]] = frozenset()    # what is set again if somebody changes it

    def level_changed(self, changed: Container[Resource]) -> None:
        """Other levels of these are in force: nothing of theirs is claimed, and what was given in to is begun anew."""
        governs = dict(FIELDS.values())
        self._actuator.claimed = frozenset(one for one in self._actuator.claimed if governs[one[1]] not in changed)
        self._corrected, self._refused, self._told = {}, {}, set()

    def foreign(self, entries: list[JournalEntry]) -> list[JournalEntry]:
        """Of what an administrator has just changed, what no guest policy decides on: the rest is told of by `work`."""
        return [entry for entry in entries if (entry.uuid, entry.control) not in self._insists]

    def work(self, snapshot: Snapshot, interval: float) -> None:
        """Set what is not as it is to be; `interval` in seconds. Raises `StoreError`."""
        levels: Mapping[Resource, Level] = {"cpu": snapshot.levels.cpu_mgmt, "memory": snapshot.levels.memory_mgmt}
        on = [field for field, (_, resource) in FIELDS.items() if levels[resource] == "on"]
        wishes = dict(self._wishes(snapshot)) if {*levels.values()} != {"off"} else {}
        self._actuator.claimed = frozenset(
            (uuid, FIELDS[wish.field][0])
            for uuid, asked in wishes.items() for wish in asked if wish.text is not None and wish.field in on
        )  # fmt: skip
        self._insists = self._actuator.claimed - {
            (uuid, FIELDS[wish.field][0]) for uuid, asked in wishes.items() for wish in asked if wish.kept
        }  # fmt: skip
        self._forget(snapshot)
        self._give_back(snapshot, [FIELDS[field][0] for field in on])
        standing: dict[str, dict[str, FieldStanding]] = {}
        self._actuator.adopt([
            changing(snapshot.sample, uuid, FIELDS[wish.field][0], wish.text)
            for uuid, asked in wishes.items() for wish in asked
            if wish.text is not None and wish.field in on and not wish.kept
            and in_force(snapshot.sample, uuid, FIELDS[wish.field][0]) == wish.text
        ])  # fmt: skip
        for field, (control, resource) in FIELDS.items():
            changes: list[Change] = []
            for uuid, asked in wishes.items():
                for wish in asked:
                    if wish.field == field and levels[resource] != "off":
                        stands, change = self._judge(snapshot, uuid, wish, control, levels[resource], interval)
                        standing.setdefault(uuid, {})[field] = stands
                        changes += [] if change is None else [change]
            self._apply(snapshot, field, control, changes, standing)
        self.standing = standing

    # -- what is wanted

    def _wishes(self, snapshot: Snapshot) -> Iterator[tuple[str, list[Wish]]]:
        places = self._placing.places(snapshot)
        for uuid, server in snapshot.sample.samples.items():
            assignment = snapshot.assignments.get(uuid)
            if assignment is None or assignment.excluded:
                continue
            place, policy = places.get(uuid), assignment.guest.policy
            wishes = [] if place is None else [_placed(policy, place)]
            if assignment.guest.origins:
                wishes += self._others(snapshot, uuid, server, policy)
            if wishes:
                yield uuid, wishes

    def _others(self, snapshot: Snapshot, uuid: str, server: ServerSample, policy: GuestPolicy) -> Iterator[Wish]:
        if policy.emulator_cpus is not None:
            yield self._emulator(policy.emulator_cpus)
        if policy.cpu_weight is not None:
            if snapshot.assignments[uuid].goal is not None:
                yield Wish("cpu_weight", policy.cpu_weight, None, "overruled", Reason("goal-decides"))
            elif snapshot.held.get(uuid) != "no-policy":
                yield Wish("cpu_weight", policy.cpu_weight, None, "overruled", Reason("need-of-reserve"))
            else:
                yield Wish("cpu_weight", policy.cpu_weight, str(policy.cpu_weight))
        if policy.blkio_weight is not None:
            yield Wish("blkio_weight", policy.blkio_weight, str(policy.blkio_weight))
        if policy.disk_limits is not None:
            yield self._disks(snapshot, uuid, server, policy)
        if policy.memory_swap_limit_mib is not None:
            yield self._swap(snapshot, uuid, server, policy.memory_swap_limit_mib)

    def _emulator(self, cpus: str) -> Wish:
        wanted = parse_cpus(cpus)
        unknown = wanted - self._topology.numbers
        if self._topology.cpus and unknown:
            return Wish("emulator_cpus", cpus, None, "impossible", Reason(
                "no-cpu", cpus=format_cpus(unknown), there=format_cpus(self._topology.numbers)
            ))  # fmt: skip
        return Wish("emulator_cpus", cpus, "" if wanted == self._topology.numbers else format_cpus(wanted))

    def _disks(self, snapshot: Snapshot, uuid: str, server: ServerSample, policy: GuestPolicy) -> Wish:
        limits, said = policy.disk_limits, policy.disk_limits or {}
        if self._mom_limits():
            return Wish("disk_limits", limits, None, "overruled", Reason("memory-policy-decides"))
        there = [disk.name for disk in snapshot.sample.infos[uuid].tuning.disks]
        missing = [name for name in said if name != "*" and name not in there]
        reason = Reason("no-disk", disks=", ".join(missing)) if missing else None
        found: dict[str, tuple[int, ...]] = {}
        original = io_limits(self._original(snapshot, server, "io-tune"))
        for disk in there:
            wanted = said.get(disk, said.get("*"))
            if wanted is not None:
                found[disk] = tuple(getattr(wanted, name) for name in IO_LIMITS)
            else:
                found[disk] = tuple(original.get(disk, {}).get(name, 0) for name in IO_LIMITS)
        if not there or (missing and len(missing) == len(said)):
            return Wish("disk_limits", limits, None, "impossible", reason or Reason("no-disks"))
        return Wish("disk_limits", limits, io_text(found), None, reason)

    def _swap(self, snapshot: Snapshot, uuid: str, server: ServerSample, mebibytes: int) -> Wish:
        reason = too_little(mebibytes, snapshot.sample.infos[uuid].memory_mib)
        if reason is not None:
            return Wish("memory_swap_limit_mib", mebibytes, None, "impossible", reason)
        own, limit = limit_of(self._original(snapshot, server, "swap-limit").split()[0]), mebibytes * 1024
        return Wish("memory_swap_limit_mib", mebibytes, swap_text(limit if own is None else min(own, limit), limit))

    def _original(self, snapshot: Snapshot, server: ServerSample, control: Control) -> str:
        entry, now = self._actuator.entry(server, control), in_force(snapshot.sample, server.uuid, control)
        assert now is not None    # of what `Tuning` has
        if entry is None:
            return now
        return with_new_disks(entry.original, now) if control == "io-tune" else entry.original

    # -- what is done about it

    def _judge(
        self, snapshot: Snapshot, uuid: str, wish: Wish, control: Control, level: Level, interval: float
    ) -> tuple[FieldStanding, Change | None]:
        """How a field stands, and what is to be changed for it."""
        sample, server = snapshot.sample, snapshot.sample.samples[uuid]
        value, now = wish.value, in_force(snapshot.sample, uuid, control)
        key = (uuid, server.start, control)
        if wish.text is None:
            return FieldStanding(value, wish.state or "impossible", wish.reason), None    # type: ignore[arg-type]
        if now == wish.text:
            return FieldStanding(value, wish.state or "holds", wish.reason), None    # type: ignore[arg-type]
        if level == "advise":
            self._tell(snapshot, uuid, wish.field, "advised", f"{_now(now)} would become {wish.text}")
            return FieldStanding(value, "advised", Reason("would-become", now=_now(now), wanted=wish.text)), None
        if now is None:
            return FieldStanding(value, "waits", Reason("not-readable")), None
        text, until, why = self._refused.get(key, ("", 0, ""))
        if text == wish.text and sample.time_ns < until:
            return FieldStanding(value, "impossible", why), None
        if self._actuator.held(server, control):
            left = self._drifted(snapshot, uuid, wish, key, now, interval)
            if left is not None:
                return FieldStanding(value, "drifts", left), None
        stands = FieldStanding(value, wish.state or "waits", wish.reason if wish.state else Reason("just-set"))    # type: ignore[arg-type]
        return stands, changing(sample, uuid, control, wish.text)

    def _drifted(
        self, snapshot: Snapshot, uuid: str, wish: Wish, key: tuple[str, str, Control], now: str, interval: float
    ) -> str | None:
        """Why a value that somebody else has set is left; None: it is set again."""
        policy, time = snapshot.assignments[uuid].guest.policy, snapshot.sample.time_ns
        if policy.drift == "report":
            self._tell(snapshot, uuid, wish.field, "failed", f"somebody set {now}; the policy says to report that only")
            return Reason("drift-is-reported", value=now)
        times, last = self._corrected.get(key, (0, 0))
        if times >= MOST:    # until it is released
            why = Reason("given-up", value=now, times=MOST)
            self._tell(snapshot, uuid, wish.field, "failed", why)
            return why
        if last and time - last > CALM * 1e9:
            times = 0
        if times and time - last < 0.9 * interval * 1e9:
            return Reason("set-by-somebody", value=now)
        self._corrected[key] = times + 1, time
        self._record(snapshot, uuid, wish.field, "applied", f"somebody set {now}; set to {wish.text} again")
        return None

    def _apply(
        self, snapshot: Snapshot, field: str, control: Control, changes: list[Change],
        standing: dict[str, dict[str, FieldStanding]],
    ) -> None:  # fmt: skip
        if not changes:
            return
        until, infos = snapshot.sample.time_ns + int(AGAIN * 1e9), snapshot.sample.infos
        errors = self._actuator.apply(changes)
        for change in changes:
            error = errors.get(change.uuid)
            if error is None:
                log.info("%s of %s: %s → %s", control, infos[change.uuid].name, change.now, change.value)
                continue
            log.warning("%s of %s: %s", control, infos[change.uuid].name, error)
            why = Reason("host-refused", error=error)
            self._refused[change.uuid, change.start, control] = change.value, until, why
            value = standing[change.uuid][field].value
            standing[change.uuid][field] = FieldStanding(value, "impossible", why)

    def _give_back(self, snapshot: Snapshot, controls: list[Control]) -> None:
        """What was set and is wanted no more is as it was before. (Shares are given back by `CpuManagement`.)"""
        ours = {*controls} - {"cpu-shares"} - ({"io-tune"} if self._mom_limits() else set())
        unwanted: dict[Control, set[str]] = {}
        for uuid, control in self._actuator.journalled:
            if control in ours and (uuid, control) not in self._actuator.claimed:
                unwanted.setdefault(control, set()).add(uuid)
        for control, uuids in unwanted.items():
            for said in self._actuator.restore(snapshot.sample, uuids, {control}, keep_held=True):
                log.info("guest policy: %s", said)

    def _forget(self, snapshot: Snapshot) -> None:
        """What is known of starts that are over, or was released."""
        samples = snapshot.sample.samples
        starts = {(uuid, server.start) for uuid, server in samples.items()}
        self._corrected = {key: one for key, one in self._corrected.items() if key[:2] in starts}
        self._refused = {key: one for key, one in self._refused.items() if key[:2] in starts}
        self._told = {one for one in self._told if one[0] in samples}

    def released(self, uuid: str) -> None:
        """An administrator says that hpm is to set what he changed of a server."""
        self._corrected = {key: one for key, one in self._corrected.items() if key[0] != uuid}
        self._told = {one for one in self._told if one[0] != uuid}

    def _tell(self, snapshot: Snapshot, uuid: str, field: str, outcome: Outcome, words: str) -> None:
        """Record what is not done, once."""
        if (uuid, field, words) not in self._told:
            self._told = {one for one in self._told if one[:2] != (uuid, field)} | {(uuid, field, words)}
            self._record(snapshot, uuid, field, outcome, words)

    def _record(self, snapshot: Snapshot, uuid: str, field: str, outcome: Outcome, words: str) -> None:
        name, assignment = snapshot.sample.infos[uuid].name, snapshot.assignments[uuid]
        reason = "changed-by-administrator" if outcome != "advised" else None
        self._adjustments.add(AdjustmentRecord(
            0, self._time(), outcome, reason, f"guest policy, {field.replace('_', '-')} of {name}: {words}", 0.0,
            (bystander(uuid, name, assignment),), (), FIELDS[field][1],
        ))  # fmt: skip


def with_policy(snapshot: Snapshot, uuid: str, xml: str) -> str:
    """The definition with which hpm starts a server, with what of its guest policy can only be had so."""
    assignment = snapshot.assignments.get(uuid)
    if assignment is None or assignment.excluded or snapshot.levels.memory_mgmt != "on":
        return xml
    return at_start(xml, assignment.guest.policy)


def _placed(policy: GuestPolicy, place: Place) -> Wish:
    text, state = None if place.pins is None else pins_text(place.pins), "impossible" if place.impossible else None
    return Wish("placement", policy.placement, text, state, place.reason, place.kept)


def _now(now: str | None) -> str:
    return "what is in force" if now is None else now or "any CPU"
