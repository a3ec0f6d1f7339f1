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
from ..store.database import Database
from ..store.journal import Control, JournalEntry
from ..store.settings import Key
from ..wire.management import Level, Outcome, Resource
from .actuator import Actuator
from .adjusting import AdjustmentLog
from .controls import Change, changing, holds, in_force, limit_of, pins_text, swap_text, too_little
from .disk_limits import first_limits, io_text, io_tuples, leaving
from .drift import MOST, Cause, Corrections
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
        mom_limits: Callable[[], bool], database: Database,
    ) -> None:  # fmt: skip
        self.standing: Mapping[str, Mapping[str, FieldStanding]] = {}
        self._actuator, self._adjustments, self._time, self._mom_limits = actuator, adjustments, time, mom_limits
        self._topology, self._placing = topology, Placing(actuator, topology)
        self.corrections = Corrections(database)
        self._refused: dict[tuple[str, str, Control], tuple[str, int, str]] = {}    # what, until when (ns), and why
        self._told: dict[tuple[str, str, str], str] = {}    # by UUID, field and disk
        # What could not be put back: until when (ns) it is left, and what was said of it.
        self._left: dict[tuple[str, Control], int] = {}
        self._said: set[str] = set()
        self._insists: frozenset[tuple[str, Control]] = frozenset()    # what is set again if somebody changes it

    def level_changed(self, changed: Container[Resource]) -> None:
        """Other levels of these are in force: nothing of theirs is claimed, and what was given in to is begun anew."""
        governs = dict(FIELDS.values())
        self._actuator.claimed = frozenset(one for one in self._actuator.claimed if governs[one[1]] not in changed)
        self.corrections.keep(lambda key: governs[key[2]] not in changed)
        self._refused, self._told, self._left, self._said = {}, {}, {}, set()

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
        self._actuator.let_go([
            changing(snapshot.sample, uuid, "io-tune", wish.text) for uuid, asked in wishes.items() for wish in asked
            if wish.field == "disk_limits" and wish.text is not None and wish.field in on
        ])  # fmt: skip
        self._actuator.adopt([
            changing(snapshot.sample, uuid, FIELDS[wish.field][0], wish.text)
            for uuid, asked in wishes.items() for wish in asked
            if wish.text is not None and wish.field in on and not wish.kept
            and holds(FIELDS[wish.field][0], in_force(snapshot.sample, uuid, FIELDS[wish.field][0]), wish.text)
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
        entry, original = self._actuator.entry(server, "io-tune"), self._original(snapshot, server, "io-tune")
        ours, before = {} if entry is None else io_tuples(entry.intended), io_tuples(original)
        for disk in there:
            wanted = said.get(disk, said.get("*"))
            if wanted is not None:
                found[disk] = tuple(getattr(wanted, name) for name in IO_LIMITS)
            elif disk in ours and ours[disk] != before[disk]:    # of this one nothing is said any more
                found[disk] = before[disk]
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
        return first_limits(now, entry) if control == "io-tune" else entry.original

    # -- what is done about it

    def _judge(
        self, snapshot: Snapshot, uuid: str, wish: Wish, control: Control, level: Level, interval: float
    ) -> tuple[FieldStanding, Change | None]:
        """How a field stands, and what is to be changed for it."""
        sample, server = snapshot.sample, snapshot.sample.samples[uuid]
        value, now = wish.value, in_force(snapshot.sample, uuid, control)
        key, left = (uuid, server.start, control), dict[str, Reason]()
        if wish.text is None:
            return FieldStanding(value, wish.state or "impossible", wish.reason), None    # type: ignore[arg-type]
        if holds(control, now, wish.text):
            return FieldStanding(value, wish.state or "holds", wish.reason), None    # type: ignore[arg-type]
        if level == "advise":
            said = f"{_now(now)} would become {wish.text}"
            self._tell(snapshot, (uuid, wish.field, ""), "advised", "guest-policy", said)
            return FieldStanding(value, "advised", Reason("would-become", now=_now(now), wanted=wish.text)), None
        if now is None:
            return FieldStanding(value, "waits", Reason("not-readable")), None
        text, until, why = self._refused.get(key, ("", 0, ""))
        if text and holds(control, wish.text, text) and sample.time_ns < until:
            return FieldStanding(value, "impossible", why), None
        drifting = self._drifting(server, control, now, wish.text)
        for part, (wanted, found) in drifting.items():
            reason = self._drifted(snapshot, uuid, wish.field, (*key, part), found, wanted, interval)
            left |= {} if reason is None else {part: reason}
        text, nothing_else = wish.text, True
        if control == "io-tune":    # others are set all the same; one that somebody set back himself is hpm's again
            text = leaving(text, left)
            theirs = self._actuator.held_disks(server) & io_tuples(wish.text).keys()
            nothing_else = holds(control, now, text) and theirs == left.keys()
        stands = FieldStanding(value, "drifts", _together(left))
        if left and nothing_else:
            return stands, None
        if not left:
            stands = FieldStanding(value, wish.state or "waits", wish.reason if wish.state else Reason("just-set"))    # type: ignore[arg-type]
        return stands, changing(sample, uuid, control, text)

    def _drifting(
        self, server: ServerSample, control: Control, now: str, wanted: str
    ) -> Mapping[str, tuple[str, str]]:
        """What somebody else has changed, as it is to be and as it is: all of a control (by an empty name), or the
        limits of each such disk. Those that he has set back himself are among them no more."""
        if control != "io-tune":
            return {"": (wanted, now)} if self._actuator.held(server, control) else {}
        found, to_be = io_tuples(now), io_tuples(wanted)
        return {
            disk: (io_text({disk: to_be[disk]}), io_text({disk: found[disk]}))
            for disk in sorted(self._actuator.held_disks(server) & to_be.keys() & found.keys())
            if found[disk] != to_be[disk]
        }

    def _drifted(
        self, snapshot: Snapshot, uuid: str, field: str, key: Key, now: str, wanted: str, interval: float
    ) -> Reason | None:
        """Why a value that somebody else has set is left; None: it is set again."""
        if snapshot.assignments[uuid].guest.policy.drift == "report":
            said = f"somebody set {now}; the policy says to report that only"
            self._tell(snapshot, (uuid, field, key[3]), "failed", "drift-reported", said)
            return Reason("drift-is-reported", value=now)
        verdict = self.corrections.decide(key, snapshot.sample.time_ns, interval)
        if verdict == "given-up":
            why = Reason("given-up", value=now, times=MOST)
            if not self.corrections.is_told(key, why):    # nor does a restart tell it anew
                self._record(snapshot, uuid, field, "failed", "drift-given-up", why)
                self.corrections.tell(key, str(why))
            return why
        if verdict == "later":
            return Reason("set-by-somebody", value=now)
        said = f"somebody set {now}; set to {wanted} again"
        self._record(snapshot, uuid, field, "applied", "drift-corrected", said)
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
        failed = {(change.uuid, change.start, control) for change in changes if change.uuid in errors}
        self.corrections.keep(lambda key: key[:3] not in failed)    # it was not set again

    def _give_back(self, snapshot: Snapshot, controls: list[Control]) -> None:
        """What was set and is wanted no more is as it was before. (Shares are given back by `CpuManagement`.)"""
        ours = {*controls} - {"cpu-shares"} - ({"io-tune"} if self._mom_limits() else set())
        sample, unwanted = snapshot.sample, dict[Control, set[str]]()
        self._left = {key: until for key, until in self._left.items() if until > sample.time_ns}
        for uuid, control in self._actuator.journalled:
            if control in ours and not {(uuid, control)} & (self._actuator.claimed | self._left.keys()):
                unwanted.setdefault(control, set()).add(uuid)
        if not unwanted and not self._left:
            self._said = set()
        for control, uuids in unwanted.items():
            said = self._actuator.restore(sample, uuids, {control}, keep_held=True)
            for words in said:
                if words not in self._said:
                    log.info("guest policy: %s", words)
            self._said.update(said)
            for uuid in uuids & {uuid for uuid, which in self._actuator.journalled if which == control}:
                if in_force(sample, uuid, control) is not None:    # it was asked for, and refused
                    self._left[uuid, control] = sample.time_ns + int(AGAIN * 1e9)

    def _forget(self, snapshot: Snapshot) -> None:
        """What is known of starts that are over, or was released."""
        samples = snapshot.sample.samples
        starts = {(uuid, server.start) for uuid, server in samples.items()}
        self.corrections.keep(lambda key: key[:2] in starts)
        self._refused = {key: one for key, one in self._refused.items() if key[:2] in starts}
        self._told = {key: words for key, words in self._told.items() if key[0] in samples}

    def released(self, uuid: str) -> None:
        """An administrator says that hpm is to set what he changed of a server."""
        self.corrections.keep(lambda key: key[0] != uuid)
        self._told = {key: words for key, words in self._told.items() if key[0] != uuid}

    def _tell(
        self, snapshot: Snapshot, what: tuple[str, str, str], outcome: Outcome, cause: Cause, words: str
    ) -> None:
        """Record what is not done, once; `what` is the UUID, the field and the disk."""
        if self._told.get(what) != words:
            self._told[what] = words
            self._record(snapshot, what[0], what[1], outcome, cause, words)

    def _record(
        self, snapshot: Snapshot, uuid: str, field: str, outcome: Outcome, cause: Cause, words: str
    ) -> None:
        name, assignment = snapshot.sample.infos[uuid].name, snapshot.assignments[uuid]
        reason = "changed-by-administrator" if outcome != "advised" else None
        self._adjustments.add(AdjustmentRecord(
            0, self._time(), outcome, reason, f"guest policy, {field.replace('_', '-')} of {name}: {words}", 0.0,
            (bystander(uuid, name, assignment),), (), FIELDS[field][1], cause,
        ))  # fmt: skip


def with_policy(snapshot: Snapshot, uuid: str, xml: str) -> str:
    """The definition with which hpm starts a server, with what of its guest policy can only be had so."""
    assignment = snapshot.assignments.get(uuid)
    if assignment is None or assignment.excluded or snapshot.levels.memory_mgmt != "on":
        return xml
    return at_start(xml, assignment.guest.policy)


def _together(left: Mapping[str, Reason]) -> str | None:
    """Why values of several disks are left: one reason for all, if it is the same; else in words alone."""
    reasons = list(left.values())
    if len({reason.id for reason in reasons}) != 1:
        return "; ".join(reasons) or None
    limits = [io_tuples(reason.values["value"]) for reason in reasons] if len(reasons) > 1 else []
    value = io_text({disk: of for one in limits for disk, of in one.items()}) if limits else reasons[0].values["value"]
    return Reason(reasons[0].id, **{**reasons[0].values, "value": value})


def _placed(policy: GuestPolicy, place: Place) -> Wish:
    text, state = None if place.pins is None else pins_text(place.pins), "impossible" if place.impossible else None
    return Wish("placement", policy.placement, text, state, place.reason, place.kept)


def _now(now: str | None) -> str:
    return "what is in force" if now is None else now or "any CPU"
