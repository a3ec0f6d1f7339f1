"""The history of metrics: frames of figures go in, series for charts come out."""

from __future__ import annotations

import logging
import math
import sqlite3
import threading
import time as clock
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple, TypeVar

from ..readers import is_damage
from .file import HistoryFile, Unusable, move_aside
from .levels import FULL, LEVELS, HistoryStatus, KeptLevel, Retention
from .packing import cut
from .points import Floats
from .reading import Reader
from .series import Buckets, Series
from .tail import MOST_FIGURES, Part, TailFrame, groups, load, pack, save
from .things import Keys, Things
from .upkeep import Upkeep

log = logging.getLogger(__name__)

#: Seconds between two tries to open a file that could not be opened.
_PATIENCE = 10.0
#: Times beyond are no times: a row's id has room for no later hour.
_LATEST = 1e11

Result = TypeVar("Result")


class Frame(NamedTuple):
    """What is known of one kind at one time: `values` of shape (metrics, keys), NaN for what is not known.

    Figures are kept as float32 of 3½ significant digits. Give the same tuple of keys as long as they are the same.
    """

    keys: tuple[str, ...]
    values: Floats


class History:
    """Figures of many things over time, in a file of a bounded size.

    `kinds` names the metrics of each kind of thing; a file that was written with others still reads. `wall` gives
    the time in seconds UTC.

    `add` and `work` are for one thread, `query`, `status` and `retention` for any. Nothing of it waits for libvirt,
    the loop or a request, and no fault of the file is raised: what cannot be written stays in memory for a
    while, a file that is damaged or of another version is moved aside for a new one, and `status` says so.

    That thread calls `add` once a cycle, and then, until the next one, `work` with pauses as long as it says that
    there is more. So the costs of summing up and dropping are spread over the hour.
    """

    def __init__(
        self,
        path: Path,
        kinds: Mapping[str, Sequence[str]],
        retention: Retention | None = None,
        wall: Callable[[], float] = clock.time,
    ) -> None:
        self._path = path
        self._kinds = {kind: tuple(metrics) for kind, metrics in kinds.items()}
        self._retention = retention or Retention()
        self._wall = wall
        self._lock = threading.RLock()    # of all that writes
        self._file: HistoryFile | None = None
        self._tried = -math.inf
        self._things = Things()
        self._upkeep = Upkeep()
        self._keys: dict[str, Keys] = {}
        self._tail: tuple[TailFrame, ...] = ()    # replaced, never changed: readers take it without a lock
        self._saved = 0    # the number of the last frame that is in the file
        self._number = 0
        self._lost = 0
        self._suspect: str | None = None    # what a reader found wrong with the file
        self._problem: str | None = None
        self._last_problem: str | None = None
        with self._lock:
            self._opened()

    @property
    def retention(self) -> Retention:
        """What is kept. A new one takes effect with the next `work`."""
        return self._retention

    @retention.setter
    def retention(self, retention: Retention) -> None:
        self._retention = retention

    def add(self, time: float, frames: Mapping[str, Frame]) -> None:
        """Keep what is known at a time (seconds UTC). Of two frames of the same millisecond one may be left.

        Raises `ValueError` where figures do not fit keys and metrics.
        """
        parts = {kind: self._part(kind, frame) for kind, frame in frames.items()}
        with self._lock:
            if not 0.0 <= time < _LATEST:
                self._lost += 1
                self._trouble(f"the clock says {time}, which is no time")
                return
            self._number += 1
            frame = TailFrame(self._number, math.floor(time * 1000.0) / 1000.0, parts)
            self._tail = (*self._tail, frame)
            if self._attempt(self._write, otherwise=False):
                self._problem = None
            self._limit()

    def work(self, seconds: float = 0.02) -> bool:
        """Sum up and drop what is due, for about so long; True if there is more."""
        end = clock.monotonic() + seconds
        while True:
            with self._lock:
                more = self._attempt(self._step, otherwise=False)
            if not more or clock.monotonic() >= end:
                return more

    def query(self, kind: str, key: str, metrics: Sequence[str], start: float, end: float, step: float) -> Series:
        """What is known of a thing within [start, end), in buckets of `step` seconds that begin in there: at most
        (end − start) / step + 1 of them. NaN where nothing is known, also of things and metrics that never were.

        Each hour comes from one level only, the finest that is kept (or a coarser one that gives the same buckets).
        Where only coarser points than the buckets are kept, each bucket has what its point has. Raises `InvalidValue`.
        """
        return self.query_many(kind, [key], metrics, start, end, step).of(0)

    def query_many(
        self, kind: str, keys: Sequence[str], metrics: Sequence[str], start: float, end: float, step: float
    ) -> Series:
        """As `query`, of several things at once: of 1,000 it takes far less than a thousand times as long. Raises
        `InvalidValue`, also where more than `reading.MOST_ROWS` would have to be read."""
        buckets = Buckets(len(keys), metrics, start, end, step)
        tail, file = self._tail, self._file    # in this order: what is packed meanwhile is then found in the file
        if file is not None:
            try:
                with file.reading() as connection:
                    reader = Reader(buckets, kind, keys, tail)
                    reader.read(connection)
                if reader.damaged:
                    self._last_problem = f"{reader.damaged} damaged rows of {self._path.name} were left out"
                return buckets.series()
            except (sqlite3.Error, Unusable) as error:
                self._last_problem = f"{self._path} cannot be read: {error}"
                if _is_hopeless(error):
                    self._suspect = str(error)
                buckets = Buckets(len(keys), metrics, start, end, step)
        Reader(buckets, kind, keys, tail).read(None)
        return buckets.series()

    def status(self) -> HistoryStatus:
        """What is kept, in how many bytes, and what is wrong."""
        retention, file = self._retention, self._file
        kept = (retention.full, retention.minutes, retention.tens, retention.hours)
        names = ((FULL, None), *((level.name, level.seconds) for level in LEVELS))
        oldest: list[float | None] = [None] * len(kept)
        size = 0
        if file is not None:
            try:
                size = file.size()
                with file.reading() as connection:
                    oldest = _oldest(connection)
            except (sqlite3.Error, OSError) as error:
                self._last_problem = f"{self._path} cannot be read: {error}"
        times = [frame.time for frame in self._tail]
        oldest[0] = min([*times, *(time for time in oldest[:1] if time is not None)], default=None)
        if self._upkeep.damaged:
            self._last_problem = f"{self._upkeep.damaged} damaged rows of {self._path.name} were left out"
        return HistoryStatus(
            path=str(self._path),
            size=size,
            bound=retention.size,
            levels=[
                KeptLevel(name, seconds, keep, since)
                for (name, seconds), keep, since in zip(names, kept, oldest, strict=True)
            ],
            waiting=sum(frame.number > self._saved for frame in self._tail),
            lost=self._lost,
            problem=self._problem,
            last_problem=self._last_problem,
        )

    def close(self) -> None:
        """Close the file; all that was added is in it, if it could be written."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
                self._tried = math.inf

    # -- writing; all of it holds the lock

    def _part(self, kind: str, frame: Frame) -> Part:
        metrics = self._kinds[kind]
        if frame.values.shape != (len(metrics), len(frame.keys)):
            raise ValueError(
                f"{kind}: figures of shape {frame.values.shape} for {len(metrics)} metrics of {len(frame.keys)} keys"
            )
        keys = self._keys.get(kind)
        if keys is None or not keys.same(frame.keys):
            keys = self._keys[kind] = Keys(frame.keys)
        return Part(keys, metrics, cut(frame.values))

    def _write(self, file: HistoryFile) -> bool:
        """Pack what is complete, and save the rest, the newest frame at least."""
        *_, last = every = list(groups(self._tail))
        for group, complete in every:
            if complete or group is not last[0]:
                pack(file, self._things, group)
                self._tail = self._tail[len(group) :]
                self._saved = max(self._saved, group[-1].number)
        unsaved = [frame for frame in self._tail if frame.number > self._saved]
        if unsaved:
            save(file, self._things, unsaved)
            self._saved = unsaved[-1].number
        return True

    def _step(self, file: HistoryFile) -> bool:
        """One step of upkeep."""
        lost = self._upkeep.lost
        more = self._upkeep.step(file, self._retention, self._wall())
        if self._upkeep.lost > lost:
            bound = self._retention.size
            self._last_problem = f"{bound} bytes for {self._path} are too few for an hour at full resolution"
        return more

    def _limit(self) -> None:
        """Drop the oldest frames if too many wait to be written."""
        figures = sum(frame.figures for frame in self._tail)
        while figures > MOST_FIGURES and len(self._tail) > 1:
            figures -= self._tail[0].figures
            self._tail = self._tail[1:]
            self._lost += 1

    def _attempt(self, action: Callable[[HistoryFile], Result], otherwise: Result) -> Result:
        """Do something with the file; what is wrong with it becomes the problem."""
        if self._suspect is not None:
            self._replace(self._suspect)
        file = self._opened()
        if file is None:
            return otherwise
        try:
            return action(file)
        except (sqlite3.Error, OSError, Unusable) as error:
            self._things.forget()
            if _is_hopeless(error):
                self._replace(str(error))
            else:
                self._trouble(f"{self._path} cannot be written: {error}; new figures are kept in memory for a while")
            return otherwise

    def _opened(self) -> HistoryFile | None:
        """The file, opened if it is time to try."""
        now = clock.monotonic()
        if self._file is None and now - self._tried >= _PATIENCE:
            self._tried = now
            try:
                self._open()
            except Unusable as error:
                self._replace(str(error))
            except (sqlite3.Error, OSError) as error:
                self._trouble(f"{self._path} cannot be opened: {error}; figures are kept in memory for a while")
        return self._file

    def _open(self) -> None:
        file = HistoryFile(self._path)
        try:
            with file.reading() as connection:
                frames, last, damaged = load(connection)
        except BaseException as error:
            file.close()
            if isinstance(error, sqlite3.Error) and _is_hopeless(error):
                raise Unusable(str(error)) from error
            raise
        self._upkeep.damaged += damaged
        # Frames of this process that the file does not know get numbers after all that it knows.
        mine = [frame for frame in self._tail if frame.number > self._saved]
        known = len(frames)
        self._number = last
        for frame in mine:
            self._number += 1
            frames.append(TailFrame(self._number, frame.time, frame.parts))
        self._saved = last
        if known:
            self._keys = {kind: part.keys for kind, part in frames[known - 1].parts.items()} | self._keys
        self._things.forget()
        self._tail = tuple(frames)
        self._file = file

    def _replace(self, why: str) -> None:
        """Move the file aside and begin a new one; what is in memory goes into that."""
        self._suspect = None
        if self._file is not None:
            self._file.close()
            self._file = None
        self._saved = 0
        stamp = datetime.fromtimestamp(self._wall(), timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        try:
            aside = move_aside(self._path, stamp)
            self._open()
            self._trouble(f"{self._path} could not be used ({why}); it is now {aside.name}, and history began anew")
        except (sqlite3.Error, OSError, Unusable) as error:
            self._trouble(f"{self._path} cannot be used ({why}), nor replaced: {error}")

    def _trouble(self, problem: str) -> None:
        if problem != self._problem:
            log.warning("%s", problem)
        self._problem = self._last_problem = problem


def _is_hopeless(error: Exception) -> bool:
    """Whether another try will not help."""
    return isinstance(error, Unusable) or is_damage(error)


def _oldest(connection: sqlite3.Connection) -> list[float | None]:
    """The oldest time of full resolution in packs, and of each level."""
    hour = connection.execute("SELECT min(hour) FROM packs").fetchone()[0]
    found = [None if hour is None else hour * 3600.0]
    for level in LEVELS:
        row = connection.execute(f"SELECT min(id) FROM {level.table}").fetchone()
        found.append(None if row[0] is None else float((int(row[0]) >> 32) * level.span))
    return found
