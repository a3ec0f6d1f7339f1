"""What this host can give a guest policy at most: its CPUs, and its NUMA nodes."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ..engine.placement_choice import choose
from ..engine.topology import Topology
from ..errors import InvalidValue
from ..policy.cpu_sets import format_cpus, parse_cpus
from ..policy.files.content import FileGroup
from ..policy.groups import WorkloadResourceGroup
from ..policy.guest_policies import EachOnCpus, GuestPolicy, OnCpus, OnNode
from ..policy.policies import PerformancePolicy


def check_here(policy: GuestPolicy, topology: Topology, path: str = "") -> None:
    """Whether a guest policy that stands at `path` is possible on this host. Raises `InvalidValue` with the path of the
    value: a CPU or a node that the host has not, more CPUs than it has. (Whether a server can have CPUs alone depends
    on the others; the policy in force tells.)"""
    before = f"{path}." if path else ""
    cpus = len(topology.cpus)
    if not cpus:
        return
    placement = policy.placement
    if isinstance(placement, OnCpus | EachOnCpus | OnNode):
        vcpus = len(placement.cpus) if isinstance(placement, EachOnCpus) else 1
        try:
            choose(msgspec.structs.replace(placement, exclusive=False), vcpus, topology, ())
        except InvalidValue as error:
            raise error.moved(f"{before}placement") from None
    if policy.emulator_cpus is not None:
        unknown = parse_cpus(policy.emulator_cpus, f"{before}emulator-cpus") - topology.numbers
        if unknown:
            raise InvalidValue(
                f"this host has no CPU {format_cpus(unknown)}; it has {format_cpus(topology.numbers)}",
                f"{before}emulator-cpus",
            )
    if policy.cpu_reserve is not None and policy.cpu_reserve > cpus:
        raise InvalidValue(
            f"a reserve of {policy.cpu_reserve:g} CPUs is more than this host has: {cpus}", f"{before}cpu-reserve"
        )


def check_group_here(group: WorkloadResourceGroup | FileGroup, topology: Topology, path: str = "") -> None:
    """The same for all guest policies of a group, or of one of a file, that stands at `path`."""
    before = f"{path}." if path else ""
    check_here(group.guest_policy, topology, f"{before}guest-policy")
    check_policies_here(group.perf_policies, topology, path)


def check_policies_here(policies: Iterable[PerformancePolicy], topology: Topology, path: str = "") -> None:
    """The same for the policies of a group that stands at `path`."""
    before = f"{path}." if path else ""
    for index, policy in enumerate(policies):
        check_policy_here(policy, topology, f"{before}perf-policies[{index}]")


def check_policy_here(policy: PerformancePolicy, topology: Topology, path: str = "") -> None:
    """The same for the service classes of a policy that stands at `path`."""
    before = f"{path}." if path else ""
    for index, service_class in enumerate(policy.service_classes):
        check_here(service_class.guest_policy, topology, f"{before}service-classes[{index}].guest-policy")
