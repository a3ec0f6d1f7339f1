"""When each server changed, in generations: what a poller has not seen yet.

A generation is a number that grows whenever anything has changed. Each server has a number of its own, short and never
given again, by which the columns of an answer name it. What is kept survives a restart of hpm: a section that is as it
was is not told again.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TypeVar

import msgspec
import numpy as np

from ...engine.counters import Column, Flags
from ...engine.samples import ServerStatus
from ...errors import StoreError
from ...store.database import Database
from ...store.ledger import KeptLedger, KeptServer, load_ledger, save_ledger
from ..snapshot import Snapshot
from .reported import Reported

T = TypeVar("T")

log = logging.getLogger(__name__)

#: Sections of a server, in the order of an answer.
SECTIONS = ("status", "configuration", "devices", "guest-details")
#: Servers that are gone, of which pollers are told; who has missed an older one begins anew.
GONE = 10_000
#: Generations that a start leaves out: those of changes that a crash kept from being written.
LEAP = 2**20


@dataclass
class Entry:
    """A server: its number, the generation at which each section changed last, what they were then, and what it did."""

    number: int
    changed: dict[str, int]
    values: dict[str, object] = field(default_factory=dict)
    digests: dict[str, bytes] = field(default_factory=dict)
    state: ServerStatus = "unknown"

    @property
    def marker(self) -> int:
        """Grows when a section changes."""
        return max(self.changed.values(), default=0)


class Ledger:
    """Who reads it holds its `lock`. Raises `StoreError` where the store cannot be read."""

    def __init__(self, database: Database) -> None:
        kept = load_ledger(database) or KeptLedger(secrets.token_hex(4), 0, 0, 0, (), ())
        self._database = database
        self.lock = threading.RLock()
        self.instance = kept.instance
        self.generation = kept.generation + (LEAP if kept.generation else 1)
        self._dirty = False
        #: Generation of the oldest one that is still told to be gone: who is older than that begins anew.
        self.forgotten = kept.forgotten
        self._next = kept.next_number
        self.gone: dict[str, int] = dict(kept.gone)
        self.entries: dict[str, Entry] = {
            one.uuid: Entry(one.number, _by_section(one.changed), {}, _by_section(one.digests)) for one in kept.servers
        }
        self.reported = Reported()
        self.uuids: tuple[str, ...] = ()
        # by row, in the order of `uuids`, so that an answer for ten thousand servers does not go to each of them
        self.moved: Column = np.zeros(0, dtype=np.int64)    # generation of its figures
        self._arrange_entries()
        self._seen: Snapshot | None = None
        self._basis: tuple[object, ...] = ()
        self._stale: Mapping[str, float] = {}

    @property
    def snapshot(self) -> Snapshot:
        """The one that was taken over last."""
        assert self._seen is not None, "the manager has begun with one"
        return self._seen

    def see(self, snapshot: Snapshot) -> None:
        """Take over a snapshot, if it is another one."""
        _ = snapshot.figures.servers    # made before pollers would wait for that
        with self.lock:
            if snapshot is not self._seen:
                self._take(snapshot)

    def save(self) -> None:
        """Keep what is to survive a restart of hpm, if it changed. What is lost is told once more, so a store that
        cannot be written is no more than that."""
        with self.lock:
            if not self._dirty:
                return
            self._dirty = False
            new = [
                (entry, name, value) for entry in self.entries.values() for name, value in entry.values.items()
                if name not in entry.digests
            ]
        made = [(entry, name, value, _digest(value)) for entry, name, value in new]    # while pollers are answered
        with self.lock:
            for entry, name, value, digest in made:
                if entry.values.get(name) is value:
                    entry.digests[name] = digest
            kept = self._kept()
        try:
            save_ledger(self._database, kept)
        except StoreError as error:
            log.warning("what pollers know could not be kept, so a restart will tell it again: %s", error)

    def _take(self, snapshot: Snapshot) -> None:
        self._seen = snapshot
        generation = self.generation + 1
        uuids = snapshot.figures.roster.uuids
        came_or_went = self._arrange(uuids, generation)
        rows = self._words(snapshot, generation) | self.reported.take(snapshot.figures)
        self.moved[rows] = generation
        known = snapshot.sample.stale == self._stale
        self._stale = dict(snapshot.sample.stale)
        if came_or_went or rows.any() or not known:
            self.generation = generation

    def told(self, since: int) -> tuple[Column, Mapping[str, Sequence[str]], Sequence[str]]:
        """Rows whose figures, and servers of which each section, changed after a generation (-1: all of them); and the
        servers that went. A server of which the host has told nothing yet is left out."""
        rows: Column = np.flatnonzero((self.moved > since) & self._known)
        sections: dict[str, list[str]] = {name: [] for name in SECTIONS}
        for row in rows[self.markers[rows] > since].tolist():    # a section that changes moves its row, too
            uuid = self.uuids[row]
            changed = self.entries[uuid].changed
            for name in SECTIONS:
                if changed.get(name, 0) > since:
                    sections[name].append(uuid)
        gone = [uuid for uuid, generation in self.gone.items() if generation > since] if since >= 0 else []
        return rows, sections, gone

    def _kept(self) -> KeptLedger:
        servers = tuple(
            KeptServer(uuid, entry.number, tuple(entry.changed.get(name, 0) for name in SECTIONS),
                       tuple(entry.digests.get(name, b"") for name in SECTIONS))
            for uuid, entry in self.entries.items()
        )  # fmt: skip
        return KeptLedger(
            self.instance, self.generation, self._next, self.forgotten, tuple(self.gone.items()), servers
        )

    def _arrange(self, uuids: tuple[str, ...], generation: int) -> bool:
        """Servers that came get a number, those that went are noted; gives whether there were any."""
        if uuids is self.uuids:
            return False
        before = dict(zip(self.uuids, self.moved.tolist(), strict=True))
        self.moved = np.array([before.get(uuid, generation) for uuid in uuids], dtype=np.int64)
        self.uuids = uuids
        there = set(uuids)
        gone = [uuid for uuid in self.entries if uuid not in there]
        for uuid in gone:
            del self.entries[uuid]
            self.gone[uuid] = generation
        for uuid in uuids:
            if uuid not in self.entries:
                self.entries[uuid] = Entry(self._next, {})
                self._next += 1
                self.gone.pop(uuid, None)
                self._dirty = True
        for uuid in list(self.gone)[: max(0, len(self.gone) - GONE)]:
            self.forgotten = max(self.forgotten, self.gone.pop(uuid))
        self._arrange_entries()
        self._dirty |= bool(gone)
        return bool(gone)

    def _arrange_entries(self) -> None:
        """Have what entries say by row, too."""
        entries = [self.entries[uuid] for uuid in self.uuids]
        self.numbers: Column = np.array([entry.number for entry in entries], dtype=np.int64)
        self.markers: Column = np.array([entry.marker for entry in entries], dtype=np.int64)
        self.states = np.array([entry.state for entry in entries], dtype=np.object_)
        self._known: Flags = np.array([bool(entry.values) for entry in entries], dtype=np.bool_)

    def _words(self, snapshot: Snapshot, generation: int) -> Flags:
        """Which servers do something else than before, or have a section that is another one."""
        found: Flags = np.zeros(len(self.uuids), dtype=np.bool_)
        infos, sections, assignments = snapshot.sample.infos, snapshot.extras.sections, snapshot.assignments
        basis = (infos, sections, assignments, self.uuids)
        if len(self._basis) == len(basis) and all(a is b for a, b in zip(basis, self._basis, strict=True)):
            return found
        self._basis = basis
        for row, uuid in enumerate(self.uuids):
            entry, status = self.entries[uuid], infos[uuid].status
            if entry.state != status:
                entry.state = self.states[row] = status
                found[row] = True
            one = sections.get(uuid)
            if one is None:
                if entry.values:    # it is going; who does not know it yet is not told of it, and all is, if it stays
                    entry.values, entry.digests = {}, {}
                    self._known[row] = False
                continue
            assigned = assignments[uuid]
            now: tuple[Hashable, ...] = (
                one.status, (one.configuration, assigned.group, assigned.service_class, assigned.goal), one.devices,
                one.guest_details,
            )  # fmt: skip
            for name, value in zip(SECTIONS, now, strict=True):
                known = entry.values.get(name)
                if known is value or known == value:
                    continue
                entry.values[name] = value
                self._known[row] = True
                digest = entry.digests.pop(name, None)
                if known is None and digest and digest == _digest(value):
                    entry.digests[name] = digest    # as it was before hpm was started anew
                    continue
                entry.changed[name] = self.markers[row] = generation
                found[row] = self._dirty = True
        return found


def _by_section(values: Sequence[T]) -> dict[str, T]:
    return dict(zip(SECTIONS, values, strict=True))


def _digest(value: object) -> bytes:
    return blake2b(msgspec.json.encode(value), digest_size=8).digest()
