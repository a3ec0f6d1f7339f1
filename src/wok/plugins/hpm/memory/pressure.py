"""Whether the host is short of memory: from what is available, and from tasks that wait for it (PSI)."""

from __future__ import annotations

import msgspec

from .plan import HostMind, HostState, Watermarks
from .state import HostMemory

MIB = 2**20
GIB = 2**30

#: Pressure begins with a tenth of the host available. A small host needs that for itself at least; on a large one
#: a tenth would lie idle: 32 GiB are minutes of growth. (Never more than a quarter: a host may be tiny.)
BEGIN = 0.1
BEGIN_LEAST, BEGIN_MOST, BEGIN_PART = 128 * MIB, 32 * GIB, 0.25
#: The other marks, in parts of that one.
CRITICAL, END, AIM, AMPLE = 1.0 / 3.0, 1.5, 1.55, 3.0
#: Percent of ten seconds in which some tasks, or all, wait for memory: from there on it is pressure, if so in that many
#: views; below these it is over. (Tasks of a host that only reads files anew wait 1 to 3 %.)
SOME_HIGH, FULL_HIGH, SUSTAINED = 20.0, 5.0, 2
SOME_LOW, FULL_LOW = 5.0, 1.0
#: While tasks wait although there is memory, so much more of it is wanted, and that is believed for so many seconds.
WAITING_STEP = 0.02
BELIEVED = 3600.0
#: Seconds after pressure until guests get their memory back. Twice that, each time that it came back so many seconds
#: after some had got theirs; an hour at most.
PATIENCE, PATIENCE_MOST, SOON = 30.0, 3600.0, 600.0


def watermarks(total: int) -> Watermarks:
    """Of a host with so many bytes."""
    begin = min(max(BEGIN * total, BEGIN_LEAST), BEGIN_MOST, BEGIN_PART * total)
    return Watermarks(*(int(part * begin) for part in (CRITICAL, 1.0, END, AIM, AMPLE)))


def waiting(host: HostMemory) -> bool:
    """Whether tasks wait for memory that guests could give."""
    high = (host.some or 0.0) >= SOME_HIGH or (host.full or 0.0) >= FULL_HIGH
    return high and host.available < watermarks(host.total).ample


def judge(host: HostMemory, marks: Watermarks, mind: HostMind, now: int) -> HostMind:
    """The state that the host is in now, with hysteresis: what was known, brought up to date."""
    waits = mind.waits + 1 if waiting(host) else 0
    state = _state(host, marks, mind.state, waits)
    bar, bar_ns = mind.bar, mind.bar_ns
    if bar and now - bar_ns > BELIEVED * 1e9:
        bar = 0
    if waits >= SUSTAINED and host.available > marks.begin:
        bar, bar_ns = min(max(bar, host.available + marks.end - marks.begin), marks.ample), now
    calm_ns, patience = mind.calm_ns, mind.patience
    if mind.state == "relaxed" != state:
        again = mind.given_ns and now - mind.given_ns < SOON * 1e9
        patience = min(2.0 * patience, PATIENCE_MOST) if again and patience else PATIENCE
    elif state == "relaxed" != mind.state:
        calm_ns = now
    return msgspec.structs.replace(
        mind, state=state, waits=waits, calm_ns=calm_ns, patience=patience, bar=bar, bar_ns=bar_ns)  # fmt: skip


def _state(host: HostMemory, marks: Watermarks, before: HostState, waits: int) -> HostState:
    available = host.available
    if available < marks.critical or (before == "critical" and available < (marks.critical + marks.begin) // 2):
        return "critical"
    if available < marks.begin or waits >= SUSTAINED:
        return "pressure"
    if before == "relaxed":
        return "relaxed"
    quiet = (host.some or 0.0) < SOME_LOW and (host.full or 0.0) < FULL_LOW
    return "relaxed" if available >= marks.end and (quiet or available >= marks.ample) else "pressure"


def lacking(host: HostMemory, marks: Watermarks, mind: HostMind) -> int:
    """What the host lacks, of what will be available; 0 while it is relaxed."""
    if mind.state == "relaxed":
        return 0
    step = int(WAITING_STEP * host.total) if mind.waits >= SUSTAINED else 0
    return max(marks.aim - host.available, step, 0)
