"""Answers of the sync protocol."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from math import isnan

import numpy as np

from ..engine.counters import Column
from ..engine.metrics.metric import FloatColumn
from ..errors import InvalidValue
from ..manager.manager import Manager
from ..manager.snapshot import Snapshot
from ..manager.sync.ledger import SECTIONS, Ledger
from ..wire.sync import (
    LONGEST_TOKEN,
    Changed,
    Runtime,
    Sync,
    SyncConfiguration,
    SyncDevices,
    SyncGuestDetails,
    SyncStale,
    SyncStatus,
)
from .sections import SectionReader, sampled_time
from .views import Views

_TOKEN = re.compile(r"([0-9a-f]{8})-([0-9]{1,18})")


class SyncAnswers:
    """Answers pollers, any number at a time. `base` is the base path of the request."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self._reader = SectionReader()

    @property
    def snapshot(self) -> Snapshot:
        """The one that answers are of: the newest of which it is known what it changed."""
        return self._manager.recorder.ledger.snapshot

    def now(self) -> datetime:
        """The time (UTC)."""
        return self._manager.now()

    def answer(self, base: str, token: str | None, sections_wanted: str | None = None) -> Sync | None:
        """What changed since the answer with that token, and of the sections those that are named (all, without);
        None: nothing. Raises `InvalidValue`."""
        wanted = _wanted(sections_wanted)
        ledger = self._manager.recorder.ledger
        with ledger.lock:
            snapshot = ledger.snapshot
            since = _since(ledger, token)
            if since == ledger.generation:
                return None
            rows, changed, gone = ledger.told(since)
            sections = {name: uuids if name in wanted else () for name, uuids in changed.items()}
            views = Views(snapshot, base)
            return Sync(
                f"{ledger.instance}-{ledger.generation}", since < 0, _runtime(ledger, rows),
                self._changed(views, ledger, sections), list(gone), _stale(views), views.taken, views.problem,
            )  # fmt: skip

    def _changed(self, views: Views, ledger: Ledger, sections: Mapping[str, Sequence[str]]) -> Changed:
        snapshot, numbers = views.snapshot, ledger.entries
        infos, told = snapshot.sample.infos, snapshot.extras.sections
        status, configuration, devices, details = (
            [uuid for uuid in sections[name] if uuid in told] for name in SECTIONS
        )
        return Changed(
            [SyncStatus(uuid, told[uuid].status, sampled_time(snapshot.extras.balloon.value(uuid, "sampled")))
             for uuid in status],
            [SyncConfiguration(uuid, numbers[uuid].number, infos[uuid].name, self._reader.configuration(
                snapshot, views.base, uuid, told[uuid].configuration)) for uuid in configuration],
            [SyncDevices(uuid, told[uuid].devices, sampled_time(told[uuid].devices_sampled)) for uuid in devices],
            [SyncGuestDetails(uuid, told[uuid].guest_details, sampled_time(told[uuid].guest_details_sampled))
             for uuid in details],
        )  # fmt: skip


def _stale(views: Views) -> list[SyncStale]:
    sample = views.snapshot.sample
    told = (uuid for uuid in sample.stale if uuid in sample.infos)    # of others nothing was ever told
    since = ((uuid, views.stale_since(uuid)) for uuid in told)
    return [SyncStale(uuid, time) for uuid, time in since if time is not None]


def _runtime(ledger: Ledger, rows: Column) -> Runtime:
    taken = {name: column[rows] for name, column in ledger.reported.columns.items()}
    whole = {name: _whole(taken.pop(name)) for name in ("shares", "memory", "memory-used")}
    columns = {name: _told(column) for name, column in taken.items()}
    return Runtime(
        ledger.numbers[rows].tolist(), columns["velocity"], columns["using"], columns["delay"], columns["cpu-user"],
        columns["cpu-sys"], columns["memory-use"], whole["memory"], whole["memory-used"], whole["shares"],
        ledger.states[rows].tolist(), ledger.markers[rows].tolist(),
    )


def _wanted(text: str | None) -> Collection[str]:
    """Raises `InvalidValue`."""
    if text is None:
        return SECTIONS
    names = text.split(",")
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        raise InvalidValue(
            f"there is no section {unknown[0][:64]!r}; there are: {', '.join(SECTIONS)}", "sections"
        )
    return frozenset(names)


def _since(ledger: Ledger, token: str | None) -> int:
    """The generation that a token stands for; -1: all is to be told."""
    match = None if token is None or len(token) > LONGEST_TOKEN else _TOKEN.fullmatch(token)
    if match is None or match[1] != ledger.instance:
        return -1
    since = int(match[2])
    return since if ledger.forgotten <= since <= ledger.generation else -1


def _whole(column: FloatColumn) -> list[int | None]:
    return [None if isnan(value) else int(value) for value in column.tolist()]


def _told(column: FloatColumn) -> list[float | None]:
    """Whole numbers as such, which are shorter; None for NaN."""
    values = column.astype(np.object_)
    whole = np.isfinite(column) & (column == np.floor(column))
    values[whole] = column[whole].astype(np.int64)
    values[np.isnan(column)] = None
    told: list[float | None] = values.tolist()
    return told
