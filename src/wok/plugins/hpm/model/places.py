"""Where virtual servers stand: their partitions, and those of them that stand elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..backend.partitions.names import partition_of
from ..manager.claims import server_partition
from ..manager.snapshot import Snapshot
from ..policy.cpu_sets import parse_cpus
from ..policy.partitions import ROOT, NumaParameters, Room, lineage


def room_of(snapshot: Snapshot) -> Room:
    """What there is for partitions: what the root may have, where that is known, else what the host has."""
    root = snapshot.partitions.get(ROOT)
    numa = NumaParameters() if root is None else root.parameters.numa
    return Room(
        parse_cpus(numa.cpus) if numa.cpus is not None else frozenset(range(snapshot.sample.cpus)),
        parse_cpus(numa.mems) if numa.mems is not None else frozenset(range(snapshot.sample.nodes)),
    )


def members_by_partition(snapshot: Snapshot) -> dict[str, list[str]]:
    """UUIDs of the servers that stand directly in each partition."""
    found: dict[str, list[str]] = {}
    for uuid, sample in snapshot.sample.samples.items():
        path = partition_of(sample.parent)
        if path is not None:
            found.setdefault(path, []).append(uuid)
    return found


def cpu_using(snapshot: Snapshot, path: str, members: Mapping[str, Sequence[str]]) -> float | None:
    """CPUs that the vCPUs of all servers in a partition, and in those in it, used over the last interval; None: not
    known. `members` are those of each partition."""
    if snapshot.window is None or path not in snapshot.partitions:
        return None
    windows = [
        snapshot.server_window(uuid) for one, uuids in members.items() if path in lineage(one) for uuid in uuids
    ]
    return sum(window.using for window in windows if window is not None)


def elsewhere(snapshot: Snapshot, path: str, uuids: Iterable[str]) -> list[str]:
    """Those of some servers that run and do not stand in a partition, or in one below it."""
    found = []
    for uuid in uuids:
        place = server_partition(snapshot, uuid) if uuid in snapshot.sample.samples else path
        if place is None or path not in lineage(place):
            found.append(uuid)
    return found
