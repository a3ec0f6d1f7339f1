"""SIGKILL at each step of what a manager writes: no value is forgotten, none is taken for an administrator's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_a_kill_at_any_step_of_any_control_forgets_nothing() -> None:
    # A process of its own: it forks, which one that has threads should not.
    done = subprocess.run(
        [sys.executable, "-m", "tests.disk.kills"], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    if "skipped" in told:
        pytest.skip(told["skipped"])
    assert told["wrong"] == {}
    assert done.returncode == 0, done.stderr
    assert told["kills"] == told["steps"] > 250
