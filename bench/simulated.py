"""What `hpm simulate` says of the benchmark's guests, beside what was measured on real ones.

    python -m bench.simulated

prints the table of docs/simulate.md: for each guest the mean velocity on the simulated host / as measured (means of the
runs in docs/measurements), with equal shares and under hpm, and the part of intervals in which its goal was met. Only
scenarios without phases are compared: a simulation has none. Guests without a goal count, and are not shown.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import fmean
from typing import Any

from hpm.host.simulate import simulate
from hpm.policy.decode import convert
from hpm.wire.simulations import Simulation, SimulationCreate

from .goal_scenarios import SCENARIOS, Scenario, Spec

MEASUREMENTS = sorted(Path(__file__).parents[1].glob("docs/measurements/goals-*.json"))
INTERVALS, SECONDS, CPUS = 34, 3.0, 2

#: Loads of bench.goals that a simulation can describe: pattern, and the load made of its numbers.
LOADS = (
    (r"spin", lambda: {"type": "spin"}),
    (r"periodic:(\d+)/(\d+)", lambda on, off: {"type": "periodic", "on-ms": on, "off-ms": off}),
    (r"busy:(\d+),idle:(\d+)", lambda busy, idle: {"type": "busy-idle", "busy-s": busy, "idle-s": idle}),
    (r"requests:(\d+)/([\d.]+)",
     lambda number, ms: {"type": "web", "demand": number * ms / 1000, "work-ms": ms}),
)  # fmt: skip


def main() -> None:
    """Print the table."""
    measured = [json.loads(path.read_text())["figures"] for path in MEASUREMENTS]
    print("| guest | equal shares | hpm | goal met |\n| --- | ---: | ---: | ---: |")
    off: dict[str, list[float]] = {"guests that spin": [], "others": []}
    for name, scenario in SCENARIOS.items():
        loads = [_load(spec) for spec in scenario.guests]
        if len(scenario.phases) > 1 or not all(loads):
            continue
        runs = [run[name]["sides"] for run in measured if name in run]
        unmanaged, managed = _simulated(scenario).sides
        for spec, *sides in zip(scenario.guests, unmanaged.virtual_servers, managed.virtual_servers, strict=True):
            pairs = [(round(one.velocity or 0), round(_mean(runs, side, spec.name, "velocity")))
                     for one, side in zip(sides, ("equal", "hpm"), strict=True)]  # fmt: skip
            off["guests that spin" if spec.load == "spin" else "others"].append(abs(pairs[1][0] - pairs[1][1]))
            if spec.goal is not None:
                met = 100 * sides[1].intervals_met / max(1, sides[1].intervals_busy)
                real = 100 * _mean(runs, "hpm", spec.name, "met")
                velocities = " | ".join(f"{simulated} / {seen}" for simulated, seen in pairs)
                print(f"| {name}: {_words(spec)} | {velocities} | {met:.0f} / {real:.0f} % |")
    for kind, points in off.items():
        print(f"{kind}: under hpm {fmean(points):.1f} points off in the mean, {max(points):.0f} at most")


def _words(spec: Spec) -> str:
    wide = f" × {spec.vcpus}" if spec.vcpus > 1 else ""
    return f"{spec.load}{wide}, {spec.importance} {spec.goal}"


def _simulated(scenario: Scenario) -> Simulation:
    servers = [
        {"name": spec.name, "vcpus": spec.vcpus, "load": _load(spec), "workload-resource-group": "bench",
         **({"cpu-reserve": spec.reserve} if spec.reserve else {}), **({"cpu-cap": spec.cap} if spec.cap else {})}
        for spec in scenario.guests
    ]  # fmt: skip
    policy = scenario.policy(scenario.phases[0], {spec.name: spec.name for spec in scenario.guests})
    said = {
        "cpus": CPUS, "interval-seconds": SECONDS, "intervals": INTERVALS, "virtual-servers": servers,
        "workload-resource-groups": [{"name": "bench", "perf-policies": [policy]}],
    }  # fmt: skip
    return simulate(convert({"host": said}, SimulationCreate))


def _mean(runs: list[dict[str, Any]], side: str, guest: str, figure: str) -> float:
    return fmean(run[side]["guests"][guest][figure] for run in runs)


def _load(spec: Spec) -> dict[str, Any] | None:
    for pattern, make in LOADS:
        match = re.fullmatch(pattern, spec.load)
        if match is not None:
            return make(*(float(number) for number in match.groups()))
    return None


if __name__ == "__main__":
    main()
