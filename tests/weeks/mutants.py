"""Whether the state machine would notice: defects are put into a copy of hpm, one by one, and its 120 runs played.

``python -m tests.weeks.mutants [NAME …]`` prints of each one what was found. One run takes some 20 s of CPU at most.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/wok/plugins/hpm"


class Mutant(NamedTuple):
    """In a file of hpm's, what stands there, and what the defect has instead."""

    file: str
    right: str
    wrong: str


MUTANTS: Mapping[str, Mutant] = {
    "a cap that is taken back leaves its quota": Mutant(
        "manager/cpu.py", 'self._actuator.restore(sample, uncapped, {"cpu-quota"})', "pass"),
    "a cap is twice as high": Mutant(
        "manager/cpu.py", "quota = max(1000, round(cap * PERIOD_US))", "quota = max(1000, round(2 * cap * PERIOD_US))"),
    "who is not managed any more keeps the shares": Mutant(
        "manager/cpu.py", "for uuid, why in snapshot.held.items() if why in GIVEN_BACK}",
        "for uuid, why in snapshot.held.items() if not why}"),
    "an administrator's values are taken for hpm's own": Mutant(
        "manager/controls.py", "vcpus):\n        return msgspec.structs.replace(entry, held=True)",
        "vcpus):\n        return entry"),
    "the journal is not written before the host": Mutant(
        "manager/actuator.py", "        self._journal.put(entries)\n        errors: dict", "        errors: dict"),
    "entries of starts that are over stay": Mutant(
        "manager/actuator.py", "self._journal.drop(ended)\n        self._journal.put([now", "self._journal.put([now"),
    "what could not be put back at once is left": Mutant(
        "manager/cycles.py", "self.actuator.restore(sample, controls=cpu_controls(self.mom_limits()))", "pass"),
    "off puts nothing back": Mutant(
        "manager/manager.py", "self._work.actuator.restore(self._work.observe(), controls=controls)", "[]"),
    "boosts do not end": Mutant(
        "policy/catalog.py", "if said.temporary_goal is not None and said.temporary_goal.until <= now",
        "if said.temporary_goal is not None and False"),
}  # fmt: skip


def play(mutant: Mutant | None) -> str | None:
    """What the machine says of it, in a line; None: it does not notice. Without a mutant, of hpm as it is. Raises
    `RuntimeError` where the machine did not play."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "hpm"
        shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("ui", "__pycache__"))
        if mutant is not None:
            file = copy / mutant.file
            text = file.read_text()
            assert text.count(mutant.right) == 1, f"{mutant.file} has changed: {mutant.right}"
            file.write_text(text.replace(mutant.right, mutant.wrong))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not long", "-k", "whatever",
             "tests/weeks/test_weeks.py"], cwd=ROOT, capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": name, "WEEKS_SOON": "1"},
        )  # fmt: skip
    if done.returncode == 0:
        return None
    if done.returncode != 1 or "Falsifying example:" not in done.stdout:
        raise RuntimeError(f"the machine did not play: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    return next(line.strip("|E ") for line in done.stdout.splitlines() if "Error: " in line)


def main(names: list[str]) -> int:
    """Those named, or all; gives the exit code."""
    missed = 0
    for name, mutant in MUTANTS.items():
        if not names or name in names:
            found = play(mutant)
            missed += found is None
            print(f"{name}: {'NOT FOUND' if found is None else found[:200]}", flush=True)
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
