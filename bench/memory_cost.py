"""What planning memory costs.

    python -m bench.memory_cost [--sizes 100,1000,10000] [--rounds 15]

Guests of 2 to 16 GiB and all five importances on a host of their size; a third of them uses nearly all that it has.
What is timed is CPU time (`time.process_time`) of one call of the planner, Python's garbage collector on:

- *first*: nothing is known yet, and memory is enough;
- *relaxed*: the same, an interval later;
- *pressure*: the host lacks memory, and many guests give some;
- *pressed*: an interval later, with those under way;
- *distress*: the host has nearly none, and the third that uses nearly all is in distress;
- *ksm*: planning KSM in the state *pressure*.

**How to read it**: the bar is 50 ms for 10,000 guests, in each state. Compare medians; maxima are mostly what else the
machine did. *changed* is the number of guests whose memory changes.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from bench.report import Circumstances, table, write_report
from hpm.memory.ksm import KsmMemory, plan_ksm
from hpm.memory.plan import MemoryMemory, MemoryPlan
from hpm.memory.planner import plan
from hpm.memory.state import GuestMemory, HostMemory, KsmState, MemoryView
from hpm.policy.goals import IMPORTANCES

GIB = 2**30
SECOND = 10**9
BAR_MS, BAR_GUESTS = 50.0, 10_000


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", default="100,1000,10000", help="numbers of guests (%(default)s)")
    parser.add_argument("--rounds", type=int, default=15, help="calls of each kind (%(default)s)")
    options = parser.parse_args(arguments)
    circumstances = Circumstances()
    rows = [row for size in options.sizes.split(",") if size for row in _measured(int(size), options.rounds)]
    print(f"CPU time of one call in ms, median (max) of {options.rounds}")
    print(table(
        ("state", "guests", "ms", "max", "changed", "within the bar"),
        [
            (r["state"], r["guests"], f"{r['ms']:.2f}", f"{r['max-ms']:.2f}", r["changed"], r["within-bar"] or "")
            for r in rows
        ],
    ))  # fmt: skip
    print(f"report: {write_report('memory-cost', {'rows': rows}, circumstances)}")
    return 0


def _measured(size: int, rounds: int) -> list[dict[str, Any]]:
    relaxed = _view(size, 0.3, tight=False)
    known = plan(relaxed, MemoryMemory()).memory
    later = msgspec.structs.replace(relaxed, time_ns=relaxed.time_ns + 10 * SECOND)
    short = _view(size, 2e-5, tight=False)
    tight = _view(size, 1e-5, tight=True)
    pressed = plan(short, known)
    calls: dict[str, Callable[[], MemoryPlan | None]] = {
        "first": lambda: plan(relaxed, MemoryMemory()),
        "relaxed": lambda: plan(later, known),
        "pressure": lambda: plan(short, known),
        "pressed": lambda: plan(msgspec.structs.replace(short, time_ns=short.time_ns + 10 * SECOND), pressed.memory),
        "distress": lambda: plan(tight, known),
        "ksm": lambda: plan_ksm(short, KsmMemory()) and None,
    }
    return [_row(state, size, call, rounds) for state, call in calls.items()]


def _row(state: str, size: int, call: Callable[[], MemoryPlan | None], rounds: int) -> dict[str, Any]:
    costs = []
    for _ in range(rounds):
        begun = time.process_time()
        made = call()
        costs.append((time.process_time() - begun) * 1e3)
    median = statistics.median(costs)
    changed = len(made.changes) if made is not None else 0
    bar = None if size != BAR_GUESTS else "yes" if median <= BAR_MS else "no"
    return {"state": state, "guests": size, "ms": median, "max-ms": max(costs), "changed": changed, "within-bar": bar}


def _view(size: int, available: float, *, tight: bool) -> MemoryView:
    """A host with so many guests, of which a part is available; `tight`: some are in distress."""
    drawn = random.Random(size)
    guests = {}
    for number in range(size):
        maximum = drawn.choice((2, 4, 8, 16)) * GIB
        part = drawn.uniform(0.2, 0.8)
        if number % 3 == 0:
            part = drawn.uniform(0.95, 0.999) if tight else 0.85
        used = int(maximum * part)
        guests[f"g{number}"] = GuestMemory(
            f"g{number}", "1", f"g{number}", drawn.choice(IMPORTANCES), maximum, 2 * maximum, maximum // 8, used,
            1000 * SECOND, resident=maximum,
        )  # fmt: skip
    total = int(sum(g.current for g in guests.values()) / 0.69)
    host = HostMemory(total, int(available * total), 0.0, 0.0)
    return MemoryView(1000 * SECOND + SECOND, 10.0, host, guests, KsmState(0, 100, 20, 1))


if __name__ == "__main__":
    sys.exit(main())
