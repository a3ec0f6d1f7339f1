"""A time limit around calls that can hang: every libvirt call goes through here.

A libvirt call cannot be cancelled: a guest whose monitor does not answer holds its thread for as long
as it likes. So a call runs in a worker thread, the caller waits at most `timeout`, and a stuck worker
is abandoned and replaced. Abandoned workers end by themselves when their call returns; while
`MAX_STUCK` of them are out, further calls are refused at once instead of piling up.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from ..errors import HypervisorUnreachable

T = TypeVar("T")

#: More hanging calls than this mean that the whole libvirt hangs, not a guest.
MAX_STUCK = 8


class _Call:
    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function
        self.done = threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self.function()
        except BaseException as error:
            self.error = error
        finally:
            self.done.set()


class Calls:
    """Runs calls one after another in a worker thread, each with a time limit. Any thread may ask."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[_Call | None] | None = None
        self._stuck: set[queue.SimpleQueue[_Call | None]] = set()

    def run(self, function: Callable[[], T], what: str, timeout: float) -> T:
        """Give the result of `function()`, or raise what it raised.

        Raises `HypervisorUnreachable` if it takes longer than `timeout` seconds. It may still happen
        later: ask again before relying on either outcome. And where there is no thread to be had: then it does not.
        """
        call = _Call(function)
        with self._lock:
            if len(self._stuck) >= MAX_STUCK:
                raise HypervisorUnreachable(f"{what}: {len(self._stuck)} earlier calls hang; libvirt does not answer")
            mine = self._queue = self._queue or self._begun(what)
            mine.put(call)
        if not call.done.wait(timeout):
            self._abandon(mine)
            raise HypervisorUnreachable(f"{what} took longer than {timeout:g} s")
        if call.error is not None:
            raise call.error
        result: T = call.result
        return result

    def close(self) -> None:
        """Let the worker end after the calls it has."""
        with self._lock:
            if self._queue is not None:
                self._queue.put(None)
                self._queue = None

    def _begun(self, what: str) -> queue.SimpleQueue[_Call | None]:
        """The queue of a new worker."""
        mine: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        try:
            threading.Thread(target=self._work, args=(mine,), name=self._name, daemon=True).start()
        except RuntimeError as error:    # no memory, or too many threads: later there may be room again
            raise HypervisorUnreachable(f"{what}: {error}") from None
        return mine

    def _abandon(self, stuck: queue.SimpleQueue[_Call | None]) -> None:
        with self._lock:
            if self._queue is stuck:    # otherwise another caller has done it
                self._queue = None
                self._stuck.add(stuck)
                stuck.put(None)

    def _work(self, mine: queue.SimpleQueue[_Call | None]) -> None:
        while (call := mine.get()) is not None:
            call.run()
        with self._lock:
            self._stuck.discard(mine)
