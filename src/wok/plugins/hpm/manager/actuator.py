"""Changing the host, and putting back what was there: every change is journalled before it is made."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Container, Iterable, Mapping, Sequence

import msgspec

from ..backend.hypervisor import Hypervisor
from ..engine.samples import HostSample, ServerSample
from ..errors import HypervisorError, InvalidValue, ServerBusy, ServerGone, StoreError
from ..store.journal import Control, Journal, JournalEntry
from .controls import (
    NEAR,
    TOLD_BY_LIBVIRT,
    Change,
    before_hpm,
    farthest,
    first_value,
    has_all,
    holds,
    identical,
    in_force,
    intention,
    is_back,
    is_carried,
    is_new_original,
    is_over,
    is_untold,
    judged,
    left,
    ours,
    over,
    plugged,
    start_of,
    value_before,
    with_last,
)
from .disk_limits import judged_disks, left_disks, with_disks, without_unwanted
from .journalled import Journalled
from .setting import set_control

log = logging.getLogger(__name__)

#: Seconds for which a balloon may leave its guest more than hpm asked for before that is an administrator's doing: a
#: guest that boots anew has all its memory until its driver fills the balloon again.
REBOOTING = 60.0
#: The same where it has not all of its memory: while its driver fills the balloon, what it has changes.
STANDING = 15.0
#: Seconds for which an end waits until balloons that were put back have arrived, and between two looks at them.
RETURN = 8.0
LOOK = 0.25


class _Found(msgspec.Struct):
    """What is to become of entries of the journal when what was there before is put back: a sentence for each value,
    the entries to put `back`, those `done` with, those whose start has `ended`; and of those done with, what an
    administrator has set since hpm did."""

    said: list[str] = []
    back: list[JournalEntry] = []
    done: list[JournalEntry] = []
    ended: list[JournalEntry] = []
    set_since: set[tuple[str, Control]] = set()


class Actuator(Journalled):
    """Applies changes through the hypervisor, journalled; notices an administrator's hand; restores."""

    def __init__(self, hypervisor: Hypervisor, journal: Journal) -> None:
        super().__init__(journal)
        self._hypervisor = hypervisor
        #: By UUID: controls that guest policies decide on now, and that are put back with everything only.
        self.claimed: frozenset[tuple[str, Control]] = frozenset()
        self._noticed: tuple[object, ...] = ()
        self._seen: Mapping[str, ServerSample] = {}
        # Balloons by UUID and start: those that this actuator has put back, and are on their way, which takes a while;
        # and since when (ns) some leave their guests more than was asked for, and how much.
        self._returning: set[tuple[str, str]] = set()
        self._fuller: dict[tuple[str, str], tuple[int, str]] = {}
        # What was set of what libvirt tells, as long as it has told nothing since: what is told is older.
        self._untold: dict[tuple[str, Control], JournalEntry] = {}

    def notice(self, sample: HostSample) -> list[JournalEntry]:
        """Compare the journal with what is in force. Gives the entries that an administrator has changed
        since the last look; those servers are held from now on. Entries of starts that are over go, and a
        value that came into force is the only one that is ours from then on."""
        aside = self._journal.aside    # before the store takes it
        self._journal.settle()
        self._journal.catch_up()
        self._untold = {key: one for key, one in self._untold.items() if is_untold(sample, key[0])}
        looked = (
            sample.samples, sample.infos, sample.ksm, sample.problem, sample.partition_shares, sample.stale,
            self._journal.entries,
        )  # fmt: skip
        if identical(looked, self._noticed):
            return []
        ended: list[JournalEntry] = []
        changed: list[tuple[JournalEntry, JournalEntry]] = []
        fuller: dict[tuple[str, str], tuple[int, str]] = {}
        for entry in self._journal.entries.values():
            start = start_of(sample, entry.uuid)
            if start is None:
                if is_over(sample, entry):
                    ended.append(entry)
                continue
            value = in_force(sample, entry.uuid, entry.control)
            if start != entry.start and not is_carried(sample, entry):
                ended.append(entry)
                continue
            if start != entry.start and value is not None:
                if ours(entry, value, _vcpus(sample, entry)):
                    changed.append((entry, msgspec.structs.replace(entry, start=start)))
                else:
                    ended.append(entry)
                continue
            if value is None or (entry.uuid, entry.control) in self._untold:
                continue
            if self._is_aside(entry) and ours(entry, value, _vcpus(sample, entry)):
                continue    # as the store takes nothing: it is judged when it does
            if (entry.uuid, entry.control) in aside and is_new_original(entry, value, _vcpus(sample, entry)):
                ended.append(entry)
                continue
            if entry.control != "balloon":
                now = judged(entry, value, _vcpus(sample, entry))
            elif (found := self._judged_balloon(entry, value, sample, fuller)) is not None:
                now = found
            else:
                ended.append(entry)
                continue
            if now is not entry:
                changed.append((entry, now))
        self._fuller = fuller
        self._forget_returning(ended)
        self._journal.drop(ended)
        self._journal.put([now for _, now in changed])
        self._seen = sample.samples    # now that the journal has what it shows
        # What has just arrived is looked at once more, and of those that are waited for time alone may decide.
        self._noticed = () if fuller or changed or self._untold else (*looked[:-1], self._journal.entries)
        return [
            now for entry, now in changed if now.held and (not entry.held or now.intended != entry.intended)
        ]

    def _judged_balloon(
        self, entry: JournalEntry, value: str, sample: HostSample, fuller: dict[tuple[str, str], tuple[int, str]]
    ) -> JournalEntry | None:
        """The entry of a balloon, as it is to be in the light of what it leaves its guest; None: there is nothing to
        put back any more. `fuller` takes those that leave more than was asked for, for a while."""
        entry = plugged(entry, self._seen.get(entry.uuid), sample.samples[entry.uuid])
        if entry.held:
            # Its driver has filled the balloon as hpm asked for, after all.
            near = abs(int(value) - int(entry.intended)) <= NEAR
            return msgspec.structs.replace(entry, held=False, previous=entry.intended) if near else entry
        if value == entry.previous == entry.intended == entry.original:
            return None    # and was so when last looked at: it does not just pass by
        if ours(entry, value):
            return judged(entry, value, 0)
        key, now = (entry.uuid, entry.start), sample.time_ns
        if int(value) > int(entry.intended):
            whole = has_all(sample.samples[entry.uuid])
            since, before = self._fuller.get(key, (now, value))
            since = since if whole or before == value else now
            fuller[key] = since, value
            if now - since < (REBOOTING if whole else STANDING) * 1e9:
                return entry
        return msgspec.structs.replace(entry, held=True)

    def reboots(self, sample: ServerSample) -> bool:
        """Whether a server seems to boot anew: it has more memory than its balloon was asked to leave it."""
        return (sample.uuid, sample.start) in self._fuller

    def forget(self, paths: Iterable[str]) -> None:
        """These partitions are given other shares by a request: what is in force then is original."""
        self._journal.drop(list(self.partitions(paths).values()))

    def release(self, uuid: str) -> bool:
        """Forget that an administrator changed a server; what is in force counts as original from now on."""
        entries = [e for e in self._journal.entries.values() if e.uuid == uuid and e.held]
        self._journal.drop(entries)
        rest = [with_disks(entry, left=False) for entry in entries if entry.control == "io-tune"]
        self._journal.put([entry for entry in rest if entry is not None])
        return bool(entries)

    def adopt(self, wanted: Sequence[Change]) -> None:
        """These values are in force, and hpm wants them: from now on it notices if somebody changes them, and what an
        administrator changed before is hpm's own again. Raises `StoreError`."""
        entries: list[JournalEntry] = []
        for one in (one for one in wanted if self._now(one) == one):    # else it is not in force any more
            known = self.entry(one, one.control)
            if known is not None and intention(one, known) == known.intended and (
                not known.held or one.control == "io-tune"    # of disks, those are held of which nothing is wanted
            ):  # fmt: skip
                continue
            if known is None or known.held or one.control == "io-tune":    # of disks, more may be wanted than before
                entries.append(self._entry(one, known, one.value))
        self._journal.put(entries)

    def let_go(self, wanted: Sequence[Change]) -> None:
        """These are all disks that limits are wanted of: others that are as they were before hpm came are not hpm's any
        more. Raises `StoreError`."""
        known = [(one, entry) for one in wanted if (entry := self.entry(one, one.control)) is not None]
        left = [(entry, without_unwanted(entry, one.now, one.value)) for one, entry in known]
        self._journal.drop([entry for entry, now in left if now is None])
        self._journal.put([now for entry, now in left if now is not None and now is not entry])

    def apply(self, changes: Sequence[Change]) -> Mapping[str, HypervisorError]:
        """Journal, then make the changes. One that was made before, and that libvirt has not told since, is not made
        again: what it tells next may be an administrator's. Gives the errors by UUID; the other servers were changed.

        Raises `StoreError`, and has changed nothing, if the journal cannot be written.
        """
        entries: list[JournalEntry] = []
        for change in map(self._now, changes):
            if (change.uuid, change.control) in self._untold and holds(change.control, change.now, change.value):
                continue
            known = self.entry(change, change.control)
            entries.append(self._entry(change, known, value_before(change, known)))
        before = self._journal.entries
        self._journal.put(entries)
        errors: dict[str, HypervisorError] = {}
        gone: list[JournalEntry] = []
        refused: list[JournalEntry] = []
        for entry in entries:
            known = before.get((entry.uuid, entry.control))
            try:
                set_control(self._hypervisor, entry)
                self._forget_returning([entry])
                self._was_set(entry)
            except ServerGone as error:
                errors[entry.uuid] = error
                gone.append(entry)
            except (ServerBusy, InvalidValue) as error:    # it was not even asked
                errors[entry.uuid] = error if isinstance(error, ServerBusy) else HypervisorError(str(error))
                if known is not None and known.start == entry.start:
                    refused.append(known)
                else:
                    gone.append(entry)
            except HypervisorError as error:
                errors[entry.uuid] = error
        self._journal.drop(gone)
        self._journal.put(refused)
        return errors

    def _now(self, change: Change) -> Change:
        """The change with what is there now, also where libvirt has not told that yet."""
        last = self._untold.get((change.uuid, change.control))
        return with_last(change, last) if last is not None and last.start == change.start else change

    def _was_set(self, entry: JournalEntry) -> None:
        if entry.control in TOLD_BY_LIBVIRT:
            self._untold[entry.uuid, entry.control] = entry

    def _entry(self, change: Change, known: JournalEntry | None, previous: str) -> JournalEntry:
        intended = intention(change, known)
        held = change.control == "io-tune" and bool(left_disks(intended))
        return JournalEntry(
            change.uuid, change.control, change.start, first_value(change, known), previous, intended, held
        )

    def restore(
        self,
        sample: HostSample,
        uuids: Container[str] | None = None,
        controls: Container[Control] | None = None,
        *,
        keep_held: bool = False,
    ) -> list[str]:
        """Put back the original values (of all servers, or of these; of all controls, or of these), except
        where an administrator changed them. Gives a sentence for each value put back, left or failed.

        Entries of servers that cannot be reached now stay in the journal; with `keep_held`, so do those of
        an administrator's changes, which are then still respected.
        """
        found = _Found()
        for entry in self._journal.entries.values():
            if (uuids is None or entry.uuid in uuids) and (
                controls is None or (entry.control in controls and (entry.uuid, entry.control) not in self.claimed)
            ):  # fmt: skip
                self._sort(sample, entry, found, keep_held)
        refused = self._set_back(sample, found)
        self._forget_restored(found, refused, keep_held)
        return found.said

    def _sort(self, sample: HostSample, entry: JournalEntry, found: _Found, keep_held: bool) -> None:
        """Find out what is to become of an entry when what was there before is put back."""
        start, name, vcpus = start_of(sample, entry.uuid), _name(sample, entry), _vcpus(sample, entry)
        value = None if start is None else in_force(sample, entry.uuid, entry.control)
        told = start == entry.start and (entry.uuid, entry.control) not in self._untold
        if entry.control == "io-tune" and value is not None and told:
            entry = judged_disks(entry, value)
            if entry.held and not left(entry):    # the other disks are put back all the same
                disks = ", ".join(sorted(left_disks(entry.intended)))
                found.said.append(f"{name}: io-tune of {disks} left as it is, an administrator set it")
        if start is None and not is_over(sample, entry):
            found.said.append(f"{name}: cannot be reached now; {entry.control} {entry.original} stays in the journal")
        elif start is None or (start != entry.start and not is_carried(sample, entry)):
            found.ended.append(entry)
        elif value is None:
            found.said.append(f"{name}: {entry.control} cannot be read now; {entry.original} stays in the journal")
        elif left(entry) or not (ours(entry, value, vcpus) or self._boots(entry, sample)):
            found.said.append(f"{name}: {entry.control} left at {value}, an administrator set it")
            if not (keep_held and entry.held):
                found.done.append(entry)
                found.set_since.add((entry.uuid, entry.control))
        elif is_back(sample, entry, value, vcpus):
            found.done.append(entry)
        elif not self._comes_back(entry):
            found.back.append(msgspec.structs.replace(
                entry, previous=farthest(entry, value), intended=before_hpm(entry)
            ))  # fmt: skip

    def _set_back(self, sample: HostSample, found: _Found) -> list[JournalEntry]:
        """Journal what is put back, and do it. Gives the entries as they were of what was not even asked for."""
        before = self._journal.entries
        try:
            self._journal.put(found.back)
        except StoreError as error:
            # Rather so than not at all: it was hpm that took it.
            self._journal.put_aside(found.back)
            if found.back:
                found.said.append(f"put back without the journal, which is seen to later: {error}")
        refused: list[JournalEntry] = []
        for entry in found.back:
            name = _name(sample, entry)
            try:
                set_control(self._hypervisor, entry)
            except ServerGone:
                found.ended.append(entry)
            except (HypervisorError, InvalidValue) as error:
                found.said.append(f"{name}: {entry.control} could not be put back: {error}")
                # Most likely it was not even asked. A balloon goes on to where it was asked to go before.
                if isinstance(error, ServerBusy | InvalidValue) or entry.control == "balloon":
                    refused.append(before[entry.uuid, entry.control])
                else:
                    self._was_set(entry)    # it may be yet
            else:
                value = in_force(sample, entry.uuid, entry.control)
                found.said.append(f"{name}: {entry.control} {value} → {entry.original}")
                if entry.control == "balloon":    # the entry goes when it has arrived
                    self._returning.add((entry.uuid, entry.start))
                else:
                    found.done.append(entry)
                self._was_set(entry)
        return refused

    def _forget_restored(self, found: _Found, refused: Sequence[JournalEntry], keep_held: bool) -> None:
        """Have the journal know what is back, or over, no more; what was refused is as it was before."""
        disks = [with_disks(entry, left=True) for entry in found.done if keep_held and entry.control == "io-tune"]
        try:
            self._journal.drop([*found.done, *found.ended])
            self._journal.put([*refused, *(entry for entry in disks if entry is not None)])
        except StoreError as error:
            self._journal.put_aside([
                over(one, keep_held, (one.uuid, one.control) in found.set_since) for one in found.done
                if not one.held and self._journal.entries.get((one.uuid, one.control)) is one
            ])  # fmt: skip
            found.said.append(f"what was put back stays in the journal for now: {error}")
        self._forget_returning([*found.done, *found.ended])

    def _is_aside(self, entry: JournalEntry) -> bool:
        """Whether the store does not have the entry as it is: it was put back while that could not be written."""
        return (entry.uuid, entry.control) in self._journal.aside

    def restore_all(
        self, observe: Callable[[], HostSample], seconds: float = RETURN, *, keep_held: bool = False
    ) -> list[str]:
        """Put back everything before an end, as `restore` does, and wait so long until balloons are back: an entry
        that stays for a later start would have that one move a balloon which an administrator may have moved since."""
        sample = observe()
        said = self.restore(sample, keep_held=keep_held)
        if not self._underway():
            return said
        self._hypervisor.set_balloons_interval(LOOK)
        end = time.monotonic() + seconds
        try:
            while self._underway() and time.monotonic() < end:
                time.sleep(LOOK)
                sample = observe()
                self.restore(sample, keep_held=keep_held)
        except HypervisorError as error:    # what was asked for is asked for
            log.warning("whether balloons are back cannot be seen: %s", error)
        said += [
            f"{_name(sample, one)}: the balloon is not back yet; the next start looks at it again"
            for one in self._underway()
        ]
        return said

    def _underway(self) -> list[JournalEntry]:
        """The balloons that this actuator has put back and that have not arrived."""
        return [one for one in self._journal.entries.values() if not one.held and self._comes_back(one)]

    def _forget_returning(self, entries: Sequence[JournalEntry]) -> None:
        """These are on their way back no more."""
        self._returning -= {(entry.uuid, entry.start) for entry in entries if entry.control == "balloon"}

    def _comes_back(self, entry: JournalEntry) -> bool:
        """Whether it was put back before, by this actuator, and is on its way."""
        if entry.control != "balloon" or entry.intended != entry.original:
            return False
        return (entry.uuid, entry.start) in self._returning

    def _boots(self, entry: JournalEntry, sample: HostSample) -> bool:
        """Whether this is the balloon of a guest that seems to boot anew: it has all its memory."""
        if entry.control != "balloon" or (entry.uuid, entry.start) not in self._fuller:
            return False
        return has_all(sample.samples[entry.uuid])


def _vcpus(sample: HostSample, entry: JournalEntry) -> int:
    server = sample.samples.get(entry.uuid)
    return 0 if server is None else len(server.threads)


def _name(sample: HostSample, entry: JournalEntry) -> str:
    info = sample.infos.get(entry.uuid)
    return info.name if info is not None else entry.uuid    # the host is called so
