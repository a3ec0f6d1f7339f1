"""Admission control: does one more start break what others are entitled to?

A reserve is a promise that holds whatever the goals say. Promises can be kept only while they fit into what there is:
in the host's CPUs, and within the reserve of each partition on the way (a partition's reserve is for those in it, so
theirs come out of it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ..errors import InvalidValue
from .partitions import ROOT, lineage, parent_of

#: Reserves that are told one by one where they do not fit.
_TOLD = 5


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
    counted = ", stopped ones counted" if any(claim.name != starting.name for claim in stopped) else ""
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
    return entitlements(claims, reserves).get(path, 0.0)


def entitlements(claims: Iterable[Claim], reserves: Mapping[str, float]) -> Mapping[str, float]:
    """The same of each partition in which anybody is entitled to anything, by path."""
    found: dict[str, float] = {}
    for claim in claims:
        found[claim.partition] = found.get(claim.partition, 0.0) + claim.reserve
    known = {above for path in (*found, *reserves) for above in lineage(path)}
    for path in sorted(known, key=lambda path: -path.count("/")):    # those in it come first
        above = parent_of(path)
        if above is not None:
            own = reserves.get(path)
            found[above] = found.get(above, 0.0) + (found.get(path, 0.0) if own is None else own)
    return found


def excess(claims: Iterable[Claim], reserves: Mapping[str, float], capacity: float) -> Mapping[str, float]:
    """CPUs that too many are reserved in the host (the root) and in each partition with a reserve, by path; negative:
    so many are left."""
    needed = entitlements(claims, reserves)
    return {path: needed.get(path, 0.0) - limit for path, limit in {ROOT: capacity, **reserves}.items()}


def check_fit(
    claims: Sequence[Claim], reserves: Mapping[str, float], capacity: float, before: Mapping[str, float], field: str
) -> None:
    """Raise `InvalidValue` with the numbers where more is reserved than there is; but not where there was such an
    excess already (`before`, as `excess` has it), and it does not grow. `field` is what would have to be less."""
    limits = {ROOT: capacity, **reserves}
    for path, over in sorted(excess(claims, reserves, capacity).items(), key=lambda one: -one[0].count("/")):
        if over <= 1e-9 or over <= before.get(path, 0.0) + 1e-9:
            continue
        parts = {claim.name: claim.reserve for claim in claims if claim.partition == path}
        found = {**entitlements(claims, reserves), **reserves}
        parts |= {f"the partition {one}": cpus for one, cpus in found.items() if parent_of(one) == path and cpus}
        largest = sorted(parts.items(), key=lambda one: (-one[1], one[0]))
        told = ", ".join(f"{name} {cpus:g}" for name, cpus in largest[:_TOLD])
        more = f" and {len(largest) - _TOLD} more" if len(largest) > _TOLD else ""
        where = "this host has" if path == ROOT else f"the partition {path} has a reserve of"
        raise InvalidValue(
            f"{where} {limits[path]:g} CPUs, and those in it would have {limits[path] + over:g} reserved: {told}{more};"
            f" {over:g} CPUs too many", field,
        )  # fmt: skip
