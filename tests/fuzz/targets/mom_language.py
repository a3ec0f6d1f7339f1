"""Policies in the language of MOM: read, evaluated, explained, and told as JSON; in bounded time and memory."""

from __future__ import annotations

from typing import Final

import msgspec

from hpm.errors import InvalidValue
from hpm.memory.mom import Evaluation, Program, compile_policies
from hpm.memory.mom.machine import BASE_NOTES, MAX_DEBUG, NOTES_PER_GUEST
from hpm.memory.mom.operators import BUILTINS
from hpm.memory.mom.values import METHODS, SETTERS
from hpm.model.mom import plain
from tests.unit.mom import guests, host

from ..target import Target

#: Steps that a cycle may take.
STEPS: Final = 4_000


def run(data: bytes) -> None:
    """What `hpm mom-set` and a cycle do with a text."""
    text = data.decode(errors="replace")
    try:
        program = compile_policies({"p": text})
    except InvalidValue as error:
        line, column = error.place or (0, 0)
        lines = text.split("\n")
        assert 1 <= line <= len(lines) and 1 <= column <= len(lines[line - 1]) + 1, f"no such place: {error.place}"
        assert error.message and len(error.message) < 2000
        return
    found = _evaluated(program)
    assert _told(found) == _told(_evaluated(program)), "the same policy decides otherwise the second time"
    here, there = host(), guests()
    explained = program.explain(here, there, STEPS)
    assert not here.variables and not any(one.variables for one in there), "an explanation keeps variables"
    assert _told(explained) == _told(found), "explained, a policy decides otherwise"
    assert len(explained.decisions) <= BASE_NOTES + NOTES_PER_GUEST * len(there)
    msgspec.json.encode([
        (one.guest, plain(one.control), plain(one.value), one.expression, [(n, plain(v)) for n, v in one.symbols])
        for one in explained.decisions
    ])  # fmt: skip


def _evaluated(program: Program) -> Evaluation:
    here, there = host(), guests()
    found = program.evaluate(here, there, STEPS)
    assert len(found.debugged) <= MAX_DEBUG
    for entity in (here, *there):
        if entity.variables:
            msgspec.json.encode(plain(entity.variables))
    again = program.evaluate(here, there, STEPS)    # with what was kept
    _told(again)
    return found


def _told(found: Evaluation) -> bytes:
    """What clients are told of it."""
    return msgspec.json.encode((
        plain(found.host_controls), plain(found.guest_controls), plain(found.io_tune),
        [str(error) for error in found.errors], found.discarded,
    ))  # fmt: skip


_SYNTAX: Final = (
    "def", "defun", "defvar", "set", "setq", "if", "with", "let", "eval", "Host", "Guests", "nil", "(+ 1 2)", "(* l l)",
    "(set l (+ l l))", "(def f (a) (f a))", "(f 1)", "(with Guests g ", "(with l x ", "(let ((a 1)) a)", "(", ")", "[",
    "]", "{", "}", "g.io_tune", "g.cur", "g.free", "g.name", "Host.mem_free", "Host.swap", "d.current", "'vda'", '"a"',
    "0x1f", "0o17", "-0.5", "1e3", "<<", ">>", "==", "!=", "<=", "#",
)  # fmt: skip

TARGET = Target(run, tuple(word.encode() for word in (
    *_SYNTAX, *(f"({name} " for name in BUILTINS), *(f"(g.{name} " for name in METHODS), *METHODS,
    *(f"(d.{name} " for name in SETTERS),
)), seconds=3.0)  # fmt: skip
