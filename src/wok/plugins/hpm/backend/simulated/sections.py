"""The sections of a simulated host's servers: made up, plausible, and moving with what the servers do.

A server of which a hostname or system is described has an agent in it; others have none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from random import Random
from typing import TypeVar

import msgspec

from ...engine.table import Table, empty, of_rows
from ...wire.sections import (
    BalloonInfo,
    Devices,
    Disk,
    DiskUsage,
    GuestDetails,
    GuestInterface,
    Machine,
    MemoryStats,
    NetworkInterface,
    Status,
)
from ..device_figures import Devices as Counted
from ..device_figures import device_row
from ..extras import DEVICES, NO_DETAILS, NO_DEVICES, Sections
from ..starts import whole_time
from .loads import SECOND
from .server import Server

T = TypeVar("T")

_GIB = 1 << 30
#: Bytes that a server moves for each second of CPU that it uses.
_READ, _WRITTEN, _RECEIVED, _SENT = 3_000_000, 1_200_000, 700_000, 2_100_000
#: Bytes of one request to a disk, and of one packet.
_REQUEST, _PACKET = 16384, 1000


class _Known(msgspec.Struct):
    """Of what a server's sections were made."""

    info: object
    start: str | None
    hangs: bool
    devices_ns: int
    run: float


class SimulatedSections:
    """Gives the sections of all servers; not thread-safe. `interval`: seconds between two samples of devices. `table`
    has their figures (columns `DEVICES`)."""

    def __init__(self) -> None:
        self.interval = 300.0
        self.table = empty(DEVICES)
        self._rows: dict[str, tuple[int, tuple[float, ...]]] = {}
        self._known: dict[str, _Known] = {}
        self._sections: Mapping[str, Sections] = {}

    def sections(
        self, now_ns: int, unix: float, servers: Sequence[Server], hanging: Collection[str], balloon: Table
    ) -> Mapping[str, Sections]:
        """As they are at that time, `unix` for the guests; the same mapping if nothing has changed.

        `hanging` are UUIDs of servers whose calls hang: what QEMU or an agent would tell stays as it was.
        """
        made: dict[str, Sections] = {}
        rows = dict(self._rows)
        for server in servers:
            known, hangs = self._known.get(server.uuid), server.uuid in hanging
            anew = known is None or known.start != server.start
            due = anew or known is None or now_ns - known.devices_ns >= self.interval * SECOND
            due = due and not hangs and server.start is not None
            if known is not None and not (anew or due) and (known.info, known.hangs) == (server.info, hangs):
                continue
            before = None if anew else self._sections.get(server.uuid)
            if anew:
                rows.pop(server.uuid, None)
            run = sum(thread.run_ns for thread in server.threads) / SECOND
            born = whole_time(unix - (now_ns - server.booted_ns) / SECOND) if server.start is not None else None
            started = born if before is None else before.configuration.started
            news = _sections(server, hangs, unix, started, before)
            if due:
                passed = None if anew or known is None or not known.devices_ns else (now_ns - known.devices_ns) / SECOND
                moved = (run - known.run) / passed if passed and known is not None else None
                devices = _devices(server, run, moved, balloon)
                old = None if before is None else before.devices
                news = msgspec.structs.replace(news, devices=_same(old, devices), devices_sampled=round(unix, 3))
                row = device_row(_counted(devices), None if old is None else _counted(old), passed, round(unix, 3))
                rows[server.uuid] = now_ns, row
            sampled_ns = now_ns if due else 0 if anew or known is None else known.devices_ns
            self._known[server.uuid] = _Known(
                server.info, server.start, hangs, sampled_ns, run if due or known is None else known.run
            )
            made[server.uuid] = news
        present = {server.uuid for server in servers}
        if made or present != self._sections.keys():
            self._known = {uuid: known for uuid, known in self._known.items() if uuid in present}
            self._sections = {uuid: one for uuid, one in {**self._sections, **made}.items() if uuid in present}
            self._rows = {uuid: row for uuid, row in rows.items() if uuid in present}
            self.table = of_rows(DEVICES, self._rows)
        return self._sections


def _sections(
    server: Server, hangs: bool, unix: float, started: str | None, before: Sections | None
) -> Sections:
    """All but devices."""
    has_agent = server.start is not None and ("hostname" in server.spec.facts or "os-type" in server.spec.facts)
    silent = hangs and before is not None
    nature = Random(server.uuid)
    address = f"192.0.2.{nature.randrange(1, 255)}"
    details = NO_DETAILS
    if has_agent:
        own = GuestInterface("eth0", _mac(server.uuid), (address,), (f"2001:db8::{nature.randrange(1, 65536):x}",))
        details = GuestDetails(("qemu-guest-agent-7.2", "openssh-server-9.2"), (own,))
    return Sections(
        status=_same(None if before is None else before.status, _status(server, hangs, has_agent, address)),
        configuration=_same(None if before is None else before.configuration, _machine(server, started, nature)),
        devices=NO_DEVICES if before is None else before.devices,
        guest_details=_same(None if before is None else before.guest_details, details),
        configuration_sampled=round(unix, 3),
        devices_sampled=None if before is None else before.devices_sampled,
        guest_details_sampled=before.guest_details_sampled if silent and before else round(unix, 3)
        if has_agent else None,
    )


def _counted(devices: Devices) -> Counted:
    return devices.disks or (), devices.network or ()


def _same(before: T | None, now: T) -> T:
    return before if before is not None and before == now else now


def _status(server: Server, hangs: bool, has_agent: bool, address: str) -> Status:
    if server.start is None:
        return Status(0, None, None, None, None, None, None)
    return Status(
        time_offset=0,
        monitor_response=-1 if hangs else 0,
        client_ip="198.51.100.7" if has_agent else None,
        username="root" if has_agent else None,
        session="logged-on" if has_agent else None,
        guest_ips=(address,) if has_agent else None,
        pause_code="NOERR" if server.status == "paused" else None,
    )


def _machine(server: Server, started: str | None, nature: Random) -> Machine:
    runs = server.start is not None
    return Machine(
        acpi_enable=True,
        display_port=5900 + nature.randrange(1000) if runs else None,
        display_secure_port=6900 + nature.randrange(1000) if runs else None,
        display_type="spice",
        display_ip="127.0.0.1",
        pid=100000 + nature.randrange(900000) if runs else None,
        started=started,
        vm_type="kvm",
        kvm_enable=True,
        cdrom=f"/var/lib/libvirt/images/{server.spec.name}-seed.iso",
        boot=("hd",),
        vcpus=server.spec.vcpus,
        memory=server.spec.memory_mib,
    )


def _devices(server: Server, run: float, moved: float | None, balloon: Table) -> Devices:
    """`run`: CPU seconds used; `moved`: CPUs used on average since the sample before."""
    uuid, name = server.uuid, server.spec.name
    nature = Random(uuid)
    size = nature.randrange(10, 200) * _GIB
    used = int(size * nature.uniform(0.2, 0.8)) + int(run * _WRITTEN) // 50

    def rate(bytes_each: int) -> float | None:
        return None if moved is None else round(moved * bytes_each, 1)

    def figure(column: str) -> int | None:
        value = balloon.value(uuid, column)
        return None if value is None else int(value)

    read, written, received, sent = (int(run * each) for each in (_READ, _WRITTEN, _RECEIVED, _SENT))
    disk = Disk(
        name="vda", source=f"/var/lib/libvirt/images/{name}.qcow2", read_bytes=read, written_bytes=written,
        read_requests=read // _REQUEST, write_requests=written // _REQUEST, flush_requests=written // _REQUEST // 40,
        read_bytes_per_second=rate(_READ), written_bytes_per_second=rate(_WRITTEN),
        read_seconds=round(read / _REQUEST * 0.0004, 6), write_seconds=round(written / _REQUEST * 0.0009, 6),
        flush_seconds=round(written / _REQUEST / 40 * 0.002, 6), capacity_bytes=size, allocation_bytes=min(used, size),
    )  # fmt: skip
    network = NetworkInterface(
        name=f"vnet{nature.randrange(1000)}", mac=_mac(uuid), model="virtio", rx_bytes=received, tx_bytes=sent,
        rx_packets=received // _PACKET, tx_packets=sent // _PACKET, rx_bytes_per_second=rate(_RECEIVED),
        tx_bytes_per_second=rate(_SENT), rx_errors=0, tx_errors=0, rx_dropped=int(run) // 1000, tx_dropped=0,
    )  # fmt: skip
    memory = MemoryStats(
        unused_bytes=figure("unused_bytes"), available_bytes=figure("available_bytes"),
        usable_bytes=figure("usable_bytes"), disk_caches_bytes=figure("disk_caches_bytes"),
        major_faults=figure("major_faults"), minor_faults=figure("minor_faults"),
        swap_in_bytes=figure("swap_in_bytes"), swap_out_bytes=figure("swap_out_bytes"),
        resident_bytes=figure("rss_bytes"),
    )  # fmt: skip
    whole = server.spec.memory_mib << 20
    has_agent = "hostname" in server.spec.facts or "os-type" in server.spec.facts
    usage = (DiskUsage("/", "ext4", size, min(used, size)),) if has_agent else None
    current = figure("current_bytes") or whole
    ballooned = BalloonInfo(current, whole, server.info.memory.minimum_bytes, current)
    return Devices(memory, ballooned, usage, (network,), (disk,))


def _mac(uuid: str) -> str:
    digits = uuid.replace("-", "")
    return f"52:54:00:{digits[:2]}:{digits[2:4]}:{digits[4:6]}"
