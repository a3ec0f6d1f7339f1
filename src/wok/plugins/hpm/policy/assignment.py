"""Where a virtual server stands: its group, the service class that takes it, its goal and importance."""

from __future__ import annotations

import msgspec

from .catalog import Catalog
from .classification import Facts
from .goals import Goal, Importance
from .guest_policies import NO_POLICY, NOTHING_SAID, Effective, effective

#: Importance of a temporary goal where neither it nor a policy names one.
UNNAMED_IMPORTANCE: Importance = "high"


class Assignment(msgspec.Struct, frozen=True):
    """What the catalog says of one virtual server. Without an active policy `policy` to `goal` are None, but for the
    importance and the goal of one that has a temporary goal. `guest` is the guest policy in force; reserve, cap and
    least memory are of it."""

    group: str
    excluded: bool
    cpu_reserve: float | None
    cpu_cap: float | None
    policy: str | None = None
    service_class: str | None = None
    importance: Importance | None = None
    goal: Goal | None = None
    memory_minimum_mib: int | None = None
    guest: Effective = NOTHING_SAID


def facts_of(catalog: Catalog, uuid: str, facts: Facts) -> Facts:
    """A server's facts, with the attributes set by an administrator above those that were found."""
    attributes = catalog.settings(uuid).attributes
    if not attributes:
        return facts
    merged: dict[str, str | tuple[str, ...]] = dict(facts)
    for name, value in attributes.items():
        merged[name] = value
    return merged


def assign(catalog: Catalog, uuid: str, facts: Facts) -> Assignment:
    """Classify one server. `facts` are those that the host knows."""
    said = catalog.settings(uuid)
    group = catalog.groups[said.group]
    policy = group.policy
    service_class = None if policy is None else policy.classify(facts_of(catalog, uuid, facts))
    guest = effective((
        ("virtual-server", said.own_policy),
        ("service-class", NO_POLICY if service_class is None else service_class.guest_policy),
        ("workload-resource-group", group.guest_policy),
    ))  # fmt: skip
    here = guest.policy
    found = Assignment(
        group.id, said.excluded, here.cpu_reserve, here.cpu_cap, memory_minimum_mib=here.memory_minimum_mib,
        guest=guest,
    )  # fmt: skip
    if policy is not None and service_class is not None:
        found = msgspec.structs.replace(
            found, policy=policy.name, service_class=service_class.name,
            importance=policy.importance_of(service_class), goal=service_class.goal,
        )  # fmt: skip
    boost = said.temporary_goal
    if boost is None:
        return found
    return msgspec.structs.replace(
        found, goal=boost.goal, importance=boost.importance or found.importance or UNNAMED_IMPORTANCE
    )
