"""What it costs to give memory back by the page: hpm with Python's own allocator, and with glibc's as under its unit.

    python -m bench.allocator [--servers 1000] [--seconds 300] [--interval 3]

Three `hpm serve` manage as many simulated servers each, at once, so that all have the same neighbours; each is asked
for all servers, groups and adjustments once a second. One has the environment of `contrib/systemd/hpm.service`; one
that without PYTHONMALLOC; one that without GLIBC_TUNABLES, so that glibc keeps freed memory for each thread. Told: CPU
time that each used after its first 20 seconds (user and system, all threads; the simulation's is part of it), the
median time of a request, and memory at the end.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx

from bench.report import Circumstances, cpu_seconds, table, write_report
from tests.running import ManagerProcess, resident, unit_environment

#: Sides, and the variable of the unit's environment that each lacks.
SIDES = {
    "Python's own": "PYTHONMALLOC", "glibc's, as in the unit": "", "glibc's, with threads' caches": "GLIBC_TUNABLES",
}  # fmt: skip
#: Seconds for which nothing is counted, and between two rounds of requests.
FIRST, PAUSE = 20.0, 1.0
BASE = "/plugins/hpm/"
ASKED = ("virtual-servers", "workload-resource-groups", "dynamic-resource-adjustments")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--servers", type=int, default=1000, help="of each manager (%(default)s)")
    parser.add_argument("--seconds", type=float, default=300.0, help="to count for (%(default)s)")
    parser.add_argument("--interval", type=float, default=3.0, help="of the managers, in seconds (%(default)s)")
    options = parser.parse_args(arguments)
    circumstances = Circumstances()
    with tempfile.TemporaryDirectory(prefix="hpm-allocator-") as scratch, ExitStack() as all_of_them:
        managers = []
        for number, lacks in enumerate(SIDES.values()):
            manager = ManagerProcess(Path(scratch) / str(number), f"simulated:{options.servers}", options.interval)
            manager.directory.mkdir()
            manager.environment = {name: value for name, value in unit_environment().items() if name != lacks}
            managers.append(all_of_them.enter_context(manager))
        sides = dict(zip(SIDES, _measured(managers, options.seconds), strict=True))
    write_report("allocator", {**vars(options), "allocators": sides}, circumstances)
    head = ("allocator", "CPU s", "% of a core", "ms a request", "MiB")
    print(table(head, [(name, *side.values()) for name, side in sides.items()]))
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
    before, began = [cpu_seconds(pid) for pid in pids], time.monotonic()
    while time.monotonic() - began < seconds:
        for client, times in zip(clients, took, strict=True):
            for what in ASKED:
                asked = time.perf_counter()
                client.get(BASE + what).raise_for_status()
                times.append(1e3 * (time.perf_counter() - asked))
        time.sleep(PAUSE)
    passed = time.monotonic() - began
    used = [cpu_seconds(pid) - first for pid, first in zip(pids, before, strict=True)]
    return [
        {
            "cpu-seconds": round(cpu, 2), "percent": round(100.0 * cpu / passed, 1),
            "request-ms": round(statistics.median(times), 2), "resident-mib": round(resident(pid) / (1 << 20), 1),
        }
        for pid, cpu, times in zip(pids, used, took, strict=True)
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
