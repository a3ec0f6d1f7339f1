"""What a guest's agent answers, read from what libvirt makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

import msgspec

from ..wire.sections import DiskUsage, GuestInterface


class AgentAnswer(msgspec.Struct, frozen=True):
    """Users logged in, file systems, interfaces; None: this agent cannot tell."""

    users: tuple[str, ...] | None = None
    filesystems: tuple[DiskUsage, ...] | None = None
    interfaces: tuple[GuestInterface, ...] | None = None

    @property
    def addresses(self) -> tuple[str, ...] | None:
        """Addresses by which others can reach the guest."""
        if self.interfaces is None:
            return None
        return reachable([address for one in self.interfaces for address in (*one.inet, *one.inet6)])


def reachable(addresses: list[str]) -> tuple[str, ...]:
    """Those that are neither of loopback nor of one link alone."""
    known = [(address, ip_address(address)) for address in dict.fromkeys(addresses)]
    return tuple(address for address, ip in known if not ip.is_loopback and not ip.is_link_local)


def users(info: Mapping[str, Any]) -> tuple[str, ...]:
    """Each name once, sorted."""
    return tuple(sorted({str(info[f"user.{n}.name"]) for n in range(int(info.get("user.count", 0)))}))


def filesystems(info: Mapping[str, Any]) -> tuple[DiskUsage, ...]:
    """In order of their paths. An older agent does not tell sizes."""
    found = []
    for n in range(int(info.get("fs.count", 0))):
        total, used = info.get(f"fs.{n}.total-bytes"), info.get(f"fs.{n}.used-bytes")
        found.append(DiskUsage(
            str(info.get(f"fs.{n}.mountpoint", "")), str(info.get(f"fs.{n}.fstype", "")),
            None if total is None else int(total), None if used is None else int(used),
        ))  # fmt: skip
    return tuple(sorted(found, key=lambda usage: usage.path))


def interfaces(info: Mapping[str, Any]) -> tuple[GuestInterface, ...]:
    """In the guest's own order."""
    found = []
    for n in range(int(info.get("if.count", 0))):
        addresses: dict[str, list[str]] = {"ipv4": [], "ipv6": []}
        for m in range(int(info.get(f"if.{n}.addr.count", 0))):
            kind, address = info.get(f"if.{n}.addr.{m}.type"), info.get(f"if.{n}.addr.{m}.addr")
            if kind in addresses and address is not None:
                addresses[str(kind)].append(str(address))
        mac = info.get(f"if.{n}.hwaddr")
        found.append(GuestInterface(
            str(info.get(f"if.{n}.name", "")), None if mac is None else str(mac), tuple(addresses["ipv4"]),
            tuple(addresses["ipv6"]),
        ))  # fmt: skip
    return tuple(found)
