"""The host's and the guests' memory as planning sees it, out of a snapshot."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ..engine.samples import HostSample, ServerInfo, ServerSample
from ..engine.table import Table
from ..memory.state import GuestMemory, HostMemory, MemoryHeld, MemoryView
from ..policy.assignment import Assignment
from .actuator import Actuator
from .snapshot import Snapshot

#: Seconds after a guest's start in which it is left alone: what it needs is not known before its services run.
BOOTING = 20.0
#: Seconds in which a guest that does not report may still be booting.
REPORTING = 300.0


def memory_view(
    snapshot: Snapshot, seconds: float, actuator: Actuator, refused: Mapping[tuple[str, str], MemoryHeld]
) -> MemoryView:
    """The view. `seconds` passed since the view before; `refused` are starts of guests that are not asked now, and why.
    The host's memory must be known."""
    sample, balloon, rates = snapshot.sample, snapshot.extras.balloon, snapshot.figures.beside.balloon_rates
    columns = {name: column.tolist() for name, column in balloon.columns.items()}
    rising = {name: rates.columns[name].tolist() for name in ("swap_in_bytes", "swap_out_bytes", "major_faults")}
    guests: dict[str, GuestMemory] = {}
    for uuid, server in sample.samples.items():
        row = balloon.place.get(uuid)
        report = None if row is None else Report(
            columns["current_bytes"][row], columns["maximum_bytes"][row], columns["usable_bytes"][row],
            columns["unused_bytes"][row], columns["rss_bytes"][row], columns["last_update"][row],
            columns["sampled"][row], columns["reported_bytes"][row], columns["blurred_bytes"][row],
            int(balloon.taken_ns[row]),
            rising["swap_in_bytes"][row], rising["swap_out_bytes"][row], rising["major_faults"][row],
        )  # fmt: skip
        info, assignment = sample.infos[uuid], snapshot.assignments[uuid]
        known = report if report is not None and report.current == report.current else None
        held = refused.get((uuid, server.start)) or _held(info, server, assignment, known, sample.time_ns, actuator)
        guests[uuid] = _guest(info, server, assignment, known, held)
    return MemoryView(sample.time_ns, seconds, _host(sample), guests, sample.ksm, sample.nodes)


def minimum(info: ServerInfo, assignment: Assignment) -> int:
    """What a guest must keep (bytes): what an administrator said here, else what its definition says, else nothing."""
    if assignment.memory_minimum_mib is not None:
        return assignment.memory_minimum_mib << 20
    return info.memory.minimum_bytes or 0


def _guest(
    info: ServerInfo, server: ServerSample, assignment: Assignment, known: Report | None, held: MemoryHeld | None
) -> GuestMemory:
    importance, least = assignment.importance or "lowest", minimum(info, assignment)
    if known is None:
        whole = info.memory_mib << 20
        return GuestMemory(info.uuid, server.start, info.name, importance, whole, whole, least, None, 0, held=held)
    current = int(known.current)
    return GuestMemory(
        info.uuid, server.start, info.name, importance, current, max(current, known.maximum_bytes), least, known.used,
        known.told_ns, *known.distress, held=held, resident=known.resident, blurred=int(known.blurred),
    )  # fmt: skip


def _held(
    info: ServerInfo, server: ServerSample, assignment: Assignment, report: Report | None, now: int, actuator: Actuator
) -> MemoryHeld | None:
    """Why a guest's memory is left alone, or None: it is managed. In the order in which one would ask; `no-policy`
    comes last, since policies of MOM's language decide on such guests, too."""
    if assignment.excluded:
        return "excluded"
    if not info.memory.balloon:
        return "no-balloon"
    if info.memory.pinned:
        return "pinned-memory"
    if info.status != "running":
        return "paused"
    if actuator.held(server, "balloon"):
        return "changed-by-administrator"
    age = (now - server.started_ns) / 1e9 if server.started_ns else REPORTING
    if report is None:
        return "booting" if age < BOOTING else "unreachable"
    if report.used is None:
        return "booting" if age < REPORTING and info.memory.stats_period else "no-report"
    if age < BOOTING or actuator.reboots(server):
        return "booting"
    return "no-policy" if assignment.goal is None else None


class Report(msgspec.Struct, frozen=True, gc=False):
    """A row of the balloons' table: bytes, when the guest said so and when that was read (unix, in seconds; `taken_ns`
    monotonic), `reported` what it had then, or up to `blurred` less, and how fast it swaps (bytes a second) and faults
    (a second). NaN: not known."""

    current: float
    maximum: float
    usable: float
    unused: float
    rss: float
    last_update: float
    sampled: float
    reported: float
    blurred: float
    taken_ns: int
    swap_in: float
    swap_out: float
    major_faults: float

    @classmethod
    def of(cls, table: Table, row: int) -> Report:
        """One row of the table alone, which is not known to swap or to fault."""
        def value(name: str) -> float:
            return float(table.columns[name][row])

        return cls(
            value("current_bytes"), value("maximum_bytes"), value("usable_bytes"), value("unused_bytes"),
            value("rss_bytes"), value("last_update"), value("sampled"), value("reported_bytes"),
            value("blurred_bytes"), int(table.taken_ns[row]), 0.0, 0.0, 0.0,
        )  # fmt: skip

    @property
    def used(self) -> int | None:
        """What the guest cannot give; None: it does not say. An old driver tells what is free, and nothing of its
        caches: then they count as used."""
        if not self.last_update > 0:
            return None
        usable = self.usable if self.usable == self.usable else self.unused
        return None if usable != usable else max(0, int(self.reported - usable))

    @property
    def maximum_bytes(self) -> int:
        """What it can have."""
        return int(self.maximum) if self.maximum == self.maximum else int(self.current)

    @property
    def resident(self) -> int | None:
        """What the host holds of it."""
        return int(self.rss) if self.rss == self.rss else None

    @property
    def told_ns(self) -> int:
        """When it said so (monotonic)."""
        if not self.last_update > 0:
            return 0
        return max(0, self.taken_ns - int((self.sampled - self.last_update) * 1e9))

    @property
    def distress(self) -> tuple[float, float, float]:
        """Swapped in and out, and major faults, per second; not known counts as none."""
        return tuple(0.0 if rate != rate else rate for rate in (self.swap_in, self.swap_out, self.major_faults))  # type: ignore[return-value]


def _host(sample: HostSample) -> HostMemory:
    """The host as its guests see it: what they may take, where that is less than all of it."""
    assert sample.memory_bytes is not None and sample.available_bytes is not None
    pressure = sample.pressure
    some, full = (None, None) if pressure is None else (pressure.memory_some, pressure.memory_full)
    if sample.limit is None:
        return HostMemory(sample.memory_bytes, sample.available_bytes, some, full)
    return HostMemory(
        sample.limit.bytes, min(sample.available_bytes, sample.limit.available_bytes), some, full
    )
