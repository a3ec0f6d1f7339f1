"""A scenario as people read it: a table of intervals."""

from __future__ import annotations

from .claims import failures
from .form import File
from .invariants import violations
from .outcome import Outcome, Passed
from .recording import text_of


def table(file: File, outcome: Outcome) -> str:
    """What the scenario shows; per interval shares, CPUs, velocity and PI of each guest; decisions; what failed."""
    scenario = outcome.scenario
    names = scenario.names()
    host = scenario.host
    lines = [f"{file.name}: {scenario.shows}", f"{host.cores} CPUs, intervals of {host.interval:g} s"]
    if scenario.not_yet is not None:
        lines.append(f"not yet: {scenario.not_yet}")
    for name in scenario.guests:
        guest = scenario.guest(name)
        load = guest.load if isinstance(guest.load, str) else ", ".join(guest.load)
        lines.append(f"  {name}: {load}; {guest.vcpus} vCPUs; {guest.goal or 'no goal'}")
    width = max(24, *(len(name) + 2 for name in names))
    lines += ["", "    " + "".join(f"{name:{width}}" for name in names)]
    lines.append("    " + f"{'shares CPUs velo. PI':{width}}" * len(names))
    for passed in (outcome.before, *outcome.intervals):
        mark = "!" if passed.lost else "*" if passed.eventful else " "
        lines.append(f"{passed.number:2} {mark}" + "".join(f"{_cell(passed, name):{width}}" for name in names))
    lines += ["", text_of(outcome), *_failed("expected, and not so", failures(outcome))]
    return "\n".join([*lines, *_failed("never to be so", violations(outcome))])


def _cell(passed: Passed, name: str) -> str:
    shares = passed.in_force[name].shares if name in passed.in_force else "-"
    seen, index = passed.seen.get(name), passed.index(name)
    status = {"met": " ", "missed": "!"}.get(passed.statuses.get(name, ""), "")
    if seen is None or passed.statuses.get(name) == "idle":
        return f"{shares:>5} {passed.statuses.get(name, '-')}"
    told = f"{shares:>5} {seen.using:5.2f} {seen.velocity:3.0f}"
    return told + ("" if index is None else f" {index:5.2f}{status}")


def _failed(title: str, said: list[str]) -> list[str]:
    return [f"{title}:", *(f"  {sentence}" for sentence in said)] if said else []
