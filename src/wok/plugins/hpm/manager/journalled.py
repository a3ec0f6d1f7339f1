"""What the journal tells of servers, partitions and the host: what was there before hpm, and what is not hpm's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from ..engine.samples import HostSample, ServerSample
from ..store.journal import HOST, Control, Journal, JournalEntry
from .controls import Change, own_quota_text
from .disk_limits import left_disks


class Journalled:
    """Answers from the journal alone."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def state(self) -> object:
        """All that the other answers come from, as an object that is another one after each change."""
        return self._journal.entries

    def entry(self, sample: ServerSample | Change, control: Control) -> JournalEntry | None:
        """What the journal has of a control of this start of a server (of a change: of what it is about)."""
        entry = self._journal.get(sample.uuid, control)
        return entry if entry is not None and entry.start == sample.start else None

    def _ours(self, sample: ServerSample, control: Control) -> JournalEntry | None:
        """The same, unless an administrator changed it since."""
        entry = self.entry(sample, control)
        return None if entry is None or entry.held else entry

    @property
    def journalled(self) -> Collection[tuple[str, Control]]:
        """What the journal has anything of, by UUID and control."""
        return self._journal.entries.keys()

    def original(self, sample: ServerSample) -> int:
        """The shares that a server had before hpm changed them. `sample.shares` must be known."""
        entry = self._ours(sample, "cpu-shares")
        if entry is not None:
            return int(entry.original)
        assert sample.shares is not None
        return sample.shares

    def ballooned(self, uuid: str, start: str) -> tuple[int, int] | None:
        """What the balloon of that start of a server left it before hpm moved it, and what it was asked to leave it
        last, in bytes; None: hpm has not moved it."""
        entry = self._journal.get(uuid, "balloon")
        if entry is not None and entry.start == start and not entry.held:
            return int(entry.original), int(entry.intended)
        return None

    def held(self, sample: ServerSample, control: Control = "cpu-shares") -> bool:
        """Whether an administrator changed this control of a server (limits: of any disk) while hpm managed it."""
        entry = self.entry(sample, control)
        return entry is not None and entry.held

    def held_disks(self, sample: ServerSample) -> frozenset[str]:
        """The disks whose limits an administrator changed while hpm managed them."""
        entry = self.entry(sample, "io-tune")
        return frozenset() if entry is None else left_disks(entry.intended)

    def original_ksm(self, sample: HostSample) -> str | None:
        """What KSM was set to before hpm changed it, as text; None: hpm has not."""
        entry = self._journal.get(HOST, "ksm")
        return entry.original if entry is not None and entry.start == sample.boot and not entry.held else None

    def holds_host(self, sample: HostSample, control: Control) -> bool:
        """Whether an administrator changed this control of the host while hpm managed it."""
        entry = self._journal.get(HOST, control)
        return entry is not None and entry.start == sample.boot and entry.held

    def own_quota(self, sample: ServerSample) -> str | None:
        """The quota that a server has, or had before hpm changed it, as text (see `quota_text`)."""
        entry = self._ours(sample, "cpu-quota")
        return own_quota_text(sample) if entry is None else entry.original

    def partitions(self, paths: Iterable[str]) -> Mapping[str, JournalEntry]:
        """What the journal has of the shares of these partitions, by path."""
        found = ((path, self._journal.get(path, "partition-shares")) for path in paths)
        return {path: entry for path, entry in found if entry is not None}

    def original_partitions(self, sample: HostSample) -> Mapping[str, int]:
        """The shares of the partitions whose shares hpm has changed, as they were before, by path."""
        entries = self.partitions(sample.partition_shares)
        return {path: int(entry.original) for path, entry in entries.items() if not entry.held}
