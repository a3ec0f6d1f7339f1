"""Whether a password is right: throttle, then a short memory of right ones, then PAM."""

from __future__ import annotations

import hashlib
import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from ...control.caller import NotAuthenticated, Unavailable
from ...wire.access import LONGEST_PASSWORD, LONGEST_USER
from ..peer import account_of
from .throttle import Throttle

#: Seconds for which a right password of a program is not asked for again. So long works one that was changed.
REMEMBERED_SECONDS = 60.0
#: Right passwords remembered.
REMEMBERED = 1000
#: Passwords checked at once, that may wait for their turn, and seconds for which one waits. Each holds one of the
#: threads that serve requests (`shares.THREADS`), and a hanging PAM must not hold them all.
AT_ONCE = 4
WAITING = 8
PATIENCE = 10.0
#: Seconds after which, or after a multiple of which, it is told that a password is wrong or cannot be checked. PAM
#: takes longer for a user that exists, and nobody shall see that. It is more than PAM takes for either.
STEP = 0.5


class WrongPassword(Exception):
    """There is no such user, or the password is another; nobody is told which."""


class AccountClosed(Exception):
    """The password is right, but the account may not log in; the message says why."""


class PasswordChecker(Protocol):
    """Who knows passwords (`pam.Pam`)."""

    def check(self, user: str, password: str, address: str) -> str:
        """Give the user's name as the host spells it.

        Raises `WrongPassword`, `AccountClosed`, and `Unavailable` where it cannot be told.
        """
        ...


class Passwords:
    """Checks passwords for clients at an address. `clock` gives monotonic seconds, `sleep` waits some."""

    def __init__(
        self, checker: PasswordChecker, throttle: Throttle, clock: Callable[[], float],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self._clock = clock
        self._sleep = sleep
        self._checker = checker
        self._throttle = throttle
        self._room = threading.BoundedSemaphore(AT_ONCE + WAITING)
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._right = _Right(clock)

    def check(self, user: str, password: str, address: str, *, remember: bool = False) -> str:
        """Give the user's name as the host spells it. `remember`: a program asks, which sends it with each request.

        Raises `Throttled`, `NotAuthenticated`, `Unavailable`.
        """
        # First, and again in turn: a blocked address must learn nothing, whoever else asks meanwhile.
        self._throttle.check(address, user)
        known = self._right.find(user, password) if remember else None
        if known is not None:
            return known
        began = self._clock()
        try:
            return self._check_in_turn(user, password, address, remember)
        except _Untold as error:
            # Out of turn, so that others can be checked meanwhile. This holds a thread; the front sends few at once.
            self._sleep(_until_told(self._clock() - began))
            raise error.told from None

    def _check_in_turn(self, user: str, password: str, address: str, remember: bool) -> str:
        with self._turn():
            self._throttle.check(address, user)
            known = self._right.find(user, password) if remember else None
            if known is not None:
                return known
            name = self._ask(user, password, address)
            self._throttle.right(address, user)
            if remember:
                self._right.add(user, password, name)
            return name

    def _ask(self, user: str, password: str, address: str) -> str:
        try:
            if not user or not password or len(user) > LONGEST_USER or len(password) > LONGEST_PASSWORD:
                raise WrongPassword
            if "\0" in user + password:    # PAM's texts end there
                raise WrongPassword
            return self._checker.check(user, password, address)
        except WrongPassword:
            self._throttle.wrong(address, user)
            raise _Untold(NotAuthenticated("user or password is wrong", user if account_of(user) else None)) from None
        except Unavailable as error:
            # Where several modules are asked in turn, one that fails may hide that another one said no.
            self._throttle.wrong(address, user)
            raise _Untold(error) from None
        except AccountClosed as error:
            raise NotAuthenticated(str(error), user) from None

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with _taken(self._room, 0.0), _taken(self._turns, PATIENCE):
            yield


class _Untold(Exception):
    """What is told a little later."""

    def __init__(self, told: NotAuthenticated | Unavailable) -> None:
        super().__init__(str(told))
        self.told = told


def _until_told(passed: float) -> float:
    """Seconds until the end of a step, when so many have passed since the start."""
    return max(1, math.ceil(passed / STEP)) * STEP - passed


@contextmanager
def _taken(semaphore: threading.BoundedSemaphore, patience: float) -> Iterator[None]:
    """Hold a place. Raises `Unavailable` if none is free in time."""
    if not (semaphore.acquire(timeout=patience) if patience else semaphore.acquire(blocking=False)):
        raise Unavailable("too many passwords are being checked; try again")
    try:
        yield
    finally:
        semaphore.release()


class _Right:
    """Passwords that were right a short time ago, by a hash salted with what only this process has."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._salt = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._names: dict[bytes, tuple[str, float]] = {}    # in the order in which they end

    def find(self, user: str, password: str) -> str | None:
        with self._lock:
            name, until = self._names.get(self._digest(user, password), ("", 0.0))
            return name if name and self._clock() < until else None

    def add(self, user: str, password: str, name: str) -> None:
        digest = self._digest(user, password)
        with self._lock:
            self._names.pop(digest, None)
            self._names[digest] = (name, self._clock() + REMEMBERED_SECONDS)
            while len(self._names) > REMEMBERED:
                del self._names[next(iter(self._names))]

    def _digest(self, user: str, password: str) -> bytes:
        text = f"{len(user)}:{user}{password}".encode(errors="surrogateescape")
        return hashlib.blake2b(text, key=self._salt).digest()
