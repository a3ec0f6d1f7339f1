"""Routes of partitions."""

from __future__ import annotations

from typing import Any

from ..errors import Conflict, InvalidValue, NotUnique
from ..manager.manager import Manager
from ..model.partitions import PartitionRequests
from ..policy.partitions import Group
from ..wire.partitions import (
    AffectQuery,
    BlkioChanges,
    BlkioState,
    CpuChanges,
    CpuState,
    MemoryChanges,
    MemoryState,
    NumaChanges,
    NumaState,
    PartitionAction,
    PartitionCreate,
    PartitionDetail,
    PartitionList,
    PartitionUpdate,
)
from .http_errors import Changed
from .route import Route

_PARTITION = "/partitions/{id}"


def partition_routes(manager: Manager) -> tuple[Route, ...]:
    """See `routes`."""
    partitions = PartitionRequests(manager)
    return (
        Route(
            "GET", "/partitions", "List partitions, as a tree", PartitionList, lambda r: partitions.list(r.base),
            kept=True,
        ),
        Route(
            "POST", "/partitions", "Define a partition, or create a transient one", PartitionDetail,
            lambda r: partitions.create(r.base, r.caller.user, r.body, r.check), body=PartitionCreate, status=201,
            refuses=(NotUnique, Conflict),
        ),
        Route(
            "GET", _PARTITION, "Get a partition", PartitionDetail, lambda r: partitions.get(r.base, r.names["id"]),
            kept=True,
        ),
        Route(
            "POST", _PARTITION, "Change what is said of a partition", PartitionDetail,
            lambda r: partitions.update(r.base, r.names["id"], r.caller.user, r.body, r.check), body=PartitionUpdate,
            refuses=(Conflict, Changed),
        ),
        Route(
            "POST", f"{_PARTITION}/actions", "Create, destroy or undefine a partition", PartitionDetail,
            lambda r: partitions.act(r.base, r.names["id"], r.caller.user, r.body, r.check), body=PartitionAction,
            refuses=(Conflict, Changed),
        ),
        *_of_group(partitions, "cpu", "CPU parameters", CpuState, CpuChanges),
        *_of_group(partitions, "blkio", "block-I/O parameters", BlkioState, BlkioChanges, NotUnique),
        *_of_group(partitions, "memory", "memory parameters", MemoryState, MemoryChanges),
        *_of_group(partitions, "numa", "CPUs and NUMA nodes", NumaState, NumaChanges),
    )  # fmt: skip


def _of_group(
    partitions: PartitionRequests, group: Group, what: str, state: Any, changes: Any, *more: type[InvalidValue]
) -> tuple[Route, Route]:
    path = f"{_PARTITION}/parameters/{group}"
    return (
        Route(
            "GET", path, f"Get the {what} of a partition", state,
            lambda r: partitions.parameters(r.base, r.names["id"], group, r.query.affect), query=AffectQuery, kept=True,
            refuses=(Conflict,),
        ),
        Route(
            "POST", path, f"Change the {what} of a partition", state,
            lambda r: partitions.set_parameters(
                r.base, r.names["id"], group, r.caller.user, r.body, r.query.affect, r.check
            ),
            body=changes, query=AffectQuery, refuses=(Conflict, Changed, *more),
        ),
    )  # fmt: skip
