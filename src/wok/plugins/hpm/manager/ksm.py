"""Kernel same-page merging as the planner wants it: set, or advised; and why it is left alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ..engine.samples import HostSample
from ..errors import HypervisorError
from ..memory.ksm import KsmMemory, plan_ksm
from ..memory.state import MemoryView
from ..store.journal import HOST
from ..wire.management import Level, Outcome
from .actuator import Actuator
from .adjusting import AdjustmentLog
from .controls import Change, ksm_settings, ksm_text
from .memory_records import Told, record_ksm
from .records import KSM_RELEASED

#: What policies of MOM's language are told of KSM that is left alone, by the reason.
WHY_LEFT: Final[Mapping[str | None, str]] = {
    "not-managed": "KSM is not managed by hpm",
    "changed-by-administrator": f"an administrator changed KSM ({KSM_RELEASED})",
}


class KsmManagement:
    """Sets KSM as the planner wants it, and remembers what it planned. `time` gives the time in RFC 3339. Not
    thread-safe: the manager's lock is held."""

    def __init__(
        self, actuator: Actuator, adjustments: AdjustmentLog, time: Callable[[], str], *, managed: bool
    ) -> None:
        self._actuator, self._adjustments, self._time = actuator, adjustments, time
        self._managed = managed
        self._memory: KsmMemory | None = None    # None: as the journal has it
        self._told = Told()

    def begin(self, *, applies: bool) -> None:
        """Begin anew: with what the journal knows, if what is planned is applied."""
        self._memory = None if applies else KsmMemory()
        self._told = Told()

    def manage(self, managed: bool) -> None:
        """Manage KSM, or leave it alone; a change of it by hand is forgotten, if that is new. Raises `StoreError`."""
        if managed != self._managed:
            self._actuator.release(HOST)    # the host may not answer just now
            self._managed = managed
            self.begin(applies=True)

    def put_back(self, sample: HostSample) -> None:
        """Put back what could not be at once when it was to be left alone. Raises `StoreError`."""
        if not self._managed:
            self._actuator.restore(sample, {HOST}, {"ksm"})

    def left(self, sample: HostSample) -> str | None:
        """Why KSM is left alone (`not-managed`, `changed-by-administrator`); None: it is not."""
        if not self._managed:
            return "not-managed"
        return "changed-by-administrator" if self._actuator.holds_host(sample, "ksm") else None

    def work(self, sample: HostSample, view: MemoryView, level: Level, seconds: float) -> str | None:
        """Plan, and set KSM or advise it, each advice once; why it is as it is. Raises `StoreError`."""
        if self._memory is None:
            self._memory = self._journalled(sample)
        made = plan_ksm(view, self._memory)
        wanted, now = made.settings, sample.ksm
        if wanted is None or now is None:
            self._memory = made.memory
            return made.reason
        text = ksm_text(wanted)
        errors: Mapping[str, HypervisorError] = {}
        if level == "on":
            errors = self._actuator.apply([Change(HOST, sample.boot, "ksm", ksm_text(now), text)])
            self._memory = self._memory if errors else made.memory
        else:
            text = f"{wanted.run} {wanted.merge_across_nodes}"    # how fast it would scan is another thing each time
        outcome: Outcome = "applied" if level == "on" else "advised"
        if self._told.news("ksm", text if not errors else str(errors[HOST])):
            self._adjustments.add(record_ksm(now, made, errors.get(HOST), outcome, self._time(), seconds))
        return made.reason

    def _journalled(self, sample: HostSample) -> KsmMemory:
        """What a manager before this one had decided: what it was, and whether it was switched on."""
        text, now = self._actuator.original_ksm(sample), sample.ksm
        if text is None or now is None:
            return KsmMemory()
        return KsmMemory(ksm_settings(text), now.run == 1, now.full_scans, now.merge_across_nodes)
