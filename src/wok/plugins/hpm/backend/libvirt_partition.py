"""What is written into a domain's lasting definition: its partition, its guest policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import libvirt

from ..errors import Conflict
from ..policy.guest_policies import GuestPolicy
from .domain_xml import named_partition, with_partition
from .libvirt_inventory import Inventory
from .start_xml import defined


def define_partition(inventory: Inventory, uuid: str, path: str | None) -> str | None:
    """Write it there; it holds from the next start on. Gives the one that stood there. Raises `ServerGone`, `Conflict`
    for a domain that has no lasting definition, `HypervisorError`."""
    return named_partition(_define(inventory, uuid, lambda xml: with_partition(xml, path), "partition"))


def define_policy(inventory: Inventory, uuid: str, policy: GuestPolicy, pins: Sequence[str]) -> None:
    """Write a guest policy there. Raises as `define_partition`."""
    _define(inventory, uuid, lambda xml: defined(xml, policy, pins), "guest policy")


def _define(inventory: Inventory, uuid: str, change: Callable[[str], str], what: str) -> str:
    """Gives the definition before."""
    def define(conn: Any) -> str | None:
        domain = conn.lookupByUUIDString(uuid)
        if not domain.isPersistent():
            return None
        before = str(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE))
        conn.defineXML(change(before))
        return before

    before = inventory.connection.call(define, f"defining the {what} of {uuid}")
    if before is None:
        raise Conflict(f"this virtual server is transient: it has no lasting definition to write a {what} into")
    inventory.touch(uuid)
    return before
