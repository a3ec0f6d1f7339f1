"""A running guest as libvirt tells of it, where its files are not ours to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..engine.counters import ServerCounters
from ..engine.samples import ServerSample
from .hypervisor import MAX_QUOTA_US


def asked_sample(
    uuid: str, start: str, stats: Mapping[str, Any], scheduled: Mapping[str, int]
) -> tuple[ServerSample, ServerCounters]:
    """What a guest is, and has counted. `stats` are those of vCPUs, `scheduled` its weight and quota by libvirt's
    names, as far as they are known. No quota is a negative or a very large one."""
    numbers = tuple(n for n in range(int(stats.get("vcpu.maximum", 0))) if f"vcpu.{n}.time" in stats)
    counted = ServerCounters(
        tuple(int(stats[f"vcpu.{n}.time"]) for n in numbers),
        tuple(int(stats.get(f"vcpu.{n}.delay", 0)) for n in numbers),
        (False,) * len(numbers),
    )
    quota = scheduled.get("global_quota", -1)
    sample = ServerSample(
        uuid, start, "libvirt", numbers, scheduled.get("cpu_shares"), quota if 0 < quota <= MAX_QUOTA_US else None,
        scheduled.get("global_period") or 100000,
    )  # fmt: skip
    return sample, counted
