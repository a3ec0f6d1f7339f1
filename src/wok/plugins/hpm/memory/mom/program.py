"""Policies as one program: read once, evaluated each cycle, explained when somebody asks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from .faults import At, Fault, PolicyFault, place_of
from .machine import NOTHING, Machine, Slots
from .operators import NATIVES
from .values import Entity, Items, Value

if TYPE_CHECKING:
    from .compiler import Compiled

#: The name of a policy that has none.
UNNAMED = "50_main_"

#: Programs that stay ready.
_KEPT = 2

#: A control whose name is not written out.
_COMPUTED = re.compile(r"""\.Control\s+[^\s'"]""")


class Debugged(msgspec.Struct, frozen=True):
    """What a `debug` was given, and where it stands."""

    policy: str
    line: int
    values: tuple[Value, ...]


class Decision(msgspec.Struct, frozen=True):
    """A control that was set: of the host (`guest` None) or a guest, by the expression at that place.

    `symbols`: names (and calls of methods) with their values, as they were read before it, since the guest's turn
    began; outside `with Guests`, since the expression at the top began. `held`: whether it is what the cycle decides; a
    later write, or an error, takes that away.
    """

    guest: str | None
    control: str
    value: Value
    policy: str
    line: int
    column: int
    expression: str
    symbols: tuple[tuple[str, Value], ...]
    held: bool


class Evaluation(msgspec.Struct, frozen=True):
    """What one cycle decides.

    `guest_controls` has every guest, by name; values are as the policies gave them, without nil. `io_tune`: limits of
    disks by guest, disk and limit (None: no limit). `values`: of each expression at the top. An error of a guest takes
    that guest's controls; any other one all of them (`discarded`), and the values after it. `decisions` are for
    explanations only.
    """

    host_controls: dict[str, Value]
    guest_controls: dict[str, dict[str, Value]]
    io_tune: dict[str, dict[str, dict[str, int | None]]]
    values: tuple[Value, ...]
    errors: tuple[PolicyFault, ...]
    discarded: bool
    debugged: tuple[Debugged, ...] = ()
    decisions: tuple[Decision, ...] = ()


class Program:
    """Policies that were read, in the order in which they are evaluated: `policies`, names and texts. It has no state:
    cycles may be evaluated one after another or at once, each with entities of its own."""

    def __init__(self, policies: tuple[tuple[str, str], ...]) -> None:
        self.policies = policies
        self._compiled = _compiled(policies, False)
        self._places: dict[At, tuple[int, int]] = {}

    @property
    def expressions(self) -> int:
        """How many expressions stand at the top."""
        return len(self._compiled.expressions)

    @property
    def functions(self) -> int:
        """How many functions are defined."""
        return self._compiled.defined

    def may_set(self, control: str) -> bool:
        """Whether these policies can set a control, in one cycle or another: they name it, or some control by a value
        that is not written out. (A limit of disks is named by the method that sets it.)"""
        return any(control in text or _COMPUTED.search(text) is not None for _, text in self.policies)

    def evaluate(self, host: Entity, guests: Sequence[Entity], most: int | None = None) -> Evaluation:
        """One cycle, of no more than `most` steps. Entities keep what `SetVar` was given only if no error forbids it.
        Never raises for what a policy does."""
        return self._run(self._compiled, host, guests, most)

    def explain(
        self, host: Entity, guests: Sequence[Entity], most: int | None = None, pause: Callable[[], None] | None = None
    ) -> Evaluation:
        """The same, with `decisions`; nothing is kept in the entities. It takes no more than `most` steps, and calls
        `pause` now and then; what that raises ends it."""
        return self._run(_compiled(self.policies, True), host, guests, most, pause)

    def _run(
        self, compiled: Compiled, host: Entity, guests: Sequence[Entity], most: int | None = None,
        pause: Callable[[], None] | None = None,
    ) -> Evaluation:  # fmt: skip
        for entity in (host, *guests):
            entity.renew()
        machine = Machine(host, Items(guests), len(compiled.names), len(compiled.functions), most, pause)
        slots: Slots = [machine, *[NOTHING] * len(compiled.names)]
        for name, value in {"Host": host, "Guests": machine.guests, **NATIVES}.items():
            if name in compiled.names:
                slot = compiled.names[name]
                slots[slot], machine.owner[slot] = value, 0
        values: list[Value] = []
        whole = True
        try:
            for _, run in compiled.expressions:
                machine.seen = {}
                values.append(run(slots))
        except Fault as fault:
            whole = False
            machine.fail(fault, None)
        except RecursionError:
            whole = False
            at = compiled.expressions[len(values)][0]
            machine.fail(Fault(at, "(", "what it evaluates stands too deep in itself"), None)
        if not compiled.traced:
            for entity in (host, *guests):
                if whole and entity.setting and id(entity) not in machine.failed:
                    entity.keep()
        return self._told(machine, values, whole)

    def _told(self, machine: Machine, values: list[Value], whole: bool) -> Evaluation:
        failed, host, guests = machine.failed, machine.host, machine.guests
        good = [guest for guest in guests if whole and id(guest) not in failed]
        return Evaluation(
            host_controls=_controls(host) if whole else {},
            guest_controls={guest.name: {} for guest in guests} | {guest.name: _controls(guest) for guest in good},
            io_tune={guest.name: limits for guest in good if guest.wrapped and (limits := _limits(guest))},
            values=tuple(values),
            errors=tuple(self._fault(fault, guest) for fault, guest in machine.faults),
            discarded=not whole,
            debugged=tuple(
                Debugged(self.policies[at.policy][0], self._place(at)[0], tuple(told)) for at, told in machine.debugged
            ),
            decisions=self._decisions(machine, whole),
        )

    def _decisions(self, machine: Machine, whole: bool) -> tuple[Decision, ...]:
        last = {(id(note.entity), note.control): note for note in machine.noted}
        return tuple(
            Decision(
                None if note.entity is machine.host else note.entity.name, str(note.control), note.value,
                self.policies[note.at.policy][0], *self._place(note.at), note.expression, tuple(note.symbols),
                whole and id(note.entity) not in machine.failed and last[id(note.entity), note.control] is note
                and note.value is not None,
            )
            for note in machine.noted
        )  # fmt: skip

    def _place(self, at: At) -> tuple[int, int]:
        place = self._places.get(at)
        if place is None:
            place = self._places[at] = place_of(self.policies[at.policy][1], at.offset)
        return place

    def _fault(self, fault: Fault, guest: Entity | None) -> PolicyFault:
        return PolicyFault(
            self.policies[fault.at.policy][0], *self._place(fault.at), fault.symbol, fault.message,
            None if guest is None else guest.name,
        )


def compile_policies(policies: Mapping[str, str]) -> Program:
    """The program of named policies: one after another in plain order of their names, with one scope for all. Programs
    are kept by their texts. Raises `PolicyTextError`."""
    return _program(tuple(sorted(policies.items())))


@lru_cache(maxsize=_KEPT)
def _program(policies: tuple[tuple[str, str], ...]) -> Program:
    return Program(policies)


@lru_cache(maxsize=2 * _KEPT)
def _compiled(policies: tuple[tuple[str, str], ...], traced: bool) -> Compiled:
    # With it comes lark, which only those need who have policies.
    from .compiler import Compiled

    return Compiled(policies, traced)


def _controls(entity: Entity) -> dict[str, Value]:
    return {name: value for name, value in entity.controls.items() if value is not None and isinstance(name, str)}


def _limits(guest: Entity) -> dict[str, dict[str, int | None]]:
    return {str(one.fields.get("name")): dict(one.limits) for one in guest.devices() if one.limits}
