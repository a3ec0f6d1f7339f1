"""From wanted parts to CPU shares that the kernel takes.

Shares only matter in proportion to those of the siblings in the same parent cgroup.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from math import ceil

#: Shares in a plan stay in this range on every kind of host, and any two within this ratio: at 2
#: against 10000 a starved guest's QEMU could not answer libvirt for 40 s.
LOWEST = 2
HIGHEST = 10000
RATIO = 500

#: Shares that differ by less are left as they are.
WORTH_WRITING = 0.04
#: A server that sleeps may keep a weight that is too large by this part of it, or by this part of the largest one.
SPARE = 0.25
LITTLE = 0.005


def to_shares(parts: Mapping[str, float], busy: Iterable[str], scale: float, *, alone: bool) -> dict[str, int]:
    """Shares in proportion to `parts` (all positive), `scale` for a part of 1, as far as the limits allow.

    `alone`: no sibling keeps a weight of its own, so the scale is free and is raised where small
    shares would be rounded badly, and lowered where large ones would be too large. If not, one that is not `busy` gets
    less than its part before the busy ones get more than theirs.
    """
    counted = parts if alone else {uuid: parts[uuid] for uuid in busy}
    least, most = min(counted.values()), max(counted.values())
    if alone:
        if least * scale < 20:
            scale = max(scale, min(20 / least, HIGHEST / most))
        scale = min(scale, HIGHEST / most)
    ceiling = min(HIGHEST, max(round(min(HIGHEST, most * scale)), RATIO * max(LOWEST, round(least * scale))))
    shares = {uuid: round(min(ceiling, part * scale)) for uuid, part in parts.items()}
    floor = max(LOWEST, ceil(max(shares.values()) / RATIO))
    return {uuid: max(floor, value) for uuid, value in shares.items()}


def settle(in_force: Mapping[str, int], wanted: Mapping[str, int], busy: Container[str]) -> dict[str, int]:
    """The wanted shares; but those in force where they differ too little to be felt. For a server that is not `busy`,
    and is to have less, that is more. The limits hold among what comes out, too."""
    little = LITTLE * max(wanted.values())
    settled = {
        uuid: min(HIGHEST, _settled(in_force[uuid], new, None if uuid in busy else little))
        for uuid, new in wanted.items()
    }
    floor = ceil(max(settled.values()) / RATIO)
    return {uuid: max(shares, floor) for uuid, shares in settled.items()}


def _settled(in_force: int, wanted: int, little: float | None) -> int:
    """`little`: by how much the weight of one that sleeps may be too large, be it small; None: it works."""
    band = max(1 if in_force >= 10 else 0, WORTH_WRITING * in_force)
    if little is not None and wanted < in_force:
        band = max(band, SPARE * in_force, little)
    return wanted if abs(wanted - in_force) > band else in_force


def share_by_weight(entries: Sequence[tuple[float, float]], capacity: float) -> list[float]:
    """What work-conserving scheduling gives: (weight, demand in CPUs) → CPUs (weighted max-min fairness)."""
    given = [0.0] * len(entries)
    hungry = set(range(len(entries)))
    left = capacity
    while hungry and left > 1e-9:
        unit = left / sum(entries[i][0] for i in hungry)
        full = {i for i in hungry if entries[i][0] * unit >= entries[i][1] - 1e-12}
        if not full:
            for i in hungry:
                given[i] = entries[i][0] * unit
            break
        for i in full:
            given[i] = entries[i][1]
            left -= entries[i][1]
        hungry -= full
    return given
