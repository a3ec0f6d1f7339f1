"""Changing the host, and putting back what was there: every change is journalled before it is made."""

from __future__ import annotations

import logging
from collections.abc import Container, Mapping, Sequence
from operator import is_

import msgspec

from ..backend.hypervisor import Hypervisor
from ..engine.samples import HostSample, ServerSample
from ..errors import HypervisorError, ServerGone
from ..store.journal import Control, Journal, JournalEntry

log = logging.getLogger(__name__)

PERIOD_US = 100000


class Change(msgspec.Struct, frozen=True):
    """A wanted value of one control of one running server, as text (see `JournalEntry`)."""

    sample: ServerSample
    control: Control
    value: str


def in_force(sample: ServerSample, control: Control) -> str | None:
    """The value that a sample shows; None where it cannot be read."""
    if control == "cpu-shares":
        return None if sample.shares is None else str(sample.shares)
    return quota_text(sample.quota_us, sample.period_us)


def quota_text(quota_us: int | None, period_us: int) -> str:
    """A quota as the journal has it."""
    return f"{'max' if quota_us is None else quota_us} {period_us}"


class Actuator:
    """Applies changes through the hypervisor, journalled; notices an administrator's hand; restores."""

    def __init__(self, hypervisor: Hypervisor, journal: Journal) -> None:
        self._hypervisor = hypervisor
        self._journal = journal
        self._noticed: tuple[object, ...] = ()

    def notice(self, sample: HostSample) -> list[JournalEntry]:
        """Compare the journal with what is in force. Gives the entries that an administrator has changed
        since the last look; those servers are held from now on. Entries of starts that are over go, and a
        value that came into force is the only one that is ours from then on."""
        looked = (sample.samples, sample.infos, sample.problem, self._journal.entries)
        if identical(looked, self._noticed):
            return []
        ended: list[JournalEntry] = []
        taken: list[JournalEntry] = []
        arrived: list[JournalEntry] = []
        for entry in self._journal.entries.values():
            server = sample.samples.get(entry.uuid)
            if server is None:
                if sample.problem is None and _ended(sample, entry):
                    ended.append(entry)
                continue
            if server.start != entry.start:
                ended.append(entry)
                continue
            value = in_force(server, entry.control)
            if entry.held or value is None:
                continue
            if value not in (entry.previous, entry.intended):
                taken.append(msgspec.structs.replace(entry, held=True))
            elif value == entry.intended != entry.previous:
                arrived.append(msgspec.structs.replace(entry, previous=value))
        self._journal.drop(ended)
        self._journal.put((*taken, *arrived))
        self._noticed = looked
        return taken

    def state(self) -> object:
        """All that `original`, `held` and `owns_quota` answer from, as an object that is another one after each
        change."""
        return self._journal.entries

    def original(self, sample: ServerSample) -> int:
        """The shares that a server had before hpm changed them. `sample.shares` must be known."""
        entry = self._journal.get(sample.uuid, "cpu-shares")
        if entry is not None and entry.start == sample.start and not entry.held:
            return int(entry.original)
        assert sample.shares is not None
        return sample.shares

    def held(self, sample: ServerSample, control: Control = "cpu-shares") -> bool:
        """Whether an administrator changed this control of a server while hpm managed it."""
        entry = self._journal.get(sample.uuid, control)
        return entry is not None and entry.start == sample.start and entry.held

    def owns_quota(self, sample: ServerSample) -> bool:
        """Whether the server's quota was set by hpm."""
        entry = self._journal.get(sample.uuid, "cpu-quota")
        return entry is not None and entry.start == sample.start and not entry.held

    def own_quota(self, sample: ServerSample) -> str | None:
        """The quota that a server has, or had before hpm changed it, as text (see `quota_text`)."""
        entry = self._journal.get(sample.uuid, "cpu-quota")
        return entry.original if entry is not None and self.owns_quota(sample) else in_force(sample, "cpu-quota")

    def release(self, uuid: str) -> bool:
        """Forget that an administrator changed a server; what is in force counts as original from now on."""
        entries = [e for e in self._journal.entries.values() if e.uuid == uuid and e.held]
        self._journal.drop(entries)
        return bool(entries)

    def apply(self, changes: Sequence[Change]) -> Mapping[str, HypervisorError]:
        """Journal, then make the changes. Gives the errors by UUID; the other servers were changed.

        Raises `StoreError`, and has changed nothing, if the journal cannot be written.
        """
        entries: list[JournalEntry] = []
        for change in changes:
            sample, known = change.sample, self._journal.get(change.sample.uuid, change.control)
            now = in_force(sample, change.control)
            assert now is not None
            original = known.original if known is not None and known.start == sample.start else now
            entries.append(JournalEntry(sample.uuid, change.control, sample.start, original, now, change.value))
        self._journal.put(entries)
        errors: dict[str, HypervisorError] = {}
        gone: list[JournalEntry] = []
        for entry in entries:
            try:
                self._set(entry, entry.intended)
            except ServerGone as error:
                errors[entry.uuid] = error
                gone.append(entry)
            except HypervisorError as error:
                errors[entry.uuid] = error
        self._journal.drop(gone)
        return errors

    def restore(
        self,
        sample: HostSample,
        uuids: Container[str] | None = None,
        control: Control | None = None,
        *,
        keep_held: bool = False,
    ) -> list[str]:
        """Put back the original values (of all servers, or of these; of all controls, or of one), except
        where an administrator changed them. Gives a sentence for each value put back, left or failed.

        Entries of servers that cannot be reached now stay in the journal; with `keep_held`, so do those of
        an administrator's changes, which are then still respected.
        """
        said: list[str] = []
        done: list[JournalEntry] = []
        back: list[JournalEntry] = []
        for entry in self._journal.entries.values():
            if (uuids is not None and entry.uuid not in uuids) or control not in (None, entry.control):
                continue
            server, name = sample.samples.get(entry.uuid), _name(sample, entry)
            if server is None and sample.problem is not None and not _ended(sample, entry):
                said.append(f"{name}: cannot be reached now; {entry.control} {entry.original} stays in the journal")
            elif server is None or server.start != entry.start:
                done.append(entry)
            elif (value := in_force(server, entry.control)) in (entry.previous, entry.intended) and not entry.held:
                back.append(msgspec.structs.replace(entry, previous=value, intended=entry.original))
            else:
                said.append(f"{name}: {entry.control} left at {value}, an administrator set it")
                if not (keep_held and entry.held):
                    done.append(entry)
        self._journal.put([e for e in back if e.previous != e.intended])
        for entry in back:
            try:
                if entry.previous != entry.intended:
                    self._set(entry, entry.intended)
            except ServerGone:
                done.append(entry)
            except HypervisorError as error:
                said.append(f"{_name(sample, entry)}: {entry.control} could not be put back: {error}")
            else:
                if entry.previous != entry.original:
                    said.append(f"{_name(sample, entry)}: {entry.control} {entry.previous} → {entry.original}")
                done.append(entry)
        self._journal.drop(done)
        return said

    def _set(self, entry: JournalEntry, value: str) -> None:
        if entry.control == "cpu-shares":
            self._hypervisor.set_cpu_shares(entry.uuid, entry.start, int(value))
        else:
            quota, period = value.split()
            self._hypervisor.set_cpu_quota(
                entry.uuid, entry.start, None if quota == "max" else int(quota), int(period)
            )


def identical(one: Sequence[object], other: Sequence[object]) -> bool:
    """Whether these are the very same objects: what was found out from the ones holds for the others."""
    return len(one) == len(other) and all(map(is_, one, other))


def _ended(sample: HostSample, entry: JournalEntry) -> bool:
    """Whether that start of the server is certainly over."""
    info = sample.infos.get(entry.uuid)
    return info is None or info.status in ("shut-off", "crashed")


def _name(sample: HostSample, entry: JournalEntry) -> str:
    info = sample.infos.get(entry.uuid)
    return info.name if info is not None else entry.uuid
