"""What fuzzers begin from, and what they have found once: no parser stumbles over it (again)."""

from __future__ import annotations

import pytest

from .target import CORPUS, FOUND, NAMES, target, timed


def test_every_fuzzer_has_something_to_begin_from() -> None:
    assert {place.name for place in CORPUS.iterdir()} == set(NAMES)
    assert {place.name for place in FOUND.iterdir()} <= set(NAMES)
    assert all(any((CORPUS / name).iterdir()) for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_fuzzers_begin_from(name: str) -> None:
    one = target(name)
    for file in sorted((CORPUS / name).iterdir()):
        data = file.read_bytes()
        assert len(data) <= one.longest, f"{file.name} would be cut"
        try:
            timed(one, data)
        except Exception as error:
            raise AssertionError(f"{file}: {error}") from error


@pytest.mark.parametrize("found", [f"{file.parent.name}/{file.name}" for file in sorted(FOUND.glob("*/*"))])
def test_what_was_found(found: str) -> None:
    name, _, _ = found.partition("/")
    timed(target(name), (FOUND / found).read_bytes())
