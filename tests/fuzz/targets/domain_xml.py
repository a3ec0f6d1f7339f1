"""What libvirt tells of a domain as XML. Whoever may define one writes its names, its metadata and more."""

from __future__ import annotations

from typing import Final

import msgspec

from hpm.backend.domain_xml import DomainXml, named_partition, parse, with_partition
from hpm.backend.section_book import Heard, sections_of
from hpm.backend.start_xml import at_start, defined
from hpm.errors import HypervisorError
from hpm.policy.guest_policies import Anywhere, DiskLimits, GuestPolicy

from ..target import Target
from ..words import XML

UUID: Final = "69efbdd8-3715-5a7c-8dcf-76fe2d380a52"
CPUS: Final = 4
POLICY: Final = GuestPolicy(
    placement=Anywhere(), emulator_cpus="0-1", cpu_weight=200, cpu_cap=1.5, blkio_weight=300,
    memory_swap_limit_mib=512, huge_pages="hugetlbfs", page_sharing=False,
    disk_limits={"vda": DiskLimits(total_bytes_sec=1000), "*": DiskLimits(read_iops_sec=7)},
)  # fmt: skip


def run(data: bytes) -> None:
    """Read it, show it, and change what hpm changes of definitions."""
    text = data.decode(errors="replace")
    try:
        found = parse(text, CPUS)
    except HypervisorError:
        found = None
    if found is not None:
        told(found)
    try:
        changed = with_partition(text, "/machine/gold")
        assert named_partition(changed) == "/machine/gold"
        assert with_partition(changed, "/machine/gold") == changed, "naming it again changes something"
        if changed.count("<partition") == 1:    # libvirt gives no more
            assert named_partition(with_partition(changed, None)) is None
        made = defined(text, POLICY, ["0", "", "2-3"])
        again = defined(made, POLICY, ["0", "", "2-3"])
        assert parse(again, CPUS) == parse(made, CPUS), "defining a policy again changes something"
        assert at_start(made, POLICY) == made, "a policy that is defined is not in force at a start"
    except HypervisorError:
        assert found is None, "it was read, and cannot be changed"
        return
    if found is not None:
        wanted = msgspec.structs.replace(found, partition="/machine/gold")
        assert parse(changed, CPUS) == wanted, "naming a partition changes more"
        told(parse(made, CPUS))


def told(found: DomainXml) -> None:
    """What is shown of it can be said as JSON."""
    info = found.info(UUID, "running", {"hostname": "h"})
    sections = sections_of(Heard(info, found, object(), 1.0), None)
    msgspec.json.encode((info, sections))


_ELEMENTS: Final = (
    "domain", "name", "uuid", "title", "metadata", "memory", "vcpu", "cputune", "vcpupin", "emulatorpin", "vcpusched",
    "quota", "period", "global_quota", "shares", "blkiotune", "weight", "memtune", "hard_limit", "swap_hard_limit",
    "min_guarantee", "memoryBacking", "hugepages", "nosharepages", "locked", "os", "boot", "features", "acpi", "clock",
    "devices", "disk", "source", "target", "iotune", "total_bytes_sec", "read_iops_sec", "interface", "mac", "model",
    "graphics", "listen", "memballoon", "stats", "channel", "hostdev", "resource", "partition", "vcpuLimit",
    "minGuaranteedMemoryMb",
)  # fmt: skip
_ATTRIBUTES: Final = (
    "type", "id", "unit", "current", "cpuset", "vcpu", "scheduler", "dev", "file", "name", "volume", "dir", "device",
    "address", "port", "tlsPort", "order", "offset", "adjustment", "timezone", "basis", "model", "period", "state",
)  # fmt: skip
_VALUES: Final = (
    "kvm", "KiB", "GiB", "b", "bytes", "0-3,^2", "0-8191", "8192", "variable", "localtime", "timezone", "Europe/Berlin",
    "Europe", "../UTC", "utc", "fifo", "none", "virtio", "connected", "org.qemu.guest_agent.0", "hostdev", "pci",
    "http://debian.org/debian/12", "http://libosinfo.org/xmlns/libvirt/domain/1.0",
)  # fmt: skip
WORDS: Final = (
    *(f"<{name}".encode() for name in _ELEMENTS), *(f"</{name}>".encode() for name in _ELEMENTS),
    *(f"<{name}>1</{name}>".encode() for name in _ELEMENTS), *(f" {name}='1'".encode() for name in _ATTRIBUTES),
    *(f"'{value}'".encode() for value in _VALUES), *XML,
)  # fmt: skip

TARGET = Target(run, WORDS)
