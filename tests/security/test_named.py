"""Tests that docs/security.md and docs/reliability.md name for a threat are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("document", ["docs/security.md", "docs/reliability.md"])
def test_every_test_that_is_named_is_there(document: str) -> None:
    text = (ROOT / document).read_text()
    file, named = "", 0
    for path, name in re.findall(r"`(?:(tests/[\w/]+\.py))?(?:::(\w+))?`", text):
        file = path or file
        if not (path or name):
            continue
        found = (ROOT / file).read_text()
        if name:
            named += 1
            assert re.search(rf"^(?:async )?def {name}\(", found, re.MULTILINE), f"{document} names {file}::{name}"
    assert named or document != "docs/security.md"


def test_every_file_of_these_tests_is_named() -> None:
    text = (ROOT / "docs/security.md").read_text()
    for path in Path(__file__).parent.glob("test_*.py"):
        assert f"tests/security/{path.name}" in text, f"docs/security.md does not say what {path.name} shows"
