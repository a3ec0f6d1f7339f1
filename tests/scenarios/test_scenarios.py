"""All scenarios: what is expected of them holds, and decisions are those that were recorded."""

from __future__ import annotations

import pytest

from .claims import failures
from .form import File, FormError, decode, files
from .invariants import violations
from .play import played
from .recording import difference

FILES = files()


def _marks(file: File) -> list[pytest.MarkDecorator]:
    why = file.scenario.not_yet
    if why is None:
        return []
    return [pytest.mark.xfail(strict=True, raises=pytest.fail.Exception, reason=f"not yet: {why}")]


@pytest.mark.parametrize("file", [pytest.param(f, id=f.name, marks=_marks(f)) for f in FILES])
def test_what_is_expected_holds(file: File) -> None:
    outcome = played(file)
    said = [*failures(outcome), *violations(outcome)]
    if said:
        pytest.fail("\n".join([f"{file.name}: {file.scenario.shows}", *said]), pytrace=False)


@pytest.mark.parametrize("file", [pytest.param(f, id=f.name) for f in FILES])
def test_decisions_are_as_recorded(file: File) -> None:
    said = difference(file, played(file))
    if said:
        pytest.fail(said, pytrace=False)


def test_there_are_enough() -> None:
    assert len(FILES) >= 150


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{shows: x, guests: {a: spin}, intervals: 3, expect: [], color: red}", "odd.yaml: .*color"),
        ("{shows: x, guests: {a: {loud: spin}}, intervals: 3, expect: []}", r"odd.yaml: .*loud.*guests"),
        ("{shows: x, guests: {a: spin}, intervals: 3, expect: [{intervals: 1, met: [b]}]}", "odd.yaml: .*'b'"),
        ("shows: x\nshows: y", "odd.yaml: .*shows stands twice"),
    ],
)
def test_a_file_in_another_form_is_refused_with_its_name_and_the_key(text: str, told: str) -> None:
    with pytest.raises(FormError, match=told):
        decode(text, "odd")
