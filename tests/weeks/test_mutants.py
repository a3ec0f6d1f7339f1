"""Defects that are put into hpm are found by the state machine."""

from __future__ import annotations

import pytest

from .mutants import MUTANTS, SOURCE, Mutant, play


@pytest.mark.parametrize("name", MUTANTS)
def test_what_is_to_be_spoilt_is_still_there(name: str) -> None:
    assert (SOURCE / MUTANTS[name].file).read_text().count(MUTANTS[name].right) == 1


@pytest.mark.long
@pytest.mark.parametrize("name", MUTANTS)
def test_a_defect_is_found(name: str) -> None:
    assert play(MUTANTS[name]) is not None


@pytest.mark.long
def test_without_a_defect_none_is_found() -> None:
    assert play(None) is None


@pytest.mark.long
def test_a_copy_that_cannot_be_played_is_no_defect_that_was_found() -> None:
    with pytest.raises(RuntimeError, match="did not play"):
        play(Mutant("manager/cpu.py", "from __future__ import annotations\n", "from __future__ import nothing\n"))
