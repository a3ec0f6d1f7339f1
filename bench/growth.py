"""How fast the use of a guest may grow that hpm has taken memory from, and that never used as much before.

    python -m bench.growth [--rates 1 2 4 8] [--intervals 3 10] [--growth 80]

Four Linux guests of the lab of 256 MiB, without swap, that have touched most of their memory. Their cgroup is limited,
nearer and nearer, so that all of them give down to their floors. Then the use of the least important one grows, by so
many MiB a second, to 80 MiB more than it ever was; what it gets comes from what the host has left. Each line is a run
of its own: new guests, a new `hpm serve`, that interval.

Told: whether the guest lived (without swap its kernel ends programs when it finds no page); the seconds from the begin
of growth to the first balloon that was moved for it; the least that its driver told as usable; and for how many seconds
less than half of its reserve was. Looked at four times a second; a report is of every two seconds.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.memory import GUESTS, MEMORY, TOUCHED, ran_out
from bench.memory_figures import MIB
from bench.report import Circumstances, table, write_report
from hpm.memory.standing import reserve
from tests.lab import Guest, Lab
from tests.lab.errors import LabBusyError, LabError, wait_until
from tests.lab.machine_limit import MachineLimit
from tests.lab.requirements import missing
from tests.running import ManagerProcess
from tests.system.goals import put_in_a_group

#: MiB that each guest uses beside its kernel. Parts of the limit that are left while guests give, and when one grows.
ALWAYS = 20
SHORT, LEFT = 0.075, 0.13
#: Seconds from a guest's start until its use grows, and for which it is looked at after it has grown.
FIRST, AFTER = 90.0, 8.0
LAB_PATIENCE = 900.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rates", type=float, nargs="+", default=[1, 2, 4, 8], help="MiB a second (%(default)s)")
    parser.add_argument("--intervals", type=float, nargs="+", default=[3, 10], help="of hpm, in seconds (%(default)s)")
    parser.add_argument("--growth", type=int, default=80, help="MiB by which use grows (%(default)s)")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))    # so that guests and limit go then, too
    circumstances = Circumstances()
    if (reason := missing()) is not None:
        print(f"skipped: {reason}", file=sys.stderr)
        return 1
    try:
        with Lab(wait=LAB_PATIENCE) as lab:
            runs = [
                _run(lab, interval, rate, options.growth) for interval in options.intervals for rate in options.rates
            ]
    except (LabBusyError, LabError) as error:
        print(f"skipped: {error}", file=sys.stderr)
        return 1
    head = ("interval (s)", "MiB/s", "lived", "first help after (s)", "least usable (MiB)", "in distress (s)")
    print(table(head, [
        (one["interval"], one["rate"], "yes" if one["lived"] else "no", one["helped"], one["least"], one["distress"])
        for one in runs
    ]))  # fmt: skip
    report = write_report("growth", {"guests": MEMORY, "growth": options.growth, "runs": runs}, circumstances)
    print(f"report: {report}")
    return 0


def _run(lab: Lab, interval: float, rate: float, growth: int) -> dict[str, Any]:
    """One guest that grows under one `hpm serve`."""
    *_, (least, _) = GUESTS
    seconds = growth / rate
    grows = f"+swing:{growth},3600,3600,{FIRST:g},{seconds:g}"
    guests = {
        name: lab.linux(name, load=f"memory:{ALWAYS}+filled:{TOUCHED}{grows if name == least else ''}",
                        memory_mib=MEMORY)
        for name, _ in GUESTS
    }  # fmt: skip
    begin = time.monotonic() + FIRST
    limit = MachineLimit()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="hpm-bench-growth-") as directory,
            ManagerProcess(Path(directory), "qemu:///system", interval) as manager,
            manager.client() as client,
        ):
            for name, importance in GUESTS:
                put_in_a_group(client, name, importance, guests[name])
            client.set_management_levels({"memory-mgmt": "on"})
            wait_until(lambda: all(client.server(one.uuid).value.memory_management == "managed"
                                   for one in guests.values()), 60, "all guests are managed", 0.2)  # fmt: skip
            _press(limit, begin - 1.0)
            found = _watch(guests[least], begin, seconds)
    finally:
        limit.lift()
        dead = ran_out(list(guests.values()))
        for guest in guests.values():
            guest.destroy()
    print(f"interval {interval:g} s, {rate:g} MiB/s: {found}{', dead' if dead else ''}", flush=True)
    return {"interval": interval, "rate": rate, "lived": not dead, **found}


def _press(limit: MachineLimit, until: float) -> None:
    """Keep the host short of memory until then, so that all guests come to their floors; and leave it short still, with
    enough for the growth of one."""
    while time.monotonic() < until:
        limit.leave(SHORT)
        time.sleep(1.0)
    limit.leave(LEFT)


def _watch(guest: Guest, begin: float, seconds: float) -> dict[str, Any]:
    """What the guest has while it grows, and how soon it gets more."""
    time.sleep(max(0.0, begin - time.monotonic()))
    stats = guest.domain.memoryStats()
    had = stats["actual"]
    least, helped, distress, told = stats["usable"], None, 0.0, stats["last_update"]
    half = reserve((had - least) * 1024, MEMORY * MIB) / 2 / 1024
    before = time.monotonic()
    while (now := time.monotonic()) < begin + seconds + AFTER:
        stats = guest.domain.memoryStats()
        if stats["actual"] > had + 1024 and helped is None:
            helped = round(now - begin, 1)
        if stats["last_update"] != told:
            told, least = stats["last_update"], min(least, stats["usable"])
        if stats["usable"] < half:
            distress += now - before
        before = now
        time.sleep(0.25)
    return {
        "had": round(had / 1024, 1), "got": round(stats["actual"] / 1024, 1), "helped": helped,
        "least": round(least / 1024, 1), "distress": round(distress, 1),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
