"""Ids and URIs in requests."""

from __future__ import annotations

import re

from ..errors import HypervisorUnreachable, InvalidValue, NotFound
from ..manager.snapshot import Snapshot
from ..policy.groups import DEFAULT_GROUP
from ..wire.times import rfc3339
from ..wire.words import UUID

_UUID = re.compile(UUID)


def server_id(snapshot: Snapshot, reference: str, path: str = "") -> str:
    """The UUID that an id or URI of a virtual server names; `path` is the field it stands in ("": in the URI itself).

    Raises `InvalidValue` if a field is neither, `NotFound` if there is no such server, now or in a group, and
    `HypervisorUnreachable` where that cannot be known.
    """
    uuid = _last(reference, "virtual-servers", path)
    if not _UUID.fullmatch(uuid):
        if not path:
            raise NotFound(f"there is no virtual server with id {reference[:80]!r}; ids are UUIDs")
        raise InvalidValue(f"{reference[:80]!r} is neither the UUID nor the URI of a virtual server", path)
    if uuid not in snapshot.sample.infos and uuid not in snapshot.catalog.servers:
        if snapshot.problem is not None:
            raise HypervisorUnreachable(
                f"no virtual server with id {uuid} is known, and the hypervisor cannot be asked whether there is one by"
                f" now: {snapshot.problem}. What is known is of {rfc3339(snapshot.taken)}"
            )
        raise NotFound((f"{path}: " if path else "") + f"there is no virtual server with id {uuid}")
    return uuid


def present_server(snapshot: Snapshot, reference: str, path: str = "") -> str:
    """As `server_id`, of the servers that the host has now."""
    uuid = server_id(snapshot, reference, path)
    if uuid not in snapshot.sample.infos:
        where = f"{path}: " if path else ""
        raise NotFound(f"{where}the virtual server {uuid} is in a group, but this host does not have it now")
    return uuid


def group_id(snapshot: Snapshot, reference: str, path: str) -> str:
    """The id that an id or URI of a group in the field `path` names. Raises `InvalidValue` if it is neither,
    `NotFound` if there is no such group."""
    wanted = _last(reference, "workload-resource-groups", path)
    if wanted != DEFAULT_GROUP and not _UUID.fullmatch(wanted):
        raise InvalidValue(
            f"{reference[:80]!r} is neither the id (a UUID or default) nor the URI of a workload resource group", path
        )
    if wanted not in snapshot.catalog.groups:
        raise NotFound(f"{path}: there is no workload resource group with id {wanted!r}")
    return wanted


def _last(reference: str, collection: str, path: str) -> str:
    if "/" not in reference:
        return reference.lower()
    head, _, last = reference.rpartition("/")
    if not head.endswith(f"/{collection}"):
        raise InvalidValue(f"{reference[:80]!r} is not a URI below /{collection}/", path)
    return last.lower()
