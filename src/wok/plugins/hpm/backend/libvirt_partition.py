"""What is written into a domain's lasting definition: its partition, its guest policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import libvirt

from ..errors import Conflict
from ..policy.guest_policies import GuestPolicy
from .domain_xml import with_partition
from .libvirt_connection import Connection
from .start_xml import defined


def define_partition(connection: Connection, uuid: str, path: str | None) -> None:
    """Write it there; it holds from the next start on. Raises `ServerGone`, `Conflict` for a domain that has no lasting
    definition, `HypervisorError`."""
    _define(connection, uuid, lambda xml: with_partition(xml, path), "partition")


def define_policy(connection: Connection, uuid: str, policy: GuestPolicy, pins: Sequence[str]) -> None:
    """Write a guest policy there. Raises as `define_partition`."""
    _define(connection, uuid, lambda xml: defined(xml, policy, pins), "guest policy")


def _define(connection: Connection, uuid: str, change: Callable[[str], str], what: str) -> None:
    def define(conn: Any) -> bool:
        domain = conn.lookupByUUIDString(uuid)
        if not domain.isPersistent():
            return False
        flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
        conn.defineXML(change(domain.XMLDesc(flags)))
        return True

    if not connection.call(define, f"defining the {what} of {uuid}"):
        raise Conflict(f"this virtual server is transient: it has no lasting definition to write a {what} into")
