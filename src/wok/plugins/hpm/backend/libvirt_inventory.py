"""Which virtual servers there are, kept current by libvirt's events in a thread of its own.

Observations never wait for libvirt: they use the inventory as it stands. When libvirt goes away the
inventory stays, guests go on being sampled through the kernel's files, and the keeper reconnects.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import libvirt
import msgspec

from ..engine.samples import ServerInfo, ServerStatus
from ..errors import HypervisorError, HypervisorUnreachable, ServerGone
from . import domain_xml
from .guest_facts import guest_facts
from .libvirt_connection import Connection

log = logging.getLogger(__name__)

#: Everything is listed anew this often even if no event came (seconds).
RESYNC = 60.0
#: Pauses between attempts to reconnect (seconds).
RETRY_FIRST, RETRY_LAST = 0.2, 5.0

_STATUS: dict[int, ServerStatus] = {
    libvirt.VIR_DOMAIN_RUNNING: "running",
    libvirt.VIR_DOMAIN_BLOCKED: "running",
    libvirt.VIR_DOMAIN_PAUSED: "paused",
    libvirt.VIR_DOMAIN_SHUTDOWN: "running",
    libvirt.VIR_DOMAIN_SHUTOFF: "shut-off",
    libvirt.VIR_DOMAIN_CRASHED: "crashed",
    libvirt.VIR_DOMAIN_PMSUSPENDED: "paused",
}


class Entry(msgspec.Struct, frozen=True):
    """One domain: what is shown of it, and its libvirt id while it is active (else None). `io_error`: it is paused
    because of one."""

    info: ServerInfo
    xml: domain_xml.DomainXml
    domain_id: int | None
    shares: int | None
    io_error: bool = False


class Inventory:
    """Keeps `entries` (UUID → `Entry`; replaced, never changed) and `problem` current. `read` is when each of them was
    read (unix, in seconds).

    `on_change(entries)` is called from the keeper's thread after each replacement.
    """

    def __init__(self, uri: str, cpus: int, on_change: Callable[[Mapping[str, Entry]], None]) -> None:
        self.entries: Mapping[str, Entry] = {}
        self.problem: str | None = None
        self.read: dict[str, float] = {}
        self.connection = Connection(uri, self._event)
        self._cpus = cpus
        self._on_change = on_change
        self._dirty: set[str] = set()
        self._facts: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._ending = False
        self._thread = threading.Thread(target=self._keep, name="libvirt-inventory", daemon=True)
        self._details = threading.Thread(target=self._keep_facts, name="libvirt-facts", daemon=True)
        self._facts_wanted: dict[str, Entry] = {}
        self._facts_wake = threading.Event()

    def start(self) -> None:
        """Connect, list everything, and keep it current. Raises `HypervisorUnreachable`."""
        self.connection.ensure()
        self._resync()
        self._thread.start()
        self._details.start()

    def close(self) -> None:
        """End the threads and the connection."""
        self._ending = True
        self._wake.set()
        self._facts_wake.set()
        for thread in (self._thread, self._details):
            if thread.ident is not None:
                thread.join(10.0)
        self.connection.close()

    def touch(self, uuid: str) -> None:
        """Look at this server again soon: its files vanished, or it changed by our own hand."""
        self._event(uuid)

    def _event(self, uuid: str | None) -> None:
        with self._lock:
            if uuid is not None:
                self._dirty.add(uuid)
        self._wake.set()

    def _keep(self) -> None:
        pause = RETRY_FIRST
        while not self._ending:
            timed_out = not self._wake.wait(RESYNC if self.problem is None else pause)
            self._wake.clear()
            if self._ending:
                return
            try:
                fresh = self.connection.ensure()
                if fresh or timed_out or self.problem is not None:
                    self._resync()
                else:
                    self._refresh_dirty()
            except HypervisorUnreachable as error:
                if self.problem is None:
                    log.warning("libvirt is out of reach, guests go on under the last known plan: %s", error)
                    pause = RETRY_FIRST
                self.problem = str(error)
                self._ending or self._wake.wait(pause)
                pause = min(RETRY_LAST, pause * 2)
            except HypervisorError as error:
                log.warning("reading the inventory: %s", error)
            else:
                if self.problem is not None:
                    log.warning("libvirt answers again")
                self.problem = None

    def _resync(self) -> None:
        with self._lock:
            self._dirty.clear()
        domains = self.connection.call(lambda conn: conn.listAllDomains(0), "listing domains")
        entries: dict[str, Entry] = {}
        for domain in domains:
            try:
                entry = self.connection.call(lambda _conn, d=domain: self._look(d), "reading a domain")  # type: ignore[misc]
            except ServerGone:
                continue
            entries[entry.info.uuid] = entry
            self.read[entry.info.uuid] = time.time()
        for uuid in self.read.keys() - entries.keys():
            del self.read[uuid]
        self._replace(entries)

    def _refresh_dirty(self) -> None:
        with self._lock:
            dirty, self._dirty = self._dirty, set()
        if not dirty:
            return
        entries = dict(self.entries)
        for uuid in dirty:
            try:
                entries[uuid] = self.connection.call(
                    lambda conn, u=uuid: self._look(conn.lookupByUUIDString(u)), f"reading domain {uuid}"  # type: ignore[misc]
                )
                self.read[uuid] = time.time()
            except ServerGone:
                entries.pop(uuid, None)
            except HypervisorUnreachable:
                with self._lock:
                    self._dirty |= dirty
                raise
        self._replace(entries)

    def _replace(self, entries: dict[str, Entry]) -> None:
        old = self.entries
        for uuid, entry in entries.items():
            was = old.get(uuid)
            if was is not None and was == entry:
                entries[uuid] = was    # the same object: nothing changed
            elif entry.domain_id is not None:
                self._facts_wanted[uuid] = entry
                self._facts_wake.set()
        for uuid in self._facts.keys() - entries.keys():
            self._facts.pop(uuid, None)
        self.entries = entries
        self._on_change(entries)

    def _look(self, domain: Any) -> Entry:
        uuid = domain.UUIDString()
        state, reason = domain.state()
        status = _STATUS.get(state, "unknown")
        io_error = state == libvirt.VIR_DOMAIN_PAUSED and reason == libvirt.VIR_DOMAIN_PAUSED_IOERROR
        active = domain.isActive()
        xml = domain_xml.parse(domain.XMLDesc(0), self._cpus)
        shares = _shares(domain) if active else None
        info = xml.info(uuid, status, self._facts.get(uuid, {}))
        return Entry(info, xml, domain.ID() if active else None, shares, io_error)

    def _keep_facts(self) -> None:
        """Facts that only the guest or the network knows: slow, so never in anybody's way."""
        while not self._ending:
            self._facts_wake.wait()
            self._facts_wake.clear()
            while self._facts_wanted and not self._ending:
                uuid, entry = self._facts_wanted.popitem()
                found = guest_facts(self.connection.uri, uuid, entry.xml)
                if found and found != self._facts.get(uuid):
                    self._facts[uuid] = found
                    self._event(uuid)


def _shares(domain: Any) -> int | None:
    """The weight as libvirt knows it. A daemon that has just been started knows its guests before it has
    found their cgroups; until then it refuses."""
    try:
        value = domain.schedulerParametersFlags(0).get("cpu_shares")
    except libvirt.libvirtError as error:
        log.debug("shares of %s: %s", domain.name(), error)
        return None
    return None if value is None else int(value)
