"""What a wrong policy is told: where, which word, and what would be right. And nothing that a policy says does harm."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpm.errors import InvalidValue
from hpm.memory.mom import Entity, PolicyTextError, compile_policies
from hpm.memory.mom.machine import BASE_STEPS, MAX_CALLS, STEPS_PER_GUEST

from .mom import evaluated, guests, host

#: Texts that are refused: line, column, and words of what is said.
REFUSED = [
    ("'abc", 1, 1, "string that begins here is never closed"),
    ('(+ 1\n  "abc)', 2, 3, "string that begins here is never closed"),
    ("(+ 1 010)", 1, 6, "'010' begins with 0; write 10, or 0o10"),
    ("(+ 1 -010)", 1, 7, "'010' begins with 0"),
    ("1 ; 2", 1, 3, "a comment begins with '#'"),
    ("(set a = 1)", 1, 8, "to compare, write '=='"),
    ("(! 1)", 1, 2, "write '!=' or (not x)"),
    ("(f 1, 2)", 1, 5, "parted by blanks"),
    ("(and a && b)", 1, 8, "write (and a b)"),
    ("1.", 1, 2, "a number needs digits after it"),
    ("12e", 1, 1, "'12e' is no number"),
    ("0o8", 1, 1, "its digits are 0 to 7"),
    ("(+ 1 §)", 1, 6, "'§' means nothing here"),
    ("(+ 1 2", 1, 1, "'(' is never closed; write ')'"),
    ("1\n (with Guests g {\n  (+ 1 2)\n", 2, 17, "'{' is never closed; write '}'"),
    ("(+ 1 2))", 1, 8, "')' closes nothing"),
    ("(+ 1\n [2)", 2, 4, "')' cannot close the '[' of line 2, column 2; write ']'"),
    ("(" * 65, 1, 65, "more than 64 brackets within each other"),
    ("(if 1 2)", 1, 2, "(if condition then else)"),
    ("(if 1 2 3 4)", 1, 2, "there are 4 parts after if"),
    ("(defvar a)", 1, 2, "(defvar name value)"),
    ("(defvar 5 1)", 1, 9, "5 cannot be a variable"),
    ("(set 'a' 1)", 1, 6, "'a' cannot be a variable"),
    ("(set a)", 1, 2, "(set name value)"),
    ("(def f (x))", 1, 2, "(def name (parameters) body)"),
    ("(def f x 1)", 1, 8, "parameters stand in ( )"),
    ("(def f (x 1) 1)", 1, 11, "1 cannot be a parameter"),
    ("(def + (x) 1)", 1, 6, "+ cannot be a function's name"),
    ("(let ((a 1)))", 1, 2, "(let ((name value) …) body …)"),
    ("(let (a 1) a)", 1, 7, "a is no (name value)"),
    ("(let ((a)) a)", 1, 7, "(a) is no (name value)"),
    ("(let a 1)", 1, 6, "let is written"),
    ("(with (f) g 1)", 1, 7, "(f) cannot be the list; name a variable that has it"),
    ("(with Guests g)", 1, 2, "(with list name body)"),
    ("(+ 1)", 1, 2, "'+' takes 2 arguments, not 1"),
    ("(- 1 2 3)", 1, 2, "'-' takes 2 arguments, not 3"),
    ("(add 1 2 3)", 1, 2, "'add' takes 2 arguments"),
    ("(not)", 1, 2, "'not' takes 1 argument, not 0"),
    ("(abs 1 2)", 1, 2, "'abs' takes 1 argument, not 2"),
    ("(or)", 1, 2, "'or' takes 1 argument or more"),
    ("9" * 1300, 1, 1, "more than 1200 digits"),
    ("1 " * 100_001, 1, 200_001, "more than 100000 words"),
    ("#" * (1 << 21), 1, 1, "larger than 1048576 bytes"),
    ("1 " * (5 << 20), 1, 1, "larger than 1048576 bytes"),
    ("é" * (1 << 20), 1, 1, "larger than 1048576 bytes"),
]  # fmt: skip

#: Errors of an evaluation: line, column, symbol, and words of the message.
FAILING = [
    ("1\n  unknown", 2, 3, "unknown", "there is no variable unknown"),
    ("(def f () 1)\n(+ f 1)", 2, 4, "f", "called in brackets: (f …)"),
    ("(+ 1\n   (/ 1 Host.zero))", 2, 5, "/", "nothing can be divided by Host.zero, which is 0"),
    ("(+ nil 1)", 1, 2, "+", "it cannot take nil and the number 1"),
    ("(def f (x)\n  (* x 2))\n(f Host.quiet)", 2, 4, "*", "it cannot take x, which is nil, and the number 2"),
    ("(set a 1)", 1, 6, "a", "(defvar a …) makes it"),
    ("(set Host.zero 1)", 1, 6, "Host.zero", "attributes cannot be set"),
    ("Host.nothing", 1, 1, "Host.nothing", "Host has no field nothing"),
    ("Host.mem_unused", 1, 1, "Host.mem_unused", "Host has no mem_unused in its newest sample"),
    ("(Host.StatAvg 'nothing')", 1, 2, "Host.StatAvg", "there is no field 'nothing'"),
    ("(Host.Prop 'name')", 1, 2, "Host.Prop", "there is no property 'name'"),
    ("(Host.Stat)", 1, 2, "Host.Stat", "it takes 1 to 2 arguments, not 0"),
    ("(Host.Control 'a')", 1, 2, "Host.Control", "it takes 2 arguments, not 1"),
    ("(Host.mem_free)", 1, 2, "Host.mem_free", "it is a value, not a function"),
    ("{(f 1)}", 1, 3, "f", "there is no function of that name"),
    ("(def f (x) x) (f 1 2)", 1, 16, "f", "it takes 1 argument, not 2"),
    ("()", 1, 1, "()", "write nil"),
    ("(1 2)", 1, 2, "1", "several values go in { }"),
    ("(+ 1 *)", 1, 6, "*", "it stands first in brackets"),
    ("(defvar n 5)\n(with n c c)", 2, 2, "with", "n is no list"),
    ("(<< 1 -1)", 1, 2, "<<", "cannot shift by -1"),
    ("(/ (<< 1 4000) 3)", 1, 2, "/", "too large"),
    ("(< 1 'a')", 1, 2, "<", "it cannot take the number 1 and the text 'a'"),
]  # fmt: skip

#: Ways out that there must not be.
ESCAPES = [
    "Host.__class__", "Host.__dict__", "Host.Stat.__globals__", "Host.history", "Host.variables", "Host.properties",
    "Host.controls", "Host.newest", "Host.keep", "Host._mean", "Host.attribute", "Host.renew", "Guests.append",
    "Guests.weight", "Guests.__class__", "abs.__self__", "abs.call", "debug.__code__", "(Host.__init__ 1)",
    "(Host.__class__)", "(Guests.append 1)", "(Host.__getattribute__ '__class__')", "(Host.set_var 'a' 1)",
    "(defvar s 'x') s.__class__", "(defvar s 'x') (s.format 1)", "(defvar s '{0.__class__}') (s.format Host)",
    "(defvar n 5) n.__class__", "(defvar f abs) f.call", "(defvar m Host.Stat) m.__func__",
    "(defvar m Host.Stat) m.call", "(let ((x nil)) x.__class__)", "(__import__ 'os')", "(exec 'x')",
    "(open '/etc/passwd')", "(getattr Host '__class__')", "__builtins__", "(Host.Stat '__class__')",
    "(Host.Prop '__class__')", "(with Host x x)", "(with Host.Stat x x)",
]  # fmt: skip

#: Attempts to take more than there is; each ends with an error, soon.
_TEN = "(defvar t 'aaaaaaaaaa') "
GREEDY = [
    "(def f (x) (f x)) (f 1)",
    "(def f (x) (+ 1 (f (+ x 1)))) (f 1)",
    "(def f () (g)) (def g () (f)) (f)",
    "(def f (x) {(f x) (f x)}) (f 1)",
    "(def f (n) (if (< n 1) 0 (+ (f (- n 1)) (f (- n 1))))) (f 90)",
    _TEN + "(defvar u (* t 100)) (with u a (with u b 1))",
    _TEN + "(with t a (with t b (with t c (with t d (with t e (with t f 1))))))",
    "(defvar n 2) (defvar t (* 'a' 4000)) (with t c (set n (* n n))) n",
    "(defvar n 1) (defvar t (* 'a' 4000)) (with t c (set n (<< n 4000))) n",
    "(defvar n 1) (defvar t (* 'a' 4000)) (with t c (with t d (set n (+ n n)))) n",
    "(<< 1 99999999999999999999)", "(* 'a' 99999999999999999999)", "(* 99999999 'abc')",
    "(defvar s 'ab') (defvar t (* 'a' 4000)) (with t c (set s (+ s s)))",
    "(defvar l Guests) (defvar t (* 'a' 4000)) (with t c (set l (+ l l)))",
    "(defvar l Guests) (defvar t (* 'a' 4000)) (with t c (set l (with Guests g l)))",
    "(defvar l Guests) (defvar t (* 'a' 4000)) (with t c (set l (* l 3)))",
    "(defvar l (* Guests 400000)) (defvar t (* 'a' 4000)) (with t c (== l l))",
    "(defvar l (* Guests 400000)) (defvar t (* 'a' 4000)) (with t c (max l l))",
    "(defvar t (* 'a' 4000)) (with t c (Host.SetVar t (set t (+ t 'a'))))",
    "(def f (x) (with Guests g (f x))) (f 1)",
    "(with Guests g (with Guests h (f)))",
    "{" * 60 + "(+ nil 1)" + "}" * 60,
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "column", "words"), REFUSED, ids=lambda value: str(value)[:30])
def test_a_text_that_cannot_be_read_is_refused_with_its_place(
    text: str, line: int, column: int, words: str
) -> None:
    begin = time.process_time()
    with pytest.raises(PolicyTextError) as caught:
        compile_policies({"good": "1", "night": text})
    assert time.process_time() - begin < 5.0
    error = caught.value
    assert isinstance(error, InvalidValue) and error.path == "night"
    assert error.place == (line, column) and words in error.said
    assert str(error).startswith(f"line {line}, column {column}: night: ")


@pytest.mark.parametrize(("text", "line", "column", "symbol", "words"), FAILING)
def test_an_error_names_policy_line_column_and_symbol(
    text: str, line: int, column: int, symbol: str, words: str
) -> None:
    (error,) = compile_policies({"first": "1", "second": text}).evaluate(host(), guests()).errors
    assert (error.policy, error.line, error.column, error.symbol) == ("second", line, column, symbol)
    assert words in error.message and error.guest is None
    assert str(error) == f"policy second, line {line}, column {column}: {symbol}: {error.message}"


@pytest.mark.parametrize("text", ESCAPES)
def test_nothing_but_values_can_be_reached(text: str) -> None:
    found = evaluated(text)
    assert found.discarded and len(found.errors) == 1


def test_a_field_may_have_any_name_and_gives_its_value_only() -> None:
    odd = Entity("Host", {"__class__": 1}, [{"__dict__": 7}])
    program = compile_policies({"p": "Host.__dict__ (Host.Prop '__class__') (Host.Stat '__dict__')"})
    assert program.evaluate(odd, []).values == (7, 1, 7)


@pytest.mark.parametrize("text", GREEDY, ids=lambda text: text[:40])
def test_greed_ends_with_an_error_soon(text: str) -> None:
    begin = time.process_time()
    found = evaluated(text)
    assert found.errors and time.process_time() - begin < 5.0


def test_a_million_turns_are_more_than_there_is() -> None:
    many = [Entity(f"g{n}") for n in range(1000)]
    found = compile_policies({"p": "(with Guests a\n (with Guests b (max 1 2 3 4)))"}).evaluate(Entity("Host"), many)
    (error,) = found.errors
    assert found.discarded and (error.symbol, error.line, error.guest) == ("with", 2, None)
    assert f"the {BASE_STEPS + 1000 * STEPS_PER_GUEST} steps that they may" in error.message


def test_a_recursion_without_end_is_a_guests_own_error() -> None:
    text = "(def f (x) (if (> x 600) (f x) x)) (with Guests g (g.Control 'a' (f g.cur)))"
    found = evaluated(text)
    assert not found.discarded and found.guest_controls == {"db": {}, "web": {"a": 500}}
    assert f"more than {MAX_CALLS} calls" in found.errors[0].message and found.errors[0].guest == "db"


def test_deep_bodies_in_deep_calls_are_an_error_and_not_the_end() -> None:
    body = "(f x)"
    for _ in range(55):
        body = f"(+ 1 {body})"
    (error,) = evaluated(f"(def f (x) {body}) (f 1)").errors
    assert error.policy == "p" and error.line == 1
    found = evaluated(f"(def f (x) {body}) (with Guests g (f 1)) (Host.Control 'a' 1)")
    assert found.host_controls == {"a": 1} and [error.guest for error in found.errors] == ["db", "web"]


_WORDS = st.sampled_from([
    "(", ")", "{", "}", "[", "]", "+", "-", "*", "/", "<<", ">>", "<", "==", "0", "1", "-3", "0.5", "1e300", "0x10",
    "'s'", "nil", "def", "defvar", "set", "let", "with", "if", "and", "or", "not", "min", "abs", "null", "valid",
    "debug", "eval", "Host", "Guests", "g", "x", "f", "Host.mem_free", "g.cur", "Host.StatAvg", "g.Control",
    "Host.SetVar", "'mem_free'", "'cur'", "010", "=", ";", "\"", "#", "\n", "g.io_tune", "x.y",
])  # fmt: skip


def _trees() -> st.SearchStrategy[str]:
    atoms = st.sampled_from(["0", "1", "-3", "0.5", "1e300", "'s'", "nil", "x", "y", "Host", "Guests", "g.cur", "l"])
    heads = st.sampled_from([
        "+", "-", "*", "/", "<<", ">>", "<", "==", "and", "or", "min", "max", "null", "abs", "f", "g.StatAvg", "not",
        "Host.Control", "g.SetVar", "g.GetVar",
    ])  # fmt: skip
    return st.recursive(atoms, lambda inner: st.one_of(
        st.builds(lambda head, args: f"({head} {' '.join(args)})", heads, st.lists(inner, min_size=1, max_size=2)),
        st.builds("(if {} {} {})".format, inner, inner, inner),
        st.builds("(with {} g {})".format, st.sampled_from(["Guests", "x", "l"]), inner),
        st.builds("(defvar {} {})".format, st.sampled_from("xyl"), inner),
        st.builds("(set {} {})".format, st.sampled_from("xyl"), inner),
        st.builds("(let ((x {}) (g {})) {})".format, inner, inner, inner),
        st.builds("(def f (x) {})".format, inner),
        st.builds("{{{} {}}}".format, inner, inner),
    ), max_leaves=25)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(
    st.lists(_WORDS, max_size=40).map(" ".join), st.lists(_trees(), max_size=4).map("\n".join), st.text(max_size=60),
))  # fmt: skip
def test_no_text_whatever_makes_anything_but_the_declared_error(text: str) -> None:
    try:
        program = compile_policies({"p": text})
    except PolicyTextError as error:
        assert error.place is not None and error.said
        return
    begin = time.process_time()
    found = program.evaluate(host(), guests())
    assert time.process_time() - begin < 5.0
    lines = text.split("\n")
    for error in found.errors:
        assert 1 <= error.line <= len(lines) and 1 <= error.column <= len(lines[error.line - 1]) + 1
    assert found.discarded == any(error.guest is None for error in found.errors)
    again = program.explain(host(), guests())
    assert (again.errors, again.discarded) == (found.errors, found.discarded)


def test_of_a_guest_three_errors_are_told() -> None:
    found = evaluated("(with Guests g (/ 1 0)) " * 9)
    assert [error.guest for error in found.errors] == ["db", "web"] * 3
