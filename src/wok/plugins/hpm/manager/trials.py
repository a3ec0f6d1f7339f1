"""Trying memory policies: what they would do now, told without holding up those who have the manager's lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Final

import msgspec

from ..engine.samples import HostSample
from ..memory.mom import Program, compile_policies
from ..memory.state import MemoryView
from .change import PATIENCE, Busy
from .mom import MomDecision, check_amount, cycle_steps, decision
from .mom_statistics import Statistics

#: Steps that policies may take when they are tried, at most: an interval may be an hour, and who tries them waits. A
#: policy of 130 lines takes some 120 for each guest.
MOST_STEPS: Final = 5_100_000


class Trial(msgspec.Struct, frozen=True):
    """Policies that somebody tries, and all that they are given; nothing of it changes with the next cycle. `interval`
    is hpm's, in seconds; `swap`: guests may be brought below their use; `ksm_left`: why KSM is left alone (None: it is
    not)."""

    program: Program
    interval: float
    statistics: Statistics
    sample: HostSample
    view: MemoryView
    swap: bool
    ksm_left: str | None

    def decide(self, pause: Callable[[], None]) -> MomDecision:
        """What they would do, and why. `pause` is called every few milliseconds; what it raises ends it."""
        host, guests = self.statistics.host, list(self.statistics.guests.values())
        most = min(MOST_STEPS, cycle_steps(len(guests), self.interval))
        evaluation = self.program.explain(host, guests, most, pause)
        return decision(evaluation, self.statistics, self.sample, self.view, swap=self.swap, left=self.ksm_left)


class Trials:
    """Tries policies, one after another. `writing` takes the manager's lock, or raises `Busy`; it is never held while
    policies are read or evaluated. Who comes while others are tried waits for `patience` seconds."""

    def __init__(self, writing: Callable[[], AbstractContextManager[None]], patience: float = PATIENCE) -> None:
        self._writing, self._patience = writing, patience
        self._turn = threading.Lock()    # taken before the manager's

    def decide(self, policies: Mapping[str, str] | None, take: Callable[[Program | None], Trial]) -> MomDecision:
        """What policies (texts by name) would do; None: those that are kept. `take` is called with the lock held, and
        gives them with all that they need. Raises as `MemoryRequests.evaluate`."""
        if policies is not None:
            check_amount(policies)
        if not self._turn.acquire(timeout=self._patience):
            raise Busy(f"other memory policies have been tried for {self._patience:g} s; try again when that has ended")
        try:
            program = None if policies is None else compile_policies(policies)
            with self._writing():
                trial = take(program)
            return trial.decide(self._give_way)
        finally:
            self._turn.release()

    def _give_way(self) -> None:
        """Wait while somebody has the manager's lock. A cycle gives Python's own lock away with each of the thousands
        of files that it reads, and who does nothing but compute would keep it for 5 ms then."""
        with self._writing():
            pass
