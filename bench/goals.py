"""Are goals met on real guests, how soon, how steadily, and what does it cost? hpm beside other ways.

    python -m bench.goals [--scenarios spinning,web] [--sides hpm,fixed] [--rounds 3] [--intervals 34] [--tune]

Guests of the lab, in the scenarios of `bench/goal_scenarios.py`; the sides of `bench/sides.py` take turns on the same
guests, in interleaved blocks:

- *equal*: equal shares, an unmanaged host;
- *importance*: fixed weights 512, 333, 167 by importance;
- *stepper*: one receiver, one step an interval, as WLM and VMRM are described;
- *hpm*: `hpm serve`, management switched on at the begin of a block and off at its end;
- *fixed*: weights tuned offline for exactly this load (`bench/tuned.json`, made by ``--tune`` on this machine);
- *feedback*, *optimiser* (only if named): other designs of a planner.

**How to read it**: *met* is the part of the intervals in which a goal was met (PI up to 1.05), counted from *settling*
intervals after the begin of each phase, without those in which a guest only woke at the end (its first second after
a wake-up is told apart, as *wakes*); *first* is the interval, counted from the begin of a phase, in which all
goals were met for the first time; *attained* is the mean over goals and intervals of velocity / (goal / 1.05), at most
1, where each importance counts twice as much as the next. *turns*: in which whole interval after a guest began to work
otherwise its goal was met first.
A goal *can be met* if *fixed* has a mean velocity at least 2 points above what is needed. *others* (CPUs that other
processes used) and *steal* say who was in the way: nothing else should run.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.goal_figures import Block, PhaseRecord, figures_of, text_of
from bench.goal_scenarios import SCENARIOS
from bench.report import Circumstances, write_report
from bench.sides import ByImportance, Equal, Feedback, Fixed, Optimiser, Side, Stepper, Tuner, seen
from bench.stage import Meter, Stage, WakeSampler
from tests.lab import Lab, LabBusyError, LabError
from tests.lab.errors import LabTimeoutError, wait_until
from tests.lab.requirements import missing
from tests.running import ManagerProcess
from tests.system.goals import Interval, Watch

TUNED = Path(__file__).with_name("tuned.json")
SIDES = ("equal", "importance", "stepper", "hpm", "fixed")
#: The other sides' blocks are as long as hpm's, divided by this, unless said otherwise.
SHORTER = 4
#: Intervals of a phase that count for the other sides, at least.
LEAST_COUNTED = 4
TUNING_INTERVALS = 14
TUNING_MORE = 26    # where the load is not the same in each interval
LAB_PATIENCE = 900.0
INTERVAL = 3.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scenarios", default=",".join(SCENARIOS), help="(%(default)s)")
    parser.add_argument("--sides", default=",".join(SIDES), help="(%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="blocks of each side (%(default)s)")
    parser.add_argument("--intervals", type=int, default=34, help="intervals of 3 s in a block (%(default)s)")
    parser.add_argument(
        "--shorter", type=int, default=SHORTER, help="so many times are hpm's blocks longer (%(default)s)"
    )
    parser.add_argument("--tune", action="store_true", help="tune the fixed weights first, and keep them")
    parser.add_argument("--name", default="goals", help="of the report in build/bench/ (%(default)s)")
    options = parser.parse_args(arguments)
    circumstances = Circumstances()
    figures: dict[str, Any] = {}
    for name in options.scenarios.split(","):
        begin = time.monotonic()
        figures[name] = _scenario(name, options)
        took = time.monotonic() - begin
        print(f"{name}: {SCENARIOS[name].what} ({took:.0f} s)\n{text_of(figures[name])}\n", flush=True)
        report = write_report(options.name, figures, circumstances)
    print(f"report: {report}")
    return 0


def _scenario(name: str, options: argparse.Namespace) -> dict[str, Any]:
    reason, scenario = missing(), SCENARIOS[name]
    if reason is not None:
        return {"skipped": reason}
    try:
        with (
            Lab(wait=LAB_PATIENCE) as lab,
            tempfile.TemporaryDirectory() as directory,
            ManagerProcess(Path(directory), "qemu:///system", INTERVAL) as manager,
            manager.client() as client,
            Stage(lab, scenario, manager, client) as stage,
        ):
            if options.tune or name not in _tuned():
                _tune(name, stage)
            blocks: list[Block] = []
            stage.set(scenario.phases[0])
            time.sleep(2 * INTERVAL)    # guests that have just started would show what they did at boot
            for _ in range(options.rounds):
                for side in options.sides.split(","):
                    least = (LEAST_COUNTED + scenario.settling - 1) * len(scenario.phases)
                    shorter = max(least, options.intervals // options.shorter)
                    count = options.intervals if side == "hpm" else shorter
                    blocks.append(_block(stage, side, count, _tuned()[name]))
            return figures_of(scenario, blocks)
    except (LabBusyError, LabError) as error:
        return {"skipped": str(error)}


# -- one block


def _block(stage: Stage, name: str, intervals: int, tuned: Sequence[Sequence[int]]) -> Block:
    """Play all phases of the scenario under one side."""
    scenario = stage.scenario
    side = _side(name, tuned)
    phases: list[PhaseRecord] = []
    stage.set(scenario.phases[0])
    original = stage.shares()
    if side is None:
        _switch(stage, on=True, unlike=original)
    else:
        stage.cap(True)
    meter = Meter(stage.manager)
    for number, phase in enumerate(scenario.phases):
        if number:
            stage.set(phase)
        phases.append(_phase(stage, side, number, intervals // len(scenario.phases)))
    own = meter.cpus()
    if side is None:
        _switch(stage, on=False)
    else:
        stage.cap(False)
    stage.set(scenario.phases[0])
    put_back = side is not None or _is_original(stage)
    stage.write(stage.original)
    return Block(name, phases, own, put_back)


def _phase(stage: Stage, side: Side | None, number: int, intervals: int) -> PhaseRecord:
    goals = stage.scenario.goals(stage.scenario.phases[number])
    if side is not None:
        stage.write(side.begin(goals, stage.shares()))
    waker = _waker(stage)
    watch, record = Watch(stage.guests), PhaseRecord(number)
    shares = stage.shares()
    for _ in range(intervals):
        interval = watch.interval(INTERVAL)
        record.intervals.append(interval)
        if side is not None:
            stage.write(_after(side, interval, goals, stage.shares()))
        now = stage.shares()
        record.changes.append(sum(a != b for a, b in zip(shares, now, strict=True)))
        record.shares.append(now)
        shares = now
    if waker is not None:
        record.wakes = waker.stop()
    return record


def _after(side: Side, interval: Interval, goals: Sequence[tuple[int | None, str]], shares: list[int]) -> list[int]:
    present = [n for n, value in enumerate(shares) if value]
    guests = seen(interval, goals)
    wanted = side.after([guests[n] for n in present], [shares[n] for n in present])
    chosen = dict(zip(present, wanted, strict=True))
    return [chosen.get(n, 0) for n in range(len(shares))]


def _side(name: str, tuned: Sequence[Sequence[int]]) -> Side | None:
    """None: hpm."""
    made: dict[str, Side | None] = {
        "equal": Equal(), "importance": ByImportance(), "stepper": Stepper(), "hpm": None, "fixed": Fixed(tuned),
        "feedback": Feedback(), "optimiser": Optimiser(),
    }  # fmt: skip
    return made[name]


def _switch(stage: Stage, *, on: bool, unlike: Sequence[int] = ()) -> None:
    """Switch management; on: returns when the first plan is applied, or after an interval without one."""
    stage.client.set_management_levels({"cpu-mgmt": "on" if on else "off"})
    if on:
        try:
            wait_until(lambda: stage.shares() != list(unlike), INTERVAL + 1.0, "the first plan is applied")
        except LabTimeoutError:
            return    # nobody waits for anybody yet, so there is nothing to plan


def _is_original(stage: Stage) -> bool:
    return all(now == was for now, was in zip(stage.shares(), stage.original, strict=True) if now)


def _waker(stage: Stage) -> WakeSampler | None:
    guests = zip(stage.scenario.guests, stage.guests, strict=True)
    return next((WakeSampler(g) for spec, g in guests if spec.name == stage.scenario.wakes and g is not None), None)


# -- fixed weights


def _tuned() -> dict[str, list[list[int]]]:
    """Weights by scenario, for each phase."""
    return json.loads(TUNED.read_text()) if TUNED.exists() else {}


def _tune(name: str, stage: Stage) -> None:
    """Find weights for each phase of a scenario, and keep them."""
    scenario, found = stage.scenario, []
    for number, phase in enumerate(scenario.phases):
        stage.set(phase)
        stage.cap(True)
        wanted = {spec.name: goal for spec, (goal, _) in zip(scenario.guests, scenario.goals(phase), strict=True)}
        targets = [
            scenario.tuned.get(name, None if goal is None else min(1.09 * goal, (100 + goal) / 2))
            for name, goal in wanted.items()
        ]
        present = [n for n, guest in enumerate(stage.guests) if guest is not None]
        tuner = Tuner([None if targets[n] is None else (targets[n] or 0.0) / 100.0 for n in present])
        stage.write([min(10000, 10 * round(target or 10)) for target in targets])
        _phase(stage, tuner, number, TUNING_INTERVALS if scenario.settling == 1 else TUNING_MORE)
        chosen = dict(zip(present, tuner.weights, strict=True))
        found.append([chosen.get(n, 0) for n in range(len(targets))])
        stage.cap(False)
        stage.write(stage.original)
    kept = {**_tuned(), name: found}
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in sorted(kept.items()))
    TUNED.write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    sys.exit(main())
