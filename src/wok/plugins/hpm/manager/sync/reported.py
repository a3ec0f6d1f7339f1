"""Which figures are told, and when they are told anew.

A figure that is measured is told with three significant digits at most, and told again when it has moved by more than
its step: what only trembles costs a poller nothing. One that somebody sets is told whenever it is another one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...engine.counters import Flags
from ...engine.metrics.figures import Figures
from ...engine.metrics.metric import FloatColumn, unknown


class Told(NamedTuple):
    """A column of the answer: the metric that it shows, its decimals, below what it counts as nothing, whether any
    other value is told, be it ever so near, and the metric's units in one of the column's."""

    metric: str
    digits: int
    nothing: float = 0.0
    set_by_somebody: bool = False
    unit: float = 1.0


#: By the column's name in the answer.
COLUMNS: dict[str, Told] = {
    "velocity": Told("velocity", 1),
    # below a hundredth of a CPU a server is idle, and its timers tick now and then
    "using": Told("cpu-using", 3, 0.01),
    "delay": Told("cpu-delay", 3, 0.01),
    "cpu-user": Told("qemu-user", 3, 0.01),
    "cpu-sys": Told("qemu-system", 3, 0.01),
    "memory-use": Told("memory-use", 1),
    # in MiB; a balloon stands still unless somebody moves it
    "memory": Told("memory-balloon", 0, set_by_somebody=True, unit=2**20),
    "memory-used": Told("memory-used", 0, unit=2**20),
    # whole numbers, 10,000 at most; they do not tremble
    "shares": Told("cpu-shares", 0, set_by_somebody=True),
}


def rounded(column: FloatColumn, told: Told) -> FloatColumn:
    """To three significant digits, and no more decimals than the column has."""
    found = np.where(np.abs(column) < told.nothing, 0.0, column)
    with np.errstate(divide="ignore", invalid="ignore"):
        places = 2 - np.floor(np.log10(np.abs(found)))
    scale = 10.0 ** np.where(np.isfinite(places), np.clip(places, 0, told.digits), told.digits)
    kept: FloatColumn = np.round(found * scale) / scale
    return kept


class Reported:
    """The figures that were told last, of the servers of a roster."""

    def __init__(self) -> None:
        self._uuids: tuple[str, ...] = ()
        self.columns: dict[str, FloatColumn] = {name: unknown(0) for name in COLUMNS}

    def take(self, figures: Figures) -> Flags:
        """Take over what has moved; gives which servers' figures are others than before. All are, of a server that was
        not there."""
        roster = figures.roster
        moved: Flags = np.zeros(len(roster.uuids), dtype=np.bool_)
        self._arrange(roster.uuids, moved)
        for name, told in COLUMNS.items():
            now, before = figures.servers[told.metric] / told.unit, self.columns[name]
            fresh = rounded(now, told)
            step = 0.0 if told.set_by_somebody else np.maximum(10.0**-told.digits, np.abs(before) * 0.001)
            with np.errstate(invalid="ignore"):
                far = np.abs(now - before) > step
            other = (np.isnan(fresh) != np.isnan(before)) | (far & (fresh != before))
            self.columns[name] = np.where(other, fresh, before)
            moved |= other
        return moved

    def _arrange(self, uuids: tuple[str, ...], moved: Flags) -> None:
        """Bring what was told into the order of the servers that there are now."""
        if uuids is self._uuids:
            return
        places = {uuid: row for row, uuid in enumerate(self._uuids)}
        rows = np.array([places.get(uuid, -1) for uuid in uuids], dtype=np.int64)
        moved[:] = rows < 0
        for name, column in self.columns.items():
            padded = np.append(column, np.nan)    # where -1 finds nothing
            self.columns[name] = padded[rows]
        self._uuids = uuids
