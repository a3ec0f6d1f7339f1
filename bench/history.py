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

**Third part: does the loop notice?** (`cycle`). A manager of pretended guests (`pretended`, see `bench.cycle`), its
own loop and its own recorder: full cycles at an interval of 2 s, for after each a hundredth of the guests change their
group. Wall time of the cycle; the sides take turns, one cycle each:

- *without*: since the cycle before, the recorder has kept no history (the rest of its work goes on);
- *with*: it has added the frame of the cycle before, and summed up and dropped since. Its file begins with two hours
  of frames of which nothing is summed up yet, so there is always something to do (*catching up*), until it has done
  that; later cycles are told by themselves (*as usual*).

**How to read it**: bars are 2 GB for the file (at any time, its log included), 20 ms for a day's chart (99th
percentile, warm and cold each for itself; cold, it is mostly the latency of some fifty reads of the disk), 1.2 for the
median of cycles *with* against those without, and for their worst, each for itself. Worst cycles compare two
accidents: look at the medians first, and at *steal* and load average in the report.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.cycle import INTERVAL, VCPUS, busy_of, managing, move_some, movers
from bench.history_walk import BEAT, DAY, HOUR, METRICS, Walk, summary
from bench.pretended import pretended, raise_open_files
from bench.report import Circumstances, table, write_report
from hpm.manager.manager import Manager
from hpm.manager.recorder import KINDS
from hpm.store.history import History

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
_TIMES = ("catching up", "as usual")


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
        ):
            history = _behind(Path(directory) / "history.db", size)
            with managing(host, INTERVAL, history) as manager:
                beside = _Beside(manager, history, list(host.infos))
                beside.run(cycles)
    except (RuntimeError, OSError) as error:
        return {"skipped": str(error)}
    spent = beside.spent
    ratios = {
        name: {
            "median": round(statistics.median(spent[name, True]) / statistics.median(spent[name, False]), 3),
            "max": round(max(spent[name, True]) / max(spent[name, False]), 3),
        }
        for name in _TIMES
    }
    return {
        "servers": size, "cycles": {name: len(spent[name, True]) for name in _TIMES},
        "wall-ms": {
            name: {side: summary(spent[name, kept]) for side, kept in (("without", False), ("with", True))}
            for name in _TIMES
        },
        "ratios": ratios,
        "within-bar": {name: {which: found <= BAR_CYCLE for which, found in ratios[name].items()} for name in _TIMES},
    }  # fmt: skip


def _behind(path: Path, servers: int) -> _Watched:
    """A history of two hours up to now, of which nothing is summed up."""
    walk = Walk(path, servers, time.time() - 2 * HOUR)
    while walk.now < time.time() - BEAT:
        walk.step()
    walk.history.close()
    return _Watched(path, KINDS)


class _Watched(History):
    """Knows whether there was more to do when it was last worked on."""

    behind = True

    def work(self, seconds: float = 0.02) -> bool:
        self.behind = super().work(seconds)
        return self.behind


class _Beside:
    """Times the cycles of a manager's own loop; by turns its recorder keeps history, or does not."""

    def __init__(self, manager: Manager, history: _Watched, uuids: Sequence[str]) -> None:
        self.spent: dict[tuple[str, bool], list[float]] = {
            (name, kept): [] for name in _TIMES for kept in (False, True)
        }
        self._manager, self._history = manager, history
        self._cycle = manager.cycle
        self._moves = movers(uuids, busy_of(len(uuids)))
        manager.cycle = self._timed    # type: ignore[method-assign]

    def run(self, cycles: int) -> None:
        """Until there are so many cycles of each sort, of those as usual at least."""
        self._manager.start()
        patience = time.monotonic() + 600.0 + 20.0 * cycles
        while min(len(self.spent["as usual", kept]) for kept in (False, True)) < cycles:
            time.sleep(0.5)
            if time.monotonic() > patience:
                raise RuntimeError("history is never summed up")
        self._manager.stop()

    def _timed(self) -> None:
        recorder = self._manager.recorder
        kept = recorder.history is not None
        name = "catching up" if self._history.behind else "as usual"
        recorder.history = None if kept else self._history    # from now on: it does nothing during a cycle
        began = time.perf_counter()
        self._cycle()
        self.spent[name, kept].append((time.perf_counter() - began) * 1e3)
        move_some(self._manager, next(self._moves))


def _cycle_text(figures: dict[str, Any]) -> str:
    if "skipped" in figures:
        return f"cycles with history and without left out: {figures['skipped']}"
    names = ("median", "p99", "max")
    rows = [
        (f"{time_}, {side}", *(f"{times[name]:.2f}" for name in names))
        for time_, sides in figures["wall-ms"].items() for side, times in sides.items()
    ]
    said = [
        f"{name}, with history to without: median {ratio['median']:.2f}, worst {ratio['max']:.2f}; bar {BAR_CYCLE:g}:"
        f" {', '.join(_verdict(figures['within-bar'][name][which]) for which in ('median', 'max'))}"
        for name, ratio in figures["ratios"].items()
    ]
    return "\n".join([table((f"full cycle of {figures['servers']} × {VCPUS}, wall ms", *names), rows), *said])



# -- figures


def _three(summary: dict[str, float]) -> str:
    return " ".join(f"{summary[name]:.1f}" for name in ("median", "p99", "max"))


def _verdict(met: bool) -> str:
    return "met" if met else "MISSED"


if __name__ == "__main__":
    sys.exit(main())
