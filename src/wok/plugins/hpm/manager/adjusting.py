"""Adjustments as they are made: recorded, told, and filled in with what came of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ..errors import StoreError
from ..store.adjustments import AdjustmentFilter, AdjustmentRecord, Adjustments
from .recorder import Recorder
from .records import measured
from .snapshot import Snapshot

log = logging.getLogger(__name__)


class AdjustmentLog:
    """Not thread-safe: the manager's lock is held."""

    def __init__(self, adjustments: Adjustments, recorder: Recorder) -> None:
        self._adjustments = adjustments
        self._recorder = recorder
        self._unmeasured: list[AdjustmentRecord] = []

    def add(self, record: AdjustmentRecord, *, measure: bool = False) -> None:
        """Record one; with `measure`, what comes of it will be filled in."""
        try:
            kept = self._adjustments.add(record)
        except StoreError as error:
            log.error("an adjustment could not be recorded: %s", error)
            return
        self._recorder.adjusted(kept)
        if measure:
            self._unmeasured.append(kept)

    def find(self, wanted: AdjustmentFilter) -> Sequence[AdjustmentRecord]:
        """Those that were recorded, newest first, as `Adjustments.find`."""
        return self._adjustments.find(wanted)

    def measure(self, snapshot: Snapshot) -> None:
        """Fill in what came of the last ones. The snapshot's window began when they were made."""
        if not self._unmeasured:
            return
        found = [measured(record, snapshot) for record in self._unmeasured]
        self._unmeasured = []    # whatever follows: a later window is not of the interval after them
        try:
            self._adjustments.replace(found)
        except StoreError as error:    # no reason to lose the decisions of this cycle
            log.error("what came of adjustments could not be recorded: %s", error)
            return
        for record in found:
            self._recorder.adjusted(record)
