"""What came of a scenario as text: the second document of a file."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from hpm.store.adjustments import AdjustmentRecord, ServerRecord
from hpm.wire.times import moment_of
from tests.unit.builders import BEGIN

from .form import File
from .outcome import Outcome, Passed, Written

#: Said where a recording differs.
AGAIN = "python -m tests.scenarios --record"
#: Virtual time begins at one second.
FIRST = 1.0


def text_of(outcome: Outcome) -> str:
    """The second document: what hpm decided, interval by interval, and goals where they change."""
    lines = ["# Recorded; written anew by: python -m tests.scenarios --record", "before: |"]
    lines += [f"  {line}" for line in _goals(None, outcome.before)]
    before = outcome.before
    begin = FIRST + outcome.scenario.warm_up * outcome.scenario.host.interval
    for passed in outcome.intervals:
        told = [*_decisions(passed, begin), *_goals(before, passed)]
        if told:
            lines += [f"interval {passed.number}: |", *(f"  {line}" for line in told)]
        begin += outcome.scenario.host.interval
        before = passed
    return "\n".join(lines) + "\n"


def difference(file: File, outcome: Outcome) -> str:
    """How a recording differs from what came of the scenario now, or nothing."""
    now = text_of(outcome)
    if file.recorded is None:
        return f"{file.name} was never recorded; {AGAIN} {file.name}"
    if now == file.recorded:
        return ""
    lines = difflib.unified_diff(file.recorded.splitlines(), now.splitlines(), "recorded", "now", lineterm="", n=2)
    return "\n".join([f"{file.name} decides otherwise than recorded; if that is right: {AGAIN} {file.name}", *lines])


def record(file: File, outcome: Outcome) -> bool:
    """Write the second document anew; tells whether it is another one. The first one stays to the letter."""
    text = file.written + "---\n" + text_of(outcome)
    if file.path.read_text(encoding="utf-8") == text:
        return False
    file.path.write_text(text, encoding="utf-8")
    return True


def _decisions(passed: Passed, begin: float) -> Iterator[str]:
    if passed.lost:
        yield "lost: nobody answered"
    written = list(passed.writes)
    for adjustment in passed.records:
        at = (moment_of(adjustment.time) - BEGIN).total_seconds() - begin
        why = f", {adjustment.reason}" if adjustment.reason else ""
        detail = f": {adjustment.detail}" if adjustment.detail else ""
        yield f"{adjustment.outcome}{why}, after {abs(at):.1f} s{detail}"
        if adjustment.total_projected is not None:
            yield f"  total velocity {_number(adjustment.total_before)} → {_number(adjustment.total_projected)}"
        if adjustment.outcome == "failed" and adjustment.reason != "unreachable":
            continue
        servers = (*adjustment.receivers, *adjustment.donors)
        width = max((len(server.name) for server in servers), default=0)
        yield from _changes("to get ", adjustment.receivers, width)
        yield from _changes("to give", adjustment.donors, width)
        written = _without(written, adjustment)
    for write in written:
        yield f"set {write.control} of {write.name}: {_value(write, write.before)} → {_value(write, write.after)}"


def _changes(what: str, servers: Sequence[ServerRecord], width: int) -> Iterator[str]:
    for server in servers:
        if server.shares_before == server.shares_after:    # it is about where they run
            told = f"velocity {server.velocity_before or 0.0:.0f} → {server.velocity_projected or 0.0:.0f}"
            if server.pins_after is not None:
                told = f"CPUs {_pins(server.pins_before)} → {_pins(server.pins_after)}  {told}"
            yield f"  {what if server.pins_after is None else 'to move'}  {server.name:{width}}  {told}"
            continue
        yield (
            f"  {what}  {server.name:{width}}  {server.shares_before} → {server.shares_after}"
            f"  PI {_number(server.pi_before)} → {_number(server.pi_projected)}"
        )


def _without(written: Sequence[Written], adjustment: AdjustmentRecord) -> list[Written]:
    """Writes that are not told by an adjustment: caps, and what was put back."""
    told = {(s.name, s.shares_after) for s in (*adjustment.receivers, *adjustment.donors)}
    moved = {s.name for s in adjustment.receivers if s.pins_after is not None}
    return [
        w for w in written
        if (w.control != "cpu-shares" or (w.name, w.after) not in told)
        and not (w.control.startswith("vcpu-pins") and w.name in moved)
    ]  # fmt: skip


def _pins(pins: Sequence[str] | None) -> str:
    return " ".join(pin or "any" for pin in pins or ())


def _value(write: Written, value: int | None) -> str:
    if write.control == "cpu-shares":
        return str(value)
    return "none" if value is None else f"{value / 100000:g} CPUs"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _goals(before: Passed | None, passed: Passed) -> Iterator[str]:
    """Statuses that changed, with reasons; a missed goal is told with its PI."""
    said: list[str] = []
    for name in sorted({*passed.statuses, *(before.statuses if before is not None else ())}):
        now = (passed.statuses.get(name, "gone"), passed.reasons.get(name))
        then = (before.statuses.get(name, "gone"), before.reasons.get(name)) if before is not None else None
        if now == then:
            continue
        status, why = now
        index = passed.index(name)
        told = f"{name} {status}" + (f" {index:.2f}" if index is not None else "")
        said.append(told + (f" ({why})" if why and why != "no-policy" and not why == "paused" == status else ""))
    if said:
        yield "goals: " + ", ".join(said)
