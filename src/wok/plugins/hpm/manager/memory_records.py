"""From decisions on memory to adjustment records."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from ..engine.samples import KsmState
from ..errors import HypervisorError, ServerBusy
from ..memory.ksm import KsmPlan
from ..memory.mom import PolicyFault
from ..memory.plan import MemoryChange, MemoryPlan
from ..memory.state import GuestMemory, MemoryView
from ..policy.assignment import Assignment
from ..store.adjustments import AdjustmentRecord, ServerRecord
from ..store.journal import HOST
from ..wire.management import Outcome
from .controls import Change
from .mom import MomDecision
from .records import bystander

#: Advice that differs by less than this part is not given again.
SAME_ADVICE = 0.05
#: Reason and cause where another program manages memory.
RIVALS = "another-manager"
#: Cause of what policies of MOM's language decided; and characters of what is told of it.
POLICY = "memory-policy"
MOST_TEXT = 2000
_MIB = 1 << 20


class Told:
    """What was told already, so that a standing state is told once."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._unhelped: dict[str, str] = {}
        self._advised: dict[str, int] = {}

    def news(self, key: str, text: str) -> bool:
        """Whether that is another text than the last one of that key."""
        before = self._known.get(key)
        self._known[key] = text
        return before != text

    def forget(self, key: str) -> None:
        """That does not hold any more: it is news when it comes again."""
        self._known.pop(key, None)

    def unhelped(self, standing: Mapping[str, str]) -> dict[str, str]:
        """Those in distress (by UUID, and why they get nothing) of whom that is news. Of others, also of those that are
        gone, nothing is known any more; ``settling`` is told of nobody, and no reason to tell the same again."""
        new = {uuid: why for uuid, why in standing.items() if why != "settling" and self._unhelped.get(uuid) != why}
        kept = {uuid: why for uuid, why in self._unhelped.items() if uuid in standing}
        self._unhelped = kept | new
        return new

    def advises(self, changes: tuple[MemoryChange, ...], present: Collection[str]) -> bool:
        """Whether such advice is news; `present` are the UUIDs of all servers that there are."""
        advice = {change.uuid: change.target for change in changes}
        same = all(
            abs(target - self._advised.get(uuid, 0)) <= SAME_ADVICE * target for uuid, target in advice.items()
        )
        self._advised = {uuid: known for uuid, known in self._advised.items() if uuid in present} | advice
        return not same


def record_memory(
    made: MemoryPlan, view: MemoryView, assignments: Mapping[str, Assignment], errors: Mapping[str, HypervisorError],
    told: Told, outcome: Outcome, time: str, seconds: float,
) -> list[AdjustmentRecord]:  # fmt: skip
    """A decision as records (their ids come from the store), one for each cause, and for who could not be helped."""
    records: list[AdjustmentRecord] = []
    if made.changes and (outcome == "applied" or told.advises(made.changes, view.guests)):
        by_cause: dict[str, list[MemoryChange]] = {}
        for change in made.changes:
            cause: str = "distress" if change.why == "for-distress" else change.why
            by_cause.setdefault(cause, []).append(change)
        for cause, changes in by_cause.items():
            records.append(_record(cause, changes, view, assignments, errors, outcome, time, seconds))
    records += _unhelped(made, view, assignments, told, time, seconds)
    return records


def record_policy(
    changes: Sequence[Change], decided: MomDecision, view: MemoryView, assignments: Mapping[str, Assignment],
    errors: Mapping[str, HypervisorError], failed: Mapping[str, HypervisorError], told: Told, outcome: Outcome,
    time: str, seconds: float,
) -> AdjustmentRecord | None:  # fmt: skip
    """What policies of MOM's language changed, or advise, as a record; None: nothing that is news. `errors` are those
    of balloons, `failed` those of all else, by UUID."""
    moved = tuple(
        MemoryChange(change.uuid, int(change.now), int(change.value), "host-pressure")
        for change in changes if change.control == "balloon"
    )  # fmt: skip
    others = [_text(change, view, failed) for change in changes if change.control != "balloon"]
    news = any([told.advises(moved, view.guests), told.news("policy", "; ".join(others))])
    nothing = not moved and all(change.uuid in failed for change in changes)    # it is tried again each interval
    if not changes or (not news and (nothing or outcome == "advised")):
        return None
    record = _record(POLICY, list(moved), view, assignments, errors, outcome, time, seconds)
    if nothing:
        record = msgspec.structs.replace(record, outcome="failed", reason="unreachable")
    notes = [
        f"{view.guests[uuid].name}: {note}" for uuid, wanted in decided.guests.items() for note in wanted.notes
    ] + list(decided.host.notes)  # fmt: skip
    if told.news("notes", "; ".join(notes)):
        others += notes
    detail = "; ".join(([record.detail] if record.detail else []) + others)
    return msgspec.structs.replace(record, detail=_short(detail) or None)


def record_faults(faults: Sequence[PolicyFault], told: Told, time: str, seconds: float) -> AdjustmentRecord | None:
    """Errors of policies as a record; None: there are none that are news."""
    text = "; ".join(map(str, faults))
    # Messages tell values, which are others in each cycle.
    places = "; ".join(f"{one.policy}:{one.line}:{one.column} {one.guest}" for one in faults)
    if not told.news("faults", places) or not faults:
        return None
    return AdjustmentRecord(
        0, time, "failed", "policy-error", _short(text), seconds, (), (), "memory", POLICY
    )


def record_rivals(told: str, time: str, seconds: float) -> AdjustmentRecord:
    """That nothing is done, because others manage memory here."""
    detail = f"{told}: hpm moves no balloon and leaves KSM as it is while another program manages memory"
    return AdjustmentRecord(0, time, "failed", RIVALS, detail, seconds, (), (), "memory", RIVALS)


def _text(change: Change, view: MemoryView, failed: Mapping[str, HypervisorError]) -> str:
    """A change of something else than a balloon, with why it could not be made."""
    name = "the host" if change.uuid == HOST else view.guests[change.uuid].name
    error = f" ({failed[change.uuid]})" if change.uuid in failed else ""
    return f"{name}: {change.control} {change.now} → {change.value}{error}"


def _short(text: str) -> str:
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"


def record_ksm(
    before: KsmState, merging: KsmPlan, error: HypervisorError | None, outcome: Outcome, time: str, seconds: float
) -> AdjustmentRecord:
    """A decision on KSM."""
    wanted = merging.settings
    assert wanted is not None
    detail = f"KSM {_RUN[before.run]} → {_RUN[wanted.run]}"
    if wanted.run == 1 and wanted.pages_to_scan is None:
        detail += ", at the pace of the kernel's advisor"
    elif wanted.run == 1:
        detail += f", {wanted.pages_to_scan} pages every {wanted.sleep_millisecs} ms"
    if wanted.merge_across_nodes != before.merge_across_nodes:
        detail += ", across NUMA nodes" if wanted.merge_across_nodes else ", within each NUMA node"
    if error is not None:
        detail += f": {error}"
    return AdjustmentRecord(
        0, time, "failed" if error is not None else outcome, "unreachable" if error is not None else None, detail,
        seconds, (), (), "memory", merging.reason,
    )  # fmt: skip


_RUN = {0: "off", 1: "on", 2: "off and unmerged"}


def _record(
    cause: str, changes: list[MemoryChange], view: MemoryView, assignments: Mapping[str, Assignment],
    errors: Mapping[str, HypervisorError], outcome: Outcome, time: str, seconds: float,
) -> AdjustmentRecord:  # fmt: skip
    receivers: list[ServerRecord] = []
    donors: list[ServerRecord] = []
    for change in changes:
        guest = view.guests[change.uuid]
        record = msgspec.structs.replace(_server(guest, assignments), memory_after=change.target)
        (receivers if change.target > change.current else donors).append(record)
    failed = {change.uuid: errors[change.uuid] for change in changes if change.uuid in errors}
    reason = detail = None
    if failed:
        detail = "; ".join(f"{view.guests[uuid].name}: {error}" for uuid, error in failed.items())
        if len(failed) == len(changes):
            outcome = "failed"
            busy = all(isinstance(error, ServerBusy) for error in failed.values())
            reason = "migrating" if busy else "unreachable"
    return AdjustmentRecord(
        0, time, outcome, reason, detail, seconds, tuple(receivers), tuple(donors), "memory", cause
    )


def _unhelped(
    made: MemoryPlan, view: MemoryView, assignments: Mapping[str, Assignment], told: Told, time: str, seconds: float
) -> list[AdjustmentRecord]:
    """Guests in distress that get nothing, and a host that lacks memory that nobody can give: each told once."""
    changed = {change.uuid for change in made.changes}
    standing = {uuid: made.blocked[uuid] for uuid in made.distressed if uuid in made.blocked and uuid not in changed}
    new = told.unhelped(standing)
    records = [
        AdjustmentRecord(
            0, time, "failed", why, f"{view.guests[uuid].name} is short of memory", seconds,
            (_server(view.guests[uuid], assignments),), (), "memory", "distress",
        )
        for uuid, why in new.items()
    ]  # fmt: skip
    short = made.state != "relaxed" and made.needed > made.taken and not made.changes
    waiting = {"settling", "rate-limit", "booting"} & set(made.blocked.values())
    if not short:
        told.forget("host")
    elif not waiting and not records and told.news("host", made.state):
        lacking = (made.needed - made.taken) // _MIB
        records.append(AdjustmentRecord(
            0, time, "failed", "at-floor", f"the host lacks {lacking} MiB, and no managed server can give more",
            seconds, (), (), "memory", "host-pressure",
        ))  # fmt: skip
    return records


def _server(guest: GuestMemory, assignments: Mapping[str, Assignment]) -> ServerRecord:
    return msgspec.structs.replace(
        bystander(guest.uuid, guest.name, assignments[guest.uuid]), memory_before=guest.current, memory_used=guest.used
    )
