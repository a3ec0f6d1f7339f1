"""What hpm needs of the kernel: counters, cgroups, and more for what goes beyond CPU."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from ...backend.cgroups import find_controller, find_mount
from ...backend.ksm import Ksm
from ...wire.findings import Finding

#: Kernels on which something was seen to go wrong, and what hpm does about it.
HAZARDS: Final[Mapping[str, str]] = {
    "6.18.44": "a runnable task can starve on it when weights are rewritten rapidly; hpm changes those of a server at"
    " most once in an interval, so keep intervals at seconds and let no other program set them",
}
#: Part of the time that the host's own hypervisor takes, above which goals are hard to promise.
MUCH_STEAL: Final = 0.05


def kernel_findings(root: Path) -> Iterator[Finding]:
    """Everything about the kernel."""
    release = platform.release()
    yield Finding("good", f"Linux {release} on {platform.machine()}")
    number = re.match(r"\d+\.\d+\.\d+", release)
    if number and number[0] in HAZARDS:
        yield Finding("note", f"kernel {number[0]}: {HAZARDS[number[0]]}")
    yield _schedstat(root)
    yield from _cgroups(root)
    yield _kvm(root)
    yield _pressure(root)
    yield _ksm(root)
    yield from _steal(root)


def _schedstat(root: Path) -> Finding:
    try:
        fields = (root / "proc/self/schedstat").read_text().split()
    except OSError:
        fields = []
    if len(fields) == 3 and all(field.isdecimal() for field in fields):
        return Finding("good", "the kernel counts how long each thread ran and waited (schedstat)")
    return Finding(
        "bad", "the kernel does not count how long threads wait for a CPU (/proc/PID/schedstat)",
        "run a kernel with CONFIG_SCHED_INFO; without it there is no velocity, and no goal",
    )


def _cgroups(root: Path) -> Iterator[Finding]:
    mount = find_mount(root)
    if mount.version == 0:
        yield Finding(
            "bad", "the cgroup controller cpu is not mounted: servers have no CPU shares of their own",
            "mount cgroup v2 at /sys/fs/cgroup, as systemd does; in a container, let the host do so",
        )
        return
    where = f"cgroup v{mount.version} at {mount.path}"
    if mount.version == 1 and not os.access(mount.path, os.W_OK):
        yield Finding("bad", f"{where} may not be written", "run this, and hpm, as root")
    else:
        yield Finding("good", f"CPU shares and quotas can be set: {where}")
    if mount.version == 2:
        return
    for controller, what in (
        ("memory", "limits of memory and swap"), ("blkio", "weights of disks"), ("cpuset", "pinning")
    ):  # fmt: skip
        if find_controller(root, controller) is None:
            yield Finding(
                "note", f"the cgroup controller {controller} is not mounted: {what} of guest policies and"
                " partitions do nothing",
            )


def _kvm(root: Path) -> Finding:
    if (root / "dev/kvm").exists():
        return Finding("good", "the processor's virtualisation is there (/dev/kvm)")
    return Finding(
        "note", "there is no /dev/kvm: guests are emulated, which is slow",
        "load the module kvm_intel or kvm_amd; switch virtualisation on in the firmware, or nested"
        " virtualisation in the hypervisor that this host runs on",
    )


def _pressure(root: Path) -> Finding:
    if (root / "proc/pressure/memory").exists():
        return Finding("good", "the kernel tells pressure on CPU, memory and disks (PSI)")
    return Finding(
        "note", "the kernel tells no pressure (PSI): memory is managed by what is available alone",
        "start it with psi=1, if it has CONFIG_PSI",
    )


def _ksm(root: Path) -> Finding:
    why_not = Ksm(root).why_not
    if why_not is None:
        return Finding("good", "equal pages of guests can be merged (KSM)")
    return Finding("note", f"equal pages of guests are not merged: {why_not}")


def _steal(root: Path) -> Iterator[Finding]:
    try:
        with (root / "proc/stat").open() as file:
            fields = [int(field) for field in file.readline().split()[1:9]]
    except (OSError, ValueError):
        return
    total, steal = sum(fields), fields[7] if len(fields) == 8 else 0
    if total and steal / total > MUCH_STEAL:
        yield Finding(
            "note", f"this host runs on a hypervisor itself, which took {steal / total:.0%} of its time since"
            " it booted: capacity is what is left, and goals that fit into all of it may not fit into"
            " that",
        )
