"""Workload resource groups: the virtual servers of one business application, and its policies."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from ..errors import InvalidValue, NotUnique
from .guest_policies import NO_POLICY, GuestPolicy, check_guest_policy
from .names import Description, Name
from .partitions import PartitionPath
from .policies import PerformancePolicy, check_policy
from .schedule import Schedule

#: Id of the group that takes every server that was put nowhere.
DEFAULT_GROUP: Final = "default"

Policies = Annotated[tuple[PerformancePolicy, ...], msgspec.Meta(max_length=64)]


class Activation(msgspec.Struct, frozen=True):
    """What a schedule has activated: a policy by its name, or none."""

    policy: str | None


class WorkloadResourceGroup(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """A group: `id` is a UUID or ``default``. Without an active policy it is unmanaged.

    Where there is a `schedule`, it activates policies (and `otherwise` where no entry holds; None: no policy);
    `scheduled` is what it activated last (None: nothing yet), so that it acts only where it wants another one. Its
    `guest_policy` holds for servers of which neither they themselves nor their service class say otherwise.
    `partition` is the one that its servers should stand in: then the group as a whole has that one's parameters.
    """

    id: str
    name: Name
    description: Description = ""
    perf_policies: Policies = ()
    active_policy: str | None = None
    schedule: Schedule = ()
    otherwise: str | None = None
    scheduled: Activation | None = None
    guest_policy: GuestPolicy = NO_POLICY
    partition: PartitionPath | None = None

    @property
    def is_default(self) -> bool:
        """Whether this is the group that always exists."""
        return self.id == DEFAULT_GROUP

    @property
    def policy(self) -> PerformancePolicy | None:
        """The active policy, or None: the group is unmanaged."""
        for policy in self.perf_policies:
            if policy.name == self.active_policy:
                return policy
        return None


def check_group(group: WorkloadResourceGroup) -> None:
    """Check a whole group. Raises `InvalidValue` or `NotUnique` with the path of the offending value."""
    check_guest_policy(group.guest_policy, "guest-policy")
    seen: set[str] = set()
    for index, policy in enumerate(group.perf_policies):
        path = f"perf-policies[{index}]"
        if policy.name in seen:
            raise NotUnique(
                f"the group {group.name!r} has two policies named {policy.name!r}; give each its own name",
                f"{path}.name",
            )
        seen.add(policy.name)
        check_policy(policy, path)
    if group.active_policy is not None and group.active_policy not in seen:
        known = ", ".join(sorted(seen)) or "none yet"
        raise InvalidValue(
            f"the group {group.name!r} has no policy named {group.active_policy!r} (it has: {known})", "active-policy"
        )
    wanted = [(entry.policy, f"schedule[{index}].policy") for index, entry in enumerate(group.schedule)]
    for name, path in (*wanted, *([] if group.otherwise is None else [(group.otherwise, "otherwise")])):
        if name not in seen:
            known = ", ".join(sorted(seen)) or "none yet"
            raise InvalidValue(f"the group {group.name!r} has no policy named {name!r} (it has: {known})", path)
    if group.otherwise is not None and not group.schedule:
        raise InvalidValue("otherwise says what is active where no entry of the schedule holds, and there is no"
                           " schedule; give one, or leave otherwise out", "otherwise")
