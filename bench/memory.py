"""How much memory hpm frees for a host, beside fixed balloons, and what guests suffer for it.

    python -m bench.memory [--seconds 120] [--settle 40] [--settle-hpm 215] [--watched 125] [--growth 10]

Four Linux guests of the lab, of 256 MiB and of different importance. The host holds nearly all memory of each, because
each has touched it once. What they use grows by 80 MiB, within ten seconds (or ``--growth``), stays and is freed, every
two minutes and by turns, so that the sum varies less than each. For each side they are started anew and do the same
at the same seconds, so that no side inherits anything:

- *none*: no management. What the guests use is known from here;
- *fixed*: a balloon for each guest that never moves: its greatest use, and the reserve that hpm would leave it;
- *hpm*: `hpm serve` with memory management on and an interval of 3 s. Since it takes nothing without need, the guests'
  cgroup is limited, step by step as they give, to the smallest size with which the host is not under pressure while
  all guests together use most: the greatest sum of use and reserves, what the QEMUs take themselves, and what hpm
  keeps available. Before, it watches the guests for a whole turn: what a guest used lately is not taken from it;
- *unmerged*: the same, with KSM left alone (`hpm settings --no-manage-ksm`): what its balloons free by themselves;
- *equal*: fixed balloons as small as they can be if each guest is to be in distress no longer than it was under hpm.

By mean use and reserve is told too, but not run where a guest would lack memory: it has no swap and would die.

Looked at every second: what the host holds of the guests (their cgroup's usage), balloons, and by the guests' reports
(every 2 s) what they use, swapping and major faults. *Distress* is counted in seconds, of all guests together, in which
a guest has less than half of its reserve usable; that is where hpm says so, too. A guest that runs out of memory is
named: it has no swap, so its kernel ends, and what it no longer holds is no gain.

**How to read it**: *freed* is what the host holds less than it does without management, all QEMUs' own memory included
on both sides. *fixed* needs to know the greatest use of each guest in advance, *equal* also to the second; hpm knows
neither. No two pages that guests fill are equal, so merging equal pages (KSM), which hpm does too, gains only what
their kernels have in common; *shared* tells it. *moved*: each balloon that hpm moved: the second, the guest, why, and
from how much to how much (MiB).
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bench import memory_figures
from bench.memory_figures import MIB, GuestSecond, Move, Second, Side, kept, uses
from bench.report import Circumstances, write_report
from hpm.client.rest import Client
from hpm.memory.pressure import watermarks
from hpm.wire.times import moment_of
from tests.lab import Guest, Lab
from tests.lab.errors import LabBusyError, LabError, wait_until
from tests.lab.machine_limit import MachineLimit
from tests.lab.requirements import missing
from tests.running import ManagerProcess
from tests.system.goals import put_in_a_group

GUESTS = (("gold", "highest"), ("silver", "high"), ("bronze", "low"), ("tin", "lowest"))
MEMORY = 256
#: What a guest uses beside its kernel, what comes and goes, and what it touches at the start, in MiB.
ALWAYS, SWING, TOUCHED = 20, 80, 150
#: Seconds from one growth to the next one; how long it is there at least, and in full; when the first guest grows.
PERIOD, ON_LEAST, HELD, FIRST = 120.0, 40.0, 10.0, 10.0
INTERVAL = 3.0
#: The limit comes nearer only while this part of it is left, and is raised below the other one, so that nobody dies.
STEP, NEVER = 0.06, 0.015
#: What fixed balloons leave a guest beyond its greatest use at least: with less, its kernel kills.
LEAST_USABLE = 8
LAB_PATIENCE = 900.0


class Span(NamedTuple):
    """Seconds from the begin of the loads: when what is measured begins, and how long it takes; and in how many
    seconds a guest's use grows."""

    settle: float
    seconds: float
    growth: float

    @property
    def on(self) -> float:
        """How long a guest uses more."""
        return max(ON_LEAST, self.growth + HELD)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=PERIOD, help="measured of each side (%(default)s)")
    parser.add_argument("--settle", type=float, default=40.0, help="seconds before that (%(default)s)")
    parser.add_argument("--settle-hpm", type=float, default=215.0, help="the same of hpm (%(default)s)")
    parser.add_argument("--watched", type=float, default=PERIOD + 5.0, help="seconds until memory gets short for hpm"
                        " (%(default)s): with the usual ones it has seen each guest use most")  # fmt: skip
    parser.add_argument("--growth", type=float, default=10.0, help="seconds in which use grows, to 100 (%(default)s)")
    parser.add_argument("--name", default="memory", help="of the report in build/bench/ (%(default)s)")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))    # so that guests and limit go then, too
    circumstances = Circumstances()
    if (reason := missing()) is not None:
        print(f"skipped: {reason}", file=sys.stderr)
        return 1
    try:
        with Lab(wait=LAB_PATIENCE) as lab, _limit() as limit:
            span = Span(options.settle, options.seconds, options.growth)
            longer = span._replace(settle=options.settle_hpm)
            figures = _compare(lab, limit, span, longer, options.watched)
    except (LabBusyError, LabError) as error:
        print(f"skipped: {error}", file=sys.stderr)
        return 1
    print(f"report: {write_report(options.name, figures, circumstances)}")
    return 0


@contextmanager
def _limit() -> Iterator[MachineLimit]:
    limit = MachineLimit()
    try:
        yield limit
    finally:
        limit.lift()


def _compare(lab: Lab, limit: MachineLimit, span: Span, longer: Span, watched: float) -> dict[str, Any]:
    none, beside = _side("none", lab, limit, span, lambda guests: None)
    used = uses(none)
    peak = [memory_figures.for_peak(one, MEMORY) for one in used]
    mean = [memory_figures.for_mean(one, MEMORY) for one in used]
    host = _smallest_host(none, beside)
    fixed, _ = _side("fixed", lab, limit, span, lambda guests: _set(guests, peak))
    hpm = _by_hpm("hpm", lab, limit, longer, host, watched)
    unmerged = _by_hpm("unmerged", lab, limit, longer, host, watched)
    # Of a guest that died nobody can tell how long it would have been in distress: then it is compared with none.
    distress = memory_figures.seconds_in_distress(hpm, MEMORY) if not hpm.died else [0] * len(GUESTS)
    equal = [
        memory_figures.for_distress(one, MEMORY, bad, LEAST_USABLE) for one, bad in zip(used, distress, strict=True)
    ]
    tight, _ = _side("equal", lab, limit, span, lambda guests: _set(guests, equal))
    sides = memory_figures.figures_of([none, fixed, hpm, unmerged, tight], MEMORY)
    print(memory_figures.text_of(sides), flush=True)
    lack = [memory_figures.lacking(one, size) for one, size in zip(used, mean, strict=True)]
    by_mean = {"sizes": mean, "lacks": [round(most, 1) for most, _ in lack], "seconds": [long for _, long in lack]}
    print(f"fixed {peak}, equal {equal}; by mean {mean}: would lack {by_mean['lacks']} MiB, {by_mean['seconds']} s")
    ratio = None if hpm.died else round(sides["hpm"]["freed"]["mean"] / sides["equal"]["freed"]["mean"], 3)
    if hpm.died:
        print(f"nothing to compare: under hpm ran out of memory: {', '.join(hpm.died)}")
    else:
        print(f"freed by hpm to freed by fixed: {sides['hpm']['to-fixed']}; at equal distress: {ratio}")
    return {
        "guests": [list(guest) for guest in GUESTS], "memory": MEMORY,
        "load": [ALWAYS, SWING, span.on, PERIOD - span.on, span.growth],
        "fixed": peak, "equal": equal, "by-mean": by_mean, "to-equal": ratio, "balloons": sides,
    }  # fmt: skip


# -- one side


def _side(
    name: str, lab: Lab, limit: MachineLimit, span: Span, begin: Callable[[list[Guest]], None]
) -> tuple[Side, float]:
    """Start guests, let `begin` do something to them, and look; also what the QEMUs take themselves (MiB)."""
    with _guests(lab, span) as (guests, began):
        begin(guests)
        seconds = [second for second in _seconds(guests, limit, began, span) if second.at >= span.settle]
        beside = limit.held() / MIB - sum(map(_ram_resident, guests))
        print(f"{name}: looked at for {span.seconds:g} s", flush=True)
        return Side(name, seconds, (), ran_out(guests)), beside


def _by_hpm(name: str, lab: Lab, limit: MachineLimit, span: Span, host: float, watched: float) -> Side:
    with (
        tempfile.TemporaryDirectory(prefix="hpm-bench-memory-") as directory,
        _guests(lab, span) as (guests, began),
        ManagerProcess(Path(directory), "qemu:///system", INTERVAL) as manager,
        manager.client() as client,
    ):
        for (group, importance), guest in zip(GUESTS, guests, strict=True):
            put_in_a_group(client, group, importance, guest)
        client.update_settings({"manage-ksm": name == "hpm"})
        client.set_management_levels({"memory-mgmt": "on"})
        wait_until(lambda: all(client.server(one.uuid).value.memory_management == "managed" for one in guests), 40,
                   "all guests are managed", 0.2)  # fmt: skip
        seconds, raised, now = [], 0, 0
        clock = time.time() - (time.monotonic() - began)
        for second in _seconds(guests, limit, began, span):
            if second.at < watched:
                continue
            now = limit.lower(int(host), STEP if now > host * 1.001 or not now else NEVER)
            if second.at < span.settle:
                continue
            raised += now > host * 1.001
            seconds.append(second)
        moved = _moved(client, clock)
        limit.lift()
        if raised:
            print(f"the limit of {host / MIB:.0f} MiB could not be kept in {raised} of {len(seconds)} s")
        return Side(name, seconds, moved, ran_out(guests), max(now, host) / MIB)


def _smallest_host(none: Side, beside: float) -> float:
    """Bytes: with so much there is no pressure while the guests together use most and all have their reserves."""
    need = max(sum(one.used + kept(one.used, MEMORY) for one in second.guests) for second in none.seconds)
    host = 0.0
    while host - watermarks(int(host)).aim < (need + beside) * MIB:
        host += MIB
    return host


@contextmanager
def _guests(lab: Lab, span: Span) -> Iterator[tuple[list[Guest], float]]:
    """Guests that begin their loads within a few seconds of each other; and when they did."""
    names = [name for name, _ in GUESTS]
    with ThreadPoolExecutor(len(names)) as pool:
        guests = list(pool.map(
            lambda name: lab.linux(name, load=_load(names.index(name), span), memory_mib=MEMORY), names
        ))  # fmt: skip
    try:
        yield guests, time.monotonic()
    finally:
        for guest in guests:
            guest.destroy()


def _load(number: int, span: Span) -> str:
    first = FIRST + number * PERIOD / len(GUESTS)
    return f"memory:{ALWAYS}+filled:{TOUCHED}+swing:{SWING},{span.on:g},{PERIOD - span.on:g},{first:g},{span.growth:g}"


def _seconds(guests: list[Guest], limit: MachineLimit, began: float, span: Span) -> Iterator[Second]:
    """Look at them every second."""
    used = [0.0] * len(guests)
    reports = [0] * len(guests)
    turn = 0
    while (at := time.monotonic() - began) < span.settle + span.seconds:
        looked = []
        for number, guest in enumerate(guests):
            stats = guest.domain.memoryStats()
            if stats.get("last_update", 0) != reports[number] and "usable" in stats:
                # A report is up to 2 s old, so the balloon may have moved since; what is used has not thereby.
                reports[number] = stats["last_update"]
                used[number] = (stats["actual"] - stats["usable"]) / 1024
            looked.append(GuestSecond(
                stats["rss"] / 1024, stats["actual"] / 1024, used[number],
                (stats.get("swap_in", 0) + stats.get("swap_out", 0)) // 4, stats.get("major_fault", 0),
            ))  # fmt: skip
        yield Second(at, limit.held() / MIB, looked, _shared())
        turn = max(turn + 1, int(time.monotonic() - began) + 1)
        time.sleep(max(0.0, began + turn - time.monotonic()))


def _shared() -> float:
    """What is saved by merging equal pages now (MiB). While nobody merges, the kernel's figure is an old one."""
    folder = Path("/sys/kernel/mm/ksm")
    try:
        merging = (folder / "run").read_text().strip() == "1"
        return int((folder / "pages_sharing").read_text()) * 4096 / MIB if merging else 0.0
    except OSError:
        return 0.0


def _set(guests: list[Guest], sizes: Sequence[int]) -> None:
    for guest, size in zip(guests, sizes, strict=True):
        guest.domain.setMemory(size * 1024)


def ran_out(guests: list[Guest]) -> list[str]:
    """Guests that ran out of memory."""
    words = ("Out of memory", "oom-kill", "Kernel panic")
    return [guest.name for guest in guests if any(word in guest.console for word in words)]


def _ram_resident(guest: Guest) -> float:
    """What the host holds of a guest's own memory, without its QEMU (MiB)."""
    size, most = 0, 0
    for line in Path(f"/proc/{guest.pid}/smaps").read_text().splitlines():
        if line.startswith("Size:"):
            size = int(line.split()[1])
        elif line.startswith("Rss:") and size >= MEMORY * 1024:
            most = max(most, int(line.split()[1]))
    return most / 1024


# -- hpm


def _moved(client: Client, clock: float) -> list[Move]:
    """Each balloon that was moved, the oldest first. `clock`: when the loads began (unix)."""
    found = client.adjustments(limit=1000).value.dynamic_resource_adjustments
    return [
        Move(round(moment_of(one.time).timestamp() - clock, 1), guest.name,
             one.cause or "", guest.memory_before_mib or 0, guest.memory_after_mib or 0)
        for one in reversed(found) if one.resource == "memory" and one.outcome == "applied"
        for guest in (*one.donors, *one.receivers)
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
