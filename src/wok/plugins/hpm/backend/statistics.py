"""What hosts tell of their servers beside what they do, and how; or why they cannot."""

from __future__ import annotations

from collections.abc import Mapping

from .hypervisor import Ability

_AGENT = "the guest agent (qemu-guest-agent), where one runs in the guest"
_BULK = "libvirt's statistics"


def libvirt_statistics(cgroup_version: int) -> Mapping[str, Ability]:
    """Of a host with libvirt, by the name of the field."""
    no_pressure = "the kernel counts a guest's pressure in cgroup v2 only"
    return {
        "time-offset": Ability(True, "the clock in the domain's XML, and libvirt's event when the guest sets its own"),
        "monitor-response": Ability(True, "whether QEMU answers when its statistics are asked for"),
        "client-ip": Ability(True, "libvirt's events of displays; clients that came before hpm began are not known"),
        "username": Ability(True, _AGENT),
        "session": Ability(True, _AGENT),
        "guest-ips": Ability(True, f"{_AGENT}; else the DHCP leases of libvirt's networks"),
        "pause-code": Ability(
            True, "libvirt's events of I/O errors; of an error before hpm began no more than EOTHER is known"
        ),
        "started": Ability(True, "the start of QEMU's process in /proc, where hpm may read its pid file"),
        "memory-stats": Ability(True, f"{_BULK}; most of it comes from the balloon driver in the guest"),
        "balloon-info": Ability(True, _BULK),
        "balloon-info.target-bytes": Ability(
            False, why_not="libvirt tells what memory a guest has, and not what it was last asked to have"
        ),
        "disks-usage": Ability(True, _AGENT),
        "network": Ability(True, _BULK),
        "disks": Ability(True, _BULK),
        "apps-list": Ability(False, why_not="QEMU's guest agent cannot list applications"),
        "net-ifaces": Ability(True, _AGENT),
        "cpu-pressure": Ability(True, "cpu.pressure of the guest's cgroup, where the kernel counts it")
        if cgroup_version == 2 else Ability(False, why_not=no_pressure),
    }  # fmt: skip


def simulated_statistics() -> Mapping[str, Ability]:
    """Of a simulated host."""
    told = {name: Ability(True, "simulated") for name in libvirt_statistics(1)}
    return {**told, "cpu-pressure": Ability(False, why_not="pressure is not simulated")}
