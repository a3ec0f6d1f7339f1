"""What `bench.memory` makes of its seconds: what the host holds, what guests lack, what fixed sizes would have done."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bench.report import table
from hpm.memory.standing import reserve

MIB = 2**20


class GuestSecond(NamedTuple):
    """One guest in one second, in MiB: what the host holds of its QEMU, what its balloon leaves it, and what it uses by
    its newest report; pages that it swapped, and major faults, since it started."""

    resident: float
    size: float
    used: float
    swapped: int
    faults: int


class Second(NamedTuple):
    """All guests, so many seconds after their loads began. `held`: what the host holds of them in all; `shared`: what
    it saves by having merged equal pages; in MiB."""

    at: float
    held: float
    guests: Sequence[GuestSecond]
    shared: float = 0.0


class Move(NamedTuple):
    """A balloon that was moved: so many seconds after the loads began, whose, why, and from and to how much (MiB)."""

    at: float
    guest: str
    cause: str
    before: int
    after: int


class Side(NamedTuple):
    """The seconds of one way to manage memory, and the balloons that were moved, also before them; `died`: guests that
    ran out of memory; `limit`: what all of them together could take, in MiB (None: there was no limit)."""

    name: str
    seconds: Sequence[Second]
    moved: Sequence[Move]
    died: Sequence[str]
    limit: float | None = None


def kept(used: float, maximum: float) -> float:
    """The reserve that hpm leaves a guest, in MiB."""
    return reserve(int(used * MIB), int(maximum * MIB)) / MIB


def in_distress(size: float, used: float, maximum: float) -> bool:
    """Whether a guest of this size has less than half of its reserve usable; hpm's own mark."""
    return 2 * (size - used) < kept(used, maximum)


def seconds_in_distress(side: Side, maximum: float) -> list[int]:
    """Of each guest."""
    each = zip(*(second.guests for second in side.seconds), strict=True)
    return [sum(in_distress(one.size, one.used, maximum) for one in guest) for guest in each]


def uses(side: Side) -> list[list[float]]:
    """What each guest used, second by second."""
    return [[one.used for one in guest] for guest in zip(*(second.guests for second in side.seconds), strict=True)]


def for_peak(used: Sequence[float], maximum: float) -> int:
    """The size of a guest that always keeps its whole reserve, in MiB."""
    return _whole(max(each + kept(each, maximum) for each in used), maximum)


def for_mean(used: Sequence[float], maximum: float) -> int:
    """The size of a guest that has its reserve when it uses what it uses in the mean."""
    mean = statistics.fmean(used)
    return _whole(mean + kept(mean, maximum), maximum)


def for_distress(used: Sequence[float], maximum: float, seconds: int, least: float) -> int:
    """The smallest size with which a guest is in distress in so many seconds at most, and always has `least` usable."""
    marks = sorted((each + kept(each, maximum) / 2 for each in used), reverse=True)
    mark = marks[seconds] if seconds < len(marks) else 0.0
    return _whole(max(mark, max(used) + least), maximum)


def _whole(size: float, maximum: float) -> int:
    return int(min(-(-size // 1), maximum))


def lacking(used: Sequence[float], size: float) -> tuple[float, int]:
    """How much more a guest would use than this size at most (MiB), and for how many seconds it would use more."""
    return max(0.0, max(used) - size), sum(each > size for each in used)


def figures_of(sides: Sequence[Side], maximum: float) -> dict[str, Any]:
    """Of each side; the first is the one without management, that the others are compared with."""
    base = statistics.fmean(second.held for second in sides[0].seconds)
    made = {side.name: _figures(side, maximum, base) for side in sides}
    for name, figures in made.items():
        ratio = figures["freed"]["mean"] / made["fixed"]["freed"]["mean"]
        figures["to-fixed"] = None if name == sides[0].name or figures["died"] else round(ratio, 3)
    return made


def _figures(side: Side, maximum: float, base: float) -> dict[str, Any]:
    held = [second.held for second in side.seconds]
    need = [sum(one.used for one in second.guests) for second in side.seconds]
    freed = [base - each for each in held]
    first, last = side.seconds[0], side.seconds[-1]
    each = list(zip(*(second.guests for second in side.seconds), strict=True))
    moves = sum(first.at <= move.at <= last.at for move in side.moved)
    usable = [min(one.size - one.used for one in guest) for guest in each]
    return {
        "held": {"mean": round(statistics.fmean(held), 1), "max": round(max(held), 1)},
        "resident": round(statistics.fmean(sum(one.resident for one in second.guests) for second in side.seconds), 1),
        "sizes": {
            "mean": round(statistics.fmean(sum(one.size for one in second.guests) for second in side.seconds), 1),
            "max": round(max(sum(one.size for one in second.guests) for second in side.seconds), 1),
        },
        "used": {"mean": round(statistics.fmean(need), 1), "max": round(max(need), 1)},
        "freed": {
            "mean": round(statistics.fmean(freed), 1), "percent": round(100 * statistics.fmean(freed) / base, 1),
            "at-greatest-need": round(freed[need.index(max(need))], 1), "least": round(min(freed), 1),
        },
        "shared": round(statistics.fmean(second.shared for second in side.seconds), 1),
        "distress": seconds_in_distress(side, maximum),
        "least-usable": [round(one, 1) for one in usable],
        "swapped": [now.swapped - then.swapped for now, then in zip(last.guests, first.guests, strict=True)],
        "faults": [now.faults - then.faults for now, then in zip(last.guests, first.guests, strict=True)],
        "moves-a-minute": round(60 * moves / max(last.at - first.at, 1.0), 1),
        "moved": [list(move) for move in side.moved],
        "died": list(side.died),
        "limit": None if side.limit is None else round(side.limit, 1),
        "seconds": [
            [round(second.at, 1), round(second.held), *(number for one in second.guests
                                                       for number in (round(one.size), round(one.used)))]
            for second in side.seconds
        ],
    }  # fmt: skip


def text_of(figures: Mapping[str, Any]) -> str:
    """For people."""
    head = ("side, MiB", "held", "at most", "sizes", "used", "freed", "%", "shared", "in greatest need", "least",
            "distress s", "least usable", "moves/min", "freed : fixed")  # fmt: skip
    rows = [
        (name, f["held"]["mean"], f["held"]["max"], f["sizes"]["mean"], f["used"]["mean"], f["freed"]["mean"],
         f["freed"]["percent"], f["shared"], f["freed"]["at-greatest-need"], f["freed"]["least"], sum(f["distress"]),
         min(f["least-usable"]), f["moves-a-minute"], f["to-fixed"] or "")
        for name, f in figures.items()
    ]  # fmt: skip
    return table(head, rows)
