"""What of the guest policy in force for a server can stand in its definition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from ..engine.placement_choice import choose
from ..engine.topology import Topology
from ..errors import Conflict, InvalidValue
from ..manager.controls import too_little
from ..manager.snapshot import Snapshot
from ..policy.guest_policies import GuestPolicy, Pack, Spread
from ..policy.guest_words import NAMES

#: Fields that a definition has no place for, and why.
_NO_PLACE = {
    "cpu_reserve": "a definition knows no reserve; hpm keeps it", "drift": "it is hpm's own",
    "memory_minimum_mib": "QEMU's domains know no least memory; hpm keeps it", "start": "it is hpm's own",
}  # fmt: skip


class Lasting(NamedTuple):
    """What can be written, with the CPUs that its placement comes to; and, by the names of the API, which fields that
    are, and why others that are said are not."""

    policy: GuestPolicy
    pins: tuple[str, ...]
    written: list[str]
    left_out: Mapping[str, str]


def lasting(snapshot: Snapshot, uuid: str, topology: Topology) -> Lasting:
    """Of one server that the host has."""
    assignment, info = snapshot.assignments[uuid], snapshot.sample.infos[uuid]
    policy, left_out, pins = assignment.guest.policy, dict[str, str](), tuple[str, ...]()
    for field, name in NAMES.items():
        if getattr(policy, field) is not None and field in _NO_PLACE:
            left_out[name] = _NO_PLACE[field]
    if policy.cpu_weight is not None and assignment.goal is not None:
        left_out["cpu-weight"] = "its goal decides on its shares"
    if policy.memory_swap_limit_mib is not None:
        reason = too_little(policy.memory_swap_limit_mib, info.memory_mib)
        if reason is not None:
            left_out["memory-swap-limit-mib"] = str(reason)
    if isinstance(policy.placement, Spread | Pack):
        pins = info.tuning.vcpu_pins
        if uuid not in snapshot.sample.samples or not pins:
            left_out["placement"] = "hpm chooses the CPUs when it runs, and none are in force now"
    elif policy.placement is not None:
        try:
            pins = choose(policy.placement, info.vcpus, topology, ())
        except (InvalidValue, Conflict) as error:
            left_out["placement"] = str(error)
    said = [field for field, name in NAMES.items() if getattr(policy, field) is not None]
    kept = msgspec.structs.replace(policy, **{field: None for field in said if NAMES[field] in left_out})
    return Lasting(kept, pins, [NAMES[field] for field in said if NAMES[field] not in left_out], left_out)
