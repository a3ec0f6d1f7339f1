"""Partitions that compete as wholes: one that CPUs are reserved for gets the weight that it needs for them.

A weight counts against those who stand beside it in the same parent: servers, and other partitions. So where something
is reserved for one of these partitions, all of them are planned with the servers beside them, as if each were one
server that uses and waits for what all in it do together. Who was not named keeps its weight.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..backend.partitions.names import partition_of
from ..engine.plan import Candidate
from ..engine.windows import ServerWindow
from ..policy.assignment import Assignment
from ..policy.groups import DEFAULT_GROUP
from ..policy.partitions import lineage, parent_of
from .actuator import Actuator
from .snapshot import Snapshot


def competitors(snapshot: Snapshot, actuator: Actuator) -> dict[str, Candidate]:
    """The partitions that stand beside one which something is reserved for, that one included, by path."""
    sample, defined = snapshot.sample, snapshot.catalog.partitions
    reserves = {
        path: one.reserve for path, one in defined.items()
        if one.reserve is not None and path in sample.partition_shares
    }  # fmt: skip
    if not reserves or snapshot.window is None:
        return {}
    parents = {parent_of(path) for path in reserves}
    keys: dict[str | None, str] = {}
    inside: dict[str, list[ServerWindow]] = {}
    for uuid, server in sample.samples.items():
        place, window = partition_of(server.parent), snapshot.window.servers.get(uuid)
        if place is None:
            continue
        keys.setdefault(place, server.parent)
        if window is not None:
            for path in lineage(place):
                inside.setdefault(path, []).append(window)
    known = actuator.partitions(sample.partition_shares)
    found: dict[str, Candidate] = {}
    for path, shares in sample.partition_shares.items():
        above = parent_of(path)
        if above is None or above not in parents:
            continue
        state, entry = snapshot.partitions.get(path), known.get(path)
        held = entry is not None and entry.held
        found[path] = Candidate(
            path, sample.boot, keys.get(above, above), shares,
            shares if entry is None or held else int(entry.original),
            together(path, inside.get(path, ())), Assignment(DEFAULT_GROUP, False, reserves.get(path), None),
            "changed-by-administrator" if held else None if path in reserves else "no-policy",
            None if state is None else state.parameters.cpu.cap,
        )  # fmt: skip
    return found


def together(path: str, windows: Sequence[ServerWindow]) -> ServerWindow | None:
    """What all servers in a partition did, as one; None: there are none. It is busy if one of them is."""
    if not windows:
        return None
    working = [one for one in windows if one.activity == "busy"]
    return ServerWindow(
        path, "busy" if working else "idle", sum(one.vcpus for one in windows),
        sum(one.active for one in working), sum(one.using for one in windows), sum(one.delay for one in windows),
        sum(one.throttled for one in windows),
    )  # fmt: skip
