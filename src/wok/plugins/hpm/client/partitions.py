"""Partitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import quote

from ..policy.partitions import Group
from ..wire.partitions import (
    Affect,
    AffectQuery,
    BlkioState,
    CpuState,
    MemoryState,
    NumaState,
    PartitionAction,
    PartitionCreate,
    PartitionDetail,
    PartitionList,
    PartitionUpdate,
)
from .answers import Answer
from .calls import Calls, text_query

T = TypeVar("T")

PARTITIONS = "/partitions"


class PartitionCalls(Calls):
    """The operations below `/partitions`."""

    def partitions(self) -> Answer[PartitionList]:
        """All of them, in the order of the tree."""
        return self._get(PARTITIONS, PartitionList)

    def partition(self, partition_id: str) -> Answer[PartitionDetail]:
        """One of them; the answer's `etag` is for `update_partition` and `act_on_partition`."""
        return self._get(_partition(partition_id), PartitionDetail)

    def create_partition(self, partition: PartitionCreate | Mapping[str, object]) -> Answer[PartitionDetail]:
        """Define one, and create it if it says so; or create a transient one."""
        return self._post(PARTITIONS, partition, PartitionDetail)

    def update_partition(
        self, partition_id: str, changes: PartitionUpdate | Mapping[str, object], if_match: str | None = None
    ) -> Answer[PartitionDetail]:
        """Change what is said of one that is defined; what is left out stays."""
        return self._post(_partition(partition_id), changes, PartitionDetail, if_match)

    def act_on_partition(
        self, partition_id: str, action: PartitionAction | Mapping[str, object], if_match: str | None = None
    ) -> Answer[PartitionDetail]:
        """Create, destroy or undefine one; the answer is what it is then."""
        return self._post(f"{_partition(partition_id)}/actions", action, PartitionDetail, if_match)

    def cpu_parameters(self, partition_id: str, affect: Affect | None = None) -> Answer[CpuState]:
        """How the CPU is scheduled for it."""
        return self._get(_group(partition_id, "cpu"), CpuState, text_query(AffectQuery(affect)))

    def blkio_parameters(self, partition_id: str, affect: Affect | None = None) -> Answer[BlkioState]:
        """Its block I/O."""
        return self._get(_group(partition_id, "blkio"), BlkioState, text_query(AffectQuery(affect)))

    def memory_parameters(self, partition_id: str, affect: Affect | None = None) -> Answer[MemoryState]:
        """Its limits of memory."""
        return self._get(_group(partition_id, "memory"), MemoryState, text_query(AffectQuery(affect)))

    def numa_parameters(self, partition_id: str, affect: Affect | None = None) -> Answer[NumaState]:
        """Where it may be."""
        return self._get(_group(partition_id, "numa"), NumaState, text_query(AffectQuery(affect)))

    def set_cpu_parameters(
        self, partition_id: str, changes: Mapping[str, object], affect: Affect | None = None
    ) -> Answer[CpuState]:
        """Change how the CPU is scheduled for it; what is left out stays."""
        return self._set(partition_id, "cpu", changes, affect, CpuState)

    def set_blkio_parameters(
        self, partition_id: str, changes: Mapping[str, object], affect: Affect | None = None
    ) -> Answer[BlkioState]:
        """Change its block I/O; what is left out stays."""
        return self._set(partition_id, "blkio", changes, affect, BlkioState)

    def set_memory_parameters(
        self, partition_id: str, changes: Mapping[str, object], affect: Affect | None = None
    ) -> Answer[MemoryState]:
        """Change its limits of memory; what is left out stays."""
        return self._set(partition_id, "memory", changes, affect, MemoryState)

    def set_numa_parameters(
        self, partition_id: str, changes: Mapping[str, object], affect: Affect | None = None
    ) -> Answer[NumaState]:
        """Change where it may be; what is left out stays."""
        return self._set(partition_id, "numa", changes, affect, NumaState)

    def _set(
        self, partition_id: str, group: Group, changes: Mapping[str, object], affect: Affect | None, type_: type[T]
    ) -> Answer[T]:
        return self._post(_group(partition_id, group), changes, type_, query=text_query(AffectQuery(affect)))


def _partition(partition_id: str) -> str:
    return f"{PARTITIONS}/{quote(partition_id, safe='')}"


def _group(partition_id: str, group: Group) -> str:
    return f"{_partition(partition_id)}/parameters/{group}"
