"""Defects that are put into hpm are found by the state machine."""

from __future__ import annotations

import pytest

from .mutants import MUTANTS, SOURCE, play


@pytest.mark.parametrize("name", MUTANTS)
def test_what_is_to_be_spoilt_is_still_there(name: str) -> None:
    assert (SOURCE / MUTANTS[name].file).read_text().count(MUTANTS[name].right) == 1


@pytest.mark.long
@pytest.mark.parametrize("name", MUTANTS)
def test_a_defect_is_found(name: str) -> None:
    assert play(MUTANTS[name]) is not None
