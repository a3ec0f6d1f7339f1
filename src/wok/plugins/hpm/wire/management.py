"""Management levels, adjustments and versions on the wire."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from ..policy.goals import Importance

Outcome: TypeAlias = Literal["applied", "advised", "failed"]
Level: TypeAlias = Literal["off", "advise", "on"]


class ManagementLevels(msgspec.Struct, rename="kebab"):
    """What hpm may do: observe only, plan and report, or change."""

    cpu_mgmt: Level
    memory_mgmt: Level


class ManagementLevelsUpdate(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """New levels; what is left out stays."""

    cpu_mgmt: Level | msgspec.UnsetType = msgspec.UNSET
    memory_mgmt: Level | msgspec.UnsetType = msgspec.UNSET


#: Seconds between two cycles.
Interval = Annotated[float, msgspec.Meta(ge=1, le=3600)]


class Settings(msgspec.Struct, rename="kebab"):
    """What can be set for hpm as a whole. `interval-seconds` is the time between two decisions."""

    interval_seconds: float


class SettingsUpdate(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """New settings; what is left out stays."""

    interval_seconds: Interval | msgspec.UnsetType = msgspec.UNSET


class AdjustedServer(msgspec.Struct, rename="kebab"):
    """One receiver or donor of an adjustment. `pi-measured` is filled in one interval later."""

    virtual_server: str
    name: str
    service_class: str | None
    importance: Importance | None
    shares_before: int | None
    shares_after: int | None
    pi_before: float | None
    pi_projected: float | None
    pi_measured: float | None


class Adjustment(msgspec.Struct, rename="kebab"):
    """A dynamic resource adjustment: what was decided, why, and what came of it."""

    object_id: int
    time: str
    outcome: Outcome
    reason: str | None
    interval_seconds: float
    receivers: list[AdjustedServer]
    donors: list[AdjustedServer]
    detail: str | None = None


class AdjustmentList(msgspec.Struct, rename="kebab"):
    """Adjustments, newest first. `next` is the URI of the older ones, if there are any."""

    dynamic_resource_adjustments: list[Adjustment]
    next: str | None


class AdjustmentQuery(msgspec.Struct, rename={"from_": "from", "virtual_server": "virtual-server"},
                      forbid_unknown_fields=True):  # fmt: skip
    """Which adjustments are wanted: times in RFC 3339, group and server by id or URI, `before` an id."""

    from_: str | None = None
    to: str | None = None
    group: str | None = None
    virtual_server: str | None = None
    outcome: Outcome | None = None
    before: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100


class ControlAbility(msgspec.Struct, rename="kebab"):
    """Whether a control works on this host and how, or why it does not."""

    works: bool
    how: str
    why_not: str


class Version(msgspec.Struct, rename="kebab"):
    """Versions and abilities of hpm and of the host. `hypervisor` is null while none was reached."""

    hpm_version: str
    api_version: str
    hypervisor: str | None
    hypervisor_uri: str
    hypervisor_version: str | None
    libvirt_version: str | None
    kernel: str | None
    cgroup_version: int | None
    interval_seconds: float
    controls: dict[str, ControlAbility]
    problem: str | None
