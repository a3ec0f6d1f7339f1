"""Groups that guest policies depend on: by their ids in the catalog, by their names in a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from ...errors import InvalidValue
from ..catalog import Catalog
from ..guest_policies import GuestPolicy
from ..policies import PerformancePolicy

#: Gives what stands for a reference; its path is for what it raises.
Lookup: TypeAlias = Callable[[str, str], str]


def names_of(catalog: Catalog) -> Lookup:
    """From ids to names. What is not in the catalog stays."""
    return lambda reference, _: catalog.groups[reference].name if reference in catalog.groups else reference


def ids_of(named: dict[str, str]) -> Lookup:
    """From names to ids. Raises `InvalidValue` for a name that nobody has."""

    def look(name: str, path: str) -> str:
        if name not in named:
            known = ", ".join(map(repr, sorted(named)[:20]))
            raise InvalidValue(f"there is no group named {name!r}, in the file or before; known are: {known}", path)
        return named[name]

    return look


def in_guest_policy(policy: GuestPolicy, look: Lookup, path: str) -> GuestPolicy:
    """A guest policy that stands at `path`, with other references; the same one if it has none."""
    start = policy.start
    if start is None or all(one.workload_resource_group is None for one in start.depends_on):
        return policy
    depends_on = tuple(
        one if one.workload_resource_group is None
        else msgspec.structs.replace(one, workload_resource_group=look(
            one.workload_resource_group, f"{path}.start.depends-on[{index}].workload-resource-group"
        ))
        for index, one in enumerate(start.depends_on)
    )  # fmt: skip
    return msgspec.structs.replace(policy, start=msgspec.structs.replace(start, depends_on=depends_on))


def in_policy(policy: PerformancePolicy, look: Lookup, path: str = "") -> PerformancePolicy:
    """The same in all service classes of a policy that stands at `path`."""
    before = f"{path}." if path else ""
    classes = tuple(
        msgspec.structs.replace(one, guest_policy=guest)
        if (guest := in_guest_policy(
            one.guest_policy, look, f"{before}service-classes[{index}].guest-policy"
        )) is not one.guest_policy
        else one
        for index, one in enumerate(policy.service_classes)
    )  # fmt: skip
    return msgspec.structs.replace(policy, service_classes=classes)


def in_policies(policies: tuple[PerformancePolicy, ...], look: Lookup, path: str = "") -> tuple[PerformancePolicy, ...]:
    """The same in the policies of a group that stands at `path`."""
    before = f"{path}." if path else ""
    return tuple(in_policy(one, look, f"{before}perf-policies[{index}]") for index, one in enumerate(policies))
