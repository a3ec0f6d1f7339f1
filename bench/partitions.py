"""What the depth of partitions costs: scheduling latency, and work.

    python -m bench.partitions [--rounds 7] [--deepest 6] [--seconds 1.0]

Real cgroups of the cpu controller, one in the other, 1 to 6 deep; depth 1 is where libvirt's guests stand without any
partition of their own (`machine/` and the guest's). In the innermost, on one CPU:

- *switch*: two processes wake each other through pipes, as fast as they can. Microseconds of CPU time (schedstat) of
  one wake-up and switch, of which each level has its part: the kernel picks at each level, and puts back at each.
- *delay*: a process sleeps for 1 ms again and again, while two others, in a cgroup beside it at the same depth, work
  all the time. Microseconds that it waited for the CPU each time it woke (schedstat).
- *work*: the loops that the two did meanwhile, in millions a second of CPU time that they had.

Depths take turns within each round, and figures are medians of the rounds, so that what else happens on the machine
meets all of them. Needs root.

**How to read it**: compare with depth 1, the first row. A level is worth what it brings if its part of a switch is
small beside what a guest does between two switches (milliseconds).
"""

from __future__ import annotations

import argparse
import contextlib
import mmap
import os
import signal
import statistics
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.report import Circumstances, table, write_report
from hpm.backend.cgroups import Mount, find_mount

NAME = "hpm-bench-depth"
CPU = 0
NAP = 0.001
_LOOP = 1000


class Depth:
    """Cgroups one in the other, and two innermost ones beside each other: `inner` and `beside`."""

    def __init__(self, mount: Mount, depth: int) -> None:
        self._mount = mount
        place = mount.path / f"{NAME}-{depth}"
        self._made = [place]
        for _ in range(depth - 1):
            self._made.append(self._made[-1] / "level")
        above = self._made[-1]
        self.inner, self.beside = above / "inner", above / "beside"
        self._made += [self.inner, self.beside]

    def make(self) -> None:
        """Make them; what a killed predecessor left is used."""
        if self._mount.version == 2:
            (self._mount.path / "cgroup.subtree_control").write_text("+cpu")
        for place in self._made:
            place.mkdir(exist_ok=True)
            if self._mount.version == 2 and place not in (self.inner, self.beside):
                (place / "cgroup.subtree_control").write_text("+cpu")

    def remove(self) -> None:
        """Remove them, once nobody is in them."""
        for place in reversed(self._made):
            for _ in range(100):
                try:
                    place.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:    # a process that has ended is let go of a moment later
                    time.sleep(0.02)


def enter(place: Path) -> None:
    """Put this process there, on the one CPU."""
    (place / "cgroup.procs").write_text(str(os.getpid()))
    os.sched_setaffinity(0, {CPU})


@contextlib.contextmanager
def child(place: Path, work: Callable[[], object]) -> Iterator[int]:
    """A process in a cgroup that works until the end of the block; gives its pid."""
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(ready)
            enter(place)
            os.write(told, b"r")
            work()
        finally:
            os._exit(1)
    os.close(told)
    try:
        if os.read(ready, 1) != b"r":
            raise RuntimeError(f"a process could not be put into {place}")
        yield pid
    finally:
        os.close(ready)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def switching(depth: Depth, seconds: float) -> float:
    """Microseconds of CPU time of one wake-up and switch: others on this CPU do not count."""
    to, back = os.pipe(), os.pipe()
    counted = mmap.mmap(-1, 8)

    def answer() -> None:
        while os.read(to[0], 1):
            os.write(back[1], b"x")

    def ask() -> None:
        rounds = 0
        while True:
            os.write(to[1], b"x")
            os.read(back[0], 1)
            rounds += 1
            counted[:] = struct.pack("q", rounds)

    with child(depth.inner, answer) as one, child(depth.inner, ask) as other:
        time.sleep(seconds / 10)
        before, ran = number(counted), schedstat(one)[0] + schedstat(other)[0]
        time.sleep(seconds)
        after, took = number(counted), schedstat(one)[0] + schedstat(other)[0] - ran
    for end in (*to, *back):
        os.close(end)
    return took / 1e3 / (2 * (after - before))


def waking(depth: Depth, seconds: float) -> tuple[float, float]:
    """Microseconds of delay of one wake-up among processes that work, and millions of loops that these do in a second
    of CPU time."""
    counted = [mmap.mmap(-1, 8) for _ in range(2)]

    def nap() -> None:
        while True:
            time.sleep(NAP)

    def spin(count: mmap.mmap) -> None:
        done = 0
        while True:
            for _ in range(_LOOP):
                done += 1
            count[:] = struct.pack("q", done)

    with contextlib.ExitStack() as stack:
        spinners = [
            stack.enter_context(child(depth.beside, lambda count=one: spin(count))) for one in counted  # type: ignore[misc]
        ]
        sleeper = stack.enter_context(child(depth.inner, nap))
        time.sleep(seconds / 10)
        before, loops = [schedstat(pid) for pid in (sleeper, *spinners)], sum(map(number, counted))
        time.sleep(seconds)
        after, done = [schedstat(pid) for pid in (sleeper, *spinners)], sum(map(number, counted)) - loops
    _, delay, turns = (now - then for now, then in zip(after[0], before[0], strict=True))
    ran = sum(now[0] - then[0] for now, then in zip(after[1:], before[1:], strict=True))
    return delay / 1e3 / max(1, turns), done * 1e3 / ran


def number(count: mmap.mmap) -> int:
    found: int = struct.unpack("q", count[:])[0]
    return found


def schedstat(pid: int) -> tuple[int, ...]:
    return tuple(map(int, Path(f"/proc/{pid}/schedstat").read_text().split()))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="turns of each depth (%(default)s)")
    parser.add_argument("--deepest", type=int, default=6, help="the deepest (%(default)s)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement (%(default)s)")
    options = parser.parse_args(arguments)
    mount = find_mount(Path("/"))
    if mount.version == 0 or os.geteuid() != 0:
        print("bench.partitions needs root, and a cgroup tree with the cpu controller", file=sys.stderr)
        return 2
    circumstances = Circumstances()
    depths = [Depth(mount, number) for number in range(1, options.deepest + 1)]
    seen: list[list[tuple[float, float, float]]] = [[] for _ in depths]
    try:
        for depth in depths:
            depth.make()
        for _ in range(options.rounds):
            for depth, figures in zip(depths, seen, strict=True):
                figures.append((switching(depth, options.seconds), *waking(depth, options.seconds)))
    finally:
        for depth in depths:
            depth.remove()
    rows = [row(number, figures, seen[0]) for number, figures in enumerate(seen, 1)]
    print(f"medians of {options.rounds} rounds (least to most)")
    print(table(
        ("depth", "switch µs", "", "of depth 1", "delay µs", "", "work M/s", "of depth 1"),
        [
            (r["depth"], f"{r['switch-us'][1]:.2f}", _span(r["switch-us"]), f"{r['switch-ratio']:.3f}",
             f"{r['delay-us'][1]:.0f}", _span(r["delay-us"]), f"{r['work'][1]:.2f}", f"{r['work-ratio']:.3f}")
            for r in rows
        ],
    ))  # fmt: skip
    print(f"report: {write_report('partitions', {'rounds': options.rounds, 'depths': rows}, circumstances)}")
    return 0


def row(depth: int, figures: Sequence[tuple[float, float, float]], first: Sequence[tuple[float, float, float]]) -> Any:
    """Least, median and most of each figure, and medians of the ratios to depth 1 in the same round."""
    switch, delay, work = ([one[index] for one in figures] for index in range(3))
    pairs = list(zip(figures, first, strict=True))
    return {
        "depth": depth,
        **{
            name: [min(values), statistics.median(values), max(values)]
            for name, values in (("switch-us", switch), ("delay-us", delay), ("work", work))
        },
        "switch-ratio": statistics.median(one[0] / base[0] for one, base in pairs),
        "work-ratio": statistics.median(one[2] / base[2] for one, base in pairs),
    }  # fmt: skip


def _span(values: Sequence[float]) -> str:
    return f"({values[0]:.1f}-{values[2]:.1f})"


if __name__ == "__main__":
    sys.exit(main())
