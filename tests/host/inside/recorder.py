"""Runs in the machine: reads nested guests' counters and weights at fixed times, one JSON object a line.

    recorder.py SECONDS NAME...    a reading every SECONDS until it is ended; 0: one reading

A reading: {"time": CLOCK_MONOTONIC, "busy": seconds of CPU that everything used since boot, "guests":
{name: {"using", "delay": seconds of all its vCPUs since its start, "weight": cpu.weight}}}. The vCPUs are those
that there were at the beginning.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from tests.lab.guest import Guest

TICKS = os.sysconf("SC_CLK_TCK")


class Files:
    """One guest's files, kept open: on emulated CPUs, looking for them would take longer than reading them."""

    def __init__(self, name: str) -> None:
        guest = Guest(name, "", Path(), lambda: None)
        self.name = name
        self._counters = [os.open(f"/proc/{guest.pid}/task/{tid}/schedstat", os.O_RDONLY) for tid in guest.vcpu_tids()]
        self._weight = os.open(guest.cgroup / "cpu.weight", os.O_RDONLY)

    def read(self) -> dict[str, float]:
        """Its part of a reading; raises OSError if it has ended."""
        counters = [os.pread(file, 128, 0).split() for file in self._counters]
        return {
            "using": sum(int(fields[0]) for fields in counters) / 1e9,
            "delay": sum(int(fields[1]) for fields in counters) / 1e9,
            "weight": int(os.pread(self._weight, 32, 0)),
        }


def reading(guests: list[Files], stat: int) -> dict[str, Any]:
    """One reading of all guests; `stat` is /proc/stat. Raises OSError if one has ended."""
    shown = {guest.name: guest.read() for guest in guests}
    # cpu, user (guests too), nice, system, idle, iowait, irq, softirq (proc(5))
    ticks = [int(field) for field in os.pread(stat, 256, 0).split(b"\n", 1)[0].split()[1:8]]
    return {"time": time.monotonic(), "busy": (sum(ticks[:3]) + sum(ticks[5:])) / TICKS, "guests": shown}


def main(words: list[str]) -> None:
    seconds = float(words[0])
    guests = [Files(name) for name in words[1:]]
    stat = os.open("/proc/stat", os.O_RDONLY)
    due = time.monotonic()
    while True:
        print(json.dumps(reading(guests, stat)), flush=True)
        if not seconds:
            return
        due += seconds
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main(sys.argv[1:])
