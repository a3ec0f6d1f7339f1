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
        self._open, self._served = _Counts(), _Counts()
        self._waiting: dict[int, deque[T]] = {}

    def connect(self, user: int) -> bool:
        """Count a connection of a user's, if there may be one more."""
        with self._lock:
            if self._only is not None:
                free = user == self._only and self._open[user] < CONNECTIONS_OF_FRONT
            else:
                free = trusted(user) or (
                    self._open[user] < CONNECTIONS_PER_USER and self._open.users < CONNECTIONS_OF_USERS
                )
            if free:
                self._open.add(user)
            return free

    def disconnect(self, user: int) -> None:
        """A connection that was counted is closed."""
        with self._lock:
            self._open.take(user)

    def begin(self, user: int, request: T) -> bool:
        """Whether a request may have a thread now; else it waits until `end` gives it."""
        with self._lock:
            if self._free(user):
                self._served.add(user)
                return True
            self._waiting.setdefault(user, deque()).append(request)
            return False

    def end(self, user: int) -> T | None:
        """A request is done; gives another one that may have its thread. Users have their turns one after another."""
        with self._lock:
            self._served.take(user)
            for other in list(self._waiting):
                if self._free(other):
                    waiting = self._waiting.pop(other)
                    request = waiting.popleft()
                    if waiting:
                        self._waiting[other] = waiting    # the last in line now
                    self._served.add(other)
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
        return self._served.all

    def _free(self, user: int) -> bool:
        if self._only is not None or trusted(user):
            return True
        return self._served[user] < THREADS_PER_USER and self._served.users < THREADS_OF_USERS


class _Counts:
    """How many each user has, `all` of them together, and of these the `users` for whom there is a limit."""

    def __init__(self) -> None:
        self._by_user: Counter[int] = Counter()
        self.all = 0
        self.users = 0

    def __getitem__(self, user: int) -> int:
        return self._by_user[user]

    def add(self, user: int) -> None:
        """One more."""
        self._change(user, 1)

    def take(self, user: int) -> None:
        """One less. Users may be as many as there are numbers: who has none is forgotten."""
        self._change(user, -1)
        if self._by_user[user] <= 0:
            del self._by_user[user]

    def _change(self, user: int, by: int) -> None:
        self._by_user[user] += by
        self.all += by
        if not trusted(user):
            self.users += by


def trusted(user: int) -> bool:
    """Whether there is no limit for a user: root, or who runs hpm."""
    return user in (0, os.geteuid())
