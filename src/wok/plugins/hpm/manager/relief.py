"""What gives way when cycles take too long: first what goals do not need, at last the interval; and comes back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

log = logging.getLogger(__name__)

#: Part of the interval in force that a cycle may take. One that takes more, twice in a row, or the whole interval once,
#: has work cut.
TOO_MUCH = 0.5
#: Part of the interval that a cycle would take after a step back; so many in a row, and the step is taken.
EASY, EASY_IN_A_ROW = 0.25, 10
#: The longest interval (seconds) that is ever in force, unless a longer one was set.
LONGEST = 300.0


class Step(NamedTuple):
    """What is in force: background samples so many times rarer than with the interval that was set, glances or none,
    the interval so many times longer."""

    samples: int
    glances: bool
    longer: int
    what: str


_RARER = "memory, processes and devices are sampled less often"
_BLIND = "servers that wake are seen at the next cycle only"
#: From all of the work to the least of it. A manager that decides eight times as seldom still keeps most goals of
#: servers that do what they did before; one that is always late keeps none, and takes CPU from those it is for.
STEPS = (
    Step(1, True, 1, "all of the work is done"),
    Step(4, True, 1, _RARER),
    Step(4, False, 1, f"{_RARER}, and {_BLIND}"),
    *(
        Step(8, False, longer, f"{_RARER}, {_BLIND}, and the interval is {word} as long")
        for longer, word in ((2, "twice"), (4, "four times"), (8, "eight times"))
    ),
)


class Relief:
    """Which step is in force. `changed` is called with each new one and why it is. Times are seconds; no clock is
    asked, so this can be tried in any time."""

    def __init__(self, interval: float, changed: Callable[[Step, str], None]) -> None:
        self.number = 0
        #: Why the step is in force; None: nothing is cut.
        self.why: str | None = None
        #: How often work was cut.
        self.cuts = 0
        self._set, self._changed = interval, changed
        self._heavy = self._easy = 0

    @property
    def step(self) -> Step:
        """That is in force."""
        return STEPS[self.number]

    @property
    def interval(self) -> float:
        """In force: the one that was set, or a longer one."""
        return _longer(self._set, self.step)

    def set_interval(self, seconds: float) -> None:
        """Somebody set another one: begin with all of the work again."""
        self._set, self._heavy, self._easy = seconds, 0, 0
        if self.number:
            self._go(0, f"the interval was set to {seconds:g} s")

    def took(self, seconds: float) -> None:
        """A cycle has ended that took so long."""
        part = seconds / self.interval
        self._heavy = self._heavy + 1 if part > TOO_MUCH else 0
        if part >= 1.0 or self._heavy > 1:
            self._easy = 0
            if self.number + 1 < len(STEPS) and self._more():
                self._heavy = 0
                self.cuts += 1
                self._go(self.number + 1, f"a cycle took {seconds:.3g} s, of an interval of {self.interval:g} s")
            return
        back = seconds / _longer(self._set, STEPS[max(0, self.number - 1)])
        self._easy = self._easy + 1 if self.number and back < EASY else 0
        if self._easy >= EASY_IN_A_ROW:
            self._easy = 0
            self._go(self.number - 1, f"{EASY_IN_A_ROW} cycles in a row took less than {EASY:.0%} of the interval")

    def _more(self) -> bool:
        """Whether the next step cuts anything: an interval that is long already does not become longer."""
        after = STEPS[self.number + 1]
        return after.longer == 1 or _longer(self._set, after) > self.interval

    def _go(self, number: int, why: str) -> None:
        more = number > self.number
        self.number = number
        self.why = None if number == 0 else why
        told = log.warning if more else log.info
        told("%s: %s; %s", "work is cut" if more else "work is taken up again", self.step.what, why)
        self._changed(self.step, why)


def _longer(seconds: float, step: Step) -> float:
    return max(seconds, min(LONGEST, seconds * step.longer))
