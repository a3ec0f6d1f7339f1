"""What virtual servers are entitled to where they stand, and whether one more may start, or more be reserved
(`policy.admission`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from ..backend.partitions.names import partition_of
from ..policy.admission import Claim, admit, check_fit, excess
from ..policy.assignment import assign
from ..policy.catalog import Catalog
from ..policy.partitions import ROOT, is_partition
from ..wire.management import Admission
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


def over_reserved(snapshot: Snapshot, uuid: str, starting: Collection[str], whose: Admission) -> str | None:
    """Why a server must not start, with the numbers: what others are entitled to would no longer fit in. None: it may.
    `starting` are others that will run in a moment; `whose` reserves count."""
    info, reserve = snapshot.sample.infos[uuid], snapshot.assignments[uuid].cpu_reserve
    if reserve is None:
        return None
    claim = Claim(info.name, reserve, server_partition(snapshot, uuid) or ROOT)
    found = admit(
        claim, claims(snapshot, starting=starting), reserves(snapshot.catalog), float(snapshot.sample.cpus),
        claims(snapshot, stopped=True, starting=starting) if whose == "all" else (),
    )  # fmt: skip
    return None if found.admitted else found.why


def check_reserves(before: Catalog, after: Catalog, snapshot: Snapshot, whose: Admission) -> None:
    """Raise `InvalidValue` for a change of the catalog that reserves more than there is, beside what servers that run
    (or all) are entitled to. `snapshot` shows `before`."""
    if after is before or not _reserves_anything(after):
        return
    infos = snapshot.sample.infos
    counted = infos if whose == "all" else {uuid: infos[uuid] for uuid in snapshot.sample.samples if uuid in infos}
    assignments = {
        **snapshot.assignments, **{uuid: assign(after, uuid, info.facts) for uuid, info in counted.items()}
    }  # fmt: skip
    changed = msgspec.structs.replace(snapshot, catalog=after, assignments=assignments)
    capacity, said = float(snapshot.sample.cpus), reserves(after)
    now = excess(_counted(snapshot, whose), reserves(before), capacity)
    field = "cpu-reserve" if said == reserves(before) else "reserve"
    check_fit(_counted(changed, whose), said, capacity, now, field)


def _counted(snapshot: Snapshot, whose: Admission) -> list[Claim]:
    return [*claims(snapshot), *(claims(snapshot, stopped=True) if whose == "all" else ())]


def _reserves_anything(catalog: Catalog) -> bool:
    """Whether there is any reserve, so that it must be looked whether all fit in."""
    return bool(reserves(catalog)) or any(said.cpu_reserve is not None for said in catalog.servers.values()) or any(
        group.guest_policy.cpu_reserve is not None
        or (group.policy is not None and any(
            one.guest_policy.cpu_reserve is not None for one in group.policy.service_classes
        ))
        for group in catalog.groups.values()
    )  # fmt: skip
