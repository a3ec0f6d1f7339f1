"""Memory management: balloons are moved, and equal pages merged, as goals or policies say; or that is advised."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from ..backend.rivals import Rival
from ..engine.samples import HostSample, ServerSample
from ..engine.table import Table
from ..errors import Conflict, HypervisorError, ServerBusy
from ..memory.mom import Program
from ..memory.mom.migration import CONTROLLERS
from ..memory.plan import MemoryMemory, MemoryPlan, Remembered, as_made
from ..memory.planner import plan
from ..memory.standing import dead_band, grown, is_low
from ..memory.state import GuestMemory, MemoryHeld, MemoryView
from ..store.catalog_store import load_setting, save_setting
from ..store.database import Database
from ..store.journal import HOST, Control
from ..store.settings import MemorySettings
from ..wire.management import Level, Outcome
from .actuator import Actuator
from .adjusting import AdjustmentLog
from .controls import MEMORY_CONTROLS, NEAR, Change, changing, in_force, ksm_text, quota_text
from .disk_limits import io_text, io_tuples, leaving, same_limits
from .ksm import WHY_LEFT, KsmManagement
from .memory_records import Told, record_faults, record_memory, record_policy, record_rivals
from .memory_view import Report, memory_view
from .mom import MomDecision, MomPolicies
from .mom_statistics import Fields
from .snapshot import UNMANAGED, MemoryStanding, Snapshot
from .takeover import named
from .trials import Trial

log = logging.getLogger(__name__)

#: Seconds between two reports of guests that are asked by hpm, at most.
PERIOD = 2
#: Seconds for which a guest that refused (it migrates, for example) is not asked again.
REFUSED = 30.0
#: Reasons for which a guest that was managed gets its own memory back.
GIVEN_BACK = frozenset({"no-policy", "excluded", "pinned-memory", "no-balloon"})
#: What is changed of a guest for its balloon's sake. (Quotas and limits of disks need none.)
BALLOONS: frozenset[Control] = frozenset({"balloon", "stats-period"})
#: What policies of MOM's language can set, as they name it; and what only they set.
NAMED: Mapping[Control, tuple[str, ...]] = {
    "balloon": CONTROLLERS["Balloon"], "ksm": CONTROLLERS["KSM"], "vcpu-quota": CONTROLLERS["CpuTune"],
    "io-tune": CONTROLLERS["IoTune"],
}  # fmt: skip
TUNING: frozenset[Control] = frozenset({"vcpu-quota", "io-tune"})
_SETTINGS = "memory"    # as the store calls them


class MemoryManagement:
    """Decides on balloons and KSM, and remembers what was decided. `time` gives the time in RFC 3339, `local` that of
    the host's clock.

    `rivals` gives the other programs that manage memory here.
    `standing` is for the snapshot; `policies` are those of MOM's language. Not thread-safe: the manager's lock is held.
    """

    def __init__(
        self, actuator: Actuator, adjustments: AdjustmentLog, database: Database, time: Callable[[], str],
        local: Callable[[], datetime], rivals: Callable[[], Sequence[Rival]] = tuple,
    ) -> None:  # fmt: skip
        self.standing = UNMANAGED
        self.policies = MomPolicies(database)
        saved = load_setting(database, _SETTINGS)
        self.settings = msgspec.json.decode(saved, type=MemorySettings) if saved else MemorySettings()
        self._database = database
        self._actuator, self._adjustments, self._time, self._local = actuator, adjustments, time, local
        self._rivals = rivals
        self._memory = MemoryMemory()
        self._lean: tuple[str, ...] = ()    # UUIDs of guests that hpm has taken from, and that it may decide on
        self._ksm = KsmManagement(actuator, adjustments, time, managed=self.settings.manage_ksm)
        self._refused: dict[tuple[str, str], tuple[MemoryHeld, int]] = {}
        # Starts of guests whose balloons could not be moved when last tried, and when policies last moved some.
        self._failed: set[tuple[str, str]] = set()
        self._asked: dict[tuple[str, str], int] = {}
        self._told = Told()
        self._before_ns: int | None = None    # the last decision that was due
        self._decided_ns = 0    # the last one
        self._contested = False

    def level_changed(self, level: Level) -> None:
        """Another level is in force: what is to be told is told anew, and what is no longer in force is forgotten."""
        self._told = Told()
        self._memory, self._lean = MemoryMemory(), ()    # what is not back yet is in the journal
        self._ksm.begin(applies=level == "on")
        if level != "on":
            self._refused, self._failed = {}, set()
        self.standing = UNMANAGED

    def set(self, settings: MemorySettings) -> None:
        """Decide so from now on, and after later starts. Raises `StoreError`."""
        save_setting(self._database, _SETTINGS, msgspec.json.encode(settings).decode())
        if settings.memory_policy != self.settings.memory_policy:
            self._memory, self._told = MemoryMemory(), Told()
            self._ksm.begin(applies=True)
        self._ksm.manage(settings.manage_ksm)
        self.settings = settings

    @property
    def watches(self) -> bool:
        """Whether there are guests that hpm has taken memory from: they may come to need it at any moment."""
        return bool(self._lean)

    def may_limit_disks(self) -> bool:
        """Whether a policy of MOM's language may set limits of disks."""
        unset = self._unset() if self.policies.policies else TUNING
        return "io-tune" not in unset

    def needed(self, balloon: Table) -> bool:
        """Whether one of those has hardly any left, or soon will, by what it told after the last decision."""
        for uuid in self._lean:
            row, known = balloon.place.get(uuid), self._memory.guests.get(uuid)
            if row is None or known is None:
                continue
            report = Report.of(balloon, row)
            used, told_ns = report.used, report.told_ns
            if used is None or told_ns <= max(known.told_ns, known.asked_ns):
                continue
            growth = 0.0 if report.blurred else grown(known, used, told_ns)
            if is_low(int(report.current), used - int(report.blurred), report.maximum_bytes, growth):
                return True
        return False

    def work(self, snapshot: Snapshot, interval: float) -> None:
        """What is done once an interval of so many seconds. Raises `StoreError`."""
        level, sample = snapshot.levels.memory_mgmt, snapshot.sample
        before, self._before_ns = self._before_ns, sample.time_ns
        if self.settings.memory_policy != "goals":
            self.policies.sample(snapshot, self._local())
        if level != "on":
            self._actuator.restore(sample, controls=MEMORY_CONTROLS)    # what could not be put back at once
        else:
            self._ksm.put_back(sample)
        if level == "off" or before is None or not _measured(sample):
            self.standing = UNMANAGED
            return
        seconds = (sample.time_ns - before) / 1e9
        view = self._view(snapshot, self._since_decided(sample))
        if level == "on" and self._leaves_it_to_others(view, seconds):
            return
        if level == "on":
            self._give_back(sample, view)
            self._ask_for_reports(snapshot, view, seconds)
        decided = self._by_policies(snapshot, view, level, seconds, interval)
        self._by_goals(snapshot, view, decided, level, seconds)
        self._merge(sample, view, decided, level, seconds)
        self.standing = replace(self.standing, originals=self._originals(view))

    def help(self, snapshot: Snapshot) -> None:
        """Decide on balloons by importance before it is due: a guest needs memory now. Raises `StoreError`."""
        sample = snapshot.sample
        if snapshot.levels.memory_mgmt != "on" or not _measured(sample) or self._contested:
            return
        seconds = self._since_decided(sample)
        view = self._view(snapshot, seconds)
        self._by_goals(snapshot, view, self.standing.mom, "on", seconds)
        self.standing = replace(self.standing, originals=self._originals(view))

    def _since_decided(self, sample: HostSample) -> float:
        """Seconds since the last decision."""
        before, self._decided_ns = self._decided_ns, sample.time_ns
        return (sample.time_ns - before) / 1e9

    def trial(self, snapshot: Snapshot, interval: float, program: Program | None) -> Trial:
        """What it takes to tell, without the lock, what the policies, or a `program` in their place, would do now.
        Raises `Conflict` where the host does not tell how much memory it has."""
        if snapshot.sample.memory_bytes is None or snapshot.sample.available_bytes is None:
            raise Conflict("the host does not tell how much memory it has, so policies cannot be evaluated")
        self._sampled(snapshot)
        statistics = self.policies.history.entities(snapshot, interval, apart=True)
        view, swap = self._view(snapshot, interval), self.settings.allow_guest_swap
        left = WHY_LEFT.get(self._ksm.left(snapshot.sample))
        return Trial(program or self.policies.program, interval, statistics, snapshot.sample, view, swap, left)

    def statistics(self, snapshot: Snapshot) -> tuple[Fields, dict[str, Fields]]:
        """What policies are given now: the fields of the host, and of each guest by name."""
        self._sampled(snapshot)
        return self.policies.history.newest(snapshot)

    def _sampled(self, snapshot: Snapshot) -> None:
        """Have samples to look at. While policies decide these are those of decisions, and no others."""
        history, unused = self.policies.history, self.settings.memory_policy == "goals"
        if not history.newest(snapshot)[0] or (unused and not history.sampled(snapshot)):
            self.policies.sample(snapshot, self._local())

    def _leaves_it_to_others(self, view: MemoryView, seconds: float) -> bool:
        """Whether another program manages memory here: then nothing is moved, and that is told once."""
        rivals = self._rivals()
        names = " ".join(sorted({rival.name for rival in rivals}))    # one that is started again and again is no news
        if self._told.news("rivals", names) and (rivals or self._contested):
            if rivals:
                told = ", ".join(map(named, rivals))
                log.warning("%s: memory is left alone while another program manages it", told)
                self._adjustments.add(record_rivals(told, self._time(), seconds))
            else:
                log.info("no other program manages memory any more; hpm goes on")
        self._contested = bool(rivals)
        if rivals:
            held: Mapping[str, MemoryHeld] = dict.fromkeys(view.guests, "another-manager")
            self.standing, self._lean = MemoryStanding(held, view, originals=self._originals(view)), ()
        return self._contested

    # -- deciding

    def _by_policies(
        self, snapshot: Snapshot, view: MemoryView, level: Level, seconds: float, interval: float
    ) -> MomDecision | None:
        """What policies of MOM's language want, applied or advised; None: they decide on nothing."""
        sample = snapshot.sample
        if level == "on":
            self._actuator.restore(sample, controls=self._unset(), keep_held=True)
        if self.settings.memory_policy == "goals" or not self.policies.policies:
            return None
        swap, left = self.settings.allow_guest_swap, WHY_LEFT.get(self._ksm.left(sample))
        decided = self.policies.decide(snapshot, view, seconds, interval, swap=swap, ksm=left)
        changes = self._changes(sample, decided, view)
        errors: Mapping[str, HypervisorError] = {}
        failed: Mapping[str, HypervisorError] = {}
        if level == "on":    # one by itself: a guest whose quota cannot be set has a balloon all the same
            errors = self._actuator.apply([change for change in changes if change.control == "balloon"])
            failed = self._actuator.apply([change for change in changes if change.control != "balloon"])
            self._refuse(sample, errors)
            self._asked = {key: at for key, at in self._asked.items() if key[0] in sample.samples}
            self._asked |= {(one.uuid, one.start): sample.time_ns for one in changes if one.control == "balloon"}
        outcome: Outcome = "applied" if level == "on" else "advised"
        told, time, assignments = self._told, self._time(), snapshot.assignments
        records = [
            record_policy(changes, decided, view, assignments, errors, failed, told, outcome, time, seconds),
            record_faults(decided.evaluation.errors, told, time, seconds),
        ]
        for record in records:
            if record is not None:
                self._adjustments.add(record, measure=record.outcome == "applied")
        return decided

    def _unset(self) -> frozenset[Control]:
        """What nobody decides on any more, so that it is to be as it was before. (A policy that sets a control in some
        cycles only wants it to stay in the others.)"""
        if self.settings.memory_policy == "goals":
            return TUNING
        program = self.policies.program
        unset = frozenset(control for control, names in NAMED.items() if not any(map(program.may_set, names)))
        return unset if self.settings.memory_policy == "mom" else unset & TUNING

    def _changes(self, sample: HostSample, decided: MomDecision, view: MemoryView) -> Sequence[Change]:
        """What of it differs from what is in force, and is not an administrator's."""
        found: list[Change] = []
        for uuid, wanted in decided.guests.items():
            server = sample.samples[uuid]
            texts: list[tuple[Control, str]] = []
            if wanted.balloon is not None and wanted.balloon.value is not None:
                current = server.memory_bytes
                more = wanted.balloon.value > (current or 0) and wanted.balloon.note is None
                settled = more or self._settled(server, view.guests[uuid])
                band = dead_band(view.guests[uuid].maximum) if wanted.balloon.note else NEAR
                if current is not None and abs(wanted.balloon.value - current) > band and settled:
                    texts.append(("balloon", str(wanted.balloon.value)))
            if wanted.quota is not None and wanted.quota.value is not None:
                texts.append(("vcpu-quota", quota_text(*wanted.quota.value)))
            if wanted.io is not None and wanted.io.value is not None:
                texts.append(("io-tune", io_text(wanted.io.value)))
            for control, text in texts:
                now = in_force(sample, uuid, control)
                if control == "io-tune":    # those of each disk by themselves
                    text = leaving(text, self._actuator.held_disks(server) & io_tuples(text).keys())
                    same = now is None or same_limits(now, text)
                else:
                    same = now in (None, text) or self._actuator.held(server, control)
                if not same:
                    found.append(changing(sample, uuid, control, text))
        ksm = None if decided.host.ksm is None else decided.host.ksm.value
        if ksm is not None:
            now = in_force(sample, HOST, "ksm")
            if now not in (None, ksm_text(ksm)):
                found.append(changing(sample, HOST, "ksm", ksm_text(ksm)))
        return found

    def _settled(self, server: ServerSample, guest: GuestMemory) -> bool:
        """Whether a guest has arrived where a policy wanted its balloon, and has reported since: before, what is usable
        by its report and what its balloon leaves it are of different times, and what it uses seems too little."""
        known = self._actuator.ballooned(server.uuid, server.start)
        arrived = known is None or guest.current <= known[1] + NEAR
        return arrived and not guest.blurred and guest.told_ns > self._asked.get((server.uuid, server.start), -1)

    def _by_goals(
        self, snapshot: Snapshot, view: MemoryView, decided: MomDecision | None, level: Level, seconds: float
    ) -> None:
        """What importance wants, where no policy of MOM's language decides."""
        if decided is not None:
            guests = {
                uuid: replace(guest, held="by-policy") if _decides(decided, uuid) else guest
                for uuid, guest in view.guests.items()
            }
            view = replace(view, guests=guests)
        held = {uuid: guest.held for uuid, guest in view.guests.items() if guest.held is not None}
        if self.settings.memory_policy == "mom":
            self.standing, self._lean = MemoryStanding(held, view, mom=decided), ()
            return
        if level == "on":
            self._memory = MemoryMemory(self._journalled(view, self._memory.guests), self._memory.host)
        made = plan(view, self._memory)
        self.standing = MemoryStanding(held, view, made, self.standing.ksm_reason, decided)
        self._move(snapshot, view, made, level, seconds)
        self._lean = tuple(uuid for uuid, known in self._memory.guests.items() if known.lean and uuid not in held)

    def _move(self, snapshot: Snapshot, view: MemoryView, made: MemoryPlan, level: Level, seconds: float) -> None:
        """Move balloons as planned, or advise it."""
        sample, before = snapshot.sample, self._memory
        errors: Mapping[str, HypervisorError] = {}
        if level == "on":
            changes = [changing(sample, change.uuid, "balloon", str(change.target)) for change in made.changes]
            errors = self._actuator.apply(changes)
            self._refuse(sample, errors)
            self._failed -= {(one.uuid, one.start) for one in changes if one.uuid not in errors}
            self._failed |= {(one.uuid, one.start) for one in changes if one.uuid in errors}
            self._memory = as_made(made, before, frozenset(errors))
        else:
            self._memory = as_made(made, before, frozenset(change.uuid for change in made.changes))
        outcome: Outcome = "applied" if level == "on" else "advised"
        assignments, time = snapshot.assignments, self._time()
        for record in record_memory(made, view, assignments, errors, self._told, outcome, time, seconds):
            self._adjustments.add(record, measure=record.outcome == "applied")

    def _merge(
        self, sample: HostSample, view: MemoryView, decided: MomDecision | None, level: Level, seconds: float
    ) -> None:
        """Merge equal pages as the planner wants it, where no policy of MOM's language decides on that."""
        reason = self._ksm.left(sample)
        by_policy = self.settings.memory_policy == "mom" or (decided is not None and decided.host.ksm is not None)
        if reason is None and not by_policy:
            reason = self._ksm.work(sample, view, level, seconds)
        self.standing = replace(self.standing, ksm_reason=reason)

    def _refuse(self, sample: HostSample, errors: Mapping[str, HypervisorError]) -> None:
        for uuid, error in errors.items():
            reason: MemoryHeld = "migrating" if isinstance(error, ServerBusy) else "unreachable"
            server = sample.samples.get(uuid)
            if server is not None:
                self._refused[uuid, server.start] = reason, sample.time_ns + int(REFUSED * 1e9)

    def _give_back(self, sample: HostSample, view: MemoryView) -> None:
        """Guests that were managed and are no more get their memory back. (Policies of MOM's language are for guests
        without a performance policy, too.)"""
        reasons = GIVEN_BACK if self.settings.memory_policy == "goals" else GIVEN_BACK - {"no-policy"}
        no_more = {uuid for uuid, guest in view.guests.items() if guest.held in reasons}
        excluded = {uuid for uuid in no_more if view.guests[uuid].held == "excluded"}
        for uuids, controls in ((no_more, BALLOONS), (excluded, MEMORY_CONTROLS)):
            for said in self._actuator.restore(sample, uuids, controls, keep_held=True):
                log.info("memory is no longer managed: %s", said)

    def _ask_for_reports(self, snapshot: Snapshot, view: MemoryView, seconds: float) -> None:
        """Have balloons tell their statistics where nobody asked for them (libvirt does not by itself)."""
        sample, period = snapshot.sample, max(1, min(PERIOD, round(seconds / 2)))
        everybody = self.settings.memory_policy != "goals"    # else nobody looks at what unmanaged guests tell
        silent = [
            uuid for uuid, info in sample.infos.items()
            if uuid in sample.samples and info.memory.balloon and not info.memory.stats_period
            and view.guests[uuid].held in (None, "no-policy", "no-report", "booting")
            and (everybody or snapshot.assignments[uuid].goal is not None)
            and not self._actuator.held(sample.samples[uuid], "stats-period")
        ]  # fmt: skip
        errors = self._actuator.apply([changing(sample, uuid, "stats-period", str(period)) for uuid in silent])
        for uuid, error in errors.items():
            log.warning("statistics of the balloon of %s: %s", sample.infos[uuid].name, error)

    # -- what is seen

    def _view(self, snapshot: Snapshot, seconds: float) -> MemoryView:
        now = snapshot.sample.time_ns
        self._failed = {key for key in self._failed if key[0] in snapshot.sample.samples}
        self._refused = {key: (why, until) for key, (why, until) in self._refused.items() if until > now}
        refused = {key: why for key, (why, _) in self._refused.items()}
        return memory_view(snapshot, seconds, self._actuator, refused)

    def _journalled(self, view: MemoryView, known: Mapping[str, Remembered]) -> Mapping[str, Remembered]:
        """What is known of the guests, as the journal has it: a manager before this one may have moved their balloons,
        or a policy; memory may have been plugged in; and what is back where it was is nobody's any more."""
        guests = dict(known)
        for uuid, guest in view.guests.items():
            found, old = self._actuator.ballooned(uuid, guest.start), known.get(uuid)
            if old is None or old.start != guest.start:
                old = Remembered(guest.start, guest.current, guest.current)
            if found is None:
                if old.asked_ns:
                    guests[uuid] = replace(old, original=guest.current, target=guest.current, asked_ns=0, before=None)
            elif (uuid, guest.start) in self._failed:    # it may be asked anew, and is owed what it had
                guests[uuid] = replace(old, original=found[0], target=guest.current, asked_ns=old.asked_ns or 1)
            elif not old.asked_ns or found != (old.original, old.target):
                more = found[0] - old.original if old.asked_ns else 0
                guests[uuid] = replace(
                    old, original=found[0], target=found[1], asked_ns=old.asked_ns or 1, nearest=guest.current,
                    nearest_ns=view.time_ns, stuck_ns=0, before=None if old.before is None else old.before + more,
                )  # fmt: skip
        return guests

    def _originals(self, view: MemoryView) -> Mapping[str, int]:
        """What balloons left before hpm moved them, whoever decided that, in bytes by UUID."""
        return {
            uuid: found[0]
            for uuid, guest in view.guests.items()
            if (found := self._actuator.ballooned(uuid, guest.start)) is not None
        }


def _measured(sample: HostSample) -> bool:
    return sample.memory_bytes is not None and sample.available_bytes is not None


def _decides(decided: MomDecision, uuid: str) -> bool:
    wanted = decided.guests.get(uuid)
    return wanted is not None and wanted.balloon is not None
