"""The loop in virtual time: what `Loop` does, without a thread and without waiting."""

from __future__ import annotations

from collections.abc import Callable

from .loop import Deed, Timetable
from .manager import Manager

#: Seconds after which something that happened on the host is noticed at the latest.
GRAIN = 0.25


class VirtualLoop:
    """Drives a manager whose host lives in virtual time.

    `now` gives its monotonic nanoseconds and `advance` lets so many seconds pass. `servers_changed` is for the
    hypervisor's `on_change`.
    """

    def __init__(self, manager: Manager, now: Callable[[], int], advance: Callable[[float], None]) -> None:
        self._manager = manager
        self._now = now
        self._advance = advance
        self._changed = False

    def servers_changed(self) -> None:
        """A server started, stopped, paused or was changed."""
        self._changed = True

    def step(self) -> None:
        """Let one interval pass: a cycle at its end; in between looks, glances and plans out of turn."""
        manager, length = self._manager, round(self._manager.interval * 1e9)
        deeds: dict[Deed, Callable[[], None]] = {
            "cycle": manager.cycle, "look": manager.look, "glance": manager.glance,
        }  # fmt: skip
        end = self._now() + length
        timetable = Timetable(self._now(), length)
        timetable.due = end
        while True:
            when, deed = timetable.next(manager.wanted(), changed=self._changed, glances=manager.glances())
            now = self._now()
            if when <= now:
                self._changed = self._changed and deed == "glance"
                deeds[deed]()
                timetable.done(deed, now, 0)
            elif now < end:
                self._advance(min(GRAIN, (min(when, end) - now) / 1e9))
            else:
                break
