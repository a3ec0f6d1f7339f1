"""The policy language of MOM, expression by expression: the value of the last one, or the error that it makes."""

from __future__ import annotations

from typing import Any

import pytest

from hpm.memory.mom import Entity, compile_policies

from .mom import evaluated, guests, host, values

#: What a text gives: the value of its last expression.
TOKENS: list[tuple[str, Any]] = [
    ("12", 12), ("-12", -12), ("0", 0), ("-0", 0), ("1.5", 1.5), (".3", 0.3), ("-.3", -0.3), ("1e3", 1000.0),
    ("1E+2", 100.0), ("25e-1", 2.5), ("1.5e2", 150.0), ("010.5", 10.5), ("0x1F", 31), ("0Xff", 255), ("0o17", 15),
    ("'a'", "a"), ('"a"', "a"), ('"it\'s"', "it's"), ("'say \"x\"'", 'say "x"'), (r"'a\'b'", r"a\'b"),
    (r'"\n"', r"\n"), ('""', ""), ("'#'", "#"), ("'a\nb'", "a\nb"), ("nil", None), ("1 # 2\n", 1),
    ("1 # no line end", 1), ("# first\n2", 2), ("(+ 1 # one\n 2)", 3), ("(- 3 2)", 1), ("(- 3 -2)", 5),
    ("(-3-2 1)", "error"), ("[+ 1 2]", 3), ("{+ 1 2}", "error"), ("(defvar a-b 4) a-b", 4), ("(defvar _x1 5) _x1", 5),
    ("(defvar A 1) a", "error"), ("(+ 1\t2)", 3), ("(+\n1\r\n2\n)", 3), ("(+ 1e2 0x10)", 116.0), ("12abc", "error"),
    ("(defvar x 1)x", 1), ("(<<1 4)", 16), ("(>= 2 2)", True), ("(!= 1 2)", True),
]  # fmt: skip
ARITHMETIC: list[tuple[str, Any]] = [
    ("(+ 1 2)", 3), ("(add 1 2)", 3), ("(- 5 7)", -2), ("(sub 5 7)", -2), ("(* 3 4)", 12), ("(mul 3 4)", 12),
    ("(/ 7 2)", 3.5), ("(div 6 2)", 3.0), ("(+ 1 0.5)", 1.5), ("(/ 1 0)", "error"), ("(/ 1 0.0)", "error"),
    ("(<< 3 2)", 12), ("(shl 3 2)", 12), ("(>> 12 2)", 3), ("(shr 12 2)", 3), ("(<< 1 -1)", "error"),
    ("(<< 1.5 1)", "error"), ("(< 1 2)", True), ("(lt 2 1)", False), ("(> 1 2)", False), ("(gt 2 1)", True),
    ("(<= 2 2)", True), ("(lte 3 2)", False), ("(>= 1 2)", False), ("(gte 2 2)", True), ("(== 1 1.0)", True),
    ("(eq 'a' 'b')", False), ("(!= nil 0)", True), ("(neq 1 1)", False), ("(== nil nil)", True),
    ("(== '1' 1)", False), ("(< 'a' 'b')", True), ("(+ 'a' 'b')", "ab"), ("(* 'ab' 3)", "ababab"),
    ("(* 2 'a')", "aa"), ("(+ 'a' 1)", "error"), ("(* 'a' 1.5)", "error"), ("(- 'a' 'b')", "error"),
    ("(+ nil 1)", "error"), ("(< nil 1)", "error"), ("(< 1 'a')", "error"), ("(+ (< 1 2) 1)", 2),
    ("(* 1e308 10)", float("inf")), ("(min 3 1 2)", 1), ("(max 3 1 2)", 3), ("(min 5)", 5), ("(max 1 2.5)", 2.5),
    ("(max 'a' 'b')", "b"), ("(min 1 nil)", "error"), ("(abs -3)", 3), ("(abs -2.5)", 2.5), ("(abs nil)", "error"),
    ("(abs 'a')", "error"), ("(+ (+ 1 2) (* 2 (- 5 1)))", 11), ("(== Host Host)", True), ("(< Host 1)", "error"),
    ("(* 'a' -1)", ""),
]  # fmt: skip
LOGIC: list[tuple[str, Any]] = [
    ("(and 1 2)", 2), ("(and 0 2)", 0), ("(and 1 nil 3)", None), ("(and 5)", 5), ("(or 0 3)", 3), ("(or 0 '')", ""),
    ("(or nil)", None), ("(or 1 (/ 1 0))", "error"), ("(and 0 (/ 1 0))", "error"), ("(not 1)", False),
    ("(not 0)", True), ("(not nil)", True), ("(not '')", True), ("(not 0.0)", True), ("(not 'a')", False),
    ("(not Host)", False), ("(null nil)", True), ("(null '')", True), ("(null 0)", False), ("(null nil 1)", False),
    ("(null nil '' nil)", True), ("(null)", True), ("(null Host)", False), ("(null 'a' 1)", False),
    ("(valid 1 2)", True), ("(valid 1 nil)", False), ("(valid)", True), ("(valid '' 0)", True), ("(debug 1 2)", 2),
    ("(if 1 2 3)", 2), ("(if 0 2 3)", 3), ("(if nil (/ 1 0) 3)", 3), ("(if 1 2 (/ 1 0))", 2), ("(if '' 1 2)", 2),
    ("(if 0.0 1 2)", 2), ("(if Guests 1 2)", 1), ("(if 0 () 1)", 1), ("(if 0 (nobody 1) 1)", 1),
    ("(if 0 unknown 1)", 1),
]  # fmt: skip
VARIABLES: list[tuple[str, Any]] = [
    ("(defvar a 1) a", 1), ("(defvar a 1)", 1), ("(defvar a 1) (defvar a 2)", 1),
    ("(defvar a 1) (defvar a (/ 1 0))", "error"), ("(defvar a 1) (set a 2) a", 2), ("(defvar a 1) (setq a 2)", 2),
    ("(set a 1)", "error"), ("(defvar a nil) a", None), ("(defvar a 1) (let ((a 2)) a)", 2),
    ("(defvar a 1) (let ((a 2)) (set a 3)) a", 1), ("(defvar a 1) (let ((b 2)) (set a 3)) a", 3),
    ("(let ((a 1)) a) a", "error"), ("(let ((a 1) (b (+ a 1))) b)", 2), ("(let ((a 1) (a 2)) a)", 1),
    ("(let () 1 2)", 2), ("(let [(a 1) [b 2]] (+ a b))", 3), ("(let ((a 1)) (defvar a 9) a)", 1),
    ("(let ((a 1)) (defvar b 9) b)", 9), ("(let ((a 1)) (defvar b 9)) b", "error"),
    ("(defvar a 1) (let ((b 1)) (defvar a 5) a)", 5), ("(defvar a 1) (let ((b 1)) (defvar a 5)) a", 1),
    ("(defvar Host 1) (Host.Prop 'interval')", 10), ("(set Guests 5) Guests", 5), ("{1 2 3}", 3),
    ("{(defvar a 1)} a", 1), ("{}", "error"), ("()", "error"), ("[]", "error"), ("(1 2)", "error"),
    ("('f' 1)", "error"), ("((+ 1 2))", "error"), ("+", "error"), ("(+ 1 -)", "error"), ("unknown", "error"),
    ("(eval 1 2)", 2), ("(eval)", "error"), ("(defvar nil 5) nil", None), ("(defvar a.b 5)", 5),
    ("(defvar a.b 5) a.b", "error"), ("(set Host.zero 1)", "error"), ("(let ((a 1)) {(let ((a 2)) (set a 3)) a})", 1),
    ("(defvar a 1) (if 1 (set a 4) 0) a", 4), ("(with Guests g g)", ["<db>", "<web>"]),
    ("(with Guests g (+ g.cur 1))", [901, 501]), ("(with Guests g 1) g", "error"),
    ("(defvar n 0) (with Guests g (set n (+ n g.cur))) n", 1400), ("(with Guests g (defvar x g.cur))", [900, 500]),
    ("(defvar t 'ab') (with t c (+ c c))", ["aa", "bb"]), ("(defvar n 1) (with n c c)", "error"),
    ("(with nil c c)", "error"), ("(with none c c)", "error"), ("(defvar e (with Guests g nil)) (null e)", False),
    ("(defvar l (with Guests g g.cur)) (with l x (* 2 x))", [1800, 1000]),
    ("(defvar l (with Guests g 1)) (+ l l)", [1, 1, 1, 1]), ("(defvar l (with Guests g 1)) (* l 2)", [1, 1, 1, 1]),
    ("(defvar l (with Guests g 1)) (== l (with Guests g 1))", True),
    ("(with Guests a (with Guests b 1))", [[1, 1], [1, 1]]), ("(defvar t '') (with t c c)", []),
    ("(defvar t '') (null (with t c c))", True), ("(defvar t '') (if (with t c c) 1 2)", 2),
]  # fmt: skip
FUNCTIONS: list[tuple[str, Any]] = [
    ("(def f (x) (* x 2)) (f 4)", 8), ("(defun f (x) (* x 2)) (f 4)", 8), ("(def f () 1)", "f"),
    ("(def f () 7) (f)", 7), ("(def f [x y] (- x y)) [f 5 3]", 2), ("(f 1)", "error"), ("(def f (x) x) (f)", "error"),
    ("(def f (x) x) (f 1 2)", "error"), ("(def f () 1) (def f () 2) (f)", 2),
    ("(def f () 1) (defvar g (f)) (def f () 2) (+ g (f))", 3), ("(def f () x) (let ((x 5)) (f))", 5),
    ("(def f () x) (f)", "error"), ("(def f (x) (g)) (def g () x) (f 3)", 3),
    ("(def f (a b) b) (defvar a 1) (f 5 a)", 5), ("(def f (a a) a) (f 1 2)", 1),
    ("(def f (a b) b) (f (defvar b 10) 2)", 10), ("(defvar x 1) (def f () (set x 2)) (f) x", 2),
    ("(def f () (defvar y 1)) (f) y", "error"), ("(def f (x) {(defvar x 9) x}) (f 1)", 1),
    ("(def f (n) (if (< n 1) 0 (+ n (f (- n 1))))) (f 50)", 1275),
    ("(def outer () (def inner () 3)) (inner)", "error"), ("(def outer () (def inner () 3)) (outer) (inner)", 3),
    ("(def abs (x) 7) (abs -3)", 3), ("(def add (x y) 7) (add 1 2)", 3), ("(def min (x) 7) (min 1 2)", 1),
    ("(def if (x) 7) (if 1 2 3)", 2), ("(def add (x y) 7) (+ 1 2)", 3), ("(defvar max 5) (max 1 2)", 2),
    ("(defvar f abs) (f -4)", 4), ("(def apply (f x) (f x)) (apply abs -4)", 4), ("(let ((abs 5)) (abs -4))", 4),
    ("(defvar m Host.StatAvg) (m 'mem_free')", 3000.0), ("(def f (m) (m 'mem_free')) (f Host.Stat)", 2000),
    ("(def a.b (x) x) (a.b 5)", 5), ("(def f (x) x) f", "error"), ("(def eval () 7) (eval 1)", 1),
    ("(def f () 1) (defvar f 2) (+ f (f))", 3), ("(def f (Host) Host) (f 3)", 3),
    ("(let ((x 1)) (def f () x)) (f)", "error"),
]  # fmt: skip
ENTITIES: list[tuple[str, Any]] = [
    ("Host.mem_free", 2000), ("Host.mem_free.more", 2000), ("Host.quiet", None), ("Host.old", "error"),
    ("Host.nothing", "error"), ("Host.mem_unused", "error"), ('(Host.Stat "mem_free")', 2000),
    ('(Host.Stat "quiet" 5)', None), ('(Host.Stat "old")', None), ('(Host.Stat "old" 5)', 5),
    ('(Host.Stat "nothing" 5)', "error"), ('(Host.Stat "mem_unused" 5)', 5), ("(Host.Stat)", "error"),
    ('(Host.Stat "old" 1 2)', "error"), ('(Host.StatAvg "mem_free")', 3000.0), ('(Host.StatAvg "swap")', 10.0),
    ('(Host.StatAvg "quiet")', 0.0), ('(Host.StatAvg "old")', 1.0), ('(Host.StatAvg "mem_unused")', 0.0),
    ('(Host.StatAvg "nothing")', "error"), ("(Host.StatAvg 5)", "error"), ("(Host.StatAvg Guests)", "error"),
    ('(Host.Prop "interval")', 10), ('(Host.Prop "name")', "error"), ("(Host.Prop nil)", "error"),
    ('(with Guests g (g.Prop "name"))', ["db", "web"]), ('(Host.GetControl "ksm_run")', None),
    ('(Host.Control "ksm_run" 1)', None), ('(Host.Control "ksm_run" 1) (Host.GetControl "ksm_run")', 1),
    ('(Host.Control "a" 1) (Host.Control "a" 2) (Host.GetControl "a")', 2), ('(Host.Control "a")', "error"),
    ('(Host.GetVar "x")', None), ('(Host.SetVar "x" 4)', None), ('(Host.SetVar "x" 4) (Host.GetVar "x")', 4),
    ('(Host.SetVar "g" Guests) (Host.GetVar "g")', ["<db>", "<web>"]), ("(Host.mem_free)", "error"),
    ("(Host.Nothing 1)", "error"), ("Host", "<Host>"), ("(Host 1)", "error"), ("(Guests 1)", "error"),
    ("(null (Host.GetVar 'x'))", True), ("(let ((Host 5)) Host.mem_free)", 2000),
    ("(def f (g) g.mem_free) (f Host)", 2000), ("(def f (g) (g.StatAvg 'mem_free')) (f Host)", 3000.0),
    ('(defvar s "mem_free") (Host.Stat s)', 2000), ('(defvar n 5) n.real', "error"),
    ("(with Guests g (valid g.free))", [True, True]),
]  # fmt: skip
CASES = [*TOKENS, *ARITHMETIC, *LOGIC, *VARIABLES, *FUNCTIONS, *ENTITIES]


@pytest.mark.parametrize(("text", "expected"), [case for case in CASES if case[1] != "error"])
def test_the_value_is(text: str, expected: Any) -> None:
    found = values(text)[-1]
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize("text", [text for text, expected in CASES if expected == "error"])
def test_it_is_an_error(text: str) -> None:
    found = evaluated(text)
    assert len(found.errors) == 1 and found.discarded and found.host_controls == {}


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 150 and len({text for text, _ in CASES}) == len(CASES)


def test_every_expression_at_the_top_has_a_value() -> None:
    assert values("3-2 (+ 1 2) 'a'") == [3, -2, 3, "a"]
    assert values("") == values("# nothing\n") == []


def test_policies_are_one_program_in_the_order_of_their_names() -> None:
    program = compile_policies({"b": "(defvar limit 5) (f)", "a": "(def f () limit)", "B": "(defvar limit 9)"})
    assert [name for name, _ in program.policies] == ["B", "a", "b"]
    assert program.evaluate(host(), guests()).values == (9, "f", 9, 9)


def test_the_last_write_to_a_control_counts_and_nil_sets_nothing() -> None:
    found = evaluated('(Host.Control "a" 1) (Host.Control "a" 2) (Host.Control "b" 1) (Host.Control "b" nil)')
    assert found.host_controls == {"a": 2}
    assert found.guest_controls == {"db": {}, "web": {}}


def test_controls_of_guests() -> None:
    found = evaluated('(with Guests g (g.Control "balloon_target" (* 0.5 g.cur)))')
    assert found.guest_controls == {"db": {"balloon_target": 450.0}, "web": {"balloon_target": 250.0}}


def test_an_error_in_a_guests_turn_is_that_guests_alone() -> None:
    found = evaluated(
        '(defvar n 0) (with Guests g {(g.Control "a" 1) (set n (+ n 1)) (if (== n 1) (+ nil 1) 2)})'
        ' (Host.Control "n" n) (with Guests g (g.Control "b" n))'
    )
    assert not found.discarded and found.host_controls == {"n": 2}
    assert found.guest_controls == {"db": {}, "web": {"a": 1, "b": 2}}
    assert [(error.guest, error.symbol) for error in found.errors] == [("db", "+")]
    assert found.values[1] == [None, 2]


def test_an_error_within_a_turn_of_a_turn_is_the_outer_guests() -> None:
    found = evaluated('(with Guests g (with Guests h (if (== (h.Prop "name") "web") (/ 1 0) (h.Control "a" 1))))')
    assert [error.guest for error in found.errors] == ["db", "web"]


def test_scopes_are_left_after_a_guests_error() -> None:
    found = evaluated("(def f (x) (let ((y 1)) (/ x 0))) (with Guests g (f 1)) (with Guests g 3) y")
    assert found.values[2] == [3, 3]
    assert [error.message for error in found.errors][-1] == "there is no variable y"


def test_a_list_of_guests_is_gone_through_guest_by_guest() -> None:
    found = evaluated("(defvar mine (with Guests g g)) (with mine g (if (== g.cur 900) (/ 1 0) (g.Control 'a' 1)))")
    assert [error.guest for error in found.errors] == ["db"] and found.guest_controls["web"] == {"a": 1}


def test_an_error_elsewhere_discards_the_cycle() -> None:
    found = evaluated('(Host.Control "a" 1) (with Guests g (g.Control "a" 1)) (/ 1 0) (Host.Control "b" 1)')
    assert found.discarded and found.host_controls == {} and found.guest_controls == {"db": {}, "web": {}}
    assert [error.guest for error in found.errors] == [None] and len(found.values) == 2


def test_variables_are_kept_from_cycle_to_cycle() -> None:
    program = compile_policies({"p": '(Host.SetVar "n" (if (null (Host.GetVar "n")) 1 (+ 1 (Host.GetVar "n"))))'})
    kept: dict[str, Any] = {}
    for count in (1, 2, 3):
        program.evaluate(Entity("Host", variables=kept), [])
        assert kept == {"n": count}
    program.explain(Entity("Host", variables=kept), [])
    assert kept == {"n": 3}


def test_variables_stay_as_they_were_where_there_was_an_error() -> None:
    kept: dict[str, Any] = {"n": 1}
    compile_policies({"p": '(Host.SetVar "n" 2) (/ 1 0)'}).evaluate(Entity("Host", variables=kept), [])
    assert kept == {"n": 1}
    both: list[dict[str, Any]] = [{}, {}]
    several = [Entity(f"g{n}", {"n": n}, (), kept) for n, kept in enumerate(both)]
    text = '(with Guests g {(g.SetVar "x" 1) (/ 1 (g.Prop "n"))})'
    assert [e.guest for e in compile_policies({"p": text}).evaluate(Entity("Host"), several).errors] == ["g0"]
    assert both == [{}, {"x": 1}]


def test_objects_are_not_kept() -> None:
    kept: dict[str, Any] = {}
    text = '(Host.SetVar "g" Guests) (Host.SetVar "h" Host) (Host.SetVar "l" (with Guests g 1)) (Host.SetVar "t" "x")'
    compile_policies({"p": text}).evaluate(Entity("Host", variables=kept), guests())
    assert kept == {"l": [1, 1], "t": "x"}


def test_each_evaluation_begins_anew() -> None:
    program = compile_policies({"p": "(def f () 1) (defvar a 1) (set a (+ a 1)) (Host.Control 'a' a)"})
    one = host()
    for _ in range(2):
        assert program.evaluate(one, []).host_controls == {"a": 2}


def test_without_history_there_is_no_mean() -> None:
    program = compile_policies({"p": '(Host.StatAvg "mem_free")'})
    empty = Entity("Host", fields=frozenset(("mem_free",)))
    assert program.evaluate(empty, []).errors[0].message == "there is no sample yet of 'mem_free'"
    assert compile_policies({"p": '(Host.Stat "mem_free" 3)'}).evaluate(empty, []).values == (None,)


def test_disks_have_limits_to_read_and_to_set() -> None:
    found = evaluated(
        """(with Guests g (if (== (g.Prop "name") "db") (with g.io_tune d (let ((low d.guaranteed) (now d.current)) {
            (d.setTotalBytesSec (+ low.total_bytes_sec 0.7))
            (d.setReadIopsSec 5) (d.setReadBytesSec nil)
            (debug d.name d.path now.read_bytes_sec now.total_bytes_sec)})) nil))"""
    )
    assert not found.errors
    assert found.io_tune == {"db": {"vda": {"total_bytes_sec": 100, "read_iops_sec": 5, "read_bytes_sec": None}}}
    assert found.debugged[0].values == ("vda", "/disk", None, 100)


def test_a_disk_takes_no_text_as_limit() -> None:
    found = evaluated("(with Guests g (if (== g.cur 900) (with g.io_tune d (d.setReadIopsSec 'x')) nil))")
    assert found.errors[0].symbol == "d.setReadIopsSec" and found.io_tune == {}


def test_debug_is_told() -> None:
    found = evaluated("1\n(debug 'free' Host.mem_free)")
    assert [(one.policy, one.line, one.values) for one in found.debugged] == [("p", 2, ("free", 2000))]


def test_an_explanation_tells_who_set_what_by_which_values() -> None:
    program = compile_policies({
        "a": "(defvar part 0.5)",
        "b": "(def half (g)\n  (g.Control 'balloon' (* part g.cur)))\n(with Guests guest (half guest))\n"
             "(Host.Control 'x' 1)",
    })  # fmt: skip
    found = program.explain(host(), guests())
    assert found.guest_controls == program.evaluate(host(), guests()).guest_controls
    first, second, third = found.decisions
    assert (first.guest, first.control, first.value) == ("db", "balloon", 450.0)
    assert (first.policy, first.line, first.column) == ("b", 2, 4)
    assert first.expression == "(g.Control 'balloon' (* part g.cur))" and first.held
    assert [(name, value) for name, value in first.symbols if name != "guest"] == [("part", 0.5), ("g.cur", 900)]
    assert [name for name, _ in second.symbols] == ["guest", "part", "g.cur"]
    assert (third.guest, third.control, third.symbols) == (None, "x", ())


def test_an_explanation_tells_what_did_not_last() -> None:
    text = "(Host.Control 'a' 1) (Host.Control 'a' 2) (with Guests g {(g.Control 'b' 1) (/ 1 (- g.cur 500))})"
    found = compile_policies({"p": text}).explain(host(), guests())
    assert [(one.guest, one.value, one.held) for one in found.decisions] == [
        (None, 1, False), (None, 2, True), ("db", 1, True), ("web", 1, False)
    ]  # fmt: skip
