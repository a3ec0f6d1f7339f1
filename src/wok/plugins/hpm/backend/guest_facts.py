"""Facts that only the guest agent or the network's DHCP leases know: hostname and operating system.

An agent may answer late or never, so these questions have a connection of their own for each look,
and a time limit; nobody waits for them.
"""

from __future__ import annotations

import contextlib
import logging
from typing import Any

import libvirt

from ..errors import HypervisorError
from .agent_answers import cut
from .calls import Calls
from .domain_xml import DomainXml

log = logging.getLogger(__name__)

#: Seconds that a guest's agent may take.
AGENT_TIMEOUT = 10.0

_calls = Calls("libvirt-agent")


def guest_facts(uri: str, uuid: str, xml: DomainXml) -> dict[str, str]:
    """Hostname and os-* as far as they can be found out; empty if nobody knows."""
    if not xml.has_agent and not xml.macs:
        return {}
    try:
        return _calls.run(lambda: _ask(uri, uuid, xml), f"asking the agent of {xml.name}", AGENT_TIMEOUT)
    except (HypervisorError, libvirt.libvirtError, ValueError) as error:    # ValueError: what it says is no UTF-8
        log.debug("facts of %s: %s", xml.name, error)
        return {}


def _ask(uri: str, uuid: str, xml: DomainXml) -> dict[str, str]:
    conn = libvirt.open(uri)
    try:
        facts = _from_leases(conn, xml.macs)
        if xml.has_agent:
            facts.update(_from_agent(conn.lookupByUUIDString(uuid)))
        return facts
    finally:
        conn.close()


def _from_agent(domain: Any) -> dict[str, str]:
    facts: dict[str, str] = {}
    kinds = libvirt.VIR_DOMAIN_GUEST_INFO_OS | libvirt.VIR_DOMAIN_GUEST_INFO_HOSTNAME
    info: dict[str, Any] = {}
    for kind in (kinds, libvirt.VIR_DOMAIN_GUEST_INFO_HOSTNAME):    # an agent may know only the one
        with contextlib.suppress(libvirt.libvirtError):
            info = domain.guestInfo(kind)
            break
    if "hostname" in info:
        facts["hostname"] = cut(info["hostname"])
    if "os.id" in info:
        name = cut(info["os.id"])
        facts["os-name"] = name
        facts["os-type"] = "windows" if name == "mswindows" else "linux"
    if "os.version-id" in info:
        facts["os-level"] = cut(info["os.version-id"])
    return facts


def _from_leases(conn: Any, macs: tuple[str, ...]) -> dict[str, str]:
    for network in conn.listAllNetworks(libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE) if macs else ():
        for mac in macs:
            for lease in network.DHCPLeases(mac):
                if lease.get("hostname"):
                    return {"hostname": cut(lease["hostname"])}
    return {}
