"""Figures of many servers at one time, as columns of numbers with a row for each server.

For figures beside the counters of the vCPUs (`counters`): they are sampled at a pace of their own, so each row says
when it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .counters import Column

Numbers: TypeAlias = "npt.NDArray[np.float64]"


@dataclass(frozen=True, eq=False)
class Table:
    """A row for each of `uuids`. Cannot be changed; the arrays are read-only from here on.

    `columns` are float64, NaN: not known. Names end in their unit where they have one. `taken_ns` is the monotonic
    time at which a row was sampled, 0: never. Raises `ValueError` if a column has not a row for each server.
    """

    uuids: tuple[str, ...]
    columns: Mapping[str, Numbers]
    taken_ns: Column

    def __post_init__(self) -> None:
        for column in (*self.columns.values(), self.taken_ns):
            if column.shape != (len(self.uuids),):
                raise ValueError(f"a column of shape {column.shape} in a table of {len(self.uuids)} servers")
            column.flags.writeable = False

    def __len__(self) -> int:
        return len(self.uuids)

    @cached_property
    def place(self) -> Mapping[str, int]:
        """The row of each server."""
        return {uuid: row for row, uuid in enumerate(self.uuids)}

    def value(self, uuid: str, column: str) -> float | None:
        """One figure of one server; None: not known."""
        row = self.place.get(uuid)
        if row is None:
            return None
        value = float(self.columns[column][row])
        return None if np.isnan(value) else value

    def taken(self, uuid: str) -> int | None:
        """When the row of one server was sampled (monotonic ns); None: never."""
        row = self.place.get(uuid)
        return None if row is None or not self.taken_ns[row] else int(self.taken_ns[row])

    def aligned(self, uuids: tuple[str, ...]) -> Table:
        """The same figures with a row for each of `uuids`, in their order: NaN for servers that are not here. The
        table itself if they are its own."""
        if uuids == self.uuids:
            return self
        if not len(self.uuids):
            return empty(self.columns, uuids)
        place = self.place
        rows = np.array([place.get(uuid, -1) for uuid in uuids], dtype=np.int64)
        absent = rows < 0
        columns: dict[str, Numbers] = {}
        for name, column in self.columns.items():
            columns[name] = moved = column[rows]
            moved[absent] = np.nan
        taken = self.taken_ns[rows]
        taken[absent] = 0
        return Table(uuids, columns, taken)


def empty(names: Iterable[str], uuids: tuple[str, ...] = ()) -> Table:
    """A table of which nothing is known."""
    return Table(
        uuids,
        {name: np.full(len(uuids), np.nan) for name in names},
        np.zeros(len(uuids), dtype=np.int64),
    )


def of_rows(names: tuple[str, ...], rows: Mapping[str, tuple[int, tuple[float, ...]]]) -> Table:
    """A table of `rows`: by UUID, when it was sampled and a number for each of `names`."""
    if not rows:
        return empty(names)
    numbers = np.array([values for _, values in rows.values()], dtype=np.float64).T
    taken = np.array([taken for taken, _ in rows.values()], dtype=np.int64)
    columns = {name: np.ascontiguousarray(column) for name, column in zip(names, numbers, strict=True)}
    return Table(tuple(rows), columns, taken)
