"""From reports to docs/benchmarks.md: the tables between its marks, the charts beside it, and the reports themselves in
docs/measurements/, from where they can be read again.

    python -m bench.charts [build/bench/goals-1.json build/bench/goals-2.json … build/bench/cycle.json …]

Reports are those of any benchmark; what is told of the others stays as it is. Of several runs of `bench.goals` each
figure is that of the worst one for hpm (the one with the lowest attainment), and a promise holds if it held
in all of them; parts of intervals and of wake-ups are those of all runs together, with the worst and the best run
beside them.
Needs matplotlib (``pip install -e '.[bench]'``).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

from bench import api, cost_tables
from bench.cycle import BARS_STANDING, bar_ms
from bench.goal_figures import COUNTS, over_runs
from bench.goal_scenarios import SCENARIOS
from bench.report import ROOT

PAGE = ROOT / "docs/benchmarks.md"
CHARTS = ROOT / "docs/charts"
MEASUREMENTS = ROOT / "docs/measurements"
GOALS = ("<!-- goals: written by bench/charts.py -->", "<!-- goals: end -->")
COST = ("<!-- cost: written by bench/charts.py -->", "<!-- cost: end -->")
MEMORY = ("<!-- memory: written by bench/charts.py -->", "<!-- memory: end -->")
API = ("<!-- api: written by bench/charts.py -->", "<!-- api: end -->")
#: Colours that are told apart by people who see few of them too (Okabe and Ito).
COLOURS = {
    "equal": "#999999", "importance": "#e69f00", "stepper": "#56b4e9", "hpm": "#0072b2", "fixed": "#009e73",
    "feedback": "#cc79a7", "optimiser": "#d55e00",
}  # fmt: skip
MEMORY_COLOURS = {"none": "#999999", "fixed": "#e69f00", "equal": "#009e73", "hpm": "#0072b2", "unmerged": "#56b4e9"}
INTERVAL = 3.0

mpl.use("svg")
mpl.rcParams.update({"svg.hashsalt": "hpm", "svg.fonttype": "none", "font.size": 9, "axes.spines.top": False,
                     "axes.spines.right": False})  # fmt: skip

from matplotlib import pyplot as plt  # noqa: E402  (the backend is chosen above)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("reports", nargs="*", default=[str(ROOT / "build/bench/goals.json")])
    options = parser.parse_args(arguments)
    reports = {Path(name).name: json.loads(Path(name).read_text()) for name in options.reports}
    MEASUREMENTS.mkdir(exist_ok=True)
    for name, report in reports.items():
        (MEASUREMENTS / name).write_text(json.dumps(report, separators=(",", ":")) + "\n")
    cycles = {name: report for name, report in reports.items() if "pretended" in report["figures"]}
    if cycles:
        write_between(COST, "\n\n".join(map(cost, cycles, cycles.values())))
    clients = {name: report for name, report in reports.items() if "clients" in report["figures"]}
    if clients:
        write_between(API, "\n\n".join(map(waiting, clients, clients.values())))
    balloons = {name: report for name, report in reports.items() if "balloons" in report["figures"]}
    if balloons:
        texts = [
            f"{circumstances(name, r)}\n\n{cost_tables.balloons(r['figures'])}\n\n"
            f"![Held by the host over time](charts/{held_over_time(Path(name).stem, r['figures'])})"
            for name, r in balloons.items()
        ]
        write_between(MEMORY, "\n\n".join(texts))
    others = [name for name, report in reports.items() if _costs(name, report["figures"], circumstances(name, report))]
    told = {*cycles, *clients, *balloons, *others}
    if goals := {name: report for name, report in reports.items() if name not in told}:
        write_between(GOALS, goals_text(goals))
    return 0


def _costs(name: str, figures: Mapping[str, Any], where: str) -> bool:
    """Write what a report of `cost_tables` says; gives whether it is one."""
    tables = {
        "hosts": ("sync", lambda: cost_tables.many_hosts(figures["hosts"])),
        "large": ("large", lambda: cost_tables.large_host(figures["large"])),
        "exporter": ("metrics", lambda: cost_tables.scrapes(figures)),
        "filled": ("history", lambda: cost_tables.history(figures)),
        "pages": ("pages", lambda: cost_tables.pages(figures)),
        "rows": ("memory-cost", lambda: cost_tables.planning(figures)),
        "runs": ("growth", lambda: cost_tables.growth(figures)),
        "depths": ("partitions", lambda: cost_tables.depths(figures)),
        "allocators": ("allocator", lambda: cost_tables.allocators(figures)),
        "read-ms": ("mom", lambda: cost_tables.policies(figures)),
    }
    found = [table for key, table in tables.items() if key in figures]
    for mark, text in found:
        marks = (f"<!-- {mark}: written by bench/charts.py -->", f"<!-- {mark}: end -->")
        write_between(marks, f"{where}\n\n{text()}")
    return bool(found)


def write_between(marks: tuple[str, str], text: str) -> None:
    """Replace what stands between two marks of the page."""
    before, _, rest = PAGE.read_text().partition(marks[0])
    PAGE.write_text(f"{before}{marks[0]}\n\n{text}\n\n{marks[1]}{rest.partition(marks[1])[2]}")


def goals_text(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """All tables of `bench.goals`; the charts are written."""
    scenarios = {
        name: worst(name, runs)
        for name in SCENARIOS
        if (runs := [r["figures"][name] for r in reports.values() if "sides" in r["figures"].get(name, {})])
    }
    CHARTS.mkdir(exist_ok=True)
    attainment(scenarios)
    for name, sides in (("policy-switch", ("stepper", "hpm")), ("spinning", ("equal", "stepper", "hpm"))):
        if name in scenarios:
            over_time(name, scenarios[name], [side for side in sides if side in scenarios[name]["sides"]])
    where = "\n".join(map(circumstances, reports, reports.values()))
    sections = map(section, scenarios, scenarios.values())
    return "\n\n".join([where, summary(scenarios), by_importance(scenarios), *sections])


def worst(name: str, runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The run in which hpm attained least, with the promises that held over all runs."""
    chosen = min(runs, key=lambda run: run["sides"]["hpm"]["attained"] or 0.0)
    return {
        **chosen,
        "promises": over_runs(SCENARIOS[name], runs),
        "runs": len(runs),
        "all-intervals": sum(run["sides"]["hpm"]["counted"] for run in runs),
        "all-wakes": [velocity for run in runs for velocity in run["sides"]["hpm"]["wakes"]],
        "all-turns": [place for run in runs for place in run["sides"]["hpm"].get("turns", ())],
        "by-importance": {
            importance: parts
            for importance in COUNTS
            if (parts := [met for run in runs if (met := _met(run, importance)) is not None])
        },
    }


def _met(run: Mapping[str, Any], importance: str) -> tuple[int, int] | None:
    """Intervals in which hpm met the goals of an importance, and all of them; None if nobody has it."""
    members = [guest for guest, _, goal, level, *_ in run["guests"] if goal is not None and level == importance]
    seen = [figure for guest in members if (figure := run["sides"]["hpm"]["guests"][guest])["intervals"]]
    if not seen:
        return None
    return round(sum(f["met"] * f["intervals"] for f in seen)), sum(f["intervals"] for f in seen)


# -- words


def circumstances(name: str, report: Mapping[str, Any]) -> str:
    """Where and when a report was made: an item of a list."""
    c = report["circumstances"]
    return (
        f"- [{name}](measurements/{name}), commit {c['commit']}: {c['time']},"
        f" {c['cpus']} CPUs ({c['cpu']}), Linux {c['kernel']}, steal {c['steal-percent']} %,"
        f" {c['seconds'] / 60:.0f} minutes"
    )


def cost(name: str, report: Mapping[str, Any]) -> str:
    """What a report of `bench.cycle` says of pretended guests."""
    rows = [
        "| guests × vCPUs | preads alone | steady cycle | full cycle, 1 % of weights changed | standing, at 10 s |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for figures in report["figures"]["pretended"]:
        if "skipped" in figures:
            continue
        cells = [f"{figures[kind]['median']:.1f} ms" for kind in ("preads-ms", "steady-ms", "full-ms")]
        cells.append(f"{figures['standing-percent']} % of a core")
        standing = f"{BARS_STANDING.get(figures['guests'], 0.0):g} %"
        most = f"{bar_ms(figures['guests'], figures['vcpus']) or 0.0:g} ms"
        bars = ((2, figures["within-bar"], most), (3, figures["standing-within-bar"], standing))
        for place, held, bar in bars:
            if held is not None:
                cells[place] += f" (promised: {bar}, {'held' if held else '**missed**'})"
        rows.append(f"| {figures['guests']:,} × {figures['vcpus']} | {' | '.join(cells)} |")
    return circumstances(name, report) + "\n\n" + "\n".join(rows)


def waiting(name: str, report: Mapping[str, Any]) -> str:
    """What a report of `bench.api` says of clients."""
    figures = report["figures"]
    rows = [
        f"| {figures['guests']:,} guests, {figures['clients']} clients | requests | kB | median | 99th percentile |"
        " at most | longest time between two snapshots |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for side, seen in figures["sides"].items():
        ms, apart = seen["ms"], seen["snapshots-apart"]
        p99 = f"{ms['p99']} ms"
        if side == "together":
            p99 += f" (promised: {api.BAR_MS:g} ms, {'held' if ms['p99'] <= api.BAR_MS else '**missed**'})"
        gap = "–" if apart is None else f"{apart['max']} intervals"
        requests, size = f"{seen['requests']:,}", f"{seen['bytes'] / 1e3:.0f}"
        rows.append(f"| {side} | {requests} | {size} | {ms['median']} ms | {p99} | {ms['max']} ms | {gap} |")
    return circumstances(name, report) + "\n\n" + "\n".join(rows)


def summary(scenarios: Mapping[str, dict[str, Any]]) -> str:
    """All scenarios in one table: attainment by side."""
    names = [side for side in COLOURS if any(side in s["sides"] for s in scenarios.values())]
    rows = [f"| scenario | {' | '.join(names)} | promises |", f"| --- |{' ---: |' * len(names)} --- |"]
    for name, scenario in scenarios.items():
        cells = [_number(scenario["sides"].get(side, {}).get("attained"), ".3f") for side in names]
        broken = [promise for promise, held in scenario["promises"].items() if not held]
        held = f"all {len(scenario['promises'])}" if not broken else f"missed: {', '.join(broken)}"
        rows.append(f"| [{name}](#{name}) | {' | '.join(cells)} | {held} |")
    return "\n".join(["![Attainment by scenario and side](charts/attainment.svg)", "", *rows])


def by_importance(scenarios: Mapping[str, dict[str, Any]]) -> str:
    """How often hpm met goals, by importance."""
    rows = [
        "Share of intervals in which hpm met the goals of each importance, of all runs together (in the worst and the"
        " best run, where they differ):",
        "",
        f"| scenario | {' | '.join(COUNTS)} |",
        f"| --- |{' ---: |' * len(COUNTS)}",
    ]
    for name, scenario in scenarios.items():
        cells = []
        for importance in COUNTS:
            parts = scenario["by-importance"].get(importance)
            if parts is None:
                cells.append("–")
                continue
            met, every = map(sum, zip(*parts, strict=True))
            single = [100.0 * m / n for m, n in parts]
            worst_run, best_run = f"{min(single):.0f}", f"{max(single):.0f}"
            more = "" if worst_run == best_run else f" ({worst_run} … {best_run})"
            cells.append(f"{100.0 * met / every:.0f} %{more}")
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def section(name: str, scenario: Mapping[str, Any]) -> str:
    """One scenario, whole."""
    guests = [f"{guest} {goal or '–'}" for guest, _, goal, *_ in scenario["guests"]]
    rows = [
        f"| side | intervals | {' | '.join(guests)} | attained | first | work | changes | own % |",
        f"| --- | ---: |{' ---: |' * (len(guests) + 5)}",
    ]
    for side, figures in scenario["sides"].items():
        cells = [_guest(figure) for figure in figures["guests"].values()]
        first = " ".join("–" if n is None else str(n) for n in figures["first-all-met"])
        rows.append(
            f"| {side} | {figures['counted']} | {' | '.join(cells)} | {_number(figures['attained'], '.3f')} | {first}"
            f" | {figures['work']:.3f} | {_number(figures['changes-per-guest-and-interval'], '.3f')}"
            f" | {figures['own-cpu-percent']:.2f} |"
        )
    loads = ", ".join(
        f"{guest}: {load}" + (f" × {vcpus}" if vcpus > 1 else "") + (f", {importance}" if goal else "")
        for guest, load, goal, importance, vcpus, *_ in scenario["guests"]
    )
    runs = f"{scenario['runs']} run(s), with {scenario['all-intervals']} intervals of hpm that count"
    what = SCENARIOS[name].what
    more = [f"### {name}", f"{what[:1].upper()}{what[1:]} ({loads}). {runs}."]
    hpm = scenario["sides"]["hpm"]
    if wakes := scenario["all-wakes"]:
        goal = next(goal for guest, _, goal, *_ in scenario["guests"] if guest == SCENARIOS[name].wakes)
        met = statistics.mean(v >= goal / 1.05 for v in wakes)
        more.append(
            f"In the first second after {len(wakes)} wake-ups its velocity was {min(wakes):.0f} to"
            f" {max(wakes):.0f}; the goal of {goal} was met in {met:.0%} of them."
        )
    if turns := scenario["all-turns"]:
        places = ", ".join(f"{n or 'never'}: {turns.count(n)} times" for n in sorted(set(turns), key=lambda n: n or 99))
        more.append(f"Whole interval after it began to work otherwise in which its goal was met first: {places}.")
    if hpm["equal-index"] is not None:
        apart = 100.0 * (hpm["equal-index"] - 1.0)
        more.append(f"PIs of one importance that miss their goals differ by {apart:.0f} % at most.")
    for guest, load, *_ in scenario["guests"]:
        if load != "spin":
            waits = [
                f"{side} {figures['guests'][guest]['wait-ms']:.1f}"
                for side, figures in scenario["sides"].items()
                if "wait-ms" in figures["guests"][guest]
            ]
            more.append(f"Mean wait of {guest} each time it wants a CPU, in ms: {', '.join(waits)}.")
    if (CHARTS / f"{name}.svg").exists():
        more.append(f"![Velocities over time](charts/{name}.svg)")
    return "\n\n".join([*more, "\n".join(rows)])


def _guest(figure: Mapping[str, Any]) -> str:
    if not figure["intervals"]:
        return "–"
    text = f"{figure['velocity']:.0f} ± {figure['deviation']:.0f}"
    if "met" in figure:
        text = f"**{100 * figure['met']:.0f} %** {text}"
    for what in ("reserve-held", "cap-held"):
        if what in figure:
            text += f", {what.partition('-')[0]} {100 * figure[what]:.0f} %"
    return text


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


# -- pictures


def attainment(scenarios: Mapping[str, dict[str, Any]]) -> None:
    """Bars: how much of their goals the guests of each scenario attained, by side."""
    names = [side for side in COLOURS if any(side in s["sides"] for s in scenarios.values())]
    figure, axes = plt.subplots(figsize=(9, 0.42 * len(scenarios) * max(1.0, len(names) / 4) + 1))
    height = 0.8 / len(names)
    for number, side in enumerate(names):
        values = [s["sides"].get(side, {}).get("attained") or 0.0 for s in scenarios.values()]
        places = [place + (number - (len(names) - 1) / 2) * height for place in range(len(scenarios))]
        axes.barh(places, values, height, label=side, color=COLOURS[side])
    axes.set_yticks(range(len(scenarios)), list(scenarios))
    axes.invert_yaxis()
    axes.set_xlim(0, 1.005)
    axes.set_xlabel("attained: velocity / what meets the goal, at most 1, mean over goals and intervals")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(names), frameon=False)
    _save(figure, "attainment")


def over_time(name: str, scenario: Mapping[str, Any], sides: Sequence[str]) -> None:
    """Lines: velocities of the guests with goals in a side's first block, one picture a side."""
    figure, every = plt.subplots(1, len(sides), figsize=(9, 2.8), sharey=True, squeeze=False)
    wanted = [(n, guest[0], guest[2]) for n, guest in enumerate(scenario["guests"]) if guest[2] is not None]
    for axes, side in zip(every[0], sides, strict=True):
        rows = scenario["sides"][side]["velocities"][:34]
        for number, guest, goal in wanted:
            times = [INTERVAL * (place + 1) for place in range(len(rows))]
            (line,) = axes.plot(times, [row[number] for row in rows], marker=".", linewidth=1, label=guest)
            if len(SCENARIOS[name].phases) == 1:
                axes.axhline(goal, color=line.get_color(), linewidth=0.6, linestyle=":")
        axes.set_title(side)
        axes.set_xlabel("seconds")
        axes.set_ylim(0, 100)
    every[0][0].set_ylabel("velocity")
    every[0][-1].legend(frameon=False, fontsize=7)
    _save(figure, name)


def held_over_time(name: str, figures: Mapping[str, Any]) -> str:
    """Lines: what the host holds of the guests of `bench.memory`, by side, and what they use; the picture's name."""
    figure, axes = plt.subplots(figsize=(9, 2.8))
    for side, seen in figures["balloons"].items():
        begin = seen["seconds"][0][0]
        times = [row[0] - begin for row in seen["seconds"]]
        axes.plot(times, [row[1] for row in seen["seconds"]], linewidth=1, label=side, color=MEMORY_COLOURS[side])
        if side == "hpm":
            used = [sum(row[3::2]) for row in seen["seconds"]]
            axes.plot(times, used, linewidth=0.8, linestyle=":", label="used, under hpm", color=MEMORY_COLOURS[side])
    axes.set_xlabel("seconds")
    axes.set_ylabel("MiB")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=7, ncols=5)
    _save(figure, name)
    return f"{name}.svg"


def _save(figure: Any, name: str) -> None:
    figure.tight_layout()
    figure.savefig(CHARTS / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
