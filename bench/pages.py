"""How quick the pages are in a real browser, what they load and hold, and what a page that is open costs the host.

    python -m bench.pages [--servers 50 10000] [--rounds 3] [--seconds 30] [--interval 10]

`hpm serve` with its web front manages a host without guests, a small and a large one (up to 200 servers: the simulated
host; above: a host whose figures all move and that has no scheduler, `bench.walking`). Chromium, without a window, on
the same machine and CPUs, does what a hand would. Figures as the browser itself tells them
(https://web.dev/articles/vitals):

- *first load*: bytes as sent, compressed, from nothing to the overview with its figures; the median of the rounds;
- *LCP*: when the largest thing was painted, of the page to log in, and of the overview of who is logged in;
- *CLS*: how much of what is there moved without being asked, in three seconds of the overview;
- *rows*: from the end of the answer that tells all servers until the first row of the page of servers is seen;
- *INP*: the longest time from a key or click to the frame that shows what it did, of some thirty: a search is typed
  and taken back, columns are sorted, keys move through the rows, after the wheel has scrolled;
- *longest frame*: meanwhile, the longest time in which the browser worked at one frame (long animation frames: those
  above 50 ms are told), and the longest gap between two frames, in which also other processes were in the way;
- *memory*: JavaScript's heap after a collection of garbage, and the buffers beside it;
- *CPU of a client*: CPU time of manager and front while the page of servers is open, less that while it is not, so
  many seconds each in turn, as a part of one core.

**How to read it**: bars are 250 kB for the first load, 2.5 s, 0.1 and 200 ms for LCP, CLS and INP ("good"), 1 s for
the rows, 100 ms for a frame, 150 MB, and 1 % of a core. Browser, front and manager share the machine's CPUs: look at
steal and load.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.report import Circumstances, cpu_seconds, table, write_report
from tests.browser.flow import run_flow
from tests.browser.host import BrowserHost
from tests.browser.requirements import missing

#: So many servers are simulated, with a scheduler; more would take a CPU for that alone.
SIMULATED = 200
PATIENCE = 900.0
BARS = {
    "first-load-bytes": 250_000, "lcp-login-ms": 2500.0, "lcp-overview-ms": 2500.0, "cls": 0.1, "inp-ms": 200.0,
    "rows-after-answer-ms": 1000.0, "longest-frame-ms": 100.0, "memory-bytes": 150e6, "cpu-percent": 1.0,
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--servers", type=int, nargs="+", default=[50, 10_000], help="of each host (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is measured (%(default)s)")
    parser.add_argument("--seconds", type=float, default=30.0, help="with a client, and without (%(default)s)")
    parser.add_argument("--interval", type=float, default=10.0, help="seconds between two cycles of hpm (%(default)s)")
    options = parser.parse_args(arguments)
    lacks = missing()
    if lacks is not None:
        print(f"bench.pages: {lacks}", file=sys.stderr)
        return 1
    circumstances = Circumstances()
    hosts = {size: measured(size, options.rounds, options.seconds, options.interval) for size in options.servers}
    rows = [(name, *(figures[name] for figures in hosts.values()), bar) for name, bar in BARS.items()]
    print(table(("figure", *(f"{size} servers" for size in hosts), "bar"), rows))
    figures = {"pages": hosts, "bars": BARS, "interval-seconds": options.interval}
    print(f"report: {write_report('pages', figures, circumstances)}")
    return 0


def measured(servers: int, rounds: int, seconds: float, interval: float) -> dict[str, Any]:
    """All figures of one host."""
    uri = f"simulated:{servers}" if servers <= SIMULATED else f"simulated:{servers}x2"
    costs: dict[str, list[float]] = {"without": [], "with": []}
    with TemporaryDirectory(prefix="hpm-bench-") as name, BrowserHost(Path(name), uri, interval) as host:

        def measure(side: str) -> None:
            costs[side].append(busy(host, seconds))

        seen = run_flow(
            "pages", host, {"rounds": rounds}, folder=Path(__file__).parent, patience=PATIENCE,
            does={"without": lambda: measure("without"), "with": lambda: measure("with")},
        )  # fmt: skip
    return {**figures_of(seen, costs), "seen": seen, "busy": costs}


def figures_of(seen: dict[str, Any], costs: dict[str, list[float]]) -> dict[str, Any]:
    """What is compared with bars; `costs`: CPU of hpm as a part of a core, of each turn."""
    visits = {name: statistics.median(visit[name] for visit in seen["visits"]) for name in seen["visits"][0]}
    without, opened = (statistics.median(costs[side]) for side in ("without", "with"))
    use, memory = seen["use"], seen["memory"]
    return {
        "browser": seen["browser"],
        "first-load-bytes": visits["bytes"],
        "lcp-login-ms": round(visits["lcp-login-ms"]),
        "lcp-overview-ms": round(visits["lcp-overview-ms"]),
        "cls": round(visits["cls"], 4),
        "inp-ms": round(use["inp-ms"]),
        "rows-after-answer-ms": round(seen["rows"]["rows-after-answer-ms"]),
        "longest-frame-ms": round(use["longest-frame-ms"]),
        "memory-bytes": memory["heap-bytes"] + memory["buffers-bytes"],
        "cpu-percent": round(100 * (opened - without), 2),
    }


def busy(host: BrowserHost, seconds: float) -> float:
    """CPU time of the manager and of its front in so many seconds, as a part of them."""
    assert host.process is not None
    before, began = _cpu_seconds(host.process.pid), time.monotonic()
    time.sleep(seconds)
    return (_cpu_seconds(host.process.pid) - before) / (time.monotonic() - began)


def _cpu_seconds(pid: int) -> float:
    """Of a process and of those that it started, as long as they run."""
    children = {int(word) for file in Path(f"/proc/{pid}/task").glob("*/children") for word in file.read_text().split()}
    return cpu_seconds(pid) + sum(_cpu_seconds(child) for child in children)


if __name__ == "__main__":
    sys.exit(main())
