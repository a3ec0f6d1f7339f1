"""Answering a query: for each hour of the range from the level that suits it, and is kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from .file import BLOCK, BLOCK_BITS, Form, forms_of, state
from .levels import HOUR, LEVELS, Level
from .packing import Damaged, decode_each, decode_pack, grown
from .points import Floats, Points, nothing
from .rolling import columns, row_id
from .series import Buckets
from .tail import TailFrame
from .things import find_thing


class Reader:
    """Puts what is known of one thing into buckets, each hour from one level only.

    The coarsest level whose points fill buckets evenly is asked first, because it gives the same answer
    with the least to read; then finer ones, for what is not summed up yet; then coarser ones, for what is not
    kept any more. `damaged` counts rows that could not be read; they are gaps.
    """

    def __init__(self, buckets: Buckets, kind: str, key: str, frames: Sequence[TailFrame]) -> None:
        self._buckets = buckets
        self._kind = kind
        self._key = key
        self._frames = frames
        self._first = int(buckets.start // HOUR)
        self._left = np.ones(max(0, int(-(-buckets.end // HOUR)) - self._first), dtype=np.bool_)
        self._forms: dict[int, Form] = {}
        self.damaged = 0

    def read(self, connection: sqlite3.Connection | None) -> None:
        """Fill the buckets, from the file if there is one and from memory. Raises `sqlite3.Error`."""
        if not self._buckets.size:
            return
        if connection is None:
            self._samples(None, None)
            return
        packed = state(connection, "packed")    # the first look at the file: what it shows is of this moment
        self._frames = [frame for frame in self._frames if frame.number > packed]
        self._forms = forms_of(connection)
        thing = find_thing(connection, self._kind, self._key)
        for step in self._order():
            step(connection, thing)

    def _order(self) -> list[Callable[[sqlite3.Connection, int | None], None]]:
        fitting = [level for level in reversed(LEVELS) if self._buckets.step % level.seconds == 0]
        coarser = [level for level in LEVELS if level not in fitting]
        return [*map(self._level, fitting), self._samples, *map(self._level, coarser)]

    # -- full resolution

    def _samples(self, connection: sqlite3.Connection | None, thing: int | None) -> None:
        found = [(frame.time, values) for frame in self._frames if (values := self._of_frame(frame)) is not None]
        parts = []
        if found:
            parts.append((np.array([time for time, _ in found]), np.stack([values for _, values in found], axis=1)))
        if connection is not None and thing is not None:
            parts += self._of_packs(connection, thing)
        if not parts:
            return
        times = np.concatenate([times for times, _ in parts])
        values = np.concatenate([values for _, values in parts], axis=1)
        hours = (times // HOUR).astype(np.int64) - self._first
        inside = np.flatnonzero((hours >= 0) & (hours < len(self._left)))
        inside = inside[self._left[hours[inside]]]
        self._buckets.put_samples(times[inside], values[:, inside])
        self._left[np.unique(hours[inside])] = False

    def _of_frame(self, frame: TailFrame) -> NDArray[np.float32] | None:
        part = frame.parts.get(self._kind)
        place = None if part is None else part.keys.places.get(self._key)
        if part is None or place is None:
            return None
        return self._chosen(grown(part.whole[:, place]), part.metrics)

    def _of_packs(
        self, connection: sqlite3.Connection, thing: int
    ) -> list[tuple[NDArray[np.float64], NDArray[np.float32]]]:
        oldest = connection.execute("SELECT min(hour) FROM packs").fetchone()[0]
        found = []
        for hour in self._hours(oldest):
            rows = connection.execute(
                "SELECT form, data FROM packs WHERE hour = ? AND block = ? ORDER BY id", (hour, thing >> BLOCK_BITS)
            )
            for form, data in rows:
                metrics = self._forms[form][1]
                try:
                    pack = decode_pack(data, len(metrics), thing % BLOCK)
                except Damaged:
                    self.damaged += 1
                    continue
                if len(pack.places):
                    found.append((pack.times, self._chosen(grown(pack.whole[:, :, 0].T), metrics)))
        return found

    def _hours(self, oldest: int | None) -> list[int]:
        """The hours that are left, beginning with the oldest that is kept."""
        if oldest is None:
            return []
        hours = np.flatnonzero(self._left) + self._first
        return [int(hour) for hour in hours[hours >= oldest]]

    def _chosen(self, values: NDArray[np.float32], there: tuple[str, ...]) -> NDArray[np.float32]:
        """The wanted metrics, along the first axis; NaN for those that were not measured."""
        into, of = columns(self._buckets.metrics, there)
        result = np.full((len(self._buckets.metrics), *values.shape[1:]), np.nan, dtype=np.float32)
        result[into] = values[of]
        return result

    # -- points

    def _level(self, level: Level) -> Callable[[sqlite3.Connection, int | None], None]:
        def read(connection: sqlite3.Connection, thing: int | None) -> None:
            if thing is None:
                return
            oldest = connection.execute(f"SELECT min(id) FROM {level.table}").fetchone()[0]
            per_span = level.span // HOUR
            hours = self._hours(None if oldest is None else (int(oldest) >> 32) * per_span)
            spans = sorted({hour // per_span for hour in hours})
            by_form: dict[int, list[tuple[int, bytes]]] = {}
            for span in spans:
                query = f"SELECT form, data FROM {level.table} WHERE id = ?"
                row = connection.execute(query, (row_id(span, thing),)).fetchone()
                if row is not None:
                    by_form.setdefault(int(row[0]), []).append((span, row[1]))
            for form, rows in by_form.items():
                self._put(level, self._forms[form][1], rows)

        return read

    def _put(self, level: Level, metrics: tuple[str, ...], rows: list[tuple[int, bytes]]) -> None:
        """Put rows of one form into the buckets, in the hours that are left and of which they know something."""
        every = decode_each([data for _, data in rows], len(metrics), level.times)
        decoded = [(span, points) for (span, _), points in zip(rows, every, strict=True) if points is not None]
        self.damaged += len(rows) - len(decoded)
        if not decoded:
            return
        spans = np.array([span for span, _ in decoded])
        wide = nothing((len(decoded), len(self._buckets.metrics), level.times))
        into, of = columns(self._buckets.metrics, metrics)
        for place, (_, points) in enumerate(decoded):
            for name in ("count", "total", "low", "high"):
                getattr(wide, name)[place, into] = getattr(points, name)[of]
        flat = Points(*(_flat(array) for array in (wide.count, wide.total, wide.low, wide.high)))
        times = (spans[:, None] * level.span + np.arange(level.times) * level.seconds).reshape(-1)
        hours = times // HOUR - self._first
        known = flat.count.any(axis=0) & (hours >= 0) & (hours < len(self._left))
        known &= self._left[np.clip(hours, 0, len(self._left) - 1)]
        chosen = np.flatnonzero(known)
        self._buckets.put_points(times[chosen].astype(np.float64), level.seconds, flat[:, chosen])
        self._left[np.unique(hours[chosen])] = False


def _flat(array: Floats) -> Floats:
    """(rows, metrics, times) as (metrics, rows × times)."""
    flat: Floats = array.transpose(1, 0, 2).reshape(array.shape[1], -1)
    return flat
