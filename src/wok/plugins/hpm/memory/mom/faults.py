"""What can be wrong: with the text of a policy, and while it is evaluated.

Inside, a place is a policy's number and an offset in its text; line and column, from 1, are found when they are told.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from ...errors import InvalidValue


class PolicyTextError(InvalidValue):
    """A policy that cannot be read: `path` is its name, `place` line and column, `said` what is wrong there."""

    id = "invalid-memory-policy"


class At(NamedTuple):
    """A place: which policy, and the offset in its text (from 0)."""

    policy: int
    offset: int


class PolicyFault(msgspec.Struct, frozen=True):
    """An error of an evaluation. `symbol`: the word at that place. `guest`: the guest that it is alone about, or None
    if it discarded the whole cycle."""

    policy: str
    line: int
    column: int
    symbol: str
    message: str
    guest: str | None = None

    def __str__(self) -> str:
        whose = f" (guest {self.guest})" if self.guest is not None else ""
        return f"policy {self.policy}, line {self.line}, column {self.column}: {self.symbol}: {self.message}{whose}"


class Fault(Exception):
    """Raised while a policy is evaluated, where it failed."""

    def __init__(self, at: At, symbol: str, message: str) -> None:
        super().__init__(message)
        self.at = at
        self.symbol = symbol
        self.message = message


class Exhausted(Fault):
    """The evaluation took more steps than it may. It ends all of it, also where a guest's error is that guest's alone:
    the guests that are left would have none."""


class Refused(Exception):
    """What a method of an entity cannot do; its caller knows the place."""


def place_of(text: str, offset: int) -> tuple[int, int]:
    """Line and column (from 1) of an offset."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def text_error(policy: str, text: str, offset: int, message: str) -> PolicyTextError:
    """The error of a text at an offset."""
    return PolicyTextError(message, policy, place_of(text, offset))
