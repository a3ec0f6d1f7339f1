"""The four sections of a virtual server that change seldom: status, configuration, devices, guest details.

What a host cannot give is null, and `statistics` of GET `/version` says why. Sections hold no ages and no times of
sampling: one is equal to the one before it until something in it has changed.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from ..policy.goals import Goal
from .words import UUID, After, GroupUri, Limit, Next, Problem, SnapshotTime, Time, Uri

#: How many servers one request may name.
MOST_IDS = 256

Session: TypeAlias = Literal["logged-on", "logged-off"]
PauseCode: TypeAlias = Literal["NOERR", "EIO", "ENOSPC", "EPERM", "EOTHER"]
Sampled = Annotated[Time | None, msgspec.Meta(
    description="When it was read last, RFC 3339 in UTC; null: never, or the server does not run.",
    extra_json_schema={"format": "date-time"},
)]  # fmt: skip


class Status(msgspec.Struct, frozen=True, rename="kebab"):
    """How a virtual server is, beside what it does.

    time-offset: Seconds that the guest's real-time clock is ahead of UTC; null: not known.
    monitor-response: 0: its QEMU answers; -1: it does not, and figures of it stay as they were; null: not asked.
    client-ip: Address of the client that connected last to its display, and still is; null: none that hpm saw.
    username: Users logged in inside the guest, with commas; null: nobody, or not known.
    session: Whether somebody is logged in inside the guest; null: not known.
    guest-ips: Addresses of the guest, without those of loopback and link; null: not known.
    pause-code: Why it is paused. `NOERR`: somebody wanted it; the others are errors of its disks; null: not paused.
    """

    time_offset: int | None
    monitor_response: Literal[0, -1] | None
    client_ip: str | None
    username: str | None
    session: Session | None
    guest_ips: tuple[str, ...] | None
    pause_code: PauseCode | None


class Machine(msgspec.Struct, frozen=True, rename="kebab", kw_only=True):
    """A virtual server as the host has defined it.

    acpi-enable: Whether it has ACPI.
    display-port: TCP port of its display; null: none.
    display-secure-port: TCP port of its display with TLS; null: none.
    display-type: `vnc`, `spice` or another kind; null: it has no display.
    display-ip: Address at which its display listens; null: none.
    pid: Process id of its QEMU; null: it does not run, or that is not known.
    started: When its QEMU was started, to the second; null: it does not run, or that is not known.
    vm-type: `kvm`: the host's CPUs run it; `qemu`: they are emulated.
    kvm-enable: Whether KVM runs it.
    cdrom: What is in its CD-ROM drive. Left out: no drive, or nothing in it.
    boot: What it boots from, in order. Left out: not said.
    vcpus: Virtual CPUs that it has now.
    memory: Its memory, in MiB.
    """

    acpi_enable: bool
    display_port: int | None
    display_secure_port: int | None
    display_type: str | None
    display_ip: str | None
    pid: int | None
    started: Time | None
    vm_type: str
    kvm_enable: bool
    vcpus: int
    memory: int
    cdrom: str | msgspec.UnsetType = msgspec.UNSET
    boot: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


class Configuration(Machine, frozen=True, rename="kebab", kw_only=True):
    """A virtual server as host and administrators have defined it.

    class: Its service class; null: its group is unmanaged.
    goal: Its goal; null: its group is unmanaged.
    """

    group: GroupUri
    class_: str | None = msgspec.field(name="class")
    goal: Goal | None


class MemoryStats(msgspec.Struct, frozen=True, rename="kebab"):
    """What the guest makes of its memory, as its balloon driver says, and what that takes on the host.

    unused-bytes: Memory that nothing uses, in bytes; null: not known.
    available-bytes: Memory that its system can use, in bytes; null: not known.
    usable-bytes: Memory that its system could use without swapping, in bytes; null: not known.
    disk-caches-bytes: Memory that holds caches of disks, in bytes; null: not known.
    major-faults: Page faults that read from a disk, since it booted; null: not known.
    minor-faults: Other page faults, since it booted; null: not known.
    swap-in-bytes: Bytes that it swapped in, since it booted; null: not known.
    swap-out-bytes: Bytes that it swapped out, since it booted; null: not known.
    resident-bytes: Memory of the host that its QEMU takes, in bytes; null: not known.
    """

    unused_bytes: int | None
    available_bytes: int | None
    usable_bytes: int | None
    disk_caches_bytes: int | None
    major_faults: int | None
    minor_faults: int | None
    swap_in_bytes: int | None
    swap_out_bytes: int | None
    resident_bytes: int | None


class BalloonInfo(msgspec.Struct, frozen=True, rename="kebab"):
    """The balloon: memory that the guest has, and may have.

    current-bytes: Memory that it has now, in bytes.
    maximum-bytes: The most that it can have, in bytes.
    minimum-bytes: What it is guaranteed, in bytes; null: nothing.
    target-bytes: What it was asked to have, in bytes; null: not known.
    """

    current_bytes: int
    maximum_bytes: int
    minimum_bytes: int | None
    target_bytes: int | None


class DiskUsage(msgspec.Struct, frozen=True, rename="kebab"):
    """A file system, as the guest sees it.

    path: Where it is mounted.
    filesystem: Its kind, such as `ext4`.
    total-bytes: Its size, in bytes; null: not known.
    used-bytes: What is used of it, in bytes; null: not known.
    """

    path: str
    filesystem: str
    total_bytes: int | None
    used_bytes: int | None


class NetworkInterface(msgspec.Struct, frozen=True, rename="kebab"):
    """A network interface, as the host sees it; received by the guest, sent by the guest. Counted since it started.

    name: The name of the device on the host; null: it has none.
    mac: The guest's hardware address.
    model: The kind of device that the guest sees; null: not said.
    rx-bytes: Bytes received; null: not known.
    tx-bytes: Bytes sent; null: not known.
    rx-packets: Packets received; null: not known.
    tx-packets: Packets sent; null: not known.
    rx-bytes-per-second: Since the sample before; null: there is none.
    tx-bytes-per-second: Since the sample before; null: there is none.
    rx-errors: Errors in receiving; null: not known.
    tx-errors: Errors in sending; null: not known.
    rx-dropped: Packets dropped in receiving; null: not known.
    tx-dropped: Packets dropped in sending; null: not known.
    """

    name: str | None
    mac: str
    model: str | None
    rx_bytes: int | None
    tx_bytes: int | None
    rx_packets: int | None
    tx_packets: int | None
    rx_bytes_per_second: float | None
    tx_bytes_per_second: float | None
    rx_errors: int | None
    tx_errors: int | None
    rx_dropped: int | None
    tx_dropped: int | None


class Disk(msgspec.Struct, frozen=True, rename="kebab"):
    """A disk, as the host sees it. Counted since the guest started.

    name: The name of the device, such as `vda`.
    source: The file, device or volume behind it; null: none.
    read-bytes: Bytes read; null: not known.
    written-bytes: Bytes written; null: not known.
    read-requests: Requests to read; null: not known.
    write-requests: Requests to write; null: not known.
    flush-requests: Requests to flush; null: not known.
    read-bytes-per-second: Since the sample before; null: there is none.
    written-bytes-per-second: Since the sample before; null: there is none.
    read-seconds: Time that requests to read took, all together; null: not known.
    write-seconds: Time that requests to write took, all together; null: not known.
    flush-seconds: Time that requests to flush took, all together; null: not known.
    capacity-bytes: Its size for the guest, in bytes; null: not known.
    allocation-bytes: What is written of it on the host, in bytes; null: not known.
    """

    name: str
    source: str | None
    read_bytes: int | None
    written_bytes: int | None
    read_requests: int | None
    write_requests: int | None
    flush_requests: int | None
    read_bytes_per_second: float | None
    written_bytes_per_second: float | None
    read_seconds: float | None
    write_seconds: float | None
    flush_seconds: float | None
    capacity_bytes: int | None
    allocation_bytes: int | None


class Devices(msgspec.Struct, frozen=True, rename="kebab"):
    """What the devices of a virtual server have done.

    memory-stats: What it makes of its memory; null: not known.
    balloon-info: What memory it has; null: not known.
    disks-usage: Its file systems, as its agent says; null: no agent answers.
    network: Its network interfaces; null: not known.
    disks: Its disks; null: not known.
    """

    memory_stats: MemoryStats | None
    balloon_info: BalloonInfo | None
    disks_usage: tuple[DiskUsage, ...] | None
    network: tuple[NetworkInterface, ...] | None
    disks: tuple[Disk, ...] | None


class GuestInterface(msgspec.Struct, frozen=True, rename="kebab"):
    """A network interface, as the guest sees it.

    name: Its name in the guest.
    mac: Its hardware address; null: it has none.
    inet: Its IPv4 addresses.
    inet6: Its IPv6 addresses.
    """

    name: str
    mac: str | None
    inet: tuple[str, ...]
    inet6: tuple[str, ...]


class GuestDetails(msgspec.Struct, frozen=True, rename="kebab"):
    """What an agent in the guest says of it.

    apps-list: Names and versions of what is installed; null: not known.
    net-ifaces: Its network interfaces; null: no agent answers.
    """

    apps_list: tuple[str, ...] | None
    net_ifaces: tuple[GuestInterface, ...] | None


class SectionQuery(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Of which virtual servers.

    ids: UUIDs, with commas; left out: of all.
    """

    ids: Annotated[str, msgspec.Meta(
        min_length=1, max_length=MOST_IDS * 37, extra_json_schema={"pattern": f"^{UUID}(?:,{UUID})*$"},
    )] | None = None  # fmt: skip
    after: After | None = None
    limit: Limit | None = None


class _Of(msgspec.Struct, frozen=True, rename="kebab", kw_only=True):
    """A section of a virtual server.

    object-id: Its UUID.
    name: Its name, which libvirt keeps unique on a host.
    """

    object_id: str
    object_uri: Uri
    name: str
    sampled: Sampled


class ServerStatusSection(_Of, frozen=True, rename="kebab", kw_only=True):
    """The section `status` of a virtual server. `sampled`: when its QEMU answered last.

    status: The section.
    """

    status: Status


class ServerConfigurationSection(_Of, frozen=True, rename="kebab", kw_only=True):
    """The section `configuration` of a virtual server. It is read when the hypervisor says that something changed.

    configuration: The section.
    """

    configuration: Configuration


class ServerDevicesSection(_Of, frozen=True, rename="kebab", kw_only=True):
    """The section `devices` of a virtual server. It is sampled seldom: see `devices-interval-seconds` of the settings.

    devices: The section.
    """

    devices: Devices


class ServerGuestDetailsSection(_Of, frozen=True, rename="kebab", kw_only=True):
    """The section `guest-details` of a virtual server. `sampled`: when its agent answered last.

    guest-details: The section.
    """

    guest_details: GuestDetails


class StatusList(msgspec.Struct, rename="kebab"):
    """Sections `status`.

    virtual-servers: In order of name.
    """

    virtual_servers: list[ServerStatusSection]
    snapshot_time: SnapshotTime | None
    problem: Problem
    next: Next = None


class ConfigurationList(msgspec.Struct, rename="kebab"):
    """Sections `configuration`.

    virtual-servers: In order of name.
    """

    virtual_servers: list[ServerConfigurationSection]
    snapshot_time: SnapshotTime | None
    problem: Problem
    next: Next = None


class DevicesList(msgspec.Struct, rename="kebab"):
    """Sections `devices`.

    virtual-servers: In order of name.
    """

    virtual_servers: list[ServerDevicesSection]
    snapshot_time: SnapshotTime | None
    problem: Problem
    next: Next = None


class GuestDetailsList(msgspec.Struct, rename="kebab"):
    """Sections `guest-details`.

    virtual-servers: In order of name.
    """

    virtual_servers: list[ServerGuestDetailsSection]
    snapshot_time: SnapshotTime | None
    problem: Problem
    next: Next = None
