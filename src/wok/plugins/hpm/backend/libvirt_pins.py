"""Pinning through libvirt: virDomainPinVcpuFlags of a running domain, not of its definition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import libvirt

from ..policy.cpu_sets import parse_cpus


def pin_vcpus(domain: Any, pins: Sequence[str]) -> None:
    """Let each vCPU run on its list of CPUs; empty: on all that the host has. Raises `libvirt.libvirtError`; the vCPUs
    before the one that was refused are pinned then."""
    total, _, _ = domain.connect().getCPUMap()
    for number, pin in enumerate(pins):
        cpus = parse_cpus(pin) if pin else range(total)
        domain.pinVcpuFlags(number, tuple(cpu in cpus for cpu in range(total)), libvirt.VIR_DOMAIN_AFFECT_LIVE)
