"""What bench/goals.py makes of the intervals it has seen: figures by side, promises held or not, and tables."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.goal_scenarios import Scenario, Spec
from bench.report import table
from tests.system.goals import MET, Interval

#: Velocity points by which fixed weights have to be above what a goal needs for it to be one that can be met.
TO_SPARE = 2.0
#: Part of intervals in which something has to hold that is promised of each.
OFTEN = 0.98
#: CPUs that work less important than one that misses its goal may have: its floor, 0.02, and what makes a difference
#: between weights that are whole numbers and cores that are two.
AT_FLOOR = 0.03
#: A guest with a load `turns` sleeps if it wants fewer CPUs than this, and is always runnable from the other one on;
#: whole intervals that it takes at most until its goal is met after it changed from one to the other.
SLEEPS, SPINS = 0.8, 0.97
SERVED = 2
#: Promises of that kind, by name.
STEADILY, WOKEN = "goals that can be met are met in 98 %", "9 of 10 wake-ups"
#: And of one that has to hold each time.
IN_TIME = "goals that can be met are met in time"
#: How much a guest's attainment counts for: each importance twice as much as the next.
COUNTS = {"highest": 16, "high": 8, "medium": 4, "low": 2, "lowest": 1}
#: Seconds after a wake-up that are judged as a whole (`WakeSampler`), and for another part of times than intervals are.
FIRST_SECOND = 1.0
#: Intervals over which performance indexes are compared. Where all of an importance have a lower mean velocity than
#: this, nothing is left for them: what they get is a few slices of time in an interval, and how many is chance.
EQUAL_OVER = 10
NOTHING_LEFT = 2.0


@dataclass
class PhaseRecord:
    """The intervals of one phase, how many guests' weights changed in each, and the weights after each."""

    number: int
    intervals: list[Interval] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)
    shares: list[list[int]] = field(default_factory=list)
    wakes: list[float] = field(default_factory=list)


@dataclass
class Block:
    """A side's turn: its phases, the CPUs that the manager's process used, and whether all was put back."""

    side: str
    phases: list[PhaseRecord]
    own_cpus: float
    put_back: bool


def figures_of(scenario: Scenario, blocks: Sequence[Block]) -> dict[str, Any]:
    """All figures of a scenario, and which promises held."""
    names = list(dict.fromkeys(block.side for block in blocks))
    sides = {name: _side(scenario, [b for b in blocks if b.side == name]) for name in names}
    return {"guests": [list(spec) for spec in scenario.guests], "sides": sides, "promises": _promises(scenario, sides)}


def _side(scenario: Scenario, blocks: Sequence[Block]) -> dict[str, Any]:
    phases = [phase for block in blocks for phase in block.phases]
    counted = [
        (phase, phase.intervals[n - 1] if n else None, phase.intervals[n])
        for phase in phases
        for n in range(_settled(scenario, phase.number) - 1, len(phase.intervals))
    ]
    everything = [interval for phase in phases for interval in phase.intervals]
    goals: dict[str, dict[str, Any]] = {}
    for number, spec in enumerate(scenario.guests):
        goals[spec.name] = _guest(scenario, number, counted)
    attained = [
        (figure["attained"], COUNTS[spec.importance])
        for spec, figure in zip(scenario.guests, goals.values(), strict=True)
        if "attained" in figure
    ]
    wakes = [velocity for phase in phases for velocity in phase.wakes]
    turning = [number for number, spec in enumerate(scenario.guests) if _turns(spec)]
    late = [
        changed
        for phase in phases
        for changed in phase.changes[_settled(scenario, phase.number) :]
    ]
    return {
        "intervals": len(everything),
        "counted": len(counted),
        "guests": goals,
        "attained": round(sum(a * n for a, n in attained) / sum(n for _, n in attained), 4) if attained else None,
        "first-all-met": [_first(scenario, phase) for phase in phases],
        "work": round(statistics.median(i.work for i in everything), 3),
        "others": round(statistics.median(i.others for i in everything), 3),
        "steal": round(statistics.mean(i.steal for i in everything), 4),
        "changes-per-guest-and-interval": round(statistics.mean(late) / len(scenario.guests), 4) if late else None,
        "own-cpu-percent": round(100.0 * statistics.mean(b.own_cpus for b in blocks), 2),
        "put-back": all(block.put_back for block in blocks),
        "equal-index": _equal_index(scenario, phases),
        "wakes": [round(velocity, 1) for velocity in wakes],
        "turns": [place for phase in phases for place in _after_turns(scenario, turning, phase)],
        "velocities": [[_round(v) for v in i.velocities] for i in everything],
        "shares": [shares for phase in phases for shares in phase.shares],
    }


def _guest(
    scenario: Scenario, number: int, counted: Sequence[tuple[PhaseRecord, Interval | None, Interval]]
) -> dict[str, Any]:
    """One guest over all counted intervals in which it did anything, and not only woke at their end, or has just
    begun to work otherwise."""
    spec = scenario.guests[number]
    seen = [
        (scenario.goals(scenario.phases[phase.number])[number][0], interval)
        for phase, before, interval in counted
        if interval.velocities[number] is not None and not _just_woke(number, before, interval)
        and not (_turns(spec) and _just_turned(number, before, interval))
    ]
    if not seen:
        return {"intervals": 0}
    velocities = [interval.velocities[number] or 0.0 for _, interval in seen]
    cpus = [interval.cpus[number] for _, interval in seen]
    figures: dict[str, Any] = {
        "intervals": len(seen),
        "velocity": round(statistics.mean(velocities), 1),
        "deviation": round(statistics.pstdev(velocities), 1),
        "cpus": round(statistics.mean(cpus), 3),
        "wait-ms": round(statistics.mean(interval.waits_ms[number] for _, interval in seen), 2),
    }
    aims = [(goal, v) for (goal, _), v in zip(seen, velocities, strict=True) if goal is not None]
    if aims:
        figures["met"] = round(statistics.mean(v >= goal / MET for goal, v in aims), 4)
        figures["attained"] = round(statistics.mean(min(1.0, v * MET / goal) for goal, v in aims), 4)
        figures["to-spare"] = round(statistics.mean(v - goal / MET for goal, v in aims), 1)
    if spec.reserve is not None:
        figures["reserve-held"] = round(statistics.mean(c >= 0.97 * spec.reserve for c in cpus), 4)
    if spec.cap is not None:
        figures["cap-held"] = round(statistics.mean(c <= 1.03 * spec.cap for c in cpus), 4)
    return figures


def _just_woke(number: int, before: Interval | None, interval: Interval) -> bool:
    """Whether a guest did nothing in the interval before, and in this one works for less than its first second."""
    velocity = interval.velocities[number]
    if before is None or before.velocities[number] is not None or not velocity:
        return False
    return interval.cpus[number] * interval.seconds * 100.0 / velocity < FIRST_SECOND


def _turns(spec: Spec) -> bool:
    return spec.load.startswith("turns:")


def _sleeps(number: int, interval: Interval) -> bool | None:
    """Whether a guest sleeps now and then, or is always runnable; None: it changed in this interval."""
    wanted = interval.cpus[number] * 100.0 / (interval.velocities[number] or 100.0)
    return True if wanted < SLEEPS else False if wanted >= SPINS else None


def _just_turned(number: int, before: Interval | None, interval: Interval) -> bool:
    """Whether this is the interval in which a guest began to work otherwise, or the first whole one since."""
    now = _sleeps(number, interval)
    return before is None or now is None or _sleeps(number, before) != now


def _after_turns(scenario: Scenario, turning: Sequence[int], phase: PhaseRecord) -> list[int | None]:
    """For each time that one of some guests began to work otherwise: in which whole interval after that its goal was
    met first; None: in none. The last time counts if two whole intervals followed."""
    places: list[int | None] = []
    for number in turning:
        whole = (interval for interval in phase.intervals if _sleeps(number, interval) is not None)
        turns = [list(group) for _, group in itertools.groupby(whole, key=lambda i: _sleeps(number, i))][1:]
        if turns and len(turns[-1]) < SERVED:
            turns.pop()
        goal = scenario.goals(scenario.phases[phase.number])[number][0] or 0
        met = [[(interval.velocities[number] or 0.0) >= goal / MET for interval in turn] for turn in turns]
        places += [turn.index(True) + 1 if any(turn) else None for turn in met]
    return places


def _settled(scenario: Scenario, phase: int) -> int:
    """The number of the interval of a phase, from 1, from which on goals have to be met. Management is switched on
    between two intervals, and everything else changes within one."""
    return scenario.settling + (phase > 0)


def _first(scenario: Scenario, phase: PhaseRecord) -> int | None:
    """The number of the interval, from 1, in which all goals of a phase were met for the first time."""
    goals = scenario.goals(scenario.phases[phase.number])
    return next((n for n, interval in enumerate(phase.intervals, start=1) if all(interval.met(goals))), None)


def _equal_index(scenario: Scenario, phases: Iterable[PhaseRecord]) -> float | None:
    """The largest ratio of two PIs of one importance where both miss their goals, over ten intervals each."""
    worst: float | None = None
    for phase in phases:
        goals = scenario.goals(scenario.phases[phase.number])
        later = phase.intervals[_settled(scenario, phase.number) - 1 :]
        for begin in range(0, len(later) - EQUAL_OVER + 1, EQUAL_OVER):
            part = later[begin : begin + EQUAL_OVER]
            for level in {importance for _, importance in goals}:
                indexes, means = [], []
                for number, (goal, importance) in enumerate(goals):
                    velocities = [i.velocities[number] for i in part]
                    if goal is not None and importance == level and None not in velocities:
                        means.append(statistics.mean(v or 0.0 for v in velocities))
                        indexes.append(goal / max(0.1, means[-1]))
                if len(indexes) > 1 and min(indexes) > MET and max(means) >= NOTHING_LEFT:
                    worst = max(worst or 1.0, max(indexes) / min(indexes))
    return None if worst is None else round(worst, 3)


def _promises(scenario: Scenario, sides: dict[str, dict[str, Any]]) -> dict[str, bool]:
    """What was promised of this scenario, and whether it held in this run; needs the sides hpm and fixed."""
    if "hpm" not in sides or "fixed" not in sides:
        return {}
    hpm, fixed = sides["hpm"], sides["fixed"]
    possible = [name for name, figure in fixed["guests"].items() if figure.get("to-spare", 0.0) >= TO_SPARE]
    promises = {
        STEADILY: all(hpm["guests"][name]["met"] >= OFTEN for name in possible),
        "attained 0.98 of fixed": hpm["attained"] >= 0.98 * fixed["attained"],
        "put back": hpm["put-back"],
    }
    for name in ("equal", "importance", "stepper"):
        if name in sides:
            other = sides[name]["attained"]    # above one that attains everything there is nothing
            promises[f"attained above {name}"] = hpm["attained"] > other or hpm["attained"] == 1.0
    if "equal" in sides:
        promises["work 0.98 of equal"] = hpm["work"] >= 0.98 * sides["equal"]["work"]
    if hpm["equal-index"] is not None:
        promises["equal PI within 15 %"] = hpm["equal-index"] <= 1.15
    promises[IN_TIME] = all(
        late <= 0 for n, spec in enumerate(scenario.guests) if spec.name in possible for late in _late(scenario, n, hpm)
    )
    if (lesser := _lesser(scenario, hpm)) is not None:
        promises["less important ones at their floor"] = lesser <= AT_FLOOR
    if scenario.phases == scenario.phases[:1]:
        promises["one change in ten intervals"] = _most_changes(scenario, hpm) <= 0.1
    if hpm.get("turns"):
        promises["a new kind of load is served in 2 intervals"] = all(n and n <= SERVED for n in hpm["turns"])
    if hpm["wakes"]:
        goal = next(spec.goal for spec in scenario.guests if spec.name == scenario.wakes) or 0
        promises[WOKEN] = statistics.mean(v >= goal / MET for v in hpm["wakes"]) >= 0.9
    for figure in hpm["guests"].values():
        for what in ("reserve-held", "cap-held"):
            if what in figure:
                promises[what] = figure[what] >= OFTEN
    return promises


def _late(scenario: Scenario, number: int, side: dict[str, Any]) -> list[int]:
    """By how many intervals a guest's goal was met late, for each phase in which it has one and works. Only intervals
    in which it works count."""
    late: list[int] = []
    for phase, velocities in _by_phase(scenario, side, "velocities"):
        goal = scenario.goals(scenario.phases[phase])[number][0]
        worked = [row[number] for row in velocities if row[number] is not None]
        if goal is not None and worked:
            first = next((n for n, v in enumerate(worked, start=1) if v >= goal / MET), len(worked) + 1)
            late.append(first - _settled(scenario, phase))
    return late


def _lesser(scenario: Scenario, side: dict[str, Any]) -> float | None:
    """The most CPUs that a guest had in the mean which is less important than one that missed its goal in the mean;
    None if nobody did."""
    ranks = [COUNTS[spec.importance] if spec.goal is not None else 0 for spec in scenario.guests]
    figures = [side["guests"][spec.name] for spec in scenario.guests]
    missed = [rank for rank, figure in zip(ranks, figures, strict=True) if rank and figure.get("to-spare", 0.0) < 0.0]
    lesser = [f.get("cpus", 0.0) for rank, f in zip(ranks, figures, strict=True) if rank < max(missed, default=0)]
    return max(lesser, default=None)


def _most_changes(scenario: Scenario, side: dict[str, Any]) -> float:
    """Changes of a guest's weight per interval once loads have settled, of the guest that has the most."""
    rates = [0.0]
    for phase, shares in _by_phase(scenario, side, "shares"):
        later = shares[_settled(scenario, phase) - 1 :]
        for weights in zip(*later, strict=True):
            changes = sum(a != b for a, b in itertools.pairwise(weights))
            rates.append(changes / max(1, len(weights) - 1))
    return max(rates)


def _by_phase(scenario: Scenario, side: dict[str, Any], what: str) -> Iterable[tuple[int, Sequence[Any]]]:
    """Rows of a side's figures, one an interval, for each phase with its number. All phases are equally long."""
    phases, rows = len(side["first-all-met"]), side[what]
    length = len(rows) // phases
    return ((n % len(scenario.phases), rows[n * length : (n + 1) * length]) for n in range(phases))


def over_runs(scenario: Scenario, runs: Sequence[dict[str, Any]]) -> dict[str, bool]:
    """Which promises held in all of these runs of a scenario. What is promised of a part of many intervals, or of many
    wake-ups, is so of those of all runs together."""
    sides = {name: _together([run["sides"][name] for run in runs]) for name in runs[0]["sides"]}
    together, each = _promises(scenario, sides), [_promises(scenario, run["sides"]) for run in runs]
    counted = (STEADILY, WOKEN, "reserve-held", "cap-held")
    return {
        name: together[name] if name in counted else all(promises.get(name, True) for promises in each)
        for name in dict.fromkeys(itertools.chain(together, *each))
    }


def _together(sides: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One side of several runs: the first, with the guests' parts of intervals, and wake-ups, of all."""
    guests: dict[str, dict[str, Any]] = {}
    for name, figure in sides[0]["guests"].items():
        seen = [side["guests"][name] for side in sides if side["guests"][name]["intervals"]]
        count = sum(f["intervals"] for f in seen)
        means = {
            what: sum(f[what] * f["intervals"] for f in seen) / count
            for what in ("met", "to-spare", "reserve-held", "cap-held")
            if what in figure
        }
        guests[name] = {**figure, **means, "intervals": count}
    return {**sides[0], "guests": guests, "wakes": [v for side in sides for v in side["wakes"]]}


def text_of(figures: dict[str, Any]) -> str:
    """A table for people."""
    if "skipped" in figures:
        return f"left out: {figures['skipped']}"
    guests = [f"{name} {goal or '-'}" for name, _, goal, *_ in figures["guests"]]
    rows = []
    for name, side in figures["sides"].items():
        cells = [
            f"{_percent(figure)} {figure.get('velocity', 0):.0f}±{figure.get('deviation', 0):.0f}"
            for figure in side["guests"].values()
        ]
        first = " ".join("-" if n is None else str(n) for n in side["first-all-met"])
        attained = "-" if side["attained"] is None else f"{side['attained']:.3f}"
        rows.append((name, side["counted"], *cells, attained, first, f"{side['work']:.3f}",
                     side["changes-per-guest-and-interval"], f"{side['own-cpu-percent']:.2f}",
                     f"{side['others']:.2f}", f"{side['steal']:.3f}"))  # fmt: skip
    head = ("side", "n", *guests, "attained", "first", "work", "changes", "own %", "others", "steal")
    text = table(head, rows)
    broken = [name for name, held in figures["promises"].items() if not held]
    hpm = figures["sides"].get("hpm", {})
    for what in ("equal-index", "wakes", "turns"):
        if hpm.get(what):
            text += f"\n{what}: {hpm[what]}"
    if figures["promises"]:
        text += f"\npromises: {len(figures['promises']) - len(broken)} held; BROKEN: {', '.join(broken) or 'none'}"
    return text


def _percent(figure: dict[str, Any]) -> str:
    return f"{100.0 * figure['met']:.0f}%" if "met" in figure else ""


def _round(velocity: float | None) -> float | None:
    return None if velocity is None else round(velocity, 1)
