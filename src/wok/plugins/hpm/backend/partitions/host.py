"""The protocol between hpm and a host's partitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from ...errors import Conflict
from ...policy.partitions import PartitionParameters


class PartitionState(msgspec.Struct, frozen=True):
    """A partition that there is: what is in force there (what a host lacks is null), and the memory that all in it take
    together, in bytes (None: nobody counts it)."""

    parameters: PartitionParameters
    memory_bytes: int | None = None


class PartitionHost(Protocol):
    """The partitions of one host. Operations may be called by several threads, one at a time.

    `how` says in words what a partition is here. `lacking` has why a parameter does not work here, by its name such as
    ``blkio.weight``, or that of its group. `default_shares` are those of a partition that nobody gave any.
    """

    how: str
    default_shares: int

    @property
    def lacking(self) -> Mapping[str, str]:
        """See above."""
        ...

    def states(self) -> Mapping[str, PartitionState]:
        """The partitions that there are now, by path; the root, too, even if no server has started yet. Raises
        `HypervisorError` where that cannot be seen now."""
        ...

    def device_name(self, device: str) -> str:
        """The kernel's own name of a disk, as `states` gives it. Raises `InvalidValue` if there is none."""
        ...

    def create(self, path: str) -> None:
        """Make an empty partition, with everything as the kernel has it; those above it must be there. Raises
        `HypervisorError`, and then nothing was made."""
        ...

    def configure(self, path: str, wanted: PartitionParameters) -> None:
        """Have these parameters in force, and no others; only what differs is written. Raises `Conflict` where the host
        lacks one or the kernel does not take it beside others, `InvalidValue` for a device that is not there,
        `HypervisorError`. What was written until then stays."""
        ...

    def destroy(self, path: str) -> None:
        """Remove an empty partition. Raises `Conflict` if there is something in it, `HypervisorError`."""
        ...


def refuse_lacking(wanted: PartitionParameters, lacking: Mapping[str, str]) -> None:
    """Raise `Conflict` with the first parameter that is wanted and that a host lacks, and why it does."""
    for group in wanted.__struct_fields__:
        values = getattr(wanted, group)
        empty = type(values)()
        for field, name in zip(values.__struct_fields__, values.__struct_encode_fields__, strict=True):
            full = f"{group}.{name}"
            why = lacking.get(full) or lacking.get(group)
            if why is not None and getattr(values, field) != getattr(empty, field):
                raise Conflict(f"{full} does not work on this host: {why}")
