"""Moving the balloons of libvirt's guests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import libvirt

from ..errors import ServerBusy
from .hypervisor import Ability
from .ksm import Ksm


def memory_controls(ksm: Ksm) -> Mapping[str, Ability]:
    """What hpm can do with memory on a host with libvirt."""
    why_not = ksm.why_not
    return {
        "balloon": Ability(True, "through libvirt, for guests with a balloon whose driver tells its statistics"),
        "vcpu-quota": Ability(True, "through libvirt, where a memory policy says so"),
        "io-tune": Ability(True, "through libvirt, where a memory policy says so"),
        "ksm": Ability(True, "the kernel's files in /sys/kernel/mm/ksm") if why_not is None
        else Ability(False, why_not=why_not),
    }  # fmt: skip


def move_balloon(domain: Any, memory_bytes: int) -> None:
    """Ask a domain's balloon to leave it that much. Raises `ServerBusy` while a job on it is under way (it migrates,
    is saved, dumped, or backed up): what is copied should not change its size."""
    job, *_ = domain.jobInfo()
    if job != libvirt.VIR_DOMAIN_JOB_NONE:
        raise ServerBusy(f"{domain.name()} is being migrated, saved or copied")
    domain.setMemoryFlags(memory_bytes // 1024, libvirt.VIR_DOMAIN_AFFECT_LIVE)
