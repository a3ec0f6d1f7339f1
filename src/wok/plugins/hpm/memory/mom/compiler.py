"""Forms to closures: what each word and bracket of a policy means, found out once.

A closure takes the slots (`machine.Slots`) and gives the value. What the text alone shows to be wrong is refused here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from lark import Token

from . import calls
from .faults import At, Fault, Refused, text_error
from .machine import NOTHING, Function, Machine, Run, Slots, find, invoke, iterable, loop
from .operators import BUILTINS, WORDS, Call
from .reading import Form, Node, read, spelled, start_of
from .values import Entity, Native, Value

#: Words that are no functions: how many parts follow them (`let`: two or more), and how they are written.
_SYNTAX = {"def": 3, "defun": 3, "defvar": 2, "set": 2, "setq": 2, "if": 3, "with": 3}
_USAGE = {
    "def": "(def name (parameters) body)",
    "defun": "(defun name (parameters) body)",
    "defvar": "(defvar name value)",
    "set": "(set name value)",
    "setq": "(setq name value)",
    "if": "(if condition then else)",
    "with": "(with list name body)",
    "let": "(let ((name value) …) body …)",
}
#: Of an integer, and of an expression in an explanation.
_MAX_DIGITS = 1200
_MAX_TOLD = 400


class Compiled:
    """A whole program: its top-level expressions, the slots of its variables (from 1 on), and the numbers of its
    functions."""

    def __init__(self, texts: Sequence[tuple[str, str]], traced: bool) -> None:
        self.texts = texts
        self.traced = traced
        self.names: dict[str, int] = {}
        self.functions: dict[str, int] = {}
        self.defined = 0
        self.expressions: list[tuple[At, Run]] = []
        read_all = [read(name, text) for name, text in texts]
        self.bound = {name for nodes in read_all for name in _bound(nodes)}
        for number, nodes in enumerate(read_all):
            compiler = _Compiler(self, number)
            for node in nodes:
                self.expressions.append((At(number, start_of(node)), compiler.node(node)))

    def slot(self, name: str) -> int:
        """The slot of a variable."""
        return self.names.setdefault(name, len(self.names) + 1)

    def function(self, name: str) -> int:
        """The number of a function."""
        return self.functions.setdefault(name, len(self.functions))


def _bound(nodes: Sequence[Node]) -> Iterator[str]:
    """Names that a text may bind as variables."""
    waiting: list[Node] = list(nodes)
    while waiting:
        node = waiting.pop()
        if not isinstance(node, Form) or not node.items:
            continue
        waiting += node.items
        head, rest = node.items[0], node.items[1:]
        found: Sequence[Node] = ()
        if head == "defvar":
            found = rest[:1]
        elif head == "with":
            found = rest[1:2]
        elif head in ("def", "defun"):
            found = rest[1].items if len(rest) > 1 and isinstance(rest[1], Form) else ()
        elif head == "let" and rest and isinstance(rest[0], Form):
            found = [pair.items[0] for pair in rest[0].items if isinstance(pair, Form) and pair.items]
        yield from (str(name) for name in found if isinstance(name, Token))


class _Compiler:
    """For one policy of a program. `size`: the words and brackets compiled so far."""

    def __init__(self, program: Compiled, number: int) -> None:
        self.program = program
        self.number = number
        self.policy, self.text = program.texts[number]
        self.size = 0

    # -- places and errors

    def at(self, node: Node) -> At:
        return At(self.number, start_of(node))

    def wrong(self, node: Node, message: str) -> Exception:
        return text_error(self.policy, self.text, start_of(node), message)

    def failing(self, node: Node, symbol: str, message: str) -> Run:
        """What fails when it is evaluated; a branch that is never taken may have it, as in MOM."""
        at = self.at(node)

        def run(s: Slots) -> Value:
            raise Fault(at, symbol, message)

        return run

    def name(self, node: Node, what: str) -> str:
        if not isinstance(node, Token) or node.type != "SYMBOL":
            raise self.wrong(node, f"{spelled(self.text, node)} cannot be {what}; write a name")
        return str(node)

    # -- values

    def node(self, node: Node) -> Run:
        """A value of any kind."""
        self.size += 1
        if isinstance(node, Form):
            return self.form(node)
        kind, word = node.type, str(node)
        if kind == "SYMBOL":
            return self.symbol(node, word)
        if kind == "STRING":
            return _constant(word[1:-1])
        if kind == "OPERATOR":
            return self.failing(node, word, "an operator is no value; it stands first in brackets: (+ 1 2)")
        if kind in ("FLOAT", "EXPONENT"):
            return _constant(float(word))
        if len(word) > _MAX_DIGITS:
            raise self.wrong(node, f"the number has more than {_MAX_DIGITS} digits")
        try:
            return _constant(int(word, 0))
        except ValueError:
            raise self.wrong(node, f"{word!r} is no octal number; its digits are 0 to 7") from None

    def symbol(self, node: Token, word: str) -> Run:
        if word == "nil":
            return _constant(None)
        run = self.attribute(node, word) if "." in word else self.variable(node, word)
        if not self.program.traced:
            return run

        def traced(s: Slots) -> Value:
            value = run(s)
            s[0].see(word, value)
            return value

        return traced

    def variable(self, node: Token, word: str) -> Run:
        slot, at = self.program.slot(word), self.at(node)

        def run(s: Slots) -> Value:
            value = s[slot]
            if value is NOTHING:
                raise Fault(at, word, _undefined(self.program, word))
            return value

        return run

    def attribute(self, node: Token, word: str) -> Run:
        name, field, *more = word.split(".")
        if any(part.startswith("__") for part in more):    # others are ignored, as in MOM
            return self.failing(node, word, "there is nothing of that name")
        slot, at = self.program.slot(name), self.at(node)

        def run(s: Slots) -> Value:
            one = s[slot]
            if one.__class__ is Entity:
                value = one.newest.get(field)
                if value.__class__ is int or value.__class__ is float:
                    return value
            try:
                value = find(s, slot, field, at, word)
            except Refused as refused:
                raise Fault(at, word, str(refused)) from None
            if value is NOTHING:
                raise Fault(at, word, calls.unreachable(one, name, field))
            return value

        return run

    # -- brackets

    def form(self, form: Form) -> Run:
        items = form.items
        if form.curly:
            if not items:
                return self.failing(form, "{}", "empty braces have no value; write nil")
            return self.sequence(items)
        if not items:
            return self.failing(form, "()", "empty brackets have no value; write nil")
        head = items[0]
        if isinstance(head, Form) or head.type not in ("SYMBOL", "OPERATOR"):
            told = spelled(self.text, head)
            message = "a function or operator must stand first in brackets; several values go in { }"
            return self.failing(head, told, message)
        word = WORDS.get(head, str(head)) if head.type == "OPERATOR" else str(head)
        if word == "eval":
            return self.sequence(items[1:]) if items[1:] else self.failing(head, word, "it takes one value or more")
        if word in _SYNTAX or word == "let":
            return self.syntax(form, head, word)
        if "." in word:
            return self.method(form, head, word)
        return self.call(form, head, word)

    def sequence(self, items: Sequence[Node]) -> Run:
        runs = [self.node(item) for item in items]
        if len(runs) == 1:
            return runs[0]
        *first, last = runs

        def run(s: Slots) -> Value:
            for one in first:
                one(s)
            return last(s)

        return run

    def syntax(self, form: Form, head: Token, word: str) -> Run:
        args = form.items[1:]
        count = _SYNTAX.get(word)
        if (count is not None and len(args) != count) or len(args) < 2:
            raise self.wrong(head, f"{word} is written {_USAGE[word]}; there are {len(args)} parts after {word}")
        if word == "if":
            return self.choose(args)
        if word in ("def", "defun"):
            return self.define(args)
        if word == "let":
            return self.let(args)
        if word == "with":
            return self.loop(head, args)
        name, value = self.name(args[0], "a variable"), self.node(args[1])
        slot = self.program.slot(name)
        if word == "defvar":

            def keep(s: Slots) -> Value:
                s[0].bind(s, slot, value(s))
                return s[slot]

            return keep
        at = self.at(args[0])
        told = _undefined(self.program, name) + f"; (defvar {name} …) makes it"
        if "." in name:
            told = "attributes cannot be set; see (guest.Control …) and (guest.SetVar …)"

        def change(s: Slots) -> Value:
            new = value(s)
            if s[slot] is NOTHING:
                raise Fault(at, name, told)
            s[slot] = new
            return new

        return change

    def choose(self, args: Sequence[Node]) -> Run:
        condition, yes, no = [self.node(arg) for arg in args]
        return lambda s: yes(s) if condition(s) else no(s)

    def parameters(self, node: Node) -> list[int]:
        if not isinstance(node, Form) or node.curly:
            raise self.wrong(node, "parameters stand in ( )")
        return [self.program.slot(self.name(item, "a parameter")) for item in node.items]

    def define(self, args: Sequence[Node]) -> Run:
        name, params = self.name(args[0], "a function's name"), self.parameters(args[1])
        before = self.size
        body = self.node(args[2])
        made = Function(name, params, body, self.size - before)
        number = self.program.function(name)
        self.program.defined += 1

        def run(s: Slots) -> Value:
            s[0].functions[number] = made
            return name

        return run

    def let(self, args: Sequence[Node]) -> Run:
        if not isinstance(args[0], Form) or args[0].curly:
            raise self.wrong(args[0], f"let is written {_USAGE['let']}")
        pairs = []
        for pair in args[0].items:
            if not isinstance(pair, Form) or pair.curly or len(pair.items) != 2:
                told = spelled(self.text, pair)
                raise self.wrong(pair, f"{told} is no (name value); let is written {_USAGE['let']}")
            slot = self.program.slot(self.name(pair.items[0], "a variable"))
            pairs.append((slot, self.node(pair.items[1])))
        body = self.sequence(args[1:])

        def run(s: Slots) -> Value:
            m: Machine = s[0]
            mark, outer = len(m.trail), m.enter()
            for slot, value in pairs:
                m.bind(s, slot, value(s))
            result = body(s)
            m.leave(s, outer, mark)
            return result

        return run

    def loop(self, head: Token, args: Sequence[Node]) -> Run:
        listed, name = self.name(args[0], "the list; name a variable that has it"), self.name(args[1], "a variable")
        items = self.symbol(args[0], listed) if listed != "nil" else self.variable(args[0], listed)    # type: ignore[arg-type]
        slot = self.program.slot(name)
        before = self.size
        body = self.node(args[2])
        size, at = self.size - before + 1, self.at(head)

        def run(s: Slots) -> Value:
            found = iterable(items(s))
            if found is None:
                raise Fault(at, "with", f"{listed} is no list")
            return loop(s, slot, found, body, size, at)

        return run

    # -- calls

    def call(self, form: Form, head: Token, word: str) -> Run:
        """A built-in function, or one of the policy."""
        args = form.items[1:]
        runs = [self.node(arg) for arg in args]
        builtin = BUILTINS.get(word)
        if builtin is None:
            run = self.function(head, word, runs)
        else:
            if len(runs) < builtin.least or (builtin.most is not None and len(runs) > builtin.most):
                wanted = f"{builtin.least} argument{'s' if builtin.least != 1 else ''}"
                wanted += " or more" if builtin.most is None else ""
                raise self.wrong(head, f"{str(head)!r} takes {wanted}, not {len(runs)}")
            told = partial(_spellings, self.text, args)
            run = builtin.build(Call(self.at(head), str(head), told), runs)
        if word not in self.program.bound:
            return run
        slot, at, symbol = self.program.slot(word), self.at(head), str(head)

        def either(s: Slots) -> Value:
            value = s[slot]
            if value.__class__ is Native:
                return invoke(at, symbol, value, [one(s) for one in runs])
            return run(s)

        return either

    def function(self, head: Token, word: str, runs: Sequence[Run]) -> Run:
        return calls.of_function(self.program.function(word), self.at(head), word, runs)

    def method(self, form: Form, head: Token, word: str) -> Run:
        """A method of an entity, as in (guest.StatAvg "mem_unused")."""
        runs = [self.node(arg) for arg in form.items[1:]]
        name, field = word.split(".")[:2]
        slot, at = self.program.slot(name), self.at(head)
        other = self.program.function(word), self.function(head, word, runs)    # a function's name may have a dot
        run = calls.of_method(slot, (name, field), at, word, runs, other)
        if not self.program.traced:
            return run
        return calls.noted(slot, field, at, word, spelled(self.text, form, _MAX_TOLD), runs, run)


def _constant(value: Value) -> Run:
    return lambda s: value


def _spellings(text: str, nodes: Sequence[Node]) -> list[str]:
    return [spelled(text, node) for node in nodes]


def _undefined(program: Compiled, name: str) -> str:
    if name in program.functions or name in BUILTINS:
        return f"there is no variable {name}; a function is called in brackets: ({name} …)"
    return f"there is no variable {name}"
