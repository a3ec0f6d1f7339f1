"""Arithmetic, comparison and logic, with Python's meaning, as MOM has it, and bounded in what they make.

Each builder takes the place, the word, what stands in the text, and the arguments as closures; it gives a closure.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .faults import At, Fault, Refused
from .machine import MAX_DEBUG, Run, Slots
from .values import LARGEST, MAX_BITS, MAX_ITEMS, MAX_TEXT, NUMBERS, Items, Native, Value, kind, shown


class Call(NamedTuple):
    """A call as it stands: place, word, and each argument's text."""

    at: At
    symbol: str
    told: Callable[[], list[str]]


#: What each sign is called.
WORDS = {
    "+": "add", "-": "sub", "*": "mul", "/": "div", "<": "lt", ">": "gt", "<=": "lte", ">=": "gte",
    "<<": "shl", ">>": "shr", "==": "eq", "!=": "neq",
}  # fmt: skip

_ERRORS = (TypeError, ValueError, ArithmeticError, Refused)
_LEAST = -LARGEST


def _fault(call: Call, error: Exception, *values: Value) -> Fault:
    told = call.told()
    if isinstance(error, ZeroDivisionError):
        why = "" if told[1] == shown(values[1]) else f", which is {shown(values[1])}"
        return Fault(call.at, call.symbol, f"nothing can be divided by {told[1]}{why}")
    if isinstance(error, Refused):
        return Fault(call.at, call.symbol, f"it would make {error}")
    if isinstance(error, OverflowError):
        return Fault(call.at, call.symbol, "the result is too large for a number with a fraction")
    if isinstance(error, ValueError):
        return Fault(call.at, call.symbol, f"it cannot shift by {values[-1]}; give 0 or more")
    kinds = [kind(value) if text == shown(value) or text[0] in "'\"" else f"{text}, which is {kind(value)},"
             for text, value in zip(told, values, strict=True)]  # fmt: skip
    return Fault(call.at, call.symbol, f"it cannot take {' and '.join(kinds).rstrip(',')}")


def arithmetic(act: Callable[[Any, Any], Any]) -> Callable[[Call, Sequence[Run]], Run]:
    """Two arguments; numbers at once, other values with a look at what they would make."""

    def build(call: Call, runs: Sequence[Run]) -> Run:
        left, right = runs

        def run(s: Slots) -> Value:
            x = left(s)
            y = right(s)
            try:
                if x.__class__ in NUMBERS and y.__class__ in NUMBERS:
                    value = act(x, y)
                    if value.__class__ is float or _LEAST < value < LARGEST:
                        return value
                    raise Refused(f"a number of more than {MAX_BITS} bits")
                return _made(s, call, act, x, y)
            except _ERRORS as error:
                raise _fault(call, error, x, y) from None

        return run

    return build


def _size(act: Callable[[Any, Any], Any], x: Value, y: Value) -> int:
    """How long a text or list two values would make; 0: they make none."""
    if act is operator.add and x.__class__ is y.__class__ and x.__class__ in (str, Items):
        return len(x) + len(y)
    if act is operator.mul:
        long, times = (y, x) if x.__class__ in NUMBERS else (x, y)
        if long.__class__ in (str, Items) and isinstance(times, int):
            return len(long) * max(0, times)
    return 0


def _made(s: Slots, call: Call, act: Callable[[Any, Any], Any], x: Value, y: Value) -> Value:
    """A text or list from two values; its size is looked at before. Raises what Python does for other values."""
    lists = Items in (x.__class__, y.__class__)
    size = _size(act, x, y)
    if size > (MAX_ITEMS if lists else MAX_TEXT):
        raise Refused(f"a list of more than {MAX_ITEMS} items" if lists else f"a text of more than {MAX_TEXT} signs")
    s[0].spend(1 + size // (1 if lists else 8), call.at, call.symbol)
    value = act(x, y)
    return Items(value) if isinstance(value, list) else value


def shift(act: Callable[[Any, Any], Any]) -> Callable[[Call, Sequence[Run]], Run]:
    """`<<` and `>>`; how far is looked at first."""

    def guarded(x: Any, y: Any) -> Any:
        if act is operator.lshift and y.__class__ is int and y > MAX_BITS and x:
            raise Refused(f"a number of more than {MAX_BITS} bits")
        return act(x, y)

    return arithmetic(guarded)


def comparison(act: Callable[[Any, Any], Any]) -> Callable[[Call, Sequence[Run]], Run]:
    """Two arguments; lists count as many steps as they have items."""

    def build(call: Call, runs: Sequence[Run]) -> Run:
        left, right = runs

        def run(s: Slots) -> Value:
            x = left(s)
            y = right(s)
            if x.__class__ is Items:
                s[0].spend(x.weight, call.at, call.symbol)
            try:
                return act(x, y)
            except TypeError as error:
                raise _fault(call, error, x, y) from None

        return run

    return build


def _and(call: Call, runs: Sequence[Run]) -> Run:
    def run(s: Slots) -> Value:
        values = [one(s) for one in runs]
        for value in values:
            if not value:
                return value
        return values[-1]

    return run


def _or(call: Call, runs: Sequence[Run]) -> Run:
    def run(s: Slots) -> Value:
        values = [one(s) for one in runs]
        for value in values:
            if value:
                return value
        return values[-1]

    return run


def _not(call: Call, runs: Sequence[Run]) -> Run:
    (one,) = runs
    return lambda s: not one(s)


def _choice(act: Callable[..., Any]) -> Callable[[Call, Sequence[Run]], Run]:
    def build(call: Call, runs: Sequence[Run]) -> Run:
        def run(s: Slots) -> Value:
            values = [one(s) for one in runs]
            for value in values:
                if value.__class__ is Items:
                    s[0].spend(value.weight, call.at, call.symbol)
            try:
                return act(values)
            except TypeError as error:
                raise _fault(call, error, *values) from None

        return run

    return build


def _null(call: Call, runs: Sequence[Run]) -> Run:
    def run(s: Slots) -> Value:
        values = [one(s) for one in runs]
        return all(value is None or (value.__class__ in (str, Items) and not value) for value in values)

    return run


def _valid(call: Call, runs: Sequence[Run]) -> Run:
    return lambda s: not any(value is None for value in [one(s) for one in runs])


def _abs(call: Call, runs: Sequence[Run]) -> Run:
    (one,) = runs

    def run(s: Slots) -> Value:
        value = one(s)
        try:
            return abs(value)
        except TypeError as error:
            raise _fault(call, error, value) from None

    return run


def _debug(call: Call, runs: Sequence[Run]) -> Run:
    def run(s: Slots) -> Value:
        values = [one(s) for one in runs]
        if len(s[0].debugged) < MAX_DEBUG:
            s[0].debugged.append((call.at, values))
        return values[-1]

    return run


class Builtin(NamedTuple):
    """A function of the language: how to build a call, and how many arguments it takes (`most` None: any number)."""

    build: Callable[[Call, Sequence[Run]], Run]
    least: int = 2
    most: int | None = 2


BUILTINS = {
    "add": Builtin(arithmetic(operator.add)),
    "sub": Builtin(arithmetic(operator.sub)),
    "mul": Builtin(arithmetic(operator.mul)),
    "div": Builtin(arithmetic(operator.truediv)),
    "shl": Builtin(shift(operator.lshift)),
    "shr": Builtin(shift(operator.rshift)),
    "lt": Builtin(comparison(operator.lt)),
    "gt": Builtin(comparison(operator.gt)),
    "lte": Builtin(comparison(operator.le)),
    "gte": Builtin(comparison(operator.ge)),
    "eq": Builtin(comparison(operator.eq)),
    "neq": Builtin(comparison(operator.ne)),
    "and": Builtin(_and, 1, None),
    "or": Builtin(_or, 1, None),
    "not": Builtin(_not, 1, 1),
    "min": Builtin(_choice(min), 1, None),
    "max": Builtin(_choice(max), 1, None),
    "null": Builtin(_null, 0, None),
    "valid": Builtin(_valid, 0, None),
    "abs": Builtin(_abs, 1, 1),
    "debug": Builtin(_debug, 1, None),
}

#: Those that a variable can hold.
NATIVES = {"abs": Native("abs", abs), "debug": Native("debug", lambda *values: values[-1], 1, 1000)}
