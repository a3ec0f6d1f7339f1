"""What virtual servers are entitled to where they stand, and whether one more may start (`policy.admission`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..backend.partitions.names import partition_of
from ..policy.admission import Claim, admit
from ..policy.catalog import Catalog
from ..policy.partitions import ROOT, is_partition
from .snapshot import Snapshot


def server_partition(snapshot: Snapshot, uuid: str) -> str | None:
    """Where a server stands; or, while it does not run, is to stand as hpm or its definition says (the root where that
    names none that hpm could have). None: not known."""
    sample, info = snapshot.sample.samples.get(uuid), snapshot.sample.infos[uuid]
    if sample is not None:
        return partition_of(sample.parent)
    said = snapshot.catalog.partition_at_start(uuid) or info.partition
    return said if said is not None and is_partition(said) else ROOT


def claims(snapshot: Snapshot, *, stopped: bool = False, starting: Collection[str] = ()) -> list[Claim]:
    """The reserves of the servers that run, or are `starting`; or of the others."""
    running = snapshot.sample.samples
    return [
        Claim(info.name, reserve, server_partition(snapshot, uuid) or ROOT)
        for uuid, info in snapshot.sample.infos.items()
        if (uuid in running or uuid in starting) != stopped
        and (reserve := snapshot.assignments[uuid].cpu_reserve) is not None
    ]


def reserves(catalog: Catalog) -> Mapping[str, float]:
    """The reserves of partitions, by path."""
    return {path: one.reserve for path, one in catalog.partitions.items() if one.reserve is not None}


def over_reserved(snapshot: Snapshot, uuid: str, starting: Collection[str]) -> str | None:
    """Why a server must not start, with the numbers: what others are entitled to would no longer fit in. None: it may.
    `starting` are others that will run in a moment."""
    info, reserve = snapshot.sample.infos[uuid], snapshot.assignments[uuid].cpu_reserve
    if reserve is None:
        return None
    claim = Claim(info.name, reserve, server_partition(snapshot, uuid) or ROOT)
    found = admit(
        claim, claims(snapshot, starting=starting), reserves(snapshot.catalog), float(snapshot.sample.cpus)
    )
    return None if found.admitted else found.why
