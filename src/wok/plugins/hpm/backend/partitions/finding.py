"""Which kind of partitions a host has."""

from __future__ import annotations

from pathlib import Path

from ...errors import Conflict
from ...policy.partitions import ROOT, PartitionParameters
from ..cgroups import Mount
from .cgroup1 import CgroupV1Partitions
from .cgroup2 import CgroupV2Partitions
from .host import PartitionHost, PartitionState


class NoPartitions:
    """`PartitionHost` where there can be none; `why` says why not."""

    default_shares = 1024

    def __init__(self, why: str) -> None:
        self.how = f"none: {why}"
        self.lacking = dict.fromkeys(("cpu", "blkio", "memory", "numa"), why)
        self._why = why

    def states(self) -> dict[str, PartitionState]:
        """See `PartitionHost`: the root, of which nothing is known."""
        return {ROOT: PartitionState(PartitionParameters())}

    def device_name(self, device: str) -> str:
        """See `PartitionHost`."""
        return device

    def create(self, path: str) -> None:
        """See `PartitionHost`."""
        raise Conflict(f"{path} cannot be created on this host: {self._why}")

    def configure(self, path: str, wanted: PartitionParameters) -> None:
        """See `PartitionHost`."""
        raise Conflict(f"{path} cannot be changed on this host: {self._why}")

    def destroy(self, path: str) -> None:
        """See `PartitionHost`."""
        raise Conflict(f"{path} cannot be destroyed on this host: {self._why}")


def find_partitions(root: Path, mount: Mount, *, system: bool = True) -> PartitionHost:
    """Those of the host below `root`, whose cpu controller is at `mount`. Not `system`: libvirt runs for a user, who
    may not change cgroups."""
    if not system:
        return NoPartitions("libvirt runs for a user here, and a user's servers stand in no partition")
    if mount.version == 0:
        return NoPartitions("no cgroup with the cpu controller is to be seen here")
    systemd = (root / "run/systemd/system").is_dir()
    if mount.version == 1:
        if systemd:
            return NoPartitions("systemd runs with cgroup v1, whose slices hpm does not manage (cgroup v2 it does)")
        return CgroupV1Partitions(root)
    if not systemd:
        return CgroupV2Partitions(root, mount.path)
    from .systemd import SystemdPartitions  # only here: it brings asyncio and D-Bus
    from .systemd_bus import SystemdBus

    return SystemdPartitions(root, mount.path, SystemdBus())
