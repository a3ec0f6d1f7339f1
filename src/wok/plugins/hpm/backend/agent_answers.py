"""What a guest's agent answers, read from what libvirt makes of it.

Whoever has the guest can make its agent say anything: what is no address is left out, texts are cut, and of each thing
so many are taken. What libvirt's call itself hands over is at most 10 MiB (its limit for an agent's answer).
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import msgspec

from ..wire.sections import DiskUsage, GuestInterface

#: Characters of a text that a guest says of itself; a path may be as long as Linux takes it (PATH_MAX).
LONGEST = 255
LONGEST_PATH = 4096
#: Users, file systems, interfaces, and addresses of one interface: of more than this, the first.
MOST = 256


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


def cut(text: object, longest: int = LONGEST) -> str:
    """A text that a guest says, not longer than it may be."""
    said = str(text)
    return said if len(said) <= longest else said[: longest - 1] + "…"


def reachable(addresses: list[str]) -> tuple[str, ...]:
    """Those that are neither of loopback nor of one link alone, nor none at all."""
    known = [(address, _ip(address)) for address in dict.fromkeys(addresses)]
    return tuple(address for address, ip in known if ip is not None and not ip.is_loopback and not ip.is_link_local)


def users(info: Mapping[str, Any]) -> tuple[str, ...]:
    """Each name once, sorted."""
    return tuple(sorted({cut(info[f"user.{n}.name"]) for n in _each(info, "user") if f"user.{n}.name" in info}))


def filesystems(info: Mapping[str, Any]) -> tuple[DiskUsage, ...]:
    """In order of their paths. An older agent does not tell sizes."""
    found = []
    for n in _each(info, "fs"):
        total, used = info.get(f"fs.{n}.total-bytes"), info.get(f"fs.{n}.used-bytes")
        found.append(DiskUsage(
            cut(info.get(f"fs.{n}.mountpoint", ""), LONGEST_PATH), cut(info.get(f"fs.{n}.fstype", "")),
            None if total is None else int(total), None if used is None else int(used),
        ))  # fmt: skip
    return tuple(sorted(found, key=lambda usage: usage.path))


def interfaces(info: Mapping[str, Any]) -> tuple[GuestInterface, ...]:
    """In the guest's own order."""
    found = []
    for n in _each(info, "if"):
        addresses: dict[str, list[str]] = {"ipv4": [], "ipv6": []}
        for m in _each(info, f"if.{n}.addr"):
            kind, address = info.get(f"if.{n}.addr.{m}.type"), info.get(f"if.{n}.addr.{m}.addr")
            if kind in addresses and address is not None and _ip(address) is not None:
                addresses[str(kind)].append(str(address))
        mac = info.get(f"if.{n}.hwaddr")
        found.append(GuestInterface(
            cut(info.get(f"if.{n}.name", "")), None if mac is None else cut(mac), tuple(addresses["ipv4"]),
            tuple(addresses["ipv6"]),
        ))  # fmt: skip
    return tuple(found)


def _each(info: Mapping[str, Any], of: str) -> range:
    return range(min(int(info.get(f"{of}.count", 0)), MOST))


def _ip(address: object) -> IPv4Address | IPv6Address | None:
    """None: it is no address, or has a scope as long as the guest likes."""
    try:
        return ip_address(str(address)) if len(str(address)) <= LONGEST else None
    except ValueError:
        return None
