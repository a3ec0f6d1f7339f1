"""What an evaluation has in its hands: variables and scopes, the steps that are left, whose guest's turn it is.

Scoping is dynamic, and names are looked up thousands of times a cycle. So each name has a slot with the value that is
in force (`s[slot]`; `s[0]` is the machine), and a scope that binds a name notes in `trail` what it covers; leaving the
scope puts that back. `owner[slot]` says which scope has bound the value in force.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from .faults import At, Exhausted, Fault, Refused
from .values import Entity, Items, Native, Record, Value, kind

#: Steps of an evaluation: so many, and so many more for each guest. A step is a word or bracket that is evaluated.
BASE_STEPS = 100_000
STEPS_PER_GUEST = 5_000
#: Steps between two pauses of an evaluation that makes some: about a millisecond.
STEPS_BETWEEN = 2_000
#: Calls of functions within each other.
MAX_CALLS = 100
#: What `debug` says, what is told of the errors of one guest, and what an explanation tells of one decision.
MAX_DEBUG = 100
MAX_FAULTS = 3
MAX_SEEN = 200
#: Decisions that an explanation tells, the newest ones: so many, and so many more for each guest.
BASE_NOTES, NOTES_PER_GUEST = 1000, 10

Slots: TypeAlias = list[Any]
Run: TypeAlias = Callable[[Slots], Value]


class _Nothing:
    """What a slot has that no scope binds."""


NOTHING = _Nothing()


class Function:
    """A function of a policy: slots of its parameters, its body, and the steps of that."""

    __slots__ = ("body", "name", "params", "size")

    def __init__(self, name: str, params: Sequence[int], body: Run, size: int) -> None:
        self.name = name
        self.params = tuple(params)
        self.body = body
        self.size = size


class Note(NamedTuple):
    """What an explanation tells: a control was set by the expression that stands there, after `symbols` were read."""

    at: At
    expression: str
    entity: Entity
    control: Value
    value: Value
    symbols: list[tuple[str, Value]]


class Machine:
    """The state of one evaluation. `seen` (symbols with their values) and `noted` are for explanations.

    It may take so many steps for these guests, or `most` if that is less. `pause` is called every `STEPS_BETWEEN` of
    them: `left` are those until then, `later` the others. What it raises ends the evaluation.
    """

    __slots__ = (
        "debugged", "depth", "failed", "faults", "functions", "guest", "guests", "host", "later", "left", "noted",
        "owner", "pause", "scope", "seen", "serial", "steps", "trail",
    )  # fmt: skip

    def __init__(
        self, host: Entity, guests: Items, slots: int, functions: int, most: int | None = None,
        pause: Callable[[], None] | None = None,
    ) -> None:  # fmt: skip
        self.host = host
        self.guests = guests
        steps = BASE_STEPS + STEPS_PER_GUEST * len(guests)
        self.steps = steps if most is None else min(steps, most)
        self.pause = pause
        self.left = self.steps if pause is None else min(self.steps, STEPS_BETWEEN)
        self.later = self.steps - self.left
        self.functions: list[Function | None] = [None] * functions
        self.trail: list[tuple[int, Value, int]] = []
        self.owner = [-1] * (slots + 1)
        self.scope = self.serial = 0
        self.depth = 0
        self.guest: Entity | None = None
        self.failed: dict[int, int] = {}
        self.faults: list[tuple[Fault, Entity | None]] = []
        self.debugged: list[tuple[At, Sequence[Value]]] = []
        self.seen: dict[tuple[str, str], tuple[str, Value]] = {}
        self.noted: deque[Note] = deque(maxlen=BASE_NOTES + NOTES_PER_GUEST * len(guests))

    def spend(self, steps: int, at: At, symbol: str) -> None:
        """Count steps, and pause when it is time. Raises `Exhausted`."""
        self.left -= steps
        if self.left >= 0:
            return
        whole = self.left + self.later
        if whole < 0:
            raise Exhausted(
                at, symbol, f"the policies take more than the {self.steps} steps that they may; loop over fewer things"
            )
        self.left = min(whole, STEPS_BETWEEN)
        self.later = whole - self.left
        if self.pause is not None:
            self.pause()

    def enter(self) -> int:
        """Begin a scope; gives the one around it."""
        outer = self.scope
        self.serial += 1
        self.scope = self.serial
        return outer

    def bind(self, s: Slots, slot: int, value: Value) -> None:
        """Define a name in the innermost scope, unless it is there already."""
        if self.owner[slot] != self.scope:
            self.trail.append((slot, s[slot], self.owner[slot]))
            s[slot] = value
            self.owner[slot] = self.scope

    def leave(self, s: Slots, outer: int, mark: int) -> None:
        """End all scopes within `outer`, in which the trail was `mark` long."""
        trail, owner = self.trail, self.owner
        while len(trail) > mark:
            slot, s[slot], owner[slot] = trail.pop()
        self.scope = outer

    def fail(self, fault: Fault, guest: Entity | None) -> None:
        """Note an error: of a guest alone, or of the whole cycle."""
        count = 0 if guest is None else self.failed.get(id(guest), 0)
        if guest is not None:
            self.failed[id(guest)] = count + 1
        if count < MAX_FAULTS:
            self.faults.append((fault, guest))

    def see(self, name: str, value: Value) -> None:
        """Note a symbol's value for an explanation; the first time that it has this one."""
        if len(self.seen) < MAX_SEEN:
            self.seen.setdefault((name, kind(value)), (name, value))


def attribute_of(value: Value, name: str) -> Value:
    """An attribute; `NOTHING` if there is none of that name."""
    if isinstance(value, Entity | Record):
        try:
            return value.attribute(name)
        except KeyError:
            pass
    return NOTHING


def find(s: Slots, slot: int, name: str, at: At, symbol: str) -> Value:
    """An attribute of the innermost variable that has it; `NOTHING` if none has."""
    value = s[slot]
    if value is NOTHING:
        return NOTHING
    found = attribute_of(value, name)
    if found is not NOTHING:
        return found
    m: Machine = s[0]
    m.spend(len(m.trail), at, symbol)
    for other, covered, _ in reversed(m.trail):
        if other == slot and covered is not NOTHING:
            found = attribute_of(covered, name)
            if found is not NOTHING:
                return found
    return NOTHING


def invoke(at: At, symbol: str, function: Native, values: Sequence[Value]) -> Value:
    """Call a method or a function that is a value. Raises `Fault`."""
    if not function.least <= len(values) <= function.most:
        wanted = str(function.least) if function.least == function.most else f"{function.least} to {function.most}"
        raise Fault(at, symbol, f"it takes {wanted} argument{'s' if wanted != '1' else ''}, not {len(values)}")
    try:
        return function.call(*values)
    except Refused as refused:
        raise Fault(at, symbol, str(refused)) from None
    except (TypeError, ValueError, ArithmeticError):
        raise Fault(at, symbol, f"it cannot take {' and '.join(map(kind, values))}") from None


def loop(s: Slots, slot: int, items: Sequence[Value], body: Run, size: int, at: At) -> Items:
    """`with`: the body for each item, in a scope of its own. An error of a guest's turn is that guest's alone."""
    m: Machine = s[0]
    apart = m.guest is None
    mark, depth, outer = len(m.trail), m.depth, m.scope
    results = []
    for item in items:
        m.spend(size, at, "with")
        if apart and item.__class__ is Entity and item is not m.host:
            m.guest = item
            m.seen = {}
            try:
                m.enter()
                m.bind(s, slot, item)
                value = body(s)
            except Exhausted:
                raise
            except Fault as fault:
                m.fail(fault, item)
                value = None
            except RecursionError:
                m.fail(Fault(at, "with", "what it evaluates stands too deep in itself"), item)
                value = None
            m.guest = None
            m.depth = depth
        else:
            m.enter()
            m.bind(s, slot, item)
            value = body(s)
        m.leave(s, outer, mark)
        results.append(value)
    try:
        return Items(results)
    except Refused as refused:
        raise Fault(at, "with", f"it would make {refused}") from None


def iterable(value: Value) -> Sequence[Value] | None:
    """What `with` can go through: a list, or the signs of a text; None: nothing else."""
    return value if value.__class__ is Items or value.__class__ is str else None


