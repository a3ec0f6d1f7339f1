"""The steps of what hpm does, and what may happen at any of them; and a store that takes such steps."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hpm.store.database import Database


class Killed(BaseException):
    """The manager's process ends here, from one moment to the next."""


class Steps:
    """What comes before and after each call of the host (``asked``, ``answered``) and each write of the store
    (``begin``, ``commit``, ``committed``). At one of them a deed is done, which is told which one that is, and may
    raise `Killed`, or what the host would."""

    def __init__(self) -> None:
        #: How many steps from now, and what.
        self.strike: tuple[int, Callable[[str], None]] | None = None
        #: Whether it was done.
        self.struck = False
        self.dead = False

    def take(self, what: str) -> None:
        """Here is one."""
        if self.dead:    # nothing comes after the end, whoever still tries
            raise Killed
        if self.strike is None:
            return
        left, deed = self.strike
        if left > 0:
            self.strike = left - 1, deed
            return
        self.strike, self.struck = None, True
        deed(what)

    def kill(self, what: str) -> None:
        """A deed: the process ends here."""
        del what
        self.dead = True
        raise Killed


class SteppingDatabase(Database):
    """A store that says when it is about to write, and has written; and whose disk may be full."""

    def __init__(self, path: Path, steps: Steps) -> None:
        self.full = False
        self._steps: Steps | None = None    # making it is not played here
        super().__init__(path)
        self.rows("PRAGMA synchronous=OFF")    # processes end here, not the machine
        self._steps = steps

    @contextmanager
    def transaction(self, *, worth: bool = True) -> Iterator[sqlite3.Connection]:
        """See `Database`."""
        self._step("begin")
        with super().transaction(worth=worth) as connection:
            yield connection
            self._step("commit")
            if self.full:
                raise sqlite3.OperationalError("database or disk is full")
        self._step("committed")

    def _step(self, what: str) -> None:
        if self._steps is not None:
            self._steps.take(what)
