"""A domain's partition in its lasting definition."""

from __future__ import annotations

from typing import Any

import libvirt

from ..errors import Conflict
from .domain_xml import with_partition
from .libvirt_connection import Connection


def define_partition(connection: Connection, uuid: str, path: str | None) -> None:
    """Write it there; it holds from the next start on. Raises `ServerGone`, `Conflict` for a domain that has no lasting
    definition, `HypervisorError`."""

    def define(conn: Any) -> bool:
        domain = conn.lookupByUUIDString(uuid)
        if not domain.isPersistent():
            return False
        flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
        conn.defineXML(with_partition(domain.XMLDesc(flags), path))
        return True

    if not connection.call(define, f"defining the partition of {uuid}"):
        raise Conflict("this virtual server is transient: it has no lasting definition to write a partition into")
