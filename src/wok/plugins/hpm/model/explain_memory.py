"""Why the memory of a virtual server is as it is, in sentences."""

from __future__ import annotations

from ..manager.snapshot import Snapshot
from ..memory.plan import MemoryChange, MemoryPlan
from ..memory.state import GuestMemory

_MIB = 1 << 20

_HELD = {
    "no-policy": "Its group has no active policy, so its memory is unmanaged, too.",
    "excluded": "It is excluded, so its memory is left alone, too.",
    "changed-by-administrator": "An administrator moved its balloon while hpm managed it. That is respected: it is left"
    " alone until it is released (hpm vs-release).",
    "paused": "It is paused: its balloon is not moved.",
    "not-running": "It is not running.",
    "no-balloon": "It has no balloon, so its memory cannot be changed while it runs.",
    "no-report": "The driver of its balloon does not tell how much it uses, so hpm does not move it. Is the driver"
    " loaded in the guest, and does its definition have <stats period='…'/> below <memballoon>?",
    "booting": "It has just been started: its balloon is not moved before it is known what it needs.",
    "pinned-memory": "Its memory is pinned (an assigned device, or locked or huge pages): its balloon would gain"
    " nothing.",
    "migrating": "It is being migrated, saved or copied: its balloon is not moved meanwhile.",
    "by-policy": "A memory policy decides on its balloon (hpm mom-explain).",
    "another-manager": "Another program manages memory on this host, and two that fight are worse than none: hpm moves"
    " no balloon until that one is stopped ('hpm mom-import --takeover' names it, and stops it).",
    "unreachable": "Its balloon cannot be asked now, so it is left alone.",
}

_WHY = {
    "host-pressure": "because the host has too little",
    "for-distress": "for servers that are short of memory and at least as important",
    "distress": "because it uses up what it has",
    "pressure-over": "because the host has enough again",
}

_BLOCKED = {
    "at-floor": "It keeps what it has: it uses that, with the reserve that each server keeps.",
    "at-maximum": "It is short of memory, and has all that it is defined with.",
    "host-pressure": "It is to get more, but the host has no memory left for it.",
    "rate-limit": "More will be moved in the next intervals: only so much at a time.",
    "settling": "Nothing is moved just now: what was asked for last has not arrived, or the host has only just enough.",
    "no-gain": "It was asked for more, and its driver did not give it; it is asked again in a while.",
}

_KSM_LEFT = {
    "not-managed": "The merging of equal pages (KSM), which could save some, is not managed by hpm ('hpm settings"
    " --manage-ksm' has hpm manage it).",
    "changed-by-administrator": "An administrator changed the merging of equal pages (KSM) while hpm managed it. That"
    " is respected until it is released ('hpm settings --no-manage-ksm', then '--manage-ksm').",
}

_STATE = {
    "pressure": "The host is short of memory",
    "critical": "The host is nearly out of memory",
}


def explain_memory(snapshot: Snapshot, uuid: str) -> list[str]:
    """Sentences in the order of the reasoning; none while memory management is off."""
    standing = snapshot.memory
    if standing.view is None or uuid not in standing.view.guests:
        return []
    held = standing.held.get(uuid)
    if held is not None:
        return [_HELD[held]]
    if standing.plan is None:
        return []
    guest, plan = standing.view.guests[uuid], standing.plan
    sentences = [_stands(guest, plan)]
    change = next((change for change in plan.changes if change.uuid == uuid), None)
    if plan.state != "relaxed":
        host = standing.view.host
        sentences.append(f"{_STATE[plan.state]}: {_size(host.available)} of {_size(host.total)} are available.")
        if standing.ksm_reason in _KSM_LEFT:
            sentences.append(_KSM_LEFT[standing.ksm_reason])
    if change is not None:
        sentences.append(_change(change, applied=snapshot.levels.memory_mgmt == "on"))
    blocked = plan.blocked.get(uuid)
    if blocked in _BLOCKED and (change is None or blocked != "at-floor"):
        sentences.append(_BLOCKED[blocked])
    lacking = _lacking(guest, plan)
    if lacking and change is None and plan.state == "relaxed":
        sentences.append(f"hpm took {_size(lacking)} from it while the host was short, and gives it back step by step.")
    return sentences


def _stands(guest: GuestMemory, plan: MemoryPlan) -> str:
    text = f"Its balloon leaves it {_size(guest.current)} of {_size(guest.maximum)}"
    original = plan.memory.guests.get(guest.uuid)
    if original is not None and original.asked_ns and abs(original.original - guest.current) > _MIB:
        text += f" ({_size(original.original)} before hpm moved it)"
    if guest.used is not None:
        text += f"; it uses {_size(guest.used)}"
        floor = plan.floors.get(guest.uuid)
        if floor is not None:
            text += f", and keeps {_size(min(floor, guest.maximum))} in any case"
    return text + "."


def _change(change: MemoryChange, *, applied: bool) -> str:
    size = _size(abs(change.target - change.current))
    if change.target < change.current:
        verb = "takes" if applied else "would take"
        return f"hpm {verb} {size} from it, {_WHY[change.why]}."
    verb = "gives" if applied else "would give"
    return f"hpm {verb} it {size}, {_WHY[change.why]}."


def _lacking(guest: GuestMemory, plan: MemoryPlan) -> int:
    known = plan.memory.guests.get(guest.uuid)
    return 0 if known is None or not known.asked_ns else max(0, known.original - guest.current)


def _size(size: int) -> str:
    return f"{size / _MIB:.0f} MiB"
