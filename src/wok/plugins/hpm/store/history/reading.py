"""Answering a query: for each hour of the range from the level that suits it, and is kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidValue
from .file import BLOCK, BLOCK_BITS, Form, forms_of, state
from .levels import HOUR, LEVELS, Level
from .packing import Damaged, decode_good, decode_pack, grown
from .points import Indexes, Points, nothing
from .rolling import columns, row_id
from .series import Buckets, Samples
from .tail import TailFrame
from .things import Keys, find_things

#: Rows that one query reads at most: they take about 50 µs each.
MOST_ROWS = 20_000
#: Figures that are unpacked at a time, so that many things take no more memory than a few.
_FIGURES = 500_000

Values = NDArray[np.float32]


class _Few(NamedTuple):
    """Some things that are read together, of one or a few blocks: their rows in the buckets, and their numbers in the
    file, -1: none, as of all in a file that cannot be read."""

    rows: Indexes
    things: Indexes


class _Part(NamedTuple):
    """Samples at some times of those of a few things that have these places, shape (things, metrics, times)."""

    times: NDArray[np.float64]
    places: Indexes
    values: Values


Step = Callable[[sqlite3.Connection, _Few], None]


class Reader:
    """Puts what is known of things into buckets, each hour of each thing from one level only.

    The coarsest level whose points fill buckets evenly is asked first, because it gives the same answer
    with the least to read; then finer ones, for what is not summed up yet; then coarser ones, for what is not
    kept any more. `damaged` counts rows that could not be read; they are gaps.
    """

    def __init__(self, buckets: Buckets, kind: str, keys: Sequence[str], frames: Sequence[TailFrame]) -> None:
        self._buckets = buckets
        self._kind = kind
        self._keys = keys
        self._frames = frames
        self._first = int(buckets.start // HOUR)
        hours = max(0, int(-(-buckets.end // HOUR)) - self._first)
        self._left = np.ones((len(keys), hours), dtype=np.bool_)
        self._forms: dict[int, Form] = {}
        self._known: dict[tuple[str, ...], tuple[list[int], list[int]]] = {}
        self._read = 0
        self.damaged = 0

    def read(self, connection: sqlite3.Connection | None) -> None:
        """Fill the buckets, from the file if there is one and from memory. Raises `sqlite3.Error`, and `InvalidValue`
        where that takes more than `MOST_ROWS`."""
        if not self._buckets.size:
            return
        things = np.full(len(self._keys), -1, dtype=np.int64)
        if connection is None:
            for few in self._in_portions(things):
                self._samples(None, few)
            return
        packed = state(connection, "packed")    # the first look at the file: what it shows is of this moment
        self._frames = [frame for frame in self._frames if frame.number > packed]
        self._forms = forms_of(connection)
        order = self._order()
        for few in self._in_portions(find_things(connection, self._kind, self._keys)):
            for step in order:
                step(connection, few)

    def _in_portions(self, things: Indexes) -> Iterator[_Few]:
        """All things, in the order in which they lie in the file."""
        order = np.argsort(things, kind="stable")
        blocks = max(1, 8 // max(1, len(self._buckets.metrics)))
        whole = things[order] >> BLOCK_BITS
        bounds = [0, *(np.flatnonzero(np.diff(whole)) + 1).tolist(), len(order)]
        for begin in range(0, len(bounds) - 1, blocks):
            rows = order[bounds[begin] : bounds[min(begin + blocks, len(bounds) - 1)]]
            yield _Few(rows, things[rows])

    def _order(self) -> list[Step]:
        fitting = [level for level in reversed(LEVELS) if self._buckets.step % level.seconds == 0]
        coarser = [level for level in LEVELS if level not in fitting]
        return [*map(self._level, fitting), self._samples, *map(self._level, coarser)]

    # -- full resolution

    def _samples(self, connection: sqlite3.Connection | None, few: _Few) -> None:
        parts = list(self._of_frames(few))
        if connection is not None:
            parts += self._of_packs(connection, few)
        if not parts:
            return
        times, begins = _abreast(parts, len(few.rows))
        values = np.full((len(few.rows), len(self._buckets.metrics), len(times)), np.nan, dtype=np.float32)
        there = np.zeros((len(few.rows), len(times)), dtype=np.bool_)
        for (part_times, places, part), begin in zip(parts, begins, strict=True):
            values[places, :, begin : begin + len(part_times)] = part
            there[places, begin : begin + len(part_times)] = True
        hours = (times // HOUR).astype(np.int64) - self._first
        order = np.argsort(times, kind="stable")
        order = order[(hours[order] >= 0) & (hours[order] < self._left.shape[1])]
        times, hours, values, there = times[order], hours[order], values[..., order], there[:, order]
        there &= self._left[few.rows][:, hours]
        values[np.broadcast_to(~there[:, None, :], values.shape)] = np.nan
        self._buckets.put_samples(Samples(few.rows, times, values, there))
        for hour in np.unique(hours).tolist():
            self._left[few.rows, hour] &= ~there[:, hours == hour].any(axis=1)

    def _of_frames(self, few: _Few) -> Iterator[_Part]:
        """What frames in memory have."""
        known: tuple[Keys, Indexes] | None = None
        for frame in self._frames:
            part = frame.parts.get(self._kind)
            if part is None:
                continue
            if known is None or known[0] is not part.keys:
                found = (part.keys.places.get(self._keys[row], -1) for row in few.rows.tolist())
                known = part.keys, np.array(list(found), dtype=np.int64)
            places = np.flatnonzero(known[1] >= 0)
            if len(places):
                into, of = self._columns(part.metrics)
                values = self._chosen(grown(part.whole[np.array(of, dtype=np.int64)[:, None], known[1][places]]), into)
                yield _Part(np.array([frame.time]), places, values.T[:, :, None])

    def _of_packs(self, connection: sqlite3.Connection, few: _Few) -> Iterator[_Part]:
        """What packs have."""
        oldest, newest = connection.execute("SELECT min(hour), max(hour) FROM packs").fetchone()
        if oldest is None:
            return
        in_file = few.things[few.things >= 0]
        query = "SELECT form, data FROM packs WHERE hour = ? AND block = ? ORDER BY id"
        for block in np.unique(in_file >> BLOCK_BITS).tolist():
            mine = np.flatnonzero((few.things >> BLOCK_BITS) == block)
            place_of = np.full(BLOCK, -1, dtype=np.int64)
            place_of[few.things[mine] % BLOCK] = mine
            wanted = place_of >= 0
            for hour in self._hours(few.rows[mine], oldest, newest + 1):
                for form, data in connection.execute(query, (hour, block)):
                    metrics = self._forms[form][1]
                    into, of = self._columns(metrics)
                    try:
                        pack = decode_pack(data, len(metrics), wanted, of)
                    except Damaged:
                        self.damaged += 1
                        continue
                    if len(pack.places):
                        values = self._chosen(grown(pack.whole).transpose(1, 2, 0), into)
                        yield _Part(pack.times, place_of[pack.places], values.transpose(1, 0, 2))

    def _hours(self, rows: Indexes, begin: int, end: int) -> list[int]:
        """The hours within [begin, end) that are left of any of these."""
        hours = np.flatnonzero(self._left[rows].any(axis=0)) + self._first
        return [int(hour) for hour in hours[(hours >= begin) & (hours < end)]]

    def _columns(self, metrics: tuple[str, ...]) -> tuple[list[int], list[int]]:
        """See `rolling.columns`: those of the wanted metrics that are among these."""
        known = self._known.get(metrics)
        if known is None:
            known = self._known[metrics] = columns(self._buckets.metrics, metrics)
        return known

    def _chosen(self, values: Values, into: Sequence[int]) -> Values:
        """The wanted metrics, along the first axis; NaN for those that were not measured."""
        if len(into) == len(self._buckets.metrics):
            return values    # `columns` gives them in order
        result = np.full((len(self._buckets.metrics), *values.shape[1:]), np.nan, dtype=np.float32)
        result[into] = values
        return result

    # -- points

    def _level(self, level: Level) -> Step:
        def read(connection: sqlite3.Connection, few: _Few) -> None:
            oldest, newest = (
                connection.execute(f"SELECT {which}(id) FROM {level.table}").fetchone()[0] for which in ("min", "max")
            )
            if oldest is None:
                return
            per_span = level.span // HOUR
            known = np.flatnonzero(few.things >= 0)
            hours = self._hours(few.rows[known], (oldest >> 32) * per_span, ((newest >> 32) + 1) * per_span)
            spans = sorted({hour // per_span for hour in hours})
            if not spans:
                return
            many = max(1, _FIGURES // (len(self._buckets.metrics) * len(spans) * level.times))
            for begin in range(0, len(known), many):
                some = known[begin : begin + many]
                self._put(connection, level, _Few(few.rows[some], few.things[some]), spans)

        return read

    def _put(self, connection: sqlite3.Connection, level: Level, few: _Few, spans: Sequence[int]) -> None:
        """Put the rows of these spans into the buckets, in the hours that are left and of which they know something."""
        wide = nothing((len(few.rows), len(self._buckets.metrics), len(spans), level.times))
        for form, rows in self._rows(connection, level, few, spans).items():
            metrics = self._forms[form][1]
            into, of = self._columns(metrics)
            places, numbers, data = zip(*rows, strict=True)
            points, good = decode_good(data, len(metrics), level.times, of)
            self.damaged += len(rows) - len(good)
            where = np.array(places)[good][:, None], np.array(into), np.array(numbers)[good][:, None]
            for name in ("count", "total", "low", "high") if len(good) and into else ():
                getattr(wide, name)[where] = getattr(points, name)
        flat = Points(*(array.reshape(*array.shape[:2], -1) for array in (wide.count, wide.total, wide.low, wide.high)))
        times = (np.array(spans)[:, None] * level.span + np.arange(level.times) * level.seconds).reshape(-1)
        hours = times // HOUR - self._first
        inside = np.flatnonzero((hours >= 0) & (hours < self._left.shape[1]))
        flat, times, hours = flat[..., inside], times[inside], hours[inside]
        known = flat.count.any(axis=1) & self._left[few.rows][:, hours]
        chosen = np.flatnonzero(known.any(axis=0))
        flat, known, hours = flat[..., chosen], known[:, chosen], hours[chosen]
        self._buckets.put_points(few.rows, times[chosen].astype(np.float64), level.seconds, flat.where(known[:, None]))
        starts = np.flatnonzero(np.diff(hours, prepend=-1))
        if len(starts):
            done = np.logical_or.reduceat(known, starts, axis=1)
            self._left[np.ix_(few.rows, hours[starts])] &= ~done

    def _rows(
        self, connection: sqlite3.Connection, level: Level, few: _Few, spans: Sequence[int]
    ) -> dict[int, list[tuple[int, int, bytes]]]:
        """By form: the places of thing and span, and the data. Of hours that are done, none."""
        found: dict[int, list[tuple[int, int, bytes]]] = {}
        query, per_span = f"SELECT id, form, data FROM {level.table} WHERE id BETWEEN ? AND ?", level.span // HOUR
        of_hours = (np.arange(self._left.shape[1]) + self._first) // per_span
        starts = np.flatnonzero(np.diff(of_hours, prepend=-1))
        left = np.logical_or.reduceat(self._left[few.rows], starts, axis=1)[:, np.array(spans) - of_hours[0]]
        for number in range(len(spans)):
            span, open_ = spans[number], np.flatnonzero(left[:, number])
            self._read += len(open_)
            if self._read > MOST_ROWS:
                raise InvalidValue(
                    f"so long a range is not told of {len(self._keys)} at once: ask for fewer, for a later time, or of"
                    " one at a time", "from",
                )  # fmt: skip
            for first, last in _runs(few.things[open_]):
                begin, end = int(few.things[open_[first]]), int(few.things[open_[last]])
                for id_, form, data in connection.execute(query, (row_id(span, begin), row_id(span, end))):
                    place = int(open_[first + (id_ & 0xFFFFFFFF) - begin])
                    found.setdefault(int(form), []).append((place, number, data))
        return found


def _runs(things: Indexes) -> list[tuple[int, int]]:
    """Places of the first and the last of each run of numbers that follow one another; the numbers are in order."""
    if not len(things):
        return []
    if int(things[-1]) - int(things[0]) == len(things) - 1:
        return [(0, len(things) - 1)]
    ends = np.flatnonzero(np.diff(things, append=-1) != 1)
    return list(zip([0, *(ends[:-1] + 1).tolist()], ends.tolist(), strict=True))


def _abreast(parts: Sequence[_Part], things: int) -> tuple[NDArray[np.float64], list[int]]:
    """Times of all parts, and where those of each begin. Parts of the same times and of different things, as blocks
    have them, stand abreast; two samples of one thing never do, also at the same time."""
    slots: dict[bytes, list[tuple[int, NDArray[np.bool_]]]] = {}
    times: list[NDArray[np.float64]] = []
    begins, end = [], 0
    for part in parts:
        known = slots.setdefault(part.times.tobytes(), [])
        begin, taken = next((slot for slot in known if not slot[1][part.places].any()), (-1, None))
        if taken is None:
            begin, taken = end, np.zeros(things, dtype=np.bool_)
            known.append((begin, taken))
            times.append(part.times)
            end += len(part.times)
        taken[part.places] = True
        begins.append(begin)
    return np.concatenate(times), begins
