"""What the history of metrics costs: room on disk, CPU, memory, and how long a chart waits for it.

    python -m bench.history [--servers 1000] [--days 30] [--many 10000] [--cycles 40] [--no-cycle]

**First part: a month in simulated time** (`filled`). Frames of so many servers, with all metrics of which history is
kept, go into a `History` on disk, one each 10 s of its clock, as fast as they are taken; after each, what is due is
summed up and dropped, as a recorder does it, without its pauses. Every figure of every server is a random walk that
moves at each frame (those of devices at every 30th, as they are sampled; 1.5 %, with all digits that a float has), so
nothing compresses well by chance. What is timed is CPU time (`time.process_time`):

- *add*: one frame; every 30th also packs those before it, which are the slow ones;
- *work*: one step of summing up or dropping, the longest time for which the writer's lock, a transaction, and at
  worst Python's lock are held;
- *of a core*: all of both, as a part of the time that was simulated.

Then charts of all metrics of one server are asked for, of another server each time, and timed in wall time: *warm*, and
*cold*: the file's pages are dropped from the kernel's cache before, and its connection is new. So are charts of many
servers in one query, warm. Last,
retention is made shorter by a day, and each step of dropping is timed.

**Second part: many servers** (`many`). The same, for two hours and some minutes of 10,000 servers, in a process of its
own: how much its largest resident memory grew over what it was before the history was opened.

**Third part: does the loop notice?** (`cycle`). A manager of pretended guests (`pretended`, see `bench.cycle`) makes
full cycles, and by turns a thread beside it adds frames of as many servers, sums up and drops; wall time of the cycle:

- *alone*: it rests;
- *recorded*: it adds one frame after each cycle and does what is due, as a recorder does;
- *between*: it does so again and again from one cycle to the next, without pauses: some dozens of frames for each,
  so that it sums up and drops all the time;
- *during*: it goes on during cycles too. No recorder does so; it shows what its regard is good for.

**How to read it**: bars are 2 GB for the file (at any time, its log included), 20 ms for a day's chart (99th
percentile, warm and cold each for itself; cold, it is mostly the latency of some fifty reads of the disk), 1.2 for the
median of cycles *recorded* and *between* against those alone, and for their worst, each for itself. Worst
cycles compare two accidents: look at the medians first, and at *steal* and load average in the report.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.cycle import INTERVAL, PAUSE, VCPUS, busy_of, managing, move_some, movers
from bench.history_walk import BEAT, DAY, HOUR, METRICS, Walk, summary
from bench.pretended import pretended, raise_open_files
from bench.report import Circumstances, table, write_report

CHARTS = {
    "an hour by 10 s": (HOUR, 10.0),
    "a day by 5 min": (DAY, 300.0),
    "a day by 288 s (300 points)": (DAY, 288.0),
    "7 days by 1 h": (7 * DAY, HOUR),
    "30 days by 1 h": (30 * DAY, HOUR),
    "30 days by 1 min": (30 * DAY, 60.0),
}
DAY_CHART = "a day by 5 min"
#: Charts of many servers in one query: servers, metrics, seconds, step.
TOGETHER = {
    "250, 3 metrics, an hour by 1 min": (250, 3, HOUR, 60.0),
    "1,000, 1 metric, an hour by 1 min": (1000, 1, HOUR, 60.0),
    "1,000, 1 metric, a day by 30 min": (1000, 1, DAY, 1800.0),
}
ASKED = 200
BAR_BYTES = 2_000_000_000
BAR_CHART_MS = 20.0
BAR_CYCLE = 1.2
#: Seconds before a cycle in which a recorder begins nothing.
RESPECT = 0.1
_SIDES = ("alone", "recorded", "between", "during")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--servers", type=int, default=1000, help="servers of the month (%(default)s)")
    parser.add_argument("--days", type=float, default=30.0, help="days to simulate; 0: none (%(default)s)")
    parser.add_argument("--many", type=int, default=10000, help="servers of the second part; 0: none (%(default)s)")
    parser.add_argument("--cycles", type=int, default=40, help="cycles of each side (%(default)s)")
    parser.add_argument("--no-cycle", action="store_true", help="leave the third part out")
    options = parser.parse_args(arguments)
    raise_open_files()
    circumstances = Circumstances()
    figures: dict[str, Any] = {}
    if options.days:
        with tempfile.TemporaryDirectory(prefix="hpm-bench-history-", dir=_disk()) as directory:
            figures["filled"] = _month(Path(directory) / "history.db", options.servers, options.days * DAY)
            print(_month_text(figures["filled"]), flush=True)
    if options.many:
        figures["many"] = _in_a_process(options.many)
        print(_many_text(figures["many"]), flush=True)
    figures["cycle"] = {"skipped": "--no-cycle"} if options.no_cycle else _beside(options.servers, options.cycles)
    print(_cycle_text(figures["cycle"]))
    print(f"report: {write_report('history', figures, circumstances)}")
    return 0


def _disk() -> Path:
    """Where a file is on a disk; the usual place for temporary files may be memory."""
    path = Path("build/bench")
    path.mkdir(parents=True, exist_ok=True)
    return path


# -- a month


def _month(path: Path, servers: int, seconds: float) -> dict[str, Any]:
    walk = Walk(path, servers)
    began = time.monotonic()
    walk.run(seconds)
    filling = time.monotonic() - began
    walk.run(HOUR / 2)    # charts are asked for in the middle of an hour
    kept = walk.history.status()
    charts = {name: _charts(walk, *of) for name, of in CHARTS.items()}
    together = {name: summary([*_together(walk, *of)]) for name, of in TOGETHER.items()}
    dropping: list[float] = []
    retention = walk.history.retention
    walk.history.retention = replace(
        retention, minutes=retention.minutes - DAY, tens=retention.tens - DAY, hours=max(0.0, seconds - DAY)
    )
    rows = _rows(path)
    walk.settle(dropping)
    dropped = rows - _rows(path)
    walk.history.close()
    return {
        "servers": servers, "metrics": len(METRICS), "interval-seconds": BEAT, "simulated-days": seconds / DAY,
        "seconds-to-fill": round(filling, 1), **_costs(walk, seconds + HOUR / 2),
        "bytes": {"largest": walk.largest, "at-the-end": kept.size, "bar": BAR_BYTES},
        "oldest-days": {k.name: round((walk.now - k.oldest) / DAY, 2) for k in kept.levels if k.oldest is not None},
        "charts": charts, "charts-of-many-warm-ms": together,
        "dropping-a-day": {"rows": dropped, "steps": len(dropping), "step-ms": summary(dropping)},
        "within-bars": {
            "size": walk.largest <= BAR_BYTES,
            "chart-warm": charts[DAY_CHART]["warm-ms"]["p99"] <= BAR_CHART_MS,
            "chart-cold": charts[DAY_CHART]["cold-ms"]["p99"] <= BAR_CHART_MS,
        },
    }  # fmt: skip


def _costs(walk: Walk, seconds: float) -> dict[str, Any]:
    return {
        "add-ms": summary(walk.adds),
        "work-ms": {"steps": len(walk.works), **summary(walk.works)},
        "core-percent": round((sum(walk.adds) + sum(walk.works)) / seconds / 10.0, 3),
        "lost": walk.history.status().lost,
        "problem": walk.history.status().problem,
    }


def _charts(walk: Walk, seconds: float, step: float) -> dict[str, Any]:
    cold: list[float] = []
    warm: list[float] = []
    points = 0
    for number in range(ASKED):
        key = walk.keys[number * 37 % len(walk.keys)]
        walk.history.close()
        _drop_cache(walk.path)
        history = walk.opened()
        for times in (cold, warm):
            began = time.perf_counter()
            series = history.query("server", key, METRICS, walk.now - seconds, walk.now, step)
            times.append((time.perf_counter() - began) * 1e3)
        points = len(series.times)
        assert points <= seconds / step + 1
    known = int(np.isfinite(series.mean[0]).sum())
    return {"points": points, "known": known, "cold-ms": summary(cold), "warm-ms": summary(warm)}


def _together(walk: Walk, servers: int, metrics: int, seconds: float, step: float) -> Iterator[float]:
    for _ in range(ASKED // 10):
        began = time.perf_counter()
        walk.history.query_many("server", walk.keys[:servers], METRICS[:metrics], walk.now - seconds, walk.now, step)
        yield (time.perf_counter() - began) * 1e3


def _drop_cache(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _rows(path: Path) -> int:
    import sqlite3

    connection = sqlite3.connect(path)
    try:
        counts = (connection.execute(f"SELECT count(*) FROM {name}") for name in ("packs", "minutes", "tens", "hours"))
        return sum(int(found.fetchone()[0]) for found in counts)
    finally:
        connection.close()


def _month_text(figures: dict[str, Any]) -> str:
    rows = [
        (name, chart["points"], chart["known"], *(_three(chart[side]) for side in ("cold-ms", "warm-ms")))
        for name, chart in figures["charts"].items()
    ]
    size, within, drop = figures["bytes"], figures["within-bars"], figures["dropping-a-day"]
    return "\n".join([
        f"{figures['servers']} servers, {figures['simulated-days']:g} days at {BEAT:g} s, filled in"
        f" {figures['seconds-to-fill']:.0f} s: {size['largest'] / 1e6:.0f} MB at most, bar {BAR_BYTES / 1e6:.0f}:"
        f" {_verdict(within['size'])}",
        _costs_text(figures),
        table(("chart of one server, wall ms", "points", "known", "cold: median p99 max", "warm"), rows),
        table(("charts of many in one query, wall ms", "warm: median p99 max"), [
            (name, _three(times)) for name, times in figures["charts-of-many-warm-ms"].items()
        ]),
        f"a day's chart, p99, bar {BAR_CHART_MS:g} ms: warm {_verdict(within['chart-warm'])},"
        f" cold {_verdict(within['chart-cold'])}",
        f"dropping a day: {drop['rows']} rows in {drop['steps']} steps of {_three(drop['step-ms'])} ms of CPU",
    ])  # fmt: skip


def _costs_text(figures: dict[str, Any]) -> str:
    return (
        f"CPU ms, median p99 max: add {_three(figures['add-ms'])}, work {_three(figures['work-ms'])};"
        f" {figures['core-percent']} % of a core"
    )


# -- many


def _in_a_process(servers: int) -> dict[str, Any]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return dict(pool.apply(_many, (servers,)))


def _many(servers: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="hpm-bench-history-", dir=_disk()) as directory:
        before = _resident("VmRSS")
        walk = Walk(Path(directory) / "history.db", servers)
        walk.run(2 * HOUR + 600)
        chart = []
        for number in range(ASKED):
            began = time.perf_counter()
            walk.history.query("server", walk.keys[number * 37 % servers], METRICS, walk.now - HOUR, walk.now, BEAT)
            chart.append((time.perf_counter() - began) * 1e3)
        resident = _resident("VmHWM")
        size = walk.history.status().size
        costs = _costs(walk, 2 * HOUR + 600)
        walk.history.close()
    figures = {"servers": servers, **costs, "bytes": size, "hour-chart-warm-ms": summary(chart)}
    return {**figures, "resident-mb": {"before": round(before, 1), "grew": round(resident - before, 1)}}


def _resident(line: str) -> float:
    """Megabytes, of a line of /proc/self/status; getrusage's are the parent's, as long as those are more."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition(f"{line}:")[2].split()[0]) * 1024 / 1e6


def _many_text(figures: dict[str, Any]) -> str:
    memory = figures["resident-mb"]
    return "\n".join([
        f"{figures['servers']} servers, two hours: {figures['bytes'] / 1e6:.0f} MB on disk,"
        f" {memory['grew']:.0f} MB more resident than {memory['before']:.0f};"
        f" an hour's chart, warm: {_three(figures['hour-chart-warm-ms'])} ms",
        _costs_text(figures),
    ])  # fmt: skip


# -- the loop


def _beside(size: int, cycles: int) -> dict[str, Any]:
    try:
        with (
            tempfile.TemporaryDirectory(prefix="hpm-bench-history-", dir=_disk()) as directory,
            pretended(size, VCPUS, busy_of(size)) as host,
            managing(host, INTERVAL) as manager,
        ):
            moves = movers(list(host.infos), busy_of(size))
            spent: dict[str, list[float]] = {side: [] for side in _SIDES}
            with _recording(Path(directory) / "history.db", size) as (running, once, walk):
                for number in range(len(_SIDES) * cycles):
                    side = _SIDES[number % len(_SIDES)]
                    move_some(manager, next(moves))
                    (once.set if side == "recorded" else once.clear)()
                    if side != "alone":
                        running.set()
                    time.sleep(PAUSE)
                    if side != "during":
                        running.clear()
                    time.sleep(RESPECT)
                    began = time.perf_counter()
                    manager.cycle()
                    spent[side].append((time.perf_counter() - began) * 1e3)
                    running.clear()
                frames = len(walk.adds)
    except (RuntimeError, OSError) as error:
        return {"skipped": str(error)}
    alone = spent["alone"]
    ratios = {
        side: {
            "median": round(statistics.median(spent[side]) / statistics.median(alone), 3),
            "max": round(max(spent[side]) / max(alone), 3),
        }
        for side in _SIDES[1:]
    }
    return {
        "servers": size, "cycles": cycles, "frames-meanwhile": frames,
        "wall-ms": {name: summary(times) for name, times in spent.items()}, "ratios": ratios,
        "within-bar": {
            side: {name: ratio <= BAR_CYCLE for name, ratio in ratios[side].items()} for side in ("recorded", "between")
        },
    }  # fmt: skip


@contextmanager
def _recording(path: Path, servers: int) -> Iterator[tuple[threading.Event, threading.Event, Walk]]:
    """A thread that records while the first event is set, and ends a step that it began; one frame only if the second
    one is."""
    walk = Walk(path, servers)
    running, once, ended = threading.Event(), threading.Event(), threading.Event()

    def record() -> None:
        while not ended.is_set():
            if running.wait(0.05):
                walk.step()
                while running.is_set() and walk.history.work(0.0):
                    pass
                if once.is_set():
                    running.clear()

    thread = threading.Thread(target=record, name="hpm-bench-recorder")
    thread.start()
    try:
        yield running, once, walk
    finally:
        ended.set()
        thread.join()
        walk.history.close()


def _cycle_text(figures: dict[str, Any]) -> str:
    if "skipped" in figures:
        return f"cycles beside a recorder left out: {figures['skipped']}"
    names = ("median", "p99", "max")
    rows = [(side, *(f"{times[name]:.2f}" for name in names)) for side, times in figures["wall-ms"].items()]
    ratios, within = figures["ratios"], figures["within-bar"]
    said = []
    for side, ratio in ratios.items():
        met = [_verdict(within[side][name]) for name in ("median", "max")] if side in within else ["no bar"]
        said.append(
            f"{side}, in times of those alone: median {ratio['median']:.2f}, worst {ratio['max']:.2f};"
            f" bar {BAR_CYCLE:g}: {', '.join(met)}"
        )
    return "\n".join([table((f"full cycle of {figures['servers']} × {VCPUS}, wall ms", *names), rows), *said])


# -- figures


def _three(summary: dict[str, float]) -> str:
    return " ".join(f"{summary[name]:.1f}" for name in ("median", "p99", "max"))


def _verdict(met: bool) -> str:
    return "met" if met else "MISSED"


if __name__ == "__main__":
    sys.exit(main())
