"""Running a fuzzer for a while, in a process of its own."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Final, NamedTuple

from .target import CORPUS, HERE, target

ROOT: Final = HERE.parents[1]
BUILD: Final = ROOT / "build" / "fuzz"

#: Megabytes that one may take, with all that it keeps of coverage.
MEMORY: Final = 1024
#: Seconds after which libFuzzer gives one input up, whatever it does; `timed` judges what comes back.
HANGS: Final = 20

#: In the environment of one that must be able to start itself anew: how.
PROGRAM: Final = "HPM_FUZZ_PROGRAM"

#: A program begins with the most memory that its process ever had, which before was that of the tests (getrusage(2),
#: `ru_maxrss`): libFuzzer would count it. A child of this shell begins with hardly any.
_AFRESH: Final = ("/bin/sh", "-c", '"$@"; exit $?', "sh")

_DONE: Final = re.compile(r"Done (\d+) runs in (\d+) second")
_CORPUS: Final = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)/")


class Report(NamedTuple):
    """What a run came to: `inputs` in so many `seconds`, `cpu` of them on a processor; `found`: the files of what it
    found, `said`: its own words."""

    inputs: int
    seconds: int
    cpu: float
    coverage: int
    corpus: int
    found: list[Path]
    said: str

    def __str__(self) -> str:
        each = self.inputs / max(1.0, self.cpu)
        return (
            f"{self.inputs} inputs in {self.seconds} s, {each:.0f} in a second of CPU; {self.coverage} edges,"
            f" corpus {self.corpus}"
        )


def fuzz(name: str, seconds: int, *arguments: str, place: Path) -> Report:
    """Run a fuzzer from its corpus, and from what earlier runs kept in `place`."""
    kept, artifacts = place / "corpus", place / "found"
    for folder in (kept, artifacts):
        folder.mkdir(parents=True, exist_ok=True)
    used = _cpu_of_children()
    before, known = time.time(), {file: file.stat().st_mtime_ns for file in artifacts.iterdir()}
    done = subprocess.run(
        [
            *_AFRESH, sys.executable, "-m", f"{__package__}.child", name, f"-max_total_time={seconds}",
            f"-max_len={target(name).longest}", f"-rss_limit_mb={MEMORY}", f"-timeout={HANGS}",
            f"-artifact_prefix={artifacts}/", "-print_final_stats=1", *arguments, str(kept), str(CORPUS / name),
        ], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"},
    )  # fmt: skip
    (place / "said.txt").write_text(done.stdout)
    ran, last = _DONE.search(done.stdout), _CORPUS.findall(done.stdout)
    found = sorted(file for file in artifacts.iterdir() if file.stat().st_mtime_ns != known.get(file))
    if done.returncode and not found and ran is None:
        raise RuntimeError(f"the fuzzer {name} ended by itself:\n{done.stdout[-4000:]}")
    return Report(
        int(ran[1]) if ran else _inputs(done.stdout), int(ran[2]) if ran else round(time.time() - before),
        _cpu_of_children() - used,
        int(last[-1][0]) if last else 0, int(last[-1][2]) if last else 0, found, done.stdout,
    )  # fmt: skip


def _cpu_of_children() -> float:
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


def _inputs(said: str) -> int:
    numbers = re.findall(r"^#(\d+)", said, re.MULTILINE)
    return int(numbers[-1]) if numbers else 0


def merge(name: str, place: Path) -> int:
    """Add to the corpus in the repository what `place` has that reaches more, as few and small inputs as do; gives how
    many that are."""
    again = place / "again"
    again.write_text(f'#!/bin/sh\nexec {sys.executable} -m {__package__}.child {name} "$@"\n')
    again.chmod(0o755)
    before = len(list((CORPUS / name).iterdir()))
    subprocess.run(
        [
            str(again), "-merge=1", f"-max_len={target(name).longest}", str(CORPUS / name), str(place / "corpus"),
        ], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), PROGRAM: str(again)},
    )  # fmt: skip
    return len(list((CORPUS / name).iterdir())) - before
