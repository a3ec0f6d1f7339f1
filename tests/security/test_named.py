"""Tests that docs/security.md and docs/reliability.md name are there."""

from __future__ import annotations

import fnmatch
import importlib
import math
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: A file, a test in it or in the one that was named before, or a test alone; `…` stands for what is left out of a name.
NAMED = re.compile(r"`(tests/[\w/.-]+\.\w+|test_\w+\.py)?(?:::(\w+))?`|`(test_\w+…?|…_\w+)`")
DEFINED = re.compile(r"^(?:async )?def (test_\w+)\(", re.MULTILINE)


@pytest.mark.parametrize(("document", "least"), [("docs/security.md", 50), ("docs/reliability.md", 60)])
def test_every_test_that_is_named_is_there(document: str, least: int) -> None:
    text = (ROOT / document).read_text()
    tests = {path: set(DEFINED.findall(path.read_text())) for path in ROOT.glob("tests/**/test_*.py")}
    files: list[Path] = []
    everything, named = set().union(*tests.values()), 0
    for file, inside, alone in NAMED.findall(text):
        if file:
            files = list(ROOT.glob(file if "/" in file else f"tests/**/{file}"))
            assert files and all(path.is_file() for path in files), f"{document} names {file}"
        if inside:
            assert any(inside in tests[path] for path in files), f"{document} names {files}::{inside}"
        if alone:
            assert fnmatch.filter(everything, alone.replace("…", "*")), f"{document} names {alone}"
        named += bool(file or inside or alone)
    assert named >= least
    for path in re.findall(r"\btests/[\w/]+\.\w+\b", text):    # in commands as well
        assert (ROOT / path).is_file(), f"{document} names {path}"


def test_tests_have_as_many_cases_as_is_said() -> None:
    """Where docs/reliability.md says ``9 × `test_…` ``: the sets of parameters."""
    said = re.findall(r"\b(\d+) × `(test_\w+)`", (ROOT / "docs/reliability.md").read_text())
    assert len(said) >= 15
    sources = {path: path.read_text() for folder in ("security", "unit") for path in ROOT.glob(f"tests/{folder}/*.py")}
    for number, name in said:
        (path,) = (path for path, text in sources.items() if f"def {name}(" in text)
        module = importlib.import_module(f"tests.{path.parent.name}.{path.stem}")
        marks = [mark for mark in getattr(module, name).pytestmark if mark.name == "parametrize"]
        assert math.prod(len(mark.args[1]) for mark in marks) == int(number), name


def test_every_file_of_these_tests_is_named() -> None:
    text = (ROOT / "docs/security.md").read_text()
    for path in Path(__file__).parent.glob("test_*.py"):
        assert f"tests/security/{path.name}" in text, f"docs/security.md does not say what {path.name} shows"
