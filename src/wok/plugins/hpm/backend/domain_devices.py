"""What a domain's XML tells of its machine: display, clock, disks, interfaces, what it boots from."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import datetime
from xml.etree import ElementTree
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from .xml_values import number, size

#: Seconds that a clock is ahead; also "reset".
_ADJUSTMENT = re.compile(r"[+-]?[0-9]{1,15}")


class DiskXml(msgspec.Struct, frozen=True):
    """A disk: the name of its device, what is behind it, and whether it is a ``disk``, a ``cdrom``, …"""

    name: str
    source: str | None
    device: str


class InterfaceXml(msgspec.Struct, frozen=True):
    """A network interface: its device on the host, the guest's hardware address, the kind of device."""

    name: str | None
    mac: str
    model: str | None


class Hardware(msgspec.Struct, frozen=True):
    """The machine of a domain. `clock` is offset, adjustment (s), and time zone, as libvirt has them."""

    type: str = "qemu"
    acpi: bool = False
    display_type: str | None = None
    display_port: int | None = None
    display_secure_port: int | None = None
    display_ip: str | None = None
    clock: tuple[str, int, str | None] = ("utc", 0, None)
    boot: tuple[str, ...] = ()
    disks: tuple[DiskXml, ...] = ()
    interfaces: tuple[InterfaceXml, ...] = ()
    minimum_bytes: int | None = None
    has_balloon: bool = False

    @property
    def cdrom(self) -> str | None:
        """What is in the first CD-ROM drive that has something in it."""
        return next((disk.source for disk in self.disks if disk.device == "cdrom" and disk.source), None)

    def time_offset(self) -> int | None:
        """Seconds that the guest's clock is ahead of UTC, as it is defined; None: it began at a time of its own."""
        offset, adjustment, zone = self.clock
        if offset == "localtime":
            return time.localtime().tm_gmtoff + adjustment
        if offset == "timezone" and zone is not None:
            try:
                ahead = datetime.now(ZoneInfo(zone)).utcoffset()
            except (ZoneInfoNotFoundError, ValueError, OSError):    # none that this host knows; `Europe` is a folder
                return None
            return None if ahead is None else int(ahead.total_seconds())
        return adjustment if offset in ("utc", "variable") else None


def hardware(root: ElementTree.Element) -> Hardware:
    """Read it. Raises `ValueError`, `KeyError`."""
    display = root.find("devices/graphics")
    clock = root.find("clock")
    minimum = root.find("memtune/min_guarantee")
    balloon = root.find("devices/memballoon")
    return Hardware(
        type=root.get("type", "qemu"),
        acpi=root.find("features/acpi") is not None,
        display_type=None if display is None else display.get("type"),
        display_port=_port(display, "port"),
        display_secure_port=_port(display, "tlsPort"),
        display_ip=None if display is None else _listens_at(display),
        clock=("utc", 0, None) if clock is None else _clock(clock),
        boot=tuple(_boot(root)),
        disks=tuple(_disk(disk) for disk in root.iterfind("devices/disk")),
        interfaces=tuple(_interface(interface) for interface in root.iterfind("devices/interface")),
        minimum_bytes=None if minimum is None else size(minimum),
        has_balloon=balloon is not None and balloon.get("model") != "none",
    )


def _port(display: ElementTree.Element | None, name: str) -> int | None:
    """A port; -1 means that libvirt chooses one at the start."""
    port = number(None if display is None else display.get(name), -1)
    return port if port > 0 else None


def _listens_at(display: ElementTree.Element) -> str | None:
    listen = display.find("listen")
    return display.get("listen") or (None if listen is None else listen.get("address"))


def _clock(clock: ElementTree.Element) -> tuple[str, int, str | None]:
    adjustment = clock.get("adjustment", "0")
    offset = clock.get("offset", "utc")
    if offset == "variable" and clock.get("basis") == "localtime":
        offset = "localtime"
    return offset, int(adjustment) if _ADJUSTMENT.fullmatch(adjustment) else 0, clock.get("timezone")


def _boot(root: ElementTree.Element) -> Iterator[str]:
    """Names of devices with an order of their own, or else the kinds that the domain names."""
    ordered: list[tuple[int, str]] = []
    for device in (*root.iterfind("devices/disk"), *root.iterfind("devices/interface")):
        order, target = device.find("boot"), device.find("target")
        if order is not None:
            name = device.tag if target is None else target.get("dev", device.tag)
            ordered.append((number(order.get("order")), name))
    if ordered:
        yield from (name for _, name in sorted(ordered))
    else:
        yield from (boot.get("dev", "") for boot in root.iterfind("os/boot"))


def _disk(disk: ElementTree.Element) -> DiskXml:
    target, source = disk.find("target"), disk.find("source")
    places = () if source is None else [source.get(key) for key in ("file", "dev", "volume", "name", "dir")]
    return DiskXml(
        "" if target is None else target.get("dev", ""),
        next((place for place in places if place), None),
        disk.get("device", "disk"),
    )


def _interface(interface: ElementTree.Element) -> InterfaceXml:
    target, mac, model = (interface.find(name) for name in ("target", "mac", "model"))
    return InterfaceXml(
        None if target is None else target.get("dev"),
        "" if mac is None else mac.get("address", ""),
        None if model is None else model.get("type"),
    )
