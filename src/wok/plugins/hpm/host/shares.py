"""How many connections and threads of a socket one user may have, and all users together.

Any local user can connect, and whoever may map user numbers (subuid(5)) is thousands of users. So there are limits for
each and for all of them together, and root and the user who runs hpm always find a thread and an open file. The web
front counts as anybody would who may be taken over: it has its own socket, and so many connections there.
"""

from __future__ import annotations

import os
import threading
from collections import Counter, deque
from typing import Generic, TypeVar

T = TypeVar("T")

#: Requests served at once; more wait.
THREADS = 20

#: Connections, and requests served, at once of one user other than root and the manager's own; and of all of these.
CONNECTIONS_PER_USER = 128
CONNECTIONS_OF_USERS = 1024
THREADS_PER_USER = 8
THREADS_OF_USERS = 16

#: Connections of the one user for whom a socket is: the web front has one for each reader of events (256 at most), and
#: some thirty for requests.
CONNECTIONS_OF_FRONT = 512


class Shares(Generic[T]):
    """Counts for one socket; `only` is the user for whom alone it is, if it is for one. Any thread may ask."""

    def __init__(self, only: int | None) -> None:
        self._only = only
        self._lock = threading.Lock()
        self._open: Counter[int] = Counter()
        self._served: Counter[int] = Counter()
        self._waiting: dict[int, deque[T]] = {}

    def connect(self, user: int) -> bool:
        """Count a connection of a user's, if there may be one more."""
        with self._lock:
            if self._only is not None:
                free = user == self._only and self._open[user] < CONNECTIONS_OF_FRONT
            else:
                free = trusted(user) or (
                    self._open[user] < CONNECTIONS_PER_USER and self._of_users(self._open) < CONNECTIONS_OF_USERS
                )
            if free:
                self._open[user] += 1
            return free

    def disconnect(self, user: int) -> None:
        """A connection that was counted is closed."""
        with self._lock:
            self._take(self._open, user)

    def begin(self, user: int, request: T) -> bool:
        """Whether a request may have a thread now; else it waits until `end` gives it."""
        with self._lock:
            if self._free(user):
                self._served[user] += 1
                return True
            self._waiting.setdefault(user, deque()).append(request)
            return False

    def end(self, user: int) -> T | None:
        """A request is done; gives another one that may have its thread. Users have their turns one after another."""
        with self._lock:
            self._take(self._served, user)
            for other in list(self._waiting):
                if self._free(other):
                    waiting = self._waiting.pop(other)
                    request = waiting.popleft()
                    if waiting:
                        self._waiting[other] = waiting    # the last in line now
                    self._served[other] += 1
                    return request
            return None

    def drain(self) -> list[T]:
        """All that wait; they wait no more."""
        with self._lock:
            left = [request for waiting in self._waiting.values() for request in waiting]
            self._waiting = {}
            return left

    @property
    def served(self) -> int:
        """Requests that have a thread now."""
        return self._served.total()

    def _free(self, user: int) -> bool:
        if self._only is not None or trusted(user):
            return True
        return self._served[user] < THREADS_PER_USER and self._of_users(self._served) < THREADS_OF_USERS

    def _of_users(self, counts: Counter[int]) -> int:
        return sum(count for user, count in counts.items() if not trusted(user))

    def _take(self, counts: Counter[int], user: int) -> None:
        counts[user] -= 1
        if counts[user] <= 0:    # users may be as many as there are numbers
            del counts[user]


def trusted(user: int) -> bool:
    """Whether there is no limit for a user: root, or who runs hpm."""
    return user in (0, os.geteuid())
