"""The newest frames: in memory at once, in the file a moment later, then packed.

A frame is written as one row for each kind, so that a crash loses at most the one that was being written. As soon as a
group of frames is complete, it is packed: figures of one thing over some minutes side by side, in blocks of a
few things, which takes a third of the room, and lets a chart of one thing read a hundredth of what is there.
Rows of its frames are dropped in the same transaction, which also keeps the number of its last frame as ``packed``:
what a reader finds packed he must not take from memory again.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .file import BLOCK, BLOCK_BITS, HistoryFile, forms_of, keep_state, state
from .levels import HOUR
from .packing import UNKNOWN, Cut, Damaged, decode_moment, encode_moment, encode_pack, steps
from .things import Keys, Things

#: A group is complete with so many frames, or so many figures (10 MB in memory), or when its hour is over.
FRAMES = 30
FIGURES = 2_500_000
#: So many figures (64 MB) are kept in memory while the file cannot be written.
MOST_FIGURES = 16_000_000


@dataclass(frozen=True, eq=False)
class Part:
    """What a frame says of one kind: figures of shape (metrics, keys)."""

    keys: Keys
    metrics: tuple[str, ...]
    whole: Cut


@dataclass(frozen=True, eq=False)
class TailFrame:
    """All that was known at one time; `number` counts frames and never goes back."""

    number: int
    time: float
    parts: Mapping[str, Part]

    @property
    def hour(self) -> int:
        """The hour, counted since 1970."""
        return int(self.time // HOUR)

    @property
    def figures(self) -> int:
        """How many figures it has."""
        return sum(part.whole.size for part in self.parts.values())


def groups(frames: Iterable[TailFrame]) -> Iterator[tuple[list[TailFrame], bool]]:
    """Frames in groups that are packed together, in their order, and whether each group is complete."""
    for _, same in itertools.groupby(frames, key=lambda frame: frame.hour):
        group: list[TailFrame] = []
        figures = 0
        for frame in same:
            if group and (len(group) >= FRAMES or figures + frame.figures > FIGURES):
                yield group, True
                group, figures = [], 0
            group.append(frame)
            figures += frame.figures
        yield group, len(group) >= FRAMES


def save(file: HistoryFile, things: Things, frames: Sequence[TailFrame]) -> None:
    """Write frames, each for itself. Raises `sqlite3.Error`."""
    with file.transaction() as connection:
        for frame in frames:
            for kind, part in frame.parts.items():
                numbers = things.numbers(connection, kind, part.keys, frame.time)
                connection.execute(
                    "INSERT INTO tail (frame, time, form, data) VALUES (?, ?, ?, ?)",
                    (frame.number, frame.time, file.form(kind, part.metrics), encode_moment(numbers, part.whole)),
                )


def pack(file: HistoryFile, things: Things, group: Sequence[TailFrame]) -> None:
    """Write a group as packs, to be summed up when its hour is over. Raises `sqlite3.Error`."""
    hour = group[0].hour
    with file.transaction() as connection:
        for (kind, metrics), frames in _alike(group).items():
            form = file.form(kind, metrics)
            rows = _packed(connection, things, kind, metrics, frames)
            connection.executemany(
                "INSERT INTO packs (hour, block, form, data) VALUES (?, ?, ?, ?)",
                ((hour, block, form, data) for block, data in rows),
            )
        connection.execute("INSERT OR REPLACE INTO due VALUES (0, ?, -1)", (hour,))
        connection.execute("DELETE FROM tail WHERE frame <= ?", (group[-1].number,))
        keep_state(connection, "packed", group[-1].number)


def load(connection: sqlite3.Connection) -> tuple[list[TailFrame], int, int]:
    """The frames that are not packed yet, the number of the last frame of all, and how many were damaged."""
    forms = forms_of(connection)
    last, damaged = state(connection, "packed"), 0
    found: dict[int, tuple[float, dict[str, Part]]] = {}
    seen: dict[bytes, Keys] = {}
    for number, time, form, data in connection.execute("SELECT frame, time, form, data FROM tail ORDER BY frame, id"):
        kind, metrics = forms[form]
        last = max(last, int(number))
        try:
            ids, whole = decode_moment(data, len(metrics))
        except Damaged:
            damaged += 1
            continue
        keys = seen.get(ids.tobytes())
        if keys is None:
            keys = seen[ids.tobytes()] = Keys(_names(connection, ids))
        found.setdefault(int(number), (float(time), {}))[1][kind] = Part(keys, metrics, whole)
    return [TailFrame(number, time, parts) for number, (time, parts) in found.items()], last, damaged


def _names(connection: sqlite3.Connection, ids: NDArray[np.int32]) -> list[str]:
    rows = (connection.execute("SELECT key FROM things WHERE id = ?", (number,)).fetchone() for number in ids.tolist())
    return [str(row[0]) for row in rows]


def _alike(group: Sequence[TailFrame]) -> dict[tuple[str, tuple[str, ...]], list[tuple[float, Part]]]:
    """The parts of a group by kind and metrics."""
    found: dict[tuple[str, tuple[str, ...]], list[tuple[float, Part]]] = {}
    for frame in group:
        for kind, part in frame.parts.items():
            found.setdefault((kind, part.metrics), []).append((frame.time, part))
    return found


def _packed(
    connection: sqlite3.Connection,
    things: Things,
    kind: str,
    metrics: tuple[str, ...],
    frames: Sequence[tuple[float, Part]],
) -> Iterator[tuple[int, bytes]]:
    """Blocks and their packs."""
    numbers = [things.numbers(connection, kind, part.keys, time) for time, part in frames]
    distinct = {id(array): array for array in numbers}
    ids = np.unique(np.concatenate(list(distinct.values())))
    columns = {which: np.searchsorted(ids, array) for which, array in distinct.items()}
    times = np.array([time for time, _ in frames])
    bounds = np.flatnonzero(np.diff(ids >> BLOCK_BITS, prepend=-1, append=-1))
    whole = np.full((len(frames), len(metrics), len(ids)), UNKNOWN, dtype=np.int32)
    for place, (array, (_, part)) in enumerate(zip(numbers, frames, strict=True)):
        whole[place][:, columns[id(array)]] = part.whole
    whole = steps(whole)
    for begin, end in itertools.pairwise(bounds.tolist()):
        places = (ids[begin:end] % BLOCK).astype(np.uint8)
        yield int(ids[begin]) >> BLOCK_BITS, encode_pack(times, places, whole[:, :, begin:end])
