"""Which virtual servers there are, kept current by libvirt's events in a thread of its own.

Observations never wait for libvirt: they use the inventory as it stands. When libvirt goes away the
inventory stays, guests go on being sampled through the kernel's files, and the keeper reconnects.

libvirt may answer, and yet not tell of one server. While a hook of its start runs (before the first event of that
start), found on libvirt 9.0: all that looks it up, and all that goes over all servers, hang until the hook ends:
``listAllDomains`` with whatever flags, ``numOfDomains``, ``getAllDomainStats`` (with ``NOWAIT``, too),
``lookupByName`` of any server. All else goes on: looking up others by UUID and reading, starting and ending them,
``domainListGetStats`` with a list of others, and events of others. So a listing that hangs is not waited for:
servers are then read one by one, and those of which nothing comes are `stale`. What hangs keeps its connection to
itself: beside it, found on libvirt 9.0, nearly every second call of another thread on that connection is answered, but
noticed only when something else comes, a third call or the keep-alive (three of seven calls took 5.0 s).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import libvirt
import msgspec

from ..engine.samples import ServerInfo, ServerStatus
from ..errors import HypervisorError, HypervisorUnreachable, ServerGone
from . import domain_xml
from .guest_facts import guest_facts
from .libvirt_connection import CALL_TIMEOUT, Connection
from .patience import Attempt

log = logging.getLogger(__name__)
T = TypeVar("T")

#: Everything is listed anew this often even if no event came (seconds).
RESYNC = 60.0
#: Pauses between attempts to reconnect (seconds).
RETRY_FIRST, RETRY_LAST = 0.2, 5.0
#: Seconds after which a listing, or the reading of one server, is held to hang: they take milliseconds.
PATIENCE = 2.0
#: Servers at which a call hangs at once: each holds one of libvirt's twenty workers, and other programs need the rest.
MOST_HANGING = 3

_STATUS: dict[int, ServerStatus] = {
    libvirt.VIR_DOMAIN_RUNNING: "running",
    libvirt.VIR_DOMAIN_BLOCKED: "running",
    libvirt.VIR_DOMAIN_PAUSED: "paused",
    libvirt.VIR_DOMAIN_SHUTDOWN: "running",
    libvirt.VIR_DOMAIN_SHUTOFF: "shut-off",
    libvirt.VIR_DOMAIN_CRASHED: "crashed",
    libvirt.VIR_DOMAIN_PMSUSPENDED: "paused",
}


#: The states, with their reasons, of a start whose settings are also those of the next one, or were those of the one
#: before: libvirt keeps them in what it saves, and takes them along.
_CARRIED = {
    (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_RESTORED),
    (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_MIGRATED),
    (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_FROM_SNAPSHOT),
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_MIGRATION),
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_FROM_SNAPSHOT),
    (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SAVED),
    (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_MIGRATED),
}


class Entry(msgspec.Struct, frozen=True):
    """One domain: what is shown of it, and its libvirt id while it is active (else None). `scheduled`: its weight and
    quota by libvirt's names, where it is active and libvirt says so. `io_error`: it is paused because of one."""

    info: ServerInfo
    xml: domain_xml.DomainXml
    domain_id: int | None
    scheduled: Mapping[str, int]
    io_error: bool = False


class _Hangs(Exception):
    """A call does not come back although libvirt answers others."""

    def __init__(self, call: Attempt) -> None:
        super().__init__()
        self.call = call


class Inventory:
    """Keeps `entries` (UUID → `Entry`; replaced, never changed) and `problem` current. `read` is when each of them was
    read (unix, in seconds); `stale` are those that libvirt, although it answers, tells nothing of now, and since when:
    also such as could not be read yet, and are no `entries`.

    `on_change(entries)` is called from the keeper's thread after each replacement.
    """

    def __init__(self, uri: str, cpus: int, on_change: Callable[[Mapping[str, Entry]], None]) -> None:
        self.entries: Mapping[str, Entry] = {}
        self.problem: str | None = None
        self.read: dict[str, float] = {}
        self.stale: Mapping[str, float] = {}
        self.connection = Connection(uri, self._event)
        self._reading = self._another()    # what hangs there is in nobody's way
        self._cpus = cpus
        self._on_change = on_change
        self._dirty: set[str] = set()
        self._in_hand: set[str] = set()    # those that were dirty and are being read
        self._listing: Attempt | None = None    # the last one, if it has hung
        self._listed = False    # whether one has come on this connection
        self._reads: dict[str, Attempt] = {}    # of servers at which they hang
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
        self._connect()
        self._resync(CALL_TIMEOUT)    # a daemon that starts up takes its time
        self._thread.start()
        self._details.start()

    def close(self) -> None:
        """End the threads and the connections."""
        self._ending = True
        self._wake.set()
        self._facts_wake.set()
        for thread in (self._thread, self._details):
            if thread.ident is not None:
                thread.join(10.0)
        self._reading.close()
        self.connection.close()

    def touch(self, uuid: str) -> None:
        """Look at this server again soon: its files vanished, or it changed by our own hand."""
        self._event(uuid)

    def unread(self) -> frozenset[str]:
        """The servers that were touched, or changed, since what `on_change` was given of them last was read."""
        with self._lock:
            return frozenset(self._dirty | self._in_hand)

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
                fresh = self._connect()
                missed = self._listing is not None and not self._listing.hangs
                if fresh or timed_out or self.problem is not None or missed:
                    self._resync(PATIENCE)
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
            except Exception:    # without this thread no server would be known to start or to end any more
                log.exception("reading the inventory")
            else:
                if self.problem is not None:
                    log.warning("libvirt answers again")
                self.problem = None

    def _connect(self) -> bool:
        """Connect where that is needed; true if there is a new connection. What hung ended with the old one."""
        fresh = [connection.ensure() for connection in (self.connection, self._reading)]
        if any(fresh):
            self._listing, self._listed, self._reads = None, False, {}
        return any(fresh)

    def _resync(self, patience: float) -> None:
        """List all servers and read them; while a listing hangs, read those that are known. Raises
        `HypervisorUnreachable` where it hangs and none has come since libvirt was reached: there may be others."""
        if self._listing is None or not self._listing.hangs:
            self._listing = None
            with self._lock:
                seen = set(self._dirty)    # what changes from now on is looked at again
            try:
                uuids = self._ask(
                    lambda conn: {domain.UUIDString() for domain in conn.listAllDomains(0)}, "listing domains",
                    patience, self._wake.set,
                )  # fmt: skip
            except _Hangs as error:
                self._listing = error.call
                log.warning("libvirt does not list its servers (a hook of one that starts may be running); they are"
                            " read one by one")  # fmt: skip
            else:
                self._listed = True
                with self._lock:
                    self._dirty -= seen
                    self._in_hand |= seen & uuids
                for uuid in self.read.keys() - uuids:
                    del self.read[uuid]
                if not self.stale.keys() <= uuids:
                    self.stale = {uuid: since for uuid, since in self.stale.items() if uuid in uuids}
                self._read({uuid: entry for uuid, entry in self.entries.items() if uuid in uuids}, uuids)
                return
        with self._lock:
            self._dirty |= self.entries.keys() | self.stale.keys()
        self._refresh_dirty()
        if not self._listed:
            raise HypervisorUnreachable("libvirt does not list its servers (a hook of a start may be running), so"
                                        " it is not known which there are")  # fmt: skip

    def _refresh_dirty(self) -> None:
        with self._lock:
            dirty, self._dirty = self._dirty, set()
            self._in_hand |= dirty
        if dirty:
            self._read(dict(self.entries), dirty)

    def _read(self, entries: dict[str, Entry], uuids: Iterable[str]) -> None:
        """Read these into the entries, and take all over. Of who cannot be read, what is known stays."""
        left, stale = dict.fromkeys(uuids), dict(self.stale)
        try:
            for uuid in list(left):
                self._reads = {other: call for other, call in self._reads.items() if call.hangs}
                if uuid not in self._reads and len(self._reads) >= MOST_HANGING:
                    stale.setdefault(uuid, time.time())
                    continue    # it is read as soon as one of those has come back
                if uuid not in self._reads:
                    self._read_one(uuid, entries, stale)
                del left[uuid]
        finally:
            with self._lock:
                self._dirty |= left.keys()
        if stale != self.stale:
            self.stale = stale
        self._replace(entries)
        with self._lock:
            self._in_hand = set()

    def _read_one(self, uuid: str, entries: dict[str, Entry], stale: dict[str, float]) -> None:
        known = False
        try:
            entries[uuid] = self._ask(
                lambda conn: self._look(conn.lookupByUUIDString(uuid)), f"reading domain {uuid}", PATIENCE,
                lambda: self._event(uuid),
            )  # fmt: skip
            self.read[uuid] = time.time()
            known = True
        except ServerGone:
            entries.pop(uuid, None)
            self.read.pop(uuid, None)
            known = True
        except _Hangs as error:    # it is read anew once that has come back
            self._reads[uuid] = error.call
        except HypervisorUnreachable:
            raise
        except HypervisorError as error:    # of this one alone, which keeps nobody from reading the others
            log.warning("%s", error)
        except Exception:    # nor does what libvirt tells of it and does not document
            log.exception("reading domain %s", uuid)
        if known:
            stale.pop(uuid, None)
        else:
            stale.setdefault(uuid, time.time())

    def _ask(
        self, function: Callable[[Any], T], what: str, patience: float, came_back: Callable[[], None]
    ) -> T:
        """Raises `_Hangs` where the answer does not come and libvirt answers others (`came_back` is then called once it
        has), `HypervisorUnreachable` where it answers nobody, `ServerGone`."""
        call, connection = Attempt(time.monotonic_ns), self._reading
        try:
            return connection.call(lambda conn: call.run(lambda: function(conn)), what, patience)
        except HypervisorUnreachable:
            if not call.hangs or not connection.alive:
                raise
        self.connection.call(lambda conn: conn.getLibVersion(), "asking whether libvirt answers", PATIENCE)

        def back() -> None:
            came_back()
            connection.close()

        self._reading = self._another()
        call.when_back(back)
        self._reading.ensure()
        raise _Hangs(call)

    def _another(self) -> Connection:
        return Connection(self.connection.uri, lambda _uuid: None, (), "libvirt-reading")

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
        carried = (state, reason) in _CARRIED or (not active and bool(domain.hasManagedSaveImage(0)))
        if state == libvirt.VIR_DOMAIN_PAUSED and reason == libvirt.VIR_DOMAIN_PAUSED_STARTING_UP:
            active = False    # nothing of it is certain before it runs
        xml = domain_xml.parse(domain.XMLDesc(0), self._cpus)
        scheduled = _scheduled(domain) if active else {}
        info = xml.info(uuid, status, self._facts.get(uuid, {}), carried=carried)
        return Entry(info, xml, domain.ID() if active else None, scheduled, io_error)

    def _keep_facts(self) -> None:
        """Facts that only the guest or the network knows: slow, so never in anybody's way."""
        while not self._ending:
            self._facts_wake.wait()
            self._facts_wake.clear()
            while self._facts_wanted and not self._ending:
                uuid, entry = self._facts_wanted.popitem()
                try:
                    found = guest_facts(self.connection.uri, uuid, entry.xml)
                except Exception:    # of this one alone; a thread that is gone would be missed by nobody
                    log.exception("facts of %s", uuid)
                    continue
                if found and found != self._facts.get(uuid):
                    self._facts[uuid] = found
                    self._event(uuid)


def _scheduled(domain: Any) -> dict[str, int]:
    """Weight and quota as libvirt knows them. A daemon that has just been started knows its guests before it has
    found their cgroups; until then it refuses."""
    try:
        told = domain.schedulerParametersFlags(0)
    except libvirt.libvirtError as error:
        log.debug("weight and quota of %s: %s", domain.name(), error)
        return {}
    return {name: int(told[name]) for name in ("cpu_shares", "global_quota", "global_period") if name in told}
