"""Calls of a policy's functions and of methods of objects, as closures; and what an explanation notes of them."""

from __future__ import annotations

from collections.abc import Sequence

from .faults import At, Fault, Refused
from .machine import MAX_CALLS, NOTHING, Machine, Note, Run, Slots, find, invoke
from .values import METHODS, Entity, Native, Value


def of_function(number: int, at: At, word: str, runs: Sequence[Run]) -> Run:
    """A call of a function that the policy defines; which one is known when it is called."""
    count = len(runs)

    def run(s: Slots) -> Value:
        m: Machine = s[0]
        made = m.functions[number]
        if made is None:
            raise Fault(at, word, "there is no function of that name")
        if len(made.params) != count:
            wanted = len(made.params)
            raise Fault(at, word, f"it takes {wanted} argument{'s' if wanted != 1 else ''}, not {count}")
        m.left -= made.size
        if m.left < 0:
            m.spend(0, at, word)
        if m.depth >= MAX_CALLS:
            raise Fault(at, word, f"more than {MAX_CALLS} calls within each other; does it call itself?")
        m.depth += 1
        mark, outer = len(m.trail), m.enter()
        for slot, value in zip(made.params, runs, strict=True):
            m.bind(s, slot, value(s))
        result = made.body(s)
        m.leave(s, outer, mark)
        m.depth -= 1
        return result

    return run


def of_method(
    slot: int, names: tuple[str, str], at: At, word: str, runs: Sequence[Run], other: tuple[int, Run]
) -> Run:
    """A call of an attribute; `names` are the variable and the attribute, `other` is the policy's function of that
    name, for where there is no such attribute."""
    name, field = names
    number, function = other

    def general(s: Slots) -> Value:
        found = find(s, slot, field, at, word)
        if found is NOTHING or found is None:
            if s[0].functions[number] is not None:
                return function(s)
            raise Fault(at, word, unreachable(s[slot], name, field))
        if found.__class__ is not Native:
            raise Fault(at, word, "it is a value, not a function; write it without brackets")
        return invoke(at, word, found, [one(s) for one in runs])

    method = METHODS.get(field)
    if method is None or not len(runs) == method.least == 1:
        return general
    (argument,), act = runs, method.call

    def direct(s: Slots) -> Value:
        one = s[slot]
        if one.__class__ is not Entity:
            return general(s)
        value = argument(s)
        try:
            return act(one, value)
        except Refused as refused:
            raise Fault(at, word, str(refused)) from None
        except (TypeError, ArithmeticError):
            raise Fault(at, word, "it takes a name in quotes") from None

    return direct


def noted(slot: int, field: str, at: At, word: str, told: str, runs: Sequence[Run], run: Run) -> Run:
    """The same call of a method, and notes for an explanation what it gave, or set."""

    def noting(s: Slots) -> Value:
        m: Machine = s[0]
        one = s[slot]
        if field == "Control" and one.__class__ is Entity and len(runs) == 2:
            name, value = [run(s) for run in runs]
            result = invoke(at, word, one.attribute(field), (name, value))
            m.noted.append(Note(at, told, one, name, value, list(m.seen.values())))
            return result
        result = run(s)
        if field in ("Stat", "StatAvg", "Prop", "GetControl", "GetVar"):
            m.see(told, result)
        return result

    return noting


def unreachable(value: Value, name: str, field: str) -> str:
    """Why a variable has no such attribute."""
    if value is NOTHING:
        return f"there is no variable {name}"
    if value.__class__ is not Entity:
        return f"{name} has no attribute {field}"
    if field in value.fields or any(field in sample for sample in value.history):
        return f"{value.name} has no {field} in its newest sample"
    return f"{value.name} has no field {field}"
