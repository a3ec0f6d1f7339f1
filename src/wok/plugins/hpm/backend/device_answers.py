"""What libvirt's statistics tell of the disks, interfaces and memory of one guest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..wire.sections import BalloonInfo, Disk, MemoryStats, NetworkInterface
from .domain_devices import Hardware


class DeviceAnswer(msgspec.Struct, frozen=True):
    """What one guest's devices had counted, and when: monotonic ns, and unix time in seconds."""

    time_ns: int
    sampled: float
    memory_stats: MemoryStats | None
    balloon_info: BalloonInfo | None
    network: tuple[NetworkInterface, ...]
    disks: tuple[Disk, ...]


def device_answer(
    statistics: Mapping[str, Any], machine: Hardware, before: DeviceAnswer | None, time_ns: int, sampled: float
) -> DeviceAnswer:
    """Read libvirt's bulk statistics of balloon, interfaces and blocks. `before` is of the same start of the guest;
    rates are means since then."""
    seconds = None if before is None else (time_ns - before.time_ns) / 1e9
    disks_before = {} if before is None else {disk.name: disk for disk in before.disks}
    network_before = {} if before is None else {interface.name: interface for interface in before.network}
    blocks, nets = _by_name(statistics, "block"), _by_name(statistics, "net")
    disks = []
    for known in machine.disks:
        told = blocks.get(known.name, {})
        read, written = _number(told, "rd.bytes"), _number(told, "wr.bytes")
        disk = disks_before.get(known.name)
        disks.append(Disk(
            name=known.name, source=known.source, read_bytes=read, written_bytes=written,
            read_requests=_number(told, "rd.reqs"), write_requests=_number(told, "wr.reqs"),
            flush_requests=_number(told, "fl.reqs"),
            read_bytes_per_second=_rate(read, None if disk is None else disk.read_bytes, seconds),
            written_bytes_per_second=_rate(written, None if disk is None else disk.written_bytes, seconds),
            read_seconds=_seconds(told, "rd.times"), write_seconds=_seconds(told, "wr.times"),
            flush_seconds=_seconds(told, "fl.times"),
            capacity_bytes=_number(told, "capacity"), allocation_bytes=_number(told, "allocation"),
        ))  # fmt: skip
    network = []
    for device in machine.interfaces:
        told = nets.get(device.name or "", {})
        rx, tx = _number(told, "rx.bytes"), _number(told, "tx.bytes")
        old = None if device.name is None else network_before.get(device.name)
        network.append(NetworkInterface(
            name=device.name, mac=device.mac, model=device.model, rx_bytes=rx, tx_bytes=tx,
            rx_packets=_number(told, "rx.pkts"), tx_packets=_number(told, "tx.pkts"),
            rx_bytes_per_second=_rate(rx, None if old is None else old.rx_bytes, seconds),
            tx_bytes_per_second=_rate(tx, None if old is None else old.tx_bytes, seconds),
            rx_errors=_number(told, "rx.errs"), tx_errors=_number(told, "tx.errs"),
            rx_dropped=_number(told, "rx.drop"), tx_dropped=_number(told, "tx.drop"),
        ))  # fmt: skip
    return DeviceAnswer(
        time_ns, sampled, _memory(statistics), _balloon(statistics, machine), tuple(network), tuple(disks)
    )


def _memory(statistics: Mapping[str, Any]) -> MemoryStats:
    def kibibytes(name: str) -> int | None:
        value = statistics.get(f"balloon.{name}")
        return None if value is None else int(value) * 1024

    return MemoryStats(
        unused_bytes=kibibytes("unused"), available_bytes=kibibytes("available"), usable_bytes=kibibytes("usable"),
        disk_caches_bytes=kibibytes("disk_caches"), major_faults=_number(statistics, "balloon.major_fault"),
        minor_faults=_number(statistics, "balloon.minor_fault"), swap_in_bytes=kibibytes("swap_in"),
        swap_out_bytes=kibibytes("swap_out"), resident_bytes=kibibytes("rss"),
    )  # fmt: skip


def _balloon(statistics: Mapping[str, Any], machine: Hardware) -> BalloonInfo | None:
    current, most = _number(statistics, "balloon.current"), _number(statistics, "balloon.maximum")
    if current is None or most is None:
        return None
    return BalloonInfo(current * 1024, most * 1024, machine.minimum_bytes, None)


def _by_name(statistics: Mapping[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """``block.0.rd.bytes`` and the like, by the name of the device. Of a disk with backing files only itself."""
    groups: dict[str, dict[str, Any]] = {}
    for key, value in statistics.items():
        parts = key.split(".", 2)
        if parts[0] == kind and len(parts) == 3:
            groups.setdefault(parts[1], {})[parts[2]] = value
    return {str(group["name"]): group for group in groups.values() if "name" in group}


def _number(told: Mapping[str, Any], name: str) -> int | None:
    value = told.get(name)
    return None if value is None else int(value)


def _seconds(told: Mapping[str, Any], name: str) -> float | None:
    value = told.get(name)
    return None if value is None else round(int(value) / 1e9, 6)


def _rate(now: int | None, before: int | None, seconds: float | None) -> float | None:
    if now is None or before is None or seconds is None or seconds <= 0 or now < before:
        return None
    return round((now - before) / seconds, 1)
