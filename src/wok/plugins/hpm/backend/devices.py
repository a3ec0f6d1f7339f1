"""What the disks and interfaces of all guests have done: dear to ask, so it is asked seldom."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import libvirt

from ..engine.table import Table, empty, of_rows
from .device_answers import DeviceAnswer, device_answer
from .device_figures import device_row
from .extras import DEVICES
from .monitors import Monitors
from .pacing import Background
from .section_book import SectionBook
from .turns import Turns

#: Guests that are asked for in one call: some ten milliseconds of libvirt's.
PORTION: Final = 5
#: A call's time counts as CPU time up to so much for each guest (s), twice what was measured (see `balloons`).
MOST_COST: Final = 0.005
#: Seconds after which a pass that takes long shows what it has sampled so far.
SHOWN: Final = 30.0

_KINDS: Final = libvirt.VIR_DOMAIN_STATS_BLOCK | libvirt.VIR_DOMAIN_STATS_INTERFACE


class DeviceSampler:
    """Samples devices in the background, and says in the `book` what it learns; `table` has the figures, and is
    replaced after each pass. `wall` gives unix time."""

    def __init__(
        self, monitors: Monitors, book: SectionBook, active: Callable[[], Mapping[str, object]],
        clock: Callable[[], int], wall: Callable[[], float], period: float,
    ) -> None:  # fmt: skip
        self.table: Table = empty(DEVICES)
        self._rows: dict[str, tuple[object, int, tuple[float, ...]]] = {}
        self._lock = threading.Lock()
        self._monitors = monitors
        self._book = book
        self._active = active
        self._clock = clock
        self._wall = wall
        self._turns = Turns()
        self.background = Background("libvirt-devices", period, self._sample, clock)

    def keep(self, active: Mapping[str, object]) -> None:
        """Forget what was sampled of servers, and of starts of them, that are not among these."""
        with self._lock:
            gone = [uuid for uuid, (run, _, _) in self._rows.items() if active.get(uuid) != run]
            for uuid in gone:
                del self._rows[uuid]
            if gone:
                self._show()

    def _sample(self) -> Iterator[float]:
        active, shown = self._active(), self._clock()
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
                self._note(uuid, run, answer, heard.devices)
                self._turns.asked(uuid, run, now)
            yield min((now - before) / 1e9, MOST_COST * len(portion))
            if now - shown > SHOWN * 1e9:
                yield self._shown()
                shown = self._clock()
        if due:
            yield self._shown()

    def _note(self, uuid: str, run: object, answer: DeviceAnswer, before: DeviceAnswer | None) -> None:
        then = None if before is None else (before.disks, before.network)
        seconds = None if before is None else (answer.time_ns - before.time_ns) / 1e9
        row = device_row((answer.disks, answer.network), then, seconds, answer.sampled)
        with self._lock:
            if self._active().get(uuid) == run:    # else it ended meanwhile, and `keep` was here
                self._rows[uuid] = run, answer.time_ns, row

    def _shown(self) -> float:
        """Show what was sampled; gives what that cost."""
        began = time.thread_time()
        with self._lock:
            self._show()
        return time.thread_time() - began

    def _show(self) -> None:
        self.table = of_rows(DEVICES, {uuid: (taken, row) for uuid, (_, taken, row) in self._rows.items()})
