"""Which servers not to ask for now, because a call for them hangs or hung.

A call that hangs cannot be cancelled. It holds a worker here, and one of libvirt's twenty, until the guest's QEMU
answers or ends. So a server for which one hangs is not asked again before it has returned, and then not at once: each
time longer, if it hangs time and again. No more than `most` may hang at once; libvirt takes five of a connection, and
other programs need the rest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

import msgspec

T = TypeVar("T")

#: Seconds that a server is left in peace after a call that hung has returned: at first, and at the most.
FIRST_REST: Final = 2.0
LAST_REST: Final = 300.0


class Attempt:
    """A call that may hang: `run` makes it, `returned_ns` says when it came back (monotonic), None: not yet."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._tell: Callable[[], None] = lambda: None
        self.began = False
        self.returned_ns: int | None = None

    def run(self, function: Callable[[], T]) -> T:
        """Give what `function()` gives."""
        self.began = True
        try:
            return function()
        finally:
            self.returned_ns = self._clock()
            self._tell()

    def when_back(self, tell: Callable[[], None]) -> None:
        """Have `tell` called once it has come back, in the thread that made it; at once, if it has. (If it does just
        now, perhaps twice.)"""
        self._tell = tell
        if self.returned_ns is not None:
            tell()

    @property
    def hangs(self) -> bool:
        """Whether it was begun, and has not come back."""
        return self.began and self.returned_ns is None


class _Silence(msgspec.Struct):
    """Since when a server does not answer (monotonic ns), the call that hangs at it, and the rest after that (s)."""

    since_ns: int
    attempt: Attempt
    rest: float


class Patience:
    """What is known of servers that do not answer. Any thread may ask."""

    def __init__(self, clock: Callable[[], int], most: int) -> None:
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._silences: dict[str, _Silence] = {}
        self._attempts: list[Attempt] = []

    def attempt(self) -> Attempt | None:
        """A call to make now; None: too many hang already."""
        with self._lock:
            self._attempts = [attempt for attempt in self._attempts if attempt.hangs]
            return None if len(self._attempts) >= self._most else Attempt(self._clock)

    def gave_up(self, attempt: Attempt) -> None:
        """Nobody waits for this call any longer."""
        with self._lock:
            self._attempts.append(attempt)

    def silent(self, uuid: str, attempt: Attempt) -> None:
        """A server was found not to answer, by that call."""
        with self._lock:
            known = self._silences.get(uuid)
            if known is None:
                self._silences[uuid] = _Silence(self._clock(), attempt, FIRST_REST)
            elif known.attempt is not attempt:
                known.attempt, known.rest = attempt, min(LAST_REST, known.rest * 2)

    def answered(self, uuids: Iterable[str]) -> None:
        """These servers answer."""
        with self._lock:
            for uuid in self._silences.keys() & uuids:
                del self._silences[uuid]

    def may_ask(self, uuid: str) -> bool:
        """Whether it is time to ask a server (again)."""
        with self._lock:
            known = self._silences.get(uuid)
            if known is None:
                return True
            returned = known.attempt.returned_ns
            return returned is not None and self._clock() - returned >= known.rest * 1e9

    @property
    def silences(self) -> Mapping[str, int]:
        """The servers that do not answer, and since when (monotonic ns)."""
        with self._lock:
            return {uuid: known.since_ns for uuid, known in self._silences.items()}

    def keep(self, uuids: Iterable[str]) -> None:
        """Forget all others: they have ended."""
        with self._lock:
            self._silences = {uuid: self._silences[uuid] for uuid in self._silences.keys() & uuids}
