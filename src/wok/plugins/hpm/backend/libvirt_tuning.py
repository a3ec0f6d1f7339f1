"""Placing and limiting libvirt's guests while they run; nothing of it is written into their definitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import libvirt

from ..policy.cpu_sets import parse_cpus
from .cgroups import find_controller
from .domain_xml import UNLIMITED_KIB
from .hypervisor import Ability

_LIVE = libvirt.VIR_DOMAIN_AFFECT_LIVE
#: Weights of block I/O that a group has unless it is given one: of cgroup v2 and BFQ, and of CFQ before them.
_USUAL_WEIGHT, _USUAL_WEIGHT_CFQ = 100, 500


def cpu_controls(cgroup_version: int) -> Mapping[str, Ability]:
    """How shares and quotas are set on a host with libvirt."""
    if cgroup_version == 0:
        how = "through libvirt, which has no cgroup of the cpu controller to show here"
    elif cgroup_version == 1:
        how = "the cgroup's file, or libvirt where systemd owns the cgroup"
    else:
        how = "through libvirt and systemd, so that it survives a daemon-reload"
    return dict.fromkeys(("cpu-shares", "cpu-quota"), Ability(True, how))


def tuning_controls(root: Path, cgroup_version: int) -> Mapping[str, Ability]:
    """What of guest policies can be set on a host with libvirt."""
    here = Ability(True, "through libvirt")
    blkio = cgroup_version == 2 or find_controller(root, "blkio") is not None
    memory = cgroup_version == 2 or find_controller(root, "memory") is not None
    return {
        "vcpu-pins": here,
        "emulator-pin": here,
        "blkio-weight": Ability(True, "through libvirt, where a scheduler of disks goes by weights") if blkio
        else Ability(False, why_not="the kernel's controller blkio is not mounted"),
        "swap-limit": here if memory else Ability(False, why_not="the kernel's controller memory is not mounted"),
    }  # fmt: skip


def pin_vcpus(domain: Any, pins: Sequence[str]) -> None:
    """Pin the vCPUs that a domain has. An empty list, or none: any CPU. Raises `libvirt.libvirtError`; those before the
    vCPU that was refused are pinned as they were then."""
    total, _, _ = domain.connect().getCPUMap()
    before = domain.vcpuPinInfo(_LIVE)
    for vcpu in range(domain.vcpusFlags(_LIVE)):
        try:
            domain.pinVcpuFlags(vcpu, _map(pins[vcpu] if vcpu < len(pins) else "", total), _LIVE)
        except libvirt.libvirtError:
            # Half of it would look as if somebody else had pinned them.
            for pinned in range(min(vcpu, len(before))):
                domain.pinVcpuFlags(pinned, before[pinned], _LIVE)
            raise


def pin_emulator(domain: Any, pin: str) -> None:
    """Pin the emulator's threads of a domain."""
    total, _, _ = domain.connect().getCPUMap()
    domain.pinEmulator(_map(pin, total), _LIVE)


def weigh_blkio(domain: Any, weight: int | None, root: Path, cgroup_version: int) -> None:
    """Set the weight of a domain's block I/O; None: the one that it has by itself."""
    if weight is None:
        mount = find_controller(root, "blkio") if cgroup_version != 2 else None
        cfq = mount is not None and (mount / "machine/blkio.weight").exists()
        weight = _USUAL_WEIGHT_CFQ if cfq else _USUAL_WEIGHT
    domain.setBlkioParameters({"weight": weight}, _LIVE)


def limit_memory(domain: Any, memory_kib: int | None, swap_kib: int | None) -> None:
    """Limit a domain's memory, and its memory and swap together; libvirt makes both changes in an order that works.
    Raises `libvirt.libvirtError`; then it is as it was, as far as libvirt takes that."""
    before: Mapping[str, int] = {}
    with suppress(libvirt.libvirtError):
        before = domain.memoryParameters(_LIVE)
    try:
        domain.setMemoryParameters({
            "hard_limit": UNLIMITED_KIB if memory_kib is None else memory_kib,
            "swap_hard_limit": UNLIMITED_KIB if swap_kib is None else swap_kib,
        }, _LIVE)  # fmt: skip
    except libvirt.libvirtError:
        # Where the kernel does not count swap, libvirt has limited memory all the same. Half of it would look as if
        # somebody else had set it.
        for name in before.keys() & {"hard_limit", "swap_hard_limit"}:
            with suppress(libvirt.libvirtError):
                domain.setMemoryParameters({name: before[name]}, _LIVE)
        raise


def _map(pin: str, total: int) -> tuple[bool, ...]:
    """A list of CPUs as libvirt's Python binding has it, for a host of so many."""
    chosen = parse_cpus(pin) if pin else frozenset(range(total))
    return tuple(number in chosen for number in range(total))
