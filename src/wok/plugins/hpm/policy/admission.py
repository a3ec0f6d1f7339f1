"""Admission control: does one more start break what others are entitled to?

A reserve is a promise that holds whatever the goals say. Promises can be kept only while they fit into what there is:
in the host's CPUs, and within the reserve of each partition on the way (a partition's reserve is for those in it, so
theirs come out of it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from .partitions import ROOT, lineage, parent_of


class Claim(msgspec.Struct, frozen=True):
    """A virtual server's reserve: CPUs (0: none), and the partition that it stands in, or is to stand in."""

    name: str
    reserve: float
    partition: str = ROOT


class Admission(msgspec.Struct, frozen=True):
    """Whether a start can be admitted, and the numbers in words."""

    admitted: bool
    why: str


def admit(
    starting: Claim, running: Sequence[Claim], reserves: Mapping[str, float], capacity: float,
    stopped: Sequence[Claim] = (),
) -> Admission:  # fmt: skip
    """Decide on a start.

    `running` are the claims of the servers that run, `reserves` those of partitions by path, `capacity` the CPUs that
    there are for all. `stopped` are servers that do not run and are to be counted as if they did (their members may
    want to start at any time); none: only what runs counts.
    """
    if starting.reserve <= 0.0:
        return Admission(True, f"{starting.name} has no reserve: its start takes nothing that others are entitled to")
    others = [claim for claim in (*running, *stopped) if claim.name != starting.name]
    counted = f", {len(stopped)} stopped ones counted" if stopped else ""
    for path in lineage(starting.partition):
        limit = capacity if path == ROOT else reserves.get(path)
        if limit is None:
            continue
        taken = entitled(path, others, reserves)
        needed = entitled(path, [*others, starting], reserves)
        where = "this host" if path == ROOT else f"the reserve of the partition {path}"
        if needed > limit + 1e-9:
            return Admission(False, (
                f"{starting.name} has a reserve of {starting.reserve:g} CPUs; {where} has {limit:g} CPUs, of which"
                f" {taken:g} are reserved already{counted}: {needed - limit:g} CPUs too many"
            ))  # fmt: skip
        if path != ROOT:    # it comes out of what the partition has, which is counted as a whole further up
            return Admission(True, (
                f"{starting.name} has a reserve of {starting.reserve:g} CPUs; with it, {needed:g} of the {limit:g} CPUs"
                f" in {where} are taken{counted}"
            ))  # fmt: skip
    total = entitled(ROOT, [*others, starting], reserves)
    return Admission(True, (
        f"{starting.name} has a reserve of {starting.reserve:g} CPUs; with it, {total:g} of this host's {capacity:g}"
        f" CPUs are reserved{counted}"
    ))  # fmt: skip


def entitled(path: str, claims: Iterable[Claim], reserves: Mapping[str, float]) -> float:
    """CPUs that those in a partition are entitled to: reserves of its own servers, and of the partitions in it, each of
    which has its own reserve, or what those in it have where it has none."""
    inside = [claim for claim in claims if path in lineage(claim.partition)]
    known = {above for claim in inside for above in lineage(claim.partition)}
    known |= {above for one in reserves for above in lineage(one) if path in lineage(above)}
    total = sum(claim.reserve for claim in inside if claim.partition == path)
    for child in known:
        if parent_of(child) == path:
            own = reserves.get(child)
            total += entitled(child, inside, reserves) if own is None else own
    return total
