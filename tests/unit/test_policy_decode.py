"""Decoding: what is wrong, where, and what would be right."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpm.errors import HpmError, InvalidValue, MissingField, UnknownField
from hpm.policy.decode import MAX_NESTING, NotJSON, convert, decode
from hpm.policy.groups import WorkloadResourceGroup
from hpm.policy.policies import PerformancePolicy
from hpm.wire.groups import GroupAction, GroupCreate, GroupUpdate
from hpm.wire.servers import ServerUpdate

from .api_host import policy, service_class


class Part(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    some_number: Annotated[int, msgspec.Meta(ge=1, le=9)]
    words: tuple[str, ...] = ()
    by_name: dict[str, int] = {}
    above: Annotated[float, msgspec.Meta(gt=0)] | None = None


class Whole(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    parts: tuple[Part, ...]


@pytest.mark.parametrize(("value", "error", "said"), [
    ({}, MissingField, "parts: the field 'parts' is missing"),
    ({"parts": [{}]}, MissingField, "parts[0].some-number: the field 'some-number' is missing"),
    ({"parts": [], "x": 1}, UnknownField, "x: there is no field 'x' here; known are: parts"),
    ({"parts": [{"some-number": 1, "y": 1}]}, UnknownField,
     "parts[0].y: there is no field 'y' here; known are: some-number, words, by-name, above"),
    ({"parts": [{"some-number": 10}]}, InvalidValue,
     "parts[0].some-number: expected `int` <= 9; allowed: an integer from 1 to 9"),
    ({"parts": [{"some-number": "3"}]}, InvalidValue,
     "parts[0].some-number: expected `int`, got `str`; allowed: an integer from 1 to 9"),
    ({"parts": [{"some-number": 1, "words": ["a", 2]}]}, InvalidValue, "parts[0].words[1]: expected `str`"),
    ({"parts": [{"some-number": 1, "by-name": {"a": "x"}}]}, InvalidValue,
     "parts[0].by-name[...]: expected `int`, got `str`; allowed: an integer"),
    ({"parts": [{"some-number": 1, "above": 0}]}, InvalidValue,
     "parts[0].above: expected `float` > 0.0; allowed: a number above 0"),
    ({"parts": 5}, InvalidValue, "parts: expected `array`, got `int`; allowed: a list"),
    ([], InvalidValue, "expected `object`, got `array`; allowed: an object (parts)"),
])  # fmt: skip
def test_errors_name_the_place_and_what_would_be_right(value: Any, error: type[HpmError], said: str) -> None:
    for attempt in (lambda: decode(json.dumps(value).encode(), Whole), lambda: convert(value, Whole)):
        with pytest.raises(error) as caught:
            attempt()
        assert type(caught.value) is error
        assert str(caught.value).startswith(said)


@pytest.mark.parametrize(("value", "said"), [
    ({"name": "a/b"}, "name: 'a/b' cannot be a name; allowed: 1 to 64 characters, none of them a slash"),
    ({"name": "a", "description": "\x07"}, "description: '\\x07' cannot be used here; allowed: up to 1024 characters"),
    ({"name": "a", "perf-policies": [policy("b/c")]}, "perf-policies[0].name: 'b/c' cannot be a name; allowed: "),
    ({"name": "/" * 1000}, "name: expected `str` of length <= 64; allowed: 1 to 64 characters"),
])  # fmt: skip
def test_a_text_of_the_wrong_form_is_repeated(value: Any, said: str) -> None:
    for attempt in (lambda: decode(json.dumps(value).encode(), GroupCreate), lambda: convert(value, GroupCreate)):
        with pytest.raises(InvalidValue) as caught:
            attempt()
        assert str(caught.value).startswith(said)


@pytest.mark.parametrize(("text", "said"), [
    (b'{"parts": [], "parts": []}', "parts: the field 'parts' is there twice"),
    (b'{"parts": [{"some-number": 1}, {"a": {"b": 1, "b": 2}}]}', "parts[1].a.b: the field 'b' is there twice"),
    (b'{"parts": [{"x": [[{"b": 1, "\\u0062": 2}]]}]}', "parts[0].x[0][0].b: the field 'b'"),
])  # fmt: skip
def test_a_field_that_is_there_twice_is_an_error(text: bytes, said: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        decode(text, Whole)
    assert str(caught.value).startswith(said)


def test_nesting_is_limited_before_anything_else_and_brackets_in_texts_are_no_nesting() -> None:
    assert decode(b"[" * MAX_NESTING + b"]" * MAX_NESTING, list[Any])
    for text in (b"[" * (MAX_NESTING + 1), b'{"a":[' * 10000):
        with pytest.raises(InvalidValue, match="nested more than 64 levels deep") as caught:
            decode(text, list[Any])
        assert not isinstance(caught.value, NotJSON)
    assert decode(json.dumps(["[" * 1000, '"' + "{" * 1000, "\\" * 99]).encode(), list[str])


@given(st.binary(max_size=60) | st.text('{}[]",:\\ \n019eE+-.ntfu\x00\ud800', max_size=60).map(
    lambda text: text.encode("utf-8", "surrogatepass")))  # fmt: skip
def test_any_bytes_give_a_value_or_an_error_of_ours(data: bytes) -> None:
    for type_ in (GroupCreate, ServerUpdate, list[Any]):
        try:
            decode(data, type_)
        except HpmError as error:
            assert str(error)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["name", "perf-policies", "goal", "type", "action", "service-classes", "attributes", "x"]),
        inner, max_size=4,
    ), max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_any_json_gives_a_value_or_an_error_with_a_path_of_its_own(value: Any) -> None:
    for type_ in (GroupCreate, GroupUpdate, GroupAction, ServerUpdate, PerformancePolicy):
        try:
            decode(json.dumps(value).encode(), type_)    # type: ignore[arg-type]
        except InvalidValue as error:
            assert str(error).startswith(error.path)


def test_long_texts_of_a_client_are_not_sent_back_whole() -> None:
    for value in ({"x" * 100000: 1}, {"name": "a", "active-policy": {"y" * 100000: 1}},
                  {"name": "a", "perf-policies": [policy("p" * 100000, service_class())]},
                  {"name": "a", "perf-policies": [policy(importance="i" * 100000)]}):  # fmt: skip
        with pytest.raises(InvalidValue) as caught:
            decode(json.dumps(value).encode(), GroupCreate)
        assert len(str(caught.value)) < 1000


def test_what_was_encoded_is_decoded_to_the_same() -> None:
    group = decode(json.dumps({"id": "a", "name": "A", "perf-policies": [policy()]}).encode(), WorkloadResourceGroup)
    assert decode(msgspec.json.encode(group), WorkloadResourceGroup) == group
    assert decode(b'{"name": "\xf0\x9f\x98\x80 \\ud83d\\ude00"}', GroupCreate).name == "😀 😀"


def test_to_say_what_is_wrong_costs_little_more_than_to_read_what_is_right() -> None:
    """It took a hundred times as much, while each type was looked at anew."""
    right = json.dumps({"name": "a", "perf-policies": [policy("day")]}).encode()
    wrong = right.replace(b'"name": "a"', b'"name": 5')

    def takes(data: bytes) -> float:
        before = time.thread_time()
        for _ in range(50):
            with suppress(InvalidValue):
                decode(data, GroupCreate)
        return time.thread_time() - before

    assert decode(right, GroupCreate).name == "a"
    with pytest.raises(InvalidValue):
        decode(wrong, GroupCreate)
    assert min(takes(wrong) for _ in range(5)) < 10 * min(takes(right) for _ in range(5))
