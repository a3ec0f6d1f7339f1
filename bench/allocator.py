"""What it costs to give memory back by the page: hpm with Python's own allocator, and with glibc's as under its unit.

    python -m bench.allocator [--servers 1000] [--seconds 90] [--interval 3]

Two `hpm serve` manage as many simulated servers each, at once, so that both have the same neighbours; both are asked
for all servers, groups and adjustments once a second. One has the environment of `contrib/systemd`, the
other that without PYTHONMALLOC. Told: CPU time that each used after its first 20 seconds (user and system, all
threads; the simulation's is part of it), the median time of a request, and memory at the end.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx

from bench.report import Circumstances, table, write_report
from tests.running import ManagerProcess, resident, unit_environment

#: Seconds for which nothing is counted, and between two rounds of requests.
FIRST, PAUSE = 20.0, 1.0
BASE = "/plugins/hpm/"
ASKED = ("virtual-servers", "workload-resource-groups", "dynamic-resource-adjustments")
TICKS = os.sysconf("SC_CLK_TCK")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--servers", type=int, default=1000, help="of each manager (%(default)s)")
    parser.add_argument("--seconds", type=float, default=90.0, help="to count for (%(default)s)")
    parser.add_argument("--interval", type=float, default=3.0, help="of the managers, in seconds (%(default)s)")
    options = parser.parse_args(arguments)
    circumstances = Circumstances()
    unit = unit_environment()
    sides = {"glibc's": unit, "Python's own": {name: unit[name] for name in unit if name != "PYTHONMALLOC"}}
    with tempfile.TemporaryDirectory(prefix="hpm-allocator-") as scratch, ExitStack() as both:
        managers = []
        for number, environment in enumerate(sides.values()):
            manager = ManagerProcess(Path(scratch) / str(number), f"simulated:{options.servers}", options.interval)
            manager.directory.mkdir()
            manager.environment = environment
            managers.append(both.enter_context(manager))
        figures = dict(zip(sides, _measured(managers, options.seconds), strict=True))
    write_report("allocator", {**vars(options), "sides": figures}, circumstances)
    head = ("allocator", "CPU s", "% of a core", "ms a request", "MiB")
    print(table(head, [(name, *side.values()) for name, side in figures.items()]))
    glibc, own = (side["cpu-seconds"] for side in figures.values())
    print(f"\nCPU time: {glibc / own:.2f} times that with Python's own")
    return 0


def _measured(managers: Sequence[ManagerProcess], seconds: float) -> list[dict[str, float]]:
    """Of each: CPU time in seconds and per cent of a core, the median time of a request in ms, memory in MiB."""
    pids = [manager.process.pid for manager in managers if manager.process is not None]
    clients = [
        httpx.Client(transport=httpx.HTTPTransport(uds=str(manager.socket)), base_url="http://hpm", timeout=60.0)
        for manager in managers
    ]
    took: list[list[float]] = [[] for _ in managers]
    time.sleep(FIRST)
    before, began = [_cpu_seconds(pid) for pid in pids], time.monotonic()
    while time.monotonic() - began < seconds:
        for client, times in zip(clients, took, strict=True):
            for what in ASKED:
                asked = time.perf_counter()
                client.get(BASE + what).raise_for_status()
                times.append(1e3 * (time.perf_counter() - asked))
        time.sleep(PAUSE)
    passed = time.monotonic() - began
    used = [_cpu_seconds(pid) - first for pid, first in zip(pids, before, strict=True)]
    return [
        {
            "cpu-seconds": round(cpu, 2), "percent": round(100.0 * cpu / passed, 1),
            "request-ms": round(statistics.median(times), 2), "resident-mib": round(resident(pid) / (1 << 20), 1),
        }
        for pid, cpu, times in zip(pids, used, took, strict=True)
    ]  # fmt: skip


def _cpu_seconds(pid: int) -> float:
    """User and system time of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    sys.exit(main())
