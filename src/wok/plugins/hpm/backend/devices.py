"""What the disks and interfaces of all guests have done: dear to ask, so it is asked seldom."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import libvirt

from .device_answers import device_answer
from .monitors import Monitors
from .pacing import Background
from .section_book import SectionBook
from .turns import Turns

#: Guests that are asked for in one call: some ten milliseconds of libvirt's.
PORTION: Final = 5
#: A call's time counts as CPU time up to so much for each guest (s), twice what was measured (see `balloons`).
MOST_COST: Final = 0.005

_KINDS: Final = libvirt.VIR_DOMAIN_STATS_BLOCK | libvirt.VIR_DOMAIN_STATS_INTERFACE


class DeviceSampler:
    """Samples devices in the background, and says in the `book` what it learns. `wall` gives unix time."""

    def __init__(
        self, monitors: Monitors, book: SectionBook, active: Callable[[], Mapping[str, object]],
        clock: Callable[[], int], wall: Callable[[], float], period: float,
    ) -> None:  # fmt: skip
        self._monitors = monitors
        self._book = book
        self._active = active
        self._clock = clock
        self._wall = wall
        self._turns = Turns()
        self.background = Background("libvirt-devices", period, self._sample, clock)

    def _sample(self) -> Iterator[float]:
        active = self._active()
        due = self._turns.due(active, self._clock(), self.background.period)
        for begin in range(0, len(due), PORTION):
            portion = due[begin : begin + PORTION]
            before = self._clock()
            answers = self._monitors.ask(portion, _KINDS)
            now, sampled = self._clock(), self._wall()
            for uuid, statistics in answers.items():
                run, heard = active[uuid], self._book.heard(uuid)
                if heard is None or heard.run != run:
                    continue    # it ended meanwhile, or runs anew
                answer = device_answer(statistics, heard.xml.hardware, heard.devices, now, sampled)
                self._book.hear(uuid, run, devices=answer)
                self._turns.asked(uuid, run, now)
            yield min((now - before) / 1e9, MOST_COST * len(portion))
