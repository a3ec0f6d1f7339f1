"""What a release says of itself: its version, from one place, and its notes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from hpm.version import VERSION
from tests.running import ROOT

NOTES = "contrib/release/notes"


def test_what_repeats_the_version_agrees_with_it() -> None:
    """The collection has a file of its own for it, and the README names packages as users get them."""
    collection = yaml.safe_load((ROOT / "contrib/ansible/ansible_collections/hpm/manager/galaxy.yml").read_text())
    assert collection["version"] == VERSION
    named = re.findall(r"\b(?:hpm[ _-]|version )(\d+\.\d+\.\d+)", (ROOT / "README.md").read_text())
    assert len(named) >= 4 and set(named) == {VERSION}
    heading = next(line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## "))
    assert VERSION in heading


CHANGES = """# Changes

## Unreleased: 1.0.2

- Not yet.

## 1.0.10: 2031-02-03

- Ten.

## 1.0.1: 2031-01-02

- One.
- Two.

## 1.0.0 (2030-12-31)

- The first.
"""


@pytest.mark.parametrize(("version", "said"), [
    ("1.0.10", "- Ten."), ("1.0.1", "- One.\n- Two."), ("1.0.0", "- The first."), ("1.0", None), ("1.0.2", None),
])  # fmt: skip
def test_a_releases_notes_are_its_part_of_the_changes(tmp_path: Path, version: str, said: str | None) -> None:
    (script := tmp_path / NOTES).parent.mkdir(parents=True)
    shutil.copy(ROOT / NOTES, script)
    (tmp_path / "CHANGELOG.md").write_text(CHANGES)
    done = subprocess.run([str(script), version], capture_output=True, text=True, check=False)
    assert done.returncode == (0 if said else 1)
    assert done.stdout.strip() == (said or "")
