"""Are goals met on real guests, how soon, how steadily, and what does it cost in work?

    python -m bench.goals [--rounds 4] [--intervals 25] [--seconds 3] [--scenarios one-vcpu,four-vcpus]

Six guests of the lab that spin, goals 70 highest, 45 and 25 high, 15 low, two without one; in the second
scenario one of those without a goal has 4 vCPUs. Three sides take turns in every round, on the same guests:

- *unmanaged*: the shares that the guests came with, management off;
- *hpm*: management switched on; what is timed first is the first full interval after the first plan;
- *fixed*: weights tuned by hand for exactly this load, 9 % above the goals, the rest to those without one.

**How to read it**: *met* is the part of the intervals in which that goal was met (PI up to 1.05); *mean* and
*deviation* are of the velocities. A goal that *fixed* misses too could not be met on this machine in that
interval; *others* (CPUs that other processes used) and *steal* say who was in the way. Bars: all goals met in
the first interval, each in 95 % of the later ones, work within 3 % of *unmanaged*.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.report import Circumstances, table, write_report
from hpm.client.rest import Client
from tests.lab import Guest, Lab, LabBusyError, LabError
from tests.lab.errors import wait_until
from tests.lab.requirements import missing
from tests.running import ManagerProcess
from tests.system.goals import SIX, Interval, Watch, group_of

SCENARIOS = {"one-vcpu": 1, "four-vcpus": 4}
#: Shares that nobody would have chosen.
ORIGINAL = (1024, 1000, 333, 2048, 1024, 777)
#: 9 % above the goals; what then is left of nearly two CPUs goes to the two without a goal.
FIXED = (763, 491, 273, 164, 110, 110)
UNMANAGED_INTERVALS = 5
LAB_PATIENCE = 900.0
BAR_MET = 0.95
BAR_WORK = 0.97


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=4, help="turns of each side (%(default)s)")
    parser.add_argument("--intervals", type=int, default=25, help="intervals of a managed turn (%(default)s)")
    parser.add_argument("--seconds", type=float, default=3.0, help="an interval (%(default)s)")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS), help="(%(default)s)")
    options = parser.parse_args(arguments)
    circumstances = Circumstances()
    figures: dict[str, Any] = {}
    for name in options.scenarios.split(","):
        figures[name] = _scenario(SCENARIOS[name], options.rounds, options.intervals, options.seconds)
        print(f"{name}\n{_text(figures[name])}\n")
    print(f"report: {write_report('goals', figures, circumstances)}")
    return 0


def _scenario(vcpus: int, rounds: int, intervals: int, seconds: float) -> dict[str, Any]:
    reason = missing()
    if reason is not None:
        return {"skipped": reason}
    try:
        with (
            Lab(wait=LAB_PATIENCE) as lab,
            tempfile.TemporaryDirectory() as directory,
            ManagerProcess(Path(directory), "qemu:///system", seconds) as manager,
            manager.client() as client,
        ):
            guests = [
                lab.tiny(f"goal{number}", vcpus=vcpus if number == 4 else 1, load="spin", shares=shares)
                for number, shares in enumerate(ORIGINAL)
            ]
            group_of(client, guests, SIX)
            return _turns(client, guests, rounds, intervals, seconds)
    except (LabBusyError, LabError) as error:
        return {"skipped": str(error)}


def _turns(client: Client, guests: Sequence[Guest], rounds: int, intervals: int, seconds: float) -> dict[str, Any]:
    sides: dict[str, list[Interval]] = {"unmanaged": [], "hpm": [], "fixed": []}
    first: list[Interval] = []
    restored = True
    for _ in range(rounds):
        sides["unmanaged"] += _intervals(Watch(guests), UNMANAGED_INTERVALS, seconds)
        client.set_management_levels({"cpu-mgmt": "on"})
        wait_until(lambda: _shares(guests) != list(ORIGINAL), seconds, "the first plan is applied")
        watch = Watch(guests)
        first.append(watch.interval(seconds))
        sides["hpm"] += _intervals(watch, intervals, seconds)
        client.set_management_levels({"cpu-mgmt": "off"})
        restored = restored and _shares(guests) == list(ORIGINAL)
        _set(guests, FIXED)
        sides["fixed"] += _intervals(Watch(guests), intervals, seconds)
        _set(guests, ORIGINAL)
    plans = client.adjustments().value.dynamic_resource_adjustments
    work = {name: statistics.median(i.work for i in side) for name, side in sides.items()}
    return {
        "sides": {name: _figures(side) for name, side in sides.items()},
        "first-interval": {"turns": rounds, "all-met": sum(all(i.met(SIX)) for i in first), **_figures(first)},
        "work": {name: round(value, 3) for name, value in work.items()},
        "plans-a-turn": round(sum(plan.outcome == "applied" for plan in plans) / rounds, 2),
        "put-back-exactly": restored,
        "bars": {
            "first": all(all(i.met(SIX)) for i in first),
            "later": min(_met(sides["hpm"])) >= BAR_MET,
            "work": work["hpm"] >= BAR_WORK * work["unmanaged"],
            "restored": restored,
        },
    }


def _intervals(watch: Watch, count: int, seconds: float) -> list[Interval]:
    return [watch.interval(seconds) for _ in range(count)]


def _shares(guests: Sequence[Guest]) -> list[int]:
    return [guest.cpu_shares() for guest in guests]


def _set(guests: Sequence[Guest], shares: Sequence[int]) -> None:
    for guest, value in zip(guests, shares, strict=True):
        guest.set_cpu_shares_file(value)


def _met(intervals: Sequence[Interval]) -> list[float]:
    """For each goal, the part of the intervals in which it was met."""
    goals = [number for number, (goal, _) in enumerate(SIX) if goal is not None]
    return [statistics.mean(i.met(SIX)[number] for i in intervals) for number in goals]


def _figures(intervals: Sequence[Interval]) -> dict[str, Any]:
    columns = list(zip(*[i.velocities for i in intervals], strict=True))
    return {
        "intervals": len(intervals),
        "met": [round(part, 3) for part in _met(intervals)],
        "mean": [round(statistics.mean(column), 1) for column in columns],
        "deviation": [round(statistics.pstdev(column), 1) for column in columns],
        "others": round(statistics.median(i.others for i in intervals), 3),
        "steal": round(statistics.mean(i.steal for i in intervals), 4),
        "velocities": [[round(v, 1) for v in i.velocities] for i in intervals],
    }


def _text(figures: dict[str, Any]) -> str:
    if "skipped" in figures:
        return f"left out: {figures['skipped']}"
    rows = []
    for name, side in {**figures["sides"], "hpm, first": figures["first-interval"]}.items():
        lists = [" ".join(f"{value:{form}}" for value in side[key]) for key, form in _LISTS]
        rows.append((name, side["intervals"], *lists, figures["work"].get(name, ""), side["others"], side["steal"]))
    bars = ", ".join(f"{name} {'met' if held else 'MISSED'}" for name, held in figures["bars"].items())
    head = ("side", "intervals", "met", "mean", "deviation", "work", "others", "steal")
    return "\n".join([table(head, rows), f"plans a turn: {figures['plans-a-turn']}; bars: {bars}"])


_LISTS = (("met", ".2f"), ("mean", ".0f"), ("deviation", ".1f"))


if __name__ == "__main__":
    sys.exit(main())
