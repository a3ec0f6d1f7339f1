"""Run windows: servers that start, stop, are suspended and resumed by the calendar.

Something is done at an edge only, when a server's hours begin or end: who starts a server outside of them keeps it
until the next edge. On which side of the last edge each server was is in the store, so that a restart is no edge.
Where daylight saving ends, an hour comes twice: it is over after the first time, or who is to run from within it would
be stopped when it begins again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from ...policy.assignment import Assignment
from ...policy.start_policies import StartPolicy
from ...store.catalog_store import load_setting, save_setting
from ...store.database import Database
from ..snapshot import Snapshot

_SETTING = "run-windows"

#: By so much daylight saving puts the clock back, at most.
_AN_HOUR = timedelta(hours=1)


class Edges(msgspec.Struct, frozen=True):
    """Servers whose hours have begun; those whose have ended and that are to stop, or to be suspended."""

    begin: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    suspend: tuple[str, ...] = ()


class RunWindows:
    """Not thread-safe. `local` gives the time in the host's time zone."""

    def __init__(self, database: Database, local: Callable[[], datetime]) -> None:
        self._database, self._local = database, local
        saved = load_setting(database, _SETTING)
        self._inside: dict[str, bool] = msgspec.json.decode(saved, type=dict[str, bool]) if saved else {}
        self._looked: tuple[object, int, int] | None = None
        self._last: tuple[datetime, datetime] | None = None    # the time at the last look, and what counted as it
        self._windowed: Mapping[str, StartPolicy] = {}

    def edges(self, snapshot: Snapshot) -> Edges:
        """What is due now. The same is due again a minute later for those that `done` was not told of. Raises
        `StoreError`."""
        now = self._local()
        weekday, minute = self._day_and_minute(now)
        looked = (snapshot.assignments, now.weekday(), now.hour * 60 + now.minute)
        if self._looked is not None and self._looked[0] is looked[0] and self._looked[1:] == looked[1:]:
            return Edges()
        if self._looked is None or self._looked[0] is not looked[0]:
            self._windowed = _windowed(snapshot.assignments)
            for uuid in self._inside.keys() - self._windowed.keys():
                del self._inside[uuid]
        self._looked = looked
        begin, stop, suspend, settled = [], [], [], []
        for uuid, start in self._windowed.items():
            inside = any(window.holds(weekday, minute) for window in start.windows)
            if uuid not in snapshot.sample.infos or self._inside.get(uuid) is inside:
                continue
            status = snapshot.sample.infos[uuid].status
            if inside and status != "running":
                begin.append(uuid)
            elif not inside and status == "running" and start.outside == "suspend":
                suspend.append(uuid)
            elif not inside and status in ("running", "paused") and start.outside == "stop":
                stop.append(uuid)
            else:    # it is as it is to be
                settled.append((uuid, inside))
        if settled:
            self._keep(dict(settled))
        return Edges(tuple(begin), tuple(stop), tuple(suspend))

    def outside(self, start: StartPolicy) -> bool:
        """Whether a server of that policy is outside of its hours now."""
        weekday, minute = self._day_and_minute(self._local())
        return bool(start.windows) and not any(window.holds(weekday, minute) for window in start.windows)

    def done(self, uuids: tuple[str, ...], *, inside: bool) -> None:
        """What was due for these was begun. Raises `StoreError`."""
        self._keep(dict.fromkeys(uuids, inside))

    def _day_and_minute(self, now: datetime) -> tuple[int, int]:
        """The day of the week (0 is Monday) and the minute of the day, by the host's clock; in the hour that comes
        twice it stands still until that is over."""
        shown = now.replace(tzinfo=None)
        if self._last is not None:
            then, known = self._last
            if now >= then and timedelta() < known - shown <= _AN_HOUR:    # not set back, but another offset
                shown = known
        self._last = now, shown
        return shown.weekday(), shown.hour * 60 + shown.minute

    def _keep(self, sides: Mapping[str, bool]) -> None:
        inside = {**self._inside, **sides}
        save_setting(self._database, _SETTING, msgspec.json.encode(inside).decode())
        self._inside = inside    # not before: what is refused is kept at the next minute

    def seconds(self) -> float | None:
        """Seconds until the next minute, if there were windows at the last look."""
        if not self._windowed:
            return None
        now = self._local()
        return 60.05 - now.second - now.microsecond / 1e6


def _windowed(assignments: Mapping[str, Assignment]) -> dict[str, StartPolicy]:
    """The policies of servers that have windows."""
    policies = ((uuid, assignment.guest.policy.start) for uuid, assignment in assignments.items())
    return {uuid: start for uuid, start in policies if start is not None and start.windows}
