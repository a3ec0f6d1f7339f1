"""Classification: which servers a rule takes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpm.policy.assignment import assign
from hpm.policy.catalog import Catalog, ServerSettings
from hpm.policy.classification import (
    And,
    Filter,
    FilterType,
    Not,
    Operation,
    Or,
    Rule,
    compile_pattern,
    depth,
    describe,
    matches,
)
from hpm.policy.goals import IMPORTANCES, VELOCITY_OF_LEVEL, DiscretionaryGoal, VelocityGoal
from hpm.policy.groups import WorkloadResourceGroup
from hpm.policy.policies import PerformancePolicy, ServiceClass


def name(value: str, operation: Operation = "string-match", kind: FilterType = "virtual-server-name") -> Filter:
    return Filter(kind, operation, value)


def takes(pattern: str, text: str) -> bool:
    return matches(name(pattern), {"virtual-server-name": text})


@pytest.mark.parametrize(("pattern", "yes", "no"), [
    ("db1", ["db1"], ["db", "db12", "xdb1", "DB1", "db1\n"]),
    ("db*", ["db", "db1", "db\n1"], ["xdb", "d"]),
    ("*db", ["db", "xdb"], ["dbx"]),
    ("*", ["", "x", "\n"], []),
    ("d?1", ["db1", "d.1", "d\n1", "dü1"], ["d1", "dbb1"]),
    ("a*b*c", ["abc", "axbxc", "abbcc", "abcbc"], ["acb", "abcb"]),
    ("*ab*ab*", ["abab", "xabxabx"], ["aba", "ab"]),
    ("a*ab", ["aab", "aaab"], ["ab"]),
    (r"a\*b", ["a*b"], ["axb", r"a\*b"]),
    (r"a\?b", ["a?b"], ["axb"]),
    (r"a\\b", ["a\\b"], ["a\\\\b"]),
    (r"a\b", ["ab"], [r"a\b"]),
    ("a\\", ["a\\"], ["a"]),
    ("[a-z].+(x)^$", ["[a-z].+(x)^$"], ["a.+(x)"]),
    ("ü*", ["über"], ["uber"]),
])  # fmt: skip
def test_patterns(pattern: str, yes: list[str], no: list[str]) -> None:
    assert [text for text in yes if not takes(pattern, text)] == []
    assert [text for text in no if takes(pattern, text)] == []


def reference(pattern: str, text: str) -> bool:
    """The meaning of a pattern, spelled out: which ends of the pattern can stand before each end of the text."""
    parts: list[str | None] = []    # a character; "" for any one; None for any number
    escaped = False
    for char in pattern:
        if escaped:
            parts.append(char)
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            parts.append({"*": None, "?": ""}.get(char, char))
    if escaped:
        parts.append("\\")
    reached = [True] + [False] * len(text)
    for part in parts:
        if part is None:
            reached = [any(reached[: end + 1]) for end in range(len(text) + 1)]
        else:
            reached = [False] + [reached[at] and part in ("", text[at]) for at in range(len(text))]
    return reached[-1]


@settings(max_examples=500)
@given(st.text("ab*?\\.\n", max_size=12), st.text("ab*?\\.\n", max_size=12))
def test_patterns_mean_what_they_say(pattern: str, text: str) -> None:
    assert (compile_pattern(pattern).fullmatch(text) is not None) == reference(pattern, text)


@settings(max_examples=50, deadline=None)
@given(st.text("ab*?", min_size=1, max_size=255), st.text("ab", max_size=40), st.integers(1, 100))
def test_no_pattern_takes_long(pattern: str, piece: str, times: int) -> None:
    start = time.process_time()
    compile_pattern(pattern).fullmatch(piece * times)
    assert time.process_time() - start < 0.5


def test_a_pattern_of_many_stars_does_not_stop_the_manager() -> None:
    start = time.process_time()
    for pattern in ("*a" * 127 + "b", "*a?" * 80 + "b", "*?" * 120 + "b", "a*" * 127 + "b", "*" * 255 + "b"):
        assert not takes(pattern, "a" * 5000 + "c")
    assert time.process_time() - start < 1.0


def test_a_fact_that_is_not_there_matches_no_pattern_and_every_negated_one() -> None:
    for value in ("*", "linux"):
        assert not matches(name(value, kind="os-type"), {})
        assert matches(name(value, "string-not-match", "os-type"), {})
    assert not matches(name("*", "string-not-match", "os-type"), {"os-type": ""})


def test_of_a_list_one_text_must_match() -> None:
    facts = {"metadata": ("tier=gold", "owner=ops")}
    assert matches(name("owner=*", kind="metadata"), facts)
    assert not matches(name("owner", kind="metadata"), facts)
    assert not matches(name("owner=*", "string-not-match", "metadata"), facts)
    assert matches(name("owner=dev", "string-not-match", "metadata"), facts)
    assert not matches(name("*", kind="metadata"), {"metadata": ()})


def test_and_or_not() -> None:
    linux, database = name("linux", kind="os-type"), name("db*")
    facts = {"virtual-server-name": "db1", "os-type": "windows"}
    assert matches(Or((linux, database)), facts)
    assert not matches(And((linux, database)), facts)
    assert matches(And((Not(linux), database)), facts)
    assert matches(Not(Not(database)), facts)
    assert depth(Not(And((linux, Or((database,)))))) == 4
    assert describe(And((Not(linux), Or((database, name("x", "string-not-match")))))) == (
        "(not (os-type = linux)) and (name = db* or name ≠ x)"
    )


FACTS = st.dictionaries(st.sampled_from(["title", "hostname"]), st.text("ab", max_size=3))
FILTERS = st.builds(
    Filter, st.sampled_from(["title", "hostname"]), st.sampled_from(["string-match", "string-not-match"]),
    st.text("ab*?", min_size=1, max_size=3),
)  # fmt: skip
RULES: st.SearchStrategy[Rule] = st.recursive(FILTERS, lambda rules: st.one_of(
    st.builds(Not, rules), st.builds(And, st.lists(rules, min_size=1, max_size=3).map(tuple)),
    st.builds(Or, st.lists(rules, min_size=1, max_size=3).map(tuple)),
), max_leaves=8)  # fmt: skip


@given(RULES, FACTS)
def test_the_laws_of_logic_hold(rule: Rule, facts: dict[str, str]) -> None:
    assert matches(Not(rule), facts) is not matches(rule, facts)
    assert matches(And((rule, Not(rule))), facts) is False
    assert matches(Or((rule, Not(rule))), facts) is True
    assert describe(rule)


POLICY = PerformancePolicy("p", "low", (
    ServiceClass("db", VelocityGoal("fast"), name("db*"), "high"),
    ServiceClass("linux", VelocityGoal(30), name("linux", kind="os-type")),
    ServiceClass("rest", DiscretionaryGoal()),
))  # fmt: skip


@pytest.mark.parametrize(("facts", "wanted", "importance"), [
    ({"virtual-server-name": "db1", "os-type": "linux"}, "db", "high"),
    ({"virtual-server-name": "web", "os-type": "linux"}, "linux", "low"),
    ({"virtual-server-name": "web"}, "rest", "low"),
    ({}, "rest", "low"),
])  # fmt: skip
def test_the_first_class_that_fits_takes_the_server(facts: dict[str, str], wanted: str, importance: str) -> None:
    taken = POLICY.classify(facts)
    assert (taken.name, POLICY.importance_of(taken)) == (wanted, importance)


def test_attributes_of_an_administrator_stand_above_what_was_found() -> None:
    group = WorkloadResourceGroup("default", "default", "", (POLICY,), "p")
    found = {"virtual-server-name": "web", "os-type": "windows"}
    said = ServerSettings(attributes={"os-type": "linux"})
    assert assign(Catalog(1, {"default": group}, {}), "u", found).service_class == "rest"
    assert assign(Catalog(1, {"default": group}, {"u": said}), "u", found).service_class == "linux"
    assert found["os-type"] == "windows"


def test_goals() -> None:
    assert VELOCITY_OF_LEVEL == {"fastest": 90, "fast": 75, "moderate": 50, "slow": 30, "slowest": 10}
    assert [VelocityGoal(level).percent for level in VELOCITY_OF_LEVEL] == [90, 75, 50, 30, 10]
    assert VelocityGoal(42).percent == 42
    assert IMPORTANCES == ("highest", "high", "medium", "low", "lowest")
